//! The engine over its API: bollard for changes, [`HttpTransport`] for reads.

mod archive;
mod build;
mod check;
mod container_body;
mod copy;
mod credentials;
mod exec;
mod gateway;
mod gratuitous_arp;
mod image;
mod isolation;
mod life;
mod list;
mod logs;
mod network;
mod podman_create;
mod podman_networks;
mod state;
mod transient;
mod volume;

use crate::{
    BuildRequest, Contents, Engine, EngineError, EngineErrorKind, ExecIo, ExecRequest, ExitStatus,
    Inspection, LogOptions, LogStream, Probe, ProbeResult, PullProgress, TerminalSize,
    cause::Failure,
    find::Endpoint,
    http_transport::{HttpTransport, within},
};
use async_trait::async_trait;
use bollard::{API_DEFAULT_VERSION, Docker};
use devarch_core::{
    engine::{EngineInfo, EngineKind},
    id::{ContainerId, NetworkId},
    name::{ContainerName, NetworkName, PhysicalVolume},
    observed::{HealthState, ImageInfo, ObservedContainer, ObservedNetwork},
    secret::Secret,
    spec::{CreateContainer, FileSpec, NetworkSpec},
    unit::Millis,
};
use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

type Result<T> = std::result::Result<T, EngineError>;

/// Prefix of Podman's own API, used where its compatible one is lacking. 4.0.0 is the oldest version still served.
const LIBPOD: &str = "/v4.0.0/libpod";

/// Passed to bollard for an unlimited time.
const NO_LIMIT: Duration = Duration::from_hours(365 * 24);

/// Docker or Podman, through the API both speak.
#[derive(Debug)]
pub struct BollardEngine {
    docker: Docker,
    http: HttpTransport,
    info: EngineInfo,
    names: image::Names,
    isolation: isolation::Isolation,
    gratuitous_arp: gratuitous_arp::GratuitousArp,
    checks: check::Checks,
}

impl BollardEngine {
    pub(crate) fn new(http: HttpTransport, info: EngineInfo) -> Result<Self> {
        // Calls are timed here with their whole answers; bollard would watch the head only.
        let seconds = NO_LIMIT.as_secs();
        // bollard 0.21 puts no version into its paths whatever is given here, so none is negotiated: that would be a
        // call of 270 ms on Podman.
        let docker = match http.endpoint() {
            Endpoint::Unix(path) => {
                Docker::connect_with_unix(&path.to_string_lossy(), seconds, API_DEFAULT_VERSION)
            }
            Endpoint::Tcp(address) => {
                Docker::connect_with_http(&format!("tcp://{address}"), seconds, API_DEFAULT_VERSION)
            }
        };
        let docker = docker.map_err(|error| {
            let action = format!("connect to {}", http.endpoint());
            EngineError::new(action, EngineErrorKind::NotRunning, error.to_string())
        })?;
        let isolation = isolation::Isolation::new(http.clone());
        let gratuitous_arp = gratuitous_arp::GratuitousArp::new(&info, http.endpoint());
        let (names, checks) = (image::Names::default(), check::Checks::default());
        Ok(Self { docker, http, info, names, isolation, gratuitous_arp, checks })
    }

    fn is_podman(&self) -> bool {
        self.info.kind == EngineKind::Podman
    }

    /// One of bollard's calls, with the time an ordinary call may take.
    async fn timed<T>(
        &self,
        call: impl Future<Output = std::result::Result<T, bollard::errors::Error>>,
    ) -> std::result::Result<T, Failure> {
        within(self.http.timeout(), call).await
    }
}

#[async_trait]
impl Engine for BollardEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn containers(&self) -> Result<Vec<ObservedContainer>> {
        list::containers(self).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn networks(&self) -> Result<Vec<ObservedNetwork>> {
        network::list(self).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn volumes(&self) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
        volume::list(self).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn image(&self, reference: &str) -> Result<Option<ImageInfo>> {
        image::inspect(self, reference).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn inspect(&self, id: &ContainerId) -> Result<Option<Inspection>> {
        state::inspect(self, id).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn environment(&self, id: &ContainerId) -> Result<BTreeMap<String, Secret>> {
        state::environment(self, id).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn pull_image(
        &self,
        reference: &str,
        platform: Option<&str>,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Result<ImageInfo> {
        image::pull(self, reference, platform, progress).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn build_image(
        &self,
        request: &BuildRequest,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<ImageInfo> {
        build::build(self, request, progress).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn tag_image(&self, image: &str, name: &str) -> Result<()> {
        image::tag(self, image, name).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn create_network(
        &self,
        spec: &NetworkSpec,
        labels: &BTreeMap<String, String>,
    ) -> Result<NetworkId> {
        network::create(self, spec, labels).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn remove_network(&self, id: &NetworkId) -> Result<()> {
        network::remove(self, id).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn connect(
        &self,
        network: &NetworkName,
        container: &ContainerId,
        address: Ipv4Addr,
        aliases: &[String],
    ) -> Result<()> {
        network::connect(self, network, container, network::endpoint(address, aliases)).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn disconnect(&self, network: &NetworkName, container: &ContainerId) -> Result<()> {
        network::disconnect(self, network, container).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn create_volume(&self, name: &PhysicalVolume, labels: &BTreeMap<String, String>) -> Result<()> {
        volume::create(self, name, labels).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn remove_volume(&self, name: &PhysicalVolume) -> Result<()> {
        volume::remove(self, name).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn copy_volume(&self, from: &PhysicalVolume, to: &PhysicalVolume, image: &str) -> Result<()> {
        copy::copy(self, from, to, image).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn create_container(&self, request: &CreateContainer) -> Result<ContainerId> {
        life::create(self, request).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn put_files(
        &self,
        id: &ContainerId,
        files: &BTreeMap<String, FileSpec>,
        contents: &dyn Contents,
    ) -> Result<()> {
        archive::put(self, id, files, contents).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn start(&self, id: &ContainerId) -> Result<()> {
        life::start(self, id).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn stop(&self, id: &ContainerId, grace: Option<Millis>) -> Result<()> {
        life::stop(self, id, grace).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn rename(&self, id: &ContainerId, name: &ContainerName) -> Result<()> {
        life::rename(self, id, name).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn remove_container(&self, id: &ContainerId) -> Result<()> {
        life::remove(self, id).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn probe(&self, id: &ContainerId, probe: &Probe) -> Result<ProbeResult> {
        exec::probe(self, id, probe).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn run_engine_check(&self, id: &ContainerId) -> Result<Option<HealthState>> {
        state::run_engine_check(self, id).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn unattended_checks(&self) -> Result<Vec<ContainerId>> {
        list::unattended_checks(self).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn logs(&self, id: &ContainerId, options: &LogOptions) -> Result<LogStream> {
        logs::open(self, id, options).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn exec(&self, id: &ContainerId, request: &ExecRequest) -> Result<ExecIo> {
        exec::start(self, id, request).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn resize_exec(&self, exec_id: &str, size: TerminalSize) -> Result<()> {
        exec::resize(self, exec_id, size).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn exec_exit_code(&self, exec_id: &str) -> Result<Option<i64>> {
        exec::exit_code(self, exec_id).await
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn wait(&self, id: &ContainerId) -> Result<ExitStatus> {
        life::wait(self, id).await
    }
}
