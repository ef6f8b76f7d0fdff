//! Random definitions, with texts that are difficult in YAML and Compose.

use crate::example::{attachment, bare, file, instance, stack};
use devarch_core::{
    build::BuildSpec,
    desired::Desired,
    escape,
    name::{InstanceName, PhysicalVolume},
    port::{PortKey, Protocol},
    spec::{ContainerSpec, FileSpec, Mount, MountFrom, PublishedPort},
    template::{
        Dependency, DependencyCondition, Dockerfile, HealthTest, Healthcheck, Limits, Reservations,
        Resources, RestartPolicy, TmpfsMount, Ulimit,
    },
    text::Text,
    unit::{Bytes, Cpus, FileMode, Millis},
};
use proptest::{collection, option, prelude::*, sample};
use std::collections::BTreeMap;

/// No regressions file: a failing case is printed and becomes a test of its own.
pub(crate) fn env(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

const HARD: &[&str] = &[
    "",
    " ",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
    "true",
    "null",
    "~",
    "08",
    "0644",
    "0o17",
    "0x1f",
    "1:30",
    "22:22",
    "1_000",
    "1e3",
    ".inf",
    "2024-01-01",
    "=",
    "<<",
    "- a",
    "? a",
    "a: b",
    "a #b",
    "#",
    "!x",
    "&x",
    "*x",
    "|",
    ">",
    "%x",
    "@x",
    "`x`",
    "'",
    "\"",
    "\\",
    "{a}",
    "[a]",
    ",",
    "$",
    "$$",
    "${A}",
    "${A:-b}",
    "$A",
    "a\nb\n",
    "a\n\n\n",
    "\n",
    "\na",
    " a\n b",
    "a\r\nb",
    "\t",
    "a\tb",
    "trailing ",
    "\u{85}",
    "\u{2028}x",
    "\u{feff}x",
    "é",
    "😀",
    "\u{7f}",
    "\u{1}",
    "---",
    "...",
    "key:",
    "1.10",
    "-",
    "--flag=x y",
];

/// Any text.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        sample::select(HARD).prop_map(str::to_owned),
        "[ -~]{0,100}",
        "\\PC{0,12}",
        "([ -~]{0,8}\n){1,4}",
    ]
}

/// A text that is not blank.
pub(crate) fn word() -> impl Strategy<Value = String> {
    text().prop_filter("blank", |text| !text.trim().is_empty())
}

/// A word without control characters, as names and paths are.
pub(crate) fn printable() -> impl Strategy<Value = String> {
    word()
        .prop_map(|text| text.replace(escape::is_control, "?"))
        .prop_filter("blank", |text| !text.trim().is_empty())
}

/// An image name.
pub(crate) fn image() -> impl Strategy<Value = String> {
    "([a-z]{2,5}[.]io/)?[a-z0-9]{1,6}(/[a-z0-9]{1,3}([_-][a-z0-9]{1,2})?)?(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,5})?"
}

pub(crate) fn words() -> impl Strategy<Value = Vec<String>> {
    collection::vec(word(), 0..3)
}

/// An absolute path in the form that readers return.
pub(crate) fn path() -> impl Strategy<Value = String> {
    "(/[a-zA-Z0-9_$: -]{1,6}(\\.[a-z]{1,4})?){1,3}"
}

pub(crate) fn map_of<V: std::fmt::Debug>(
    value: impl Strategy<Value = V>,
) -> impl Strategy<Value = BTreeMap<String, V>> {
    collection::btree_map(printable(), value, 0..3)
}

pub(crate) fn key() -> impl Strategy<Value = PortKey> {
    (1..u16::MAX, prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)])
        .prop_map(|(target, protocol)| PortKey { target, protocol })
}

pub(crate) fn address() -> impl Strategy<Value = std::net::IpAddr> {
    sample::select(&["127.0.0.1", "0.0.0.0", "::", "::1"][..]).prop_map(|ip| ip.parse().unwrap())
}

pub(crate) fn restart() -> impl Strategy<Value = RestartPolicy> {
    prop_oneof![
        Just(RestartPolicy::No),
        (0..4_u32).prop_map(RestartPolicy::OnFailure),
        Just(RestartPolicy::UnlessStopped),
    ]
}

pub(crate) fn bytes() -> impl Strategy<Value = Bytes> {
    prop_oneof![0..10_000_u64, (0..100_u64).prop_map(|n| n << 20), Just(1_u64 << 40)].prop_map(Bytes)
}

pub(crate) fn millis() -> impl Strategy<Value = Millis> {
    (0..10_000_000_u64).prop_map(Millis)
}

pub(crate) fn mode() -> impl Strategy<Value = FileMode> {
    (0..=0o7777_u32).prop_map(FileMode)
}

pub(crate) fn healthcheck() -> impl Strategy<Value = Healthcheck> {
    let test = prop_oneof![
        Just(HealthTest::None),
        collection::vec(text(), 1..4).prop_map(HealthTest::Cmd),
        text().prop_map(HealthTest::Shell),
    ];
    let time = || option::of(millis());
    (test, time(), time(), option::of(any::<u32>()), time(), time()).prop_map(
        |(test, interval, timeout, retries, start_period, start_interval)| Healthcheck {
            test,
            interval,
            timeout,
            retries,
            start_period,
            start_interval,
        },
    )
}

pub(crate) fn dependency() -> impl Strategy<Value = Dependency> {
    let condition = sample::select(
        &[
            DependencyCondition::Ready,
            DependencyCondition::ServiceStarted,
            DependencyCondition::ServiceHealthy,
            DependencyCondition::ServiceCompletedSuccessfully,
        ][..],
    );
    (condition, any::<bool>(), any::<bool>()).prop_map(|(condition, restart, required)| Dependency {
        condition,
        restart,
        required,
    })
}

pub(crate) fn tmpfs() -> impl Strategy<Value = TmpfsMount> {
    (path(), option::of(bytes()), option::of(mode())).prop_map(|(target, size, mode)| TmpfsMount {
        target,
        size,
        mode,
    })
}

pub(crate) fn resources() -> impl Strategy<Value = Resources> {
    let cpus = option::of((1..64_000_u32).prop_map(Cpus));
    let memory = || option::of(bytes());
    (cpus, memory(), option::of(any::<u32>()), memory()).prop_map(|(cpus, memory, pids, reserved)| {
        Resources { limits: Limits { cpus, memory, pids }, reservations: Reservations { memory: reserved } }
    })
}

pub(crate) fn ulimits() -> impl Strategy<Value = BTreeMap<String, Ulimit>> {
    let limit = (-1..9_i64, -1..9_i64).prop_map(|(soft, hard)| Ulimit { soft, hard });
    collection::btree_map("[a-z]{1,8}", limit, 0..3)
}

pub(crate) fn instance_name() -> impl Strategy<Value = InstanceName> {
    "[a-z]([a-z0-9-]{0,5}[a-z0-9])?".prop_map(|name| name.parse().unwrap())
}

/// A value that may be secret; secret ones are not empty, as Compose's `:?` requires.
fn value() -> impl Strategy<Value = Text> {
    prop_oneof![text().prop_map(Text::Plain), word().prop_map(Text::secret)]
}

fn published() -> impl Strategy<Value = PublishedPort> {
    (key(), address(), 1..u16::MAX).prop_map(|(key, host_ip, host_port)| PublishedPort {
        key,
        host_ip,
        host_port,
    })
}

fn mount() -> impl Strategy<Value = Mount> {
    let volume = "devarch-shop-[a-z]{1,9}".prop_map(PhysicalVolume::from_stored);
    let source = prop_oneof![volume.prop_map(MountFrom::Volume), path().prop_map(MountFrom::Bind)];
    (path(), source, any::<bool>()).prop_map(|(target, source, read_only)| Mount {
        target,
        source,
        read_only,
    })
}

fn files() -> impl Strategy<Value = BTreeMap<String, FileSpec>> {
    collection::btree_map(path(), value().prop_map(file), 0..3)
}

/// Scalars and maps of a container.
fn scalars_and_maps() -> impl Strategy<Value = ContainerSpec> {
    let argv = || option::of(collection::vec(value(), 0..3));
    let flags = proptest::array::uniform6(any::<bool>());
    let scalars = (image(), option::of(word()), option::of(word()), option::of(word()));
    // Names that the schema rejects are rare but possible.
    let names = || prop_oneof![20 => word(), 1 => Just(String::new()), 1 => Just("\n".to_owned())];
    let environment = collection::btree_map(names(), value(), 0..4);
    let labels = collection::btree_map(names(), text(), 0..3);
    (argv(), argv(), flags, scalars, environment, labels, map_of(text()), restart()).prop_map(
        |(command, entrypoint, flags, scalars, environment, labels, sysctls, restart)| {
            let [init, tty, stdin_open, read_only, privileged, job] = flags;
            let (image, platform, working_dir, stop_signal) = scalars;
            ContainerSpec {
                command,
                entrypoint,
                platform,
                working_dir,
                stop_signal,
                init,
                tty,
                stdin_open,
                read_only,
                privileged,
                job,
                environment,
                labels,
                sysctls,
                restart,
                ..bare(&image, "host")
            }
        },
    )
}

fn container() -> impl Strategy<Value = ContainerSpec> {
    let lists = proptest::array::uniform5(words());
    let mounts = collection::vec(mount(), 0..3);
    let numbers = (option::of(bytes()), option::of(millis()), resources(), ulimits());
    let ports = collection::vec(published(), 0..3);
    (
        scalars_and_maps(),
        lists,
        mounts,
        numbers,
        ports,
        collection::vec(tmpfs(), 0..3),
        option::of(healthcheck()),
        files(),
        map_of(word()),
    )
        .prop_map(
            |(spec, lists, mounts, numbers, ports, tmpfs, healthcheck, config_files, extra_hosts)| {
                let [dns, cap_add, cap_drop, devices, security_opt] = lists;
                let (shm_size, stop_grace_period, resources, ulimits) = numbers;
                ContainerSpec {
                    dns,
                    cap_add: with_a_repetition(cap_add),
                    cap_drop,
                    devices,
                    security_opt,
                    shm_size,
                    stop_grace_period,
                    resources,
                    ulimits,
                    mounts,
                    ports,
                    tmpfs,
                    healthcheck,
                    config_files,
                    extra_hosts,
                    network: Some(attachment("alias", 9)),
                    ..spec
                }
            },
        )
}

/// Repeats the first entry if its length is a multiple of 8.
fn with_a_repetition(mut list: Vec<String>) -> Vec<String> {
    if let Some(first) = list.first().filter(|first| first.len() % 8 == 0).cloned() {
        list.push(first);
    }
    list
}

/// A random build of an image.
pub(crate) fn build() -> impl Strategy<Value = BuildSpec> {
    let dockerfile = prop_oneof![word().prop_map(Dockerfile::Inline), Just(Dockerfile::default())];
    (path(), dockerfile, map_of(value()), option::of(word())).prop_map(
        |(context, dockerfile, args, target)| BuildSpec {
            context,
            dockerfile,
            args,
            target,
            platform: None,
            pull: false,
            hash: None,
        },
    )
}

/// A stack of up to three instances with random dependencies, some of them with a build.
pub(crate) fn desired() -> impl Strategy<Value = Desired> {
    let dependencies = collection::btree_map(instance_name(), dependency(), 0..3);
    let one = (container(), dependencies, option::of(build()));
    collection::btree_map(instance_name(), one, 1..4).prop_map(|instances| {
        let names: Vec<InstanceName> = instances.keys().cloned().collect();
        let mut builds = BTreeMap::new();
        let mut desired = stack(instances.into_iter().map(|(name, (spec, dependencies, build))| {
            builds.extend(build.map(|build| (spec.image.clone(), build)));
            let mut built = instance(&name, spec);
            let of_them = dependencies.into_values().zip(names.clone());
            built.depends_on = of_them.map(|(dependency, name)| (name, dependency)).collect();
            (name, built)
        }));
        desired.builds = builds;
        desired
    })
}
