//! Every command line of the pages parses: it is run without an engine and must not be rejected as a usage error.

use crate::{
    common::{Ran, Sandbox},
    page::{Page, pages},
};
use std::collections::BTreeSet;

/// Placeholders for the reader's values, and values of the same form.
const PLACEHOLDERS: &[(&str, &str)] = &[
    ("STACK", "shop"),
    ("INSTANCE", "db"),
    ("NAME", "name"),
    ("PLAN", "plan_01a22f64d01a758d9757b4d6eed1b6f8"),
    ("FILE", "a-file"),
    ("DIR", "."),
    ("KEY", "KEY"),
    ("SECONDS", "10"),
];

/// A command line on a page.
struct Line {
    place: String,
    text: String,
    /// Whether it is part of a sentence, where required arguments may be omitted.
    mentioned: bool,
}

/// The command lines of a page: in its `sh` blocks and in backticks.
fn lines(page: &Page) -> Vec<Line> {
    let line = |place: &str, text: &str, mentioned| Line {
        place: place.to_owned(),
        text: text.to_owned(),
        mentioned,
    };
    let mut lines = Vec::new();
    for (place, block) in page.blocks_of("sh") {
        lines.extend(block.text.lines().map(|text| line(&place, text, false)));
    }
    for (number, prose) in page.prose() {
        let place = format!("{}:{number}", page.path);
        lines.extend(prose.split('`').skip(1).step_by(2).map(|text| line(&place, text, true)));
    }
    lines.retain(|line| line.text.starts_with("devarch "));
    lines
}

/// Whether the program reported a usage error.
fn is_refused(line: &Line, arguments: &[&str], ran: &Ran) -> bool {
    if line.mentioned {
        let wrong = ["unrecognized subcommand", "unexpected argument", "invalid value"];
        return wrong.iter().any(|wrong| ran.stderr.starts_with(&format!("error: {wrong}")));
    }
    let usage = ran.code == 2 && !arguments.contains(&"--detailed-exitcode");
    usage || ran.stderr.contains("For more information, try '--help'")
}

/// The arguments of a command line, up to the first shell operator.
fn arguments(line: &str) -> Vec<String> {
    let line = match (line.find("<("), line.rfind(')')) {
        (Some(begin), Some(end)) => format!("{}FILE{}", &line[..begin], &line[end + 1..]),
        _ => line.to_owned(),
    };
    let words = shlex::split(&line).unwrap_or_else(|| panic!("a quote is not closed: {line}"));
    let own =
        words.into_iter().skip(1).take_while(|word| !["|", ">", "<", "&&", "..."].contains(&word.as_str()));
    own.map(|word| filled_in(&word)).collect()
}

fn filled_in(word: &str) -> String {
    word.split('/').map(|part| value(part).unwrap_or(part)).collect::<Vec<_>>().join("/")
}

fn value(part: &str) -> Option<&'static str> {
    PLACEHOLDERS.iter().find(|(name, _)| *name == part).map(|(_, value)| *value)
}

#[test]
fn every_command_line_parses() {
    let (sandbox, mut tried) = (Sandbox::without_engine(), BTreeSet::new());
    for line in pages().iter().flat_map(lines) {
        let arguments = arguments(&line.text);
        if !tried.insert((arguments.clone(), line.mentioned)) {
            continue;
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = sandbox.run(&arguments);
        assert!(!is_refused(&line, &arguments, &ran), "{}: {}\n{ran}", line.place, line.text);
    }
    assert!(tried.len() > 100, "only {} command lines were found", tried.len());
}

#[test]
fn arguments_end_at_a_shell_operator() {
    let read = |line: &str| arguments(line).join(" ");
    assert_eq!(read("devarch logs STACK/INSTANCE -f   # follows"), "logs shop/db -f");
    assert_eq!(read("devarch config shop | less"), "config shop");
    assert_eq!(
        read("devarch secret set shop KEY --from-file <(pass show key)"),
        "secret set shop KEY --from-file a-file"
    );
    assert_eq!(read("devarch exec /db -- sh -c 'env | sort'"), "exec /db -- sh -c env | sort");
}
