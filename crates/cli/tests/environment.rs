//! Missing space, permissions or engines: the exit code names the kind of problem, the message suggests a fix, and
//! store and engine are unchanged.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{
    Ran, Sandbox,
    gate::{Action, EngineGate},
    user::{User, program_in},
};
use devarch_core::{engine::EngineKind, name::NetworkName, spec::NetworkSpec};
use devarch_testkit::{real::skip, scope::free_port};
use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Write as _,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

macro_rules! on_both_engines {
    ($($name:ident)*) => {
        mod docker { $(#[test] fn $name() { super::with(super::EngineKind::Docker, super::$name); })* }
        mod podman { $(#[test] fn $name() { super::with(super::EngineKind::Podman, super::$name); })* }
    };
}

on_both_engines! {
    a_full_disk_under_the_store_stops_before_the_engine_is_touched
    a_full_disk_of_the_engine_is_reported_with_a_fix
    a_socket_without_permission_is_reported_with_a_fix
    an_unmanaged_network_with_a_conflicting_name_is_refused_and_left_alone
    doctor_reports_problems_of_the_environment
    an_unreachable_engine_is_reported_by_every_command
    forbidden_and_impossible_fields_are_reported_with_their_position_and_nothing_is_started
    a_missing_image_is_reported_with_what_to_check_and_nothing_is_started
}

fn with(kind: EngineKind, test: fn(&Sandbox)) {
    if let Some(sandbox) = Sandbox::on(kind) {
        test(&sandbox);
    }
}

fn doctor_reports_problems_of_the_environment(sandbox: &Sandbox) {
    let assert_reports = |words: &str| {
        let ran = sandbox.run(&["doctor"]);
        assert!(ran.stdout.contains(words), "{words:?}: {ran}");
    };
    let info = sandbox.engine().info();
    assert_reports(&format!("{} {}, API {}, at ", info.kind, info.version, info.api_version));
    assert_reports(" GB free at ");
    let port = free_port();
    sandbox.define(&WEB.replace("busybox }", &format!("busybox, ports: [\"127.0.0.1:{port}:80\"] }}")));
    assert_reports("1 reserved for instances, none used by other programs");
    let _listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_reports(&format!("{port} of STACK/web is held by "));
    let scope = &sandbox.fixture().scope;
    let all = NetworkSpec::of_stack(
        NetworkName::from_stored(scope.name("all")),
        sandbox.address_pool().parse().unwrap(),
    );
    assert_reports("16 of 16 subnets (/26) of 10.212.");
    sandbox.wait(sandbox.engine().create_network(&all, &scope.labels())).unwrap();
    assert_reports("0 of 16 subnets (/26) of 10.212.");
    assert_reports("remove networks nothing uses, or set DEVARCH_ADDRESS_POOL to another pool");
    let ahead = std::time::SystemTime::now() + std::time::Duration::from_hours(1);
    File::options().write(true).open(sandbox.home().join("devarch.db")).unwrap().set_modified(ahead).unwrap();
    assert_reports(" s in the future");
}

#[test]
fn a_missing_docker_context_is_reported() {
    let sandbox = Sandbox::without_engine();
    let mut command = sandbox.command(&["up", "--yes"]);
    sandbox.write(&WEB.replace("STACK", "shop"));
    command.env_remove("DEVARCH_ENGINE").env("DOCKER_CONTEXT", "gone");
    let ran = sandbox.end(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    assert_eq!(ran.code, 6, "{ran}");
    assert!(ran.stderr.contains("Docker has no context \"gone\"; `docker context ls` lists"), "{ran}");
}

const WEB: &str = "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: { template: busybox }\n";

impl Sandbox {
    /// Runs the program as an unprivileged user who owns the home.
    fn run_as_nobody(&self, args: &[&str], variable: Option<(&str, &OsStr)>) -> Option<Ran> {
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            skip("only root can be another user");
            return None;
        }
        let user = User::nobody();
        let root = self.home().parent().unwrap().to_owned();
        user.take_over(&root);
        let ordinary = self.command(args);
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let mut command = Command::new(program_in(&root));
        command.args(ordinary.get_args()).env_clear().current_dir(self.project()).stdin(Stdio::null());
        for (name, value) in ordinary.get_envs() {
            command.envs(value.map(|value| (name, value)));
        }
        command.envs(variable).stdout(Stdio::piped()).stderr(Stdio::piped());
        user.runs(&mut command);
        Some(self.end(command.spawn().unwrap()))
    }
}

/// A small file system, mounted until dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn at(directory: &Path) -> Option<Self> {
        fs::create_dir(directory).unwrap();
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).unwrap();
        if mount(&["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs"], directory) {
            return Some(Self(directory.to_owned()));
        }
        skip("no file system can be mounted here");
        None
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        while file.write_all(&[0; 1024]).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        #[expect(clippy::disallowed_methods, reason = "no call without unsafe code does it")]
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn mount(args: &[&str], at: &Path) -> bool {
    #[expect(clippy::disallowed_methods, reason = "no call without unsafe code does it")]
    let mounted = Command::new("mount").args(args).arg(at).stderr(Stdio::null()).status();
    mounted.is_ok_and(|status| status.success())
}

fn a_full_disk_under_the_store_stops_before_the_engine_is_touched(sandbox: &Sandbox) {
    let Some(disk) = SmallDisk::at(&sandbox.home()) else { return };
    sandbox.write(WEB);
    disk.fill();
    let ran = sandbox.fails(7, &["stack", "list"]);
    assert!(ran.stderr.contains("$ROOT/home/devarch.db: its disk is full"), "{ran}");
    assert!(ran.stderr.contains("free some space and try again"), "{ran}");
    fs::remove_file(disk.filler()).unwrap();
    sandbox.ok(&["stack", "create", "kept"]);
    disk.fill();
    for args in [&["stack", "create", "lost"][..], &["up", "--yes"]] {
        let ran = sandbox.fails(7, args);
        assert!(ran.stderr.contains("$ROOT/home/devarch.db: its disk is full; nothing was changed"), "{ran}");
    }
    assert_eq!((sandbox.containers(), sandbox.networks()), (0, 0));
    fs::remove_file(disk.filler()).unwrap();
    let stacks = sandbox.json(&["stack", "list"]);
    assert_eq!(stacks["stacks"].as_array().unwrap().len(), 1, "{stacks}");
    sandbox.ok(&["up", "--yes"]);
}

fn a_full_disk_of_the_engine_is_reported_with_a_fix(sandbox: &Sandbox) {
    let full = EngineGate::new(&sandbox.endpoint(), |request| {
        if request.starts_with("POST") && request.contains("/containers/create") {
            Action::Refuse(500, "write /var/lib/engine/x: no space left on device")
        } else {
            Action::Pass
        }
    });
    sandbox.write(WEB);
    let ran = sandbox.end(sandbox.command_at(&full.endpoint(), &["up", "--yes"]).spawn().unwrap());
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("instance 'web' failed") && ran.stderr.contains("no space left"), "{ran}");
    assert!(ran.stderr.contains("free space on the engine's disk"), "{ran}");
    assert_eq!(sandbox.containers(), 0);
    sandbox.ok(&["apply", "--yes"]);
    sandbox.ok(&["plan", "--detailed-exitcode"]);
}

fn a_socket_without_permission_is_reported_with_a_fix(sandbox: &Sandbox) {
    let socket = sandbox.endpoint();
    sandbox.write(WEB);
    let Some(ran) = sandbox.run_as_nobody(&["plan"], None) else { return };
    assert_eq!(ran.code, 6, "{ran}");
    assert!(ran.stderr.contains(&format!("connect to {socket}: Permission denied")), "{ran}");
    let way_out = match sandbox.engine().info().kind {
        EngineKind::Docker => "usermod -aG docker",
        EngineKind::Podman => "systemctl --user enable --now podman.socket",
    };
    assert!(ran.stderr.contains(way_out), "{ran}");
    let doctor = sandbox.run_as_nobody(&["doctor"], None).unwrap();
    assert!(doctor.stdout.contains(&socket) && doctor.stdout.contains(way_out), "{doctor}");
}

fn forbidden_and_impossible_fields_are_reported_with_their_position_and_nothing_is_started(
    sandbox: &Sandbox,
) {
    let forbidden = [
        ("privileged: true", "web.privileged: true is refused by policy; add `allow: [privileged]`"),
        ("network_mode: host", "web.network_mode: host is refused by policy; add `allow: [host-network]`"),
        (
            "volumes: [\"/etc:/data\"]",
            "web.volumes./data: /etc (system settings) is refused by policy; add `allow: [host-paths]`",
        ),
        (
            "volumes: [\"./absent:/data\"]",
            "web.volumes./data: $ROOT/project/absent does not exist on this machine",
        ),
        ("ports: [\"99999:80\"]", "web.ports[0]: port 99999 is out of range"),
    ];
    for (field, message) in forbidden {
        sandbox.write(&WEB.replace("template: busybox", &format!("template: busybox, {field}")));
        let ran = sandbox.fails(3, &["up", "--yes"]);
        assert!(ran.stderr.contains(&format!("stacks.STACK.instances.{message}")), "{field}: {ran}");
        assert!(ran.stderr.contains("devarch.yml:5:"), "{field}: {ran}");
        assert_eq!((sandbox.containers(), sandbox.networks()), (0, 0), "{field}");
    }
}

fn a_missing_image_is_reported_with_what_to_check_and_nothing_is_started(sandbox: &Sandbox) {
    let nowhere = "template: busybox, image: \"127.0.0.1:1/nothing/here:1\"";
    sandbox.write(&WEB.replace("template: busybox", nowhere));
    let ran = sandbox.fails(1, &["up", "--yes"]);
    assert!(ran.stderr.contains("instance 'web': pull 127.0.0.1:1/nothing/here:1 failed"), "{ran}");
    assert!(ran.stderr.contains("check the image's name and tag, and the network"), "{ran}");
    assert_eq!((sandbox.containers(), sandbox.networks()), (0, 0));
}

fn an_unmanaged_network_with_a_conflicting_name_is_refused_and_left_alone(sandbox: &Sandbox) {
    let fixture = sandbox.fixture();
    let name = format!("devarch-{}-net", sandbox.stack);
    let spec = NetworkSpec::of_stack(NetworkName::from_stored(name), fixture.scope.subnet(0));
    sandbox.wait(sandbox.engine().create_network(&spec, &fixture.scope.labels())).unwrap();
    let before = sandbox.wait(sandbox.engine().networks()).unwrap();
    sandbox.write(WEB);
    let ran = sandbox.fails(5, &["up", "--yes"]);
    assert!(
        ran.stderr.contains("devarch-STACK-net") && ran.stderr.contains("was not created by DevArch"),
        "{ran}"
    );
    let is_it = |network: &&devarch_core::observed::ObservedNetwork| network.name == spec.name.as_str();
    let after = sandbox.wait(sandbox.engine().networks()).unwrap();
    assert_eq!(before.iter().find(is_it), after.iter().find(is_it));
    assert_eq!(sandbox.containers(), 0, "nothing was begun");
}

fn an_unreachable_engine_is_reported_by_every_command(sandbox: &Sandbox) {
    sandbox.write(WEB);
    let gate = EngineGate::new(&sandbox.endpoint(), |_| Action::Pass);
    let (endpoint, socket) = (gate.endpoint(), gate.socket());
    let ran = sandbox.end(sandbox.command_at(&endpoint, &["up", "--yes"]).spawn().unwrap());
    assert_eq!(ran.code, 0, "{ran}");
    drop(gate);
    // A stale socket without a listener.
    fs::create_dir_all(socket.parent().unwrap()).unwrap();
    drop(UnixListener::bind(&socket).unwrap());
    for args in [&["plan"][..], &["apply", "--yes"], &["down", "--yes"], &["logs"], &["exec", "/web", "true"]]
    {
        let ran = sandbox.end(sandbox.command_at(&endpoint, args).spawn().unwrap());
        assert_eq!(ran.code, 6, "{args:?}: {ran}");
        assert!(ran.stderr.contains(&endpoint) && ran.stderr.contains("`devarch doctor`"), "{args:?}: {ran}");
    }
    for args in [&["status"][..], &["status", "--all"]] {
        let ran = sandbox.end(sandbox.command_at(&endpoint, args).spawn().unwrap());
        assert_eq!(ran.code, 6, "{ran}");
        assert!(ran.stdout.contains("state unknown"), "{ran}");
        assert!(ran.stderr.contains("STACK") && ran.stderr.contains("`devarch doctor`"), "{ran}");
    }
    fs::remove_dir_all(socket.parent().unwrap()).unwrap();
    assert_eq!(sandbox.containers(), 1, "it still runs");
    sandbox.ok(&["plan", "--detailed-exitcode"]);
}

#[test]
fn an_engine_named_by_kind_is_reported_with_its_own_socket() {
    let sandbox = Sandbox::without_engine();
    sandbox.write(&WEB.replace("STACK", "shop"));
    for (kind, own, other) in
        [("podman", "podman.sock", "docker.sock"), ("docker", "docker.sock", "podman.sock")]
    {
        let ran = sandbox.run_as_nobody(&["plan"], Some(("DEVARCH_ENGINE", OsStr::new(kind))));
        let Some(ran) = ran else { return };
        assert_eq!(ran.code, 6, "{ran}");
        assert!(ran.stderr.contains(own) && !ran.stderr.contains(other), "{kind}: {ran}");
    }
}

#[test]
fn a_home_that_cannot_be_written_is_reported() {
    let sandbox = Sandbox::without_engine();
    let locked = sandbox.project().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    let home = locked.join("home");
    let ran = sandbox.run_as_nobody(&["stack", "list"], Some(("DEVARCH_HOME", home.as_os_str())));
    let Some(ran) = ran else { return };
    assert_eq!(ran.code, 7, "{ran}");
    assert!(ran.stderr.contains("cannot use $ROOT/project/locked/home\n"), "{ran}");
    assert!(ran.stderr.contains("because: Permission denied"), "{ran}");
}

#[test]
fn a_home_of_another_user_is_refused_and_left_unchanged() {
    let sandbox = Sandbox::without_engine();
    sandbox.ok(&["stack", "create", "kept"]);
    let before = fs::read(sandbox.home().join("devarch.db")).unwrap();
    let Some(ran) = sandbox.run_as_nobody(&["stack", "list"], None) else { return };
    assert_eq!(ran.code, 7, "{ran}");
    assert!(ran.stderr.contains("cannot use $ROOT/home"), "{ran}");
    assert!(ran.stderr.contains("check its owner and permissions"), "{ran}");
    assert_eq!(fs::read(sandbox.home().join("devarch.db")).unwrap(), before);
    std::os::unix::fs::chown(sandbox.home(), Some(0), Some(0)).unwrap();
    assert!(sandbox.ok(&["stack", "list"]).stdout.contains("kept"));
}
