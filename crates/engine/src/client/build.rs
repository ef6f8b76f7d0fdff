//! Builds images from a directory, with Docker's classic builder or Podman's compatible call.

use super::{BollardEngine, Result, credentials, image};
use crate::{
    BuildRequest, EngineError, EngineErrorKind as Kind,
    build::{Context, Reuse, reuse},
    cause::{Answered, During, Failure},
    http_transport::{Call, encoded},
    lines::{Lines, Silence},
};
use devarch_core::{observed::ImageInfo, secret::REDACTED, text::Text};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write,
};

/// Number of output lines of the failing step that an error includes.
const LAST_LINES: usize = 20;

/// Dropping the future closes the connection, at which both engines end the build.
pub(super) async fn build(
    engine: &BollardEngine,
    request: &BuildRequest,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<ImageInfo> {
    let action = || format!("build image {}", request.tags.join(" and "));
    let name = request.tags.first().map_or("", String::as_str);
    let context = || {
        Context::new(&request.context, &request.dockerfile)
            .map_err(|invalid| EngineError::new(action(), Kind::BuildFailed, invalid.to_string()))
    };
    let first = context()?;
    let fresh = !may_reuse(engine, &first, request).await?;
    let path = path(request, first.dockerfile(), fresh);
    let credentials = credentials::find_all(engine.info.kind, first.bases()).await;
    let mut output = Output::new(request);
    let mut built = send(engine, &path, (first, credentials.clone()), &mut output, progress).await;
    for _ in 1..ATTEMPTS {
        match &built {
            Err(Failure::Answered(answer))
                if engine.is_podman() && answer.message.contains(LOST_CACHED_LAYER) =>
            {
                tracing::debug!(message = answer.message, "built again");
                output = Output::new(request);
                built = send(engine, &path, (context()?, credentials.clone()), &mut output, progress).await;
            }
            _ => break,
        }
    }
    engine.names.clear();
    built.map_err(|failure| output.error(failure, &action()))?;
    let missing =
        || Failure::Answered(Answered { status: 404, message: "no such image after the build".to_owned() });
    image::inspect(engine, name).await?.ok_or_else(missing).during(action)
}

/// Podman's message when another program removed an image while the build cache was searched. The build has not tagged
/// an image yet.
const LOST_CACHED_LAYER: &str = "checking if cached image exists from a previous build";
/// How often a build is started before that error is final.
const ATTEMPTS: u32 = 3;

async fn send(
    engine: &BollardEngine,
    path: &str,
    (context, credentials): (Context, Option<String>),
    output: &mut Output,
    progress: &(dyn Fn(String) + Send + Sync),
) -> std::result::Result<(), Failure> {
    let mut call = Call::post(path);
    if let Some(header) = credentials {
        call = call.header("X-Registry-Config", header);
    }
    follow(engine, call.tar(context.archive()), output, progress).await
}

/// Whether layers of earlier builds may be used. A Dockerfile that cannot be read is refused by the engine.
async fn may_reuse(engine: &BollardEngine, context: &Context, request: &BuildRequest) -> Result<bool> {
    if !engine.is_podman() {
        return Ok(true);
    }
    let Reuse::UnlessTriggered(bases) = reuse(&context.instructions(), &request.args) else {
        return Ok(false);
    };
    for base in bases {
        if image::may_have_onbuild(engine, &base).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Intermediate containers are removed even if the build fails. A build without cache neither uses nor leaves layers.
fn path(request: &BuildRequest, dockerfile: &str, fresh: bool) -> String {
    let args: BTreeMap<&str, &str> =
        request.args.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect();
    let mut path = format!(
        "/build?dockerfile={}&rm=true&forcerm=true&buildargs={}&labels={}",
        encoded(dockerfile),
        encoded(&serde_json::json!(args).to_string()),
        encoded(&serde_json::json!(request.labels).to_string()),
    );
    for tag in &request.tags {
        path.extend(["&t=", &encoded(tag)]);
    }
    for (key, value) in [("target", &request.target), ("platform", &request.platform)] {
        if let Some(value) = value {
            path.extend(["&", key, "=", &encoded(value)]);
        }
    }
    if request.pull {
        path.push_str("&pull=true");
    }
    if fresh {
        path.push_str("&nocache=true&layers=false");
    }
    path
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Line {
    stream: String,
    status: String,
    error: Option<String>,
}

async fn follow(
    engine: &BollardEngine,
    call: Call,
    output: &mut Output,
    progress: &(dyn Fn(String) + Send + Sync),
) -> std::result::Result<(), Failure> {
    let mut lines = Lines::open(&engine.http, call, Silence::Works).await?;
    while let Some(line) = lines.next().await? {
        let Ok(line) = serde_json::from_str::<Line>(&line) else {
            continue;
        };
        if let Some(message) = line.error {
            return Err(Failure::Answered(Answered { status: 500, message }));
        }
        let line = if line.stream.is_empty() { line.status } else { line.stream };
        for line in line.lines().filter(|line| !line.trim().is_empty()) {
            progress(output.record(line).to_owned());
        }
    }
    Ok(())
}

/// The last output lines, without secrets.
struct Output {
    secrets: Vec<String>,
    step: Option<String>,
    last: VecDeque<String>,
}

impl Output {
    fn new(request: &BuildRequest) -> Self {
        let secret = request.args.values().filter(|value| value.is_secret()).map(Text::reveal);
        let mut secrets: Vec<String> =
            secret.flat_map(str::lines).filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        // Secrets that contain other secrets are replaced first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets, step: None, last: VecDeque::new() }
    }

    fn redact(&self, line: &str) -> String {
        self.secrets.iter().fold(line.to_owned(), |line, secret| line.replace(secret, REDACTED))
    }

    /// Records a line and returns it without secrets.
    fn record(&mut self, line: &str) -> &str {
        let line = self.redact(line);
        if is_step(&line) {
            self.last.clear();
            self.step.insert(line)
        } else {
            if self.last.len() == LAST_LINES {
                self.last.pop_front();
            }
            self.last.push_back(line);
            self.last.back().map_or("", String::as_str)
        }
    }

    /// Whether a base image is being pulled.
    fn is_pulling_base(&self) -> bool {
        let instruction = self.step.as_ref().and_then(|step| step.split_once(':'));
        instruction.is_some_and(|(_, instruction)| instruction.trim_start().starts_with("FROM "))
    }

    fn error(&self, failure: Failure, action: &str) -> EngineError {
        let by_engine = matches!(failure, Failure::Answered(_));
        let mut error = failure.into_error(action);
        // A build's output can contain any text; these kinds come from the engine itself.
        let engine_kinds = [Kind::DiskFull, Kind::NoImage, Kind::Unauthorized, Kind::Uncertain];
        if by_engine && !engine_kinds.contains(&error.kind) {
            error.kind = if self.is_pulling_base() { Kind::NoImage } else { Kind::BuildFailed };
        }
        error.message = self.redact(error.message.trim_end());
        if let Some(step) = &self.step {
            let _ = write!(error.message, "; it failed at {step}");
        }
        if !self.last.is_empty() {
            let last: Vec<&str> = self.last.iter().map(String::as_str).collect();
            let _ = write!(error.message, "\n{}", last.join("\n"));
        }
        error
    }
}

/// `Step 2/3 : RUN make`, `STEP 2/3: RUN make`, `[1/2] STEP 2/3: RUN make`.
fn is_step(line: &str) -> bool {
    let line = match line.split_once("] ") {
        Some((stage, rest)) if stage.starts_with('[') => rest,
        _ => line,
    };
    let number = line.strip_prefix("Step ").or_else(|| line.strip_prefix("STEP "));
    number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()) && number.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> BuildRequest {
        let mut request = BuildRequest::new("/nowhere", "app:1");
        request.args.insert("TOKEN".to_owned(), Text::secret("hunter2"));
        request.args.insert("MODE".to_owned(), Text::plain("fast"));
        request
    }

    #[test]
    fn a_failure_reports_the_step_and_its_last_lines_without_secrets() {
        let mut output = Output::new(&request());
        for line in ["Step 1/2 : FROM x", "old", "Step 2/2 : RUN login hunter2", "as hunter2, fast"] {
            output.record(line);
        }
        let message =
            "The command '|1 TOKEN=hunter2 /bin/sh -c login' returned a non-zero code: 3".to_owned();
        let failure = Failure::Answered(Answered { status: 500, message });
        let error = output.error(failure, "build image app:1");
        assert_eq!(error.kind, Kind::BuildFailed);
        let want = "The command '|1 TOKEN=[REDACTED] /bin/sh -c login' returned a non-zero code: 3; it failed at \
                    Step 2/2 : RUN login [REDACTED]\nas [REDACTED], fast";
        assert_eq!(error.message, want);
    }

    #[test]
    fn only_the_last_lines_of_a_step_are_kept() {
        let mut output = Output::new(&request());
        for line in 0..50 {
            output.record(&format!("line {line}"));
        }
        assert_eq!((output.last.len(), output.last[0].as_str()), (20, "line 30"));
    }

    #[test]
    fn steps_of_both_engines_are_recognized() {
        for step in ["Step 2/3 : RUN make", "STEP 2/3: RUN make", "[1/2] STEP 2/3: RUN make"] {
            assert!(is_step(step), "{step}");
        }
        for other in ["Step by step: x", "STEPS 1: x", "[x] y", "---> 12"] {
            assert!(!is_step(other), "{other}");
        }
    }
}
