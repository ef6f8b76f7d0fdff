//! Values that are too long for Linux to pass to a program.

use crate::support::{Scenario, stack};

/// The longest `NAME=value` or argument that Linux passes.
const LONGEST: usize = 131_071;

fn x(length: usize) -> String {
    "x".repeat(length)
}

/// Returns the problems with a stack of these instances, one per line.
fn problems(instances: &str) -> String {
    match Scenario::new().try_desire(&stack(instances)) {
        Ok(_) => String::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

#[test]
fn the_longest_value_linux_passes_is_accepted_and_one_byte_more_is_refused_by_name() {
    let longest = LONGEST - "BIG=".len();
    let of = |length: usize| problems(&format!("a: {{template: t, environment: {{BIG: {}}}}}", x(length)));
    assert_eq!(of(longest), "");
    insta::assert_snapshot!(of(longest + 1), @"a.environment.BIG: name and value are 131072 bytes long, and Linux passes at most 131071 to a program; put it into a file (`config_files`, `secrets`) or shorten it");
}

#[test]
fn overlong_arguments_and_health_checks_are_refused_by_field() {
    let long = x(LONGEST + 1);
    insta::assert_snapshot!(problems(&format!(
        "a: {{template: t, entrypoint: [e, {long}], command: [c, c, {long}]}}\n\
         b: {{template: t, healthcheck: {{test: [CMD, test, {long}]}}}}\n\
         c: {{template: t, healthcheck: {{test: {long}}}}}"
    )), @"
    a.command[2]: it is 131072 bytes long, and Linux passes at most 131071 to a program; put it into a file (`config_files`, `secrets`) or shorten it
    a.entrypoint[1]: it is 131072 bytes long, and Linux passes at most 131071 to a program; put it into a file (`config_files`, `secrets`) or shorten it
    b.healthcheck.test[2]: it is 131072 bytes long, and Linux passes at most 131071 to a program; put it into a file (`config_files`, `secrets`) or shorten it
    c.healthcheck.test: it is 131072 bytes long, and Linux passes at most 131071 to a program; put it into a file (`config_files`, `secrets`) or shorten it
    ");
}

#[test]
fn values_of_wires_and_secrets_are_measured_but_not_shown() {
    let shown = problems(&format!(
        "a: {{template: t, environment: {{TOKEN: {{value: {secret}, secret: true}}}}}}\n\
         db: {{template: t, exports: [{{name: main, type: postgres, port: 5432, properties: {{user: u, password: {password}, \
         database: d}}}}]}}\n\
         api: {{template: t, imports: [{{name: db, type: postgres}}]}}",
        secret = "hunter".repeat(30_000),
        password = "y".repeat(LONGEST),
    ));
    insta::assert_snapshot!(shown, @"
    a.environment.TOKEN: name and value are 180006 bytes long, and Linux passes at most 131071 to a program; put it into a file (`config_files`, `secrets`) or shorten it
    api.environment.DB_PASSWORD: name and value are 131083 bytes long, and Linux passes at most 131071 to a program; put it into a file (`config_files`, `secrets`) or shorten it
    api.environment.DB_URL: name and value are 131114 bytes long, and Linux passes at most 131071 to a program; put it into a file (`config_files`, `secrets`) or shorten it
    ");
    assert!(!shown.contains("hunter") && !shown.contains("yy"));
}

#[test]
fn values_that_exceed_the_total_limit_are_refused_and_the_longest_are_named() {
    let variables = |number: usize| -> String {
        (0..number).map(|at| format!("V{at}: {}, ", x(100_000 + at))).collect::<Vec<_>>().concat()
    };
    let of = |number: usize, more: &str| {
        problems(&format!("a: {{template: t, environment: {{{}}}{more}}}", variables(number)))
    };
    assert_eq!(of(20, ""), "");
    insta::assert_snapshot!(of(21, ""), @"a.environment: environment, entrypoint and command are 2100473 bytes together, and Linux passes at most 2080768 to a program; the longest is environment.V20 (100024 bytes): put it into a file (`config_files`, `secrets`) or shorten it");
    let stack = |bytes: i64| format!(", ulimits: {{stack: {bytes}}}");
    assert_eq!(of(30, &stack(16 << 20)), "");
    assert_eq!(of(30, &stack(-1)), "");
    assert!(of(20, &stack(4 << 20)).contains("1032192 "), "{}", of(20, &stack(4 << 20)));
}
