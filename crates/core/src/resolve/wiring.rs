//! Resolves a stack's wires from its effective configs, and adds the results to them.

use super::{Dependencies, Effective, LinkedInstances, Origin, cycle, logins, secrets::ReferenceResolver};
use crate::{
    diagnostic::{About, Finding, Findings, Problem, Severity},
    name::{ContainerName, InstanceName},
    observed::ImageInfo,
    port::{PortKey, Protocol},
    secret::KeptSecret,
    stack::{DesiredRun, Instance, Stack},
    template::{Dependency, DependencyCondition},
    wire::{
        Endpoint, External, Offer, PRIMARY, ProviderName, ROLE_LABEL, Resolution, Wire, WireInstance,
        WireStack, Wired, resolve,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// The previous wiring: the provider each import was wired to when its consumer was last applied.
pub type PreviousWiring = BTreeMap<InstanceName, BTreeMap<String, Endpoint>>;

/// The input for wiring besides the stack.
#[derive(Debug, Clone, Copy)]
pub struct WireContext<'a> {
    /// The images that are present, by the name they are referred to by.
    pub images: &'a BTreeMap<String, ImageInfo>,
    /// The wiring of the running containers.
    pub prior: &'a PreviousWiring,
    /// The instances of other stacks that `wires` refers to.
    pub others: &'a LinkedInstances,
}

/// A stack with its wires resolved.
#[derive(Debug, Clone)]
pub struct WiredStack {
    /// The effective configs, including variables and dependencies that follow from wires.
    pub effective: BTreeMap<InstanceName, Effective>,
    /// The input from which the wires were resolved.
    pub input: WireStack,
    /// The wires.
    pub resolution: Resolution,
    /// Secrets that exports and external providers refer to, and that are not set or cannot be decrypted.
    pub problems: Vec<Finding>,
    /// Whether instances would wait for each other.
    cyclic: bool,
}

/// Wires a stack. If its wires form a cycle, they add no dependencies, and the cycle is reported.
pub fn wired(
    stack: &Stack,
    mut effective: BTreeMap<InstanceName, Effective>,
    context: &WireContext<'_>,
) -> WiredStack {
    let mut problems = Vec::new();
    let input = input(stack, &effective, context, &mut problems);
    let resolution = resolve(&input);
    problems.extend(unsaid(&resolution, context.others));
    let cyclic = is_cyclic(&effective, &resolution);
    let provisions = logins::provisions(&input, &effective, &resolution, context.others);
    for (name, config) in &mut effective {
        let links: Vec<&Wire> = resolution.links_of(name).collect();
        set_variables(config, &links, resolution.variables.get(name).cloned().unwrap_or_default());
        if !cyclic {
            wait(config, &links);
        }
    }
    for (name, provision) in provisions {
        if let Some(config) = effective.get_mut(&name) {
            config.provisions.push(provision);
        }
    }
    WiredStack { effective, input, resolution, problems, cyclic }
}

impl WiredStack {
    /// Returns the findings about desired instances; those that should not exist need no wires.
    pub fn matters(&self, stack: &Stack) -> Vec<&Finding> {
        let findings = self.resolution.findings.iter();
        findings.filter(|finding| self.concerns_wanted(stack, finding)).collect()
    }

    fn concerns_wanted(&self, stack: &Stack, finding: &Finding) -> bool {
        let wanted = |name: &InstanceName| {
            stack.instances.get(name).is_some_and(|instance| stack.wanted(instance) != DesiredRun::Absent)
        };
        // Another instance may need an export, and a cycle concerns every instance.
        stack.instances.keys().any(wanted)
            && (self.cyclic
                || finding.about == About::Export
                || finding.problem.instance.as_ref().is_none_or(wanted))
    }

    /// Returns the findings in the form plans use: errors, which block them, and warnings; notes are separate.
    pub fn findings(&self, stack: &Stack) -> (Findings, Vec<Problem>) {
        let (mut findings, mut notes) = (Findings::default(), Vec::new());
        for Finding { severity, problem, .. } in self.matters(stack) {
            match severity {
                Severity::Error => findings.errors.push(problem.clone()),
                Severity::Warning => findings.warnings.push(problem.clone()),
                Severity::Note => notes.push(problem.clone()),
            }
        }
        let matter = self.problems.iter().filter(|finding| self.concerns_wanted(stack, finding));
        findings.errors.extend(matter.map(|finding| finding.problem.clone()));
        (findings, notes)
    }

    /// Returns problems with the exports of instances and external providers, to be reported when they are defined.
    pub fn bad_offers(&self) -> Vec<Problem> {
        let errors = self.resolution.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let of_offers = errors.filter(|finding| finding.about != About::Other);
        of_offers.map(|finding| finding.problem.clone()).collect()
    }
}

fn input(
    stack: &Stack,
    effective: &BTreeMap<InstanceName, Effective>,
    context: &WireContext<'_>,
    problems: &mut Vec<Finding>,
) -> WireStack {
    let mut input = WireStack {
        tag: tag(stack),
        wires: stack.wiring.wires.clone(),
        prefer: stack.wiring.prefer,
        prior: context.prior.clone(),
        others: context.others.iter().map(|(name, other)| (name.clone(), other.wire.clone())).collect(),
        ..WireStack::default()
    };
    for (name, instance) in &stack.instances {
        let Ok(container) = ContainerName::for_instance(&stack.name, name) else { continue };
        let place = Place { stack, name, instance, images: context.images };
        input.instances.insert(name.clone(), place.wire_instance(&effective[name], container, problems));
    }
    let nothing = BTreeMap::new();
    let mut resolver = resolver(stack, None, &nothing);
    for (name, decl) in &stack.wiring.external {
        let properties = decl.properties.iter().map(|(property, value)| {
            (property.to_string(), resolver.given(&format!("external.{name}.{property}"), value))
        });
        let properties = properties.collect();
        let external =
            External { contract: decl.contract, host: decl.host.clone(), port: decl.port, properties };
        input.external.insert(name.clone(), external);
    }
    problems.extend(errors(About::External, resolver.problems));
    input
}

/// Returns problems that prevent linked providers from resolving their exports, reported for their consumers.
fn unsaid(resolution: &Resolution, others: &LinkedInstances) -> Vec<Finding> {
    let mut problems = Vec::new();
    for link in &resolution.links {
        let ProviderName::Other { stack, instance } = &link.to.provider else { continue };
        let other = others.get(&(stack.clone(), instance.clone()));
        for problem in other.iter().flat_map(|other| &other.problems) {
            let message = format!("{stack}/{problem}");
            problems.push(Problem::in_field(&link.consumer, format!("imports.{}", link.import), message));
        }
    }
    errors(About::Other, problems).collect()
}

fn errors(about: About, problems: Vec<Problem>) -> impl Iterator<Item = Finding> {
    problems.into_iter().map(move |problem| Finding { severity: Severity::Error, problem, about })
}

/// Returns the end of the stack's id, which is random.
fn tag(stack: &Stack) -> String {
    let id: Vec<char> = stack.id.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
    id[id.len().saturating_sub(TAG)..].iter().map(char::to_ascii_lowercase).collect()
}

fn resolver<'a>(
    stack: &'a Stack,
    name: Option<&'a InstanceName>,
    generated: &'a BTreeMap<String, KeptSecret>,
) -> ReferenceResolver<'a> {
    ReferenceResolver { stack, name, generated, problems: Vec::new() }
}

struct Place<'a> {
    stack: &'a Stack,
    name: &'a InstanceName,
    instance: &'a Instance,
    images: &'a BTreeMap<String, ImageInfo>,
}

impl Place<'_> {
    /// Returns the instance in the form used for wiring. The environment is left out if it has no exports or imports.
    fn wire_instance(
        &self,
        config: &Effective,
        container: ContainerName,
        problems: &mut Vec<Finding>,
    ) -> WireInstance {
        let mut seen = WireInstance::new(container);
        seen.logins = logins::kept(&self.instance.generated);
        let service = &config.service;
        seen.depends_on = service.depends_on.iter().flatten().map(|(name, _)| name.clone()).collect();
        if config.exports.is_empty() && config.imports.is_empty() {
            return seen;
        }
        // Problems in the environment are reported when the container is specified.
        seen.environment =
            resolver(self.stack, Some(self.name), &self.instance.generated).environment(config);
        let mut resolver = resolver(self.stack, Some(self.name), &self.instance.generated);
        for export in &config.exports {
            let properties = export.properties.iter().map(|(property, value)| {
                let field = format!("exports.{}.properties.{property}", export.name);
                (property.clone(), resolver.given(&field, value))
            });
            let properties = properties.collect();
            let (name, contract, port) = (export.name.clone(), export.contract, export.port);
            let provisions = export.provision.is_some();
            seen.offers.push(Offer { name, contract, port, properties, provisions });
        }
        problems.extend(errors(About::Export, resolver.problems));
        seen.imports.clone_from(&config.imports);
        seen.overridden = self.overridden(config);
        seen.listens = self.listens(config);
        let tcp = |key: &PortKey| key.protocol == Protocol::Tcp;
        let ports = service.ports.iter().flatten().map(|port| port.key).filter(tcp);
        let given = ports.filter_map(|key| Some((key.target, *self.instance.ports.get(&key)?)));
        seen.published = given.collect();
        let role = service.labels.as_ref().and_then(|labels| labels.get(ROLE_LABEL));
        seen.primary = role.is_some_and(|role| role == PRIMARY);
        seen
    }

    /// Returns the variables an override sets or removes.
    fn overridden(&self, config: &Effective) -> BTreeSet<String> {
        let set = config.origins.iter().filter(|(_, origin)| **origin == Origin::Override);
        let set = set.filter_map(|(field, _)| field.strip_prefix("environment."));
        let removed = self.instance.overrides.environment_add.iter().filter(|(_, value)| value.is_none());
        set.map(str::to_owned).chain(removed.map(|(name, _)| name.clone())).collect()
    }

    /// Returns the TCP ports that an instance declares; empty, so that no port is questioned, while its image is
    /// absent.
    fn listens(&self, config: &Effective) -> BTreeSet<u16> {
        let image = config.service.image.as_ref().and_then(|image| self.images.get(image));
        let Some(image) = image else { return BTreeSet::new() };
        let ports = config.service.ports.iter().flatten().map(|port| port.key);
        let all = ports.chain(image.exposed.iter().copied());
        all.filter(|key| key.protocol == Protocol::Tcp).map(|key| key.target).collect()
    }
}

/// Whether wires make instances wait for each other.
fn is_cyclic(effective: &BTreeMap<InstanceName, Effective>, resolution: &Resolution) -> bool {
    if resolution.order.is_empty() {
        return false;
    }
    let mut dependencies = Dependencies::new();
    for (name, config) in effective {
        let own = config.service.depends_on.iter().flatten().map(|(provider, _)| provider);
        let wired = resolution.order.get(name).into_iter().flatten();
        let known = own.chain(wired).filter(|provider| effective.contains_key(*provider));
        dependencies.insert(name, known.collect());
    }
    cycle(&dependencies).is_some()
}

/// Number of characters of its id that identify a stack.
const TAG: usize = 8;

fn origin(link: &Wire) -> Origin {
    Origin::Wire { import: link.import.clone(), provider: link.to.clone() }
}

fn set_variables(config: &mut Effective, links: &[&Wire], variables: BTreeMap<String, Wired>) {
    for link in links {
        let set = link.variables.iter().map(|variable| (format!("environment.{variable}"), origin(link)));
        config.origins.extend(set);
    }
    config.wired = variables;
}

/// Adds the dependencies of wires: a consumer waits until its providers are ready, unless it defines its own
/// condition.
fn wait(config: &mut Effective, links: &[&Wire]) {
    let ready = Dependency { condition: DependencyCondition::Ready, restart: false, required: true };
    for link in links {
        let ProviderName::Instance(provider) = &link.to.provider else { continue };
        let said = config.service.depends_on.get_or_insert_with(BTreeMap::new);
        if !said.contains_key(provider) {
            said.insert(provider.clone(), ready);
            config.origins.insert(format!("depends_on.{provider}"), origin(link));
        }
    }
}
