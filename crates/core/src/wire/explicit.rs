//! Resolves the stack's `wires`. An invalid entry is reported and its import is left unwired, so that DevArch does not
//! connect what the user meant to connect elsewhere.

use super::{
    WireDecl, WireTo,
    fault::WireFault,
    index::{Candidate, Index},
    slots::{How, Slot, Slots},
};
use crate::{
    diagnostic::Finding,
    name::{InstanceName, nearest},
    template::{ContractType, Import},
};
use std::collections::{BTreeMap, BTreeSet};

/// Fills the slots that `wires` names.
pub(super) fn explicit(index: &Index<'_>, slots: &mut Slots) -> Vec<Finding> {
    let mut wirer = Wirer { index, slots, by: BTreeMap::new() };
    let mut found = Vec::new();
    for (number, wire) in index.stack.wires.iter().enumerate() {
        if let Err(fault) = wirer.one(number, wire) {
            found.push(fault.of(number));
        }
    }
    found
}

struct Wirer<'i, 'a> {
    index: &'i Index<'a>,
    slots: &'i mut Slots,
    /// The entry that names an import.
    by: BTreeMap<(usize, usize), usize>,
}

/// The target of an entry.
enum Target {
    Nothing,
    Provider(usize, Option<String>),
}

impl Wirer<'_, '_> {
    fn one(&mut self, number: usize, wire: &WireDecl) -> Result<(), WireFault> {
        let consumer = &wire.from.instance;
        let Some(node) = self.index.node(consumer) else {
            let near = nearest(consumer.as_str(), self.index.nodes.iter().map(|(name, _)| name.as_str()));
            return Err(WireFault::NoConsumer { name: consumer.clone(), near: near.map(str::to_owned) });
        };
        let target = self.target(&wire.to);
        let import = match &target {
            Ok(target) => self.import(node, wire, target)?,
            // The import may exist although its provider does not.
            Err(_) => match self.import(node, wire, &Target::Nothing) {
                Ok(import) => import,
                Err(_) => return target.map(|_| ()),
            },
        };
        if let Some(first) = self.by.insert((node, import), number) {
            self.by.insert((node, import), first);
            let import = self.imports(node)[import].name.clone();
            return Err(WireFault::Duplicate { consumer: consumer.clone(), import, first });
        }
        self.slots.set(node, import, Slot::Faulty);
        let slot = match target? {
            Target::Nothing => Slot::Declined,
            Target::Provider(provider, _) if provider == node => {
                return Err(WireFault::Itself { consumer: consumer.clone() });
            }
            Target::Provider(provider, export) => {
                let import = &self.imports(node)[import];
                let candidate = self.export(provider, export.as_deref(), consumer, import)?;
                Slot::Wired(candidate, How::Explicit)
            }
        };
        self.slots.set(node, import, slot);
        Ok(())
    }

    fn imports(&self, node: usize) -> &[Import] {
        &self.index.nodes[node].1.imports
    }

    fn target(&self, to: &WireTo) -> Result<Target, WireFault> {
        match to {
            WireTo::Nothing => Ok(Target::Nothing),
            WireTo::Provider { name, export } => {
                let provider = self.index.provider(name).ok_or_else(|| WireFault::NoProvider {
                    name: name.clone(),
                    near: nearest(name.as_str(), self.index.names()).map(str::to_owned),
                })?;
                Ok(Target::Provider(provider, export.clone()))
            }
            WireTo::Other { stack, instance, export } => match self.index.other(stack, instance) {
                Some(provider) => Ok(Target::Provider(provider, export.clone())),
                None => Err(WireFault::NoOther { stack: stack.clone(), instance: instance.clone() }),
            },
        }
    }

    /// The import of an entry: the one it names, or the only possible one.
    fn import(&self, node: usize, wire: &WireDecl, target: &Target) -> Result<usize, WireFault> {
        let consumer = &wire.from.instance;
        let imports = self.imports(node);
        if let Some(name) = &wire.from.import {
            return named_import(consumer, imports, name, wire.contract);
        }
        if imports.is_empty() {
            return Err(WireFault::NoImports { consumer: consumer.clone() });
        }
        let offered = match (wire.contract, target) {
            (Some(contract), _) => Some(BTreeSet::from([contract])),
            (None, Target::Nothing) => None,
            (None, Target::Provider(provider, export)) => Some(self.types(*provider, export.as_deref())),
        };
        let fits = |import: &Import| offered.as_ref().is_none_or(|types| types.contains(&import.contract));
        let fitting: Vec<usize> = (0..imports.len()).filter(|number| fits(&imports[*number])).collect();
        match (fitting.as_slice(), wire.contract, target) {
            ([one], ..) => Ok(*one),
            ([], Some(contract), _) => Err(WireFault::NoImportOf {
                consumer: consumer.clone(),
                contract,
                imports: described(imports),
            }),
            ([], None, Target::Provider(provider, export)) => {
                let needs: BTreeSet<ContractType> = imports.iter().map(|import| import.contract).collect();
                Err(self.wrong_type(*provider, export.as_deref(), consumer, needs))
            }
            (several, ..) => {
                let names = several.iter().map(|number| imports[*number].name.clone()).collect();
                Err(WireFault::WhichImport { consumer: consumer.clone(), imports: names })
            }
        }
    }

    /// The types of a provider, or of its export of that name.
    fn types(&self, provider: usize, export: Option<&str>) -> BTreeSet<ContractType> {
        let offers = self.index.providers[provider].offers.iter();
        let named = offers.filter(|offer| export.is_none_or(|name| offer.name == name));
        named.map(|offer| offer.contract).collect()
    }

    fn wrong_type(
        &self,
        provider: usize,
        export: Option<&str>,
        consumer: &InstanceName,
        needs: BTreeSet<ContractType>,
    ) -> WireFault {
        let types = self.types(provider, export);
        if let (Some(name), true) = (export, types.is_empty()) {
            return self.no_export(provider, name);
        }
        WireFault::WrongType {
            provider: self.index.providers[provider].name.clone(),
            exports: types.into_iter().collect(),
            consumer: consumer.clone(),
            needs: needs.into_iter().collect(),
        }
    }

    fn no_export(&self, provider: usize, name: &str) -> WireFault {
        let provider = &self.index.providers[provider];
        let near = nearest(name, provider.offers.iter().map(|offer| offer.name.as_str()));
        WireFault::NoExport {
            provider: provider.name.clone(),
            name: name.to_owned(),
            near: near.map(str::to_owned),
            exports: provider
                .offers
                .iter()
                .map(|offer| format!("{} ({})", offer.name, offer.contract))
                .collect(),
        }
    }

    /// The export of an entry: the one it names, or the only one of the type.
    fn export(
        &self,
        provider: usize,
        export: Option<&str>,
        consumer: &InstanceName,
        import: &Import,
    ) -> Result<Candidate, WireFault> {
        let offers = &self.index.providers[provider].offers;
        let fits = |number: &usize| {
            let offer = &offers[*number];
            offer.contract == import.contract && export.is_none_or(|name| offer.name == name)
        };
        let fitting: Vec<usize> = (0..offers.len()).filter(fits).collect();
        match fitting.as_slice() {
            [offer] => Ok(Candidate { provider, offer: *offer }),
            [] => Err(self.wrong_type(provider, export, consumer, BTreeSet::from([import.contract]))),
            several => Err(WireFault::WhichExport {
                provider: self.index.providers[provider].name.clone(),
                contract: import.contract,
                exports: several.iter().map(|number| offers[*number].name.clone()).collect(),
            }),
        }
    }
}

fn named_import(
    consumer: &InstanceName,
    imports: &[Import],
    name: &str,
    contract: Option<ContractType>,
) -> Result<usize, WireFault> {
    let Some(number) = imports.iter().position(|import| import.name == name) else {
        let near = nearest(name, imports.iter().map(|import| import.name.as_str()));
        return Err(WireFault::NoImport {
            consumer: consumer.clone(),
            name: name.to_owned(),
            near: near.map(str::to_owned),
            imports: described(imports),
        });
    };
    let is = imports[number].contract;
    match contract.filter(|specified| *specified != is) {
        Some(specified) => Err(WireFault::OtherContract {
            consumer: consumer.clone(),
            import: name.to_owned(),
            is,
            specified,
        }),
        None => Ok(number),
    }
}

fn described(imports: &[Import]) -> Vec<String> {
    imports.iter().map(|import| format!("{} ({})", import.name, import.contract)).collect()
}
