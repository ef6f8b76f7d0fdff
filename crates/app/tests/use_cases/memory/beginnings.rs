//! The first devarch.yml of a directory.

use crate::harness::{Command, Sandbox, hints, parsed};
use devarch_app::{
    Catalog, ComposeImport, ComposeSource, Conflict, ErrorKind, OperationError, own_places,
    project_from_compose, project_of, write_project,
};
use devarch_core::name::StackName;
use std::{ffi::OsString, path::Path};

fn stack() -> StackName {
    parsed("shop")
}

fn import(
    sandbox: &Sandbox,
    compose: &str,
    environment: &[(&str, &str)],
) -> Result<ComposeImport, OperationError> {
    let file = sandbox.project().join("compose.yaml");
    std::fs::write(&file, compose).unwrap();
    import_file(sandbox, &file, environment)
}

fn import_file(
    sandbox: &Sandbox,
    file: &Path,
    environment: &[(&str, &str)],
) -> Result<ComposeImport, OperationError> {
    let (directory, name, host) = (sandbox.project(), stack(), own_places(sandbox.ctx().settings()));
    let source = ComposeSource { file, directory: &directory, stack: &name, host: &host, home: None };
    let variable = |(name, value): &(&str, &str)| (OsString::from(name), OsString::from(value));
    project_from_compose(&source, environment.iter().map(variable))
}

/// Returns the devarch.yml that an import would write.
fn text(sandbox: &Sandbox, import: &ComposeImport) -> String {
    let path = write_project(&sandbox.project(), &import.project, true).unwrap();
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn a_project_of_catalog_templates_comes_up_as_written() {
    let sandbox = Sandbox::new().await;
    let catalog = Catalog::open(None, &sandbox.home());
    let instances = [("web", "busybox"), ("job", "busybox")].map(|(name, of)| (parsed(name), parsed(of)));
    let project = project_of(&catalog, stack(), &instances).unwrap();
    let path = write_project(&sandbox.project(), &project, false).unwrap();
    let yml: &'static str = std::fs::read_to_string(&path).unwrap().leak();
    sandbox.run("shop", Command::up(yml)).await.unwrap();
    assert_eq!(sandbox.objects().await.containers.len(), 2);
}

#[tokio::test]
async fn an_instance_needs_a_template_that_exists_and_a_name_of_its_own() {
    let sandbox = Sandbox::new().await;
    let catalog = Catalog::open(None, &sandbox.home());
    let error = project_of(&catalog, stack(), &[(parsed("web"), parsed("busibox"))]).unwrap_err();
    assert_eq!(hints(&error), "did you mean 'busybox'?");
    let twice = [(parsed("web"), parsed("busybox")), (parsed("web"), parsed("redis"))];
    let error = project_of(&catalog, stack(), &twice).unwrap_err();
    assert!(hints(&error).contains("NAME=TEMPLATE"), "{error:?}");
}

#[tokio::test]
async fn an_existing_devarch_yml_is_overwritten_only_by_force() {
    let sandbox = Sandbox::new().await;
    let project =
        project_of(&Catalog::open(None, &sandbox.home()), stack(), &[(parsed("web"), parsed("busybox"))])
            .unwrap();
    let path = sandbox.project().join("devarch.yml");
    std::fs::write(&path, "mine").unwrap();
    let error = write_project(&sandbox.project(), &project, false).unwrap_err();
    assert!(matches!(error, OperationError::Conflict(Conflict::Exists { .. })), "{error:?}");
    assert_eq!(
        (std::fs::read_to_string(&path).unwrap().as_str(), hints(&error).as_str()),
        ("mine", "--force overwrites it")
    );
    write_project(&sandbox.project(), &project, true).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains("busybox"));
}

#[tokio::test]
async fn services_of_a_compose_file_become_running_instances() {
    let sandbox = Sandbox::new().await;
    let compose = "services:\n  web:\n    image: busybox:1.37\n    command: sleep 1000\n    ports: [\"8080:80\"]\n    depends_on: [db]\n  db:\n    image: busybox:1.37\n    command: sleep 1000\n    volumes: [\"data:/data\"]\nvolumes: {data: }\n";
    let imported = import(&sandbox, compose, &[]).unwrap();
    let yml: &'static str = text(&sandbox, &imported).leak();
    sandbox.run("shop", Command::up(yml)).await.unwrap();
    let objects = sandbox.objects().await;
    assert_eq!(objects.containers.len(), 2);
    assert!(objects.volumes.contains_key("devarch-shop-db-data"), "{:?}", objects.volumes);
    assert_eq!(sandbox.status("shop").await.instances[1].ports[0].host.port(), 8080);
}

#[tokio::test]
async fn environment_variables_take_precedence_over_the_env_file() {
    let sandbox = Sandbox::new().await;
    std::fs::write(sandbox.project().join(".env"), "TAG=1.36\nNAME=\"from file\"\n").unwrap();
    let compose = "services:\n  web:\n    image: busybox:${TAG}\n    environment: {NAME: \"${NAME}\", HOME: \"${ELSE:-none}\"}\n";
    let imported = import(&sandbox, compose, &[("TAG", "1.37")]).unwrap();
    let yml = text(&sandbox, &imported);
    for part in ["busybox:1.37", "from file", "none"] {
        assert!(yml.contains(part), "{part} is not in\n{yml}");
    }
}

#[tokio::test]
async fn unsupported_fields_are_noted_with_their_line() {
    let sandbox = Sandbox::new().await;
    let compose = "services:\n  web:\n    image: busybox:1.37\n    container_name: mine\n    networks: [front]\nnetworks: {front: }\n";
    let imported = import(&sandbox, compose, &[]).unwrap();
    assert!(!imported.notes.is_empty());
    for note in &imported.notes {
        assert!(note.place.is_some() && !note.message.is_empty(), "{note:?}");
    }
    let names = imported.notes.iter().any(|note| note.field.to_string().contains("container_name"));
    assert!(names, "{:?}", imported.notes);
}

#[tokio::test]
async fn contents_of_secret_files_are_stored_and_not_written_to_the_file() {
    let sandbox = Sandbox::new().await;
    std::fs::write(sandbox.project().join("token.txt"), "hush-hush").unwrap();
    let compose = "services:\n  web:\n    image: busybox:1.37\n    secrets: [token, gone]\nsecrets:\n  token: {file: ./token.txt}\n  gone: {file: ./gone.txt}\n";
    let imported = import(&sandbox, compose, &[]).unwrap();
    let values: Vec<_> =
        imported.secrets.iter().map(|(name, value)| (name.to_string(), value.reveal().to_owned())).collect();
    assert_eq!(values.len(), 1);
    assert_eq!(values[0].1, "hush-hush");
    assert!(!text(&sandbox, &imported).contains("hush-hush"));
    let reported: String = imported.notes.iter().map(|note| note.message.clone() + "\n").collect();
    assert!(
        reported.contains("gone.txt cannot be read") && reported.contains("devarch secret set"),
        "{reported}"
    );
}

#[tokio::test]
async fn secret_files_in_forbidden_places_are_not_read() {
    let sandbox = Sandbox::new().await;
    let compose = "services:\n  web:\n    image: busybox:1.37\n    secrets: [key]\nsecrets:\n  key: {file: /etc/passwd}\n";
    let imported = import(&sandbox, compose, &[]).unwrap();
    assert!(imported.secrets.is_empty());
    assert!(
        imported.notes.iter().any(|note| note.message.contains("is not read for a Compose file")),
        "{:?}",
        imported.notes
    );
}

#[tokio::test]
async fn a_file_that_is_not_a_compose_file_is_refused() {
    let sandbox = Sandbox::new().await;
    for (text, part) in [("services: [", ""), ("services:\n  web: {imag: x}\n", ""), ("{}", "")] {
        let error = import(&sandbox, text, &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text}: {error}");
        assert!(error.to_string().contains(part));
    }
    let error = import_file(&sandbox, &sandbox.project().join("gone.yaml"), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    std::fs::write(sandbox.project().join(".env"), "A='open").unwrap();
    let error = import(&sandbox, "services:\n  web: {image: busybox}\n", &[]).unwrap_err().to_string();
    assert!(error.contains(".env:1:") && !error.contains("open"), "{error}");
}
