//! The secret values in a definition.

use devarch_core::{
    secret::{HoldsSecrets as _, KeptSecret, Secret, SecretValue},
    stack::Stack,
};

/// Returns all readable secrets of a stack.
pub(crate) fn known(stack: &Stack) -> Vec<Secret> {
    held(stack).filter_map(|value| value.open().ok().cloned()).collect()
}

/// Returns all secrets of a stack.
pub(crate) fn held(stack: &Stack) -> impl Iterator<Item = SecretValue> {
    let own = stack.secrets.values();
    let made = stack.instances.values().flat_map(|instance| instance.generated.values());
    let kept = own.chain(made).map(|kept: &KeptSecret| kept.value.clone());
    kept.chain(said(stack))
}

/// Returns all secret values given inline in a stack's definition.
pub(crate) fn said(stack: &Stack) -> impl Iterator<Item = SecretValue> {
    let by_instances = stack.instances.values().flat_map(|instance| {
        let template = instance.template.template.secret_values();
        template.into_iter().chain(instance.overrides.secret_values())
    });
    by_instances.chain(stack.wiring.secret_values()).map(|(_, value)| value)
}
