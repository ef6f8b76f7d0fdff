//! The providers of a stack, found by name and by type.

use super::{Endpoint, Offer, ProviderName, WireInstance, WireStack};
use crate::{
    name::{InstanceName, StackName},
    template::ContractType,
};
use std::{borrow::Cow, collections::BTreeMap};

/// An export of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub(super) provider: usize,
    pub(super) offer: usize,
}

/// Who offers, and what.
pub(super) struct Provider<'a> {
    pub(super) name: ProviderName,
    pub(super) offers: Cow<'a, [Offer]>,
    /// The instance, of the stack or of another.
    pub(super) instance: Option<&'a WireInstance>,
    primary: bool,
}

/// Instances come first, ordered by name: the index of an instance is that of its provider.
pub(super) struct Index<'a> {
    pub(super) stack: &'a WireStack,
    pub(super) nodes: Vec<(&'a InstanceName, &'a WireInstance)>,
    pub(super) providers: Vec<Provider<'a>>,
    by_name: BTreeMap<&'a InstanceName, usize>,
    others: BTreeMap<(&'a StackName, &'a InstanceName), usize>,
    by_type: BTreeMap<ContractType, Offered>,
}

/// Who offers a type in the stack: instances and what is external, never instances of other stacks.
#[derive(Default)]
pub(super) struct Offered {
    pub(super) all: Vec<Candidate>,
    pub(super) primary: Vec<Candidate>,
}

impl<'a> Index<'a> {
    pub(super) fn of(stack: &'a WireStack) -> Self {
        let mut index = Self {
            stack,
            nodes: stack.instances.iter().collect(),
            providers: Vec::new(),
            by_name: BTreeMap::new(),
            others: BTreeMap::new(),
            by_type: BTreeMap::new(),
        };
        for (name, instance) in &stack.instances {
            index.by_name.insert(name, index.providers.len());
            index.add_instance(ProviderName::Instance(name.clone()), instance);
        }
        for (name, external) in &stack.external {
            // An instance of that name takes precedence; the clash is reported by the checks.
            if stack.instances.contains_key(name) {
                continue;
            }
            index.by_name.insert(name, index.providers.len());
            index.providers.push(Provider {
                name: ProviderName::External(name.clone()),
                offers: Cow::Owned(vec![external.offer()]),
                instance: None,
                primary: false,
            });
        }
        index.offered();
        for ((other, name), instance) in &stack.others {
            index.others.insert((other, name), index.providers.len());
            let name = ProviderName::Other { stack: other.clone(), instance: name.clone() };
            index.add_instance(name, instance);
        }
        index
    }

    fn add_instance(&mut self, name: ProviderName, instance: &'a WireInstance) {
        self.providers.push(Provider {
            name,
            offers: Cow::Borrowed(&instance.offers),
            instance: Some(instance),
            primary: instance.primary,
        });
    }

    fn offered(&mut self) {
        for (number, provider) in self.providers.iter().enumerate() {
            for (offer, offered) in provider.offers.iter().enumerate() {
                let candidate = Candidate { provider: number, offer };
                let list = self.by_type.entry(offered.contract).or_default();
                list.all.push(candidate);
                if provider.primary {
                    list.primary.push(candidate);
                }
            }
        }
    }

    pub(super) fn node(&self, name: &InstanceName) -> Option<usize> {
        self.by_name.get(name).copied().filter(|number| *number < self.nodes.len())
    }

    pub(super) fn provider(&self, name: &InstanceName) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(super) fn other(&self, stack: &StackName, instance: &InstanceName) -> Option<usize> {
        self.others.get(&(stack, instance)).copied()
    }

    pub(super) fn of_type(&self, contract: ContractType) -> Option<&Offered> {
        self.by_type.get(&contract)
    }

    pub(super) fn offer(&self, candidate: Candidate) -> &Offer {
        &self.providers[candidate.provider].offers[candidate.offer]
    }

    pub(super) fn endpoint(&self, candidate: Candidate) -> Endpoint {
        let provider = self.providers[candidate.provider].name.clone();
        Endpoint { provider, export: self.offer(candidate).name.clone() }
    }

    /// The names that can be wired to within the stack.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.by_name.keys().map(|name| name.as_str())
    }
}
