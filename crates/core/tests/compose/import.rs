use crate::{
    example::every_field,
    strategy::{desired, env},
};
use devarch_core::{
    compose::{ConfigPlace, Imported, compose_file, import},
    read::{Diagnostic, Diagnostics, parse_yaml, parse_yaml_with, project_yaml, read_project},
};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn imported(text: &str, variables: &[(&str, &str)]) -> Result<Imported, Diagnostics> {
    let variables = variables.iter();
    let variables: BTreeMap<String, String> =
        variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    import(&parse_yaml_with(text, variables).unwrap(), &"fallback".parse().unwrap())
}

fn notes(imported: &[Diagnostic]) -> String {
    let shown: Vec<String> = imported.iter().map(ToString::to_string).collect();
    shown.join("\n")
}

const FILE: &str = r#"version: "3.8"
name: My_Shop
x-common: &common
  restart: always
services:
  web_app:
    <<: *common
    build: ./web
    container_name: web
    ports: ["8080:80", "3000-3005:3000-3005", {target: 443, published: "8443", mode: host}]
    environment:
      - DATABASE_URL=postgres://db/${DB_NAME:-shop}
      - FROM_SHELL
    env_file: .env
    depends_on:
      data_base: {condition: service_healthy}
    volumes:
      - ./src:/app:cached
      - /app/node_modules
      - shared_data:/shared:ro,z
      - {type: tmpfs, target: /cache, tmpfs: {size: 64m}}
    configs:
      - source: app_conf
        target: /etc/app.conf
        mode: 0440
        uid: "1000"
      - elsewhere
    networks: [front]
    deploy:
      replicas: 2
      resources:
        limits: {cpus: "0.5", memory: 512M}
  data_base:
    image: postgres:17
    user: postgres
    command: -c 'max_connections=50'
    mem_limit: 1g
    healthcheck: {test: ["CMD", "pg_isready"], interval: 5s}
    volumes:
      - shared_data:/shared
      - {type: volume, source: pg, target: /var/lib/postgresql/data, volume: {nocopy: true}}
    logging: {driver: json-file}
  debug:
    image: busybox
    profiles: [debug]
    network_mode: bridge
    labels: {devarch.stack_id: x, ok: y}
  nothing:
    command: "true"
networks: {front: {}}
volumes:
  shared_data:
  pg: {external: true}
configs:
  app_conf: {content: "level = $$LEVEL\n"}
  other: {external: true}
secrets: {token: {file: ./token}}
"#;

#[test]
fn what_has_no_place_is_noted_with_its_line() {
    let imported = imported(FILE, &[]).unwrap();
    insta::assert_snapshot!(notes(&imported.notes), @r#"
    1:10: version: `version` is obsolete in Compose files and means nothing here
    2:7: name: "My_Shop" is not a valid stack name: only a-z, 0-9 and '-' are allowed; "my-shop" would be accepted; the stack is imported as "my-shop"
    7:5: services.web_app: "web_app" can't be an instance's name, it is imported as "web-app"; change the host name where other services use it
    9:21: services.web_app.container_name: `container_name` is not supported and was left out; the container is named devarch-STACK-INSTANCE, and answers to the instance's name too
    10:24: services.web_app.ports[1]: port ranges such as "3000-3005" are not supported; write each port
    10:80: services.web_app.ports[2].mode: unknown field `mode`; known are target, protocol, host_ip, published
    13:9: services.web_app.environment[1]: "FROM_SHELL" is not of the form NAME=value
    14:15: services.web_app.env_file: `env_file` is not supported and was left out; write its variables under environment
    18:9: services.web_app.volumes[0]: mount option cached is not portable between engines and was left out
    19:9: services.web_app.volumes[1]: the volume at /app/node_modules has no name; it is imported as "app-node-modules" so that its data can be found again
    20:9: services.web_app.volumes[2]: volume "shared_data" is imported as "shared-data": volumes are named like instances
    20:9: services.web_app.volumes[2]: mount option z is not portable between engines and was left out
    27:9: services.web_app.configs[1]: config "elsewhere" is not in the file and was left out; write it under config_files
    28:15: services.web_app.networks: `networks` is not supported and was left out; all instances of a stack are in the stack's own network
    30:17: services.web_app.deploy.replicas: `deploy.replicas` is not supported and was left out; only deploy.resources is taken over
    34:5: services.data_base: "data_base" can't be an instance's name, it is imported as "data-base"; change the host name where other services use it
    35:11: services.data_base.user: "postgres" must be numeric such as "1000:1000": names differ between images
    40:9: services.data_base.volumes[0]: volume "shared_data" is shared by web_app, data_base; here each instance has a volume of its own, mount a directory (./shared_data) in both to share it
    40:9: services.data_base.volumes[0]: volume "shared_data" is imported as "shared-data": volumes are named like instances
    41:78: services.data_base.volumes[1].volume: `volume` of a mount is not supported and was left out
    42:14: services.data_base.logging: `logging` is not supported and was left out; the engine's default is used; see devarch logs
    45:15: services.debug.profiles: profiles are not supported; the instance is imported disabled, as Compose does not start it unasked either
    46:19: services.debug.network_mode: "bridge" is not supported; leave it out for the stack's network, or write host or none
    47:13: services.debug.labels: label "devarch.stack_id" is DevArch's own; of labels that begin with devarch. only devarch.role can be set
    49:5: services.nothing: it has no `image` and no `build` and was left out
    50:11: networks: `networks` was left out; a stack has one network of its own, made with it
    53:18: volumes.pg.external: volume "pg" exists outside the file; a new one is made in its place, copy its data or mount a directory
    56:10: configs.other: config "other" has neither content nor file and was left out; write it under config_files
    57:10: secrets: `secrets` was left out; set values with `devarch secret set`, or use config files with secret: true
    "#);
}

#[test]
fn services_become_templates_and_instances() {
    let imported = imported(FILE, &[("DB_NAME", "test")]).unwrap();
    let text = project_yaml(&imported.project);
    let read = read_project(&parse_yaml(&text).unwrap()).unwrap();
    assert_eq!(read, imported.project);
    insta::assert_snapshot!(text, @r#"
    version: "1"
    stacks:
      my-shop:
        instances:
          data-base:
            template: data-base
          debug:
            template: debug
            enabled: false
          web-app:
            template: web-app
    templates:
      data-base:
        image: postgres:17
        command:
        - -c
        - max_connections=50
        volumes:
        - shared-data:/shared
        - pg:/var/lib/postgresql/data
        healthcheck:
          test:
          - CMD
          - pg_isready
          interval: 5s
        resources:
          limits:
            memory: 1g
      debug:
        image: busybox
        labels:
          ok: "y"
      web-app:
        build: ./web
        restart: unless-stopped
        environment:
          DATABASE_URL: postgres://db/test
        ports:
        - 8080:80
        - 8443:443
        volumes:
        - ./src:/app
        - app-node-modules:/app/node_modules
        - shared-data:/shared:ro
        tmpfs:
        - target: /cache
          size: 64m
        depends_on:
          data-base:
            condition: service_healthy
        resources:
          limits:
            cpus: "0.5"
            memory: 512m
        config_files:
          /etc/app.conf:
            content: |
              level = $LEVEL
            mode: "0440"
            owner: 1000:1000
    "#);
}

#[test]
fn a_file_without_services_is_refused() {
    let refused = |text| notes(&imported(text, &[]).unwrap_err());
    insta::assert_snapshot!(refused("a: 1"), @"1:1: `services` is missing; is this a Compose file?");
    insta::assert_snapshot!(refused("services: {}"), @"1:11: services: there is no service to import");
    insta::assert_snapshot!(refused("services: [a]"), @"
    1:11: services: expected a mapping, found a list
    1:11: services: there is no service to import
    ");
    insta::assert_snapshot!(refused("[]"), @"1:1: expected a mapping, found a list");
    insta::assert_snapshot!(refused("services: {web: {command: x}}"), @"1:17: services.web: it has no `image` and no `build` and was left out");
}

#[test]
fn the_stack_has_the_files_name_or_the_given_one() {
    let stack = |text| {
        let imported = imported(text, &[]).unwrap();
        imported.project.stacks.into_keys().next().unwrap().to_string()
    };
    assert_eq!(stack("services: {a: {image: x}}"), "fallback");
    assert_eq!(stack("{name: shop, services: {a: {image: x}}}"), "shop");
}

#[test]
fn names_that_become_the_same_are_told_apart() {
    let file = "services: {a_b: {image: x}, a-b: {image: y}, A-B: {image: z, depends_on: [a_b]}}";
    let imported = imported(file, &[]).unwrap();
    let text = project_yaml(&imported.project);
    for part in ["a-b:\n", "a-b-2:\n", "a-b-3:\n", "- a-b-2\n"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn what_we_write_comes_back() {
    let file = compose_file(&every_field(), ConfigPlace::Inline);
    let secrets = file.secrets().iter();
    let secrets: Vec<(&str, &str)> = secrets.map(|(name, text)| (name.as_str(), text.reveal())).collect();
    let imported = imported(&file.to_yaml(), &secrets).unwrap();
    insta::assert_snapshot!(notes(&imported.notes), @r#"
    4:21: services.db.container_name: `container_name` is not supported and was left out; the container is named devarch-STACK-INSTANCE, and answers to the instance's name too
    22:7: services.db.networks: `networks` is not supported and was left out; all instances of a stack are in the stack's own network
    27:21: services.host.container_name: `container_name` is not supported and was left out; the container is named devarch-STACK-INSTANCE, and answers to the instance's name too
    38:21: services.init.container_name: `container_name` is not supported and was left out; the container is named devarch-STACK-INSTANCE, and answers to the instance's name too
    42:7: services.init.networks: `networks` is not supported and was left out; all instances of a stack are in the stack's own network
    47:21: services.web.container_name: `container_name` is not supported and was left out; the container is named devarch-STACK-INSTANCE, and answers to the instance's name too
    169:7: services.web.networks: `networks` is not supported and was left out; all instances of a stack are in the stack's own network
    174:3: networks: `networks` was left out; a stack has one network of its own, made with it
    182:11: volumes.devarch-shop-web-data.name: volume "devarch-shop-web-data" gets the name devarch-STACK-INSTANCE-VOLUME; copy its data if you need it
    "#);
    let spec = &every_field().instances[&"web".parse().unwrap()].spec;
    let web = &imported.project.templates[&"web".parse().unwrap()];
    let command = spec.command.iter().flatten().map(|word| word.reveal().to_owned());
    assert_eq!(web.service.command, Some(command.collect()));
    assert_eq!(web.service.healthcheck, spec.healthcheck);
    assert_eq!(web.service.resources.as_ref(), Some(&spec.resources));
    assert_eq!(web.service.extra_hosts.as_ref(), Some(&spec.extra_hosts));
    assert_eq!(web.service.ulimits.as_ref(), Some(&spec.ulimits));
    assert_eq!(web.service.tmpfs.as_ref(), Some(&spec.tmpfs));
    assert_eq!(web.config_files.len(), spec.config_files.len());
}

proptest! {
    #![proptest_config(env(48))]

    #[test]
    fn what_is_imported_can_be_written_and_read(desired in desired()) {
        let file = compose_file(&desired, ConfigPlace::Inline);
        let secrets = file.secrets().iter();
        let secrets: Vec<(&str, &str)> =
            secrets.map(|(name, text)| (name.as_str(), text.reveal())).collect();
        if let Ok(imported) = imported(&file.to_yaml(), &secrets) {
            let text = project_yaml(&imported.project);
            let read = read_project(&parse_yaml(&text).unwrap());
            prop_assert_eq!(read.as_ref(), Ok(&imported.project), "{}", text);
        }
    }

    #[test]
    fn no_text_breaks_the_import(text in "(services:\n  [a-z]: (\\{[a-z]{1,8}: [a-z0-9\\[\\]]{1,4}\\}|[a-z]|\\[\\])\n?)|\\PC{0,40}") {
        if let Ok(node) = parse_yaml(&text) {
            let _ = import(&node, &"s".parse().unwrap());
        }
    }
}
