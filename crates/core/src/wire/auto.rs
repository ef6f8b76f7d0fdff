//! Automatic wires: only if exactly one provider of the stack offers the type, never from an instance to itself.
//! Several candidates are reported with the entry to add.

use super::{
    Endpoint, Prefer, ProviderName, WireDecl, WireFrom, WireTo,
    fault::ImportFault,
    index::{Candidate, Index, Offered},
    slots::{How, Slot, Slots},
};
use crate::diagnostic::Finding;
use crate::template::Import;

/// How many entries a diagnostic offers to write.
const OFFERED: usize = 2;

/// How many candidates a finding names; further ones are counted.
const LISTED: usize = 8;

/// Fills the slots that are open.
pub(super) fn auto(index: &Index<'_>, slots: &mut Slots) -> Vec<Finding> {
    let mut found = Vec::new();
    for (node, (name, instance)) in index.nodes.iter().enumerate() {
        for (number, import) in instance.imports.iter().enumerate() {
            if slots.get(node, number) != Slot::Open {
                continue;
            }
            match choose(index, node, import) {
                Choice::One(candidate) => slots.set(node, number, Slot::Wired(candidate, How::Auto)),
                Choice::Several(fault) => {
                    slots.set(node, number, Slot::Ambiguous);
                    found.push(fault.of(name, &import.name));
                }
                Choice::NoProvider { itself } if import.required => {
                    let contract = import.contract;
                    found.push(ImportFault::NoProvider { contract, itself }.of(name, &import.name));
                }
                Choice::NoProvider { .. } => {}
            }
        }
    }
    found
}

enum Choice {
    One(Candidate),
    Several(ImportFault),
    NoProvider { itself: bool },
}

fn choose(index: &Index<'_>, node: usize, import: &Import) -> Choice {
    let Some(offered) = index.of_type(import.contract) else {
        return Choice::NoProvider { itself: false };
    };
    let own = |candidates: &[Candidate]| {
        let start = candidates.partition_point(|candidate| candidate.provider < node);
        candidates[start..].iter().take_while(|candidate| candidate.provider == node).count()
    };
    let own_all = own(&offered.all);
    match offered.all.len() - own_all {
        0 => return Choice::NoProvider { itself: own_all > 0 },
        1 => {
            let only = offered.all.iter().find(|candidate| candidate.provider != node);
            return only.map_or(Choice::NoProvider { itself: true }, |only| Choice::One(*only));
        }
        _ => {}
    }
    let primary = if offered.primary.len() - own(&offered.primary) == 1 {
        offered.primary.iter().find(|candidate| candidate.provider != node).copied()
    } else {
        None
    };
    if let (Some(Prefer::Primary), Some(primary)) = (index.stack.prefer, primary) {
        return Choice::One(primary);
    }
    let count = offered.all.len() - own_all;
    Choice::Several(ambiguous(index, node, import, Found { offered, count, primary }))
}

#[derive(Clone, Copy)]
struct Found<'o> {
    offered: &'o Offered,
    count: usize,
    primary: Option<Candidate>,
}

fn ambiguous(index: &Index<'_>, node: usize, import: &Import, found: Found<'_>) -> ImportFault {
    let (name, _) = index.nodes[node];
    let prior = index.stack.prior.get(name).and_then(|imports| imports.get(&import.name));
    let runs = prior.and_then(|endpoint| candidate(index, endpoint));
    let others = || found.offered.all.iter().copied().filter(|candidate| candidate.provider != node);
    // The current provider is suggested first.
    let first = runs.into_iter().chain(others().filter(|candidate| Some(*candidate) != runs));
    ImportFault::Ambiguous {
        contract: import.contract,
        count: found.count,
        candidates: others().take(LISTED).map(|other| short(index, other, import).to_string()).collect(),
        running: prior.filter(|_| runs.is_some()).cloned(),
        entries: first.take(OFFERED).map(|candidate| entry(index, node, import, candidate)).collect(),
        preferable: found
            .primary
            .filter(|_| index.stack.prefer.is_none())
            .map(|primary| short(index, primary, import).to_string()),
        quiet: !import.required && prior.is_none(),
    }
}

/// The current provider, if it still exists.
fn candidate(index: &Index<'_>, endpoint: &Endpoint) -> Option<Candidate> {
    let (ProviderName::Instance(name) | ProviderName::External(name)) = &endpoint.provider else {
        return None;
    };
    let provider = index.provider(name)?;
    let mut offers = index.providers[provider].offers.iter();
    let offer = offers.position(|offer| offer.name == endpoint.export)?;
    Some(Candidate { provider, offer })
}

/// The entry of `wires` for this wire, with as few names as necessary.
fn entry(index: &Index<'_>, node: usize, import: &Import, candidate: Candidate) -> WireDecl {
    let (name, instance) = index.nodes[node];
    let alike = instance.imports.iter().filter(|other| other.contract == import.contract).count();
    WireDecl {
        from: WireFrom { instance: name.clone(), import: (alike > 1).then(|| import.name.clone()) },
        to: short(index, candidate, import),
        contract: Some(import.contract),
    }
}

/// A provider, with its export's name if it has several of the type.
fn short(index: &Index<'_>, candidate: Candidate, import: &Import) -> WireTo {
    let provider = &index.providers[candidate.provider];
    let alike = provider.offers.iter().filter(|offer| offer.contract == import.contract).count();
    let export = (alike > 1).then(|| index.offer(candidate).name.clone());
    match &provider.name {
        ProviderName::Instance(name) | ProviderName::External(name) => {
            let export = export
                .or_else(|| (name.as_str() == super::NONE).then(|| index.offer(candidate).name.clone()));
            WireTo::Provider { name: name.clone(), export }
        }
        ProviderName::Other { stack, instance } => {
            WireTo::Other { stack: stack.clone(), instance: instance.clone(), export }
        }
    }
}
