//! The measurements. Contestants alternate, so that other load on the machine affects them alike.

use super::{
    Bench,
    measure::on,
    results::Key,
    stacks,
    table::{Kind, Line},
};
use crate::{
    devarch,
    engine::EngineName::{self, Docker},
    failure::{Context as _, Result},
    process::Run as _,
    terminal::note,
};
use std::time::Instant;

fn keys(ours: &str, theirs: &str) -> (Key, Key) {
    (ours.into(), theirs.into())
}

impl Bench {
    /// Compose has its own fifty beside DevArch's.
    pub(super) fn warm(&mut self) -> Result<()> {
        let stack = format!("{}-warm", self.run);
        self.write(&stack, &stacks::idle(&stack, 50))?;
        self.time("setup", self.ours(Docker, &stack, &["up", "--yes"]))?;
        self.time("setup", self.theirs(&stack, &["up", "-d"]))?;
        for _ in 0..self.rounds(31, 7) {
            self.time("warm-plan", self.ours(Docker, &stack, &["plan"]))?;
            self.time("warm-up", self.theirs(&stack, &["up", "-d"]))?;
            self.time("warm-status", self.ours(Docker, &stack, &["status"]))?;
            self.time("warm-ps", self.theirs(&stack, &["ps"]))?;
        }
        let title = "plan of 50 running instances / docker compose up -d with nothing to do";
        self.line(Line::compared(title, Kind::Ratio, keys("warm-plan", "warm-up"), 0.333));
        let title = "status of 50 running instances / docker compose ps";
        self.line(Line::compared(title, Kind::Ratio, keys("warm-status", "warm-ps"), 0.333));
        self.sweep(Docker, &stack)
    }

    /// Instances that are in a file and nowhere else.
    pub(super) fn plan(&mut self) -> Result<()> {
        let stack = format!("{}-plan", self.run);
        self.write(&stack, &stacks::idle(&stack, 500))?;
        for _ in 0..self.rounds(15, 5) {
            self.time("first-plan", self.ours(Docker, &stack, &["plan"]))?;
            self.time("config", self.theirs(&stack, &["config"]))?;
        }
        let title = "first plan of 500 instances / docker compose config";
        self.line(Line::compared(title, Kind::Ratio, keys("first-plan", "config"), 0.5));
        Ok(())
    }

    pub(super) fn cold(&mut self) -> Result<()> {
        for engine in EngineName::MAIN {
            self.cold_on(engine)?;
        }
        for round in 0..self.rounds(7, 2) {
            let database =
                format!("sqlite://{}", self.work.path().join(format!("journal-{round}.db")).display());
            let mut journal = self.program(&self.journal);
            journal.args([&database, &format!("{}-journal", self.run), "30"]);
            self.time("journal", journal)?;
        }
        let title = "locking and journalling of 30 instances, less 10 ms / up of 30 on Docker";
        self.line(Line::compared(title, Kind::Share(0.01), keys("journal", "cold-docker"), 0.05));
        for (title, ours, theirs, target) in [
            ("up of 30 instances on Docker / bare API", "cold-docker", "bare-docker", 1.1),
            ("up of 30 instances on Docker / docker compose up -d", "cold-docker", "compose-docker", 1.0),
            ("up of 30 instances on Podman / bare API", "cold-podman", "bare-podman", 1.1),
            ("up of 30 instances on Podman / podman-compose up -d", "cold-podman", "compose-podman", 0.5),
        ] {
            self.line(Line::compared(title, Kind::Ratio, keys(ours, theirs), target));
        }
        Ok(())
    }

    fn cold_on(&mut self, engine: EngineName) -> Result<()> {
        let stack = format!("{}-cold-{engine}", self.run);
        self.write(&stack, &stacks::idle(&stack, 30))?;
        let trial = |at_once: u32| -> Key { format!("trial-{engine}-{at_once}").into() };
        let choices = [2, 4, 8, 16];
        for _ in 0..self.rounds(3, 1) {
            for at_once in choices {
                self.bare_up(engine, &stack, (trial(at_once), at_once))?;
            }
        }
        let at_once = self.results.best(choices.map(|at_once| (at_once, trial(at_once))).into())?;
        note(format!("on {engine} the bare API is fastest with {at_once} at once"));
        for _ in 0..self.rounds(9, 2) {
            self.bare_up(engine, &stack, (on(engine, "bare"), at_once))?;
            self.time(on(engine, "cold"), self.ours(engine, &stack, &["up", "--yes"]))?;
            self.time("down", self.ours(engine, &stack, &["down", "--yes"]))?;
            self.cold_compose(engine, &stack)?;
        }
        Ok(())
    }

    fn bare_up(&mut self, engine: EngineName, stack: &str, (key, at_once): (Key, u32)) -> Result<()> {
        let stack = format!("{stack}-bare");
        self.time(key, self.bare(&["up", &self.address(engine), &stack, "30", &at_once.to_string()]))?;
        self.sweep(engine, &stack)
    }

    fn cold_compose(&mut self, engine: EngineName, stack: &str) -> Result<()> {
        if engine == Docker {
            self.time(on(engine, "compose"), self.theirs(stack, &["up", "-d"]))?;
            return self.sweep(engine, stack);
        }
        self.composed.push(stack.to_owned());
        self.time(on(engine, "compose"), self.podman_compose(stack, &["up", "-d"]))?;
        self.time("down", self.podman_compose(stack, &["down", "-t", "0"]))?;
        self.composed.retain(|composed| composed != stack);
        Ok(())
    }

    /// Four instances, each a second from healthy.
    pub(super) fn chain(&mut self) -> Result<()> {
        let stack = format!("{}-chain", self.run);
        let bare = format!("{stack}-bare");
        self.write(&stack, &stacks::chain(&stack, 4))?;
        for engine in EngineName::MAIN {
            for _ in 0..self.rounds(5, 2) {
                self.time(on(engine, "chain"), self.ours(engine, &stack, &["up", "--yes"]))?;
                self.time("down", self.ours(engine, &stack, &["down", "--yes"]))?;
                let by_hand = self.bare(&["chain", &self.address(engine), &bare, "4"]);
                self.time(on(engine, "chain-bare"), by_hand)?;
                self.sweep(engine, &bare)?;
            }
            let title = format!(
                "chain of four, 10 s between checks, on {}: up less the 4 s they need",
                engine.title()
            );
            self.line(Line::alone(title, Kind::Less(4.0), on(engine, "chain"), Some(1.5)));
            self.line(Line {
                title: "the same, more than by the bare API, each a second after the start of the one before"
                    .to_owned(),
                kind: Kind::More,
                ours: on(engine, "chain"),
                theirs: Some(on(engine, "chain-bare")),
                target: None,
            });
            self.forget_home()?;
        }
        if !self.quick {
            self.time("chain-compose", self.theirs(&stack, &["up", "-d", "--wait"]))?;
            let title = "the same with docker compose up -d --wait";
            self.line(Line::alone(title, Kind::Less(4.0), "chain-compose".into(), None));
            self.sweep(Docker, &stack)?;
        }
        Ok(())
    }

    /// Besides the replacement the same container, stopped and started by hand: the time of its own start.
    pub(super) fn replace(&mut self) -> Result<()> {
        let stack = format!("{}-replace", self.run);
        let mut value = 0;
        for engine in EngineName::MAIN {
            self.write(&stack, &stacks::web(&stack))?;
            self.time("setup", self.ours(engine, &stack, &["up", "--yes"]))?;
            let port = self.port(engine, &stack)?;
            for _ in 0..self.rounds(5, 3) {
                let container = format!("devarch-{stack}-web");
                let mut again = self.bare(&["again", &self.address(engine), &container]);
                let gap = self.stopwatch.time_without(port, &mut again)?;
                self.results.add(&on(engine, "again"), gap, 0);
                value += 1;
                self.set(engine, &stack, value)?;
                let mut apply = self.ours(engine, &stack, &["apply", "--yes"]);
                let gap = self.stopwatch.time_without(port, &mut apply)?;
                self.results.add(&on(engine, "gap"), gap, 0);
            }
            let title = format!(
                "without the service while it is replaced on {}, more than a stop and start by hand",
                engine.title()
            );
            self.line(Line::compared(title, Kind::More, (on(engine, "gap"), on(engine, "again")), 0.3));
            self.sweep(engine, &stack)?;
            self.forget_home()?;
        }
        Ok(())
    }

    fn port(&self, engine: EngineName, stack: &str) -> Result<u16> {
        let printed = self.ours(engine, stack, &["status", "--json"]).read()?;
        let web = devarch::find(&printed, stack, "web")?;
        let host = web
            .ports
            .first()
            .and_then(|port| port.host.as_deref()?.rsplit_once(':'))
            .context("web has no port")?;
        host.1.parse().context(format!("'{}' is no port", host.1))
    }

    fn set(&mut self, engine: EngineName, stack: &str, value: u32) -> Result<()> {
        let mut set = self.program(&self.devarch);
        set.arg("-C").arg(self.work.path().join(stack)).arg("--engine").arg(self.address(engine));
        set.args(["set", &format!("{stack}/web"), &format!("environment.N={value}")]);
        self.time("setup", set)
    }

    pub(super) fn memory(&mut self) -> Result<()> {
        let stack = format!("{}-memory", self.run);
        let most = |title, key: &str| Line::alone(title, Kind::Memory, key.into(), Some(60.0));
        self.write(&stack, &stacks::idle(&stack, 500))?;
        self.time("memory-plan", self.ours(Docker, &stack, &["plan"]))?;
        self.line(most("memory of the first plan of 500 instances", "memory-plan"));
        if self.quick {
            return Ok(());
        }
        self.time("memory-up", self.ours(Docker, &stack, &["up", "--yes"]))?;
        self.time("memory-replan", self.ours(Docker, &stack, &["plan"]))?;
        self.line(most("memory of up of 500 instances", "memory-up"));
        self.line(most("memory of a plan of 500 that run", "memory-replan"));
        self.time("memory-status", self.ours(Docker, &stack, &["status"]))?;
        self.line(most("memory of status of 500 that run", "memory-status"));
        self.line(Line::alone("up of 500 instances", Kind::Less(0.0), "memory-up".into(), None));
        self.sweep(Docker, &stack)
    }

    /// As many stacks as one engine has to have room for.
    pub(super) fn many(&mut self) -> Result<()> {
        let stacks: Vec<String> = (0..100).map(|at| format!("{}-many-{at}", self.run)).collect();
        for stack in &stacks {
            self.write(stack, &stacks::idle(stack, 1))?;
        }
        for (command, key) in [("up", "many-up"), ("down", "many-down")] {
            let begun = Instant::now();
            for stack in &stacks {
                self.time(key, self.ours(Docker, stack, &[command, "--yes"]))?;
            }
            let all: Key = format!("{key}-all").into();
            self.results.add(&all, begun.elapsed().as_secs_f64(), 0);
            let title = format!("100 stacks on Docker: {command}, all of them");
            self.line(Line::alone(title, Kind::Less(0.0), all, None));
        }
        Ok(())
    }
}
