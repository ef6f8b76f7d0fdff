//! Output and input of containers and execs.

use crate::fixture::{Fixture, RUNS, Ran};
use devarch_core::{id::ContainerId, template::HealthTest};
use devarch_engine::{ExecRequest, LogChunk, LogOptions, Probe, Runs, TerminalSize};
use futures_util::StreamExt;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

/// Podman sends no headers before the first line.
pub async fn a_quiet_container_can_be_followed(f: &Fixture) {
    let argv = ["sh", "-c", "while [ ! -e /go ]; do sleep 0.1; done; echo spoken; sleep 1000"];
    let id = f.run(&f.request("quiet", &argv)).await;
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let begun = Instant::now();
    let mut logs = f.engine.logs(&id, &options).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    f.sh(&id, "touch /go").await;
    let first = tokio::time::timeout(Duration::from_secs(20), logs.next()).await.unwrap();
    assert_eq!(first.unwrap().unwrap().bytes, b"spoken\n");
}

async fn read(f: &Fixture, id: &ContainerId, options: LogOptions) -> Vec<LogChunk> {
    let logs = f.engine.logs(id, &options).await.unwrap();
    logs.map(|chunk| chunk.unwrap()).collect().await
}

fn joined(chunks: &[LogChunk], stderr: bool) -> String {
    let bytes: Vec<u8> =
        chunks.iter().filter(|chunk| chunk.stderr == stderr).flat_map(|chunk| chunk.bytes.clone()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Standard output and standard error.
pub async fn stdout_and_stderr_are_distinguished(f: &Fixture) {
    let id = f.run(&f.request("two", &["sh", "-c", "echo out; echo err >&2"])).await;
    f.engine.wait(&id).await.unwrap();
    let chunks = read(f, &id, LogOptions::default()).await;
    assert_eq!((joined(&chunks, false).as_str(), joined(&chunks, true).as_str()), ("out\n", "err\n"));
}

/// `tail`, with time stamps too.
pub async fn only_the_last_lines_are_read_when_requested(f: &Fixture) {
    let id = f.run(&f.request("lines", &["sh", "-c", "echo a; echo b; echo c"])).await;
    f.engine.wait(&id).await.unwrap();
    let tail = |timestamps| LogOptions { tail: Some(2), timestamps, ..LogOptions::default() };
    assert_eq!(joined(&read(f, &id, tail(false)).await, false), "b\nc\n");
    let stamped = joined(&read(f, &id, tail(true)).await, false);
    assert!(stamped.lines().all(|line| line.starts_with("20")), "{stamped}");
    assert!(stamped.ends_with(" c\n"), "{stamped}");
    let later = LogOptions { since: Some(4_000_000_000), ..LogOptions::default() };
    assert_eq!(joined(&read(f, &id, later).await, false), "");
}

/// Dropping the input closes it; the output and the exit code follow.
pub async fn exec_passes_stdin_and_exit_code(f: &Fixture) {
    let id = f.run(&f.request("exec", &RUNS)).await;
    let request = ExecRequest {
        argv: ["sh", "-c", "cat; echo end >&2; exit 7"].map(str::to_owned).to_vec(),
        stdin: true,
        ..ExecRequest::default()
    };
    let mut io = f.engine.exec(&id, &request).await.unwrap();
    let sent = "0123456789abcdef\n".repeat(20_000);
    let mut stdin = io.stdin;
    let writer = tokio::spawn({
        let sent = sent.clone();
        async move { stdin.write_all(sent.as_bytes()).await.unwrap() }
    });
    let mut chunks = Vec::new();
    while let Some(chunk) = io.output.next().await {
        chunks.push(chunk.unwrap());
    }
    writer.await.unwrap();
    assert!(joined(&chunks, false) == sent, "{} bytes came back", joined(&chunks, false).len());
    assert_eq!(joined(&chunks, true), "end\n");
    assert_eq!(exit_code(f, &io.id).await, 7);
}

async fn exit_code(f: &Fixture, exec: &str) -> i64 {
    loop {
        if let Some(code) = f.engine.exec_exit_code(exec).await.unwrap() {
            return code;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// User, directory and variables.
pub async fn exec_runs_as_requested(f: &Fixture) {
    let id = f.run(&f.request("exec", &RUNS)).await;
    let request = ExecRequest {
        argv: ["sh", "-c", "id -u; id -g; pwd; echo $WORD; exit 3"].map(str::to_owned).to_vec(),
        user: Some("12:34".to_owned()),
        working_dir: Some("/etc".to_owned()),
        environment: vec!["WORD=said".to_owned()],
        ..ExecRequest::default()
    };
    let want = Ran { code: 3, stdout: "12\n34\n/etc\nsaid\n".to_owned(), stderr: String::new() };
    assert_eq!(f.exec(&id, request).await, want);
}

/// At its start, and soon after it changes: Podman's answer does not wait until conmon has set it.
pub async fn a_terminal_has_the_requested_size(f: &Fixture) {
    let id = f.run(&f.request("tty", &RUNS)).await;
    let size = TerminalSize { columns: 91, rows: 27 };
    let changed = "for i in $(seq 200); do [ \"$(stty size)\" = '27 91' ] || break; sleep 0.05; done";
    let request = ExecRequest {
        argv: ["sh", "-c", &format!("read x; stty size; read x; {changed}; stty size")]
            .map(str::to_owned)
            .to_vec(),
        stdin: true,
        tty: Some(size),
        ..ExecRequest::default()
    };
    let mut io = f.engine.exec(&id, &request).await.unwrap();
    io.stdin.write_all(b"\n").await.unwrap();
    let mut text = String::new();
    let mut resized = false;
    while let Some(chunk) = io.output.next().await {
        text.push_str(&String::from_utf8_lossy(&chunk.unwrap().bytes));
        if text.contains("27 91") && !resized {
            resized = true;
            f.engine.resize_exec(&io.id, TerminalSize { columns: 50, rows: 10 }).await.unwrap();
            io.stdin.write_all(b"\n").await.unwrap();
        }
    }
    assert!(text.contains("27 91") && text.contains("10 50"), "{text:?}");
    assert_eq!(exit_code(f, &io.id).await, 0);
}

/// 126 on Docker, 127 on Podman.
pub async fn an_exec_of_a_missing_program_ends_with_an_error_code(f: &Fixture) {
    let id = f.run(&f.request("exec", &RUNS)).await;
    let test = HealthTest::Cmd(vec!["/no/such/program".to_owned()]);
    let probe = Probe { test, timeout: Duration::from_secs(20), runs: Runs::Once };
    let result = f.engine.probe(&id, &probe).await.unwrap();
    assert!(matches!(result.exit_code, Some(126 | 127)), "{result:?}");
    assert!(result.output.contains("/no/such/program"), "{result:?}");
}

/// Arguments are passed unchanged in every run.
pub async fn a_repeated_probe_ends_with_the_first_run_that_passes(f: &Fixture) {
    let id = f.run(&f.request("repeated", &RUNS)).await;
    let line = r#"echo "$1" >>/runs; [ "$(grep -cxF "$1" /runs)" = 3 ]"#;
    let argv = ["sh", "-c", line, "sh", "two  'words' $HOME"].map(str::to_owned);
    let runs = Runs::Repeated { times: 10, pause: Duration::from_millis(10) };
    let probe = Probe { test: HealthTest::Cmd(argv.to_vec()), timeout: Duration::from_secs(20), runs };
    assert_eq!(f.engine.probe(&id, &probe).await.unwrap().exit_code, Some(0));
    assert_eq!(f.sh(&id, "wc -l </runs").await.stdout.trim(), "3");
}

/// The last run's, identified by what each prints.
pub async fn a_repeated_probe_that_never_passes_reports_its_last_run(f: &Fixture) {
    let id = f.run(&f.request("repeated", &RUNS)).await;
    let line = "echo >>/runs; echo not yet; wc -l </runs; exit $(wc -l </runs)";
    let runs = Runs::Repeated { times: 4, pause: Duration::from_millis(10) };
    let test = HealthTest::Shell(line.to_owned());
    let probe = Probe { test, timeout: Duration::from_secs(20), runs };
    let result = f.engine.probe(&id, &probe).await.unwrap();
    assert_eq!((result.exit_code, result.output.as_str()), (Some(4), "not yet\n4\n"));
}

/// So that the caller knows to run the check by itself.
pub async fn a_repeated_probe_reports_a_missing_shell(f: &Fixture) {
    let id = f.run(&f.request("shellless", &RUNS)).await;
    assert_eq!(f.sh(&id, "rm /bin/sh").await.code, 0);
    let test = HealthTest::Cmd(vec!["true".to_owned()]);
    let runs = Runs::Repeated { times: 4, pause: Duration::from_millis(10) };
    let mut probe = Probe { test, timeout: Duration::from_secs(20), runs };
    let repeated = f.engine.probe(&id, &probe).await.unwrap();
    assert!(matches!(repeated.exit_code, Some(126 | 127)), "{repeated:?}");
    probe.runs = Runs::Once;
    assert_eq!(f.engine.probe(&id, &probe).await.unwrap().exit_code, Some(0));
}

/// And does not hold its caller up.
pub async fn a_probe_that_times_out_has_no_exit_code(f: &Fixture) {
    let id = f.run(&f.request("slow", &RUNS)).await;
    let test = HealthTest::Shell("echo waiting; sleep 30".to_owned());
    let probe = Probe { test, timeout: Duration::from_secs(1), runs: Runs::Once };
    let begun = Instant::now();
    let result = f.engine.probe(&id, &probe).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!((result.exit_code, result.output.as_str()), (None, "waiting\n"));
    let exec = result.unfinished.unwrap();
    assert_eq!(f.engine.exec_exit_code(&exec).await.unwrap(), None, "it runs on, and its caller can tell");
}
