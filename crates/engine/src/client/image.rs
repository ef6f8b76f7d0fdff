//! Images. On Podman through its own API: the compatible one resolves every short name to Docker Hub, so that
//! `registries.conf` would be ignored.

use super::{BollardEngine, LIBPOD, Result, credentials, state, transient};
use crate::{
    EngineErrorKind, PullProgress,
    cause::{Answered, During, Failure},
    http_transport::{Call, encoded},
    lines::{Lines, Silence},
};
use bollard::query_parameters::TagImageOptions;
use devarch_core::{
    image_ref::ImageRef,
    observed::ImageInfo,
    port::{PortKey, Protocol},
    template::{HealthTest, Healthcheck},
    unit::Millis,
};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    repo_tags: Option<Vec<String>>,
    config: Option<Config>,
    #[serde(alias = "HealthCheck")]
    healthcheck: Option<Check>,
    #[serde(default)]
    history: Vec<Layer>,
}

/// How a layer was created; reported by Podman only.
#[derive(Deserialize)]
struct Layer {
    #[serde(default)]
    created_by: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Config {
    user: Option<String>,
    cmd: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
    exposed_ports: Option<BTreeMap<String, Value>>,
    volumes: Option<BTreeMap<String, Value>>,
    healthcheck: Option<Check>,
}

/// Durations in nanoseconds; 0 is the default.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Check {
    test: Option<Vec<String>>,
    interval: Option<u64>,
    timeout: Option<u64>,
    retries: Option<u32>,
    start_period: Option<u64>,
    start_interval: Option<u64>,
}

impl From<Inspected> for ImageInfo {
    fn from(found: Inspected) -> Self {
        let config = found.config.unwrap_or_default();
        Self {
            id: state::image_id(&found.id),
            labels: config.labels.unwrap_or_default(),
            volumes: config.volumes.unwrap_or_default().into_keys().collect(),
            healthcheck: config.healthcheck.or(found.healthcheck).and_then(healthcheck),
            user: config.user.unwrap_or_default(),
            exposed: config
                .exposed_ports
                .unwrap_or_default()
                .keys()
                .filter_map(|key| port_key(key))
                .collect(),
        }
    }
}

fn healthcheck(check: Check) -> Option<Healthcheck> {
    let millis = |nanos: Option<u64>| nanos.filter(|n| *n > 0).map(|n| Millis(n / 1_000_000));
    Some(Healthcheck {
        test: HealthTest::from_argv(&check.test.unwrap_or_default())?,
        interval: millis(check.interval),
        timeout: millis(check.timeout),
        retries: check.retries.filter(|times| *times > 0),
        start_period: millis(check.start_period),
        start_interval: millis(check.start_interval),
    })
}

fn port_key(text: &str) -> Option<PortKey> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return None,
    };
    Some(PortKey { target: port.parse().ok()?, protocol })
}

pub(super) async fn inspect(engine: &BollardEngine, reference: &str) -> Result<Option<ImageInfo>> {
    Ok(look_up(engine, reference).await?.map(ImageInfo::from))
}

async fn look_up(engine: &BollardEngine, reference: &str) -> Result<Option<Inspected>> {
    let api = if engine.is_podman() { LIBPOD } else { "" };
    let call = || Call::get(format!("{api}/images/{}/json", encoded(reference)));
    transient::find(engine, call).await.during(|| format!("inspect image {reference}"))
}

/// An image's default command.
pub(super) async fn command(engine: &BollardEngine, reference: &str) -> Result<Option<Vec<String>>> {
    let config = look_up(engine, reference).await?.and_then(|image| image.config);
    Ok(config.and_then(|config| config.cmd))
}

/// Whether a build on this image may start with `ONBUILD` instructions, on Podman: they are missing in its inspect but
/// not in its history. Unknown if the image is absent.
pub(super) async fn may_have_onbuild(engine: &BollardEngine, reference: &str) -> Result<bool> {
    let found = look_up(engine, reference).await?;
    Ok(found.is_none_or(|found| found.history.iter().any(|layer| layer.created_by.contains("ONBUILD"))))
}

/// Gives an image another name, as a build would: through the compatible API on Podman too, which takes a short name for
/// Docker Hub's. So a name means the same image whether it was built or tagged.
pub(super) async fn tag(engine: &BollardEngine, image: &str, name: &str) -> Result<()> {
    let (repository, tag) = repository_and_tag(name);
    let options = TagImageOptions { repo: Some(repository), tag: Some(tag.to_owned()) };
    let done = engine.timed(engine.docker.tag_image(image, Some(options))).await;
    engine.names.clear();
    done.during(|| format!("tag image {image} as {name}"))
}

/// How long a resolved short name is cached: long enough for the containers of one apply, each of which would otherwise
/// cost another lookup of the same image.
const NAME_TTL: Duration = Duration::from_secs(5);

/// A short-lived cache of resolved short names.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<BTreeMap<String, (Instant, String)>>);

impl Names {
    fn get(&self, reference: &str) -> Option<String> {
        let names = self.0.lock();
        names.get(reference).filter(|(found, _)| found.elapsed() < NAME_TTL).map(|(_, name)| name.clone())
    }

    fn keep(&self, reference: &str, name: &str) {
        let mut names = self.0.lock();
        names.insert(reference.to_owned(), (Instant::now(), name.to_owned()));
    }

    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }
}

/// The name by which Podman's compatible create call finds the image that a short name means to Podman.
pub(super) async fn name_for_create(engine: &BollardEngine, reference: &str) -> Result<String> {
    if !engine.is_podman() || registry(reference).is_some() {
        return Ok(reference.to_owned());
    }
    if let Some(name) = engine.names.get(reference) {
        return Ok(name);
    }
    let Some(found) = look_up(engine, reference).await? else { return Ok(reference.to_owned()) };
    let tagged = format!("/{}", with_tag(reference));
    let tags = found.repo_tags.unwrap_or_default();
    let name = tags.into_iter().find(|name| name.ends_with(&tagged)).unwrap_or(found.id);
    engine.names.keep(reference, &name);
    Ok(name)
}

/// The registry that a name starts with.
pub(super) fn registry(reference: &str) -> Option<&str> {
    ImageRef::parse(reference).ok()?.registry
}

/// A name split for the tag call. Without a tag it means `latest`.
fn repository_and_tag(name: &str) -> (String, &str) {
    match ImageRef::parse(name) {
        Ok(image) => {
            (ImageRef { tag: None, digest: None, ..image }.to_string(), image.tag.unwrap_or("latest"))
        }
        Err(_) => (name.to_owned(), "latest"),
    }
}

/// Adds the default tag, because Docker's pull call without a tag pulls all tags.
fn with_tag(reference: &str) -> String {
    match ImageRef::parse(reference) {
        Ok(ImageRef { tag: None, digest: None, .. }) => format!("{reference}:latest"),
        _ => reference.to_owned(),
    }
}

pub(super) async fn pull(
    engine: &BollardEngine,
    reference: &str,
    platform: Option<&str>,
    progress: &(dyn Fn(PullProgress) + Send + Sync),
) -> Result<ImageInfo> {
    let action = || format!("pull image {reference}");
    let credentials = credentials::find(engine.info.kind, reference, registry(reference)).await;
    let mut call = Call::post(pull_path(engine.is_podman(), reference, platform));
    if let Some(header) = credentials.header {
        call = call.header("X-Registry-Auth", header);
    }
    let pulled = follow(engine, call, progress).await.during(action).map_err(|mut error| {
        if error.kind == EngineErrorKind::Other {
            error.kind = EngineErrorKind::NoImage;
        }
        if let Some(problem) = credentials.problem {
            error.message = format!("{}; its credentials are not available: {problem}", error.message);
        }
        error
    });
    engine.names.clear();
    pulled?;
    let missing =
        || Failure::Answered(Answered { status: 404, message: "no such image after the pull".to_owned() });
    inspect(engine, reference).await?.ok_or_else(missing).during(action)
}

fn pull_path(podman: bool, reference: &str, platform: Option<&str>) -> String {
    let name = encoded(&with_tag(reference));
    let platform = platform.unwrap_or_default();
    if !podman {
        return format!("/images/create?fromImage={name}&platform={}", encoded(platform));
    }
    let mut path = format!("{LIBPOD}/images/pull?reference={name}");
    for (key, value) in ["OS", "Arch", "Variant"].into_iter().zip(platform.split('/')) {
        if !value.is_empty() {
            path.extend(["&", key, "=", &encoded(value)]);
        }
    }
    path
}

/// A line of either engine's progress.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Line {
    id: String,
    status: String,
    stream: String,
    error: Option<String>,
    progress_detail: Option<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    current: Option<u64>,
    total: Option<u64>,
}

impl Line {
    fn into_progress(self) -> PullProgress {
        let status = if self.status.is_empty() { self.stream } else { self.status };
        PullProgress {
            layer: self.id,
            status: status.trim_end().to_owned(),
            bytes: self.progress_detail.and_then(|detail| Some((detail.current?, detail.total?))),
        }
    }
}

/// Podman always answers 200; both engines report failures in the progress. Docker reports the progress of every layer,
/// Podman nothing while it fetches one.
async fn follow(
    engine: &BollardEngine,
    call: Call,
    progress: &(dyn Fn(PullProgress) + Send + Sync),
) -> std::result::Result<(), Failure> {
    let silence = if engine.is_podman() { Silence::Works } else { Silence::Stuck };
    let mut lines = Lines::open(&engine.http, call, silence).await?;
    while let Some(line) = lines.next().await? {
        let Ok(line) = serde_json::from_str::<Line>(&line) else {
            continue;
        };
        match line.error {
            Some(message) => {
                return Err(Failure::Answered(Answered { status: 500, message }));
            }
            None => progress(line.into_progress()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_distinguished_from_a_user_name() {
        assert_eq!(registry("ghcr.io/a/b"), Some("ghcr.io"));
        assert_eq!(registry("localhost/b"), Some("localhost"));
        assert_eq!(registry("box:5000/b"), Some("box:5000"));
        assert_eq!(registry("library/redis"), None);
        assert_eq!(registry("redis:7"), None);
    }

    #[test]
    fn a_name_without_a_tag_means_latest() {
        assert_eq!(with_tag("redis"), "redis:latest");
        assert_eq!(with_tag("box:5000/redis"), "box:5000/redis:latest");
        assert_eq!(with_tag("redis@sha256:00"), "redis@sha256:00");
    }

    #[test]
    fn a_name_is_split_for_a_tag_call() {
        let of = |name: &'static str| repository_and_tag(name);
        assert_eq!(of("redis"), ("redis".to_owned(), "latest"));
        assert_eq!(of("box:5000/redis"), ("box:5000/redis".to_owned(), "latest"));
        assert_eq!(of("box:5000/redis:7"), ("box:5000/redis".to_owned(), "7"));
        let digest = "redis@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        assert_eq!(of(digest), ("redis".to_owned(), "latest"));
    }

    #[test]
    fn a_platform_is_passed_in_each_engines_format() {
        let path = pull_path(true, "redis:7", Some("linux/arm64/v8"));
        assert!(path.ends_with("reference=redis:7&OS=linux&Arch=arm64&Variant=v8"), "{path}");
        let path = pull_path(false, "redis", Some("linux/arm64"));
        assert!(path.ends_with("fromImage=redis:latest&platform=linux/arm64"), "{path}");
    }

    #[test]
    fn short_names_are_resolved_again_after_a_pull() {
        let names = Names::default();
        assert_eq!(names.get("redis:7"), None);
        names.keep("redis:7", "docker.io/library/redis:7");
        assert_eq!(names.get("redis:7").as_deref(), Some("docker.io/library/redis:7"));
        names.clear();
        assert_eq!(names.get("redis:7"), None);
    }
}
