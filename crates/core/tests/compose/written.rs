//! Written devarch.yml files, which read back as the same project.

use crate::strategy as any_of;
use devarch_core::{
    content::ContentRef,
    name::{InstanceName, StackName, TemplateName, VolumeName},
    policy::Allowance,
    port::PortKey,
    read::{Node, ProjectFile, parse_yaml, project_yaml, read_overrides, read_project},
    secret::{Charset, Generate},
    stack::{InstanceFile, SecretFile, StackFile},
    template::{
        Build, ConfigContent, ConfigFile, ContractType, Dockerfile, EnvValue, Export, Given, HostPortChoice,
        Import, MountSource, Overrides, PortSpec, Provision, PullPolicy, Service, Template, VolumeMount,
    },
    unit::Owner,
    wire::{ExternalDecl, Prefer, Property, WireDecl, WireFrom, WireTo, Wiring},
};
use proptest::{collection, option, prelude::*, sample};
use std::collections::BTreeMap;

fn read(text: &str) -> ProjectFile {
    let node = parse_yaml(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    read_project(&node).unwrap_or_else(|wrong| panic!("{wrong:?}\n{text}"))
}

/// An edit of one field copies the others; a user cannot write a reference that only the store knows.
#[test]
fn a_stored_content_is_accepted_in_an_edit_but_not_in_a_file() {
    let content = ConfigContent::Kept(ContentRef::from_text("large"));
    let file = ConfigFile { content, mode: None, owner: Some(Owner { uid: 1, gid: 2 }) };
    let overrides =
        Overrides { config_files: [("/etc/large".to_owned(), Some(file))].into(), ..Overrides::default() };
    let json = serde_json::to_value(&overrides).unwrap();
    assert_eq!(read_overrides(&Node::from_json(&json)).unwrap(), overrides);

    let text = "version: \"1\"\nstacks: {s: {instances: {i: {template: t, config_files: {/x: {kept: {bytes: 1}}}}}}}\n";
    let wrong = read_project(&parse_yaml(text).unwrap()).unwrap_err();
    insta::assert_snapshot!(wrong, @"
    2:62: stacks.s.instances.i.config_files./x: either `content` or `file` is needed, and not both
      2:63: stacks.s.instances.i.config_files./x.kept: unknown field `kept`; known are content, file, mode, owner, secret
    ");
}

#[test]
fn a_project_is_written_in_its_shortest_forms() {
    let text = r#"
version: "1"
stacks:
  shop:
    allow: [host-network]
    secrets: {KEY: null, SALT: {generate: 20}}
    instances:
      db:
        template: postgres
        enabled: false
        ports: ["5432", "127.0.0.1::53/udp", "[::1]:8080:80"]
        environment_add: {A: null, B: {generate: {length: 24, charset: hex}}, C: "${secret:KEY}"}
        secrets: [KEY, {source: KEY, target: /etc/key, uid: 5, mode: "0440"}]
        ports_add: {80: 8080, 81: null, 82/udp: "127.0.0.1:"}
        volumes_add: {/a: ./src, /b: null, /c: {source: data, read_only: true}}
        config_files: {/etc/a: null, /etc/b: {file: ./b.conf, mode: "0600", owner: "1:2"}}
        exports: []
        restart: always
      web: {template: postgres, build: ./web, pull_policy: if_not_present}
      api: {template: postgres, build: {dockerfile_inline: "FROM a", args: [A=1], target: dev}}
templates:
  postgres:
    description: "The database: relational"
    image: postgres:17
    command: postgres -c 'max_connections=50'
    volumes: ["data:/var/lib/data:ro", {type: bind, source: "./a:b", target: /x}]
    tmpfs: ["/run", "/tmp:size=64m,mode=1777"]
    healthcheck: {test: pg_isready, interval: 5s}
    depends_on: {a: {condition: service_healthy, restart: true}, b: null}
    ulimits: {nofile: 1024, nproc: {soft: 1, hard: 2}}
    resources: {limits: {cpus: 0.5, memory: 512M}}
    config_files: {/etc/pg.conf: "a = 1\nb = $2\n"}
    exports: [{name: db, type: postgres, port: 5432, properties: {user: "${env:USER}"}}]
    imports: [{name: cache, type: redis, required: false, environment: {URL: "{url}"}}]
"#;
    let written = project_yaml(&read(text)).unwrap();
    assert_eq!(read(&written), read(text));
    assert_eq!(project_yaml(&read(&written)).unwrap(), written);
    insta::assert_snapshot!(written, @r#"
    version: "1"
    stacks:
      shop:
        allow:
        - host-network
        secrets:
          KEY: null
          SALT:
            generate:
              length: 20
        instances:
          api:
            template: postgres
            build:
              context: '.'
              dockerfile_inline: FROM a
              args:
                A: "1"
              target: dev
          db:
            template: postgres
            enabled: false
            restart: unless-stopped
            ports:
            - 127.0.0.1::53/udp
            - "[::1]:8080:80"
            - "5432"
            secrets:
            - KEY
            - source: KEY
              target: /etc/key
              mode: "0440"
              uid: 5
            environment_add:
              A: null
              B:
                generate:
                  length: 24
                  charset: hex
              C: ${secret:KEY}
            ports_add:
              80/tcp: "8080"
              81/tcp: null
              82/udp: 127.0.0.1:auto
            volumes_add:
              /a: ./src
              /b: null
              /c:
                type: volume
                source: data
                read_only: true
            config_files:
              /etc/a: null
              /etc/b:
                file: ./b.conf
                mode: "0600"
                owner: "1:2"
            exports: []
          web:
            template: postgres
            build: ./web
            pull_policy: missing
    templates:
      postgres:
        description: "The database: relational"
        image: postgres:17
        command:
        - postgres
        - -c
        - max_connections=50
        volumes:
        - data:/var/lib/data:ro
        - type: bind
          source: ./a:b
          target: /x
        tmpfs:
        - /run
        - target: /tmp
          size: 64m
          mode: "1777"
        healthcheck:
          test: pg_isready
          interval: 5s
        depends_on:
          a:
            condition: service_healthy
            restart: true
          b:
            condition: ready
        ulimits:
          nofile: 1024
          nproc:
            soft: 1
            hard: 2
        resources:
          limits:
            cpus: "0.5"
            memory: 512m
        config_files:
          /etc/pg.conf: |
            a = 1
            b = $2
        exports:
        - name: db
          type: postgres
          port: 5432
          properties:
            user: ${env:USER}
        imports:
        - name: cache
          type: redis
          required: false
          environment:
            URL: "{url}"
    "#);
}

fn port_spec() -> impl Strategy<Value = PortSpec> {
    let published = prop_oneof![Just(HostPortChoice::Auto), (1..u16::MAX).prop_map(HostPortChoice::Fixed),];
    let host_ip = option::of(any_of::address());
    (any_of::key(), host_ip, published).prop_map(|(key, host_ip, published)| PortSpec {
        key,
        host_ip,
        published,
    })
}

fn mount() -> impl Strategy<Value = VolumeMount> {
    let name = "[a-z]{1,5}".prop_map(|name| name.parse::<VolumeName>().unwrap());
    let source = prop_oneof![
        name.prop_map(MountSource::Volume),
        "(\\./|~/|/|)[a-z:$ ]{0,4}[a-z]".prop_map(MountSource::Bind),
    ];
    (any_of::path(), source, any::<bool>()).prop_map(|(target, source, read_only)| VolumeMount {
        source,
        target,
        read_only,
    })
}

fn by_key<K: Ord, V>(values: Vec<V>, key: impl Fn(&V) -> K) -> BTreeMap<K, V> {
    values.into_iter().map(|value| (key(&value), value)).collect()
}

fn env_value() -> impl Strategy<Value = EnvValue> {
    let generate = (Generate::SHORTEST..40, sample::select(&Charset::ALL[..]));
    prop_oneof![
        any_of::text().prop_map(EnvValue::plain),
        generate.prop_map(|(length, charset)| EnvValue::Generate(Generate { length, charset })),
    ]
}

fn variable() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Z_]{1,6}",
        sample::select(&["yes", "null", "~", "1", "0x1", "a$b", "-"][..]).prop_map(str::to_owned)
    ]
}

fn config_file() -> impl Strategy<Value = ConfigFile> {
    let content = prop_oneof![
        any_of::text().prop_map(ConfigContent::Content),
        (any_of::printable(), any::<bool>()).prop_map(|(path, secret)| ConfigContent::File { path, secret }),
    ];
    let owner = option::of((0..9_u32, 0..9_u32).prop_map(|(uid, gid)| Owner { uid, gid }));
    (content, option::of(any_of::mode()), owner).prop_map(|(content, mode, owner)| ConfigFile {
        content,
        mode,
        owner,
    })
}

fn contract() -> impl Strategy<Value = ContractType> {
    sample::select(&ContractType::ALL[..])
}

fn exports() -> impl Strategy<Value = Vec<Export>> {
    let property = any_of::text().prop_map(Given::Plain);
    let export =
        (any_of::printable(), contract(), 1..u16::MAX, any_of::map_of(property), option::of(any_of::word()));
    let export = export.prop_map(|(name, contract, port, properties, provision)| Export {
        name,
        contract,
        port,
        properties,
        provision: provision.map(|word| Provision { command: vec![word.clone()], remove: Some(vec![word]) }),
    });
    collection::vec(export, 0..3)
        .prop_map(|exports| by_key(exports, |export| export.name.clone()).into_values().collect())
}

fn imports() -> impl Strategy<Value = Vec<Import>> {
    let import = (any_of::printable(), contract(), any::<[bool; 2]>(), any_of::map_of(any_of::text()));
    let import = import.prop_map(|(name, contract, [required, own], environment)| Import {
        name,
        contract,
        required,
        own,
        environment,
    });
    collection::vec(import, 0..3)
        .prop_map(|imports| by_key(imports, |import| import.name.clone()).into_values().collect())
}

fn build() -> impl Strategy<Value = Build> {
    let dockerfile = prop_oneof![
        any_of::word().prop_map(Dockerfile::Inline),
        "[a-z]{1,5}/Dockerfile".prop_map(Dockerfile::Path)
    ];
    let args = collection::btree_map(variable(), any_of::text().prop_map(Given::Plain), 0..3);
    ("[./a-z]{1,8}", option::of(dockerfile), args, option::of("[a-z]{1,5}"))
        .prop_map(|(context, dockerfile, args, target)| Build { context, dockerfile, args, target })
}

fn scalars() -> BoxedStrategy<Service> {
    let words = (
        option::of("linux(/[a-z0-9]{1,5}){0,2}"),
        option::of(any_of::printable()),
        option::of("[a-z0-9]{1,5}([.][a-z0-9]{1,5})?"),
        option::of("SIG[A-Z]{3,4}"),
    );
    let policy =
        sample::select(vec![PullPolicy::Missing, PullPolicy::Always, PullPolicy::Never, PullPolicy::Build]);
    let image = (option::of(any_of::image()), option::of(build()), option::of(policy));
    let flags = proptest::array::uniform6(option::of(any::<bool>()));
    let argv = option::of(collection::vec(any_of::text(), 0..3));
    let modes = (
        option::of(Just("none".to_owned())),
        option::of(Just("shareable".to_owned())),
        option::of("[0-9]{1,5}(:[0-9]{1,5})?"),
    );
    let numbers = (option::of(any_of::millis()), option::of(any_of::bytes()));
    (image, words, flags, argv, modes, numbers, option::of(any_of::restart()))
        .prop_map(|((image, build, pull_policy), words, flags, argv, modes, numbers, restart)| {
            let (platform, working_dir, hostname, stop_signal) = words;
            let [init, tty, stdin_open, read_only, privileged, job] = flags;
            Service {
                image,
                build,
                pull_policy,
                platform,
                working_dir,
                hostname,
                stop_signal,
                init,
                tty,
                stdin_open,
                read_only,
                privileged,
                job,
                entrypoint: argv.clone(),
                command: argv,
                network_mode: modes.0,
                ipc: modes.1,
                user: modes.2,
                stop_grace_period: numbers.0,
                shm_size: numbers.1,
                restart,
                ..Service::default()
            }
        })
        .boxed()
}

fn service() -> BoxedStrategy<Service> {
    let list = |of: BoxedStrategy<String>| option::of(collection::vec(of, 0..3));
    let address = || any_of::address().prop_map(|address| address.to_string());
    let lists = (
        list(address().boxed()),
        proptest::array::uniform3(list("[A-Z]{1,5}(_[A-Z]{1,5})?".boxed())),
        list("/dev/[a-z]{1,5}(:/dev/[a-z]{1,5})?(:[rwm]{1,3})?".boxed()),
        list(any_of::printable().boxed()),
    );
    let maps = (
        option::of(any_of::map_of(any_of::text())),
        option::of(collection::btree_map("[a-z]{1,5}([.][a-z]{1,5})?", address(), 0..3)),
        option::of(collection::btree_map(variable(), env_value(), 0..3)),
    );
    let ports = option::of(collection::vec(port_spec(), 0..3));
    let volumes = option::of(collection::vec(mount(), 0..3));
    let tmpfs = option::of(collection::vec(any_of::tmpfs(), 0..3));
    let rest = (
        option::of(any_of::healthcheck()),
        option::of(collection::btree_map(any_of::instance_name(), any_of::dependency(), 0..3)),
        option::of(any_of::ulimits()),
        option::of(any_of::resources()),
    );
    (scalars(), lists, maps, ports, volumes, tmpfs, rest)
        .prop_map(|(scalars, lists, maps, ports, volumes, tmpfs, rest)| {
            let (dns, [cap_add, cap_drop, group_add], devices, security_opt) = lists;
            let sorted = |mut mounts: Vec<_>| {
                mounts.sort();
                mounts
            };
            Service {
                dns,
                cap_add,
                cap_drop,
                devices,
                security_opt,
                group_add,
                labels: maps.0,
                extra_hosts: maps.1,
                environment: maps.2,
                ports: ports.map(|all| by_key(all, |port| port.key).into_values().collect()),
                volumes: volumes.map(|all| by_key(all, |mount| mount.target.clone()).into_values().collect()),
                tmpfs: tmpfs.map(sorted),
                healthcheck: rest.0,
                depends_on: rest.1,
                ulimits: rest.2,
                resources: rest.3,
                ..scalars
            }
        })
        .boxed()
}

fn template(name: &TemplateName) -> BoxedStrategy<Template> {
    let files = collection::btree_map(any_of::path(), config_file(), 0..3);
    let name = name.clone();
    (any_of::text(), any_of::image(), service(), files, exports(), imports())
        .prop_map(move |(description, image, service, config_files, exports, imports)| Template {
            name: name.clone(),
            description,
            service: Service { image: Some(image), ..service },
            config_files,
            exports,
            imports,
        })
        .boxed()
}

fn overrides() -> BoxedStrategy<Overrides> {
    let environment = collection::btree_map(variable(), option::of(env_value()), 0..3);
    let ports = collection::vec((port_spec(), any::<bool>()), 0..3);
    let volumes = collection::vec((mount(), any::<bool>()), 0..3);
    let files = collection::btree_map(any_of::path(), option::of(config_file()), 0..3);
    let contracts = (option::of(exports()), option::of(imports()));
    (service(), environment, ports, volumes, files, contracts)
        .prop_map(|(service, environment_add, ports, volumes, config_files, (exports, imports))| {
            let ports: BTreeMap<PortKey, Option<PortSpec>> =
                ports.into_iter().map(|(port, there)| (port.key, there.then_some(port))).collect();
            let volumes = volumes.into_iter();
            Overrides {
                service,
                environment_add,
                ports_add: ports.into_iter().collect(),
                volumes_add: volumes
                    .map(|(mount, there)| (mount.target.clone(), there.then_some(mount)))
                    .collect(),
                config_files,
                exports,
                imports,
            }
        })
        .boxed()
}

fn wiring() -> BoxedStrategy<Wiring> {
    let end = |name: InstanceName, part: Option<String>| (name, part);
    let part = || option::of("[a-z.]{1,5}");
    let from = (any_of::instance_name(), part()).prop_map(move |(name, part)| end(name, part));
    let to = (any_of::instance_name(), part(), any::<bool>(), any::<bool>());
    let wire = (from, to, option::of(sample::select(&ContractType::ALL[..])));
    let wires = wire.prop_map(|((instance, import), (name, export, other, none), contract)| WireDecl {
        from: WireFrom { instance, import },
        to: match (other, none) {
            (_, true) => WireTo::Nothing,
            (true, false) => WireTo::Other { stack: "infra".parse().unwrap(), instance: name, export },
            // A provider called none is written with its export.
            (false, false) => {
                let export = if name.as_str() == "none" { export.or(Some("x".to_owned())) } else { export };
                WireTo::Provider { name, export }
            }
        },
        contract,
    });
    let external = (
        "[a-z]{1,6}",
        any::<u16>().prop_filter("a port", |port| *port > 0),
        option::of(any_of::text().prop_map(Given::Plain)),
    )
        .prop_map(|(host, port, password)| ExternalDecl {
            contract: ContractType::Postgres,
            host,
            port,
            properties: password.map(|password| (Property::Password, password)).into_iter().collect(),
        });
    let external = collection::btree_map(any_of::instance_name(), external, 0..3);
    (collection::vec(wires, 0..3), option::of(Just(Prefer::Primary)), external)
        .prop_map(|(wires, prefer, external)| Wiring { wires, prefer, external })
        .boxed()
}

fn project() -> BoxedStrategy<ProjectFile> {
    let name: TemplateName = "base".parse().unwrap();
    let instance = (overrides(), any::<bool>());
    let instances = collection::btree_map(any_of::instance_name(), instance, 0..3);
    let allow = collection::btree_set(sample::select(&Allowance::ALL[..]), 0..3);
    let made = option::of(Just(Generate::default())).prop_map(|generate| SecretFile { generate });
    let secrets = collection::btree_map("[A-Z]{1,4}".prop_map(|name| name.parse().unwrap()), made, 0..3);
    (option::of(template(&name)), instances, allow, secrets, wiring())
        .prop_map(move |(template, instances, allow, secrets, wiring)| {
            let file = |(overrides, enabled)| InstanceFile { template: name.clone(), enabled, overrides };
            let instances: BTreeMap<InstanceName, InstanceFile> =
                instances.into_iter().map(|(name, parts)| (name, file(parts))).collect();
            let stack: StackName = "s".parse().unwrap();
            ProjectFile {
                templates: template.map(|template| (name.clone(), template)).into_iter().collect(),
                stacks: BTreeMap::from([(stack, StackFile { allow, secrets, wiring, instances })]),
            }
        })
        .boxed()
}

proptest! {
    #![proptest_config(any_of::env(96))]

    #[test]
    fn a_written_project_reads_back_unchanged(project in project()) {
        let text = project_yaml(&project).unwrap();
        let read = read(&text);
        prop_assert_eq!(&read, &project, "{}", text);
        prop_assert_eq!(project_yaml(&read).unwrap(), text);
    }
}
