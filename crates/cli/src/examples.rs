//! Examples at the end of each command's help.

use clap::Command;

/// Examples by command; they work in the directory of a devarch.yml whose stack is `shop`.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("init", &["devarch init db=postgres redis", "devarch init --from compose.yml"]),
    ("up", &["devarch up", "devarch up --as shop-2"]),
    ("down", &["devarch down", "devarch down shop --yes"]),
    ("plan", &["devarch plan", "devarch plan shop --detailed-exitcode"]),
    ("apply", &["devarch apply", "devarch apply plan_01a2b3c4", "devarch apply shop --undo"]),
    ("start", &["devarch start /db", "devarch start shop"]),
    ("stop", &["devarch stop /db", "devarch stop shop"]),
    ("restart", &["devarch restart /api", "devarch restart shop"]),
    ("status", &["devarch status", "devarch status --all"]),
    ("logs", &["devarch logs --follow /api", "devarch logs --tail 100 --since 10m"]),
    ("exec", &["devarch exec /db psql -U postgres", "devarch exec --env DEBUG=1 /api ./migrate"]),
    ("run", &["devarch run /api cargo test"]),
    ("shell", &["devarch shell /api", "devarch shell --user root /db"]),
    ("open", &["devarch open /web"]),
    ("catalog list", &["devarch catalog list"]),
    ("catalog search", &["devarch catalog search sql"]),
    ("catalog show", &["devarch catalog show postgres"]),
    ("catalog add", &["devarch catalog add ./api.yaml", "devarch catalog add --replace ./api.yaml"]),
    ("catalog remove", &["devarch catalog remove api"]),
    ("catalog upgrade", &["devarch catalog upgrade shop", "devarch catalog upgrade /db"]),
    ("stack create", &["devarch stack create shop"]),
    ("stack list", &["devarch stack list"]),
    ("stack show", &["devarch stack show shop"]),
    ("stack rename", &["devarch stack rename shop store"]),
    ("stack clone", &["devarch stack clone shop shop-2"]),
    ("stack enable", &["devarch stack enable shop"]),
    ("stack disable", &["devarch stack disable shop"]),
    ("stack delete", &["devarch stack delete shop", "devarch stack delete --volumes shop"]),
    ("instance add", &["devarch instance add shop cache redis", "devarch instance add shop/cache redis"]),
    ("instance list", &["devarch instance list shop"]),
    ("instance show", &["devarch instance show shop/db"]),
    ("instance rename", &["devarch instance rename shop/cache sessions"]),
    ("instance remove", &["devarch instance remove shop/cache"]),
    ("history", &["devarch history shop", "devarch history show shop 01a2"]),
    ("rollback", &["devarch rollback shop", "devarch rollback shop 01a2"]),
    (
        "secret set",
        &["devarch secret set API_KEY --from-file key.txt", "devarch secret set shop SESSION --generate=32"],
    ),
    ("secret list", &["devarch secret list shop"]),
    ("secret show", &["devarch secret show shop API_KEY --reveal"]),
    ("secret remove", &["devarch secret remove shop API_KEY"]),
    ("secret unused", &["devarch secret unused shop"]),
    ("secret rotate-key", &["devarch secret rotate-key"]),
    ("secret key export", &["devarch secret key export backup.key"]),
    ("secret key import", &["devarch secret key import backup.key"]),
    ("secret key reset", &["devarch secret key reset"]),
    ("wire list", &["devarch wire list shop"]),
    ("wire add", &["devarch wire add shop api.db primary", "devarch wire add shop api.cache none"]),
    ("wire remove", &["devarch wire remove shop api.db"]),
    ("wire graph", &["devarch wire graph shop", "devarch wire graph shop --svg wires.svg"]),
    ("wire env", &["devarch wire env /api", "devarch wire env --host --format shell /api"]),
    ("lock list", &["devarch lock list"]),
    ("lock release", &["devarch lock release shop --force"]),
    ("set", &["devarch set /db ports.5432=15432", "devarch set shop/api environment.DEBUG=1 image=my/api:2"]),
    ("unset", &["devarch unset /db ports.5432"]),
    ("config", &["devarch config /api --origin"]),
    ("compose", &["devarch compose shop", "devarch compose shop --dir exported"]),
    ("adopt", &["devarch adopt", "devarch adopt shop"]),
    ("doctor", &["devarch doctor"]),
    ("completions", &["devarch completions bash", "devarch completions --static zsh"]),
    ("man", &["devarch man", "devarch man secret set"]),
];

/// Adds examples to the help of a command and its subcommands.
pub(crate) fn with_examples(command: Command) -> Command {
    below(command, "")
}

fn below(command: Command, path: &str) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        let path = format!("{path} {name}").trim().to_owned();
        command.mut_subcommand(name, |inner| below(explained(inner, &path), &path))
    })
}

fn explained(command: Command, path: &str) -> Command {
    match EXAMPLES.iter().find(|(of, _)| *of == path) {
        Some((_, examples)) => command.after_help(format!("Examples:\n  {}", examples.join("\n  "))),
        None => command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cli;
    use clap::CommandFactory as _;
    use std::collections::BTreeSet;

    fn leaves(command: &Command, path: &str, found: &mut BTreeSet<String>) {
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            let path = format!("{path} {}", inner.get_name()).trim().to_owned();
            if inner.has_subcommands() && inner.is_subcommand_required_set() {
                leaves(inner, &path, found);
            } else {
                found.insert(path);
            }
        }
    }

    #[test]
    fn every_command_has_an_example_and_every_example_parses() {
        let mut commands = BTreeSet::new();
        leaves(&Cli::command(), "", &mut commands);
        let explained: BTreeSet<String> = EXAMPLES.iter().map(|(path, _)| (*path).to_owned()).collect();
        let missing: Vec<&String> = commands.difference(&explained).collect();
        assert!(missing.is_empty(), "without an example: {missing:?}");
        for (path, examples) in EXAMPLES {
            for example in *examples {
                assert!(example.starts_with(&format!("devarch {path}")), "{example}");
                let parsed = Cli::command().try_get_matches_from(example.split(' '));
                assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
            }
        }
    }

    #[test]
    fn help_ends_with_the_examples() {
        let mut command = with_examples(Cli::command());
        let up = command.find_subcommand_mut("up").unwrap().render_help().to_string();
        assert!(up.ends_with("Examples:\n  devarch up\n  devarch up --as shop-2\n"), "{up}");
    }
}
