//! Dependencies between instances, through wires and `depends_on`.

use super::{
    fault::{CycleStep, ImportFault, Via},
    index::Index,
    slots::Slots,
};
use crate::diagnostic::Finding;
use petgraph::{algo::kosaraju_scc, graphmap::DiGraphMap};
use std::collections::{BTreeSet, VecDeque};

/// Why a consumer waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// By that import.
    Import(usize),
    DependsOn,
}

/// A provider, and why it is waited for.
type Edge = (usize, Why);

/// The providers of each instance, by number.
pub(super) struct Graph {
    edges: Vec<Vec<Edge>>,
}

/// Instances with every provider before its consumers.
pub(super) struct Order {
    pub(super) sorted: Vec<usize>,
    /// Members of cycles, and their dependents.
    pub(super) rest: Vec<usize>,
}

impl Graph {
    pub(super) fn of(index: &Index<'_>, slots: &Slots) -> Self {
        let count = index.nodes.len();
        let edges = |node: usize| {
            let wires = slots.wires(node).map(|(import, to, _)| (to.provider, Why::Import(import)));
            let waits = index.nodes[node].1.depends_on.iter();
            let waits = waits.filter_map(|name| index.node(name)).map(|to| (to, Why::DependsOn));
            wires.filter(|(to, _)| *to < count).chain(waits).collect()
        };
        Self { edges: (0..count).map(edges).collect() }
    }

    /// The order in which values are computed: `depends_on` is ignored.
    pub(super) fn by_wires(&self) -> Order {
        self.order(|(_, why)| *why != Why::DependsOn)
    }

    fn order(&self, counts: impl Fn(&&Edge) -> bool) -> Order {
        let mut consumers: Vec<Vec<usize>> = vec![Vec::new(); self.edges.len()];
        let mut waits = vec![0_usize; self.edges.len()];
        for (node, edges) in self.edges.iter().enumerate() {
            for (provider, _) in edges.iter().filter(&counts) {
                consumers[*provider].push(node);
                waits[node] += 1;
            }
        }
        let mut ready: VecDeque<usize> = (0..waits.len()).filter(|node| waits[*node] == 0).collect();
        let mut sorted = Vec::with_capacity(waits.len());
        while let Some(node) = ready.pop_front() {
            sorted.push(node);
            for consumer in &consumers[node] {
                waits[*consumer] -= 1;
                if waits[*consumer] == 0 {
                    ready.push_back(*consumer);
                }
            }
        }
        let rest = (0..waits.len()).filter(|node| waits[*node] > 0).collect();
        Order { sorted, rest }
    }

    /// One finding for each strongly connected component that contains wires; cycles of `depends_on` only are reported
    /// by [`crate::resolve::check_stack`].
    pub(super) fn cycles(&self, index: &Index<'_>) -> Vec<Finding> {
        let rest = self.order(|_| true).rest;
        if rest.is_empty() {
            return Vec::new();
        }
        let edges = rest.iter().flat_map(|node| self.edges[*node].iter().map(|(to, _)| (*node, *to)));
        let graph: DiGraphMap<usize, ()> = DiGraphMap::from_edges(edges);
        let mut knots: Vec<BTreeSet<usize>> =
            kosaraju_scc(&graph).into_iter().map(|part| part.into_iter().collect()).collect();
        knots.sort();
        knots.iter().filter_map(|knot| self.cycle(index, knot)).collect()
    }

    /// The first wire within a component, and the shortest path back from its provider.
    fn cycle(&self, index: &Index<'_>, knot: &BTreeSet<usize>) -> Option<Finding> {
        let wires = knot.iter().flat_map(|node| self.edges[*node].iter().map(move |edge| (*node, *edge)));
        let within = |(_, (to, why)): &(usize, Edge)| *why != Why::DependsOn && knot.contains(to);
        let (consumer, (provider, why)) = wires.filter(within).min()?;
        let Why::Import(import) = why else { return None };
        let mut steps = vec![(consumer, why)];
        steps.extend(self.shortest_path(provider, consumer, knot)?);
        let (name, instance) = index.nodes[consumer];
        let steps = steps.into_iter().map(|(node, why)| step(index, node, why)).collect();
        Some(ImportFault::Cycle(steps).of(name, &instance.imports[import].name))
    }

    /// The shortest path between two members of a component: the instances, and the edge that leads to each next one.
    fn shortest_path(&self, from: usize, to: usize, knot: &BTreeSet<usize>) -> Option<Vec<(usize, Why)>> {
        let mut came: Vec<Option<(usize, Why)>> = vec![None; self.edges.len()];
        let mut todo = VecDeque::from([from]);
        while let Some(node) = todo.pop_front() {
            if node == to {
                break;
            }
            for (next, why) in self.edges[node].iter().filter(|(next, _)| knot.contains(next)) {
                if came[*next].is_none() && *next != from {
                    came[*next] = Some((node, *why));
                    todo.push_back(*next);
                }
            }
        }
        let mut steps = Vec::new();
        let mut at = to;
        while at != from {
            let step = came[at]?;
            at = step.0;
            steps.push(step);
        }
        steps.reverse();
        Some(steps)
    }
}

fn step(index: &Index<'_>, node: usize, why: Why) -> CycleStep {
    let (name, instance) = index.nodes[node];
    let via = match why {
        Why::Import(import) => Via::Import(instance.imports[import].name.clone()),
        Why::DependsOn => Via::DependsOn,
    };
    CycleStep { consumer: name.clone(), via }
}
