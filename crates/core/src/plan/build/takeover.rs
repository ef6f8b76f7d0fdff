//! Volumes with data of removed instances: which instances take them over, and whether their secret values fit the
//! data.

use super::Builder;
use crate::{
    desired::DesiredInstance,
    diagnostic::Problem,
    name::{InstanceName, PhysicalVolume},
    plan::{Takeover, instance::Case},
    spec::label,
    stack::DesiredRun,
};
use std::collections::BTreeMap;

impl Builder<'_> {
    /// Returns the volumes that instances take over; the conflict checks decide whether they may.
    pub(super) fn takeovers(&self) -> Vec<Takeover> {
        let instances = self.case.desired.instances.iter();
        let wanted = instances.filter(|(_, instance)| instance.wanted != DesiredRun::Absent);
        wanted.flat_map(|(name, instance)| self.taken_over(name, instance)).collect()
    }

    fn taken_over(&self, name: &InstanceName, instance: &DesiredInstance) -> Vec<Takeover> {
        let Case { desired, observed, remembered, .. } = self.case;
        let takeover = |volume: &PhysicalVolume| {
            let labels = observed.volumes.get(volume.as_str())?;
            let whose = |label: &str| labels.get(label).map(String::as_str);
            let home = whose(label::STORE_ID) == Some(desired.identity.store.as_str());
            let own = home && whose(label::INSTANCE_ID) == Some(instance.id.as_str());
            if own || remembered.had_volume(&instance.id, volume) {
                return None;
            }
            let kept = remembered.kept.get(volume);
            let of = kept.and_then(|kept| kept.of.clone()).unwrap_or_else(|| labelled(labels));
            let values = kept.map(|kept| kept.values.clone()).unwrap_or_default();
            let (volume, instance) = (volume.clone(), name.clone());
            Some(Takeover { volume, instance, of, of_another_home: !home, values })
        };
        instance.volumes.iter().filter_map(|volume| takeover(&volume.name)).collect()
    }
}

fn labelled(labels: &BTreeMap<String, String>) -> String {
    let name = |label: &str| labels.get(label).map_or("?", String::as_str);
    format!("{}/{}", name(label::STACK_NAME), name(label::INSTANCE_NAME))
}

/// Warns about secret values that may not fit the data.
pub(super) fn warnings(takeovers: &[Takeover]) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for Takeover { volume, instance, values, .. } in takeovers {
        let mut warn = |names: &[String], message: String| {
            if !names.is_empty() {
                warnings.push(Problem::in_field(instance, "volumes", message));
            }
        };
        warn(
            &values.new,
            format!(
                "{} {} new; volume {volume} may expect what it was last used with, which is not known",
                values.new.join(", "),
                if values.new.len() == 1 { "is" } else { "are" }
            ),
        );
        warn(
            &values.other,
            format!(
                "the definition has other values for {} than volume {volume} was last used with; its data may not accept them",
                values.other.join(", ")
            ),
        );
    }
    warnings
}
