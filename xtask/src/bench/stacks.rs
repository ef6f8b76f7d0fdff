//! The measured stacks: equivalent devarch.yml and compose.yaml files.

use std::fmt::Write as _;

/// The files of a stack.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) devarch: String,
    /// Missing without a comparison.
    pub(crate) compose: Option<String>,
}

/// Idle instances.
pub(crate) fn idle(stack: &str, count: usize) -> Files {
    let mut devarch = format!(
        "version: \"1\"\ntemplates:\n  idle:\n    image: busybox:1.37\n    command: [sleep, infinity]\n    \
         stop_grace_period: 0s\nstacks:\n  {stack}:\n    instances:\n"
    );
    let mut compose = "services:\n".to_owned();
    for at in 0..count {
        // Writing to a string cannot fail.
        let _ = writeln!(devarch, "      i{at}: {{ template: idle }}");
        let _ = writeln!(
            compose,
            "  i{at}: {{ image: \"busybox:1.37\", command: [sleep, infinity], stop_grace_period: 0s }}"
        );
    }
    Files { devarch, compose: Some(compose) }
}

/// Instances that are healthy after a second, each waiting for the one before; checks every ten seconds.
pub(crate) fn chain(stack: &str, count: usize) -> Files {
    let body = "command: [sh, -c, \"sleep 1; touch /ok; exec sleep infinity\"], stop_grace_period: 0s, \
                healthcheck: { test: [CMD, test, -f, /ok], interval: 10s }";
    let mut devarch = format!(
        "version: \"1\"\ntemplates:\n  slow: {{ image: \"busybox:1.37\", {body} }}\nstacks:\n  {stack}:\n    instances:\n"
    );
    let mut compose = "services:\n".to_owned();
    for at in 0..count {
        let before = at.checked_sub(1);
        let (ours, theirs) = before.map_or_else(Default::default, |before| {
            (
                format!(", depends_on: [i{before}]"),
                format!(", depends_on: {{ i{before}: {{ condition: service_healthy }} }}"),
            )
        });
        let _ = writeln!(devarch, "      i{at}: {{ template: slow{ours} }}");
        let _ = writeln!(compose, "  i{at}: {{ image: \"busybox:1.37\", {body}{theirs} }}");
    }
    Files { devarch, compose: Some(compose) }
}

/// A web server on a port.
pub(crate) fn web(stack: &str) -> Files {
    let devarch = format!(
        "version: \"1\"\ntemplates:\n  web:\n    image: busybox:1.37\n    \
         command: [sh, -c, \"trap 'exit 0' TERM; httpd -f -p 8000 -h /etc & wait\"]\n    ports: [8000]\n\
         stacks:\n  {stack}:\n    instances:\n      web: {{ template: web }}\n"
    );
    Files { devarch, compose: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instance_of_a_chain_waits_for_the_previous_one() {
        let files = chain("s", 2);
        assert!(
            files
                .devarch
                .ends_with("      i0: { template: slow }\n      i1: { template: slow, depends_on: [i0] }\n")
        );
        let compose = files.compose.unwrap();
        assert!(compose.ends_with(", depends_on: { i0: { condition: service_healthy } } }\n"));
        assert_eq!(compose.matches("depends_on").count(), 1);
    }

    #[test]
    fn both_files_have_every_instance() {
        let files = idle("s", 30);
        assert_eq!(files.devarch.matches("template: idle").count(), 30);
        assert_eq!(files.compose.unwrap().matches("sleep, infinity").count(), 30);
    }
}
