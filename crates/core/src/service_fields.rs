//! The table of a service's fields. The definition, parser, merge, container spec, hashed form, Compose file and
//! reference are generated from it: each passes its own macro to this one.
//!
//! ```text
//! field: its type in a definition = how it is read, how an instance's value merges with its template's,
//!     copied [its type in a container's spec],          the same in the Compose file
//!     spec [its name there: type],                      instead of `copied`, if `resolve` computes it
//!     compose [its name there: type],                   instead of `copied`, if `compose` computes it
//!     "what users write", "what it means";
//! ```
//!
//! The order of the table is the order in every mapping it is written to, including hashed ones. A new field may be
//! added anywhere, because unset fields are left out, but existing fields must not move. Names are resolved where the
//! table is used.

/// Calls a macro with the table, after that macro's own arguments.
macro_rules! service_fields {
    ($consumer:ident $($with:tt)*) => { $consumer! { [$($with)*]
        image: String = grammar::image, image,
            spec [image: String],
            compose [image: Interpolated],
            "image name", "the image, passed to the engine as written";
        build: Build = build::build, build,
            compose [build: Option<Build>],
            "directory or [object](#build)", "how the image is built";
        pull_policy: PullPolicy = build::pull_policy, replace,
            compose [pull_policy: Option<&'static str>],
            "`missing`, `always`, `never`, `build`", "when the image is pulled";
        platform: String = grammar::platform, replace,
            copied [Option<String>],
            "`OS[/ARCH[/VARIANT]]`", "the image's platform";
        command: Vec<String> = command, replace,
            spec [command: Option<Vec<Text>>],
            compose [command: Option<Vec<Interpolated>>],
            "text or list", "the command, in place of the image's";
        entrypoint: Vec<String> = command, replace,
            spec [entrypoint: Option<Vec<Text>>],
            compose [entrypoint: Option<Vec<Interpolated>>],
            "text or list", "the entrypoint, in place of the image's";
        user: String = user, replace,
            copied [Option<String>],
            "`\"UID[:GID]\"`", "the user, by number";
        working_dir: String = grammar::printable, replace,
            copied [Option<String>],
            "path", "the working directory";
        hostname: String = grammar::host_name, replace,
            spec [hostname: String],
            compose [hostname: Interpolated],
            "host name", "the container's host name, also an alias in its network";
        restart: RestartPolicy = restart, replace,
            spec [restart: RestartPolicy],
            compose [restart: Option<String>],
            "`no`, `always`, `unless-stopped`, `on-failure[:N]`",
            "when the engine restarts it; `always` is `unless-stopped`";
        job: bool = boolean, replace,
            spec [job: bool],
            "bool", "runs once to its end; exit code 0 is success";
        init: bool = boolean, replace,
            copied [bool],
            "bool", "an init process as process 1";
        tty: bool = boolean, replace,
            copied [bool],
            "bool", "a terminal";
        stdin_open: bool = boolean, replace,
            copied [bool],
            "bool", "stdin is kept open";
        read_only: bool = boolean, replace,
            copied [bool],
            "bool", "the root file system is read-only";
        privileged: bool = boolean, replace,
            copied [bool],
            "bool", "all privileges; needs `allow: [privileged]`";
        network_mode: String = network_mode, replace,
            spec [network_mode: Option<String>],
            "`host`, `none`", "in place of the stack's network; `host` needs `allow: [host-network]`";
        pid: String = host_only, replace,
            copied [Option<String>],
            "`host`", "the host's processes; needs `allow: [host-pid]`";
        ipc: String = ipc, replace,
            copied [Option<String>],
            "`host`, `private`, `shareable`", "the IPC namespace; `host` needs `allow: [host-ipc]`";
        stop_signal: String = grammar::word, replace,
            copied [Option<String>],
            "signal", "the signal that stops it";
        stop_grace_period: Millis = parsed, replace,
            copied [Option<Millis>],
            "duration", "time until it is killed when it is stopped";
        shm_size: Bytes = bytes, replace,
            copied [Option<Bytes>],
            "size", "size of `/dev/shm`";
        environment: BTreeMap<String, EnvValue> = environment, environment,
            spec [environment: BTreeMap<String, Text>],
            compose [environment: BTreeMap<String, Interpolated>],
            "mapping or list of `NAME=value`",
            "variables; a value may be [generated or secret](#values-of-variables)";
        labels: BTreeMap<String, String> = labels, labels,
            copied [BTreeMap<String, String>],
            "mapping or list of `NAME=value`",
            "labels; of those that begin with `devarch.` only `devarch.role`";
        ports: Vec<PortSpec> = lists::ports, ports,
            spec [#[serde(serialize_with = "shown_ports")] ports: Vec<PublishedPort>],
            compose [ports: Vec<Port>],
            "list of [ports](#ports)", "published ports";
        volumes: Vec<VolumeMount> = lists::volumes, volumes,
            spec [mounts: Vec<Mount>],
            compose [volumes: Vec<Mount>],
            "list of [mounts](#volumes)", "named volumes and host paths";
        tmpfs: Vec<TmpfsMount> = lists::tmpfs, replace,
            copied [Vec<TmpfsMount>],
            "path, [mount](#tmpfs), or a list", "file systems in memory";
        secrets: Vec<SecretMount> = secrets::mounts, replace,
            compose [configs: Vec<ConfigUse>],
            "list of names or [objects](#secrets-as-files)", "secrets of the stack as files";
        healthcheck: Healthcheck = healthcheck, replace,
            copied [Option<Healthcheck>],
            "[object](#health-check)", "how health is judged";
        depends_on: BTreeMap<InstanceName, Dependency> = depends_on, replace,
            compose [depends_on: BTreeMap<InstanceName, DependsOn>],
            "list of instances, or [mapping](#dependencies)", "what has to be ready before it starts";
        extra_hosts: BTreeMap<String, String> = extra_hosts, replace,
            spec [extra_hosts: BTreeMap<String, String>],
            compose [extra_hosts: Vec<Interpolated>],
            "mapping, or list of `HOST:ADDRESS`", "entries of `/etc/hosts`";
        dns: Vec<String> = |at| list_or_one(at, grammar::address), replace,
            copied [Vec<String>],
            "address or list", "name servers";
        cap_add: Vec<String> = |at| list_or_one(at, grammar::word), replace,
            copied [Vec<String>],
            "capability or list", "capabilities to add; dangerous ones need `allow: [capabilities]`";
        cap_drop: Vec<String> = |at| list_or_one(at, grammar::word), replace,
            copied [Vec<String>],
            "capability or list", "capabilities to drop";
        devices: Vec<String> = |at| list_or_one(at, grammar::device), replace,
            copied [Vec<String>],
            "device or list", "devices of the host; needs `allow: [devices]`";
        security_opt: Vec<String> = |at| list_or_one(at, grammar::printable), replace,
            copied [Vec<String>],
            "option or list", "security options; those that switch confinement off need `allow: [unconfined]`";
        group_add: Vec<String> = |at| list_or_one(at, grammar::word), replace,
            copied [Vec<String>],
            "group or list", "further groups";
        sysctls: BTreeMap<String, String> = |at| pairs(at, grammar::printable), replace,
            copied [BTreeMap<String, String>],
            "mapping or list of `NAME=value`", "kernel parameters";
        ulimits: BTreeMap<String, Ulimit> = ulimits, replace,
            copied [BTreeMap<String, Ulimit>],
            "mapping to a number or [object](#ulimits)", "kernel limits";
        resources: Resources = resources, replace,
            spec [resources: Resources],
            compose [deploy: Deploy],
            "[object](#resources)", "Compose's `deploy.resources`";
    } };
}

pub(crate) use service_fields;
