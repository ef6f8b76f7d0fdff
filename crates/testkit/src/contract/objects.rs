//! Names, lists, images and volumes.

use super::assert_refused;
use crate::{
    fixture::{Fixture, IMAGE, RUNS, mounted},
    scope::LABEL,
};
use devarch_core::{
    id::ContainerId,
    name::{ContainerName, PhysicalVolume},
    observed::RunState,
    text::Text,
};
use devarch_engine::EngineErrorKind as Kind;

/// A list contains everything that decisions need, without an inspect.
pub async fn a_list_contains_everything_a_container_was_created_from(f: &Fixture) {
    let (network, _) = f.network("net", 0).await;
    let volume = f.volume("data").await;
    let mut request = f.attached("web", &RUNS, &network, 9);
    request.spec.mounts.push(mounted(&volume, "/data"));
    let id = f.create(&request).await;
    let image = f.engine.image(IMAGE).await.unwrap().expect("the image is there");

    let seen = f.listed(&id).await.unwrap();
    assert_eq!(seen.name, request.name);
    assert_eq!(seen.state, RunState::Created);
    assert_eq!(seen.image_id, image.id);
    assert!(seen.networks.contains_key(network.name.as_str()), "{:?}", seen.networks);
    assert!(seen.volumes.contains(volume.as_str()), "{:?}", seen.volumes);
    assert_eq!(seen.label(LABEL), request.labels.get(LABEL).map(String::as_str));
    assert_eq!((seen.exit_code, seen.health), (None, None));

    f.engine.start(&id).await.unwrap();
    let seen = f.listed(&id).await.unwrap();
    assert_eq!(seen.state, RunState::Running);
    let address = crate::fixture::address(&network, 9);
    assert_eq!(seen.networks[network.name.as_str()], Some(address.into()));
}

/// Running or not; `None` for a removed container.
pub async fn the_variables_of_a_container_are_read_back(f: &Fixture) {
    let mut request = f.request("db", &RUNS);
    request.spec.environment.insert("PLAIN".to_owned(), Text::plain("a b=c"));
    request.spec.environment.insert("PASSWORD".to_owned(), Text::secret("hunter2=\n"));
    let id = f.create(&request).await;
    let variables = f.engine.environment(&id).await.unwrap();
    assert_eq!(variables["PLAIN"].reveal(), "a b=c");
    assert_eq!(variables["PASSWORD"].reveal(), "hunter2=\n");
    f.engine.start(&id).await.unwrap();
    assert_eq!(f.engine.environment(&id).await.unwrap()["PLAIN"].reveal(), "a b=c");
    assert!(f.engine.environment(&ContainerId::new("0123456789abcdef")).await.unwrap().is_empty());
}

/// Whatever the engine's status code.
pub async fn a_taken_container_name_is_reported_as_such(f: &Fixture) {
    let request = f.request("twin", &RUNS);
    f.create(&request).await;
    assert_refused(f.engine.create_container(&request).await, &Kind::NameTaken);
}

/// Renaming changes only the name, and a taken name is refused.
pub async fn a_renamed_container_keeps_its_id_and_frees_its_name(f: &Fixture) {
    let request = f.request("first", &RUNS);
    let id = f.run(&request).await;
    let kept = ContainerName::from_stored(f.scope.name("kept"));
    f.engine.rename(&id, &kept).await.unwrap();
    let seen = f.listed(&id).await.unwrap();
    assert_eq!((seen.name, seen.state), (kept.clone(), RunState::Running));
    let second = f.create(&request).await;
    assert_refused(f.engine.rename(&second, &kept).await, &Kind::NameTaken);
}

/// Absence is not an error; but a container cannot be created from it.
pub async fn a_missing_image_is_reported_as_such(f: &Fixture) {
    let absent = "devarch-no-such-image:1";
    assert_eq!(f.engine.image(absent).await.unwrap(), None);
    let mut request = f.request("ghost", &RUNS);
    absent.clone_into(&mut request.spec.image);
    assert_refused(f.engine.create_container(&request).await, &Kind::NoImage);
}

/// A registry that isn't there or doesn't have it.
pub async fn an_image_that_cannot_be_pulled_is_reported_as_such(f: &Fixture) {
    let pulled = f.engine.pull_image("localhost:9/devarch/none:1", None, &|_| {}).await;
    assert_refused(pulled, &Kind::NoImage);
}

/// Inspecting or removing a container that no longer exists.
pub async fn a_missing_container_is_none_and_removing_it_is_fine(f: &Fixture) {
    let id = f.create(&f.request("gone", &RUNS)).await;
    f.engine.remove_container(&id).await.unwrap();
    assert!(f.engine.inspect(&id).await.unwrap().is_none());
    f.engine.remove_container(&id).await.unwrap();
    assert_refused(f.engine.start(&id).await, &Kind::NotFound);
    let never = ContainerId::new("0123456789abcdef");
    assert_refused(f.engine.stop(&never, None).await, &Kind::NotFound);
}

/// A volume keeps its labels, outlives its containers and cannot be removed while one uses it.
pub async fn a_volume_outlives_its_container_and_is_not_removed_under_it(f: &Fixture) {
    let volume = f.volume("data").await;
    let mut request = f.request("user", &RUNS);
    request.spec.mounts.push(mounted(&volume, "/data"));
    let id = f.create(&request).await;
    assert_refused(f.engine.remove_volume(&volume).await, &Kind::InUse);
    f.engine.remove_container(&id).await.unwrap();
    let volumes = f.engine.volumes().await.unwrap();
    assert_eq!(volumes.get(volume.as_str()), Some(&f.scope.labels()));
    f.engine.remove_volume(&volume).await.unwrap();
    f.engine.remove_volume(&volume).await.unwrap();
    assert!(!f.engine.volumes().await.unwrap().contains_key(volume.as_str()));
    f.engine.remove_volume(&PhysicalVolume::from_stored(f.scope.name("never"))).await.unwrap();
}
