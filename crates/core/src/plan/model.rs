//! The data types of a plan.

use super::{Change, Conflict};
use crate::{
    build::BuildSpec,
    desired::ContainerRecipe,
    diagnostic::Problem,
    engine::EngineKind,
    id::{ApplyId, ContainerId, ImageId, NetworkId},
    name::{ContainerName, InstanceName, NetworkName, PhysicalVolume, StackName},
    ownership::{CreatedObject, ObjectKind},
    plan::GivenBack,
    readiness::Readiness,
    resolve::{Provisioning, Supply},
    spec::{Attachment, FileSpec, Identity, NetworkSpec, VolumeSpec},
    unit::Millis,
    wire::{Unwired, Wire},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Everything an apply will do, in order and with reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The stack.
    pub stack: String,
    /// The engine the plan is for.
    pub engine: EngineKind,
    /// The engine's version.
    pub engine_version: String,
    /// The stack's network.
    pub network: NetworkSpec,
    /// The changes by subject; anything not listed stays as it is.
    pub changes: Vec<Change>,
    /// Images that an apply looks up or rebuilds before it plans: their ids are known only then.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unsettled: BTreeMap<String, Supply>,
    /// The wires of every desired instance, including unchanged ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wires: Vec<Wire>,
    /// Imports that are wired in the running containers but no longer in the definition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unwired: Vec<Unwired>,
    /// Volumes with data of removed instances that other instances take over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub takeovers: Vec<Takeover>,
    /// Warnings.
    pub warnings: Vec<Problem>,
    /// Notes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Problem>,
    /// Volumes that no instance of the stack uses any more. They are kept.
    pub unused_volumes: Vec<PhysicalVolume>,
    /// The engine calls; each runs after the steps it names.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Returns the images whose ids are known only while the plan is carried out.
    pub fn unsettled_images(&self) -> BTreeSet<&str> {
        let supplied = self.steps.iter().flat_map(|step| match &step.action {
            Action::PullImage { image, .. } => std::slice::from_ref(image),
            Action::BuildImage { tags, .. } => tags.as_slice(),
            _ => &[],
        });
        supplied.chain(self.unsettled.keys()).map(String::as_str).collect()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// A step's index in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StepId(pub usize);

/// One engine call or one wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The instance it belongs to; `None` for the network and for objects that no instance owns any more.
    pub instance: Option<InstanceName>,
    /// The engine call or wait.
    pub action: Action,
    /// The reason for the step.
    #[serde(skip)]
    pub cause: Cause,
    /// The steps that have to be done before.
    pub after: BTreeSet<StepId>,
}

/// A change's index in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeId(pub usize);

/// The reason for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A change of the plan.
    Change(ChangeId),
    /// Checks an unchanged container that never became ready, or may not have.
    Proof,
    /// The commit point: all new objects are verified before it.
    Commit,
    /// Restores the state before an apply.
    Undo,
}

/// Returns the steps that no other step waits for yet.
pub(super) fn ends(steps: &[Step]) -> BTreeSet<StepId> {
    let awaited: BTreeSet<StepId> = steps.iter().flat_map(|step| &step.after).copied().collect();
    (0..steps.len()).map(StepId).filter(|step| !awaited.contains(step)).collect()
}

/// A container that exists, or that a step of the plan creates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerRef {
    /// Existed when the plan was made.
    Existing(ContainerId),
    /// Created by that step.
    MadeBy(StepId),
}

/// A container that should still be running shortly after its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "(InstanceName, ContainerRef)")]
pub struct RunningCheck {
    /// Its instance.
    pub instance: InstanceName,
    /// The container.
    pub container: ContainerRef,
    /// The state to check for.
    pub expected: Expected,
}

impl From<RunningCheck> for (InstanceName, ContainerRef) {
    fn from(check: RunningCheck) -> Self {
        (check.instance, check.container)
    }
}

/// The state that proves a container has been running since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Running: its engine does not restart exited containers. One list of all containers is enough to check this.
    Running,
    /// Running and never restarted: a container in a restart loop would otherwise look as if it were running.
    NeverRestarted,
}

/// A container that should have been created from the planned image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageCheck {
    /// Its instance.
    pub instance: InstanceName,
    /// The container.
    pub container: ContainerRef,
    /// The name of the image.
    pub image: String,
    /// The image id that the name referred to.
    pub planned: ImageId,
}

/// An engine call or a wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants' documentation names their fields")]
pub enum Action {
    /// Pull an image that is absent.
    PullImage { image: String, platform: Option<String> },
    /// Build an image under these names.
    BuildImage { tags: Vec<String>, spec: Box<BuildSpec> },
    /// Tag an image built earlier from the same sources with the name that containers are created from.
    AdoptImage { image: ImageId, tag: String },
    /// Tag a build with the name in the definition.
    TagImage { image: String, name: String },
    /// Create the stack's network.
    CreateNetwork { spec: NetworkSpec, identity: Identity },
    /// Remove a network.
    RemoveNetwork { id: NetworkId, name: NetworkName },
    /// Create a volume.
    CreateVolume { spec: VolumeSpec, identity: Identity },
    /// Copy a volume's content to another volume, replacing what that one holds; no container may be running on it.
    CopyVolume(VolumeCopy),
    /// Remove a copy that the same apply created; no other volume is ever removed.
    RemoveVolume { name: PhysicalVolume },
    /// Create a container, possibly under a temporary name.
    CreateContainer { name: ContainerName, made: Box<ContainerRecipe> },
    /// Record changed properties of a container that itself stays unchanged, such as its dependencies.
    Remember { made: Box<ContainerRecipe> },
    /// Write the config files into a container.
    PutFiles { container: ContainerRef, files: BTreeMap<String, FileSpec> },
    /// Connect a container to its network again.
    Connect { container: ContainerRef, attachment: Attachment },
    /// Disconnect a container from a network that is not its stack's.
    Disconnect { container: ContainerRef, network: NetworkName },
    /// Create a consumer's own login in its provider's container; an existing login is kept.
    Provision { container: ContainerRef, provisioning: Box<Provisioning> },
    /// Start a container.
    Start { container: ContainerRef },
    /// Stop a container, killing it after its grace period.
    Stop { container: ContainerRef, grace: Option<Millis> },
    /// Rename a container.
    Rename { container: ContainerRef, to: ContainerName },
    /// Remove a container; its volumes are kept.
    RemoveContainer { container: ContainerRef, name: ContainerName },
    /// Wait until a container is ready.
    Await { container: ContainerRef, readiness: Readiness },
    /// Check that started containers without a health check are still running shortly after; also checks the same as
    /// [`VerifyImages`](Self::VerifyImages), with the same requests.
    Verify {
        #[serde(rename = "containers")]
        running: Vec<RunningCheck>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        images: Vec<ImageCheck>,
    },
    /// Check that containers were created from the planned images.
    VerifyImages { images: Vec<ImageCheck> },
}

impl Action {
    /// Returns the object this action creates, to be recorded before the engine is called; the id is added once it
    /// has answered.
    pub fn creates(&self, apply: &ApplyId) -> Option<CreatedObject> {
        let (kind, name, identity, hash) = match self {
            Self::CreateContainer { name, made } => {
                (ObjectKind::Container, name.to_string(), &made.identity, made.hash.clone())
            }
            Self::CreateNetwork { spec, identity } => {
                (ObjectKind::Network, spec.name.to_string(), identity, spec.hash())
            }
            Self::CreateVolume { spec, identity } => {
                (ObjectKind::Volume, spec.name.to_string(), identity, String::new())
            }
            _ => return None,
        };
        Some(CreatedObject {
            kind,
            name,
            id: None,
            stack: identity.stack.clone(),
            instance: identity.instance.as_ref().map(|instance| instance.id.clone()),
            apply: apply.clone(),
            hash,
        })
    }

    /// Returns the existing container this action removes.
    pub fn removes(&self) -> Option<&ContainerId> {
        match self {
            Self::RemoveContainer { container: ContainerRef::Existing(id), .. } => Some(id),
            _ => None,
        }
    }

    /// Whether this action removes or disconnects replaced, unneeded or wrongly connected objects, or tags a build
    /// with its name in the definition. In a plan these come last: an apply can be rolled back until the first
    /// cleanup, and only goes forward after that.
    pub fn is_cleanup(&self) -> bool {
        matches!(
            self,
            Self::RemoveContainer { .. }
                | Self::RemoveNetwork { .. }
                | Self::RemoveVolume { .. }
                | Self::Disconnect { .. }
                | Self::TagImage { .. }
        )
    }

    /// Whether this action only observes. In an [`Undo`](super::Undo) such a step may fail without stopping the
    /// others: a restored container may have been unhealthy before.
    pub fn is_wait(&self) -> bool {
        matches!(self, Self::Await { .. } | Self::Verify { .. } | Self::VerifyImages { .. })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PullImage { image, .. } => write!(f, "pull {image}"),
            Self::BuildImage { tags, .. } => write!(f, "build {}", tags.join(" and ")),
            Self::AdoptImage { tag, .. } => write!(f, "use what was built before as {tag}"),
            Self::TagImage { image, name } => write!(f, "tag {image} as {name}"),
            Self::CreateNetwork { spec, .. } => write!(f, "create network {}", spec.name),
            Self::RemoveNetwork { name, .. } => write!(f, "remove network {name}"),
            Self::CreateVolume { spec, .. } => write!(f, "create volume {}", spec.name),
            Self::CopyVolume(VolumeCopy { from, to, .. }) => write!(f, "copy volume {from} to {to}"),
            Self::RemoveVolume { name } => write!(f, "remove volume {name}"),
            Self::CreateContainer { name, .. } => write!(f, "create container {name}"),
            Self::Remember { .. } => f.write_str("remember its dependencies"),
            Self::PutFiles { files, .. } => write!(f, "put {} config file(s)", files.len()),
            Self::Connect { attachment, .. } => write!(f, "connect to {}", attachment.name),
            Self::Disconnect { network, .. } => write!(f, "disconnect from {network}"),
            Self::Provision { provisioning, .. } => {
                write!(f, "see that {} has login {}", provisioning.provider, provisioning.name)
            }
            Self::Start { .. } => f.write_str("start"),
            Self::Stop { .. } => f.write_str("stop"),
            Self::Rename { to, .. } => write!(f, "rename to {to}"),
            Self::RemoveContainer { name, .. } => write!(f, "remove container {name}"),
            Self::Await { readiness, .. } => f.write_str(match readiness {
                Readiness::Running => "wait until it runs",
                Readiness::Healthy(_) => "wait until it is healthy",
                Readiness::Completed => "wait until it has completed",
            }),
            Self::Verify { .. } => f.write_str("see that everything still runs"),
            Self::VerifyImages { .. } => f.write_str("check the images of the new containers"),
        }
    }
}

/// A volume with a removed instance's data that another instance takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Takeover {
    /// The volume.
    pub volume: PhysicalVolume,
    /// The instance that takes it over.
    pub instance: InstanceName,
    /// The instance whose data it holds, by its names at that time: `shop/db`.
    pub of: String,
    /// Whether another home created it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub of_another_home: bool,
    /// How the secret values that belong to the data were restored.
    pub values: GivenBack,
}

/// A copy of a volume's content to another volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeCopy {
    /// The source.
    pub from: PhysicalVolume,
    /// The target, which holds exactly the same content afterwards.
    pub to: PhysicalVolume,
    /// The image whose `sh`, `rm` and `cp` make the copy: the image of the container that uses the data.
    pub image: ImageId,
}

/// Options of a plan besides the desired state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish by itself")]
pub struct PlanOptions {
    /// Instances to recreate even if nothing changed.
    pub replace: BTreeSet<InstanceName>,
    /// Instances to restart even if nothing changed.
    pub restart: BTreeSet<InstanceName>,
    /// Also wait for unchanged instances that are not known to be healthy.
    pub prove: bool,
    /// Reuse volumes that a removed stack or instance left under the same name.
    pub reuse_volumes: bool,
    /// Adopt volumes that another, lost home created.
    pub adopt_volumes: bool,
    /// Images have just been pulled and built according to their policies.
    pub supplied: bool,
    /// Also rebuild images whose sources are unchanged.
    pub build: bool,
    /// Copy a volume before another image writes to it; an undo restores it.
    pub snapshot: bool,
    /// The instances whose containers must be created even if problems with the definition were deferred; `None` for
    /// all. Other instances with problems are not created, which is reported.
    pub needed: Option<BTreeSet<InstanceName>>,
}

/// Why a plan cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Objects on the host or the engine conflict with the plan.
    #[error("stack '{stack}' cannot be applied: {}", lines(.conflicts))]
    Conflicts {
        /// The stack.
        stack: StackName,
        /// The conflicts.
        conflicts: Vec<Conflict>,
    },
    /// A container would have to be created whose definition has deferred problems.
    #[error("stack '{stack}' cannot be planned:\n  {}", lines(.problems))]
    Unmakeable {
        /// The stack.
        stack: StackName,
        /// The problems.
        problems: Vec<Problem>,
    },
}

fn lines<T: fmt::Display>(conflicts: &[T]) -> String {
    conflicts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ")
}
