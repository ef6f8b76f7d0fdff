//! Positions of the boxes of a graph: consumers left of their providers, columns ordered so that few wires cross
//! (Sugiyama, Tagawa and Toda 1981: ranks, intermediate points for wires that span several, barycentres).

use super::{ProviderName, Resolution, Wire};
use crate::name::InstanceName;
use std::collections::{BTreeMap, VecDeque};

/// How often the columns are sorted, forwards and backwards.
const SWEEPS: usize = 8;

/// An item of a column.
pub(super) enum Place<'r> {
    /// An instance, or what is outside of the stack; with its wires.
    Box { name: String, links: Vec<&'r Wire>, outside: bool },
    /// A point that a wire passes.
    Pass,
}

/// A wire, and the places it passes, from its consumer's to its provider's.
pub(super) struct Path<'r> {
    pub(super) link: &'r Wire,
    pub(super) places: Vec<usize>,
}

/// Boxes, wires, and the places of each column from above.
pub(super) struct Layout<'r> {
    pub(super) places: Vec<Place<'r>>,
    pub(super) paths: Vec<Path<'r>>,
    pub(super) columns: Vec<Vec<usize>>,
}

/// Where a wire ends.
#[derive(Clone, Copy)]
struct End {
    place: usize,
    /// The column of the place.
    rank: usize,
}

impl<'r> Layout<'r> {
    pub(super) fn of<'n>(
        names: impl IntoIterator<Item = &'n InstanceName>,
        resolution: &'r Resolution,
    ) -> Self {
        let mut places = Vec::new();
        let mut numbers: BTreeMap<ProviderName, usize> = BTreeMap::new();
        let inside = names.into_iter().map(|name| ProviderName::Instance(name.clone()));
        for provider in inside.chain(resolution.links.iter().map(|link| link.to.provider.clone())) {
            let outside = !matches!(provider, ProviderName::Instance(_));
            let name = provider.to_string();
            numbers.entry(provider).or_insert_with(|| {
                places.push(Place::Box { name, links: Vec::new(), outside });
                places.len() - 1
            });
        }
        let mut wires = Vec::new();
        for link in &resolution.links {
            let from = numbers.get(&ProviderName::Instance(link.consumer.clone()));
            if let (Some(from), Some(to)) = (from, numbers.get(&link.to.provider)) {
                wires.push((link, *from, *to));
                if let Place::Box { links, .. } = &mut places[*from] {
                    links.push(link);
                }
            }
        }
        let ranks = ranks(places.len(), &wires);
        let count = ranks.iter().max().map_or(0, |last| last + 1);
        let mut columns = vec![Vec::new(); count];
        for (place, rank) in ranks.iter().enumerate() {
            columns[*rank].push(place);
        }
        let mut layout = Self { places, paths: Vec::new(), columns };
        for (link, from, to) in wires {
            let end = |place: usize| End { place, rank: ranks[place] };
            layout.route(link, end(from), end(to));
        }
        layout.sort_columns();
        layout
    }

    /// Adds a place for a wire in every column between its ends.
    fn route(&mut self, link: &'r Wire, from: End, to: End) {
        let mut places = vec![from.place];
        for column in from.rank + 1..to.rank {
            places.push(self.places.len());
            self.columns[column].push(self.places.len());
            self.places.push(Place::Pass);
        }
        places.push(to.place);
        self.paths.push(Path { link, places });
    }

    /// Sorts each column by the neighbours in the previous one, forwards and backwards.
    fn sort_columns(&mut self) {
        let mut left: Vec<Vec<usize>> = vec![Vec::new(); self.places.len()];
        let mut right = left.clone();
        for path in &self.paths {
            for pair in path.places.windows(2) {
                right[pair[0]].push(pair[1]);
                left[pair[1]].push(pair[0]);
            }
        }
        for sweep in 0..SWEEPS {
            let neighbours = if sweep % 2 == 0 { &left } else { &right };
            let mut row = vec![0_usize; self.places.len()];
            for column in &self.columns {
                column.iter().enumerate().for_each(|(number, place)| row[*place] = number);
            }
            for number in 0..self.columns.len() {
                let number = if sweep % 2 == 0 { number } else { self.columns.len() - 1 - number };
                let column = &mut self.columns[number];
                column.sort_by_cached_key(|place| barycentre(&neighbours[*place], &row, row[*place]));
                column.iter().enumerate().for_each(|(number, place)| row[*place] = number);
            }
        }
    }
}

/// The mean row of neighbours in thousandths; its own without neighbours.
fn barycentre(neighbours: &[usize], row: &[usize], own: usize) -> usize {
    let sum: usize = neighbours.iter().map(|place| row[*place] * 1000).sum();
    sum.checked_div(neighbours.len()).unwrap_or(own * 1000)
}

/// The column of each box: right of all its consumers. In a cycle, the first box comes first.
fn ranks(count: usize, wires: &[(&Wire, usize, usize)]) -> Vec<usize> {
    let mut providers: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut consumers = vec![0_usize; count];
    for (_, from, to) in wires {
        providers[*from].push(*to);
        consumers[*to] += 1;
    }
    let mut ranks = vec![0; count];
    let mut placed = vec![false; count];
    let roots = (0..count).filter(|place| consumers[*place] == 0).collect::<Vec<_>>();
    for start in roots.into_iter().chain(0..count) {
        let mut todo = VecDeque::from([start]);
        while let Some(place) = todo.pop_front() {
            if std::mem::replace(&mut placed[place], true) {
                continue;
            }
            for provider in &providers[place] {
                if !placed[*provider] {
                    ranks[*provider] = ranks[*provider].max(ranks[place] + 1);
                }
                consumers[*provider] -= 1;
                if consumers[*provider] == 0 {
                    todo.push_back(*provider);
                }
            }
        }
    }
    ranks
}
