//! Brings up both stacks and checks the claims.

use super::{Demo, IMAGES, claims::Claims, orders::Shop};
use crate::{
    devarch,
    failure::{Context as _, Failure, Result},
    images,
    terminal::print_line,
};
use std::process::ExitCode;

impl Demo {
    /// Brings up both stacks and checks every claim.
    pub(super) fn up(&self) -> Result<ExitCode> {
        let was_running = self.engine.address(&self.repository).is_some();
        self.record.begin(self.engine, was_running)?;
        heading("engine and images");
        self.engine.start(&self.repository)?;
        if !self.record.has_images() {
            self.record.note_images(&images::missing(self.engine, &IMAGES, &self.repository)?)?;
        }
        images::ensure(self.engine, &IMAGES, &self.repository)?;
        heading("devarch");
        devarch::build(&self.repository)?;
        heading("the stack shop");
        let devarch = self.devarch()?;
        devarch.run(&["up", "--yes"])?;
        heading("a second copy, shop-next");
        devarch.run(&["up", "--yes", "--as", "shop-next"])?;
        self.check()
    }

    fn check(&self) -> Result<ExitCode> {
        let (first, second) = (self.shop("shop")?, self.shop("shop-next")?);
        heading("an order in each");
        print_line(format!("shop       {}  {}", first.url, first.order("teapot")?));
        print_line(format!("shop-next  {}  {}", second.url, second.order("kettle")?));
        heading("what holds");
        let mut claims = Claims::default();
        claims.check("the two have different addresses on this machine", differ(&first.url, &second.url));
        claims.check("shop sees its own order and not the other's", first.sees_only("teapot", "kettle"));
        claims
            .check("shop-next sees its own order and not the other's", second.sees_only("kettle", "teapot"));
        claims.check("shop answers from its own cache", first.answers_from_cache());
        claims.check("shop-next answers from its own cache", second.answers_from_cache());
        self.check_isolation(&mut claims, "shop", "shop-next")?;
        self.check_isolation(&mut claims, "shop-next", "shop")?;
        heading("result");
        if claims.failed() > 0 {
            let failed = claims.failed();
            print_line(format!(
                "{failed} of the claims above failed; remove the demo with: scripts/demo --down"
            ));
            return Ok(ExitCode::FAILURE);
        }
        print_line(format!("all of it holds. Look: {}/orders and {}/orders", first.url, second.url));
        print_line("remove it again: scripts/demo --down");
        Ok(ExitCode::SUCCESS)
    }

    fn shop(&self, stack: &str) -> Result<Shop> {
        let web = self.devarch()?.instance(stack, "web")?;
        Shop::at(web.urls.first().context(format!("{stack}/web has no URL"))?)
    }
}

fn heading(text: &str) {
    print_line(format!("\n== {text}"));
}

fn differ(first: &str, second: &str) -> Result<()> {
    if first == second { Err(Failure::new(format!("both are {first}"))) } else { Ok(()) }
}
