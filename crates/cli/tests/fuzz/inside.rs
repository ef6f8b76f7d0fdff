//! Reads, resolves and plans a devarch.yml in this process.

use devarch_core::{
    desired::{ResolveInput, Subnets, desire, effective},
    diagnostic::Diagnostics,
    engine::{EngineInfo, EngineKind, Locality},
    escape,
    hash::HashKey,
    id::{InstanceId, SecretId, StackId, StoreId},
    name::{PhysicalVolume, StackName, TemplateName},
    observed::Observed,
    ownership::Ownership,
    plan::{AppliedState, PlanOptions, TextOptions, plan, plan_text},
    port::HostBinding,
    read::{ProjectFile, parse_yaml, project_yaml, read_project},
    resolve::{HostView, LinkedInstances},
    secret::{KeptSecret, REDACTED, SecretValue},
    stack::{DesiredRun, Instance, Pinned, Stack, StackFile},
    template::{HostPortChoice, MountSource},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

/// How far a document got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reached {
    /// It was rejected.
    Refused,
    /// It was read, but none of its stacks could be planned.
    Read,
    /// At least one of its stacks was planned.
    Planned,
}

/// Processes a document as far as possible, and checks that the output holds no control characters.
pub(crate) fn run(text: &str) -> Reached {
    let read = parse_yaml(text).map_err(Diagnostics::from).and_then(|node| read_project(&node));
    let file = match read {
        Ok(file) => file,
        Err(wrong) => {
            assert!(!wrong.is_empty(), "refused without a reason");
            return Reached::Refused;
        }
    };
    let written = project_yaml(&file).unwrap();
    // Secrets are not written, so such a document cannot be compared.
    let whole = !written.contains(REDACTED);
    let again = parse_yaml(&written).map_err(Diagnostics::from).and_then(|node| read_project(&node));
    assert!(
        !whole || again.as_ref() == Ok(&file),
        "what is written reads back as another project:\n{written}\n{again:?}"
    );
    let planned = file.stacks.iter().filter(|(name, declared)| plans(&file, name, declared)).count();
    if planned > 0 { Reached::Planned } else { Reached::Read }
}

fn plans(file: &ProjectFile, name: &StackName, declared: &StackFile) -> bool {
    let Some(stack) = stack(file, name, declared) else { return false };
    let strict = planned(&stack, false);
    planned(&stack, true);
    strict
}

/// Whether the stack reached the planner.
fn planned(stack: &Stack, defer_problems: bool) -> bool {
    let observed = observed();
    let (images, build_hashes, prior) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let key = HashKey::new([7; 32]);
    let input = ResolveInput {
        store: &StoreId::new("store-1"),
        hash_key: Ok(&key),
        defer_problems,
        subnets: &Subnets { own: "10.213.0.0/24".parse().unwrap(), links: BTreeMap::new() },
        home: Some("/home/me"),
        images: &images,
        pull: None,
        build_hashes: &build_hashes,
        prior: &prior,
        others: &LinkedInstances::new(),
        host: &HostView::of_home(Some("/home/me")),
    };
    let Ok(desired) = desire(stack, &input) else { return false };
    let remembered = AppliedState {
        applied: BTreeMap::new(),
        spent_copies: BTreeSet::new(),
        kept: BTreeMap::new(),
        ownership: Ownership::new(StoreId::new("store-1")),
    };
    let Ok(plan) = plan(&desired, &observed, &remembered, &PlanOptions::default()) else {
        return true;
    };
    for full in [false, true] {
        let text = plan_text(&plan, TextOptions { full });
        assert!(!text.contains(|c| escape::is_control(c) && c != '\n'), "{text:?}");
    }
    serde_json::to_string(&plan).unwrap();
    true
}

/// The stack as it would be stored; `None` if a template is not in the file.
fn stack(file: &ProjectFile, name: &StackName, declared: &StackFile) -> Option<Stack> {
    let pinned = |template: &TemplateName| {
        let template = file.templates.get(template)?;
        Pinned::new(Arc::new(template.clone()), &HashKey::new([7; 32])).ok()
    };
    let mut stack = Stack {
        id: StackId::new("stack-1"),
        name: name.clone(),
        project: Some("/project".to_owned()),
        enabled: true,
        revision: 1,
        engine: None,
        subnet: None,
        imported: Some(declared.clone()),
        allow: declared.allow.clone(),
        secrets: declared.secrets.keys().map(|name| (name.clone(), kept(name.as_str()))).collect(),
        wiring: declared.wiring.clone(),
        instances: BTreeMap::new(),
    };
    for (slot, (name, declared)) in declared.instances.iter().enumerate() {
        let instance = Instance {
            id: InstanceId::new(format!("id-{name}")),
            template: pinned(&declared.template)?,
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
    Some(stack)
}

fn kept(name: &str) -> KeptSecret {
    KeptSecret { id: SecretId::new(name), value: SecretValue::new("hunter22"), changed_at: 0 }
}

/// Assigns ports and volume names, as the store does.
fn assign(stack: &mut Stack) {
    let effective = effective(stack);
    let mut next = 20_000;
    for (name, instance) in &mut stack.instances {
        for port in effective[name].service.ports.iter().flatten() {
            next += 1;
            let host_port = match port.published {
                HostPortChoice::Fixed(port) => port,
                HostPortChoice::Auto => next,
            };
            let host_ip = port.host_ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
            instance.ports.insert(port.key, HostBinding { host_ip, host_port });
        }
        for mount in effective[name].service.volumes.iter().flatten() {
            if let MountSource::Volume(volume) = &mount.source {
                let physical = PhysicalVolume::for_instance(&stack.name, name, volume);
                instance.volumes.insert(volume.clone(), physical);
            }
        }
    }
}

fn observed() -> Observed {
    Observed {
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
    }
}
