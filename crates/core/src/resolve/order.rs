//! The start order of instances.

use crate::name::InstanceName;
use petgraph::{algo::tarjan_scc, graphmap::DiGraphMap};
use std::collections::{BTreeMap, BTreeSet};

/// The providers that each instance depends on.
pub type Dependencies<'a> = BTreeMap<&'a InstanceName, BTreeSet<&'a InstanceName>>;

/// Returns a cycle among the dependencies in order (`a`, `b`, back to `a`), or `None`.
pub fn cycle<'a>(dependencies: &Dependencies<'a>) -> Option<Vec<&'a InstanceName>> {
    let edges = dependencies.iter().flat_map(|(from, to)| to.iter().map(move |to| (*from, *to)));
    let graph: DiGraphMap<&InstanceName, ()> = DiGraphMap::from_edges(edges);
    let mut cycles: Vec<BTreeSet<&InstanceName>> = tarjan_scc(&graph)
        .into_iter()
        .filter(|part| part.len() > 1 || graph.contains_edge(part[0], part[0]))
        .map(|part| part.into_iter().collect())
        .collect();
    cycles.sort();
    let part = cycles.first()?;
    let start = *part.first()?;
    let mut path = vec![start];
    loop {
        let last = path[path.len() - 1];
        let next = *dependencies.get(last)?.iter().find(|name| part.contains(*name))?;
        if let Some(seen) = path.iter().position(|name| *name == next) {
            return Some(path.split_off(seen));
        }
        path.push(next);
    }
}

/// Returns the instances with every provider before its consumers, sorted by name where neither depends on the other.
/// Members of a cycle are left out; [`cycle`] finds them.
pub fn start_order<'a, K: Ord>(dependencies: &BTreeMap<&'a K, BTreeSet<&'a K>>) -> Vec<&'a K> {
    let mut waiting = dependencies.clone();
    let mut order = Vec::new();
    loop {
        let ready: Vec<&K> = waiting
            .iter()
            .filter(|(_, needs)| needs.iter().all(|need| !waiting.contains_key(*need)))
            .map(|(name, _)| *name)
            .collect();
        if ready.is_empty() {
            return order;
        }
        for name in ready {
            waiting.remove(name);
            order.push(name);
        }
    }
}
