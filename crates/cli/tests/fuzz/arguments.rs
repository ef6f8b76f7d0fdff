//! Random command lines, derived from the program's help.

use crate::{program::Sandbox, random::Random, words};

/// Every command with its flags.
pub(crate) struct Commands(Vec<Known>);

struct Known {
    /// For example `secret`, `key`, `export`.
    path: Vec<String>,
    flags: Vec<Flag>,
}

struct Flag {
    name: String,
    takes_value: bool,
}

/// Endpoints without an engine.
const NO_ENGINE: &[&str] =
    &["unix:///dev/null/x", "tcp://127.0.0.1:1", "x", "", "unix://", "tcp://[::1", "http://\u{1b}"];

/// Project directories below the test's own.
const NEAR: &[&str] = &[".", "sub", "no-such", "devarch.yml", "", "\u{1b}[2J"];

impl Commands {
    /// Reads the help of every command.
    pub(crate) fn from_help(sandbox: &Sandbox) -> Self {
        let mut known = Vec::new();
        let mut open = vec![Vec::new()];
        while let Some(path) = open.pop() {
            let args = [path.clone(), vec!["--help".to_owned()]].concat();
            let help = sandbox.run("the help", &args).stdout;
            for command in section(&help, "Commands:").filter_map(|line| first_word(line, 2)) {
                if command != "help" {
                    open.push([path.clone(), vec![command.to_owned()]].concat());
                }
            }
            let flags = help.lines().filter_map(flag).collect();
            known.push(Known { path, flags });
        }
        assert!(known.len() > 40, "the help lists {} commands", known.len());
        Self(known)
    }

    /// A command line: a command, some of its flags, and random words.
    pub(crate) fn line(&self, random: &mut Random) -> Vec<String> {
        let known = &self.0[random.below(self.0.len())];
        let mut line = known.path.clone();
        for _ in 0..random.below(4) {
            if let Some(flag) = known.flags.get(random.below(known.flags.len())) {
                line.extend(flag.to_args(random));
            }
        }
        for _ in 0..random.below(4) {
            let at = known.path.len() + random.below(line.len() - known.path.len() + 1);
            line.insert(at, word(random));
        }
        if random.once_in(2) {
            line.push("--yes".to_owned());
        }
        line
    }
}

impl Flag {
    fn to_args(&self, random: &mut Random) -> Vec<String> {
        if !self.takes_value {
            return vec![self.name.clone()];
        }
        let value = match self.name.as_str() {
            "--engine" => random.one(NO_ENGINE).to_owned(),
            "--project" => random.one(NEAR).to_owned(),
            _ => word(random),
        };
        vec![format!("{}={value}", self.name)]
    }
}

/// A random word, without absolute paths, because commands write to them.
fn word(random: &mut Random) -> String {
    let word = words::any(random);
    if ["/web", "/dev/null/x"].contains(&word.as_str()) {
        word
    } else {
        word.trim_start_matches('/').to_owned()
    }
}

/// The lines below a heading.
fn section<'a>(help: &'a str, heading: &'a str) -> impl Iterator<Item = &'a str> {
    help.lines().skip_while(move |line| *line != heading).skip(1).take_while(|line| !line.is_empty())
}

/// The first word of a line with exactly this indentation.
fn first_word(line: &str, indent: usize) -> Option<&str> {
    let rest = line.strip_prefix(&" ".repeat(indent))?;
    rest.split_whitespace().next().filter(|word| rest.starts_with(word))
}

/// `  -n, --limit <LIMIT>  ...`
fn flag(line: &str) -> Option<Flag> {
    let words = line.trim_start();
    let at = words.find("--").filter(|_| words.starts_with('-'))?;
    let rest = &words[at..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
    let takes_value = rest[end..].trim_start_matches(['[', '=', ' ']).starts_with('<');
    Some(Flag { name: rest[..end].to_owned(), takes_value })
}
