//! Compares a plan with the one the user agreed to.

use super::{Change, ChangeKind, Plan};
use crate::spec::{ContainerSpec, MountFrom};
use std::mem::discriminant;

impl Plan {
    /// Whether this plan makes changes or gives warnings that the agreed one did not. Facts about images learned in
    /// the meantime do not count: how long to wait for readiness, or that a pull or build is no longer needed.
    pub fn exceeds(&self, agreed: &Plan) -> bool {
        let is_new = |change: &Change| !agreed.changes.iter().any(|known| known.covers(change));
        self.changes.iter().any(is_new) || self.warnings.iter().any(|it| !agreed.warnings.contains(it))
    }
}

impl Change {
    /// Whether agreeing to this change covers the other one.
    fn covers(&self, other: &Self) -> bool {
        self.subject == other.subject
            && self.kind == other.kind
            && (self.kind != ChangeKind::Update || discriminant(&self.reason) == discriminant(&other.reason))
            && (self.may_change_data || !other.may_change_data)
            && other.copies.iter().all(|copy| self.copies.contains(copy))
            && other.fields.iter().all(|field| self.fields.contains(field))
            && (self.kind != ChangeKind::Create || self.bare_spec() == other.bare_spec())
    }

    /// The container's spec without its named volumes: each of those is a change of its own, and some are known only
    /// after a pull.
    fn bare_spec(&self) -> Option<ContainerSpec> {
        let mut spec = self.spec.as_deref().cloned()?;
        spec.mounts.retain(|mount| matches!(mount.source, MountFrom::Bind(_)));
        Some(spec)
    }
}
