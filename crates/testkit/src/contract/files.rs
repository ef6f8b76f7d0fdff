//! Files copied into containers.

use crate::{
    fixture::{Fixture, RUNS, mounted},
    texts::Texts,
};
use devarch_core::{
    spec::{FileContent, FileSpec},
    text::Text,
    unit::{FileMode, Owner},
};
use std::collections::BTreeMap;

fn file(content: &str, mode: u32, owner: u32) -> FileSpec {
    FileSpec {
        content: Text::plain(content).into(),
        mode: FileMode(mode),
        owner: Owner { uid: owner, gid: owner + 1 },
    }
}

/// Also where a directory is missing; that one is root's and open to read.
pub async fn files_arrive_with_mode_and_owner(f: &Fixture) {
    let id = f.create(&f.request("files", &RUNS)).await;
    let long = format!("/opt/{}/{}/deep.conf", "d".repeat(90), "e".repeat(90));
    let big = "line\n".repeat(300_000);
    let mut texts = Texts::default();
    let kept = FileContent::Kept(texts.keep("kept\n".repeat(300_001)));
    let files = BTreeMap::from([
        ("/etc/plain.conf".to_owned(), file("plain\n", 0o644, 0)),
        ("/etc/made/for/it.conf".to_owned(), file("secret\n", 0o600, 1000)),
        ("/etc/run.sh".to_owned(), file("#!/bin/sh\n", 0o755, 70)),
        ("/etc/empty".to_owned(), file("", 0o640, 0)),
        ("/etc/big".to_owned(), file(&big, 0o444, 0)),
        ("/etc/kept".to_owned(), FileSpec { content: kept, ..file("", 0o440, 7) }),
        (long.clone(), file("deep\n", 0o644, 0)),
    ]);
    f.engine.put_files(&id, &files, &texts).await.unwrap();
    f.engine.start(&id).await.unwrap();
    let line = "cd /etc; stat -c '%n %a %u:%g' plain.conf made/for/it.conf run.sh empty big kept made made/for; \
                cat made/for/it.conf; wc -c < big; wc -c < kept; sort -u kept";
    let want = "plain.conf 644 0:1\nmade/for/it.conf 600 1000:1001\nrun.sh 755 70:71\nempty 640 0:1\nbig 444 0:1\n\
                kept 440 7:8\nmade 755 0:0\nmade/for 755 0:0\nsecret\n1500000\n1500005\nkept\n";
    assert_eq!(f.sh(&id, line).await.stdout, want);
    assert_eq!(f.sh(&id, &format!("cat {long}")).await.stdout, "deep\n");
}

/// Their mode and owner are not ours to change.
pub async fn existing_directories_are_unchanged(f: &Fixture) {
    let id = f.create(&f.request("dirs", &["sh", "-c", "sleep 1000"])).await;
    let first = BTreeMap::from([("/srv/private/a".to_owned(), file("a", 0o600, 5))]);
    f.engine.put_files(&id, &first, &Texts::default()).await.unwrap();
    f.engine.start(&id).await.unwrap();
    f.sh(&id, "chmod 1730 /srv/private; chown 5:6 /srv/private").await;
    f.stop(&id).await;
    let second = BTreeMap::from([("/srv/private/b".to_owned(), file("b", 0o600, 5))]);
    f.engine.put_files(&id, &second, &Texts::default()).await.unwrap();
    f.engine.start(&id).await.unwrap();
    let seen = f.sh(&id, "stat -c '%a %u:%g' /srv/private; ls /srv/private").await.stdout;
    assert_eq!(seen, "1730 5:6\na\nb\n");
}

/// A replacement finds what its predecessor wrote.
pub async fn existing_files_of_a_volume_are_kept(f: &Fixture) {
    let volume = f.volume("data").await;
    let mut request = f.request("first", &["sh", "-c", "echo kept > /data/file"]);
    request.spec.mounts.push(mounted(&volume, "/data"));
    let first = f.run(&request).await;
    f.engine.wait(&first).await.unwrap();
    f.engine.remove_container(&first).await.unwrap();
    let second = f.request("second", &RUNS);
    request.name = second.name;
    request.spec.command = second.spec.command;
    let id = f.run(&request).await;
    assert_eq!(f.sh(&id, "cat /data/file").await.stdout, "kept\n");
}
