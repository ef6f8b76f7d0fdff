//! Resolves the wires of a stack and their values. Pure, and independent of the order of definitions.

use super::{
    Endpoint, How, ProviderName, WireStack,
    auto::auto,
    evaluate::{Evaluation, Known},
    explicit::explicit,
    fault::ExportFault,
    graph::Graph,
    index::Index,
    slots::{Slot, Slots},
};
use crate::diagnostic::Finding;
use crate::{name::InstanceName, template::ContractType, text::Text};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The result of wiring a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Resolution {
    /// The wires, by consumer and import.
    pub links: Vec<Wire>,
    /// The imports that have none.
    pub unwired: Vec<Unwired>,
    /// The variables that wires set in each instance, without those that an override sets.
    pub variables: BTreeMap<InstanceName, BTreeMap<String, Wired>>,
    /// The instances of the stack each consumer has to wait for because of its wires.
    pub order: BTreeMap<InstanceName, BTreeSet<InstanceName>>,
    /// Errors and notes; errors first, then by location.
    pub findings: Vec<Finding>,
}

/// A wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wire {
    /// Who needs.
    pub consumer: InstanceName,
    /// Its import.
    pub import: String,
    /// Who offers, and which export.
    pub to: Endpoint,
    /// The type of both ends.
    pub contract: ContractType,
    /// How it was created.
    pub how: How,
    /// Whether what runs is wired otherwise, or not yet.
    pub new: bool,
    /// The provider of the import in the applied state, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<Endpoint>,
    /// The variables it sets.
    pub variables: Vec<String>,
    /// The variables it would set, did an override not decide on them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<String>,
}

/// An import without a wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unwired {
    /// Who needs.
    pub consumer: InstanceName,
    /// Its import.
    pub import: String,
    /// Its type.
    pub contract: ContractType,
    /// Whether the consumer can't work without.
    pub required: bool,
    /// The reason.
    pub why: Why,
    /// The import's provider in the applied state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<Endpoint>,
}

/// Why an import has no wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// No instance offers the type.
    Nobody,
    /// Several do.
    Ambiguous,
    /// The stack sets `to: none`.
    Declined,
    /// The entry of `wires` for it is wrong.
    Faulty,
}

/// A variable's value, and the import that it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wired {
    /// The value.
    pub value: Text,
    /// The import.
    pub import: String,
}

/// Wires a stack. Links are found even if there are errors, for lists and graphs; the findings decide whether the stack
/// may be applied.
pub fn resolve(stack: &WireStack) -> Resolution {
    let index = Index::of(stack);
    let mut slots = Slots::of(&index);
    let mut findings = name_clashes(stack);
    findings.extend(explicit(&index, &mut slots));
    findings.extend(auto(&index, &mut slots));
    let graph = Graph::of(&index, &slots);
    findings.extend(graph.cycles(&index));
    let evaluation = Evaluation::of(&index, &slots, &graph.by_wires());
    let Evaluation { known, found, .. } = evaluation;
    findings.extend(found);
    findings.sort();
    let mut resolution = Resolution { findings, ..Resolution::default() };
    for (node, known) in known.into_iter().enumerate() {
        resolution.add(&index, &slots, node, known);
    }
    resolution
}

fn name_clashes(stack: &WireStack) -> Vec<Finding> {
    let taken = stack.external.keys().filter(|name| stack.instances.contains_key(*name));
    taken.map(|name| ExportFault::NameTaken.of(&ProviderName::External(name.clone()), "")).collect()
}

impl Resolution {
    /// The wires of a consumer.
    pub fn links_of(&self, consumer: &InstanceName) -> impl Iterator<Item = &Wire> {
        let start = self.links.partition_point(|link| link.consumer < *consumer);
        self.links[start..].iter().take_while(move |link| link.consumer == *consumer)
    }

    /// The state of a consumer to store once it is applied: the `prior` of the next resolution.
    pub fn remembered(&self, consumer: &InstanceName) -> BTreeMap<String, Endpoint> {
        self.links_of(consumer).map(|link| (link.import.clone(), link.to.clone())).collect()
    }

    fn add(&mut self, index: &Index<'_>, slots: &Slots, node: usize, known: Known) {
        let (name, instance) = index.nodes[node];
        let prior = |import: &str| index.stack.prior.get(name).and_then(|imports| imports.get(import));
        let first = self.links.len();
        for (number, import) in instance.imports.iter().enumerate() {
            let was = prior(&import.name).cloned();
            let why = match slots.get(node, number) {
                Slot::Wired(candidate, how) => {
                    let to = index.endpoint(candidate);
                    self.links.push(Wire {
                        consumer: name.clone(),
                        import: import.name.clone(),
                        contract: import.contract,
                        how,
                        new: was.as_ref() != Some(&to),
                        was: was.filter(|was| *was != to),
                        to,
                        variables: Vec::new(),
                        hidden: Vec::new(),
                    });
                    if let Some((provider, _)) = index.nodes.get(candidate.provider) {
                        self.order.entry(name.clone()).or_default().insert((*provider).clone());
                    }
                    continue;
                }
                Slot::Open => Why::Nobody,
                Slot::Ambiguous => Why::Ambiguous,
                Slot::Declined => Why::Declined,
                Slot::Faulty => Why::Faulty,
            };
            self.unwired.push(Unwired {
                consumer: name.clone(),
                import: import.name.clone(),
                contract: import.contract,
                required: import.required,
                why,
                was,
            });
        }
        let links = &mut self.links[first..];
        links.sort_by(|one, other| one.import.cmp(&other.import));
        name_variables(links, &known);
        if !known.variables.is_empty() {
            self.variables.insert(name.clone(), known.variables);
        }
    }
}

fn name_variables(links: &mut [Wire], known: &Known) {
    let of = |links: &mut [Wire], import: &str| links.iter().position(|link| link.import == import);
    for (variable, wired) in &known.variables {
        if let Some(at) = of(links, &wired.import) {
            links[at].variables.push(variable.clone());
        }
    }
    for (variable, import) in &known.hidden {
        if let Some(at) = of(links, import) {
            links[at].hidden.push(variable.clone());
        }
    }
}
