//! Access to running containers: output, and commands.

use crate::{
    harness::{Command, Sandbox, hints, parsed},
    stacks::{SHOP, shop},
};
use devarch_app::{
    LogLine, LogRequest, OperationError, SecretError, Shell, Unreadable, find_shell, open_logs,
};
use devarch_core::spec::CreateContainer;
use devarch_engine::{EngineErrorKind as Kind, ExecRequest, LogOptions};
use devarch_testkit::memory::{Behaviour, Call, Fault, Life};
use futures_util::StreamExt as _;

/// Returns a running container that has written this output.
fn writes(output: &'static str) -> impl Fn(&CreateContainer) -> Behaviour {
    move |_| Behaviour { life: Life::Runs(0), output: output.to_owned(), failing_probes: 0 }
}

async fn writing(output: &'static str, yml: &'static str) -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.engine.script(writes(output));
    sandbox.run("shop", Command::up(yml)).await.unwrap();
    sandbox
}

async fn read(sandbox: &Sandbox, request: &LogRequest) -> Result<Vec<LogLine>, OperationError> {
    let mut lines = open_logs(sandbox.ctx(), &parsed("shop"), request).await?;
    let mut all = Vec::new();
    while let Some(line) = lines.next().await {
        all.push(line?);
    }
    Ok(all)
}

async fn texts(sandbox: &Sandbox, request: &LogRequest) -> Vec<String> {
    let lines = read(sandbox, request).await.unwrap();
    lines
        .into_iter()
        .map(|line| format!("{}|{}", line.instance, String::from_utf8_lossy(&line.bytes)))
        .collect()
}

fn of(instance: &str) -> LogRequest {
    LogRequest { instance: Some(parsed(instance)), ..LogRequest::default() }
}

const WEB: &str = "web: {template: busybox}";

#[tokio::test]
async fn output_is_streamed_line_by_line_with_its_instance() {
    let cases = [
        ("one\ntwo\n", vec!["web|one", "web|two"]),
        ("one\r\ntwo", vec!["web|one", "web|two"]),
        ("\n\nend", vec!["web|", "web|", "web|end"]),
        ("", vec![]),
    ];
    for (output, expected) in cases {
        let sandbox = writing(output, shop(&[WEB])).await;
        assert_eq!(texts(&sandbox, &LogRequest::default()).await, expected, "{output:?}");
    }
}

#[tokio::test]
async fn output_of_all_instances_or_of_one_can_be_read() {
    let sandbox = writing("hello\n", SHOP).await;
    let mut all = texts(&sandbox, &LogRequest::default()).await;
    all.sort();
    assert_eq!(all, ["db|hello", "web|hello"]);
    assert_eq!(texts(&sandbox, &of("db")).await, ["db|hello"]);
    let error = read(&sandbox, &of("dbb")).await.unwrap_err();
    assert_eq!(hints(&error), "did you mean 'db'?");
}

#[tokio::test]
async fn output_of_a_stopped_container_can_be_read_and_without_one_is_refused() {
    let sandbox = writing("hello\n", SHOP).await;
    sandbox.run("shop", Command::Stop).await.unwrap();
    assert_eq!(texts(&sandbox, &of("db")).await, ["db|hello"]);
    sandbox.run("shop", Command::Down).await.unwrap();
    for (request, words) in [
        (LogRequest::default(), "stack 'shop' has no container"),
        (of("db"), "instance 'db' of stack 'shop' has no container"),
    ] {
        let error = read(&sandbox, &request).await.unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), hints(&error).as_str()),
            (words, "`devarch apply shop` creates it")
        );
    }
}

const SECRETIVE: &str = "web: {template: busybox, environment: {PW: {value: \"hush-hush\", secret: true}}}";

#[tokio::test]
async fn secrets_in_output_are_redacted_unless_requested() {
    let sandbox = writing("my password is hush-hush!\n", shop(&[SECRETIVE])).await;
    let hidden = texts(&sandbox, &LogRequest::default()).await.join("");
    assert!(!hidden.contains("hush-hush") && hidden.contains("my password is"), "{hidden}");
    let request = LogRequest { unredacted: true, ..LogRequest::default() };
    assert_eq!(texts(&sandbox, &request).await, ["web|my password is hush-hush!"]);
}

#[tokio::test]
async fn without_the_key_only_unredacted_output_is_shown() {
    let mut sandbox = writing("my password is hush-hush!\n", shop(&[SECRETIVE])).await;
    sandbox.lose_key().await;
    let error = read(&sandbox, &LogRequest::default()).await.unwrap_err();
    assert!(
        matches!(error, OperationError::Secret(SecretError::Unreadable(Unreadable::Output { .. }))),
        "{error:?}"
    );
    assert!(find_shell(sandbox.ctx(), &parsed("shop"), &parsed("web"), false).await.is_err());
    let request = LogRequest { unredacted: true, ..LogRequest::default() };
    assert_eq!(texts(&sandbox, &request).await.len(), 1);
}

async fn shell(sandbox: &Sandbox, instance: &str) -> Result<Shell, OperationError> {
    find_shell(sandbox.ctx(), &parsed("shop"), &parsed(instance), false).await
}

#[tokio::test]
async fn a_command_in_a_container_returns_its_own_exit_code() {
    let sandbox = writing("", SHOP).await;
    let shell = shell(&sandbox, "db").await.unwrap();
    for (line, output, code) in [("echo hello; exit 3", "hello\n", 3), ("exit 0", "", 0)] {
        let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
        let mut exec = shell.exec(&ExecRequest { argv, ..ExecRequest::default() }).await.unwrap();
        let mut reported = Vec::new();
        while let Some(chunk) = exec.output.next().await {
            reported.extend(chunk.unwrap().bytes);
        }
        assert_eq!(
            (String::from_utf8(reported).unwrap().as_str(), shell.exit_code(&exec.id).await.unwrap()),
            (output, code)
        );
    }
}

#[tokio::test]
async fn a_shell_needs_a_running_container() {
    let sandbox = writing("", SHOP).await;
    sandbox.engine.end("devarch-shop-db", 1);
    let error = shell(&sandbox, "db").await.err().unwrap();
    assert_eq!(error.to_string(), "instance 'db' of stack 'shop' is not running");
    assert_eq!(hints(&error), "`devarch start shop/db` starts it");
    sandbox.engine.stick("devarch-shop-web");
    let error = shell(&sandbox, "web").await.err().unwrap();
    assert!(error.to_string().contains("cannot be started again"), "{error}");
    assert_eq!(hints(&error), "`devarch up shop` replaces it");
    sandbox.run("shop", Command::Down).await.unwrap();
    assert!(shell(&sandbox, "db").await.err().unwrap().to_string().contains("has no container"));
    assert!(shell(&sandbox, "none").await.is_err());
}

#[tokio::test]
async fn an_engine_failure_is_an_error_and_not_the_end_of_the_output() {
    let sandbox = writing("hello\n", shop(&[WEB])).await;
    sandbox.engine.inject(Fault::refused(Call::Logs, "web", Kind::NotRunning));
    let error = read(&sandbox, &LogRequest::default()).await.unwrap_err();
    assert!(matches!(error, OperationError::Engine(_)), "{error:?}");
    assert!(hints(&error).contains("`devarch doctor`"));
    let request = LogRequest { options: LogOptions { tail: Some(1), ..LogOptions::default() }, ..of("web") };
    assert_eq!(texts(&sandbox, &request).await, ["web|hello"], "the next one reads it");
}
