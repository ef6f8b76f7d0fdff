//! Where the program finds no place, no right or no engine: the exit code tells which, the message what to do, and
//! store and engine stay as they were.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{
    Ran, World,
    between::{Becomes, Between},
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
    a_full_disk_of_the_engine_is_told_with_the_way_out
    a_socket_without_permission_is_named_with_the_way_out
    a_foreign_network_of_our_name_is_refused_and_left_alone
    the_doctor_tells_what_is_wrong_around
    an_engine_that_went_away_is_told_by_every_command
    what_policy_or_machine_forbid_is_told_where_it_stands_and_nothing_is_begun
    an_image_that_is_nowhere_is_told_with_what_to_check_and_nothing_is_begun
}

fn with(kind: EngineKind, test: fn(&World)) {
    if let Some(world) = World::on(kind) {
        test(&world);
    }
}

fn the_doctor_tells_what_is_wrong_around(world: &World) {
    let told = |words: &str| {
        let ran = world.run(&["doctor"]);
        assert!(ran.stdout.contains(words), "{words:?}: {ran}");
    };
    let info = world.engine().info();
    told(&format!("{} {}, API {}, at ", info.kind, info.version, info.api_version));
    told(" GB free at ");
    let port = free_port();
    world.define(&WEB.replace("busybox }", &format!("busybox, ports: [\"127.0.0.1:{port}:80\"] }}")));
    told("1 reserved for instances, none used by other programs");
    let _listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    told(&format!("{port} of STACK/web is held by "));
    let scope = &world.fixture().scope;
    let all = NetworkSpec::of_stack(
        NetworkName::from_stored(scope.name("all")),
        world.address_pool().parse().unwrap(),
    );
    told("16 of 16 subnets (/26) of 10.212.");
    world.wait(world.engine().create_network(&all, &scope.labels())).unwrap();
    told("0 of 16 subnets (/26) of 10.212.");
    told("remove networks nothing uses, or set DEVARCH_ADDRESS_POOL to another pool");
    let ahead = std::time::SystemTime::now() + std::time::Duration::from_hours(1);
    File::options().write(true).open(world.home().join("devarch.db")).unwrap().set_modified(ahead).unwrap();
    told(" s in the future");
}

#[test]
fn a_docker_context_that_is_not_there_is_told() {
    let world = World::without_engine();
    let mut command = world.command(&["up", "--yes"]);
    world.write(&WEB.replace("STACK", "shop"));
    command.env_remove("DEVARCH_ENGINE").env("DOCKER_CONTEXT", "gone");
    let ran = world.end(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    assert_eq!(ran.code, 6, "{ran}");
    assert!(ran.stderr.contains("Docker has no context \"gone\"; `docker context ls` lists"), "{ran}");
}

const WEB: &str = "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: { template: busybox }\n";

impl World {
    /// Runs the program as a user without rights; its home is that user's own.
    fn run_as_nobody(&self, args: &[&str], variable: Option<(&str, &OsStr)>) -> Option<Ran> {
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            skip("only root can be another user");
            return None;
        }
        let nobody = User::nobody();
        let root = self.home().parent().unwrap().to_owned();
        nobody.take_over(&root);
        let ordinary = self.command(args);
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let mut command = Command::new(program_in(&root));
        command.args(ordinary.get_args()).env_clear().current_dir(self.project()).stdin(Stdio::null());
        for (name, value) in ordinary.get_envs() {
            command.envs(value.map(|value| (name, value)));
        }
        command.envs(variable).stdout(Stdio::piped()).stderr(Stdio::piped());
        nobody.runs(&mut command);
        Some(self.end(command.spawn().unwrap()))
    }
}

/// A small file system at a directory, while this is there.
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

fn a_full_disk_under_the_store_stops_before_the_engine_is_touched(world: &World) {
    let Some(disk) = SmallDisk::at(&world.home()) else { return };
    world.write(WEB);
    disk.fill();
    let ran = world.fails(7, &["stack", "list"]);
    assert!(ran.stderr.contains("$ROOT/home/devarch.db: its disk is full"), "{ran}");
    assert!(ran.stderr.contains("free some space and try again"), "{ran}");
    fs::remove_file(disk.filler()).unwrap();
    world.ok(&["stack", "create", "kept"]);
    disk.fill();
    for args in [&["stack", "create", "lost"][..], &["up", "--yes"]] {
        let ran = world.fails(7, args);
        assert!(ran.stderr.contains("$ROOT/home/devarch.db: its disk is full; nothing was changed"), "{ran}");
    }
    assert_eq!((world.containers(), world.networks()), (0, 0));
    fs::remove_file(disk.filler()).unwrap();
    let stacks = world.json(&["stack", "list"]);
    assert_eq!(stacks["stacks"].as_array().unwrap().len(), 1, "{stacks}");
    world.ok(&["up", "--yes"]);
}

fn a_full_disk_of_the_engine_is_told_with_the_way_out(world: &World) {
    let full = Between::new(&world.endpoint(), |asked| {
        if asked.starts_with("POST") && asked.contains("/containers/create") {
            Becomes::Refused(500, "write /var/lib/engine/x: no space left on device")
        } else {
            Becomes::Passed
        }
    });
    world.write(WEB);
    let ran = world.end(world.command_at(&full.endpoint(), &["up", "--yes"]).spawn().unwrap());
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("instance 'web' failed") && ran.stderr.contains("no space left"), "{ran}");
    assert!(ran.stderr.contains("free space on the engine's disk"), "{ran}");
    assert_eq!(world.containers(), 0);
    world.ok(&["apply", "--yes"]);
    world.ok(&["plan", "--detailed-exitcode"]);
}

fn a_socket_without_permission_is_named_with_the_way_out(world: &World) {
    let socket = world.endpoint();
    world.write(WEB);
    let Some(ran) = world.run_as_nobody(&["plan"], None) else { return };
    assert_eq!(ran.code, 6, "{ran}");
    assert!(ran.stderr.contains(&format!("connect to {socket}: Permission denied")), "{ran}");
    let way_out = match world.engine().info().kind {
        EngineKind::Docker => "usermod -aG docker",
        EngineKind::Podman => "systemctl --user enable --now podman.socket",
    };
    assert!(ran.stderr.contains(way_out), "{ran}");
    let doctor = world.run_as_nobody(&["doctor"], None).unwrap();
    assert!(doctor.stdout.contains(&socket) && doctor.stdout.contains(way_out), "{doctor}");
}

fn what_policy_or_machine_forbid_is_told_where_it_stands_and_nothing_is_begun(world: &World) {
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
    for (field, told) in forbidden {
        world.write(&WEB.replace("template: busybox", &format!("template: busybox, {field}")));
        let ran = world.fails(3, &["up", "--yes"]);
        assert!(ran.stderr.contains(&format!("stacks.STACK.instances.{told}")), "{field}: {ran}");
        assert!(ran.stderr.contains("devarch.yml:5:"), "{field}: {ran}");
        assert_eq!((world.containers(), world.networks()), (0, 0), "{field}");
    }
}

fn an_image_that_is_nowhere_is_told_with_what_to_check_and_nothing_is_begun(world: &World) {
    let nowhere = "template: busybox, image: \"127.0.0.1:1/nothing/here:1\"";
    world.write(&WEB.replace("template: busybox", nowhere));
    let ran = world.fails(1, &["up", "--yes"]);
    assert!(ran.stderr.contains("instance 'web': pull 127.0.0.1:1/nothing/here:1 failed"), "{ran}");
    assert!(ran.stderr.contains("check the image's name and tag, and the network"), "{ran}");
    assert_eq!((world.containers(), world.networks()), (0, 0));
}

fn a_foreign_network_of_our_name_is_refused_and_left_alone(world: &World) {
    let fixture = world.fixture();
    let name = format!("devarch-{}-net", world.stack);
    let spec = NetworkSpec::of_stack(NetworkName::from_stored(name), fixture.scope.subnet(0));
    world.wait(world.engine().create_network(&spec, &fixture.scope.labels())).unwrap();
    let before = world.wait(world.engine().networks()).unwrap();
    world.write(WEB);
    let ran = world.fails(5, &["up", "--yes"]);
    assert!(
        ran.stderr.contains("devarch-STACK-net") && ran.stderr.contains("was not created by DevArch"),
        "{ran}"
    );
    let is_it = |network: &&devarch_core::observed::ObservedNetwork| network.name == spec.name.as_str();
    let after = world.wait(world.engine().networks()).unwrap();
    assert_eq!(before.iter().find(is_it), after.iter().find(is_it));
    assert_eq!(world.containers(), 0, "nothing was begun");
}

fn an_engine_that_went_away_is_told_by_every_command(world: &World) {
    world.write(WEB);
    let way = Between::new(&world.endpoint(), |_| Becomes::Passed);
    let (endpoint, socket) = (way.endpoint(), way.socket());
    let ran = world.end(world.command_at(&endpoint, &["up", "--yes"]).spawn().unwrap());
    assert_eq!(ran.code, 0, "{ran}");
    drop(way);
    // A socket that nobody serves any more.
    fs::create_dir_all(socket.parent().unwrap()).unwrap();
    drop(UnixListener::bind(&socket).unwrap());
    for args in [&["plan"][..], &["apply", "--yes"], &["down", "--yes"], &["logs"], &["exec", "/web", "true"]]
    {
        let ran = world.end(world.command_at(&endpoint, args).spawn().unwrap());
        assert_eq!(ran.code, 6, "{args:?}: {ran}");
        assert!(ran.stderr.contains(&endpoint) && ran.stderr.contains("`devarch doctor`"), "{args:?}: {ran}");
    }
    for args in [&["status"][..], &["status", "--all"]] {
        let ran = world.end(world.command_at(&endpoint, args).spawn().unwrap());
        assert_eq!(ran.code, 6, "{ran}");
        assert!(ran.stdout.contains("state unknown"), "{ran}");
        assert!(ran.stderr.contains("STACK") && ran.stderr.contains("`devarch doctor`"), "{ran}");
    }
    fs::remove_dir_all(socket.parent().unwrap()).unwrap();
    assert_eq!(world.containers(), 1, "it still runs");
    world.ok(&["plan", "--detailed-exitcode"]);
}

#[test]
fn a_named_kind_of_engine_is_blamed_by_its_own_socket() {
    let world = World::without_engine();
    world.write(&WEB.replace("STACK", "shop"));
    for (kind, theirs, other) in
        [("podman", "podman.sock", "docker.sock"), ("docker", "docker.sock", "podman.sock")]
    {
        let ran = world.run_as_nobody(&["plan"], Some(("DEVARCH_ENGINE", OsStr::new(kind))));
        let Some(ran) = ran else { return };
        assert_eq!(ran.code, 6, "{ran}");
        assert!(ran.stderr.contains(theirs) && !ran.stderr.contains(other), "{kind}: {ran}");
    }
}

#[test]
fn a_home_that_cannot_be_written_is_named() {
    let world = World::without_engine();
    let locked = world.project().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    let home = locked.join("home");
    let ran = world.run_as_nobody(&["stack", "list"], Some(("DEVARCH_HOME", home.as_os_str())));
    let Some(ran) = ran else { return };
    assert_eq!(ran.code, 7, "{ran}");
    assert!(ran.stderr.contains("cannot use $ROOT/project/locked/home\n"), "{ran}");
    assert!(ran.stderr.contains("because: Permission denied"), "{ran}");
}

#[test]
fn a_home_of_someone_else_is_refused_and_stays_as_it_is() {
    let world = World::without_engine();
    world.ok(&["stack", "create", "kept"]);
    let before = fs::read(world.home().join("devarch.db")).unwrap();
    let Some(ran) = world.run_as_nobody(&["stack", "list"], None) else { return };
    assert_eq!(ran.code, 7, "{ran}");
    assert!(ran.stderr.contains("cannot use $ROOT/home"), "{ran}");
    assert!(ran.stderr.contains("check its owner and permissions"), "{ran}");
    assert_eq!(fs::read(world.home().join("devarch.db")).unwrap(), before);
    std::os::unix::fs::chown(world.home(), Some(0), Some(0)).unwrap();
    assert!(world.ok(&["stack", "list"]).stdout.contains("kept"));
}
