//! Names, lists, images and volumes.

use super::refused;
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

/// A list tells all that decisions need, without a second look.
pub async fn a_container_is_listed_with_what_it_was_made_of(f: &Fixture) {
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

/// Running or not; of a container that is gone there are none.
pub async fn a_container_tells_the_variables_it_was_made_with(f: &Fixture) {
    let mut request = f.request("db", &RUNS);
    request.spec.environment.insert("PLAIN".to_owned(), Text::plain("a b=c"));
    request.spec.environment.insert("PASSWORD".to_owned(), Text::secret("hunter2=\n"));
    let id = f.create(&request).await;
    let told = f.engine.environment(&id).await.unwrap();
    assert_eq!(told["PLAIN"].reveal(), "a b=c");
    assert_eq!(told["PASSWORD"].reveal(), "hunter2=\n");
    f.engine.start(&id).await.unwrap();
    assert_eq!(f.engine.environment(&id).await.unwrap()["PLAIN"].reveal(), "a b=c");
    assert!(f.engine.environment(&ContainerId::new("0123456789abcdef")).await.unwrap().is_empty());
}

/// Whatever the engine's status code for it is.
pub async fn a_taken_container_name_is_told_as_such(f: &Fixture) {
    let request = f.request("twin", &RUNS);
    f.create(&request).await;
    refused(f.engine.create_container(&request).await, &Kind::NameTaken);
}

/// Renaming changes the name and nothing else, and a taken name is refused.
pub async fn a_renamed_container_keeps_its_id_and_frees_its_name(f: &Fixture) {
    let request = f.request("first", &RUNS);
    let id = f.run(&request).await;
    let kept = ContainerName::from_stored(f.scope.name("kept"));
    f.engine.rename(&id, &kept).await.unwrap();
    let seen = f.listed(&id).await.unwrap();
    assert_eq!((seen.name, seen.state), (kept.clone(), RunState::Running));
    let second = f.create(&request).await;
    refused(f.engine.rename(&second, &kept).await, &Kind::NameTaken);
}

/// Absent is an answer, not an error; and a container can't be made of it.
pub async fn a_missing_image_is_told_as_such(f: &Fixture) {
    let absent = "devarch-no-such-image:1";
    assert_eq!(f.engine.image(absent).await.unwrap(), None);
    let mut request = f.request("ghost", &RUNS);
    absent.clone_into(&mut request.spec.image);
    refused(f.engine.create_container(&request).await, &Kind::NoImage);
}

/// A registry that isn't there or doesn't have it.
pub async fn an_image_that_cannot_be_pulled_is_told_as_such(f: &Fixture) {
    let pulled = f.engine.pull_image("localhost:9/devarch/none:1", None, &|_| {}).await;
    refused(pulled, &Kind::NoImage);
}

/// Looking at, or removing, what is gone.
pub async fn a_missing_container_is_none_and_removing_it_is_fine(f: &Fixture) {
    let id = f.create(&f.request("gone", &RUNS)).await;
    f.engine.remove_container(&id).await.unwrap();
    assert!(f.engine.inspect(&id).await.unwrap().is_none());
    f.engine.remove_container(&id).await.unwrap();
    refused(f.engine.start(&id).await, &Kind::NotFound);
    let never = ContainerId::new("0123456789abcdef");
    refused(f.engine.stop(&never, None).await, &Kind::NotFound);
}

/// A volume keeps its labels, outlives its containers and is not removed under one.
pub async fn a_volume_outlives_its_container_and_is_not_removed_under_it(f: &Fixture) {
    let volume = f.volume("data").await;
    let mut request = f.request("user", &RUNS);
    request.spec.mounts.push(mounted(&volume, "/data"));
    let id = f.create(&request).await;
    refused(f.engine.remove_volume(&volume).await, &Kind::InUse);
    f.engine.remove_container(&id).await.unwrap();
    let volumes = f.engine.volumes().await.unwrap();
    assert_eq!(volumes.get(volume.as_str()), Some(&f.scope.labels()));
    f.engine.remove_volume(&volume).await.unwrap();
    f.engine.remove_volume(&volume).await.unwrap();
    assert!(!f.engine.volumes().await.unwrap().contains_key(volume.as_str()));
    f.engine.remove_volume(&PhysicalVolume::from_stored(f.scope.name("never"))).await.unwrap();
}
