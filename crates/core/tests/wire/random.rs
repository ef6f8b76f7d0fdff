//! Properties that hold for every stack.

use crate::support::{is_sound, stack};
use devarch_core::{
    diagnostic::Severity,
    name::InstanceName,
    resolve::{Dependencies, cycle},
    template::ContractType,
    wire::{How, ProviderName, Resolution, WireStack, resolve, tree},
};
use proptest::prelude::*;
use std::collections::BTreeSet;

const TYPES: [&str; 4] = ["redis", "http", "nats", "grpc"];

/// An instance with a few exports and imports of a few types.
fn instance(number: usize) -> impl Strategy<Value = String> {
    let some = || proptest::collection::vec(0..TYPES.len(), 0..3);
    let waits = proptest::collection::btree_set(0..8_usize, 0..2);
    (some(), some(), any::<bool>(), any::<bool>(), waits).prop_map(
        move |(offers, needs, required, primary, waits)| {
            let offers: Vec<String> = offers
                .iter()
                .enumerate()
                .map(|(n, of)| format!("{{name: e{n}, type: {}, port: {}}}", TYPES[*of], 80 + n))
                .collect();
            let needs: Vec<String> = needs
                .iter()
                .enumerate()
                .map(|(n, of)| format!("{{name: n{n}, type: {}, required: {required}}}", TYPES[*of]))
                .collect();
            let waits: Vec<String> = waits.iter().filter(|n| **n < number).map(|n| format!("i{n}")).collect();
            let primary = if primary { ", x-primary: true" } else { "" };
            format!(
                "  i{number}: {{exports: [{}], imports: [{}], depends_on: [{}]{primary}}}",
                offers.join(", "),
                needs.join(", "),
                waits.join(", ")
            )
        },
    )
}

fn wire() -> impl Strategy<Value = String> {
    let to = prop_oneof![
        4 => (0..8_usize, prop_oneof![Just(""), Just(".e0"), Just(".e1")]).prop_map(|(n, e)| format!("i{n}{e}")),
        1 => Just("none".to_owned()),
    ];
    (0..8_usize, prop_oneof![Just(""), Just(".n0"), Just(".n1")], to)
        .prop_map(|(n, import, to)| format!("- {{from: i{n}{import}, to: {to}}}"))
}

fn random_stack() -> impl Strategy<Value = WireStack> {
    let instances = (1..8_usize).prop_flat_map(|count| (0..count).map(instance).collect::<Vec<_>>());
    (instances, proptest::collection::vec(wire(), 0..4), any::<bool>()).prop_map(
        |(instances, wires, prefer)| {
            let prefer = if prefer { "prefer: primary\n" } else { "" };
            let wires =
                if wires.is_empty() { String::new() } else { format!("wires:\n{}", wires.join("\n")) };
            stack(&format!("{prefer}instances:\n{}\n{wires}", instances.join("\n")))
        },
    )
}

/// Returns the providers of a type, one entry per export, without the consumer itself.
fn offering(stack: &WireStack, of: ContractType, asker: &InstanceName) -> Vec<(InstanceName, bool)> {
    let others = stack.instances.iter().filter(|(name, _)| *name != asker);
    let offers = others.flat_map(|(name, instance)| {
        let fitting = instance.offers.iter().filter(|offer| offer.contract == of);
        fitting.map(|_| (name.clone(), instance.primary))
    });
    offers.collect()
}

fn has_cycle(stack: &WireStack, resolution: &Resolution) -> bool {
    let mut all = Dependencies::new();
    for (name, instance) in &stack.instances {
        let wired = resolution.order.get(name).into_iter().flatten();
        let known = |name: &&InstanceName| stack.instances.contains_key(*name);
        all.insert(name, instance.depends_on.iter().filter(known).chain(wired).collect());
    }
    cycle(&all).is_some()
}

proptest! {
    #[test]
    fn automatic_wires_exist_only_where_there_is_one_choice(stack in random_stack()) {
        let resolution = resolve(&stack);
        for link in resolution.links.iter().filter(|link| link.how == How::Auto) {
            let offers = offering(&stack, link.contract, &link.consumer);
            let primary: Vec<_> = offers.iter().filter(|(_, primary)| *primary).collect();
            let preferred = stack.prefer.is_some() && primary.len() == 1;
            prop_assert!(offers.len() == 1 || preferred, "{link:?} among {offers:?}");
            let ProviderName::Instance(to) = &link.to.provider else { panic!("{link:?}") };
            prop_assert!(offers.iter().any(|(name, _)| name == to));
            prop_assert!(*to != link.consumer);
        }
    }

    #[test]
    fn every_import_is_wired_or_the_reason_is_reported(stack in random_stack()) {
        let resolution = resolve(&stack);
        let imports: usize = stack.instances.values().map(|instance| instance.imports.len()).sum();
        prop_assert_eq!(resolution.links.len() + resolution.unwired.len(), imports);
        for one in resolution.unwired.iter().filter(|one| one.required) {
            let place = format!("{}.imports.{}: ", one.consumer, one.import);
            let reported = resolution.findings.iter().any(|finding| {
                finding.to_string().contains(&place) || finding.problem.field.as_str().starts_with("wires[")
            });
            prop_assert!(reported, "{one:?}");
        }
    }

    #[test]
    fn a_sound_order_has_no_cycle_and_a_cycle_is_never_sound(stack in random_stack()) {
        let resolution = resolve(&stack);
        prop_assert_eq!(
            resolution.findings.iter().any(|finding| finding.problem.message.contains("each waits for the next")),
            has_cycle(&stack, &resolution)
        );
        prop_assert!(!(is_sound(&resolution) && has_cycle(&stack, &resolution)));
    }

    #[test]
    fn the_entry_a_diagnostic_prints_fixes_it(stack in random_stack()) {
        let resolution = resolve(&stack);
        let ambiguous = resolution.findings.iter().find(|finding| finding.problem.message.contains("providers offer"));
        if let Some(finding) = ambiguous {
            let message = &finding.problem.message;
            let entry = message.split('`').find(|part| part.starts_with("{from: ")).unwrap();
            let mut settled = stack.clone();
            let added = devarch_core::read::read_wires(
                &devarch_core::read::parse_yaml(&format!("- {entry}")).unwrap()
            ).unwrap();
            settled.wires.extend(added);
            let again = resolve(&settled);
            prop_assert!(!again.findings.contains(finding), "{entry}: {finding}");
            let place = format!("wires[{}]", settled.wires.len() - 1);
            prop_assert!(again.findings.iter().all(|finding| !finding.problem.field.as_str().starts_with(&place)));
        }
    }

    #[test]
    fn the_order_of_wires_and_of_imports_and_exports_does_not_matter(stack in random_stack(), turn in 0..4_usize) {
        let mut turned = stack.clone();
        let duplicates = stack.wires.iter().map(|wire| &wire.from.instance).collect::<BTreeSet<_>>().len() < stack.wires.len();
        if !duplicates && !turned.wires.is_empty() {
            let by = turn % turned.wires.len();
            turned.wires.rotate_left(by);
        }
        for instance in turned.instances.values_mut() {
            instance.imports.reverse();
            instance.offers.reverse();
        }
        let (one, other) = (resolve(&stack), resolve(&turned));
        prop_assert_eq!(&one.links, &other.links);
        prop_assert_eq!(&one.variables, &other.variables);
        prop_assert_eq!(&one.order, &other.order);
    }

    #[test]
    fn applied_wires_are_never_new_and_a_provider_never_changes_silently(stack in random_stack()) {
        let mut running = stack;
        crate::support::applied(&mut running);
        prop_assert!(resolve(&running).links.iter().all(|link| !link.new));
        let before = resolve(&running);
        // A provider of every type appears.
        let exports: Vec<String> = TYPES.iter().enumerate()
            .map(|(n, of)| format!("{{name: z{n}, type: {of}, port: {}}}", 80 + n)).collect();
        let text = format!("instances:\n  zz: {{exports: [{}]}}", exports.join(", "));
        running.instances.extend(crate::support::stack(&text).instances);
        let after = resolve(&running);
        for link in before.links {
            let still = after.links.iter().find(|other| other.consumer == link.consumer && other.import == link.import);
            let place = format!("{}.imports.{}: ", link.consumer, link.import);
            let reported = after.findings.iter().any(|finding| {
                finding.severity == Severity::Error && finding.to_string().contains(&place)
            });
            prop_assert!(still.is_some_and(|other| other.to == link.to) || reported, "{link:?}");
        }
    }

    #[test]
    fn every_instance_is_drawn(stack in random_stack()) {
        let text = tree(stack.instances.keys(), &resolve(&stack));
        for drawn in stack.instances.keys() {
            prop_assert!(text.lines().any(|line| line.split([' ', ',']).any(|word| word == drawn.as_str())), "{text}");
        }
    }
}
