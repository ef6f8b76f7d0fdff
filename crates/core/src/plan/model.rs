//! What a plan is made of.

use super::{Conflict, FieldDiff};
use crate::{
    build_hash::BuildPart,
    desired::Readiness,
    engine::EngineKind,
    id::{ContainerId, ImageId, InstanceId, NetworkId},
    name::{ContainerName, InstanceName, NetworkName, PhysicalVolume, StackName},
    resolve::{BuildSpec, Prior, Problem, Provisioning, Supply},
    secret::{GIVEN_UP, Locked, Sealable, Secret, Stored},
    spec::{Attachment, ContainerSpec, FileSpec, Identity, NetworkSpec, VolumeSpec},
    template::Dependency,
    unit::Millis,
    wire::{Endpoint, Link, Unwired},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};
use zeroize::Zeroizing;

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
    pub wires: Vec<Link>,
    /// Imports that are wired in what runs and are not any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unwired: Vec<Unwired>,
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
    /// What has to be done before.
    pub after: BTreeSet<StepId>,
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

/// An engine call, or a wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants' documentation names their fields")]
pub enum Action {
    /// Fetch an image that is absent.
    PullImage { image: String, platform: Option<String> },
    /// Build an image under these names.
    BuildImage { tags: Vec<String>, spec: Box<BuildSpec> },
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
    CreateContainer { name: ContainerName, made: Box<Made> },
    /// Remember what the container now stands for, though nothing of itself changes: whom it waits for.
    Remember { made: Box<Made> },
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
    /// See that what was started, and has no check of its own, still runs a moment later.
    Verify { containers: Vec<(InstanceName, ContainerRef)> },
}

impl Action {
    /// Whether it is the end of what is replaced, unwanted or should not be connected. In a plan everything else comes
    /// before: while no cleanup has begun an apply can be put back; from then on it only goes forward.
    pub fn is_cleanup(&self) -> bool {
        matches!(
            self,
            Self::RemoveContainer { .. }
                | Self::RemoveNetwork { .. }
                | Self::RemoveVolume { .. }
                | Self::Disconnect { .. }
        )
    }

    /// Whether it only looks. Of an [`Undo`](super::Undo) such a step may fail without keeping the rest from being
    /// done: what is put back may have been unwell before.
    pub fn is_wait(&self) -> bool {
        matches!(self, Self::Await { .. } | Self::Verify { .. })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PullImage { image, .. } => write!(f, "pull {image}"),
            Self::BuildImage { tags, .. } => write!(f, "build {}", tags.join(" and ")),
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
        }
    }
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

/// What a container is made from: the wish, whose it is, and the hash that tells whether it still holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// What the engine is asked to make.
    pub spec: ContainerSpec,
    /// Whom it waits for; no part of the container, so no part of the hash.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub depends_on: BTreeMap<InstanceName, Dependency>,
    /// What its imports are wired to; what that gives is in the spec.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub wires: BTreeMap<String, String>,
    /// Whose it is.
    pub identity: Identity,
    /// Its config hash.
    pub hash: String,
    /// The image it was planned with; `None` where a step of the plan fetches or builds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_id: Option<ImageId>,
}

impl Made {
    /// What the store remembers of it: the left side of later diffs.
    pub fn memory(&self) -> Stored {
        let secrets = self.spec.secrets();
        let revealed: BTreeMap<&String, &str> =
            secrets.iter().map(|(field, secret)| (field, secret.reveal())).collect();
        let revealed = Zeroizing::new(serde_json::to_string(&revealed).unwrap_or_default());
        Stored {
            open: memory(&self.spec, &self.depends_on, &self.wires).to_string(),
            secret: if secrets.is_empty() { Sealable::Nothing } else { Sealable::Open(revealed) },
        }
    }
}

/// What is remembered beside the spec: it makes no other container.
pub(super) const DEPENDS_ON: &str = "depends_on";
pub(super) const WIRES: &str = "wires";

/// A spec with its dependencies and wires, as it may be shown.
pub(super) fn memory(
    spec: &ContainerSpec,
    depends_on: &BTreeMap<InstanceName, Dependency>,
    wires: &BTreeMap<String, String>,
) -> serde_json::Value {
    let mut memory = serde_json::to_value(spec).unwrap_or_default();
    if let Some(fields) = memory.as_object_mut() {
        if !depends_on.is_empty() {
            fields.insert(DEPENDS_ON.to_owned(), serde_json::to_value(depends_on).unwrap_or_default());
        }
        if !wires.is_empty() {
            fields.insert(WIRES.to_owned(), serde_json::to_value(wires).unwrap_or_default());
        }
    }
    memory
}

/// What a change is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// An image on the engine.
    Image(String),
    /// The stack's network.
    Network(NetworkName),
    /// A volume.
    Volume(PhysicalVolume),
    /// An instance's container.
    Instance(InstanceName),
    /// A container of the stack that nothing wants any more.
    Leftover(ContainerName),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(image) => write!(f, "image {image}"),
            Self::Network(name) => write!(f, "network {name}"),
            Self::Volume(name) => write!(f, "volume {name}"),
            Self::Instance(name) => write!(f, "{name}"),
            Self::Leftover(name) => write!(f, "container {name}"),
        }
    }
}

/// What happens to a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is fetched.
    Pull,
    /// It is built.
    Build,
    /// It is made.
    Create,
    /// It is changed where it is: started, stopped, connected.
    Update,
    /// It is made anew in the place of the old one.
    Replace,
    /// It is removed.
    Remove,
}

impl ChangeKind {
    /// Terraform's signs.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Pull | Self::Build | Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "-/+",
            Self::Remove => "-",
        }
    }
}

/// What happens to a subject, why, and to the field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Whom it happens to.
    pub subject: Subject,
    /// What happens.
    pub kind: ChangeKind,
    /// Why.
    pub reason: Reason,
    /// Whether another image gets to run on a volume that holds data, and that is not copied first: an undo puts the
    /// container back, not what was written since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub may_change_data: bool,
    /// The volumes that are copied before another image gets to run on them: an undo restores them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<VolumeCopy>,
    /// Field by field, where something was there before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDiff>,
    /// What is made, in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<Box<ContainerSpec>>,
    /// What is built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<Box<BuildSpec>>,
    /// Of a provider that is made anew: those wired to it, and whether they are made anew too, or only go on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub consumers: BTreeMap<InstanceName, Consumer>,
}

/// What becomes of a consumer whose provider is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Consumer {
    /// It is made anew or started, too, after its provider is ready.
    Follows,
    /// It stays: what its wire gives it is the same.
    Stays,
}

/// Why something changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants' documentation names their fields")]
pub enum Reason {
    /// It is not there.
    Missing,
    /// It is not there, though DevArch made it: removed by hand.
    Vanished,
    /// Its config is another.
    Changed,
    /// The key its config was hashed with was given up, so that it can't be compared.
    HashedOtherwise,
    /// What its wires give it is other than it was.
    Wired { wires: Vec<String> },
    /// Its name now stands for another image.
    ImageMoved { from: String, to: String },
    /// Its image was built anew from other things.
    ImageBuilt { changed: Vec<BuildPart> },
    /// A step of the plan builds its image anew.
    ImageIsBuilt,
    /// What it is built from is other than it was.
    Source { changed: Vec<BuildPart> },
    /// The user asked for it to be made anew.
    Asked,
    /// It was stopped by hand, or ended by itself.
    NotRunning { status: String },
    /// It was made and never started.
    NeverStarted,
    /// It was suspended by hand.
    Paused,
    /// A job that has not succeeded yet.
    NotCompleted { exit_code: Option<i64> },
    /// It was detached from the stack's network by hand.
    Disconnected,
    /// It was connected by hand to a network that is not its stack's.
    ConnectedElsewhere { network: String },
    /// It was given another name by hand.
    Renamed { name: String },
    /// The stack's network was removed by hand.
    NetworkVanished,
    /// A network that links two instances of different stacks.
    Links { consumer: InstanceName, provider: String },
    /// One of a link's ends is not connected to it.
    LinkCut { with: String },
    /// A link that nothing asks for any more.
    LinkEnded,
    /// It waits on an instance that is replaced, and asked to be restarted then.
    ProviderReplaced { provider: InstanceName },
    /// It should be stopped.
    WantedStopped,
    /// It should not be there.
    WantedAbsent,
    /// Nothing in the stack has this container any more.
    NotDefined,
    /// A leftover of an apply that did not end.
    LeftOver,
    /// An instance's image is not there.
    NeededBy { instance: InstanceName },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is not there"),
            Self::Vanished => f.write_str("was removed by hand"),
            Self::Changed => f.write_str("its config changed"),
            Self::HashedOtherwise => {
                f.write_str("its config can't be compared: the key it was hashed with was given up")
            }
            Self::Wired { wires } if wires.is_empty() => f.write_str("a wire it had is gone"),
            Self::Wired { wires } => write!(f, "what {} gives it changed", wires.join(" and ")),
            Self::ImageMoved { from, to } => {
                write!(f, "its image's name now stands for {} instead of {}", short(to), short(from))
            }
            Self::ImageBuilt { changed } if changed.is_empty() => f.write_str("its image was built anew"),
            Self::ImageBuilt { changed } => {
                write!(f, "its image was built anew: {} changed", parts(changed))
            }
            Self::ImageIsBuilt => f.write_str("its image is built anew"),
            Self::Source { changed } if changed.is_empty() => f.write_str("was not built from what is there"),
            Self::Source { changed } => write!(f, "{} changed", parts(changed)),
            Self::Asked => f.write_str("you asked for it"),
            Self::NotRunning { status } => write!(f, "is not running: {status}"),
            Self::NeverStarted => f.write_str("was never started"),
            Self::Paused => f.write_str("was paused by hand"),
            Self::NotCompleted { exit_code: Some(code) } => write!(f, "the job failed with exit code {code}"),
            Self::NotCompleted { exit_code: None } => f.write_str("the job has not completed"),
            Self::Disconnected => f.write_str("was disconnected from the stack's network by hand"),
            Self::ConnectedElsewhere { network } => write!(f, "was connected to network {network} by hand"),
            Self::Renamed { name } => write!(f, "was renamed to {name} by hand"),
            Self::NetworkVanished => f.write_str("the stack's network was removed by hand"),
            Self::Links { consumer, provider } => write!(f, "links {consumer} to {provider}"),
            Self::LinkCut { with } => write!(f, "its link with {with} is not there"),
            Self::LinkEnded => f.write_str("its link has ended"),
            Self::ProviderReplaced { provider } => {
                write!(f, "{provider}, which it depends on, is replaced")
            }
            Self::WantedStopped => f.write_str("is wanted stopped"),
            Self::WantedAbsent => f.write_str("is not wanted"),
            Self::NotDefined => f.write_str("no instance of the stack has it"),
            Self::LeftOver => f.write_str("was left over by an apply that did not end"),
            Self::NeededBy { instance } => write!(f, "{instance} needs it"),
        }
    }
}

fn parts(changed: &[BuildPart]) -> String {
    changed.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// `sha256:` and twelve digits of an image id.
fn short(id: &str) -> &str {
    id.get(..19).filter(|_| id.starts_with("sha256:")).unwrap_or(id)
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
    /// Copy a volume before another image gets to write to it; an undo restores it.
    pub snapshot: bool,
    /// The instances whose containers have to come to be where what is wrong was deferred; all of them if nothing is said.
    /// Others are not made, and that is told.
    pub needed: Option<BTreeSet<InstanceName>>,
}

/// What the store remembers of earlier applies to this engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    /// By instance, what its containers were made from, newest first: a kept or failed one is still known.
    pub applied: BTreeMap<InstanceId, Vec<RememberedSpec>>,
}

impl Remembered {
    /// What a container of an instance was made from, by its config hash.
    pub fn spec(&self, instance: &str, hash: Option<&str>) -> Option<&RememberedSpec> {
        let specs = self.applied.get(&InstanceId::new(instance))?;
        specs.iter().find(|known| Some(known.hash.as_str()) == hash)
    }

    /// What the instances that were applied are wired to, by their names now.
    pub fn prior<'a>(
        &self,
        instances: impl IntoIterator<Item = (&'a InstanceName, &'a InstanceId)>,
    ) -> Prior {
        let wires = |id: &InstanceId| {
            let mut specs = self.applied.get(id)?.iter();
            specs.find(|known| known.state == AppliedState::Made).map(RememberedSpec::wires)
        };
        let all = instances.into_iter().filter_map(|(name, id)| Some((name.clone(), wires(id)?)));
        all.filter(|(_, wires)| !wires.is_empty()).collect()
    }

    /// Whether a container of an instance had that volume.
    pub fn had_volume(&self, instance: &InstanceId, volume: &PhysicalVolume) -> bool {
        let specs = self.applied.get(instance).into_iter().flatten();
        let specs = specs.filter(|known| known.state != AppliedState::Begun);
        let mut mounts = specs.filter_map(|known| known.spec.get("mounts")?.as_array()).flatten();
        mounts.any(|mount| mount.get("volume").and_then(|known| known.as_str()) == Some(volume.as_str()))
    }
}

/// What a container was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedSpec {
    /// Its config hash.
    pub hash: String,
    /// Its spec as it may be shown; the left side of diffs.
    pub spec: serde_json::Value,
    /// Its secrets by field; or why they can't be read.
    pub secrets: Result<BTreeMap<String, Secret>, Locked>,
    /// What is known of the container.
    pub state: AppliedState,
}

impl RememberedSpec {
    /// Reads what [`Made::memory`] gave. What can't be read counts as nothing.
    pub fn read(hash: String, stored: &Stored, state: AppliedState) -> Self {
        let secrets = match &stored.secret {
            Sealable::Nothing => Ok(BTreeMap::new()),
            Sealable::Open(text) if text.as_str() == GIVEN_UP => Err(Locked::GivenUp),
            Sealable::Open(text) => serde_json::from_str::<BTreeMap<String, String>>(text)
                .map_err(|_| Locked::Damaged)
                .map(|all| all.into_iter().map(|(field, value)| (field, Secret::new(value))).collect()),
            Sealable::Locked(why) => Err(*why),
        };
        Self { hash, spec: serde_json::from_str(&stored.open).unwrap_or_default(), secrets, state }
    }

    /// What its imports were wired to.
    fn wires(&self) -> BTreeMap<String, Endpoint> {
        let wires = self.spec.get(WIRES).and_then(|wires| wires.as_object());
        let known = wires.into_iter().flatten();
        let read =
            known.filter_map(|(import, to)| Some((import.clone(), Endpoint::of_memory(to.as_str()?)?)));
        read.collect()
    }
}

/// What is known of a container that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppliedState {
    /// It is going to be made, or an apply was interrupted about then: perhaps it never was.
    Begun,
    /// It was made, by an apply that came to its end. Where it is gone somebody else removed it.
    Made,
    /// It was removed since, as it was wanted.
    Removed,
}

impl AppliedState {
    const ALL: [Self; 3] = [Self::Begun, Self::Made, Self::Removed];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Made => "made",
            Self::Removed => "removed",
        }
    }
}

impl FromStr for AppliedState {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or(())
    }
}

/// Why there can be no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Something is in the way on the host or the engine.
    #[error("stack '{stack}' can't be applied: {}", lines(.conflicts))]
    Conflicts {
        /// The stack.
        stack: StackName,
        /// What is in the way.
        conflicts: Vec<Conflict>,
    },
    /// A container would have to be made, and what is wrong with the definition was deferred until then.
    #[error("stack '{stack}' can't be planned:\n  {}", lines(.problems))]
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
