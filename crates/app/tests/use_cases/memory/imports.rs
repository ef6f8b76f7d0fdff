//! Loading a devarch.yml into the store: which stack belongs to which directory, what is read, and what is refused.

use crate::{
    harness::{Command, Sandbox, hints, parsed},
    stacks::{CHANGED, SHOP, shop, shop_of},
};
use devarch_app::{
    Ambiguous, Conflict, DefinitionError, Elsewhere, ErrorKind, ImportSource, OperationError, Project,
    create_stack, draft_import, find_import, find_stack_of_directory, free_copy_name, load_project_stack,
    save_draft, set_fields, upgrade_templates,
};
use devarch_core::{name::StackName, template::ConfigContent};
use devarch_store::{StackError, StoreError};
use std::path::{Path, PathBuf};

const WEB: &str = "web: {template: busybox}";

/// Creates a directory below the project with this devarch.yml.
fn directory(sandbox: &Sandbox, name: &str, yml: &str) -> PathBuf {
    let directory = sandbox.project().join(name);
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("devarch.yml"), yml).unwrap();
    directory.canonicalize().unwrap()
}

async fn source(sandbox: &Sandbox, at: &Path, renamed: Option<&str>) -> Result<ImportSource, OperationError> {
    let renamed = renamed.map(parsed);
    Ok(find_import(sandbox.ctx(), at, None, renamed.as_ref()).await?.unwrap())
}

/// Imports a directory's only stack, under another name if given.
async fn import(sandbox: &Sandbox, at: &Path, renamed: Option<&str>) -> Result<StackName, OperationError> {
    let draft = draft_import(sandbox.ctx(), &source(sandbox, at, renamed).await?).await?;
    Ok(save_draft(sandbox.ctx(), &draft).await?.name)
}

/// Returns the error of an import that is refused, with its hints.
async fn refused(sandbox: &Sandbox, yml: &str) -> String {
    let at = directory(sandbox, "refused", yml);
    let error = import(sandbox, &at, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(!sandbox.knows("shop").await, "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_project_is_found_from_every_directory_below_it() {
    let sandbox = Sandbox::new().await;
    let at = directory(&sandbox, "shop", shop(&[WEB]));
    let below = at.join("src/deep");
    std::fs::create_dir_all(&below).unwrap();
    assert_eq!(Project::find(&below), Some(at));
    let found = find_stack_of_directory(sandbox.ctx(), &below).await.unwrap();
    assert_eq!(found, Some(parsed("shop")));
    let none = find_stack_of_directory(sandbox.ctx(), &sandbox.project()).await.unwrap();
    assert_eq!(none, None, "a directory without a devarch.yml means no stack");
    assert!(find_import(sandbox.ctx(), &sandbox.project(), None, None).await.unwrap().is_none());
}

#[tokio::test]
async fn a_stack_belongs_to_the_directory_it_was_created_from() {
    let sandbox = Sandbox::new().await;
    let (first, second) = (directory(&sandbox, "a", shop(&[WEB])), directory(&sandbox, "b", shop(&[WEB])));
    import(&sandbox, &first, None).await.unwrap();
    let error = import(&sandbox, &second, None).await.unwrap_err();
    let OperationError::Conflict(Conflict::Elsewhere(Elsewhere::Directory { theirs, ours, .. })) = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!((theirs, ours), (&first, &second));
    assert!(hints(&error).contains("--as NAME"), "{error:?}");
    assert_eq!(import(&sandbox, &second, Some("shop-b")).await.unwrap().as_str(), "shop-b");
    assert_eq!(sandbox.stack("shop").await.project, Some(first.display().to_string()));
}

#[tokio::test]
async fn a_file_does_not_replace_a_stack_created_by_a_command() {
    let sandbox = Sandbox::new().await;
    create_stack(sandbox.ctx(), &parsed("shop"), None).await.unwrap();
    let at = directory(&sandbox, "a", shop(&[WEB]));
    let error = import(&sandbox, &at, None).await.unwrap_err();
    assert!(matches!(error, OperationError::Conflict(Conflict::Exists { .. })), "{error:?}");
    assert!(sandbox.stack("shop").await.instances.is_empty());
}

#[tokio::test]
async fn a_directory_keeps_using_the_new_name_of_its_stack() {
    let sandbox = Sandbox::new().await;
    let at = directory(&sandbox, "a", shop(&[WEB]));
    import(&sandbox, &at, Some("mine")).await.unwrap();
    assert_eq!(import(&sandbox, &at, None).await.unwrap().as_str(), "mine");
    assert_eq!(find_stack_of_directory(sandbox.ctx(), &at).await.unwrap(), Some(parsed("mine")));
    assert!(!sandbox.knows("shop").await);
}

#[tokio::test]
async fn a_directory_with_several_stacks_requires_a_name() {
    let sandbox = Sandbox::new().await;
    let at = directory(&sandbox, "a", shop(&[WEB]));
    for name in ["one", "two"] {
        import(&sandbox, &at, Some(name)).await.unwrap();
    }
    for error in [
        find_stack_of_directory(sandbox.ctx(), &at).await.unwrap_err(),
        source(&sandbox, &at, None).await.unwrap_err(),
    ] {
        let OperationError::Conflict(Conflict::Ambiguous(Ambiguous::Stacks { stacks, .. })) = &error else {
            panic!("{error:?}");
        };
        assert_eq!(stacks, &[parsed::<StackName>("one"), parsed("two")]);
        assert_eq!(hints(&error), "name the stack");
    }
    let named = find_import(sandbox.ctx(), &at, Some(&parsed("two")), None).await.unwrap().unwrap();
    assert_eq!(named.existing.unwrap().name.as_str(), "two");
}

#[tokio::test]
async fn a_stack_missing_from_the_file_is_looked_up_in_the_store() {
    let sandbox = Sandbox::new().await;
    let at = directory(&sandbox, "a", shop(&[WEB]));
    create_stack(sandbox.ctx(), &parsed("other"), None).await.unwrap();
    let other = find_import(sandbox.ctx(), &at, Some(&parsed("other")), None).await.unwrap();
    assert!(other.is_none(), "it is in the store, and of no file");
    let error = find_import(sandbox.ctx(), &at, Some(&parsed("none")), None).await.unwrap_err();
    assert!(error.to_string().contains("declares no stack 'none'; it declares shop"), "{error}");
}

#[tokio::test]
async fn a_file_with_several_stacks_requires_a_name() {
    let sandbox = Sandbox::new().await;
    let two = "version: \"1\"\nstacks:\n  a: {instances: {web: {template: busybox}}}\n  b: {instances: {web: {template: busybox}}}\n";
    let at = directory(&sandbox, "both", two);
    let error = source(&sandbox, &at, None).await.unwrap_err();
    let OperationError::Definition(DefinitionError::Undeclared { named: None, declared, .. }) = &error else {
        panic!("{error:?}");
    };
    assert_eq!((declared.len(), hints(&error).as_str()), (2, "name one of them"));
}

#[tokio::test]
async fn only_a_new_stack_is_loaded_without_an_apply() {
    let sandbox = Sandbox::new().await;
    let at = directory(&sandbox, "a", shop(&[WEB]));
    assert_eq!(load_project_stack(sandbox.ctx(), &at, None).await.unwrap(), Some(parsed("shop")));
    let again = [None, Some(parsed("shop"))];
    for named in again {
        assert_eq!(load_project_stack(sandbox.ctx(), &at, named.as_ref()).await.unwrap(), None, "{named:?}");
    }
    assert!(sandbox.engine.changes().is_empty());
}

#[tokio::test]
async fn all_problems_of_a_file_are_reported_at_once_with_their_lines() {
    let sandbox = Sandbox::new().await;
    let reported = refused(
        &sandbox,
        shop(&[
            "web: {template: busybox, imgae: x}",
            "db: {template: nothing}",
            "api: {template: busybox, ports: [99999]}",
        ]),
    )
    .await;
    for part in ["imgae", "did you mean `image`", "nothing", "99999", ": 5:"] {
        assert!(reported.contains(part), "{part} is not in {reported}");
    }
}

#[tokio::test]
async fn unworkable_definitions_are_refused_before_anything_is_saved() {
    let sandbox = Sandbox::new().await;
    let wrong = [
        (shop(&["web: {template: busybox, depends_on: [db]}"]), "db"),
        (
            shop(&["a: {template: busybox, depends_on: [b]}", "b: {template: busybox, depends_on: [a]}"]),
            "wait for each other",
        ),
        (shop(&["web: {template: busybox, config_files: {/a.conf: {file: missing.conf}}}"]), "missing.conf"),
        (shop(&["web: {template: busybox, volumes: [\"data:/data\", \"other:/data\"]}"]), "/data"),
    ];
    for (yml, part) in wrong {
        let reported = refused(&sandbox, yml).await;
        assert!(reported.contains(part), "{part} is not in {reported}");
    }
}

#[tokio::test]
async fn config_files_keep_the_content_they_had_when_their_stack_was_loaded() {
    let sandbox = Sandbox::new().await;
    let yml = shop(&[
        "web: {template: busybox, config_files: {/a.conf: {file: a.conf}, /key: {file: key, secret: true}}}",
    ]);
    let at = sandbox.project();
    std::fs::write(at.join("a.conf"), "first").unwrap();
    std::fs::write(at.join("key"), "hush").unwrap();
    sandbox.run("shop", Command::up(yml)).await.unwrap();
    std::fs::write(at.join("a.conf"), "second").unwrap();
    assert_eq!(sandbox.plan("shop").await, None, "the store has what was loaded");
    let stack = sandbox.stack("shop").await;
    let files = &stack.instances[&parsed("web")].overrides.config_files;
    assert!(
        matches!(&files["/a.conf"].as_ref().unwrap().content, ConfigContent::Content(text) if text == "first")
    );
    assert!(matches!(&files["/key"].as_ref().unwrap().content, ConfigContent::Secret(_)));
    sandbox.run("shop", Command::up(yml)).await.unwrap();
    let inside = &sandbox.engine.files("devarch-shop-web")["/a.conf"];
    assert!(format!("{inside:?}").contains("second"), "{inside:?}");
    assert!(!serde_json::to_string(&stack.instances[&parsed("web")].overrides).unwrap().contains("hush"));
}

#[tokio::test]
async fn oversized_and_irregular_files_are_refused_with_a_hint() {
    let sandbox = Sandbox::new().await;
    let at = directory(&sandbox, "refused", "");
    std::fs::create_dir(at.join("folder")).unwrap();
    std::fs::write(at.join("large"), vec![b'a'; (2 << 20) + 1]).unwrap();
    for (file, part) in
        [("{file: folder}", "folder"), ("{file: large, secret: true}", "mount it as a volume")]
    {
        let reported =
            refused(&sandbox, shop(&[&format!("web: {{template: busybox, config_files: {{/a: {file}}}}}")]))
                .await;
        assert!(reported.contains(part), "{reported}");
    }
}

#[tokio::test]
async fn a_text_that_contains_secrets_has_a_limit() {
    let sandbox = Sandbox::new().await;
    let at = directory(&sandbox, "refused", "");
    std::fs::write(at.join("large"), format!("${{secret:KEY}}{}", "a".repeat(1 << 20))).unwrap();
    let reported = refused(
        &sandbox,
        shop_of("secrets: {KEY: }", &[], &["web: {template: busybox, config_files: {/a: {file: large}}}"]),
    )
    .await;
    assert!(reported.contains("move the secrets to a file of their own"), "{reported}");
}

#[tokio::test]
async fn a_draft_does_not_overwrite_a_concurrent_edit() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    std::fs::write(sandbox.project().join("devarch.yml"), CHANGED).unwrap();
    let source = source(&sandbox, &sandbox.project(), None).await.unwrap();
    let draft = draft_import(sandbox.ctx(), &source).await.unwrap();
    sandbox.run("shop", Command::Set("web", "labels.a", "b")).await.unwrap();
    let error = save_draft(sandbox.ctx(), &draft).await.unwrap_err();
    assert!(
        matches!(error, OperationError::Store(StoreError::Stack(StackError::Changed { .. }))),
        "{error:?}"
    );
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let web = &sandbox.stack("shop").await.instances[&parsed("web")];
    assert!(web.overrides.service.labels.is_some(), "the edit stays");
}

#[tokio::test]
async fn only_edits_the_file_reverts_are_named() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.run("shop", Command::Set("db", "environment.MARK", "1")).await.unwrap();
    sandbox.run("shop", Command::Set("web", "stop_grace_period", "9s")).await.unwrap();
    let undone = async |yml: &str| {
        std::fs::write(sandbox.project().join("devarch.yml"), yml).unwrap();
        let source = source(&sandbox, &sandbox.project(), None).await.unwrap();
        let draft = draft_import(sandbox.ctx(), &source).await.unwrap();
        draft.undone.iter().map(|field| field.field.clone()).collect::<Vec<_>>()
    };
    assert_eq!(undone(SHOP).await, ["db.environment.MARK", "web.stop_grace_period"]);
    assert_eq!(undone(CHANGED).await, ["web.stop_grace_period"]);
}

#[tokio::test]
async fn an_unchanged_file_has_nothing_to_import() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let now = source(&sandbox, &sandbox.project(), None).await.unwrap();
    assert!(now.unchanged().is_some());
    sandbox.run("shop", Command::Set("db", "environment.MARK", "1")).await.unwrap();
    let now = source(&sandbox, &sandbox.project(), None).await.unwrap();
    assert!(now.unchanged().is_some(), "an edit of the store is no change of the file");
    std::fs::write(sandbox.project().join("devarch.yml"), CHANGED).unwrap();
    let now = source(&sandbox, &sandbox.project(), None).await.unwrap();
    assert!(now.unchanged().is_none());
}

#[tokio::test]
async fn an_unchanged_instance_keeps_its_id_slot_and_host_port() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let before = sandbox.stack("shop").await;
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap();
    let after = sandbox.stack("shop").await;
    for (name, was) in &before.instances {
        let is = &after.instances[name];
        assert_eq!((&is.id, is.slot, &is.ports, &is.volumes), (&was.id, was.slot, &was.ports, &was.volumes));
    }
}

#[tokio::test]
async fn a_catalog_template_stays_pinned_until_it_is_upgraded() {
    let sandbox = Sandbox::new().await;
    let catalog = sandbox.project().join("catalog");
    std::fs::create_dir_all(&catalog).unwrap();
    let template = |mark: &str| {
        let text = format!("name: tool\nimage: busybox:1.37\nenvironment: {{MARK: \"{mark}\"}}\n");
        std::fs::write(catalog.join("tool.yaml"), text).unwrap();
    };
    template("1");
    let yml = shop(&["web: {template: tool}"]);
    sandbox.run("shop", Command::up(yml)).await.unwrap();
    template("2");
    sandbox.run("shop", Command::up(yml)).await.unwrap();
    let mark =
        || sandbox.engine.request("devarch-shop-web").unwrap().spec.environment["MARK"].reveal().to_owned();
    assert_eq!(mark(), "1");
    let upgraded = upgrade_templates(sandbox.ctx(), &parsed("shop"), None).await.unwrap();
    assert_eq!(upgraded, [parsed("web")]);
    assert_eq!(upgrade_templates(sandbox.ctx(), &parsed("shop"), None).await.unwrap(), []);
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(mark(), "2");
}

#[tokio::test]
async fn a_template_in_the_file_is_read_again_each_time() {
    let sandbox = Sandbox::new().await;
    let yml = |mark: &str| {
        let template = format!("tool: {{image: \"busybox:1.37\", environment: {{MARK: \"{mark}\"}}}}");
        shop_of("", &[&template], &["web: {template: tool}"])
    };
    for mark in ["1", "2"] {
        sandbox.run("shop", Command::up(yml(mark))).await.unwrap();
        let request = sandbox.engine.request("devarch-shop-web").unwrap();
        assert_eq!(request.spec.environment["MARK"].reveal(), mark);
    }
}

#[tokio::test]
async fn another_stack_of_the_same_file_gets_user_set_secrets_but_generated_values_of_its_own() {
    let sandbox = Sandbox::new().await;
    let yml = shop_of("secrets: {KEY: , MADE: {generate: 32}}", &[], &[WEB]);
    let at = directory(&sandbox, "a", yml);
    import(&sandbox, &at, None).await.unwrap();
    sandbox.set_secret("shop", "KEY", "set by hand").await.unwrap();
    import(&sandbox, &at, Some("copy")).await.unwrap();
    assert_eq!(sandbox.secret("copy", "KEY").await.unwrap(), "set by hand");
    assert_ne!(sandbox.secret("copy", "MADE").await, sandbox.secret("shop", "MADE").await);
    sandbox.set_secret("copy", "KEY", "another").await.unwrap();
    assert_eq!(sandbox.secret("shop", "KEY").await.unwrap(), "set by hand");
}

#[tokio::test]
async fn the_name_of_a_copy_contains_its_directory_and_is_free() {
    let sandbox = Sandbox::new().await;
    let (a, b) = (directory(&sandbox, "a", shop(&[WEB])), directory(&sandbox, "b", shop(&[WEB])));
    let free =
        async |at: &Path| free_copy_name(sandbox.ctx(), at, &parsed("shop")).await.unwrap().to_string();
    assert_eq!(free(&b).await, "shop", "no stack has it yet");
    import(&sandbox, &a, None).await.unwrap();
    assert_eq!((free(&a).await, free(&b).await), ("shop".to_owned(), "shop-b".to_owned()));
    create_stack(sandbox.ctx(), &parsed("shop-b"), None).await.unwrap();
    assert_eq!(free(&b).await, "shop-b-2");
    import(&sandbox, &b, Some("shop-b-2")).await.unwrap();
    assert_eq!(free(&b).await, "shop-b-2", "it is the directory's own already");
}

#[tokio::test]
async fn an_import_enables_a_disabled_stack() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.enable("shop", false).await.unwrap();
    let target = devarch_app::Target { stack: parsed("shop"), instance: parsed("web") };
    set_fields(sandbox.ctx(), &target, &[("enabled".to_owned(), "false".to_owned())]).await.unwrap();
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let stack = sandbox.stack("shop").await;
    assert!(stack.enabled && stack.instances.values().all(|instance| instance.enabled));
}
