//! The engine as the rest of DevArch sees it. Each method is one engine call, or as few as the engines' differences
//! allow. None retries.

use crate::{BuildRequest, EngineError};
use async_trait::async_trait;
use devarch_core::{
    content::ContentDigest,
    engine::EngineInfo,
    id::{ContainerId, ImageId, NetworkId},
    name::{ContainerName, NetworkName, PhysicalVolume},
    observed::{HealthState, ImageInfo, ObservedContainer, ObservedNetwork, RunState},
    secret::Secret,
    spec::{CreateContainer, FileSpec, NetworkSpec},
    template::HealthTest,
    unit::Millis,
};
use futures_util::stream::BoxStream;
use std::{collections::BTreeMap, io, net::Ipv4Addr, pin::Pin, time::Duration};
use tokio::io::AsyncWrite;

type Result<T> = std::result::Result<T, EngineError>;

/// Source of the large contents of files.
#[async_trait]
pub trait Contents: Send + Sync {
    /// A part of a content, counted from 0; `None` after the last.
    async fn part(&self, digest: &ContentDigest, at: u32) -> io::Result<Option<Vec<u8>>>;
}

/// A container engine.
#[async_trait]
pub trait Engine: Send + Sync {
    /// What was learned about the engine when it was connected to. Makes no call.
    fn info(&self) -> &EngineInfo;

    /// All containers, running or not, whether managed by DevArch or not.
    async fn containers(&self) -> Result<Vec<ObservedContainer>>;
    /// All networks.
    async fn networks(&self) -> Result<Vec<ObservedNetwork>>;
    /// All volumes with their labels.
    async fn volumes(&self) -> Result<BTreeMap<String, BTreeMap<String, String>>>;
    /// An image by the name in a definition; `None` if it is absent.
    async fn image(&self, reference: &str) -> Result<Option<ImageInfo>>;
    /// A container's state in detail; `None` if it no longer exists.
    async fn inspect(&self, id: &ContainerId) -> Result<Option<Inspection>>;

    /// The variables a container was created with, including its image's; any may be a secret. `None` if it no longer
    /// exists.
    async fn environment(&self, id: &ContainerId) -> Result<BTreeMap<String, Secret>>;

    /// Pulls an image with the credentials found for its registry, reporting progress.
    async fn pull_image(
        &self,
        reference: &str,
        platform: Option<&str>,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Result<ImageInfo>;

    /// Builds and tags an image, reporting the output line by line. Dropping the future ends the build.
    async fn build_image(
        &self,
        request: &BuildRequest,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<ImageInfo>;

    /// Gives an image, identified by a name or its id, another name. An image that had the name keeps its other names.
    async fn tag_image(&self, image: &str, name: &str) -> Result<()>;

    /// Creates a network, isolated from every other bridge. Fails if one of that name exists.
    async fn create_network(
        &self,
        spec: &NetworkSpec,
        labels: &BTreeMap<String, String>,
    ) -> Result<NetworkId>;
    /// Removes a network, never by force. Succeeds if it no longer exists.
    async fn remove_network(&self, id: &NetworkId) -> Result<()>;
    /// Attaches a container with a fixed address and aliases.
    async fn connect(
        &self,
        network: &NetworkName,
        container: &ContainerId,
        address: Ipv4Addr,
        aliases: &[String],
    ) -> Result<()>;
    /// Detaches a container. Succeeds if it is not attached: an earlier call that timed out may have just been carried
    /// out.
    async fn disconnect(&self, network: &NetworkName, container: &ContainerId) -> Result<()>;

    /// Creates a volume. None of that name may exist (check first).
    async fn create_volume(&self, name: &PhysicalVolume, labels: &BTreeMap<String, String>) -> Result<()>;
    /// Removes a volume. Succeeds if it no longer exists.
    async fn remove_volume(&self, name: &PhysicalVolume) -> Result<()>;

    /// Makes the content of the volume `to` equal to that of `from`, deleting everything else in `to`. Both must exist,
    /// and no container may run with `to`; files that change in `from` meanwhile are copied in any state.
    ///
    /// A container of `image` does the copy; the image must be present and have `sh`, `rm` and `cp -a`. Hard links
    /// become files with a simple `cp` (busybox). An interrupted copy leaves `to` incomplete; copying again fixes that.
    async fn copy_volume(&self, from: &PhysicalVolume, to: &PhysicalVolume, image: &str) -> Result<()>;

    /// Creates a container, attached to its network, without starting it.
    async fn create_container(&self, request: &CreateContainer) -> Result<ContainerId>;
    /// Copies files into a container that is not started yet, in one archive, with mode and owner. Large contents are
    /// fetched part by part while the archive is sent.
    async fn put_files(
        &self,
        id: &ContainerId,
        files: &BTreeMap<String, FileSpec>,
        contents: &dyn Contents,
    ) -> Result<()>;
    /// Starts a container. Running already is fine.
    async fn start(&self, id: &ContainerId) -> Result<()>;
    /// Stops a container, killing it after its grace period. Stopped already is fine.
    async fn stop(&self, id: &ContainerId, grace: Option<Millis>) -> Result<()>;
    /// Gives a container another name.
    async fn rename(&self, id: &ContainerId, name: &ContainerName) -> Result<()>;
    /// Removes a stopped container, never its volumes. Succeeds if it no longer exists.
    async fn remove_container(&self, id: &ContainerId) -> Result<()>;

    /// Runs a health check's command in the container and waits for its end. `NONE` passes.
    async fn probe(&self, id: &ContainerId, probe: &Probe) -> Result<ProbeResult>;
    /// Runs the engine's own check once and records the result, on engines that do not schedule checks (Podman without
    /// systemd); each call counts as a check. `None` if the engine schedules them.
    async fn run_engine_check(&self, id: &ContainerId) -> Result<Option<HealthState>>;

    /// Running containers with a health check that only runs on request; empty if the engine schedules checks.
    async fn unattended_checks(&self) -> Result<Vec<ContainerId>>;

    /// A container's output. Where the engine answers late (Podman, before the first line), an error can be the
    /// stream's first item.
    async fn logs(&self, id: &ContainerId, options: &LogOptions) -> Result<LogStream>;
    /// Starts a command in a running container with its streams attached.
    async fn exec(&self, id: &ContainerId, request: &ExecRequest) -> Result<ExecIo>;
    /// Sets the terminal size of an exec.
    async fn resize_exec(&self, exec_id: &str, size: TerminalSize) -> Result<()>;
    /// How an exec ended; `None` while it runs.
    async fn exec_exit_code(&self, exec_id: &str) -> Result<Option<i64>>;
    /// Waits until a container has exited and returns its exit code.
    async fn wait(&self, id: &ContainerId) -> Result<ExitStatus>;
}

/// A container in detail.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Whether it runs.
    pub state: RunState,
    /// How it ended; meaningful only if it has exited.
    pub exit_code: i64,
    /// Whether the kernel killed it for lack of memory, if the engine reports that.
    pub out_of_memory: bool,
    /// The engine's message for a failed start.
    pub error: String,
    /// Whether it has ended and the engine is about to restart it.
    pub restarting: bool,
    /// How often the engine has restarted it.
    pub restarts: i64,
    /// When it was started (RFC 3339, the engine's clock); empty if never.
    pub started_at: String,
    /// When it ended (RFC 3339); empty or zero time while it runs.
    pub finished_at: String,
    /// The engine's own health result; `None` without a check. Not trusted on a stopped container.
    pub health: Option<HealthState>,
    /// When the last health check ended (RFC 3339), with its output.
    pub last_check: Option<(String, String)>,
    /// Image id.
    pub image_id: ImageId,
}

/// A health check's command for [`Engine::probe`].
#[derive(Debug, Clone)]
pub struct Probe {
    /// The command.
    pub test: HealthTest,
    /// Time it may take, all runs together.
    pub timeout: Duration,
    /// How often it is run.
    pub runs: Runs,
}

/// How often a probe's command is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// Once.
    Once,
    /// Until it passes, by a shell in the container: an exec costs an engine many times what the command itself does.
    /// The exit code is 126 or 127 if there is no shell.
    Repeated {
        /// Maximum number of runs.
        times: u32,
        /// Time between two runs.
        pause: Duration,
    },
}

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeResult {
    /// Exit code of the last run; `None` if it did not end in time.
    pub exit_code: Option<i64>,
    /// Its output, at most 4 KiB.
    pub output: String,
    /// The exec of one that did not end in time: no engine can kill it.
    pub unfinished: Option<String>,
}

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitStatus {
    /// Exit code.
    pub code: i64,
}

/// Progress of one layer, or of the whole pull.
#[derive(Debug, Clone, Default)]
pub struct PullProgress {
    /// The layer; empty for the pull itself.
    pub layer: String,
    /// The engine's status text.
    pub status: String,
    /// Bytes transferred and in total, if reported.
    pub bytes: Option<(u64, u64)>,
}

/// Which output of a container to read.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// Follow the output.
    pub follow: bool,
    /// Only this many of the last lines.
    pub tail: Option<u32>,
    /// Only output after this time (Unix seconds).
    pub since: Option<i64>,
    /// With the engine's time stamps.
    pub timestamps: bool,
}

/// A piece of output, not necessarily a whole line.
#[derive(Debug, Clone)]
pub struct LogChunk {
    /// Whether it was written to stderr.
    pub stderr: bool,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Output as it arrives.
pub type LogStream = BoxStream<'static, Result<LogChunk>>;

/// A command to run in a container.
#[derive(Debug, Clone, Default)]
pub struct ExecRequest {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Attach standard input.
    pub stdin: bool,
    /// Give it a terminal of this size.
    pub tty: Option<TerminalSize>,
    /// Run as this user.
    pub user: Option<String>,
    /// In this directory.
    pub working_dir: Option<String>,
    /// With these variables added (`NAME=value`).
    pub environment: Vec<String>,
}

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Characters per line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

/// A running exec with its streams.
pub struct ExecIo {
    /// The engine's id of it.
    pub id: String,
    /// Its standard input; dropping it closes it.
    pub stdin: Pin<Box<dyn AsyncWrite + Send>>,
    /// Its output, with a terminal all as stdout.
    pub output: LogStream,
}
