use crate::{
    example::{bare, every_field, instance, name, stack},
    schema,
    strategy::{desired, env},
};
use devarch_core::{
    compose::{ComposeFile, ConfigPlace, compose_file, validate},
    desired::{Desired, DesiredLink},
    id::{InstanceId, StackId},
    name::{ContainerName, NetworkName},
    readiness::Readiness,
    spec::{FileContent, FileSpec, NetworkSpec},
    text::Text,
    wire::ProviderName,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Reads the file as Compose does: YAML, interpolated.
fn read_back(file: &ComposeFile) -> Value {
    let secrets = file.secrets().iter();
    let variables = secrets.map(|(name, value)| (name.clone(), value.reveal().to_owned()));
    let mut options = serde_saphyr::options! { strict_booleans: true, legacy_octal_numbers: true };
    options = options.with_properties(variables.collect());
    options.property_syntax = serde_saphyr::options::PropertySyntax::DockerCompose;
    let yaml = file.to_yaml().unwrap();
    match serde_saphyr::from_str_with_options(&yaml, options) {
        Ok(value) => value,
        Err(error) => panic!("{error}\n{yaml}"),
    }
}

#[test]
fn every_field_is_written() {
    let file = compose_file(&every_field(), ConfigPlace::Inline);
    assert_eq!(schema::wrong(&file), Vec::<String>::new());
    assert_eq!(validate(&file), []);
    insta::assert_snapshot!(file.to_yaml().unwrap(), @r#"
    name: devarch-shop
    services:
      db:
        container_name: devarch-shop-db
        image: postgres:17
        pull_policy: always
        hostname: db
        environment:
          PASSWORD: ${DB_PASSWORD:?}
        healthcheck:
          test:
          - CMD
          - pg_isready
          - -h
          - "127.0.0.1"
          interval: 5s
          timeout: 1s500ms
          retries: 5
          start_period: 1m
          start_interval: 500ms
        networks:
          default:
            ipv4_address: "10.213.0.2"
            aliases:
            - db
      host:
        container_name: devarch-shop-host
        image: busybox
        hostname: host
        restart: on-failure:3
        privileged: true
        pid: host
        ipc: host
        healthcheck:
          disable: true
        network_mode: host
      init:
        container_name: devarch-shop-init
        image: busybox
        hostname: init
        networks:
          default:
            ipv4_address: "10.213.0.2"
            aliases:
            - init
      web:
        container_name: devarch-shop-web
        image: ghcr.io/acme/web:1.10
        build:
          context: /home/me/$$web
          dockerfile_inline: |
            FROM busybox
            ARG TOKEN
          args:
            MODE: dev
            TOKEN: ${TOKEN:?}
          target: app
        platform: linux/amd64
        command:
        - sh
        - -c
        - echo $$HOME; exec web --on yes
        - ""
        entrypoint: []
        user: 1000:1000
        working_dir: /srv
        hostname: www
        restart: unless-stopped
        init: true
        tty: true
        stdin_open: true
        read_only: true
        stop_signal: SIGQUIT
        stop_grace_period: 1m30s
        shm_size: 64m
        environment:
          API_KEY: ${API_KEY:?}
          EMPTY: ""
          "N": "1.10"
          PASSWORD: ${WEB_PASSWORD:?}
          PRICE: 5$$
          "YES": "yes"
        labels:
          traefik.rule: Host(`$$x`)
        ports:
        - target: 80
          published: "8080"
          host_ip: "127.0.0.1"
          protocol: tcp
        - target: 53
          published: "5353"
          host_ip: "::1"
          protocol: udp
        volumes:
        - type: volume
          source: devarch-shop-web-data
          target: /data
        - type: bind
          source: /home/me/$$a:b
          target: /src
          read_only: true
        tmpfs:
        - /run:size=1048576,mode=1777
        - /tmp
        configs:
        - source: web.web.conf
          target: /etc/web/web.conf
          uid: "101"
          gid: "102"
          mode: "0644"
        - source: web.web.conf.2
          target: /opt/web.conf
          uid: "101"
          gid: "102"
          mode: "0644"
        - source: web.token
          target: /run/secrets/token
          uid: "101"
          gid: "102"
          mode: "0600"
        healthcheck:
          test:
          - CMD-SHELL
          - curl -f http://127.0.0.1:$$PORT/ || exit 1
          interval: 5s
          timeout: 1s500ms
          retries: 5
          start_period: 1m
          start_interval: 500ms
        depends_on:
          db:
            condition: service_healthy
            restart: true
          host:
            condition: service_started
            required: false
          init:
            condition: service_completed_successfully
        extra_hosts:
        - host.docker.internal:host-gateway
        - six:::1
        dns:
        - "9.9.9.9"
        cap_add:
        - NET_BIND_SERVICE
        cap_drop:
        - ALL
        devices:
        - /dev/fuse:/dev/fuse:rwm
        security_opt:
        - no-new-privileges:true
        group_add:
        - "44"
        sysctls:
          net.core.somaxconn: "1024"
        ulimits:
          nofile:
            soft: 1024
            hard: -1
        deploy:
          resources:
            limits:
              cpus: "0.5"
              memory: 512m
              pids: 100
            reservations:
              memory: 1g
        networks:
          default:
            ipv4_address: "10.213.0.2"
            aliases:
            - www
    networks:
      default:
        name: devarch-shop-net
        driver: bridge
        ipam:
          config:
          - subnet: 10.213.0.0/26
    volumes:
      devarch-shop-web-data:
        name: devarch-shop-web-data
    configs:
      web.token:
        content: ${WEB_RUN_SECRETS_TOKEN:?}
      web.web.conf:
        content: |+
          root $$document_root;

      web.web.conf.2:
        content: no newline
    "#);
}

#[test]
fn secrets_become_variables_whose_values_are_kept_apart() {
    let file = compose_file(&every_field(), ConfigPlace::Inline);
    let yaml = file.to_yaml().unwrap();
    for secret in ["hunter2", "hunter3", "t0ken", "b0ild"] {
        assert!(!yaml.contains(secret), "{yaml}");
    }
    let secrets: Vec<String> =
        file.secrets().iter().map(|(name, text)| format!("{name}={}", text.reveal())).collect();
    insta::assert_snapshot!(secrets.join("\n"), @"
    API_KEY=k
    DB_PASSWORD=hunter2
    TOKEN=b0ild
    WEB_PASSWORD=hunter3
    WEB_RUN_SECRETS_TOKEN=t0ken
    ");
    assert!(!format!("{file:?}").contains("hunter2"));
}

#[test]
fn a_link_becomes_the_providers_stack_as_an_external_network() {
    let name = name("api");
    let mut api = instance(&name, bare("busybox:1", "api"));
    api.links.push(DesiredLink {
        network: NetworkSpec {
            name: NetworkName::from_stored("devarch-shop-api.infra-db"),
            subnet: "10.213.240.0/29".parse().unwrap(),
            link: Some(InstanceId::new("db")),
        },
        provider: ProviderName::Other { stack: "infra".parse().unwrap(), instance: "db".parse().unwrap() },
        stack: StackId::new("infra"),
        instance: InstanceId::new("db"),
        container: ContainerName::from_stored("devarch-infra-db"),
        engine: None,
        readiness: Readiness::Running,
    });
    let file = compose_file(&stack([(name, api)]), ConfigPlace::Inline);
    assert_eq!(validate(&file), []);
    let read = read_back(&file);
    assert_eq!(read["networks"]["infra"], json!({"name": "devarch-infra-net", "external": true}));
    let networks: Vec<&String> = read["services"]["api"]["networks"].as_object().unwrap().keys().collect();
    assert_eq!(networks, ["default", "infra"]);
}

#[test]
fn config_files_are_written_beside_a_file_in_a_directory() {
    let file = compose_file(&every_field(), ConfigPlace::Beside);
    assert_eq!(schema::wrong(&file), Vec::<String>::new());
    let web = &read_back(&file)["services"]["web"];
    assert_eq!(web["configs"], Value::Null);
    insta::assert_snapshot!(serde_json::to_string_pretty(&web["volumes"]).unwrap(), @r#"
    [
      {
        "type": "volume",
        "source": "devarch-shop-web-data",
        "target": "/data"
      },
      {
        "type": "bind",
        "source": "/home/me/$a:b",
        "target": "/src",
        "read_only": true
      },
      {
        "type": "bind",
        "source": "./web/etc/web/web.conf",
        "target": "/etc/web/web.conf",
        "read_only": true
      },
      {
        "type": "bind",
        "source": "./web/opt/web.conf",
        "target": "/opt/web.conf",
        "read_only": true
      },
      {
        "type": "bind",
        "source": "./web/run/secrets/token",
        "target": "/run/secrets/token",
        "read_only": true
      }
    ]
    "#);
    insta::assert_debug_snapshot!(file.files(), @r#"
    [
        FileToWrite {
            path: "web/etc/web/web.conf",
            content: Text(
                "root $document_root;\n\n",
            ),
            mode: FileMode(
                420,
            ),
        },
        FileToWrite {
            path: "web/opt/web.conf",
            content: Text(
                "no newline",
            ),
            mode: FileMode(
                420,
            ),
        },
        FileToWrite {
            path: "web/run/secrets/token",
            content: Text(
                "[REDACTED]",
            ),
            mode: FileMode(
                384,
            ),
        },
    ]
    "#);
    let names: Vec<&String> = file.secrets().keys().collect();
    assert_eq!(names, ["API_KEY", "DB_PASSWORD", "TOKEN", "WEB_PASSWORD"]);
}

#[test]
fn variables_never_collide() {
    let holder = |name: &str, variable: &str| {
        let name: devarch_core::name::InstanceName = name.parse().unwrap();
        let mut spec = bare("busybox", name.as_str());
        let secret = Text::secret(format!("{name} {variable}"));
        spec.environment.insert(variable.to_owned(), secret);
        (name.clone(), instance(&name, spec))
    };
    let desired = stack([
        holder("a", "B_C"),
        holder("a-b", "C"),
        holder("c", "C"),
        holder("d", "B_C"),
        holder("e", "A_B_C"),
        holder("f", "1-x"),
    ]);
    let file = compose_file(&desired, ConfigPlace::Inline);
    assert_eq!(file.secrets().len(), 6);
    for (instance, value) in read_back(&file)["services"].as_object().unwrap() {
        let (variable, found) = value["environment"].as_object().unwrap().iter().next().unwrap();
        assert_eq!(found, &format!("{instance} {variable}"));
    }
}

#[test]
fn schema_violations_name_the_instance_and_field() {
    let mut spec = bare("busybox", "web");
    spec.cap_add = vec!["NET_ADMIN".to_owned(), "NET_ADMIN".to_owned()];
    spec.labels.insert(String::new(), "x".to_owned());
    let file = compose_file(&stack([(name("web"), instance(&name("web"), spec))]), ConfigPlace::Inline);
    assert!(!schema::wrong(&file).is_empty());
    let shown: Vec<String> = validate(&file).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    web.cap_add: "NET_ADMIN" is listed twice; Compose allows it once, remove one
    web.labels: an entry has no name; Compose needs one, name it or remove it
    "#);
}

fn check_read_back(desired: &Desired, file: &ComposeFile) {
    let read = read_back(file);
    for (name, instance) in &desired.instances {
        let (service, spec) = (&read["services"][name.as_str()], &instance.spec);
        let text = |field: &str| service[field].as_str();
        assert_eq!(text("image"), Some(spec.image.as_str()));
        assert_eq!(text("working_dir"), spec.working_dir.as_deref());
        let command: Option<Vec<&str>> =
            spec.command.as_ref().map(|words| words.iter().map(Text::reveal).collect());
        assert_eq!(service["command"], serde_json::json!(command));
        for (variable, value) in &spec.environment {
            assert_eq!(service["environment"][variable], value.reveal());
        }
        for (label, value) in &spec.labels {
            assert_eq!(service["labels"][label], value.as_str());
        }
        for (mount, found) in spec.mounts.iter().zip(service["volumes"].as_array().into_iter().flatten()) {
            assert_eq!(found["target"], mount.target.as_str());
        }
        let uses = service["configs"].as_array().into_iter().flatten();
        let found: Vec<(&str, String)> = uses
            .map(|config| {
                let content = &read["configs"][config["source"].as_str().unwrap()]["content"];
                (config["target"].as_str().unwrap(), content.as_str().unwrap().to_owned())
            })
            .collect();
        let files = spec.config_files.iter();
        let text = |file: &FileSpec| match &file.content {
            FileContent::Text(text) => text.reveal().to_owned(),
            FileContent::Kept(kept) => panic!("{kept} has no place in a Compose file"),
        };
        let wanted: Vec<(&str, String)> = files.map(|(path, file)| (path.as_str(), text(file))).collect();
        assert_eq!(found, wanted);
    }
}

proptest! {
    #![proptest_config(env(64))]

    #[test]
    fn our_validation_agrees_with_the_schema(desired in desired()) {
        for place in [ConfigPlace::Inline, ConfigPlace::Beside] {
            let file = compose_file(&desired, place);
            let (ours, theirs) = (validate(&file), schema::wrong(&file));
            prop_assert_eq!(ours.is_empty(), theirs.is_empty(), "{:?} {:?}", ours, theirs);
        }
    }

    #[test]
    fn a_written_file_reads_back_unchanged(desired in desired()) {
        check_read_back(&desired, &compose_file(&desired, ConfigPlace::Inline));
    }
}
