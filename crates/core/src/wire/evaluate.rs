//! Computes the variables of every instance. Providers are computed before their consumers, so that an export can refer
//! to variables that its instance gets from a wire.

use super::{
    Contract, Values, Viewpoint, WireInstance, Wired,
    fault::{ExportFault, ImportFault},
    graph::Order,
    index::{Candidate, Index},
    pattern::{Mapped, mapping},
    reference::Found,
    slots::{Slot, Slots},
    values::{address, as_secret, lacking, of_login, values},
};
use crate::{diagnostic::Finding, template::Import, text::Text};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// The state of an instance while its consumers are computed.
#[derive(Default, Clone)]
pub(super) struct Known {
    /// Variables set by its wires.
    pub(super) variables: BTreeMap<String, Wired>,
    /// Variables its wires would set without an override: variable and import.
    pub(super) hidden: Vec<(String, String)>,
    /// Variables that will be set once a reported error is fixed.
    pending: BTreeSet<String>,
}

pub(super) struct Evaluation<'i, 'a> {
    index: &'i Index<'a>,
    slots: &'i Slots,
    /// The values of each provider's exports; `None` if there is an error, or they are not known yet.
    values: Vec<Vec<Option<Values>>>,
    pub(super) known: Vec<Known>,
    pub(super) found: Vec<Finding>,
}

impl<'i, 'a> Evaluation<'i, 'a> {
    /// Computes everything that can be computed.
    pub(super) fn of(index: &'i Index<'a>, slots: &'i Slots, order: &Order) -> Self {
        let values = index.providers.iter().map(|provider| vec![None; provider.offers.len()]).collect();
        let known = vec![Known::default(); index.nodes.len()];
        let mut evaluation = Self { index, slots, values, known, found: Vec::new() };
        for provider in index.nodes.len()..index.providers.len() {
            evaluation.outside(provider);
        }
        for node in &order.sorted {
            evaluation.consumer(*node);
            evaluation.provider(*node);
        }
        for node in &order.rest {
            evaluation.consumer(*node);
        }
        evaluation
    }

    /// Computes the exports of an instance, whose environment is complete now.
    fn provider(&mut self, node: usize) {
        let (_, instance) = self.index.nodes[node];
        for number in 0..instance.offers.len() {
            let candidate = Candidate { provider: node, offer: number };
            self.instance_offer(candidate, instance, Some(node));
            let offer = &instance.offers[number];
            if !instance.listens.is_empty() && !instance.listens.contains(&offer.port) {
                let listens = instance.listens.iter().copied().collect();
                self.report(candidate, ExportFault::Silent { port: offer.port, listens });
            }
            let lacks = lacking(offer);
            if !lacks.is_empty() {
                self.report(candidate, ExportFault::Lacks(lacks));
            }
        }
    }

    fn outside(&mut self, provider: usize) {
        let index = self.index;
        let outside = &index.providers[provider];
        for number in 0..outside.offers.len() {
            let candidate = Candidate { provider, offer: number };
            match outside.instance {
                Some(instance) => self.instance_offer(candidate, instance, None),
                None => self.external_offer(candidate),
            }
        }
    }

    fn external_offer(&mut self, candidate: Candidate) {
        let offer = self.index.offer(candidate);
        let super::ProviderName::External(name) = &self.index.providers[candidate.provider].name else {
            return;
        };
        let external = &self.index.stack.external[name];
        if external.host == "localhost" || external.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()) {
            self.report(candidate, ExportFault::Loopback { host: external.host.clone() });
        }
        let lacks = lacking(offer);
        if !lacks.is_empty() {
            self.report(candidate, ExportFault::Lacks(lacks));
        }
        let computed = values(offer, &external.address(), |_| Found::Nothing);
        self.keep(candidate, computed);
    }

    fn instance_offer(&mut self, candidate: Candidate, instance: &WireInstance, node: Option<usize>) {
        let offer = self.index.offer(candidate);
        let Some(address) = address(instance, offer.port, Viewpoint::Container) else { return };
        let nothing = Known::default();
        let known = node.map_or(&nothing, |node| &self.known[node]);
        let computed = values(offer, &address, |name| known.find(instance, name));
        self.keep(candidate, computed);
    }

    fn keep(&mut self, candidate: Candidate, computed: Result<Values, Vec<ExportFault>>) {
        match computed {
            Ok(values) => self.values[candidate.provider][candidate.offer] = Some(values),
            Err(faults) => faults.into_iter().for_each(|fault| self.report(candidate, fault)),
        }
    }

    fn report(&mut self, candidate: Candidate, fault: ExportFault) {
        let endpoint = self.index.endpoint(candidate);
        self.found.push(fault.of(&endpoint.provider, &endpoint.export));
    }

    /// The imports of an instance.
    fn consumer(&mut self, node: usize) {
        let (name, instance) = self.index.nodes[node];
        let mut known = Known::default();
        let mut imports: Vec<(usize, &Import)> = instance.imports.iter().enumerate().collect();
        imports.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
        for (number, import) in imports {
            let (mapped, unreadable) = mapping(import);
            for (variable, error) in unreadable {
                known.pending.insert(variable.clone());
                self.found.push(ImportFault::Pattern { variable, error }.of(name, &import.name));
            }
            match self.slots.get(node, number) {
                Slot::Wired(candidate, _) => {
                    let filled = self.fill(candidate, instance, import, &mapped);
                    let faults = known.take(instance, import, &mapped, filled);
                    let endpoint = self.index.endpoint(candidate);
                    for variable in known.hidden.iter().filter(|(_, by)| *by == import.name) {
                        let fault =
                            ImportFault::Hidden { variable: variable.0.clone(), provider: endpoint.clone() };
                        self.found.push(fault.of(name, &import.name));
                    }
                    self.found.extend(faults.into_iter().map(|fault| fault.of(name, &import.name)));
                }
                Slot::Declined if import.required && !decided(instance, &mapped) => {
                    self.found.push(ImportFault::Declined.of(name, &import.name));
                }
                Slot::Open if !import.required => {}
                Slot::Declined => {}
                Slot::Open | Slot::Faulty | Slot::Ambiguous => known.wait(mapped),
            }
        }
        self.known[node] = known;
    }

    /// The values of an import's variables; `None` if the provider's are not known.
    fn fill(
        &self,
        candidate: Candidate,
        instance: &WireInstance,
        import: &Import,
        mapped: &[Mapped],
    ) -> Option<Filled> {
        let values = self.values[candidate.provider][candidate.offer].as_ref()?;
        let provider = &self.index.providers[candidate.provider].name;
        let login = self.index.stack.own_login(instance, import, provider);
        let own = login.map(|login| of_login(Contract::builtin(import.contract), values.clone(), &login));
        let values = own.as_ref().unwrap_or(values);
        let endpoint = || self.index.endpoint(candidate);
        let mut filled = Filled::default();
        if import.own && !self.index.offer(candidate).provisions {
            filled.faults.push(ImportFault::NoOwn { provider: endpoint() });
            return Some(filled);
        }
        let lacks =
            if import.environment.is_empty() { lacking(self.index.offer(candidate)) } else { Vec::new() };
        if !lacks.is_empty() {
            let contract = import.contract;
            filled.faults.push(ImportFault::Lacks { provider: endpoint(), contract, properties: lacks });
            return Some(filled);
        }
        for one in mapped {
            match one.pattern.fill(values) {
                Ok(value) => filled.values.push((one.variable.clone(), value)),
                Err(_) if one.optional => {}
                Err(carried) => filled.faults.push(ImportFault::Unsaid {
                    variable: one.variable.clone(),
                    provider: endpoint(),
                    property: carried.name(),
                }),
            }
        }
        Some(filled)
    }
}

/// Whether an override decides on all that an import would set.
fn decided(instance: &WireInstance, mapped: &[Mapped]) -> bool {
    mapped.iter().all(|one| one.optional || instance.overridden.contains(&one.variable))
}

/// The result of a wire.
#[derive(Default)]
struct Filled {
    values: Vec<(String, Text)>,
    faults: Vec<ImportFault>,
}

impl Known {
    /// The state when everything has been computed.
    pub(super) fn of(variables: BTreeMap<String, Wired>) -> Self {
        Self { variables, ..Self::default() }
    }

    /// The value of a variable in the effective environment: template, then wires, then overrides, the last wins.
    pub(super) fn find<'k>(&'k self, instance: &'k WireInstance, name: &str) -> Found<'k> {
        let own = instance.environment.get(name);
        if instance.overridden.contains(name) {
            return own.map_or(Found::Nothing, Found::Value);
        }
        match (self.variables.get(name), own) {
            (Some(wired), _) => Found::Value(&wired.value),
            (None, _) if self.pending.contains(name) => Found::Pending,
            (None, Some(own)) => Found::Value(own),
            (None, None) => Found::Nothing,
        }
    }

    fn take(
        &mut self,
        instance: &WireInstance,
        import: &Import,
        mapped: &[Mapped],
        filled: Option<Filled>,
    ) -> Vec<ImportFault> {
        let Some(Filled { values, mut faults }) = filled else {
            self.wait(mapped.to_vec());
            return Vec::new();
        };
        if !faults.is_empty() {
            self.wait(mapped.to_vec());
        }
        for (variable, value) in values {
            if instance.overridden.contains(&variable) {
                self.hidden.push((variable, import.name.clone()));
            } else if let Some(other) = self.variables.get(&variable) {
                faults.push(ImportFault::SameVariable { variable, other: other.import.clone() });
            } else {
                // A variable that the template marks secret remains secret, whatever sets it.
                let secret = instance.environment.get(&variable).is_some_and(Text::is_secret);
                let value = if secret { as_secret(value) } else { value };
                self.variables.insert(variable, Wired { value, import: import.name.clone() });
            }
        }
        faults
    }

    fn wait(&mut self, mapped: Vec<Mapped>) {
        self.pending.extend(mapped.into_iter().map(|one| one.variable));
    }
}
