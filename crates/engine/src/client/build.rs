//! Images built from a directory, by the classic builder of Docker and by Podman's compatible call.

use super::{BollardEngine, Result, credentials, image};
use crate::{
    BuildRequest, EngineError, EngineErrorKind as Kind,
    build::{Context, Reuse, reuse},
    cause::{Answered, During, Failure},
    lines::{Lines, Silence},
    wire::{Call, encoded},
};
use devarch_core::{observed::ImageInfo, secret::REDACTED, text::Text};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write,
};

/// Lines of the failing step's output that are kept for the error.
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
        Context::of(&request.context, &request.dockerfile)
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
            Err(Failure::Answered(answer)) if engine.is_podman() && answer.message.contains(LOST_LAYER) => {
                tracing::debug!(message = answer.message, "built again");
                output = Output::new(request);
                built = send(engine, &path, (context()?, credentials.clone()), &mut output, progress).await;
            }
            _ => break,
        }
    }
    engine.names.forget();
    built.map_err(|failure| output.error(failure, &action()))?;
    let missing =
        || Failure::Answered(Answered { status: 404, message: "no such image after the build".to_owned() });
    image::inspect(engine, name).await?.ok_or_else(missing).during(action)
}

/// What Podman says of a build when another program removed an image while the cache was searched. The build gave its
/// image no name yet.
const LOST_LAYER: &str = "checking if cached image exists from a previous build";
/// How often a build is begun before that counts.
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
        if image::may_bring_triggers(engine, &base).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Intermediate containers go also when the build fails. A fresh build uses no layers of others, and leaves none.
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
    let mut lines = Lines::open(&engine.wire, call, Silence::Works).await?;
    while let Some(line) = lines.next().await? {
        let Ok(line) = serde_json::from_str::<Line>(&line) else {
            continue;
        };
        if let Some(message) = line.error {
            return Err(Failure::Answered(Answered { status: 500, message }));
        }
        let said = if line.stream.is_empty() { line.status } else { line.stream };
        for said in said.lines().filter(|said| !said.trim().is_empty()) {
            progress(output.hear(said).to_owned());
        }
    }
    Ok(())
}

/// What was said last, without secrets.
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
        // One that contains another goes first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets, step: None, last: VecDeque::new() }
    }

    fn clean(&self, said: &str) -> String {
        self.secrets.iter().fold(said.to_owned(), |said, secret| said.replace(secret, REDACTED))
    }

    /// Keeps a line and gives what may be shown of it.
    fn hear(&mut self, said: &str) -> &str {
        let said = self.clean(said);
        if is_step(&said) {
            self.last.clear();
            self.step.insert(said)
        } else {
            if self.last.len() == LAST_LINES {
                self.last.pop_front();
            }
            self.last.push_back(said);
            self.last.back().map_or("", String::as_str)
        }
    }

    /// Whether a base image is being had.
    fn is_at_base(&self) -> bool {
        let instruction = self.step.as_ref().and_then(|step| step.split_once(':'));
        instruction.is_some_and(|(_, instruction)| instruction.trim_start().starts_with("FROM "))
    }

    fn error(&self, failure: Failure, action: &str) -> EngineError {
        let by_engine = matches!(failure, Failure::Answered(_));
        let mut error = failure.into_error(action);
        // Words of a build are anybody's; these are the engine's own.
        let told = [Kind::DiskFull, Kind::NoImage, Kind::Unauthorized, Kind::Uncertain];
        if by_engine && !told.contains(&error.kind) {
            error.kind = if self.is_at_base() { Kind::NoImage } else { Kind::BuildFailed };
        }
        error.message = self.clean(error.message.trim_end());
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
fn is_step(said: &str) -> bool {
    let said = match said.split_once("] ") {
        Some((stage, rest)) if stage.starts_with('[') => rest,
        _ => said,
    };
    let number = said.strip_prefix("Step ").or_else(|| said.strip_prefix("STEP "));
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
    fn a_failure_tells_the_step_and_its_last_lines_without_secrets() {
        let mut output = Output::new(&request());
        for said in ["Step 1/2 : FROM x", "old", "Step 2/2 : RUN login hunter2", "as hunter2, fast"] {
            output.hear(said);
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
            output.hear(&format!("line {line}"));
        }
        assert_eq!((output.last.len(), output.last[0].as_str()), (20, "line 30"));
    }

    #[test]
    fn steps_of_both_engines_are_known() {
        for step in ["Step 2/3 : RUN make", "STEP 2/3: RUN make", "[1/2] STEP 2/3: RUN make"] {
            assert!(is_step(step), "{step}");
        }
        for other in ["Step by step: x", "STEPS 1: x", "[x] y", "---> 12"] {
            assert!(!is_step(other), "{other}");
        }
    }
}
