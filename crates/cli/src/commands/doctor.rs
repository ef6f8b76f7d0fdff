use crate::{
    error::Done,
    exit::Exit,
    session::Session,
    shown::Shown,
    style,
    table::{Cell, Table},
};
use devarch_app::{Check, Verdict, doctor, renew_identity};
use serde_json::json;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Give this copied home a new identity; the objects on engines stay with the original
    #[arg(long)]
    new_store_id: bool,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    if args.new_store_id {
        return renew(session).await;
    }
    let checks = doctor(session.settings(), session.environment()).await;
    session.terminal.result(&json!({"checks": checks}), || render(&checks))?;
    let failed = checks.iter().any(|check| check.verdict == Verdict::Fail);
    Ok(if failed { Exit::FAILED } else { Exit::OK })
}

async fn renew(session: &Session) -> Done {
    let home = session.settings().home.display();
    let question = format!(
        "Give {home} a new identity? Its objects on engines will belong to another home and its history is deleted; definitions and secrets are kept"
    );
    session.terminal.confirm(&question, "giving up what is on engines")?;
    renew_identity(session.context().await?).await?;
    session.terminal.note(
        "this home owns nothing on any engine now; a stack whose name the other home has there needs another: \
         `devarch stack rename`",
    );
    if session.terminal.json {
        session.terminal.print_json(&json!({"renewed": true}))?;
    }
    Ok(Exit::OK)
}

fn render(checks: &[Check]) -> Shown {
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
            text.paint(style::HINT, "mend");
            writeln!(text, " {}: {mend}", check.name);
        }
    }
    text
}
