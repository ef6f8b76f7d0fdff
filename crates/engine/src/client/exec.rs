//! Runs commands in running containers: the user's, and health probes.

use super::{BollardEngine, Result, check};
use crate::{
    EngineErrorKind, ExecIo, ExecRequest, Probe, ProbeResult, Runs, TerminalSize,
    cause::{During, Failure},
    frames::{Packing, unpack},
    http_transport::{Call, within},
};
use bollard::{models::ExecConfig, query_parameters::ResizeExecOptions};
use devarch_core::{id::ContainerId, template::HealthTest};
use futures_util::StreamExt;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::{pin::Pin, time::Duration};
use tokio::io::{AsyncWrite, AsyncWriteExt, WriteHalf};

/// Maximum bytes of a probe's output.
const PROBE_OUTPUT: usize = 4096;

/// Buffered bytes of standard input.
const STDIN_BUFFER: usize = 64 * 1024;

pub(super) async fn start(
    engine: &BollardEngine,
    container: &ContainerId,
    request: &ExecRequest,
) -> Result<ExecIo> {
    let action = || format!("run {} in container {container}", request.argv.join(" "));
    let created = engine.timed(engine.docker.create_exec(container.as_str(), config(request))).await;
    let id = created.during(action)?.id;
    let stream = upgrade(engine, &id, request.tty).await.during(action)?;
    if let Some(size) = request.tty {
        // Docker before API 1.42 supports no other way. A command that has already ended has no terminal.
        if let Err(error) = resize(engine, &id, size).await {
            tracing::debug!(%error, "terminal size not set");
        }
    }
    let (output, input) = tokio::io::split(TokioIo::new(stream));
    let packing = if request.tty.is_some() { Packing::Bare } else { Packing::Framed };
    Ok(ExecIo { id, stdin: stdin(input, request.stdin), output: unpack(output, packing, action()) })
}

fn config(request: &ExecRequest) -> ExecConfig {
    ExecConfig {
        attach_stdin: Some(request.stdin),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(request.tty.is_some()),
        cmd: Some(request.argv.clone()),
        env: Some(request.environment.clone()),
        user: request.user.clone(),
        working_dir: request.working_dir.clone(),
        ..ExecConfig::default()
    }
}

/// Not done by bollard, so that the packing is known here. The terminal's size is part of the request, for commands
/// that read it at once: Podman takes it as `h` and `w`, Docker as `ConsoleSize`.
async fn upgrade(
    engine: &BollardEngine,
    id: &str,
    tty: Option<TerminalSize>,
) -> std::result::Result<Upgraded, Failure> {
    let mut body = json!({"Detach": false, "Tty": tty.is_some()});
    if let Some(TerminalSize { rows, columns }) = tty {
        body["h"] = json!(rows);
        body["w"] = json!(columns);
        body["ConsoleSize"] = json!([rows, columns]);
    }
    let call = Call::post(format!("/exec/{id}/start")).json(&body);
    let open = async {
        let response = engine.http.open(call.upgrade()).await?;
        hyper::upgrade::on(response).await.map_err(|error| Failure::Cut(error.to_string()))
    };
    within(engine.http.timeout(), open).await
}

/// Dropping a half of a split stream does not close it, so a pump does at the end of what is written.
fn stdin(mut to: WriteHalf<TokioIo<Upgraded>>, attached: bool) -> Pin<Box<dyn AsyncWrite + Send>> {
    if !attached {
        return Box::pin(tokio::io::sink());
    }
    let (ours, mut theirs) = tokio::io::duplex(STDIN_BUFFER);
    tokio::spawn(async move {
        // The command may exit before it has read everything.
        let _ = tokio::io::copy(&mut theirs, &mut to).await;
        let _ = to.shutdown().await;
    });
    Box::pin(ours)
}

pub(super) async fn resize(engine: &BollardEngine, id: &str, size: TerminalSize) -> Result<()> {
    let options = ResizeExecOptions { h: size.rows.into(), w: size.columns.into() };
    engine.timed(engine.docker.resize_exec(id, options)).await.during(|| "resize the terminal".to_owned())
}

pub(super) async fn exit_code(engine: &BollardEngine, id: &str) -> Result<Option<i64>> {
    let found = engine.timed(engine.docker.inspect_exec(id)).await.during(|| format!("inspect exec {id}"))?;
    Ok(found.exit_code.filter(|_| found.running == Some(false)))
}

/// Runs the check as the engine would: a shell line with `/bin/sh -c`, as the container's user. An exec can't be
/// killed, so one that times out keeps running, and the caller has to wait before the next. Podman's own check call is
/// used there.
pub(super) async fn probe(
    engine: &BollardEngine,
    container: &ContainerId,
    probe: &Probe,
) -> Result<ProbeResult> {
    if engine.is_podman()
        && probe.test != HealthTest::None
        && let Some(result) = check::probe(engine, container, probe).await?
    {
        return Ok(result);
    }
    let once = match &probe.test {
        HealthTest::None => {
            return Ok(ProbeResult { exit_code: Some(0), output: String::new(), unfinished: None });
        }
        HealthTest::Cmd(argv) => argv.clone(),
        HealthTest::Shell(line) => shell(line).to_vec(),
    };
    let argv = match probe.runs {
        Runs::Once => once,
        Runs::Repeated { times, pause } => repeated(once, times, pause),
    };
    let request = ExecRequest { argv, ..ExecRequest::default() };
    let (mut output, mut exec) = (Vec::new(), None);
    let run = run_to_end(engine, container, &request, &mut output, &mut exec);
    let exit_code = match tokio::time::timeout(probe.timeout, run).await {
        Ok(ended) => Some(ended?),
        Err(_) => None,
    };
    output.truncate(PROBE_OUTPUT);
    let output = String::from_utf8_lossy(&output).into_owned();
    Ok(ProbeResult { exit_code, output, unfinished: exec.filter(|_| exit_code.is_none()) })
}

fn shell(line: &str) -> [String; 3] {
    ["/bin/sh", "-c", line].map(str::to_owned)
}

/// Runs its arguments until they pass, then prints the last run's output and exits with its code. POSIX `sleep` does
/// not support fractions of a second.
const REPEAT: &str = r#"left=$1 pause=$2; shift 2
while said=$("$@" 2>&1); code=$?; [ "$code" -ne 0 ] && [ "$left" -gt 1 ]; do
    left=$((left - 1))
    sleep "$pause" 2>/dev/null || sleep 1
done
printf '%s\n' "$said"
exit "$code""#;

fn repeated(once: Vec<String>, times: u32, pause: Duration) -> Vec<String> {
    let mut argv = shell(REPEAT).to_vec();
    argv.extend(["sh".to_owned(), times.to_string(), format!("{:.3}", pause.as_secs_f64())]);
    argv.extend(once);
    argv
}

/// Shells' code for a command that can't be run.
const CANNOT_RUN: i64 = 126;

async fn run_to_end(
    engine: &BollardEngine,
    container: &ContainerId,
    request: &ExecRequest,
    output: &mut Vec<u8>,
    exec: &mut Option<String>,
) -> Result<i64> {
    let mut io = match start(engine, container, request).await {
        Err(error) if error.kind == EngineErrorKind::CannotRun => {
            output.extend(error.message.bytes());
            return Ok(CANNOT_RUN);
        }
        started => started?,
    };
    *exec = Some(io.id.clone());
    while let Some(chunk) = io.output.next().await {
        let bytes = chunk?.bytes;
        if output.len() < PROBE_OUTPUT {
            output.extend(bytes);
        }
    }
    // The output ends shortly before the engine reports the exit code.
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(code) = exit_code(engine, &io.id).await? {
            return Ok(code);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}
