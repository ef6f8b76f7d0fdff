use crate::{
    error::Done,
    exit::Exit,
    session::Session,
    style,
    table::{Cell, Table},
};
use devarch_app::{Check, Verdict, doctor};
use serde_json::json;
use std::fmt::Write as _;

/// Nothing to say.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(super) async fn run(_: Args, session: &Session) -> Done {
    let checks = doctor(session.settings()).await;
    session.terminal.result(&json!({"checks": checks}), || render(&checks))?;
    let failed = checks.iter().any(|check| check.verdict == Verdict::Fail);
    Ok(if failed { Exit::FAILED } else { Exit::OK })
}

fn render(checks: &[Check]) -> String {
    let mut table = Table::new(["CHECK", "", "FOUND"]);
    for check in checks {
        let (word, look) = match check.verdict {
            Verdict::Ok => ("ok", style::GOOD),
            Verdict::Warn => ("warn", style::WARN),
            Verdict::Fail => ("FAIL", style::ERROR),
        };
        table.row([check.name.as_str().into(), Cell::styled(word, look), check.found.as_str().into()]);
    }
    let mut text = table.render(0);
    for check in checks {
        if let Some(mend) = &check.mend {
            let _ = writeln!(text, "{} {}: {mend}", style::paint(style::HINT, "mend"), check.name);
        }
    }
    text
}
