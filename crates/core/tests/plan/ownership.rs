//! Ownership of objects, case by case.

use devarch_core::{
    id::{ApplyId, InstanceId, StackId, StoreId},
    name::ContainerName,
    ownership::{CreatedObject, Listed, ObjectKind, Owner, Ownership, UnrecordedStack},
    spec::label,
};
use std::collections::BTreeMap;

type Labels = BTreeMap<String, String>;

fn labels(more: &[(&str, &str)]) -> Labels {
    let own = [
        (label::STORE_ID, "store"),
        (label::STACK_ID, "stack"),
        (label::STACK_NAME, "shop"),
        (label::INSTANCE_ID, "instance"),
        (label::INSTANCE_NAME, "db"),
        (label::APPLY_ID, "apply"),
        (label::CONFIG_HASH, "1:aa"),
    ];
    own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn created(kind: ObjectKind, name: &str, id: Option<&str>) -> CreatedObject {
    CreatedObject {
        kind,
        name: name.to_owned(),
        id: id.map(str::to_owned),
        stack: StackId::new("stack"),
        instance: Some(InstanceId::new("instance")),
        apply: ApplyId::new("apply"),
        hash: "1:aa".to_owned(),
    }
}

fn remembering(objects: impl IntoIterator<Item = CreatedObject>) -> Ownership {
    let mut ownership = Ownership::new(StoreId::new("store"));
    objects.into_iter().for_each(|object| ownership.remember(object));
    ownership
}

fn is_ours(ownership: &Ownership, kind: ObjectKind, (id, name): (&str, &str), labels: &Labels) -> bool {
    ownership.is_of(&StackId::new("stack"), Listed { kind, id, name, labels })
}

#[test]
fn a_container_is_identified_by_its_id_whatever_its_name() {
    let ownership = remembering([created(ObjectKind::Container, "devarch-shop-db", Some("c1"))]);
    let ours = |id, name| is_ours(&ownership, ObjectKind::Container, (id, name), &labels(&[]));
    assert!(ours("c1", "devarch-shop-db") && ours("c1", "elsewhere"));
    assert!(!ours("c2", "devarch-shop-db") && !ours("c2", "my-own"));
}

#[test]
fn an_unanswered_creation_matches_only_by_name_apply_and_hash_together() {
    let ownership = remembering([created(ObjectKind::Container, "devarch-shop-db.next", None)]);
    let ours = |name, labels: &Labels| is_ours(&ownership, ObjectKind::Container, ("c1", name), labels);
    assert!(ours("devarch-shop-db.next", &labels(&[])));
    assert!(ours("devarch-shop-db", &labels(&[])) && ours("devarch-shop-db.old2", &labels(&[])));
    assert!(!ours("my-own", &labels(&[])));
    assert!(!ours("devarch-shop-db.next", &labels(&[(label::APPLY_ID, "other")])));
    assert!(!ours("devarch-shop-db.next", &labels(&[(label::CONFIG_HASH, "1:bb")])));
}

#[test]
fn the_answer_replaces_the_pending_creation() {
    let name = "devarch-shop-db";
    let container = |id| created(ObjectKind::Container, name, id);
    let ownership = remembering([container(None), container(Some("c1"))]);
    assert!(is_ours(&ownership, ObjectKind::Container, ("c1", name), &labels(&[])));
    assert!(!is_ours(&ownership, ObjectKind::Container, ("c2", name), &labels(&[])));
}

#[test]
fn a_network_whose_id_derives_from_its_name_must_carry_its_apply() {
    let name = "devarch-shop-net";
    let ownership = remembering([created(ObjectKind::Network, name, Some("hash-of-the-name"))]);
    let ours = |labels: &Labels| is_ours(&ownership, ObjectKind::Network, ("hash-of-the-name", name), labels);
    assert!(ours(&labels(&[])));
    assert!(!ours(&labels(&[(label::APPLY_ID, "other")])));
    assert!(!ours(&Labels::new()));
}

#[test]
fn a_volume_is_ours_by_its_name_and_this_stores_labels() {
    let mut ownership = remembering([]);
    ownership.remember_volume("devarch-shop-db-data", InstanceId::new("instance"));
    let ours = |name, labels: &Labels| is_ours(&ownership, ObjectKind::Volume, (name, name), labels);
    assert!(ours("devarch-shop-db-data", &labels(&[])));
    assert!(ours("devarch-shop-db-data.snapshot", &labels(&[])));
    assert!(!ours("theirs", &labels(&[])));
    assert!(!ours("devarch-shop-db-data", &labels(&[(label::STORE_ID, "other")])));
}

#[test]
fn helpers_are_identified_by_name_and_label_together() {
    let mut ownership = remembering([]);
    ownership.remember_volume("devarch-shop-db-data", InstanceId::new("instance"));
    let ours =
        |name, label| is_ours(&ownership, ObjectKind::Container, ("c1", name), &labels(&[(label, "")]));
    assert!(ours("devarch-shop-db-data.snapshot.copy", label::COPIER));
    assert!(ours("passing.devarch-shop-net.1", label::PASSER_BY));
    assert!(!ours("my-own", label::COPIER) && !ours("my-own", label::PASSER_BY));
    assert!(!ours("devarch-shop-db-data.snapshot.copy", label::LINK));
    assert!(!ours("passing.devarch-other-net.1", label::PASSER_BY));
}

#[test]
fn objects_applied_before_ids_were_recorded_match_by_exact_name_and_an_applied_hash() {
    let unrecorded = |interrupted| {
        let mut ownership = remembering([]);
        let instance = InstanceId::new("instance");
        let container = ContainerName::from_stored("devarch-shop-db");
        let unrecorded = UnrecordedStack {
            containers: [(instance.clone(), container)].into(),
            applied: [(instance, ["1:aa".to_owned()].into())].into(),
            interrupted,
        };
        ownership.remember_unrecorded(StackId::new("stack"), unrecorded);
        ownership
    };
    let ours = |interrupted, name, labels: &Labels| {
        is_ours(&unrecorded(interrupted), ObjectKind::Container, ("c1", name), labels)
    };
    assert!(ours(false, "devarch-shop-db", &labels(&[])));
    assert!(!ours(false, "my-own", &labels(&[])) && !ours(false, "devarch-shop-db.old", &labels(&[])));
    assert!(ours(true, "devarch-shop-db.old", &labels(&[])) && !ours(true, "my-own", &labels(&[])));
    assert!(!ours(false, "devarch-shop-db", &labels(&[(label::CONFIG_HASH, "1:bb")])));
    let network = |name| is_ours(&unrecorded(false), ObjectKind::Network, ("n1", name), &labels(&[]));
    assert!(network("devarch-shop-net") && !network("theirs"));
}

#[test]
fn different_owners_are_distinguished() {
    let ownership = remembering([]);
    let owner = |labels: &Labels| {
        ownership.owner(Listed { kind: ObjectKind::Container, id: "c1", name: "x", labels })
    };
    assert_eq!(owner(&labels(&[])), Owner::Unremembered);
    assert_eq!(owner(&labels(&[(label::STORE_ID, "other")])), Owner::OtherStore);
    assert_eq!(owner(&Labels::new()), Owner::NotDevArch);
}
