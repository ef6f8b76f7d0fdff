//! What a plan is made of.

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

/// Everything an apply will do, in order, with reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The stack.
    pub stack: String,
    /// The engine it is for.
    pub engine: EngineKind,
    /// The engine's version.
    pub engine_version: String,
    /// The stack's network.
    pub network: NetworkSpec,
    /// What changes, by subject; what is not listed stays as it is.
    pub changes: Vec<Change>,
    /// Images whose name is looked up, or that are built anew, before an apply plans: what they are is known only then.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unsettled: BTreeMap<String, Supply>,
    /// The wires of all that is to be there, those that stay as they are too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wires: Vec<Wire>,
    /// Imports that are wired in what runs and are not any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unwired: Vec<Unwired>,
    /// Volumes with data of instances that went, which others take over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub takeovers: Vec<Takeover>,
    /// What to beware of.
    pub warnings: Vec<Problem>,
    /// What is worth knowing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Problem>,
    /// Volumes of the stack that none of its instances uses any more. They stay.
    pub unused_volumes: Vec<PhysicalVolume>,
    /// The engine calls, each after those it names.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The images of which it is known only when it is carried out what they are.
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

/// A step's place in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StepId(pub usize);

/// One engine call, or one wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The instance it serves; `None` for the network and what no instance owns any more.
    pub instance: Option<InstanceName>,
    /// What is done.
    pub action: Action,
    /// What it is for.
    #[serde(skip)]
    pub cause: Cause,
    /// What has to be done before.
    pub after: BTreeSet<StepId>,
}

/// A change's place in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeId(pub usize);

/// What a step is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A change of the plan.
    Change(ChangeId),
    /// An unchanged container that was never seen ready, or of which it is not known.
    Proof,
    /// The commit point: before it, everything new is seen to be as planned.
    Commit,
    /// The state before an apply, to which an undo returns.
    Undo,
}

/// The steps nothing comes after yet.
pub(super) fn ends(steps: &[Step]) -> BTreeSet<StepId> {
    let awaited: BTreeSet<StepId> = steps.iter().flat_map(|step| &step.after).copied().collect();
    (0..steps.len()).map(StepId).filter(|step| !awaited.contains(step)).collect()
}

/// A container that exists, or that a step of the plan makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerRef {
    /// It was there when the plan was made.
    Existing(ContainerId),
    /// A step makes it.
    MadeBy(StepId),
}

/// A container that should run a moment after its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "(InstanceName, ContainerRef)")]
pub struct RunningCheck {
    /// Its instance.
    pub instance: InstanceName,
    /// The container.
    pub container: ContainerRef,
    /// What has to be seen of it.
    pub expected: Expected,
}

impl From<RunningCheck> for (InstanceName, ContainerRef) {
    fn from(check: RunningCheck) -> Self {
        (check.instance, check.container)
    }
}

/// What has to be seen of a container to know that it has run since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It runs: its engine leaves a container alone that has exited. One list of all containers tells.
    Running,
    /// It runs, and was never restarted: one that its restart policy restarts again and again looks as if it ran.
    NeverRestarted,
}

/// A container that should be of the image it was planned with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageCheck {
    /// Its instance.
    pub instance: InstanceName,
    /// The container.
    pub container: ContainerRef,
    /// The name of the image.
    pub image: String,
    /// The image that the name stood for.
    pub planned: ImageId,
}

/// An engine call, or a wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants' documentation names their fields")]
pub enum Action {
    /// Fetch an image that is absent.
    PullImage { image: String, platform: Option<String> },
    /// Build an image under these names.
    BuildImage { tags: Vec<String>, spec: Box<BuildSpec> },
    /// Give an image that was built before from the same things the name that containers are made from.
    AdoptImage { image: ImageId, tag: String },
    /// Give a build the name that the definition has for it.
    TagImage { image: String, name: String },
    /// Make the stack's network.
    CreateNetwork { spec: NetworkSpec, identity: Identity },
    /// Remove it.
    RemoveNetwork { id: NetworkId, name: NetworkName },
    /// Make a volume.
    CreateVolume { spec: VolumeSpec, identity: Identity },
    /// Make a volume, which nothing may run on, hold exactly what another one holds.
    CopyVolume(VolumeCopy),
    /// Remove a copy that the same apply made; no other volume is ever removed.
    RemoveVolume { name: PhysicalVolume },
    /// Make a container under a name that may be temporary.
    CreateContainer { name: ContainerName, made: Box<ContainerRecipe> },
    /// Remember what the container now stands for, though nothing of itself changes: whom it waits for.
    Remember { made: Box<ContainerRecipe> },
    /// Put its config files into it.
    PutFiles { container: ContainerRef, files: BTreeMap<String, FileSpec> },
    /// Attach it to its network again.
    Connect { container: ContainerRef, attachment: Attachment },
    /// Detach it from a network that is not its stack's.
    Disconnect { container: ContainerRef, network: NetworkName },
    /// Make a login of a consumer's own, in its provider's container; what is there already stays.
    Provision { container: ContainerRef, provisioning: Box<Provisioning> },
    /// Start it.
    Start { container: ContainerRef },
    /// Stop it, killing it after its grace period.
    Stop { container: ContainerRef, grace: Option<Millis> },
    /// Give it another name.
    Rename { container: ContainerRef, to: ContainerName },
    /// Remove it; its volumes stay.
    RemoveContainer { container: ContainerRef, name: ContainerName },
    /// Wait until it is ready.
    Await { container: ContainerRef, readiness: Readiness },
    /// See that what was started, and has no check of its own, still runs a moment later; and what
    /// [`VerifyImages`](Self::VerifyImages) sees, in the same look.
    Verify {
        #[serde(rename = "containers")]
        running: Vec<RunningCheck>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        images: Vec<ImageCheck>,
    },
    /// See that containers were created from the images they were planned with.
    VerifyImages { images: Vec<ImageCheck> },
}

impl Action {
    /// The object it creates, to be remembered before the engine is asked: an id follows once it has answered.
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

    /// The container it removes, if that was there before.
    pub fn removes(&self) -> Option<&ContainerId> {
        match self {
            Self::RemoveContainer { container: ContainerRef::Existing(id), .. } => Some(id),
            _ => None,
        }
    }

    /// Whether it is the end of what is replaced, unwanted or should not be connected, or gives what is new the name that
    /// the definition has for it. In a plan everything else comes
    /// before: while no cleanup has begun an apply can be put back; from then on it only goes forward.
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

    /// Whether it only looks. Of an [`Undo`](super::Undo) such a step may fail without keeping the rest from being
    /// done: what is put back may have been unwell before.
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

/// A volume with the data of an instance that went, which another one takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Takeover {
    /// The volume.
    pub volume: PhysicalVolume,
    /// Who takes it over.
    pub instance: InstanceName,
    /// Whose data it holds, by their names then: `shop/db`.
    pub of: String,
    /// Whether it was made by another home.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub of_another_home: bool,
    /// What became of the values that belong to the data.
    pub values: GivenBack,
}

/// A volume's content into another volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeCopy {
    /// What is copied.
    pub from: PhysicalVolume,
    /// What holds the same afterwards, and nothing else.
    pub to: PhysicalVolume,
    /// The image whose `sh`, `rm` and `cp` do it: the one that the data's container was made from.
    pub image: ImageId,
}

/// What a plan may be asked for besides the wanted state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish by itself")]
pub struct PlanOptions {
    /// Instances to make anew even if nothing changed.
    pub replace: BTreeSet<InstanceName>,
    /// Instances to stop and start again even if nothing changed.
    pub restart: BTreeSet<InstanceName>,
    /// Wait also for unchanged instances that are not known to be healthy.
    pub prove: bool,
    /// Use volumes that a removed stack or instance left under the same name.
    pub reuse_volumes: bool,
    /// Use volumes that another home made, which is lost.
    pub adopt_volumes: bool,
    /// Images were fetched and built a moment ago, as their policies say.
    pub supplied: bool,
    /// Build also what was built from what is there now.
    pub build: bool,
    /// Copy a volume before another image gets to write to it; an undo restores it.
    pub snapshot: bool,
    /// The instances whose containers have to come to be where what is wrong was deferred; all of them if nothing is said.
    /// Others are not created, which is reported.
    pub needed: Option<BTreeSet<InstanceName>>,
}

/// Why there can be no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Something is in the way on the host or the engine.
    #[error("stack '{stack}' cannot be applied: {}", lines(.conflicts))]
    Conflicts {
        /// The stack.
        stack: StackName,
        /// What is in the way.
        conflicts: Vec<Conflict>,
    },
    /// A container would have to be made, and what is wrong with the definition was deferred until then.
    #[error("stack '{stack}' cannot be planned:\n  {}", lines(.problems))]
    Unmakeable {
        /// The stack.
        stack: StackName,
        /// What is wrong.
        problems: Vec<Problem>,
    },
}

fn lines<T: fmt::Display>(conflicts: &[T]) -> String {
    conflicts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ")
}
