//! The contract of secrets, on both databases.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

#[macro_use]
mod sandbox;

use devarch_core::{
    id::{ApplyId, SecretId},
    kept::KeptValues,
    secret::{GIVEN_UP, HoldsSecrets as _, Sealable, Secret, SecretValue, Stored, Undecryptable},
    stack::Stack,
    template::EnvValue,
};
use devarch_store::{
    CannotOpen, EncryptionError, ExportError, ExposedContents, KeyError, KeyFileError, LetGo, Remade, Store,
    StoreError,
};
use sandbox::{
    Sandbox,
    samples::{
        KEPT, OWN, PASSWORD, SECRETS, add, applied, apply, get, kept, kept_values, kept_volume, lock, named,
        plan, rename, rich, stack, stack_name, stored,
    },
};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

contract_tests!(
    no_secret_is_in_the_database_or_its_files,
    encrypted_values_are_read_back,
    values_that_were_swapped_or_changed_are_damaged,
    missing_different_and_damaged_keys_are_distinguished,
    a_missing_key_is_never_recreated,
    a_key_file_others_can_read_is_not_used,
    without_its_key_a_store_does_everything_that_needs_no_secret,
    unreadable_values_are_never_overwritten,
    a_value_that_is_set_again_replaces_a_damaged_one,
    secrets_keep_their_ids_and_can_swap_names,
    each_store_has_a_key_of_its_own,
    a_rotation_leaves_one_key_and_everything_readable,
    a_rotation_is_refused_if_a_value_cannot_be_read,
    a_concurrent_edit_and_rotation_lose_nothing,
    concurrent_rotations_are_each_complete,
    an_exported_key_opens_the_store_on_another_machine,
    a_key_that_is_not_needed_is_not_imported,
    a_reset_discards_only_unreadable_values,
    a_reset_is_refused_if_a_secret_is_not_named,
    a_value_that_becomes_secret_is_removed_from_all_records,
);

async fn load(store: &Store, name: &str) -> Stack {
    store.stack(&stack_name(name)).await.unwrap().unwrap()
}

/// Everything that can contain secrets, in one store.
async fn fill(store: &Store) -> Stack {
    let rich = rich();
    store.create_stack(&rich).await.unwrap();
    let db = rich.instances[&named("db")].id.clone();
    store.record_applied(&rich.id, &db, &applied("1:abc")).await.unwrap();
    let held = lock(store, &rich.id).await;
    store.begin_apply(&held, &apply("apply-1", &rich.id)).await.unwrap();
    held.release().await.unwrap();
    store.keep_volumes(&[kept_volume()]).await.unwrap();
    rich
}

/// The values that are kept with the one kept volume.
async fn kept_values_of_volume(store: &Store) -> KeptValues {
    let mut kept = store.kept_volumes().await.unwrap();
    assert_eq!(kept.len(), 1);
    kept.remove(0).values
}

fn base64(text: &str) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
    // Without the end, which depends on what follows.
    let encoded = BASE64_STANDARD_NO_PAD.encode(text);
    encoded[..encoded.len() - 2].to_owned()
}

fn hex(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn found(bytes: &[u8], secret: &str) -> bool {
    let escaped = serde_json::to_string(secret).unwrap();
    let forms =
        [secret, &escaped[1..escaped.len() - 1], &base64(secret), &hex(secret), &hex(secret).to_uppercase()];
    forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form.as_bytes()))
}

async fn no_secret_is_in_the_database_or_its_files(sandbox: Sandbox) {
    let store = sandbox.open().await;
    fill(&store).await;
    let before = load(&store, "shop").await;
    let mut after = before.clone();
    after.secrets.insert(named("MORE"), kept("s3cret-that-came-later"));
    get(&mut after, "db")
        .overrides
        .environment_add
        .insert("X".to_owned(), Some(EnvValue::secret("s3cret-x-y-z")));
    store.save_stack(&before, &after, &LetGo::default()).await.unwrap();
    let bytes = sandbox.bytes().await;
    assert!(found(&bytes, "postgres:16"), "what is no secret is found");
    for secret in SECRETS.into_iter().chain(["s3cret-that-came-later", "s3cret-x-y-z"]) {
        assert!(!found(&bytes, secret), "{secret}");
    }
    let key = fs::read_to_string(&sandbox.key).unwrap();
    let key = key.lines().last().unwrap().split(' ').nth(2).unwrap();
    assert!(key.len() == 64 && !found(&bytes, key));
    let hash_key = store.identity().await.unwrap().hash_key.unwrap();
    assert!(!bytes.windows(32).any(|window| window == *hash_key));
}

async fn encrypted_values_are_read_back(sandbox: Sandbox) {
    let rich = fill(&sandbox.open().await).await;
    let store = sandbox.open().await;
    assert!(load(&store, "shop").await == rich);
    let remembered = store.applied(&rich.id).await.unwrap();
    assert_eq!(remembered.into_values().next().unwrap(), [applied("1:abc")]);
    let journalled = store.apply(&ApplyId::new("apply-1")).await.unwrap().unwrap();
    assert!(journalled.definition == apply("apply-1", &rich.id).definition);
    assert!(kept_values_of_volume(&store).await == kept_values(KEPT));
    let printed =
        format!("{:?}", (&rich, applied("x"), journalled, &store, kept_values_of_volume(&store).await));
    assert!(SECRETS.iter().all(|secret| !printed.contains(secret)), "{printed}");
}

/// The stack's secret `PW`.
async fn pw(store: &Store) -> Result<String, Undecryptable> {
    let stack = load(store, "shop").await;
    stack.secrets[&named("PW")].value.open().map(|secret| secret.reveal().to_owned())
}

async fn values_that_were_swapped_or_changed_are_damaged(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let rich = fill(&store).await;
    assert_eq!(pw(&store).await, Ok(OWN.to_owned()));
    let (one, other) = (&rich.secrets[&named("PW")].id, &rich.secrets[&named("pw.2")].id);
    sandbox.execute("CREATE TABLE kept AS SELECT * FROM secrets").await.unwrap();
    let put = async |(id, from): (&SecretId, &SecretId)| {
        let put = format!(
            "UPDATE secrets SET sealed = (SELECT kept.sealed FROM kept WHERE kept.id = '{from}') WHERE id = '{id}'"
        );
        sandbox.execute(&put).await.unwrap();
    };
    put((one, other)).await;
    put((other, one)).await;
    assert_eq!(pw(&store).await, Err(Undecryptable::Damaged));
    put((one, one)).await;
    put((other, other)).await;
    assert_eq!(pw(&store).await, Ok(OWN.to_owned()));

    let lite = sandbox.text.starts_with("sqlite:");
    // The version, the key's id, the nonce, what is encrypted.
    for at in [0, 1, 8, 9, 20, 21, 40] {
        let flip = if lite {
            let (before, this, after) = (2 * at, 2 * at + 1, 2 * at + 3);
            format!(
                "UPDATE secrets SET sealed = unhex(substr(hex(sealed), 1, {before}) || \
                 CASE substr(hex(sealed), {this}, 2) WHEN '00' THEN '01' ELSE '00' END || \
                 substr(hex(sealed), {after})) WHERE id = '{one}'"
            )
        } else {
            format!(
                "UPDATE secrets SET sealed = set_byte(sealed, {at}, get_byte(sealed, {at}) # 1) WHERE id = '{one}'"
            )
        };
        sandbox.execute(&flip).await.unwrap();
        assert_eq!(pw(&store).await, Err(Undecryptable::Damaged), "byte {at}");
        put((one, one)).await;
    }
    assert_eq!(pw(&store).await, Ok(OWN.to_owned()));
    // Another column of the same row is another place.
    sandbox
        .execute(
            "UPDATE instances SET sealed = (SELECT sealed FROM secrets WHERE instance_id = instances.id)",
        )
        .await
        .unwrap();
    let db = load(&store, "shop").await.instances[&named("web")].clone();
    assert!(db.overrides.environment_add["HIDDEN"].as_ref().unwrap().is_secret());
}

/// Changes the one key in the file.
fn change_key(key: &Path, change: impl FnOnce(&str, &str, &str) -> String) {
    let text = fs::read_to_string(key).unwrap();
    let (head, line) = text.trim_end().rsplit_once('\n').unwrap();
    let parts: Vec<&str> = line.split(' ').collect();
    let changed = change(parts[0], parts[1], parts[2]);
    fs::write(key, format!("{head}\n{changed}\n")).unwrap();
}

async fn missing_different_and_damaged_keys_are_distinguished(sandbox: Sandbox) {
    let first = sandbox.open().await;
    fill(&first).await;
    let needs = first.export_key("p").await.map(|_| first).unwrap();
    needs.close().await;
    let good = fs::read_to_string(&sandbox.key).unwrap();
    let why = async || sandbox.open().await.identity().await.unwrap().hash_key.unwrap_err();

    fs::remove_file(&sandbox.key).unwrap();
    let missing = why().await;
    assert!(matches!(missing, CannotOpen::NoKey { .. }), "{missing}");
    assert_eq!(pw(&sandbox.open().await).await, Err(Undecryptable::NoKey));

    fs::write(&sandbox.key, &good).unwrap();
    fs::set_permissions(&sandbox.key, fs::Permissions::from_mode(0o600)).unwrap();
    change_key(&sandbox.key, |store, id, key| {
        format!("{store} {id} {}", key.chars().rev().collect::<String>())
    });
    let damaged = why().await;
    assert!(matches!(damaged, CannotOpen::BadKey { .. }), "{damaged}");
    assert_eq!(pw(&sandbox.open().await).await, Err(Undecryptable::BadKey));
    for damage in ["", "garbage", &good[..good.len() / 2]] {
        fs::write(&sandbox.key, damage).unwrap();
        assert!(matches!(why().await, CannotOpen::BadKey { .. }), "{damage}");
    }

    let other_machine = tempfile::tempdir().unwrap();
    let other = Sandbox::at(format!("sqlite:{}", other_machine.path().join("x.db").display()), &sandbox.key);
    fs::remove_file(&sandbox.key).unwrap();
    other.open().await.identity().await.unwrap();
    let wrong = why().await;
    assert!(matches!(&wrong, CannotOpen::WrongKey { has, .. } if has.len() == 1), "{wrong}");
    assert_eq!(pw(&sandbox.open().await).await, Err(Undecryptable::WrongKey));
    for why in [missing, damaged, wrong] {
        assert!(why.hint().contains("devarch secret key import"), "{why}");
        assert!(why.to_string().contains(&sandbox.key.display().to_string()), "{why}");
    }

    fs::write(&sandbox.key, &good).unwrap();
    assert_eq!(pw(&sandbox.open().await).await, Ok(OWN.to_owned()), "nothing was lost");
}

async fn a_missing_key_is_never_recreated(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let rich = fill(&store).await;
    fs::remove_file(&sandbox.key).unwrap();
    let store = sandbox.open().await;
    store.identity().await.unwrap();
    let mut after = load(&store, "shop").await;
    after.secrets.insert(named("NEW"), kept("new"));
    let refused = store.save_stack(&load(&store, "shop").await, &after, &LetGo::default()).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Encryption(EncryptionError::CannotOpen(CannotOpen::NoKey { .. }))),
        "{refused}"
    );
    let refused = store.rotate_key().await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Encryption(EncryptionError::CannotOpen(CannotOpen::NoKey { .. }))),
        "{refused}"
    );
    assert!(store.export_key("p").await.is_err());
    assert!(
        store.record_applied(&rich.id, &after.instances[&named("db")].id, &applied("2:x")).await.is_err()
    );
    assert!(!sandbox.key.exists());
}

async fn a_key_file_others_can_read_is_not_used(sandbox: Sandbox) {
    fill(&sandbox.open().await).await;
    fs::set_permissions(&sandbox.key, fs::Permissions::from_mode(0o640)).unwrap();
    let store = sandbox.open().await;
    let why = store.identity().await.unwrap().hash_key.unwrap_err();
    assert!(matches!(why, CannotOpen::KeyFile(KeyFileError::Exposed { mode: 0o640, .. })), "{why}");
    assert_eq!(pw(&store).await, Err(Undecryptable::BadKey));
    fs::set_permissions(&sandbox.key, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(pw(&store).await, Ok(OWN.to_owned()), "it is looked at again");
}

/// A store whose key is missing, and its stack.
async fn locked_store(sandbox: &Sandbox) -> (Store, Stack) {
    fill(&sandbox.open().await).await;
    fs::rename(&sandbox.key, sandbox.key.with_extension("away")).unwrap();
    let store = sandbox.open().await;
    let stack = load(&store, "shop").await;
    (store, stack)
}

/// With the key restored, all values are unchanged.
async fn assert_nothing_was_lost(sandbox: &Sandbox) {
    fs::rename(sandbox.key.with_extension("away"), &sandbox.key).unwrap();
    let store = sandbox.open().await;
    assert_eq!(pw(&store).await, Ok(OWN.to_owned()));
    for (name, instance) in load(&store, "shop").await.instances {
        if name.as_str() == "plain" {
            continue;
        }
        let given = &instance.template.template.service.environment.as_ref().unwrap()["PASSWORD"];
        assert_eq!(*given, EnvValue::secret(PASSWORD));
    }
}

async fn without_its_key_a_store_does_everything_that_needs_no_secret(sandbox: Sandbox) {
    let (store, before) = locked_store(&sandbox).await;
    let mut after = before.clone();
    rename(&mut after, "web", "front");
    get(&mut after, "front").enabled = false;
    after.instances.remove(&named("worker"));
    add_plain(&mut after);
    store.save_stack(&before, &after, &LetGo::default()).await.unwrap();
    assert!(load(&store, "shop").await.instances[&named("front")] == after.instances[&named("front")]);
    store.create_stack(&plain("small")).await.unwrap();
    assert_eq!(store.stack_names().await.unwrap().len(), 2);
    assert_eq!(store.applies(&before.id, 5).await.unwrap().len(), 1);
    assert_eq!(store.applied(&before.id).await.unwrap().len(), 1);
    assert_nothing_was_lost(&sandbox).await;
}

/// A stack without any secret.
fn plain(name: &str) -> Stack {
    let mut plain = stack(name, &[]);
    add_plain(&mut plain);
    plain
}

fn add_plain(stack: &mut Stack) {
    add(stack, "plain", None);
    let instance = get(stack, "plain");
    let mut template = (*instance.template.template).clone();
    template.service.environment = None;
    template.config_files.clear();
    template.exports.clear();
    instance.template =
        devarch_core::stack::Pinned::new(template.into(), &devarch_core::hash::HashKey::new([7; 32]))
            .unwrap();
}

async fn unreadable_values_are_never_overwritten(sandbox: Sandbox) {
    let (store, before) = locked_store(&sandbox).await;
    let refused = async |change: &dyn Fn(&mut Stack)| {
        let mut after = before.clone();
        change(&mut after);
        let refused = store.save_stack(&before, &after, &LetGo::default()).await.unwrap_err();
        assert!(
            matches!(
                refused,
                StoreError::Encryption(EncryptionError::LockedValues { reason: Undecryptable::NoKey, .. })
            ),
            "{refused}"
        );
        refused.to_string()
    };
    let message = refused(&|stack| {
        get(stack, "web").overrides.environment_add.insert("A".to_owned(), Some(EnvValue::plain("b")));
    })
    .await;
    assert!(message.contains("'web'"), "{message}");
    refused(&|stack| {
        let one = stack.secrets[&named("PW")].clone();
        stack.secrets.insert(named("COPY"), devarch_core::secret::KeptSecret { id: kept("").id, ..one });
    })
    .await;
    refused(&|stack| stack.imported.as_mut().unwrap().allow.clear()).await;
    // A copy, with its own ids.
    let mut copy = before.clone();
    copy.id = stack("x", &[]).id;
    copy.name = named("copy");
    (copy.subnet, copy.engine) = (None, None);
    for (at, instance) in copy.instances.values_mut().enumerate() {
        instance.id = devarch_core::id::InstanceId::new(format!("copied-{at}"));
        instance.ports.clear();
        instance.volumes.clear();
    }
    assert!(matches!(
        store.create_stack(&copy).await,
        Err(StoreError::Encryption(EncryptionError::LockedValues { .. }))
    ));
    assert!(load(&store, "shop").await == before);
    assert_nothing_was_lost(&sandbox).await;
}

async fn a_value_that_is_set_again_replaces_a_damaged_one(sandbox: Sandbox) {
    let store = sandbox.open().await;
    fill(&store).await;
    let zeros = if sandbox.text.starts_with("sqlite:") { "x'00'" } else { "'\\x00'" };
    sandbox.execute(&format!("UPDATE secrets SET sealed = {zeros}")).await.unwrap();
    let before = load(&store, "shop").await;
    assert_eq!(pw(&store).await, Err(Undecryptable::Damaged));
    let mut after = before.clone();
    after.secrets.get_mut(&named("PW")).unwrap().value = SecretValue::new("again");
    store.save_stack(&before, &after, &LetGo::default()).await.unwrap();
    assert_eq!(pw(&store).await, Ok("again".to_owned()));
    let other = &load(&store, "shop").await.secrets[&named("pw.2")].value;
    assert_eq!(*other, SecretValue::Locked(Undecryptable::Damaged), "the others are as they were");
}

async fn secrets_keep_their_ids_and_can_swap_names(sandbox: Sandbox) {
    let store = sandbox.open().await;
    fill(&store).await;
    let before = load(&store, "shop").await;
    let mut after = before.clone();
    let (one, two) =
        (after.secrets.remove(&named("PW")).unwrap(), after.secrets.remove(&named("pw.2")).unwrap());
    after.secrets.extend([(named("pw.2"), one), (named("PW"), two)]);
    let made = get(&mut after, "db").generated.remove("MADE").unwrap();
    get(&mut after, "web").generated.insert("OTHER".to_owned(), made);
    after.revision = store.save_stack(&before, &after, &LetGo::default()).await.unwrap();
    assert!(load(&store, "shop").await == after);
    let mut less = after.clone();
    less.secrets.clear();
    less.instances.remove(&named("web"));
    less.revision = store.save_stack(&after, &less, &LetGo::default()).await.unwrap();
    assert!(load(&store, "shop").await == less);
    assert_eq!(sandbox.count("secrets").await, 0);
}

/// The lines of the key file that have keys.
fn keys(sandbox: &Sandbox) -> Vec<String> {
    let text = fs::read_to_string(&sandbox.key).unwrap();
    text.lines().skip(1).filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

async fn each_store_has_a_key_of_its_own(sandbox: Sandbox) {
    fill(&sandbox.open().await).await;
    let other_machine = tempfile::tempdir().unwrap();
    let other = Sandbox::at(format!("sqlite:{}", other_machine.path().join("x.db").display()), &sandbox.key);
    let other_rich = fill(&other.open().await).await;
    assert_eq!(keys(&sandbox).len(), 2);
    let (store, other_store) = (sandbox.open().await, other.open().await);
    store.rotate_key().await.unwrap();
    store.rotate_key().await.unwrap();
    assert_eq!(keys(&sandbox).len(), 2);
    assert!(load(&other_store, "shop").await == other_rich, "another store's key is left alone");
    assert_eq!(pw(&sandbox.open().await).await, Ok(OWN.to_owned()));
}

async fn a_rotation_leaves_one_key_and_everything_readable(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let rich = fill(&store).await;
    let long_running = sandbox.open().await;
    assert!(load(&long_running, "shop").await == rich);
    let identity = store.identity().await.unwrap();
    let before = keys(&sandbox);
    let rotation = store.rotate_key().await.unwrap();
    let after = keys(&sandbox);
    assert!(after.len() == 1 && after != before && after[0].contains(&rotation.to.to_string()));
    assert!(before[0].contains(&rotation.from.to_string()));
    // The file, the wires, overrides of one, templates of two, two secrets and a generated one, one applied, one
    // definition, those kept with a volume, the hash key.
    assert_eq!(rotation.values, 1 + 1 + 1 + 2 + 3 + 1 + 1 + 1 + 1);
    for store in [&store, &long_running, &sandbox.open().await] {
        assert!(load(store, "shop").await == rich);
        assert!(store.identity().await.unwrap() == identity);
        assert!(kept_values_of_volume(store).await == kept_values(KEPT));
        assert_eq!(store.applied(&rich.id).await.unwrap().into_values().next().unwrap(), [applied("1:abc")]);
    }
    // A process that used the old key writes only with the new one.
    let mut changed = rich.clone();
    changed.secrets.get_mut(&named("PW")).unwrap().value = SecretValue::new("later");
    long_running.save_stack(&rich, &changed, &LetGo::default()).await.unwrap();
    assert_eq!(pw(&sandbox.open().await).await, Ok("later".to_owned()));
    fs::write(&sandbox.key, format!("devarch-keys 1\n{}\n", before[0])).unwrap();
    assert_eq!(
        pw(&sandbox.open().await).await,
        Err(Undecryptable::WrongKey),
        "the old key opens nothing any more"
    );
}

async fn a_rotation_is_refused_if_a_value_cannot_be_read(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let rich = fill(&store).await;
    let id = &rich.secrets[&named("PW")].id;
    let zeros = if sandbox.text.starts_with("sqlite:") { "x'00'" } else { "'\\x00'" };
    sandbox.execute(&format!("UPDATE secrets SET sealed = {zeros} WHERE id = '{id}'")).await.unwrap();
    let (before, bytes) = (keys(&sandbox), store.stacks().await.unwrap());
    let refused = store.rotate_key().await.unwrap_err();
    let StoreError::Key(KeyError::NotRotated { count: 1, names, reason: CannotOpen::Damaged }) = &refused
    else {
        panic!("{refused}");
    };
    assert_eq!(*names, ["secret PW"]);
    assert_eq!(keys(&sandbox), before, "the key file is as it was");
    assert!(store.stacks().await.unwrap() == bytes);
}

async fn a_concurrent_edit_and_rotation_lose_nothing(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let rich = fill(&store).await;
    let writing = tokio::spawn({
        let sandbox = sandbox.clone();
        async move {
            let store = sandbox.open().await;
            let db = rich.instances[&named("db")].id.clone();
            let mut last = String::new();
            for number in 0..40 {
                let before = load(&store, "shop").await;
                let mut after = before.clone();
                last = format!("value {number}");
                after.secrets.get_mut(&named("PW")).unwrap().value = SecretValue::new(last.as_str());
                store.save_stack(&before, &after, &LetGo::default()).await.unwrap();
                store.record_applied(&before.id, &db, &applied(&format!("1:{number}"))).await.unwrap();
                assert_eq!(pw(&store).await.as_deref(), Ok(last.as_str()));
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            last
        }
    });
    let mut rotations = 0;
    while !writing.is_finished() {
        store.rotate_key().await.unwrap();
        rotations += 1;
    }
    let last = writing.await.unwrap();
    assert!(rotations > 1);
    let store = sandbox.open().await;
    assert_eq!(pw(&store).await, Ok(last));
    let remembered = store.applied(&load(&store, "shop").await.id).await.unwrap();
    let all: Vec<_> = remembered.into_values().flatten().collect();
    assert_eq!(all.len(), 41);
    assert!(all.iter().all(|one| one.spec == applied("x").spec));
}

async fn concurrent_rotations_are_each_complete(sandbox: Sandbox) {
    let rich = fill(&sandbox.open().await).await;
    let rotating: Vec<_> = (0..4)
        .map(|_| {
            let sandbox = sandbox.clone();
            tokio::spawn(async move { sandbox.open().await.rotate_key().await.unwrap() })
        })
        .collect();
    for rotated in rotating {
        rotated.await.unwrap();
    }
    assert_eq!(keys(&sandbox).len(), 1);
    assert!(load(&sandbox.open().await, "shop").await == rich);
}

async fn an_exported_key_opens_the_store_on_another_machine(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let rich = fill(&store).await;
    let text = store.export_key("correct horse").await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let there = Sandbox::at(sandbox.text.clone(), home.path().join("home/secret.key"));
    let other_machine = there.open().await;
    assert_eq!(pw(&other_machine).await, Err(Undecryptable::NoKey));
    let refused = other_machine.import_key(&text, "wrong").await.unwrap_err();
    assert!(matches!(refused, StoreError::Key(KeyError::Export(ExportError::WrongPassphrase))), "{refused}");
    assert!(!there.key.exists());
    assert!(other_machine.import_key(&text, "correct horse").await.unwrap());
    assert!(load(&other_machine, "shop").await == rich);
    assert!(!other_machine.import_key(&text, "correct horse").await.unwrap(), "it is there already");
    assert_eq!(keys(&there).len(), 1);

    // After a rotation here the other machine has no key; its old key is replaced when the new one is imported.
    store.rotate_key().await.unwrap();
    assert_eq!(pw(&other_machine).await, Err(Undecryptable::WrongKey));
    other_machine.import_key(&store.export_key("p").await.unwrap(), "p").await.unwrap();
    assert!(load(&other_machine, "shop").await == rich);
    assert_eq!(keys(&there).len(), 1);
}

async fn a_key_that_is_not_needed_is_not_imported(sandbox: Sandbox) {
    let store = sandbox.open().await;
    fill(&store).await;
    let other_machine = tempfile::tempdir().unwrap();
    let other = Sandbox::at(
        format!("sqlite:{}", other_machine.path().join("x.db").display()),
        other_machine.path().join("k"),
    );
    let text = other.open().await.export_key("p").await.unwrap();
    let before = fs::read(&sandbox.key).unwrap();
    let refused = store.import_key(&text, "p").await.unwrap_err();
    assert!(matches!(refused, StoreError::Key(KeyError::AnotherKey { here: true, .. })), "{refused}");
    assert_eq!(fs::read(&sandbox.key).unwrap(), before);
    fs::remove_file(&sandbox.key).unwrap();
    let refused = sandbox.open().await.import_key(&text, "p").await.unwrap_err();
    assert!(matches!(refused, StoreError::Key(KeyError::AnotherKey { here: false, .. })), "{refused}");
    assert!(!sandbox.key.exists());
}

/// The key is present, and only the hash key is damaged.
async fn a_reset_discards_only_unreadable_values(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let rich = fill(&store).await;
    let before = store.identity().await.unwrap();
    assert!(matches!(store.reset_key(&Remade::new()).await, Err(StoreError::Key(KeyError::KeyThere))));
    let zeros = if sandbox.text.starts_with("sqlite:") { "x'00'" } else { "'\\x00'" };
    sandbox.execute(&format!("UPDATE identity SET hash_key = {zeros}")).await.unwrap();
    let id = &rich.secrets[&named("PW")].id;
    sandbox.execute(&format!("UPDATE secrets SET sealed = {zeros} WHERE id = '{id}'")).await.unwrap();
    sandbox
        .execute(&format!("UPDATE instances SET sealed = {zeros} WHERE sealed IS NOT NULL"))
        .await
        .unwrap();
    sandbox.execute(&format!("UPDATE kept_volumes SET sealed = {zeros}")).await.unwrap();
    store.reset_key(&Remade::from([(id.clone(), None)])).await.unwrap();
    for store in [store, sandbox.open().await] {
        let kept = kept_values_of_volume(&store).await.secret_values();
        assert_eq!(kept.len(), 3, "their names are still known");
        assert!(kept.iter().all(|(_, value)| value.open() == Err(Undecryptable::GivenUp)));
        let now = load(&store, "shop").await;
        assert!(!now.secrets.contains_key(&named("PW")) && now.secrets.len() == rich.secrets.len() - 1);
        assert_eq!(now.revision, rich.revision + 1, "who read it before reads it again");
        assert!(now.wiring == rich.wiring, "what could be read is as it was");
        for (name, instance) in &now.instances {
            assert!(instance.template == rich.instances[name].template);
            assert!(instance.generated == rich.instances[name].generated);
            let given_up = instance.overrides.secret_values();
            assert!(given_up.iter().all(|(_, value)| value.open() == Err(Undecryptable::GivenUp)));
        }
        let identity = store.identity().await.unwrap();
        assert!(
            identity.id == before.id && identity.hash_key.is_ok() && identity.hash_key != before.hash_key
        );
        let applied = store.applied(&rich.id).await.unwrap().into_values().next().unwrap();
        assert_eq!(applied[0].spec.secret, Sealable::Open(GIVEN_UP.to_owned().into()));
        assert_eq!(keys(&sandbox).len(), 1);
        store.rotate_key().await.unwrap();
    }
}

async fn a_reset_is_refused_if_a_secret_is_not_named(sandbox: Sandbox) {
    let (store, before) = locked_store(&sandbox).await;
    let refused = store.reset_key(&Remade::new()).await;
    assert!(matches!(refused, Err(StoreError::Key(KeyError::NotReset))), "{refused:?}");
    assert!(load(&store, "shop").await == before);
    assert_nothing_was_lost(&sandbox).await;
}

async fn a_value_that_becomes_secret_is_removed_from_all_records(sandbox: Sandbox) {
    const VALUE: &str = "hunter2-\"quoted\"";
    let store = sandbox.open().await;
    let rich = fill(&store).await;
    let json = serde_json::json!({ "PASSWORD": VALUE, "text": format!("was {VALUE}") }).to_string();
    let mut plan = plan("plan-1", &rich.id, 1_700_000_000_000);
    (plan.request, plan.assumed, plan.shown) = (json.clone(), json.clone(), json.clone());
    store.save_plan(&plan).await.unwrap();
    let held = lock(&store, &rich.id).await;
    let mut begun = apply("apply-2", &rich.id);
    (begun.before, begun.shown) = (json.clone(), json.clone());
    begun.command = format!("devarch set shop/db PASSWORD={VALUE}");
    begun.definition = stored(&json, "s3cret-before");
    store.begin_apply(&held, &begun).await.unwrap();
    store.step_begun(&held, &begun.id, 0, 1).await.unwrap();
    store.step_ended(&held, &begun.id, 0, 2, Some(&format!("{VALUE} is no port"))).await.unwrap();
    held.release().await.unwrap();
    let mut made = applied("1:new");
    made.spec.open.clone_from(&json);
    let db = rich.instances[&named("db")].id.clone();
    store.record_applied(&rich.id, &db, &made).await.unwrap();
    assert!(found(&sandbox.bytes().await, VALUE));

    let redefine = |was: Stored, _: &ExposedContents| {
        assert!(was.open == json && was.secret != Sealable::Nothing);
        stored(r#"{"PASSWORD":"[REDACTED]"}"#, VALUE)
    };
    let values = [Secret::new(VALUE)];
    assert!(store.scrub(&rich.id, &values, &redefine).await.unwrap(), "it was there");
    store.wipe().await.unwrap();
    assert!(!found(&sandbox.bytes().await, VALUE));
    let plan = store.plan(&plan.id).await.unwrap().unwrap();
    assert_eq!(plan.shown, r#"{"PASSWORD":"[REDACTED]","text":"was [REDACTED]"}"#);
    let now = store.apply(&begun.id).await.unwrap().unwrap();
    assert!(now.definition == stored(r#"{"PASSWORD":"[REDACTED]"}"#, VALUE));
    assert_eq!(now.command, "devarch set shop/db PASSWORD=[REDACTED]");
    let steps = store.apply_steps(&begun.id).await.unwrap();
    assert_eq!(steps[0].error.as_deref(), Some("[REDACTED] is no port"));
    assert!(load(&store, "shop").await == rich);
    let left = store.scrub(&rich.id, &values, &|_, _| panic!("nothing is left to do")).await.unwrap();
    assert!(!left);
}
