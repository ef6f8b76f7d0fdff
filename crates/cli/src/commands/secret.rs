use crate::{
    error::{CliError, Done},
    exit::Exit,
    passphrase,
    session::Session,
    shown::Show as _,
    table::Table,
    target::Target,
    when::clock,
};
use devarch_app::{
    Loss, OperationError, SecretInfo, export_key, generate_secret, import_key, key_loss, list_secrets,
    load_project_stack, remove_secret, reset_key, reveal_secret, rotate_key, set_secret,
};
use devarch_core::{
    name::{InstanceName, StackName},
    secret::{Charset, Generate, Secret, SecretName},
};
use devarch_store::Rotation;
use std::{fmt::Write as _, path::PathBuf};

/// Subcommands of `secret`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Set a secret from a prompt, stdin or a file, or generate it
    Set(Set),
    /// List a stack's secrets: names, uses and when they were set, never values
    List(Where),
    /// Show a value on the terminal
    Show(Show),
    /// Remove an unused secret
    Remove(Name),
    /// List unused secrets
    Unused(Where),
    /// Re-encrypt everything with a new key
    RotateKey,
    /// Export, import and reset the encryption key
    #[command(subcommand)]
    Key(Key),
}

/// A stack.
#[derive(Debug, clap::Args)]
pub(crate) struct Where {
    /// Stack; by default this directory's
    stack: Option<StackName>,
}

/// A secret of a stack.
#[derive(Debug, clap::Args)]
pub(crate) struct Name {
    /// Secret's name, optionally after its stack (by default this directory's)
    #[arg(value_name = "[STACK] NAME", num_args = 1.., required = true)]
    words: Vec<String>,
}

/// Arguments of `secret set`.
#[derive(Debug, clap::Args)]
pub(crate) struct Set {
    #[command(flatten)]
    name: Name,
    /// Read the value from this file
    #[arg(long, value_name = "FILE", conflicts_with = "generate")]
    from_file: Option<PathBuf>,
    /// Generate the value, with this many characters
    #[arg(long, value_name = "LENGTH", num_args = 0..=1, require_equals = true, default_missing_value = "32",
          value_parser = clap::value_parser!(u16).range(i64::from(Generate::SHORTEST)..=i64::from(Generate::LONGEST)))]
    generate: Option<u16>,
    /// Characters of a generated value: alphanumeric, hex, base64url or printable
    #[arg(long, requires = "generate", value_parser = clap::value_parser!(Charset))]
    charset: Option<Charset>,
}

/// Arguments of `secret show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// Secret's or variable's name, optionally after its stack or instance
    #[arg(value_names = ["[STACK[/INSTANCE]] NAME"], num_args = 1..=2, required = true)]
    words: Vec<String>,
    /// Confirm that the value is to be shown
    #[arg(long, required = true)]
    reveal: bool,
}

/// Subcommands of `secret key`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Key {
    /// Write the key, encrypted with a passphrase
    Export(KeyFile),
    /// Import a key that was exported on another machine
    Import(KeyFile),
    /// Replace a key that is lost for good; what was encrypted with it is listed, then discarded
    Reset,
}

/// A file with an encrypted key.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyFile {
    /// The file; `-` is stdout or stdin
    file: PathBuf,
    /// Read the passphrase from this file instead of asking for it
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

pub(super) async fn run(command: Command, session: &Session) -> Done {
    match command {
        Command::Set(args) => set(args, session).await,
        Command::List(args) => list(args, session, |_| true, "no secret").await,
        Command::Unused(args) => {
            list(args, session, |secret| secret.used_by.is_empty(), "no unused secret").await
        }
        Command::Show(args) => show(&args, session).await,
        Command::Remove(args) => remove(args, session).await,
        Command::RotateKey => rotate(session).await,
        Command::Key(Key::Export(args)) => export(&args, session).await,
        Command::Key(Key::Import(args)) => import(&args, session).await,
        Command::Key(Key::Reset) => reset(session).await,
    }
}

impl Name {
    fn parts(self) -> Result<(Option<StackName>, SecretName), CliError> {
        // Superfluous words may be the value, so they are not printed.
        if self.words.len() > 2 || self.words.iter().any(|word| word.contains('=')) {
            return Err(CliError::Invalid(
                "expected [STACK] NAME; a value is never an argument, which everyone on the machine can read: pipe it in, or use --from-file FILE"
                    .to_owned(),
            ));
        }
        let mut words = self.words.into_iter().rev();
        let name = words.next().unwrap_or_default();
        let name = name.parse().map_err(|error| CliError::Invalid(format!("{error}")))?;
        let stack = words.next().map(|stack| stack.parse()).transpose().map_err(OperationError::from)?;
        Ok((stack, name))
    }
}

async fn set(args: Set, session: &Session) -> Done {
    let (stack, name) = args.name.parts()?;
    let ctx = session.context().await?;
    let stack = match load_project_stack(ctx, &session.directory, stack.as_ref()).await? {
        Some(loaded) => {
            session.terminal.note(&format!("loaded stack '{loaded}' from devarch.yml"));
            loaded
        }
        None => session.stack(stack).await?,
    };
    let existed = if let Some(length) = args.generate {
        let how = Generate { length, charset: args.charset.unwrap_or_default() };
        generate_secret(ctx, &stack, &name, how).await?
    } else {
        let value = match &args.from_file {
            Some(path) => Secret::new(passphrase::read_text(path)?.as_str()),
            None => passphrase::ask(session.terminal, &format!("Secret '{name}' of stack '{stack}':"))?,
        };
        set_secret(ctx, &stack, &name, &value).await?
    };
    let done = if existed { "changed" } else { "set" };
    session.terminal.note(&format!("{done} secret '{name}' of stack '{stack}'; `devarch up` applies it"));
    if session.terminal.json {
        session.terminal.print_json(&serde_json::json!({"stack": stack, "secret": name, "done": done}))?;
    }
    Ok(Exit::OK)
}

async fn list(args: Where, session: &Session, matches: impl Fn(&SecretInfo) -> bool, none: &str) -> Done {
    let stack = session.stack(args.stack).await?;
    let mut secrets = list_secrets(session.context().await?, &stack).await?;
    secrets.retain(matches);
    session.terminal.result(&secrets, || {
        if secrets.is_empty() {
            return format!("stack '{stack}' has {none}").shown().into_owned();
        }
        let mut table = Table::new(["SECRET", "OF", "SET", "USED BY"]);
        for secret in &secrets {
            let set = match (&secret.locked, secret.changed_at) {
                (Some(why), _) => format!("cannot be read: {why}"),
                (None, Some(at)) => clock(at),
                (None, None) => "not set".to_owned(),
            };
            let users: Vec<String> = secret.used_by.iter().map(ToString::to_string).collect();
            let of = secret.instance.as_ref().map_or("stack", InstanceName::as_str);
            table.row([secret.name.as_str().into(), of.into(), set.into(), users.join(", ").into()]);
        }
        table.render(0)
    })?;
    Ok(Exit::OK)
}

/// Only on a terminal and after a question, so that values do not end up in logs by accident.
async fn show(args: &Show, session: &Session) -> Done {
    let terminal = session.terminal;
    if !terminal.is_private() {
        return Err(CliError::Invalid(
            "a secret is only shown on a terminal; pass it to a container, or write a Compose file with its secrets"
                .to_owned(),
        ));
    }
    let mut words = args.words.iter().rev();
    let name = words.next().map(String::as_str).unwrap_or_default();
    let target: Option<Target> = words
        .next()
        .map(|word| word.parse())
        .transpose()
        .map_err(|error| CliError::Invalid(format!("{error}")))?;
    let (stack, instance) = session.target(target).await?;
    let value = reveal_secret(session.context().await?, &stack, instance.as_ref(), name).await?;
    // `--yes` does not confirm this.
    let prompting = crate::terminal::Terminal { yes: false, ..terminal };
    prompting.confirm(&format!("Show the value of '{name}' on this terminal?"), "showing a secret")?;
    terminal.print(value.reveal())?;
    Ok(Exit::OK)
}

async fn remove(args: Name, session: &Session) -> Done {
    let (stack, name) = args.parts()?;
    let stack = session.stack(stack).await?;
    remove_secret(session.context().await?, &stack, &name).await?;
    session.terminal.note(&format!("removed secret '{name}' of stack '{stack}'"));
    Ok(Exit::OK)
}

async fn rotate(session: &Session) -> Done {
    let Rotation { values, left, .. } = rotate_key(session.context().await?).await?;
    let key = session.settings().key_file();
    session.terminal.note(&format!(
        "encrypted {values} values with a new key in {}; other machines of the same store need it too: `devarch secret key export FILE`",
        key.display()
    ));
    if let Some(why) = left {
        session.terminal.note(&format!(
            "the key before is still in that file, too: {why}; the next command that can write it removes it"
        ));
    }
    if session.terminal.json {
        session.terminal.print_json(&serde_json::json!({"values": values}))?;
    }
    Ok(Exit::OK)
}

async fn export(args: &KeyFile, session: &Session) -> Done {
    let ctx = session.context().await?;
    let phrase = passphrase::new(session.terminal, args.passphrase_file.as_deref())?;
    let text = export_key(ctx, &phrase).await?;
    passphrase::write(session.terminal, &args.file, &text)?;
    if args.file.as_os_str() != "-" {
        session.terminal.note(&format!(
            "wrote the key to {}, encrypted with the passphrase; `devarch secret key import` imports it on another machine",
            args.file.display()
        ));
    }
    Ok(Exit::OK)
}

async fn import(args: &KeyFile, session: &Session) -> Done {
    let text = passphrase::read_text(&args.file)?;
    let phrase = passphrase::known(session.terminal, args.passphrase_file.as_deref())?;
    let new = import_key(session.context().await?, &text, &phrase).await?;
    let file = session.settings().key_file();
    let done = if new { "took the key in, into" } else { "nothing was changed, the key was there already:" };
    session.terminal.note(&format!("{done} {}", file.display()));
    Ok(Exit::OK)
}

async fn reset(session: &Session) -> Done {
    let ctx = session.context().await?;
    let loss = key_loss(ctx).await?;
    session.terminal.note(&given_up(&loss));
    session.terminal.confirm("Discard these and create a new key?", "giving up what the lost key opens")?;
    let loss = reset_key(ctx).await?;
    let key = session.settings().key_file();
    session.terminal.note(&format!("the store has a new key, in {}\n{}", key.display(), to_do(&loss)));
    if session.terminal.json {
        session.terminal.print_json(&loss)?;
    }
    Ok(Exit::OK)
}

fn given_up(loss: &Loss) -> String {
    let mut text = format!("{}\n\n", loss.why);
    text.push_str("Resetting the key discards for good, on every machine that uses this store:\n");
    let unset = loss.unset.iter().map(|it| format!("secret '{}' of stack '{}'", it.secret, it.stack));
    let set = loss.said.iter().map(|it| format!("{it}: the value that was set there"));
    let generated = loss.remade.iter().map(|it| format!("{it}: the generated value; a new one is generated"));
    let what_is_kept = "the recorded secrets and hashes of running containers, saved plans, and secret values in the definitions that `rollback` returns to";
    for line in unset.chain(set).chain(generated).chain([what_is_kept.to_owned()]) {
        let _ = writeln!(text, "  - {line}");
    }
    text.push_str("If a copy of the key still exists, `devarch secret key import FILE` keeps everything.");
    text
}

fn to_do(loss: &Loss) -> String {
    let mut text = String::new();
    for lost in &loss.unset {
        let _ = writeln!(text, "set again: devarch secret set {lost}");
    }
    for lost in &loss.said {
        let _ = writeln!(text, "to be set again: {lost}");
    }
    if !loss.said.is_empty() {
        text.push_str(
            "  `devarch up` sets again what is in a devarch.yml; for anything else `devarch secret set STACK NAME` sets the value, and `devarch set STACK/INSTANCE 'environment.VARIABLE=${secret:NAME}'` refers to it\n",
        );
    }
    for lost in &loss.remade {
        let _ = writeln!(text, "regenerated: {lost}");
    }
    for volume in &loss.volumes {
        let _ = writeln!(
            text,
            "beware: volume {volume} has data that may know the old password: set the new one there, or remove the volume"
        );
    }
    if !loss.replaced.is_empty() {
        let names: Vec<&str> = loss.replaced.iter().map(StackName::as_str).collect();
        let _ = writeln!(text, "the next apply replaces all containers of: {}", names.join(", "));
    }
    text.trim_end().to_owned()
}
