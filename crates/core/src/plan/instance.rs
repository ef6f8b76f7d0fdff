//! Decides what to do with one instance.

use super::{AppliedSpec, AppliedState, FieldDiff, PlanOptions, Reason, SpecState, changed_secrets, diff};
use crate::{
    build::{BuildPart, BuildSpec},
    desired::{Desired, DesiredInstance},
    name::InstanceName,
    observed::{ImageInfo, Observed, ObservedContainer, RunState},
    ownership::Listed,
    persisted::{DEPENDS_ON, IMAGE, WIRES, applied_form, depends_on_form, wires_form},
    podman,
    readiness::Readiness,
    secret::Undecryptable,
    stack::DesiredRun,
};

/// The decision about an instance.
pub(super) enum Verdict<'a> {
    /// Leave it unchanged.
    Keep(Option<&'a ObservedContainer>),
    /// Create it.
    Create(Reason),
    /// Recreate this container.
    Replace { old: &'a ObservedContainer, reason: Reason, fields: Vec<FieldDiff> },
    /// Start this container.
    Start(&'a ObservedContainer, Reason),
    /// Restart this container.
    Restart(&'a ObservedContainer, Reason),
    /// Stop this container.
    Stop(&'a ObservedContainer),
    /// Remove this container.
    Remove(&'a ObservedContainer),
}

/// The input for a decision.
pub(super) struct Case<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) remembered: &'a AppliedState,
    pub(super) options: &'a PlanOptions,
}

/// How the image that a name refers to relates to the stack's build under that name.
pub(super) enum Source<'a> {
    /// The stack does not build the image.
    Elsewhere,
    /// The image was built from the current sources.
    Current(&'a BuildSpec),
    /// The image was built from other sources; lists the parts that differ, where known.
    Stale(&'a BuildSpec, Vec<BuildPart>),
    /// The current sources were not read.
    Unknown(&'a BuildSpec),
}

impl<'a> Case<'a> {
    /// Whether this store created an object for the stack.
    pub(super) fn owns<'o>(&self, object: impl Into<Listed<'o>>) -> bool {
        self.remembered.ownership.is_of(self.desired.stack_id(), object)
    }

    /// Compares an image with the stack's build of that name.
    pub(super) fn source(&self, image: &str) -> Source<'a> {
        let Some(spec) = self.desired.builds.get(image) else { return Source::Elsewhere };
        let Some(wanted) = &spec.hash else { return Source::Unknown(spec) };
        let built = self.observed.images.get(image).and_then(ImageInfo::built_from);
        match built {
            Some(built) if built == *wanted => Source::Current(spec),
            Some(built) => Source::Stale(spec, wanted.changed(&built)),
            None => Source::Stale(spec, Vec::new()),
        }
    }

    /// Decides what to do with an instance whose current container is `current`.
    pub(super) fn judge(
        &self,
        name: &InstanceName,
        instance: &DesiredInstance,
        current: Option<&'a ObservedContainer>,
    ) -> Verdict<'a> {
        let Some(container) = current else {
            return match instance.wanted {
                DesiredRun::Absent => Verdict::Keep(None),
                DesiredRun::Running | DesiredRun::Stopped => Verdict::Create(self.missing(instance)),
            };
        };
        if instance.wanted == DesiredRun::Absent {
            return Verdict::Remove(container);
        }
        if let Some((reason, fields)) = self.outdated(name, instance, container) {
            return Verdict::Replace { old: container, reason, fields };
        }
        if container.state == RunState::Stuck {
            return Verdict::Replace { old: container, reason: Reason::Stuck, fields: Vec::new() };
        }
        match (instance.wanted, container.state) {
            (DesiredRun::Stopped, RunState::Running | RunState::Paused) => Verdict::Stop(container),
            (DesiredRun::Running, RunState::Running) if self.options.restart.contains(name) => {
                Verdict::Restart(container, Reason::Asked)
            }
            // Podman's DNS keeps the name that a container was started with.
            (DesiredRun::Running, RunState::Running) if container.name != instance.container => {
                let name = container.name.to_string();
                Verdict::Restart(container, Reason::Renamed { name })
            }
            (DesiredRun::Running, RunState::Paused) => Verdict::Restart(container, Reason::Paused),
            (DesiredRun::Running, RunState::Created) => Verdict::Start(container, Reason::NeverStarted),
            (DesiredRun::Running, RunState::Exited) => Self::ended(instance, container),
            _ => Verdict::Keep(Some(container)),
        }
    }

    fn missing(&self, instance: &DesiredInstance) -> Reason {
        let specs = self.remembered.applied.get(&instance.id);
        let known = specs.is_some_and(|specs| specs.iter().any(|spec| spec.state == SpecState::Completed));
        if known { Reason::Vanished } else { Reason::Missing }
    }

    fn ended(instance: &DesiredInstance, container: &'a ObservedContainer) -> Verdict<'a> {
        match (&instance.readiness, container.exit_code) {
            (Readiness::Completed, Some(0)) => Verdict::Keep(Some(container)),
            (Readiness::Completed, exit_code) => {
                Verdict::Start(container, Reason::NotCompleted { exit_code })
            }
            _ => Verdict::Start(container, Reason::NotRunning { status: container.status.clone() }),
        }
    }

    /// Returns why a container cannot stay, and the fields that differ.
    fn outdated(
        &self,
        name: &InstanceName,
        instance: &DesiredInstance,
        container: &ObservedContainer,
    ) -> Option<(Reason, Vec<FieldDiff>)> {
        if instance.hash.is_err() {
            return self.unfit_to_run(instance, container);
        }
        if !self.is_made_as(instance, container) {
            let fields = self.fields(instance, container);
            if self.is_given_up(instance, container) {
                return Some((Reason::HashedOtherwise, fields));
            }
            return Some((wired_otherwise(instance, &fields).unwrap_or(Reason::Changed), fields));
        }
        if let Some(reason) = self.image_moved(instance, container) {
            return Some((reason, Vec::new()));
        }
        let fields = podman::wrong_fields(&self.observed.engine, &instance.spec, container);
        if !fields.is_empty() {
            return Some((Reason::MadeOtherwise { fields }, Vec::new()));
        }
        if self.network_vanished(instance) {
            return Some((Reason::NetworkVanished, Vec::new()));
        }
        if container.name != instance.container && self.must_be_made_anew(instance, container) {
            return Some((Reason::LeftOver, Vec::new()));
        }
        self.options.replace.contains(name).then(|| (Reason::Asked, Vec::new()))
    }

    /// Whether a container was created from the current spec. A different hash alone does not rule that out: the spec
    /// may have been hashed by an earlier DevArch, or with another key.
    fn is_made_as(&self, instance: &DesiredInstance, container: &ObservedContainer) -> bool {
        let hash = container.config_hash();
        let known = || self.remembered.spec(instance.id.as_str(), hash);
        instance.is_made_as(hash) || known().is_some_and(|known| known.is_of(&instance.spec))
    }

    /// Whether a container's hash was made with a discarded key.
    fn is_given_up(&self, instance: &DesiredInstance, container: &ObservedContainer) -> bool {
        let known = self.remembered.spec(instance.id.as_str(), container.config_hash());
        known.is_some_and(|known| known.secrets == Err(Undecryptable::GivenUp))
    }

    /// Returns why a container cannot run although its config cannot be compared: it counts as unchanged, and can be
    /// stopped in any case.
    fn unfit_to_run(
        &self,
        instance: &DesiredInstance,
        container: &ObservedContainer,
    ) -> Option<(Reason, Vec<FieldDiff>)> {
        let runs = instance.wanted == DesiredRun::Running;
        let reason = if self.network_vanished(instance) {
            Reason::NetworkVanished
        } else if container.name != instance.container && self.must_be_made_anew(instance, container) {
            Reason::LeftOver
        } else {
            return None;
        };
        runs.then(|| (reason, Vec::new()))
    }

    /// Whether a container with another name has to be recreated: an interrupted apply left it so, or another
    /// container has its name. A container renamed by hand is renamed back.
    fn must_be_made_anew(&self, instance: &DesiredInstance, container: &ObservedContainer) -> bool {
        let beside = format!("{}.", instance.container);
        container.name.as_str().starts_with(&beside)
            || self.observed.containers.iter().any(|other| other.name == instance.container)
    }

    /// Whether the stack's network was recreated: a container cannot be moved to a network recreated under the same
    /// name.
    fn network_vanished(&self, instance: &DesiredInstance) -> bool {
        instance.spec.network.as_ref().is_some_and(|network| {
            !self.observed.networks.iter().any(|observed| observed.name == network.name.as_str())
        })
    }

    /// Returns why a container's image is not the desired one. A container built from the current sources stays even
    /// if the image's name now refers to another build.
    fn image_moved(&self, instance: &DesiredInstance, container: &ObservedContainer) -> Option<Reason> {
        let image = &instance.spec.image;
        let now = self.observed.images.get(image).map(|image| &image.id);
        let moved = now.is_some_and(|now| *now != container.image_id);
        let built = container.built_from();
        match self.source(image) {
            Source::Elsewhere => now
                .filter(|_| moved)
                .map(|now| Reason::ImageMoved { from: container.image_id.to_string(), to: now.to_string() }),
            Source::Current(spec) => moved.then(|| Reason::ImageBuilt {
                changed: spec
                    .hash
                    .as_ref()
                    .zip(built)
                    .map(|(now, built)| now.changed(&built))
                    .unwrap_or_default(),
            }),
            Source::Stale(spec, _) => (built != spec.hash).then_some(Reason::ImageIsBuilt),
            Source::Unknown(_) => None,
        }
    }

    /// Returns the diff from the container's recorded spec, if the store has it, to the desired one.
    fn fields(&self, instance: &DesiredInstance, container: &ObservedContainer) -> Vec<FieldDiff> {
        let Some(known) = self.remembered.spec(instance.id.as_str(), container.config_hash()) else {
            return Vec::new();
        };
        let mut fields =
            diff(&known.spec, &applied_form(&instance.spec, &instance.depends_on, &instance.endpoints()));
        fields.extend(Self::secrets(known, instance, &fields));
        fields
    }

    /// Returns the secrets that differ. If the previous ones cannot be decrypted and no other field explains the
    /// change, any of them may have changed.
    fn secrets(known: &AppliedSpec, instance: &DesiredInstance, others: &[FieldDiff]) -> Vec<FieldDiff> {
        let now = instance.spec.secrets();
        match &known.secrets {
            Ok(before) => changed_secrets(before, &now),
            Err(Undecryptable::GivenUp) => Vec::new(),
            Err(_) if others.iter().all(is_beside) => {
                let fields: Vec<String> = now.into_keys().collect();
                vec![FieldDiff::secret(fields.join(" or "))]
            }
            Err(_) => Vec::new(),
        }
    }

    /// Whether a replacement lets another image write to an existing volume.
    pub(super) fn may_change_data(&self, instance: &DesiredInstance, old: &ObservedContainer) -> bool {
        let name = || {
            let known = self.remembered.spec(instance.id.as_str(), old.config_hash());
            known.and_then(|known| known.spec.get("image")?.as_str()).unwrap_or(&old.image)
        };
        // The id of an absent image is known after its pull.
        let image = &instance.spec.image;
        let known = self.observed.images.get(image);
        let other_image = matches!(self.source(image), Source::Stale(..))
            || known.map_or_else(|| name() != instance.spec.image, |known| known.id != old.image_id);
        other_image
            && instance.spec.data_volumes().any(|name| self.observed.volumes.contains_key(name.as_str()))
    }

    /// Returns how the dependencies, wires and build name of an unchanged container differ from those recorded.
    pub(super) fn reordered(
        &self,
        instance: &DesiredInstance,
        container: &ObservedContainer,
    ) -> Vec<FieldDiff> {
        let Some(known) = self.remembered.spec(instance.id.as_str(), container.config_hash()) else {
            return Vec::new();
        };
        let before = |field: &str| known.spec.get(field).cloned().unwrap_or_else(|| serde_json::json!({}));
        let mut was = serde_json::json!({ DEPENDS_ON: before(DEPENDS_ON), WIRES: before(WIRES) });
        let mut is = serde_json::json!({
            DEPENDS_ON: depends_on_form(&instance.depends_on),
            WIRES: wires_form(&instance.endpoints()),
        });
        // The name of an image that the stack builds does not require a new container.
        if instance.spec.build_tag.is_some() && known.spec.get(IMAGE).is_some() {
            was[IMAGE] = before(IMAGE);
            is[IMAGE] = instance.spec.image.clone().into();
        }
        diff(&was, &is)
    }
}

/// Whether a field is not part of the container itself: its dependencies or wires.
fn is_beside(field: &FieldDiff) -> bool {
    field.field.starts_with(DEPENDS_ON) || field.field.starts_with(WIRES)
}

/// Returns the reason if only values supplied by wires differ.
fn wired_otherwise(instance: &DesiredInstance, fields: &[FieldDiff]) -> Option<Reason> {
    let rewired = fields.iter().any(|field| field.field.starts_with(WIRES));
    let mut wires: Vec<String> = Vec::new();
    for field in fields.iter().filter(|field| !is_beside(field)) {
        let variable = field.field.strip_prefix("environment.")?;
        let link = instance.wires.iter().find(|link| link.variables.iter().any(|set| set == variable));
        match link {
            Some(link) => wires.push(format!("wire {} -> {}", link.import, link.to)),
            // A variable of a removed wire.
            None if rewired && field.to.is_none() => {}
            None => return None,
        }
    }
    wires.sort();
    wires.dedup();
    (!fields.is_empty()).then_some(Reason::Wired { wires })
}

/// Whether a container that should run is not on its stack's network.
pub(super) fn is_detached(instance: &DesiredInstance, container: &ObservedContainer) -> bool {
    instance
        .spec
        .network
        .as_ref()
        .is_some_and(|network| !container.networks.contains_key(network.name.as_str()))
}
