//! Consumers' own logins on a provider: created before they start, kept with the data, removed on request.

use crate::{
    harness::{Command, Sandbox, hints, parsed},
    stacks::shop_of,
};
use devarch_app::{
    ApplyError, Droppable, ErrorKind, Failure, LoginError, OperationError, Unremovable, compose_stack,
    drop_logins, droppable_logins, logins_elsewhere, own_logins, remove_wire,
};
use devarch_core::{compose::ConfigPlace, name::StackName};
use devarch_testkit::memory::{Call, Effect, Fault};

/// Returns a provider whose logins are created and removed by these commands.
fn server(command: &str, remove: &str) -> String {
    let remove = if remove.is_empty() { String::new() } else { format!(", remove: [sh, -c, \"{remove}\"]") };
    format!(
        r#"server: {{image: "busybox:1.37", ports: [5432], environment: {{ROOT: {{generate: 20}}}}, volumes: ["data:/data"], exports: [{{name: db, type: postgres, port: 5432, properties: {{user: root, database: all, password: "${{env:ROOT}}"}}, provision: {{command: [sh, -c, "{command}"]{remove}}}}}]}}"#
    )
}

const CLIENT: &str = r#"client: {image: "busybox:1.37", imports: [{name: db, type: postgres, own: true}]}"#;

fn yml_of(server: &str, instances: &[&str]) -> &'static str {
    let all: Vec<&str> = ["db: {template: server}"].iter().chain(instances).copied().collect();
    shop_of("", &[server, CLIENT], &all)
}

fn yml(command: &str, remove: &str) -> &'static str {
    yml_of(&server(command, remove), &["api: {template: client}"])
}

async fn up(command: &str, remove: &str) -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(yml(command, remove))).await.unwrap();
    sandbox
}

fn shop() -> StackName {
    parsed("shop")
}

async fn droppable(sandbox: &Sandbox) -> Result<Droppable, OperationError> {
    droppable_logins(sandbox.ctx(), &shop(), &parsed("api")).await
}

async fn unremovable(sandbox: &Sandbox) -> Unremovable {
    let error = droppable(sandbox).await.err().unwrap();
    let OperationError::Apply(ApplyError::Login(error)) = error else { panic!("{error:?}") };
    let LoginError::Unremovable { why, .. } = *error else { panic!("{error:?}") };
    why
}

fn variable(sandbox: &Sandbox, name: &str) -> String {
    sandbox.engine.request("devarch-shop-api").unwrap().spec.environment[name].reveal().to_owned()
}

#[tokio::test]
async fn a_consumer_gets_a_login_of_its_own_before_it_starts() {
    let sandbox = up("exit 0", "exit 0").await;
    let logins = own_logins(sandbox.ctx(), &shop(), &parsed("api")).await.unwrap();
    assert_eq!((logins.len(), logins[0].import.as_str()), (1, "db"));
    assert_eq!(
        (variable(&sandbox, "DB_USER"), variable(&sandbox, "DB_DATABASE")),
        (logins[0].name.clone(), logins[0].name.clone())
    );
    assert_eq!(variable(&sandbox, "DB_PASSWORD").len(), 32);
    let root =
        sandbox.engine.request("devarch-shop-db").unwrap().spec.environment["ROOT"].reveal().to_owned();
    assert_ne!(variable(&sandbox, "DB_PASSWORD"), root);
    assert!(own_logins(sandbox.ctx(), &shop(), &parsed("db")).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_login_survives_changes_and_a_rename_of_its_consumer() {
    let sandbox = up("exit 0", "exit 0").await;
    let (user, password) = (variable(&sandbox, "DB_USER"), variable(&sandbox, "DB_PASSWORD"));
    sandbox.run("shop", Command::Set("api", "environment.MARK", "1")).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(
        (variable(&sandbox, "DB_USER"), variable(&sandbox, "DB_PASSWORD")),
        (user.clone(), password.clone())
    );
    sandbox.rename_instance("shop", "api", "front").await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    let environment = sandbox.engine.request("devarch-shop-front").unwrap().spec.environment;
    assert_eq!(
        (environment["DB_USER"].reveal(), environment["DB_PASSWORD"].reveal()),
        (user.as_str(), password.as_str())
    );
}

#[tokio::test]
async fn a_login_that_cannot_be_created_fails_the_apply_with_the_providers_output() {
    let sandbox = Sandbox::new().await;
    let error =
        sandbox.run("shop", Command::up(yml("echo no space for roles; exit 4", "exit 0"))).await.unwrap_err();
    let OperationError::Apply(ApplyError::Failed(failure)) = &error else { panic!("{error:?}") };
    let Failure::NoLogin { code, output, .. } = &failure.failure else { panic!("{failure:?}") };
    assert_eq!((*code, output.as_slice()), (4, ["no space for roles".to_owned()].as_slice()));
    assert!(sandbox.objects().await.containers.is_empty(), "all is rolled back");
}

#[tokio::test]
async fn the_output_of_a_provider_never_shows_a_secret() {
    let sandbox = Sandbox::new().await;
    let error = sandbox.run("shop", Command::up(yml("exit 0", "exit 0"))).await;
    error.unwrap();
    let password = variable(&sandbox, "DB_PASSWORD");
    let telling: &'static str = yml(&format!("echo password {password} is weak; exit 4"), "exit 0");
    sandbox.run("shop", Command::Down).await.unwrap();
    let error = sandbox.run("shop", Command::up(telling)).await.unwrap_err().to_string();
    assert!(error.contains("is weak") && !error.contains(&password), "{error}");
}

#[tokio::test]
async fn logins_are_dropped_with_their_instance() {
    let sandbox = up("exit 0", "exit 0").await;
    let name = variable(&sandbox, "DB_USER");
    let logins = droppable(&sandbox).await.unwrap();
    assert_eq!(
        logins.names().map(|(name, at)| (name.to_owned(), at.to_string())).collect::<Vec<_>>(),
        [(name, "db.db".to_owned())]
    );
    drop_logins(sandbox.ctx(), &shop(), &logins).await.unwrap();
    sandbox.run("shop", Command::RemoveInstance("api")).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert!(!sandbox.objects().await.containers.contains_key("devarch-shop-api"));
}

#[tokio::test]
async fn a_failed_removal_of_a_login_is_reported_and_the_instance_is_kept() {
    let sandbox = up("exit 0", "echo it owns tables; exit 2").await;
    let logins = droppable(&sandbox).await.unwrap();
    let error = drop_logins(sandbox.ctx(), &shop(), &logins).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    let reported = error.to_string();
    assert!(
        reported.contains("exit code 2")
            && reported.contains("it owns tables")
            && reported.contains("the instance was kept"),
        "{reported}"
    );
    assert!(hints(&error).contains("--drop-logins"));
    assert!(
        sandbox
            .stack("shop")
            .await
            .instances
            .contains_key(&parsed::<devarch_core::name::InstanceName>("api"))
    );
}

#[tokio::test]
async fn dropping_a_login_is_refused_while_its_provider_is_not_running() {
    let sandbox = up("exit 0", "exit 0").await;
    sandbox.engine.end("devarch-shop-db", 1);
    let why = unremovable(&sandbox).await;
    assert!(matches!(&why, Unremovable::NotRunning { instance, .. } if instance.as_str() == "db"), "{why:?}");
    assert!(why.to_string().contains("`devarch start shop/db`"), "{why}");
}

#[tokio::test]
async fn dropping_a_login_is_refused_without_a_command_of_its_provider() {
    let sandbox = up("exit 0", "").await;
    let why = unremovable(&sandbox).await;
    assert!(matches!(&why, Unremovable::NoCommand { .. }), "{why:?}");
    assert!(why.to_string().contains("`devarch catalog upgrade shop`"), "{why}");
}

#[tokio::test]
async fn a_never_applied_instance_has_no_login_to_drop() {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", yml("exit 0", "exit 0")).await;
    assert_eq!(droppable(&sandbox).await.unwrap().names().count(), 0);
    assert!(own_logins(sandbox.ctx(), &shop(), &parsed("api")).await.unwrap().is_empty());
    assert!(own_logins(sandbox.ctx(), &shop(), &parsed("apo")).await.is_err());
}

#[tokio::test]
async fn two_consumers_have_logins_of_different_names() {
    let sandbox = Sandbox::new().await;
    let server = server("exit 0", "exit 0");
    sandbox
        .run("shop", Command::up(yml_of(&server, &["api: {template: client}", "job: {template: client}"])))
        .await
        .unwrap();
    let name = async |instance: &str| {
        own_logins(sandbox.ctx(), &shop(), &parsed(instance)).await.unwrap()[0].name.clone()
    };
    assert_ne!(name("api").await, name("job").await);
    assert_eq!(droppable(&sandbox).await.unwrap().names().count(), 1);
}

#[tokio::test]
async fn a_login_on_another_stacks_server_is_named_when_the_stack_is_deleted() {
    let sandbox = Sandbox::new().await;
    let server = server("exit 0", "exit 0");
    let both: &'static str = format!(
        "version: \"1\"\ntemplates:\n  {server}\n  {CLIENT}\nstacks:\n  infra: {{instances: {{db: {{template: server}}}}}}\n  shop:\n    wires: [{{from: api.db, to: infra/db}}]\n    instances: {{api: {{template: client}}}}\n"
    )
    .leak();
    sandbox.run("infra", Command::up(both)).await.unwrap();
    sandbox.run("shop", Command::up(both)).await.unwrap();
    let elsewhere = logins_elsewhere(sandbox.ctx(), &sandbox.stack("shop").await).await.unwrap();
    assert_eq!(elsewhere.len(), 1);
    assert!(logins_elsewhere(sandbox.ctx(), &sandbox.stack("infra").await).await.unwrap().is_empty());
    let logins = droppable(&sandbox).await.unwrap();
    assert_eq!(logins.names().next().unwrap().1.to_string(), "infra/db.db");
    drop_logins(sandbox.ctx(), &shop(), &logins).await.unwrap();
    remove_wire(sandbox.ctx(), &shop(), &parsed("api.db")).await.unwrap();
    let why = unremovable(&sandbox).await;
    assert!(matches!(&why, Unremovable::Unwired(_) | Unremovable::NoCommand { .. }), "{why:?}");
}

#[tokio::test]
async fn a_compose_file_names_the_logins_it_cannot_create() {
    let sandbox = up("exit 0", "exit 0").await;
    let composed = compose_stack(sandbox.ctx(), &shop(), ConfigPlace::Inline).await.unwrap();
    assert!(
        composed.left_out.iter().any(|reported| reported.contains("api logs in to db as")),
        "{:?}",
        composed.left_out
    );
}

#[tokio::test]
async fn an_interrupted_creation_of_a_login_succeeds_with_the_next_up() {
    let sandbox = Sandbox::new().await;
    sandbox.engine.inject(Fault {
        call: Call::Exec,
        on: "db".to_owned(),
        times: 1,
        effect: Effect::CutBefore,
    });
    sandbox.run("shop", Command::up(yml("exit 0", "exit 0"))).await.unwrap_err();
    sandbox.run("shop", Command::up(yml("exit 0", "exit 0"))).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
}
