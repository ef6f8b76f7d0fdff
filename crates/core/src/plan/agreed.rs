//! What was agreed to, and what a plan made later does beyond that.

use super::{Change, ChangeKind, Plan};
use crate::spec::{ContainerSpec, MountFrom};
use std::mem::discriminant;

impl Plan {
    /// Whether this plan does more than one that was agreed to, or warns of more. What only becomes known of an image is
    /// no more: how long to wait for it, or that it has to be pulled or built no longer.
    pub fn exceeds(&self, agreed: &Plan) -> bool {
        let is_new = |change: &Change| !agreed.changes.iter().any(|known| known.covers(change));
        self.changes.iter().any(is_new) || self.warnings.iter().any(|it| !agreed.warnings.contains(it))
    }
}

impl Change {
    /// Whether who agreed to this one agreed to the other.
    fn covers(&self, other: &Self) -> bool {
        self.subject == other.subject
            && self.kind == other.kind
            && (self.kind != ChangeKind::Update || discriminant(&self.reason) == discriminant(&other.reason))
            && (self.may_change_data || !other.may_change_data)
            && other.copies.iter().all(|copy| self.copies.contains(copy))
            && other.fields.iter().all(|field| self.fields.contains(field))
            && (self.kind != ChangeKind::Create || self.bare_spec() == other.bare_spec())
    }

    /// What is made, but for named volumes: each is a change of its own, and some are known only after a pull.
    fn bare_spec(&self) -> Option<ContainerSpec> {
        let mut spec = self.spec.as_deref().cloned()?;
        spec.mounts.retain(|mount| matches!(mount.source, MountFrom::Bind(_)));
        Some(spec)
    }
}
