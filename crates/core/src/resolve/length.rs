//! Limits on what Linux passes to a program (execve(2), `E2BIG`). Engines report a violation only at the start, and
//! without the name of the variable.

use crate::{diagnostic::Problem, name::InstanceName, spec::ContainerSpec, template::HealthTest, text::Text};

/// The longest variable (`NAME=value`) or argument in bytes, without the terminating NUL: `MAX_ARG_STRLEN` minus one.
const LONGEST: usize = 131_071;

/// Total bytes of environment and arguments if no stack limit is set: Linux's 2 MiB (a quarter of the usual 8 MiB
/// stack) minus a reserve for additions by the image and engine.
const ALL: u64 = (2 << 20) - RESERVE;
const RESERVE: u64 = 16 << 10;

/// The lower and upper bounds of the bytes that a stack limit leaves for environment and arguments.
const LEAST: u64 = 128 << 10;
const MOST: u64 = 6 << 20;

/// The prefix of variables' field names.
const ENVIRONMENT: &str = "environment.";

/// Size in bytes of the pointer that each string takes in addition to its content.
const POINTER: u64 = 8;

/// Reports environment variables, arguments and health checks that are too long to start a program with.
pub(super) fn too_long(name: &InstanceName, spec: &ContainerSpec) -> Vec<Problem> {
    let variables = spec.environment.iter().map(|(variable, value)| {
        (format!("{ENVIRONMENT}{variable}"), variable.len() + 1 + value.reveal().len())
    });
    let arguments =
        words("entrypoint", spec.entrypoint.as_deref()).chain(words("command", spec.command.as_deref()));
    let passed: Vec<(String, usize)> = variables.chain(arguments).collect();
    let single = passed.iter().cloned().chain(check(spec)).filter(|(_, length)| *length > LONGEST);
    let mut problems: Vec<Problem> =
        single.map(|(field, length)| too_long_by_itself(name, field, length)).collect();
    if problems.is_empty() {
        problems.extend(all_too_long(name, spec, &passed));
    }
    problems
}

fn words(field: &'static str, words: Option<&[Text]>) -> impl Iterator<Item = (String, usize)> {
    let words = words.into_iter().flatten().enumerate();
    words.map(move |(at, word)| (format!("{field}[{at}]"), word.reveal().len()))
}

fn check(spec: &ContainerSpec) -> Vec<(String, usize)> {
    match spec.healthcheck.as_ref().map(|check| &check.test) {
        Some(HealthTest::Shell(line)) => vec![("healthcheck.test".to_owned(), line.len())],
        Some(HealthTest::Cmd(argv)) => {
            let words = argv.iter().enumerate();
            words.map(|(at, word)| (format!("healthcheck.test[{}]", at + 1), word.len())).collect()
        }
        Some(HealthTest::None) | None => Vec::new(),
    }
}

fn too_long_by_itself(name: &InstanceName, field: String, length: usize) -> Problem {
    let what = if field.starts_with(ENVIRONMENT) { "name and value are" } else { "it is" };
    let message = format!(
        "{what} {length} bytes long, and Linux passes at most {LONGEST} to a program; put it into a file \
         (`config_files`, `secrets`) or shorten it"
    );
    Problem::in_field(name, field, message)
}

fn all_too_long(name: &InstanceName, spec: &ContainerSpec, passed: &[(String, usize)]) -> Option<Problem> {
    let all: u64 = passed.iter().map(|(_, length)| *length as u64 + 1 + POINTER).sum();
    let limit = limit(spec);
    let (longest, length) = passed.iter().max_by_key(|(_, length)| *length)?;
    (all > limit).then(|| {
        let message = format!(
            "environment, entrypoint and command are {all} bytes together, and Linux passes at most {limit} to a program; \
             the longest is {longest} ({length} bytes): put it into a file (`config_files`, `secrets`) or shorten it"
        );
        Problem::in_field(name, "environment", message)
    })
}

/// Returns the limit: Linux allows a quarter of the stack limit, within bounds.
fn limit(spec: &ContainerSpec) -> u64 {
    match spec.ulimits.get("stack").map(|stack| u64::try_from(stack.soft)) {
        Some(Ok(bytes)) => (bytes / 4).clamp(LEAST, MOST) - RESERVE,
        // -1 means unlimited.
        Some(Err(_)) => MOST - RESERVE,
        None => ALL,
    }
}
