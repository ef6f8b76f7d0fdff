use crate::{
    example::every_field,
    strategy::{desired, env},
};
use devarch_core::{
    compose::{ConfigPlace, ImportContext, Imported, compose_file, import},
    diagnostic::{Diagnostic, Diagnostics},
    read::{parse_yaml, project_yaml, read_project},
    secret::{Part, parts},
};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn imported(text: &str, variables: &[(&str, &str)]) -> Result<Imported, Diagnostics> {
    let variables = variables.iter();
    let variables: BTreeMap<String, String> =
        variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    import_from("", text, &variables)
}

fn import_from(
    directory: &str,
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<Imported, Diagnostics> {
    let stack = "fallback".parse().unwrap();
    import(&parse_yaml(text).unwrap(), &ImportContext { stack: &stack, variables, directory })
}

/// Returns a text with its references to secrets replaced by their values.
fn opened(text: &str, imported: &Imported) -> String {
    let one = |part: &Part<'_>| match part {
        Part::Literal(text) => (*text).to_owned(),
        Part::Secret(name) => imported.secrets[name].reveal().to_owned(),
    };
    parts(text).unwrap().iter().map(one).collect()
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
fn unsupported_fields_are_noted_with_their_line() {
    let imported = imported(FILE, &[]).unwrap();
    insta::assert_snapshot!(notes(&imported.notes), @r#"
    1:10: version: `version` is obsolete in Compose files and has no effect
    2:7: name: "My_Shop" is not a valid stack name: only a-z, 0-9 and '-' are allowed; "my-shop" would be accepted; the stack is imported as "my-shop"
    7:5: services.web_app: "web_app" cannot be an instance's name, it is imported as "web-app"; change the host name where other services use it
    9:21: services.web_app.container_name: `container_name` is not supported and was left out; the container is named devarch-STACK-INSTANCE, and answers to the instance's name too
    10:24: services.web_app.ports[1]: port ranges such as "3000-3005" are not supported; write each port
    10:80: services.web_app.ports[2].mode: unknown field `mode`; known are target, protocol, host_ip, published
    13:9: unset variables, not passed on: FROM_SHELL (13:9); write their values under `environment` in devarch.yml
    14:15: services.web_app.env_file: `env_file` is not supported and was left out; write its variables under environment
    18:9: services.web_app.volumes[0]: mount option cached is not portable between engines and was left out
    19:9: services.web_app.volumes[1]: the volume at /app/node_modules has no name; it is imported as "app-node-modules" so that its data can be found again
    20:9: services.web_app.volumes[2]: volume "shared_data" is imported as "shared-data": volumes are named like instances
    20:9: services.web_app.volumes[2]: mount option z is not portable between engines and was left out
    27:9: services.web_app.configs[1]: config "elsewhere" is not in the file and was left out; write it under config_files
    28:15: services.web_app.networks: `networks` is not supported and was left out; all instances of a stack are in the stack's own network
    30:17: services.web_app.deploy.replicas: `deploy.replicas` is not supported and was left out; only deploy.resources is taken over
    34:5: services.data_base: "data_base" cannot be an instance's name, it is imported as "data-base"; change the host name where other services use it
    35:11: services.data_base.user: "postgres" must be numeric such as "1000:1000": names differ between images
    40:9: services.data_base.volumes[0]: volume "shared_data" is shared by web_app, data_base; each instance gets a volume of its own, mount a directory (./shared_data) in both to share it
    41:78: services.data_base.volumes[1].volume: `volume` of a mount is not supported and was left out
    42:14: services.data_base.logging: `logging` is not supported and was left out; the engine's default is used; see devarch logs
    45:15: services.debug.profiles: profiles are not supported; the instance is imported disabled, as Compose does not start it unasked either
    46:19: services.debug.network_mode: "bridge" is not supported; leave it out for the stack's network, or write host or none
    47:13: services.debug.labels: label "devarch.stack_id" is DevArch's own; of labels that begin with devarch. only devarch.role can be set
    49:5: services.nothing: it has no `image` and no `build` and was left out
    50:11: networks: `networks` was left out; a stack has one network of its own
    53:18: volumes.pg.external: volume "pg" exists outside the file; a new one is created in its place, copy its data or mount a directory
    56:10: configs.other: config "other" has neither content nor file and was left out; write it under config_files
    57:18: `secrets` of the file, kept encrypted in the store: token (57:18); devarch.yml refers to them
    "#);
}

#[test]
fn services_become_templates_and_instances() {
    let imported = imported(FILE, &[("DB_NAME", "test")]).unwrap();
    let text = project_yaml(&imported.project).unwrap();
    let read = read_project(&parse_yaml(&text).unwrap()).unwrap();
    assert_eq!(read, imported.project);
    insta::assert_snapshot!(text, @r#"
    version: "1"
    stacks:
      my-shop:
        secrets:
          token: null
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
fn a_file_without_services_is_rejected() {
    let refused = |text| notes(&imported(text, &[]).unwrap_err());
    insta::assert_snapshot!(refused("a: 1"), @"1:1: `services` is missing; is this a Compose file?");
    insta::assert_snapshot!(refused("services: {}"), @"1:11: services: the file has no service to import");
    insta::assert_snapshot!(refused("services: [a]"), @"
    1:11: services: expected a mapping, found a list
    1:11: services: the file has no service to import
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
fn names_that_normalize_to_the_same_remain_distinct() {
    let file = "services: {a_b: {image: x}, a-b: {image: y}, A-B: {image: z, depends_on: [a_b]}}";
    let imported = imported(file, &[]).unwrap();
    let text = project_yaml(&imported.project).unwrap();
    for part in ["a-b:\n", "a-b-2:\n", "a-b-3:\n", "- a-b-2\n"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn an_exported_stack_can_be_imported() {
    let file = compose_file(&every_field(), ConfigPlace::Inline);
    let secrets = file.secrets().iter();
    let secrets: Vec<(&str, &str)> = secrets.map(|(name, text)| (name.as_str(), text.reveal())).collect();
    let imported = imported(&file.to_yaml().unwrap(), &secrets).unwrap();
    insta::assert_snapshot!(notes(&imported.notes), @r#"
    4:21: services.db.container_name: `container_name` is not supported and was left out; the container is named devarch-STACK-INSTANCE, and answers to the instance's name too
    9:17: values that look like secrets, kept encrypted in the store: API_KEY (77:16), DB_PASSWORD (9:17), TOKEN (56:16), WEB_PASSWORD (80:17), WEB_RUN_SECRETS_TOKEN (185:14); devarch.yml refers to them
    22:7: services.db.networks: `networks` is not supported and was left out; all instances of a stack are in the stack's own network
    27:21: services.host.container_name: `container_name` is not supported and was left out; the container is named devarch-STACK-INSTANCE, and answers to the instance's name too
    38:21: services.init.container_name: `container_name` is not supported and was left out; the container is named devarch-STACK-INSTANCE, and answers to the instance's name too
    42:7: services.init.networks: `networks` is not supported and was left out; all instances of a stack are in the stack's own network
    47:21: services.web.container_name: `container_name` is not supported and was left out; the container is named devarch-STACK-INSTANCE, and answers to the instance's name too
    56:16: services.web.build.args.TOKEN: TOKEN looks like a secret, and secrets are not allowed here; write the value into devarch.yml if it is none
    169:7: services.web.networks: `networks` is not supported and was left out; all instances of a stack are in the stack's own network
    174:3: networks: `networks` was left out; a stack has one network of its own
    182:11: volumes.devarch-shop-web-data.name: volume "devarch-shop-web-data" gets the name devarch-STACK-INSTANCE-VOLUME; copy its data if you need it
    "#);
    let spec = &every_field().instances[&"web".parse().unwrap()].spec;
    let web = &imported.project.templates[&"web".parse().unwrap()];
    let command = spec.command.iter().flatten().map(|word| word.reveal().to_owned());
    let words = web.service.command.iter().flatten();
    assert!(words.map(|word| opened(word, &imported)).eq(command));
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
    fn an_imported_stack_can_be_written_and_read(desired in desired()) {
        let file = compose_file(&desired, ConfigPlace::Inline);
        let secrets = file.secrets().iter();
        let secrets: Vec<(&str, &str)> =
            secrets.map(|(name, text)| (name.as_str(), text.reveal())).collect();
        if let Ok(imported) = imported(&file.to_yaml().unwrap(), &secrets) {
            let text = project_yaml(&imported.project).unwrap();
            let read = read_project(&parse_yaml(&text).unwrap());
            prop_assert_eq!(read.as_ref(), Ok(&imported.project), "{}", text);
        }
    }

    #[test]
    fn no_text_panics_the_import(text in "(services:\n  [a-z]: (\\{[a-z]{1,8}: [a-z0-9\\[\\]]{1,4}\\}|[a-z]|\\[\\])\n?)|\\PC{0,40}") {
        if let Ok(node) = parse_yaml(&text) {
            let (stack, variables) = ("s".parse().unwrap(), BTreeMap::new());
            let _ = import(&node, &ImportContext { stack: &stack, variables: &variables, directory: "" });
        }
    }
}

/// The variables of a test's user.
const VARIABLES: &[(&str, &str)] = &[
    ("DB_PASSWORD", "hunter2-db"),
    ("API_TOKEN", "t0ken"),
    ("PG", "pg-value"),
    ("DSN", "postgres://app:hunter2-db@db/app"),
    ("AUTH", "Basic hunter2-db"),
    ("TAG", "1.37"),
    ("TOKEN_TTL", "3600000"),
    ("PASSWORD_MIN", "8"),
    ("DEBUG_TOKEN", "false"),
    ("EMPTY_TOKEN", ""),
    ("PWD", "/home/me/shop"),
    ("USER", "me"),
    ("PW", "p"),
];

#[test]
fn no_value_that_looks_secret_is_written_to_the_project() {
    let file = r#"
services:
  db:
    image: postgres:${TAG}
    command: ["postgres", "-c", "x=${DB_PASSWORD}", "$$HOME", "${USER}"]
    environment:
      POSTGRES_PASSWORD: ${PG}
      URL: postgres://${USER}:${PG}@h/x
      DSN: ${DSN}
      BOTH: postgres://u:${PG}${PW}@h/x
      HEADER: "${AUTH}"
      TTL: ${TOKEN_TTL}
      MIN: ${PASSWORD_MIN}
      DEBUG: ${DEBUG_TOKEN}
      EMPTY: "<${EMPTY_TOKEN}>"
      GIVEN: ${API_TOKEN:-none}
      OTHERWISE: ${NO_TOKEN:-literal}
      INSTEAD: ${API_TOKEN:+yes}
      LITERAL_KEY: abc-123
      REFERENCE: "$${secret:X}"
      WHERE: ${PWD}
      API_TOKEN:
  list:
    image: busybox
    environment: ["DB_PASSWORD=${DB_PASSWORD}!", "PLAIN_TOKEN=abc-456", "USER", "API_TOKEN"]
    labels: {auth: "${API_TOKEN}"}
"#;
    let imported = imported(file, VARIABLES).unwrap();
    let text = project_yaml(&imported.project).unwrap();
    insta::assert_snapshot!(text, @r#"
    version: "1"
    stacks:
      fallback:
        secrets:
          API_TOKEN: null
          AUTH: null
          DB_PASSWORD: null
          DSN: null
          PG: null
          PW: null
        instances:
          db:
            template: db
          list:
            template: list
    templates:
      db:
        image: postgres:1.37
        command:
        - postgres
        - -c
        - x=${secret:DB_PASSWORD}
        - $HOME
        - me
        environment:
          API_TOKEN: ${secret:API_TOKEN}
          BOTH: postgres://u:${secret:PG}${secret:PW}@h/x
          DEBUG: "false"
          DSN: ${secret:DSN}
          EMPTY: <>
          GIVEN: ${secret:API_TOKEN}
          HEADER: ${secret:AUTH}
          INSTEAD: "yes"
          LITERAL_KEY: abc-123
          MIN: "8"
          OTHERWISE: literal
          POSTGRES_PASSWORD: ${secret:PG}
          REFERENCE: $${secret:X}
          TTL: "3600000"
          URL: postgres://me:${secret:PG}@h/x
          WHERE: /home/me/shop
      list:
        image: busybox
        environment:
          API_TOKEN: ${secret:API_TOKEN}
          DB_PASSWORD: ${secret:DB_PASSWORD}!
          PLAIN_TOKEN: abc-456
          USER: me
        labels:
          auth: ${secret:API_TOKEN}
    "#);
    insta::assert_snapshot!(notes(&imported.notes), @"
    5:33: values that look like secrets, kept encrypted in the store: API_TOKEN (16:14, 22:7, 25:81, 26:20), AUTH (11:15), DB_PASSWORD (5:33, 25:19), DSN (9:12), PG (7:26, 8:12, 10:13), PW (10:13); devarch.yml refers to them
    19:20: values that look like secrets, copied as the Compose file has them: LITERAL_KEY (19:20), PLAIN_TOKEN (25:50); to keep them out of devarch.yml, write ${secret:NAME} in their place and set them with `devarch secret set NAME`
    26:20: services.list.labels.auth: API_TOKEN looks like a secret, and secrets are not allowed here; write the value into devarch.yml if it is none
    ");
    let secrets: Vec<String> =
        imported.secrets.iter().map(|(name, value)| format!("{name}={}", value.reveal())).collect();
    insta::assert_snapshot!(secrets.join("\n"), @"
    API_TOKEN=t0ken
    AUTH=Basic hunter2-db
    DB_PASSWORD=hunter2-db
    DSN=postgres://app:hunter2-db@db/app
    PG=pg-value
    PW=p
    ");
}

#[test]
fn unset_variables_are_reported_at_once_and_secrets_left_to_be_set() {
    let file = r#"
services:
  web:
    image: busybox:1.37${TAG}
    environment: {A: "${A}", B: "${A}${B}", C: "${ADMIN_PASSWORD}", SMTP_PASS: "${SMTP}", D: "${D-}", E: "${E:+x}"}
    command: ["echo", "$A"]
  list: {image: x, environment: [NOWHERE, SESSION_KEY]}
"#;
    let imported = imported(file, &[]).unwrap();
    insta::assert_snapshot!(notes(&imported.notes), @"
    4:12: unset variables, replaced by nothing: A (5:22, 5:33, 6:23), B (5:33), TAG (4:12); set them and import again, or write their values into devarch.yml
    5:48: secrets without a value: ADMIN_PASSWORD (5:48), SESSION_KEY (7:43), SMTP (5:80); set each with `devarch secret set NAME` before `devarch up`
    7:34: unset variables, not passed on: NOWHERE (7:34); write their values under `environment` in devarch.yml
    ");
    insta::assert_snapshot!(project_yaml(&imported.project).unwrap(), @r#"
    version: "1"
    stacks:
      fallback:
        secrets:
          ADMIN_PASSWORD: null
          SESSION_KEY: null
          SMTP: null
        instances:
          list:
            template: list
          web:
            template: web
    templates:
      list:
        image: x
        environment:
          SESSION_KEY: ${secret:SESSION_KEY}
      web:
        image: busybox:1.37
        command:
        - echo
        - ""
        environment:
          A: ""
          B: ""
          C: ${secret:ADMIN_PASSWORD}
          D: ""
          E: ""
          SMTP_PASS: ${secret:SMTP}
    "#);
    assert!(imported.secrets.is_empty());
}

#[test]
fn missing_required_variables_are_all_reported_at_once() {
    let file =
        "services: {a: {image: '${TAG:?no tag}', environment: {B: '${B?}', C: '$1', D: '$$${API_TOKEN}'}}}";
    insta::assert_snapshot!(notes(&imported(file, &[("API_TOKEN", "abc")]).unwrap_err()), @"
    1:23: services.a.image: variable TAG is not set: no tag
    1:58: services.a.environment.B: variable B is not set: it is required
    1:70: services.a.environment.C: a `$` begins the name of a variable here; write `$$` for a dollar sign
    1:79: services.a.environment.D: a `$` right before the secret API_TOKEN cannot be written in devarch.yml; put it into the value
    ");
}

#[test]
fn variables_can_yield_booleans_as_in_compose() {
    let file = "services: {a: {image: x, read_only: '${RO:-true}', init: \"${INIT}\", environment: {V: '${RO:-true}'}}}";
    let imported = imported(file, &[("INIT", "false")]).unwrap();
    let service = &imported.project.templates[&"a".parse().unwrap()].service;
    assert_eq!((service.read_only, service.init), (Some(true), Some(false)));
    assert_eq!(notes(&imported.notes), "");
}

#[test]
fn secrets_of_the_file_become_secrets_of_the_stack() {
    let file = r#"
services:
  s:
    image: busybox
    environment: {API_TOKEN: "${API_TOKEN}"}
    secrets: [db_password, {source: api, target: api_key, uid: "7", mode: 0440}, .odd, API_TOKEN, missing, {target: x}]
secrets:
  db_password: {file: ./pw.txt}
  api: {environment: DB_PASSWORD}
  .odd: {environment: NOT_SET}
  API_TOKEN: {external: true}
"#;
    let imported = imported(file, VARIABLES).unwrap();
    insta::assert_snapshot!(project_yaml(&imported.project).unwrap(), @r#"
    version: "1"
    stacks:
      fallback:
        secrets:
          API_TOKEN: null
          API_TOKEN_2: null
          _.odd: null
          api: null
          db_password: null
        instances:
          s:
            template: s
    templates:
      s:
        image: busybox
        environment:
          API_TOKEN: ${secret:API_TOKEN}
        secrets:
        - db_password
        - source: api
          target: /run/secrets/api_key
          mode: "0440"
          uid: 7
        - source: _.odd
          target: /run/secrets/.odd
        - source: API_TOKEN_2
          target: /run/secrets/API_TOKEN
    "#);
    insta::assert_snapshot!(notes(&imported.notes), @r#"
    5:30: values that look like secrets, kept encrypted in the store: API_TOKEN (5:30); devarch.yml refers to them
    6:99: services.s.secrets[4]: secret "missing" is not in the file and was left out
    6:108: services.s.secrets[5]: `source` is missing; the secret was left out
    8:16: `secrets` of the file, kept encrypted in the store: api (9:8), db_password (8:16); devarch.yml refers to them
    10:9: secrets..odd: secret ".odd" is imported as "_.odd"
    10:9: `secrets` of the file without a value: API_TOKEN_2 (11:14), _.odd (10:9); set each with `devarch secret set NAME` before `devarch up`
    11:14: secrets.API_TOKEN: secret "API_TOKEN" is imported as "API_TOKEN_2"
    "#);
    let values: Vec<String> =
        imported.secrets.iter().map(|(name, value)| format!("{name}={}", value.reveal())).collect();
    assert_eq!(values, ["API_TOKEN=t0ken", "api=hunter2-db"]);
    let files: Vec<String> =
        imported.secret_files.iter().map(|(name, from)| format!("{name}={}", from.path)).collect();
    assert_eq!(files, ["db_password=./pw.txt"]);
}

#[test]
fn normalized_volume_names_remain_distinct() {
    let file = r#"
services:
  a:
    image: x
    volumes: ["pg_data:/1", "pg-data:/2", "PG.data:/3", "pg_data:/4", /data, "data:/5", /a/b, /a-b, {type: volume, target: /a_b}]
  b:
    image: x
    volumes: ["pg_data:/1", {type: volume, source: pg-data, target: /2}]
"#;
    let imported = imported(file, &[]).unwrap();
    let volumes = |name: &str| {
        let service = &imported.project.templates[&name.parse().unwrap()].service;
        let mounts = service.volumes.iter().flatten();
        mounts.map(|mount| format!("{:?} {}", mount.source, mount.target)).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(volumes("a"), @r#"
    Volume(VolumeName("pg-data-2")) /1
    Volume(VolumeName("pg-data")) /2
    Volume(VolumeName("pg-data-3")) /3
    Volume(VolumeName("pg-data-2")) /4
    Volume(VolumeName("data")) /5
    Volume(VolumeName("a-b-2")) /a-b
    Volume(VolumeName("a-b")) /a/b
    Volume(VolumeName("a-b-3")) /a_b
    Volume(VolumeName("data-2")) /data
    "#);
    insta::assert_snapshot!(volumes("b"), @r#"
    Volume(VolumeName("pg-data-2")) /1
    Volume(VolumeName("pg-data")) /2
    "#);
}

#[test]
fn relative_paths_start_in_the_compose_files_directory() {
    let file = r#"
services:
  a:
    build: {context: ., dockerfile: Dockerfile.dev}
    volumes: ["..:/repo", "./conf:/conf", "data:/data", "/abs:/abs", "~/x:/x", {type: bind, source: ../y, target: /y}]
    configs: [{source: c, target: /c}]
  b: {build: web}
  c: {build: "https://example.org/x.git"}
configs: {c: {file: ./c.conf}}
"#;
    let imported = import_from("deploy", file, &BTreeMap::new()).unwrap();
    insta::assert_snapshot!(project_yaml(&imported.project).unwrap(), @r#"
    version: "1"
    stacks:
      fallback:
        instances:
          a:
            template: a
          b:
            template: b
    templates:
      a:
        build:
          context: ./deploy
          dockerfile: Dockerfile.dev
        volumes:
        - /abs:/abs
        - ./deploy/conf:/conf
        - data:/data
        - .:/repo
        - ~/x:/x
        - ./y:/y
        config_files:
          /c:
            file: ./deploy/c.conf
      b:
        build: ./deploy/web
    "#);
}

proptest! {
    #![proptest_config(env(64))]

    #[test]
    fn volumes_of_one_service_are_never_merged(names in prop::collection::btree_set("[aA][._-]?[bB]{0,2}(_1|-2)?", 1..8)) {
        let mounts: Vec<String> = names.iter().enumerate().map(|(at, name)| format!("\"{name}:/m{at}\"")).collect();
        let file = format!("services: {{a: {{image: x, volumes: [{}, /a/b, /a-b]}}}}", mounts.join(", "));
        let imported = imported(&file, &[]).unwrap();
        let service = &imported.project.templates[&"a".parse().unwrap()].service;
        let sources: std::collections::BTreeSet<String> =
            service.volumes.iter().flatten().map(|mount| format!("{:?}", mount.source)).collect();
        prop_assert_eq!(sources.len(), names.len() + 2);
    }

    #[test]
    fn no_secret_value_is_ever_in_the_project(
        texts in prop::collection::vec("([ab:/@$ ]|\\$\\$|\\$\\{DB_PASSWORD(:-x|:\\+y)?\\}|\\$DSN|\\$\\{PG\\}|\\$\\{N:-\\$DB_PASSWORD\\}){0,6}", 1..6)
    ) {
        let variables: Vec<String> = texts.iter().enumerate().map(|(at, text)| format!("P{at}_KEY: '{text}'")).collect();
        let file = format!("services: {{a: {{image: x, command: ['{}'], environment: {{{}}}}}}}", texts[0], variables.join(", "));
        if let Ok(imported) = imported(&file, VARIABLES) {
            let text = project_yaml(&imported.project).unwrap();
            for value in ["hunter2-db", "pg-value"] {
                prop_assert!(value == "pg-value" && texts[0].contains("PG") || !text.contains(value), "{text}");
            }
        }
    }
}
