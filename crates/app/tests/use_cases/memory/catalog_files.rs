//! Files of the catalog: the project's take precedence over the home's, and both over the built-in ones.

use crate::harness::{Sandbox, hints, parsed};
use devarch_app::{Catalog, CatalogSource, Conflict, Elsewhere, ErrorKind, OperationError};
use std::path::{Path, PathBuf};

fn write(directory: &Path, name: &str, image: &str) -> PathBuf {
    std::fs::create_dir_all(directory).unwrap();
    let path = directory.join(name);
    std::fs::write(&path, format!("image: {image}\ndescription: one\n")).unwrap();
    path
}

fn image(catalog: &Catalog, name: &str) -> String {
    catalog.get(&parsed(name)).unwrap().template.service.image.unwrap()
}

#[tokio::test]
async fn project_templates_hide_the_homes_which_hide_the_built_in_ones() {
    let sandbox = Sandbox::new().await;
    let (project, home) = (sandbox.project(), sandbox.home());
    let catalog = Catalog::open(Some(&project), &home);
    let built_in = image(&catalog, "redis");
    write(&home.join("catalog"), "redis.yaml", "mine:1");
    assert_eq!(image(&catalog, "redis"), "mine:1");
    write(&project.join("catalog"), "redis.yml", "ours:1");
    assert_eq!(image(&catalog, "redis"), "ours:1");
    assert_eq!(image(&Catalog::open(None, &home), "redis"), "mine:1");
    assert_eq!(image(&Catalog::open(None, &project), "redis"), "ours:1");
    let names = catalog.names().unwrap();
    assert_eq!(names[&parsed("redis")], CatalogSource::File(project.join("catalog/redis.yml")));
    assert_eq!(names[&parsed("postgres")], CatalogSource::Embedded);
    assert!(built_in.starts_with("redis:") || built_in.contains("redis"), "{built_in}");
}

#[tokio::test]
async fn files_without_a_template_name_are_not_listed() {
    let sandbox = Sandbox::new().await;
    let directory = sandbox.home().join("catalog");
    let catalog = Catalog::open(None, &sandbox.home());
    let before = catalog.names().unwrap().len();
    for name in ["README.md", "No Name.yaml", "x.yaml.bak", ".yaml"] {
        write(&directory, name, "x:1");
    }
    assert_eq!(catalog.names().unwrap().len(), before);
    write(&directory, "tool.yml", "x:1");
    assert_eq!(catalog.names().unwrap().len(), before + 1);
    assert_eq!(catalog.list().unwrap().len(), before + 1);
}

#[tokio::test]
async fn only_a_valid_template_is_added_and_replaced_only_on_request() {
    let sandbox = Sandbox::new().await;
    let catalog = Catalog::open(None, &sandbox.home());
    let add = |path: &Path, replace| catalog.add(path, &sandbox.home(), replace);
    let wrong = sandbox.project().join("wrong.yaml");
    std::fs::write(&wrong, "imgae: x:1\n").unwrap();
    let error = add(&wrong, false).unwrap_err();
    assert!(error.to_string().contains("imgae") && error.kind() == ErrorKind::Invalid, "{error}");
    let right = write(&sandbox.project(), "tool.yaml", "x:1");
    assert_eq!(add(&right, false).unwrap(), parsed("tool"));
    assert_eq!(image(&catalog, "tool"), "x:1");
    write(&sandbox.project(), "tool.yaml", "x:2");
    let error = add(&right, false).unwrap_err();
    assert!(matches!(error, OperationError::Conflict(Conflict::Exists { .. })), "{error:?}");
    assert_eq!((hints(&error).as_str(), image(&catalog, "tool").as_str()), ("--replace replaces it", "x:1"));
    add(&right, true).unwrap();
    assert_eq!(image(&catalog, "tool"), "x:2");
    let gone = add(&sandbox.project().join("gone.yaml"), false).unwrap_err();
    assert_eq!((gone.kind(), hints(&gone).as_str()), (ErrorKind::NotFound, "check the path"));
}

#[tokio::test]
async fn a_template_needs_a_name_and_is_stored_under_it() {
    let sandbox = Sandbox::new().await;
    let catalog = Catalog::open(None, &sandbox.home());
    let named = sandbox.project().join("other file.yaml");
    std::fs::write(&named, "name: named\nimage: x:1\ndescription: one\n").unwrap();
    assert_eq!(catalog.add(&named, &sandbox.home(), false).unwrap(), parsed("named"));
    assert!(sandbox.home().join("catalog/named.yaml").exists());
    std::fs::write(&named, "image: x:1\ndescription: one\n").unwrap();
    let error = catalog.add(&named, &sandbox.home(), false).unwrap_err();
    assert!(error.to_string().contains("name"), "{error}");
    let lying = sandbox.home().join("catalog/lying.yaml");
    std::fs::write(&lying, "name: named\nimage: x:1\ndescription: one\n").unwrap();
    let error = catalog.get(&parsed("lying")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

#[tokio::test]
async fn only_templates_of_the_home_can_be_removed() {
    let sandbox = Sandbox::new().await;
    let (project, home) = (sandbox.project(), sandbox.home());
    let catalog = Catalog::open(Some(&project), &home);
    write(&home.join("catalog"), "tool.yaml", "x:1");
    write(&project.join("catalog"), "ours.yaml", "x:1");
    catalog.remove(&parsed("tool"), &home).unwrap();
    assert!(!home.join("catalog/tool.yaml").exists());
    let error = catalog.remove(&parsed("postgres"), &home).unwrap_err();
    assert!(
        matches!(error, OperationError::Conflict(Conflict::Elsewhere(Elsewhere::BuiltIn(_)))),
        "{error:?}"
    );
    let error = catalog.remove(&parsed("ours"), &home).unwrap_err();
    assert_eq!(hints(&error), "delete that file");
    let error = catalog.remove(&parsed("tool"), &home).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_instance_keeps_a_removed_template() {
    let sandbox = Sandbox::new().await;
    write(&sandbox.home().join("catalog"), "tool.yaml", "busybox:1.37");
    let yml = crate::stacks::shop(&["web: {template: tool}"]);
    sandbox.run("shop", crate::harness::Command::up(yml)).await.unwrap();
    Catalog::open(None, &sandbox.home()).remove(&parsed("tool"), &sandbox.home()).unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
    sandbox.run("shop", crate::harness::Command::up(yml)).await.unwrap();
    let more = crate::stacks::shop(&["web: {template: tool}", "api: {template: tool}"]);
    sandbox.run("shop", crate::harness::Command::up(more)).await.unwrap_err();
    assert!(sandbox.objects().await.containers.contains_key("devarch-shop-web"));
}
