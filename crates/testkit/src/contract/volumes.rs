//! Contents of volumes.

use super::assert_refused;
use crate::fixture::{Fixture, IMAGE, RUNS, mounted};
use devarch_core::{id::ContainerId, name::PhysicalVolume, spec::Mount};
use devarch_engine::EngineErrorKind as Kind;

/// Neither a missing source nor a mistaken target costs anything.
pub async fn a_volume_is_not_emptied_needlessly(f: &Fixture) {
    let (from, to) = (f.volume("from").await, f.volume("to").await);
    let missing = PhysicalVolume::from_stored(f.scope.name("missing"));
    assert_refused(f.engine.copy_volume(&from, &from, IMAGE).await, &Kind::InUse);
    assert_refused(f.engine.copy_volume(&missing, &to, IMAGE).await, &Kind::NotFound);
    assert_refused(f.engine.copy_volume(&from, &missing, IMAGE).await, &Kind::NotFound);
    assert_refused(f.engine.copy_volume(&from, &to, "nosuch:1").await, &Kind::NoImage);
    let mut user = f.request("user", &RUNS);
    user.spec.mounts.push(mounted(&to, "/data"));
    let user = f.run(&user).await;
    assert_refused(f.engine.copy_volume(&from, &to, IMAGE).await, &Kind::InUse);
    f.stop(&user).await;
    f.engine.copy_volume(&from, &to, IMAGE).await.unwrap();
    assert!(!f.engine.volumes().await.unwrap().contains_key(missing.as_str()));
}

/// Every kind of file, in every kind of place.
const FILL: &str = "mkdir -p d/e '.hidden dir'; echo hi > a; dd if=/dev/urandom of=d/big bs=1M count=5 2>/dev/null; \
    echo x > d/e/f; echo y > ..odd; echo z > '.hidden dir/-rf'; : > 'new\nline'; : > empty; ln -s ../a d/l; \
    ln -s /abs/x gone; mkfifo p; chown 70:71 a; chmod 640 a; chown 999:998 d d/e; chmod 700 d; chmod 1777 d/e; \
    chown 5:6 d/e/f; chmod 4755 d/e/f; chown -h 7:8 gone; touch -d '2001-02-03 04:05' a d; chown 12:13 .; chmod 750 .";

/// All attributes that must be equal, with times in seconds.
const LIST: &str = "find . | sort | while read -r f; do stat -c '%n %F %a %u:%g %s' \"$f\"; readlink \"$f\"; done; \
    stat -c '%n %Y' a d; find . -type f -exec md5sum {} + | sort";

async fn with_both(f: &Fixture, from: &PhysicalVolume, to: &PhysicalVolume) -> ContainerId {
    let mut request = f.request("looker", &RUNS);
    request.spec.mounts = vec![mounted(from, "/from"), Mount { read_only: true, ..mounted(to, "/to") }];
    f.run(&request).await
}

async fn assert_equal(f: &Fixture, from: &PhysicalVolume, to: &PhysicalVolume) {
    let looker = with_both(f, from, to).await;
    let source = f.sh(&looker, &format!("cd /from; {LIST}")).await;
    let copy = f.sh(&looker, &format!("cd /to; {LIST}")).await;
    assert!(source.stdout.contains("d/e/f regular file 4755 5:6"), "{source:?}");
    assert_eq!(source, copy);
    f.stop(&looker).await;
    f.engine.remove_container(&looker).await.unwrap();
}

async fn in_volume(f: &Fixture, volume: &PhysicalVolume, line: &str) {
    let mut request = f.request("writer", &["sh", "-c", &format!("set -e; cd /data; {line}")]);
    request.spec.mounts.push(mounted(volume, "/data"));
    let id = f.run(&request).await;
    assert_eq!(f.engine.wait(&id).await.unwrap().code, 0);
    f.engine.remove_container(&id).await.unwrap();
}

/// There, and back after both have changed; with a stopped container that holds the volume.
pub async fn a_copied_volume_is_equal_to_its_source(f: &Fixture) {
    let (data, snapshot) = (f.volume("data").await, f.volume("snapshot").await);
    let mut holder = f.request("holder", &RUNS);
    holder.spec.mounts.push(mounted(&data, "/data"));
    f.create(&holder).await;
    in_volume(f, &data, FILL).await;
    in_volume(
        f,
        &snapshot,
        "mkdir -p old/x .old; echo old > old/x/y; echo old > a; echo old > .old/z; ln -s a ..link",
    )
    .await;
    f.engine.copy_volume(&data, &snapshot, IMAGE).await.unwrap();
    assert_equal(f, &data, &snapshot).await;

    in_volume(f, &data, "rm -rf d; echo changed > a; chown 1:1 a .; mkdir -p more/.and/more; touch ..more")
        .await;
    f.engine.copy_volume(&snapshot, &data, IMAGE).await.unwrap();
    assert_equal(f, &snapshot, &data).await;
    let ours = f.scope.name("");
    let left = f.engine.containers().await.unwrap();
    let left: Vec<_> =
        left.iter().map(|container| container.name.as_str()).filter(|name| name.starts_with(&ours)).collect();
    assert_eq!(left, [holder.name.as_str()]);
}

/// After an interrupted copy left its container behind.
pub async fn an_interrupted_copy_is_repeated(f: &Fixture) {
    let (from, to) = (f.volume("from").await, f.volume("to").await);
    in_volume(f, &from, "echo kept > file").await;
    let mut left = f.request("to.copy", &RUNS);
    left.spec.mounts.push(mounted(&to, "/data"));
    left.labels.insert("devarch.copier".to_owned(), "true".to_owned());
    f.run(&left).await;
    f.engine.copy_volume(&from, &to, IMAGE).await.unwrap();
    let looker = with_both(f, &from, &to).await;
    assert_eq!(f.sh(&looker, "cat /to/file").await.stdout, "kept\n");
}
