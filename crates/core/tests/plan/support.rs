//! Stacks for tests, and an in-memory engine that carries out plans step by step as a real one would.

use devarch_core::{
    build::BuildHash,
    desired::{ContainerRecipe, Desired, ResolveInput, Subnets, desire, effective},
    diagnostic::Problem,
    engine::{EngineInfo, EngineKind, Locality},
    hash::HashKey,
    id::{ApplyId, ContainerId, ImageId, InstanceId, NetworkId, StackId, StoreId},
    name::{ContainerName, InstanceName, NetworkName},
    observed::{ImageInfo, Observed, ObservedContainer, ObservedNetwork, RunState},
    ownership::{CreatedObject, Ownership, Seen},
    plan::{
        Action, AppliedSpec, AppliedState, Assumptions, Before, ContainerRef, ImageCheck, Plan, PlanOptions,
        RunningCheck, SpecState, Step, StepId, Undo, VolumeCopy, assumptions, before, plan, undo,
    },
    podman::form_label,
    port::HostBinding,
    read::{parse_yaml, read_project},
    resolve::{HostView, LinkedInstances, SupplyContext, supplies},
    secret::Undecryptable,
    spec::{ContainerSpec, MountFrom, label},
    stack::{DesiredRun, Instance, Pinned, Stack},
    template::{HostPortChoice, MountSource, PullPolicy},
};
use ipnet::Ipv4Net;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

/// Builds a stack from the YAML of its instances; each instance's template is inline.
pub(crate) fn stack(instances: &str) -> Stack {
    stack_that_says("", instances)
}

/// Like [`stack`], with further stack fields in one line, such as `prefer: primary`.
pub(crate) fn stack_that_says(more: &str, instances: &str) -> Stack {
    let text = format!(
        "version: \"1\"\ntemplates:\n  t:\n    image: busybox:1\nstacks:\n  shop:\n    {more}\n    instances:\n{}",
        indent(instances)
    );
    let file = read_project(&parse_yaml(&text).unwrap_or_else(|e| panic!("{e}\n{text}")))
        .unwrap_or_else(|wrong| panic!("{wrong:?}\n{text}"));
    let template =
        Pinned::new(Arc::new(file.templates.values().next().unwrap().clone()), &HashKey::new([7; 32]))
            .unwrap();
    let mut stack = Stack {
        id: StackId::new("stack-1"),
        name: "shop".parse().unwrap(),
        project: Some("/project".to_owned()),
        enabled: true,
        revision: 1,
        engine: None,
        subnet: None,
        imported: None,
        allow: BTreeSet::new(),
        secrets: BTreeMap::new(),
        wiring: file.stacks.values().next().unwrap().wiring.clone(),
        instances: BTreeMap::new(),
    };
    for (slot, (name, declared)) in file.stacks.values().next().unwrap().instances.iter().enumerate() {
        let instance = Instance {
            id: InstanceId::new(format!("id-{name}")),
            template: template.clone(),
            overrides: declared.overrides.clone(),
            enabled: declared.enabled,
            wanted: DesiredRun::Running,
            slot: u32::try_from(slot).unwrap(),
            ports: BTreeMap::new(),
            volumes: BTreeMap::new(),
            generated: BTreeMap::new(),
        };
        stack.instances.insert(name.clone(), instance);
    }
    assign(&mut stack);
    stack
}

fn indent(text: &str) -> String {
    text.lines().flat_map(|line| ["      ", line, "\n"]).collect()
}

/// Assigns ports and volume names as the store does when a definition is saved.
pub(crate) fn assign(stack: &mut Stack) {
    let effective = devarch_core::desired::effective(stack);
    let mut next = 20_000;
    for (name, instance) in &mut stack.instances {
        let old = std::mem::take(&mut instance.ports);
        for port in effective[name].service.ports.iter().flatten() {
            next += 1;
            let host_port = match port.published {
                HostPortChoice::Fixed(port) => port,
                HostPortChoice::Auto => old.get(&port.key).map_or(next, |old| old.host_port),
            };
            let host_ip = port.host_ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
            instance.ports.insert(port.key, HostBinding { host_ip, host_port });
        }
        for mount in effective[name].service.volumes.iter().flatten() {
            if let MountSource::Volume(volume) = &mount.source {
                let physical = devarch_core::name::PhysicalVolume::for_instance(&stack.name, name, volume);
                instance.volumes.entry(volume.clone()).or_insert(physical);
            }
        }
    }
}

/// An in-memory engine.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) observed: Observed,
    pub(crate) remembered: AppliedState,
    pub(crate) subnet: Ipv4Net,
    /// The current sources of images.
    pub(crate) sources: BTreeMap<String, BuildHash>,
    /// A pull policy for every instance.
    pub(crate) pull: Option<PullPolicy>,
    /// Linkable instances of other stacks, and the addresses of links.
    pub(crate) others: LinkedInstances,
    pub(crate) links: BTreeMap<NetworkName, Ipv4Net>,
    /// Facts about host paths on the machine.
    pub(crate) host: HostView,
    /// Whether the key of config hashes is undecryptable.
    pub(crate) keyless: bool,
    /// Whether problems are reported only if a container has to be created.
    pub(crate) defer_problems: bool,
    /// The additional names of builds.
    pub(crate) second_names: BTreeMap<String, ImageId>,
    specs: BTreeMap<ContainerId, ContainerSpec>,
    made: u32,
    /// The number of the current apply.
    apply: u32,
    /// By volume: the images whose containers wrote to it.
    pub(crate) contents: BTreeMap<String, BTreeSet<ImageId>>,
    /// The completed copies, as recorded in the journal.
    pub(crate) copies: Vec<VolumeCopy>,
    /// Every action carried out, in order.
    pub(crate) done: Vec<String>,
}

impl Scenario {
    pub(crate) fn new() -> Self {
        let observed = Observed {
            engine: EngineInfo {
                kind: EngineKind::Docker,
                version: "20.10.24".to_owned(),
                api_version: "1.41".to_owned(),
                endpoint: "unix:///var/run/docker.sock".to_owned(),
                rootless: false,
                locality: Locality::Host,
                runs_health_checks: true,
                lowest_port: 0,
            },
            engine_id: None,
            containers: Vec::new(),
            networks: Vec::new(),
            volumes: BTreeMap::new(),
            images: BTreeMap::new(),
            listeners: Vec::new(),
            routes: BTreeSet::new(),
        };
        let mut scenario = Self {
            observed,
            remembered: AppliedState {
                applied: BTreeMap::new(),
                spent_copies: BTreeSet::new(),
                kept: BTreeMap::new(),
                ownership: Ownership::new(StoreId::new("store-1")),
            },
            subnet: "10.213.0.0/24".parse().unwrap(),
            sources: BTreeMap::new(),
            pull: None,
            others: LinkedInstances::new(),
            links: BTreeMap::new(),
            host: HostView::of_home(Some("/home/me")),
            keyless: false,
            defer_problems: false,
            second_names: BTreeMap::new(),
            specs: BTreeMap::new(),
            made: 0,
            apply: 0,
            contents: BTreeMap::new(),
            copies: Vec::new(),
            done: Vec::new(),
        };
        scenario.add_image("busybox:1", "sha256:aaaaaaaaaaaaaaaa");
        scenario
    }

    pub(crate) fn add_image(&mut self, name: &str, id: &str) {
        let image = ImageInfo {
            id: ImageId::new(id),
            labels: BTreeMap::new(),
            volumes: BTreeSet::new(),
            healthcheck: None,
            user: String::new(),
            exposed: BTreeSet::new(),
        };
        self.observed.images.insert(name.to_owned(), image);
    }

    /// Observes the engine for a stack; images it builds are looked up by their name on the engine.
    pub(crate) fn look(&self, stack: &Stack) -> Observed {
        let mut observed = self.observed.clone();
        let supplies = supplies(stack, &effective(stack), &SupplyContext::default());
        for (image, tag) in supplies.tags(&StoreId::new("store-1")) {
            if let Some(built) = self.observed.images.get(&tag.name) {
                observed.images.insert(image, built.clone());
            }
        }
        observed
    }

    pub(crate) fn try_desire(&self, stack: &Stack) -> Result<Desired, Vec<Problem>> {
        let prior = self.remembered.prior(stack.instances.iter().map(|(name, i)| (name, &i.id)));
        let key = HashKey::new([7; 32]);
        let world = ResolveInput {
            store: &StoreId::new("store-1"),
            hash_key: if self.keyless { Err(Undecryptable::NoKey) } else { Ok(&key) },
            defer_problems: self.defer_problems,
            subnets: &Subnets { own: self.subnet, links: self.links.clone() },
            home: Some("/home/me"),
            host: &self.host,
            images: &self.look(stack).images,
            pull: self.pull,
            build_hashes: &self.sources,
            prior: &prior,
            others: &self.others,
        };
        desire(stack, &world)
    }

    pub(crate) fn desire(&self, stack: &Stack) -> Desired {
        self.try_desire(stack).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    pub(crate) fn plan(&self, stack: &Stack) -> Plan {
        self.plan_with(stack, &PlanOptions::default())
    }

    pub(crate) fn plan_with(&self, stack: &Stack, options: &PlanOptions) -> Plan {
        plan(&self.desire(stack), &self.look(stack), &self.remembered, options).unwrap()
    }

    pub(crate) fn apply(&mut self, stack: &Stack) -> Plan {
        let plan = self.plan(stack);
        self.carry_out(&plan);
        plan
    }

    /// Carries out a plan, checking at each step for calls that a real engine would refuse.
    pub(crate) fn carry_out(&mut self, plan: &Plan) {
        self.carry_out_until(plan, plan.steps.len());
    }

    /// Stops after that many steps, like an apply that failed or was killed.
    pub(crate) fn carry_out_until(&mut self, plan: &Plan, last: usize) -> ApplyId {
        self.apply += 1;
        self.make(&plan.steps, last);
        self.apply_id()
    }

    fn apply_id(&self) -> ApplyId {
        ApplyId::new(format!("apply-{}", self.apply))
    }

    /// Returns the state of a stack in the journal's form: written and read back.
    pub(crate) fn before(&self, stack: &Stack) -> Before {
        let before = before(&self.desire(stack), &self.observed, &self.remembered);
        let written = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<Before>(&written).unwrap(), before);
        before
    }

    pub(crate) fn assume(&self, stack: &Stack) -> Assumptions {
        let desired = self.desire(stack);
        let observed = self.look(stack);
        let planned = plan(&desired, &observed, &self.remembered, &PlanOptions::default());
        let unsettled = planned.as_ref().map(Plan::unsettled_images).unwrap_or_default();
        let seen = Seen { observed: &observed, ownership: &self.remembered.ownership };
        assumptions(stack, &desired, seen, &unsettled)
    }

    pub(crate) fn undo(&self, before: &Before, applies: &[ApplyId]) -> Undo {
        undo(
            before,
            Seen { observed: &self.observed, ownership: &self.remembered.ownership },
            &applies.iter().cloned().collect(),
            &BTreeSet::new(),
            &self.copies,
        )
    }

    /// Carries out the first steps in an order their dependencies allow.
    pub(crate) fn make(&mut self, steps: &[Step], last: usize) {
        let mut made: BTreeMap<StepId, ContainerId> = BTreeMap::new();
        let mut ended: BTreeSet<StepId> = BTreeSet::new();
        while ended.len() < last.min(steps.len()) {
            // Takes the last step that is ready, so that a plan that is only correct in listed order fails.
            let next = (0..steps.len())
                .rev()
                .map(StepId)
                .find(|id| !ended.contains(id) && steps[id.0].after.is_subset(&ended))
                .expect("the steps have no cycle");
            self.step(next, &steps[next.0], &mut made);
            ended.insert(next);
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm a kind of step")]
    fn step(&mut self, id: StepId, step: &Step, made: &mut BTreeMap<StepId, ContainerId>) {
        let who = step.instance.as_ref().map_or(String::new(), |name| format!("{name}: "));
        self.done.push(format!("{who}{}", step.action));
        let of = |container: &ContainerRef| match container {
            ContainerRef::Existing(id) => id.clone(),
            ContainerRef::MadeBy(step) => made[step].clone(),
        };
        match &step.action {
            Action::PullImage { image, .. } => self.add_image(image, "sha256:pulled0000000000"),
            Action::BuildImage { tags, spec } => {
                let built = spec.hash.clone().expect("the plan looked at what is built");
                for tag in tags {
                    self.add_image(tag, &format!("sha256:{built}"));
                    let image = self.observed.images.get_mut(tag).unwrap();
                    image.labels.insert(label::BUILD_HASH.to_owned(), built.to_string());
                }
            }
            Action::AdoptImage { image, tag } => {
                let known = self.observed.images.values().find(|known| known.id == *image);
                let known = known.expect("it is there").clone();
                self.observed.images.insert(tag.clone(), known);
            }
            Action::TagImage { image, name } => {
                self.second_names.insert(name.clone(), self.observed.images[image].id.clone());
            }
            Action::CreateNetwork { spec, identity } => {
                assert!(self.observed.networks.iter().all(|network| network.name != spec.name.as_str()));
                let id = format!("net-{}", spec.name);
                self.created(&step.action, &id);
                self.observed.networks.push(ObservedNetwork {
                    id: NetworkId::new(id),
                    name: spec.name.to_string(),
                    labels: spec.labels(identity, &self.apply_id()),
                    subnets: vec![spec.subnet],
                });
            }
            Action::RemoveNetwork { id, name } => {
                let used = self.observed.containers.iter().any(|c| c.networks.contains_key(name.as_str()));
                assert!(!used, "network {name} is in use");
                self.observed.networks.retain(|network| network.id != *id);
            }
            Action::CreateVolume { spec, identity } => {
                self.created(&step.action, spec.name.as_str());
                let labels = identity.labels("", &self.apply_id());
                assert!(self.observed.volumes.insert(spec.name.to_string(), labels).is_none());
            }
            Action::CopyVolume(copy) => self.copy(copy),
            Action::RemoveVolume { name } => {
                assert!(name.is_copy(), "{name} is no copy");
                let used = self.observed.containers.iter().any(|c| c.volumes.contains(name.as_str()));
                assert!(!used, "volume {name} is in use");
                assert!(self.observed.volumes.remove(name.as_str()).is_some());
                self.contents.remove(name.as_str());
            }
            Action::CreateContainer { name, made: from } => {
                let container = self.create(name, from);
                self.created(&step.action, container.as_str());
                made.insert(id, container);
            }
            Action::Remember { made } => self.remember(made),
            Action::PutFiles { container, .. } => {
                assert_eq!(
                    self.container(&of(container)).state,
                    RunState::Created,
                    "files arrive before the start"
                );
            }
            Action::Connect { container, attachment } => {
                let address = IpAddr::V4(attachment.address);
                let name = attachment.name.to_string();
                assert!(
                    self.observed.networks.iter().any(|network| network.name == name),
                    "no network {name}"
                );
                let held = |c: &ObservedContainer| {
                    c.state == RunState::Running && c.networks.values().any(|theirs| *theirs == Some(address))
                };
                // A stopped container records the connection, and takes the address when it starts.
                let runs = self.container(&of(container)).state == RunState::Running;
                assert!(!(runs && self.observed.containers.iter().any(held)), "{address} is taken");
                self.container(&of(container)).networks.insert(name, Some(address));
            }
            Action::Disconnect { container, network } => {
                let left = self.container(&of(container)).networks.remove(network.as_str());
                assert!(left.is_some(), "it is not on {network}");
            }
            Action::Provision { container, provisioning } => {
                self.done.push(format!("{} in {:?}", provisioning.name, of(container)));
            }
            Action::Start { container } => self.start(&of(container)),
            Action::Stop { container, .. } => self.end(&of(container)),
            Action::Rename { container, to } => {
                assert!(self.observed.containers.iter().all(|other| other.name != *to), "{to} is taken");
                self.container(&of(container)).name = to.clone();
            }
            Action::RemoveContainer { container, .. } => {
                let id = of(container);
                assert_ne!(
                    self.container(&id).state,
                    RunState::Running,
                    "a running container is not removed"
                );
                self.observed.containers.retain(|container| container.id != id);
            }
            Action::Await { container, .. } => {
                let id = of(container);
                let job = self.specs[&id].job;
                let container = self.container(&id);
                assert_eq!(container.state, RunState::Running);
                if job {
                    container.state = RunState::Exited;
                    container.exit_code = Some(0);
                    container.ports.clear();
                }
            }
            Action::Verify { running, images } => {
                for RunningCheck { instance, container, .. } in running {
                    assert_eq!(self.container(&of(container)).state, RunState::Running, "{instance}");
                }
                self.are_of_images(images, made);
            }
            Action::VerifyImages { images } => self.are_of_images(images, made),
        }
    }

    fn are_of_images(&mut self, checks: &[ImageCheck], made: &BTreeMap<StepId, ContainerId>) {
        for ImageCheck { instance, container, planned, .. } in checks {
            let ContainerRef::MadeBy(step) = container else { panic!("{instance} was there before") };
            assert_eq!(self.container(&made[step]).image_id, *planned, "{instance}");
        }
    }

    /// Records a created object by its id.
    fn created(&mut self, action: &Action, id: &str) {
        let created = action.creates(&self.apply_id()).expect("it creates something");
        self.remembered.ownership.remember(CreatedObject { id: Some(id.to_owned()), ..created });
    }

    /// A container running on either volume would mix the data.
    fn copy(&mut self, copy: &VolumeCopy) {
        for volume in [&copy.from, &copy.to] {
            assert!(self.observed.volumes.contains_key(volume.as_str()), "no volume {volume}");
            let runs = |c: &&ObservedContainer| c.state == RunState::Running;
            let mut running = self.observed.containers.iter().filter(runs);
            assert!(running.all(|c| !c.volumes.contains(volume.as_str())), "a container runs on {volume}");
        }
        let content = self.contents.get(copy.from.as_str()).cloned().unwrap_or_default();
        self.contents.insert(copy.to.to_string(), content);
        if copy.to.is_copy() {
            self.copies.push(copy.clone());
        }
    }

    fn remember(&mut self, made: &ContainerRecipe) {
        let instance = made.identity.instance.as_ref().unwrap();
        let remembered =
            AppliedSpec::read(made.hash.clone(), &made.memory().unwrap(), SpecState::Completed).unwrap();
        let known = self.remembered.applied.entry(instance.id.clone()).or_default();
        known.retain(|known| known.hash != remembered.hash);
        known.insert(0, remembered);
    }

    fn create(&mut self, name: &ContainerName, made: &ContainerRecipe) -> ContainerId {
        let ContainerRecipe { spec, identity, hash, .. } = made;
        self.made += 1;
        let id = ContainerId::new(format!("c{}", self.made));
        assert!(self.observed.containers.iter().all(|other| other.name != *name), "{name} is taken");
        let network = spec.network.as_ref().expect("attached");
        assert!(self.observed.networks.iter().any(|n| n.name == network.name.as_str()), "no network");
        let volumes = spec.mounts.iter().filter_map(|mount| match &mount.source {
            MountFrom::Volume(volume) => Some(volume.to_string()),
            MountFrom::Bind(_) => None,
        });
        let volumes: BTreeSet<String> = volumes.collect();
        assert!(volumes.iter().all(|volume| self.observed.volumes.contains_key(volume)), "no volume");
        self.remember(made);
        self.specs.insert(id.clone(), spec.clone());
        self.observed.containers.push(ObservedContainer {
            id: id.clone(),
            name: name.clone(),
            labels: {
                let mut labels = self.observed.images[spec.image_reference()].labels.clone();
                labels.extend(identity.labels(hash, &self.apply_id()));
                labels.extend(form_label(spec));
                labels
            },
            image_id: self.observed.images[spec.image_reference()].id.clone(),
            image: spec.image_reference().to_owned(),
            state: RunState::Created,
            restarting: false,
            status: "Created".to_owned(),
            exit_code: None,
            health: None,
            networks: BTreeMap::from([(network.name.to_string(), Some(IpAddr::V4(network.address)))]),
            ports: Vec::new(),
            volumes,
        });
        id
    }

    /// Two containers on one volume, one address or one host port never run at once.
    fn start(&mut self, id: &ContainerId) {
        let spec = self.specs[id].clone();
        assert_ne!(self.container(id).state, RunState::Stuck, "it cannot be started");
        let ports = spec.ports.clone();
        let addresses: BTreeSet<IpAddr> = self.container(id).networks.values().flatten().copied().collect();
        let volumes = self.container(id).volumes.clone();
        for other in self.observed.containers.iter().filter(|c| c.id != *id && c.state == RunState::Running) {
            assert!(other.volumes.is_disjoint(&volumes), "{} runs on the same volume", other.name);
            assert!(
                other.networks.values().flatten().all(|theirs| !addresses.contains(theirs)),
                "{} has the same address",
                other.name
            );
            for port in &other.ports {
                assert!(
                    ports.iter().all(|mine| mine.host_port != port.host_port),
                    "{} has port {}",
                    other.name,
                    port.host_port
                );
            }
        }
        let image = self.container(id).image_id.clone();
        for volume in volumes {
            self.contents.entry(volume).or_default().insert(image.clone());
        }
        let container = self.container(id);
        container.state = RunState::Running;
        container.exit_code = None;
        container.ports = ports;
    }

    fn end(&mut self, id: &ContainerId) {
        let container = self.container(id);
        if !matches!(container.state, RunState::Exited | RunState::Stuck) {
            container.state = RunState::Exited;
            container.exit_code = Some(137);
        }
        container.ports.clear();
    }

    pub(crate) fn container(&mut self, id: &ContainerId) -> &mut ObservedContainer {
        self.observed.containers.iter_mut().find(|container| container.id == *id).expect("it exists")
    }

    pub(crate) fn of(&mut self, instance: &str) -> &mut ObservedContainer {
        let name = format!("devarch-shop-{instance}");
        self.observed
            .containers
            .iter_mut()
            .find(|container| container.name.as_str() == name)
            .expect("it exists")
    }
}

/// Parses an instance's name.
pub(crate) fn name(text: &str) -> InstanceName {
    text.parse().unwrap()
}
