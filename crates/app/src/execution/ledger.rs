//! The objects the steps of a run have created, and those they may have created: an undo relies on it even if the
//! database cannot be reached.

use devarch_core::{ownership::CreatedObject, plan::StepId};
use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;

/// The objects of one run, by the step that creates them.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<BTreeMap<StepId, CreatedObject>>);

impl Ledger {
    /// Adds an object that a step is about to create; its id is not known yet.
    pub(crate) fn begin(&self, step: StepId, object: CreatedObject) {
        self.lock().insert(step, object);
    }

    /// Sets the id the engine returned for an object.
    pub(crate) fn identify(&self, step: StepId, id: &str) {
        if let Some(object) = self.lock().get_mut(&step) {
            object.id = Some(id.to_owned());
        }
    }

    /// Returns the object a step has created, or may have.
    pub(crate) fn of(&self, step: StepId) -> Option<CreatedObject> {
        self.lock().get(&step).cloned()
    }

    /// Returns all objects.
    pub(crate) fn all(&self) -> Vec<CreatedObject> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<StepId, CreatedObject>> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use devarch_core::{
        id::{ApplyId, StackId},
        ownership::ObjectKind,
    };

    #[test]
    fn an_object_may_exist_before_its_id_is_known() {
        let ledger = Ledger::default();
        let (first, second) = (StepId(1), StepId(2));
        let object = CreatedObject {
            kind: ObjectKind::Container,
            name: "devarch-shop-db".to_owned(),
            id: None,
            stack: StackId::new("01"),
            instance: None,
            apply: ApplyId::new("01"),
            hash: String::new(),
        };
        ledger.begin(first, object.clone());
        assert_eq!(ledger.all(), std::slice::from_ref(&object));
        ledger.identify(second, "0815");
        assert_eq!((ledger.of(first), ledger.of(second)), (Some(object.clone()), None));
        ledger.identify(first, "4711");
        assert_eq!(ledger.of(first), Some(CreatedObject { id: Some("4711".to_owned()), ..object }));
    }
}
