//! The rules for every host path that a stack uses: bind mounts, build contexts, config files, devices. Paths inside
//! the project directory are allowed, paths outside are shown in the plan, and sensitive paths are refused wherever
//! they are unless the stack allows them. The caller resolves symbolic links and supplies the facts about this
//! machine ([`HostView`]); everything else is decided here.

use super::spec::normal_path;
use crate::{name::InstanceName, policy::Allowance};
use std::collections::{BTreeMap, BTreeSet};

/// The access to a host path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Read only.
    Read,
    /// Read and write.
    Write,
}

/// The paths that a rule covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The path itself, as a whole.
    Whole,
    /// The path and everything below it.
    Below,
}

/// A path that is refused unless the stack allows `host-paths`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The path. `~` stands for every user's home, `~/.` for each dot file and dot directory in it.
    pub path: &'static str,
    /// Whether the rule covers paths below it.
    pub reach: Reach,
    /// The lowest access that is refused.
    pub access: Access,
    /// The reason shown to users.
    pub why: &'static str,
}

const fn rule(path: &'static str, reach: Reach, access: Access, why: &'static str) -> Rule {
    Rule { path, reach, access, why }
}

/// The paths that are refused; the reference page of host paths contains the same table.
pub const RULES: &[Rule] = &[
    rule("/", Reach::Whole, Access::Read, "the whole machine"),
    rule("/bin", Reach::Whole, Access::Read, "system programs"),
    rule("/bin", Reach::Below, Access::Write, "system programs"),
    rule("/boot", Reach::Whole, Access::Read, "the kernel"),
    rule("/boot", Reach::Below, Access::Write, "the kernel"),
    rule("/dev", Reach::Below, Access::Read, "devices"),
    rule("/etc", Reach::Below, Access::Read, "system settings"),
    rule("/home", Reach::Whole, Access::Read, "all homes"),
    rule("/lib", Reach::Whole, Access::Read, "system libraries"),
    rule("/lib", Reach::Below, Access::Write, "system libraries"),
    rule("/lib32", Reach::Below, Access::Write, "system libraries"),
    rule("/lib64", Reach::Whole, Access::Read, "system libraries"),
    rule("/lib64", Reach::Below, Access::Write, "system libraries"),
    rule("/libx32", Reach::Below, Access::Write, "system libraries"),
    rule("/Library", Reach::Below, Access::Write, "system settings"),
    rule("/opt", Reach::Below, Access::Write, "installed programs"),
    rule("/private/etc", Reach::Below, Access::Read, "system settings"),
    rule("/private/var", Reach::Whole, Access::Read, "system data"),
    rule("/proc", Reach::Below, Access::Read, "the kernel's view of processes"),
    rule("/root", Reach::Whole, Access::Read, "root's home"),
    rule("/run", Reach::Below, Access::Read, "sockets of system services"),
    rule("/sbin", Reach::Whole, Access::Read, "system programs"),
    rule("/sbin", Reach::Below, Access::Write, "system programs"),
    rule("/snap", Reach::Below, Access::Write, "installed programs"),
    rule("/sys", Reach::Below, Access::Read, "the kernel's settings"),
    rule("/System", Reach::Below, Access::Write, "system programs"),
    rule("/Users", Reach::Whole, Access::Read, "all homes"),
    rule("/usr", Reach::Whole, Access::Read, "system programs"),
    rule("/usr", Reach::Below, Access::Write, "system programs"),
    rule("/var", Reach::Whole, Access::Read, "system data"),
    rule("/var/backups", Reach::Below, Access::Read, "copies of system settings"),
    rule("/var/cache", Reach::Below, Access::Write, "system data"),
    rule("/var/lib", Reach::Whole, Access::Read, "system data"),
    rule("/var/lib/apt", Reach::Below, Access::Write, "installed programs"),
    rule("/var/lib/cloud", Reach::Below, Access::Read, "credentials of the machine"),
    rule("/var/lib/containerd", Reach::Below, Access::Read, "an engine's data"),
    rule("/var/lib/containers", Reach::Below, Access::Read, "an engine's data"),
    rule("/var/lib/docker", Reach::Below, Access::Read, "an engine's data"),
    rule("/var/lib/dpkg", Reach::Below, Access::Write, "installed programs"),
    rule("/var/lib/kubelet", Reach::Below, Access::Read, "credentials of the cluster"),
    rule("/var/lib/rpm", Reach::Below, Access::Write, "installed programs"),
    rule("/var/lib/systemd", Reach::Below, Access::Write, "system settings"),
    rule("/var/log", Reach::Below, Access::Write, "system logs"),
    rule("/var/mail", Reach::Below, Access::Read, "mail"),
    rule("/var/run", Reach::Below, Access::Read, "sockets of system services"),
    rule("/var/spool", Reach::Below, Access::Write, "scheduled jobs and mail"),
    rule("~", Reach::Whole, Access::Read, "the home"),
    rule("~/.", Reach::Below, Access::Read, "keys, tokens and settings of the home"),
    rule("~/Library", Reach::Below, Access::Read, "keys and settings of the home"),
    rule("~/bin", Reach::Below, Access::Write, "the user's programs"),
];

/// Exceptions: world-readable files that are often mounted into containers to be read.
pub const HARMLESS: &[&str] = &[
    "/etc/ca-certificates",
    "/etc/localtime",
    "/etc/os-release",
    "/etc/pki/ca-trust/extracted",
    "/etc/ssl/certs",
    "/etc/timezone",
];

/// File names of engine sockets, in any directory.
pub const SOCKET_NAMES: &[&str] =
    &["buildkitd.sock", "containerd.sock", "crio.sock", "docker.sock", "podman.sock"];

/// The reason for refusing the data of a DevArch.
const DEVARCH_HOME: &str = "the data of a DevArch";

/// Facts about host paths on this machine. Without them, for an engine on another machine, paths are judged as
/// written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostView {
    /// The user's home directory, under each of its names.
    pub homes: Vec<String>,
    /// This DevArch's data directory, under each of its names.
    pub devarch_homes: Vec<String>,
    /// The known local engine sockets, with links resolved.
    pub sockets: Vec<String>,
    /// Resolved paths, by the path as written in the stack.
    pub real: BTreeMap<String, RealPath>,
    /// By instance: its last applied bind mounts, and whether each is read-only.
    pub applied: BTreeMap<InstanceName, BTreeSet<(String, bool)>>,
    /// By instance and path in its container: the local files that config files were read from.
    pub files: BTreeMap<InstanceName, BTreeMap<String, ReadFile>>,
    /// Allowances that the stack had before and no longer has.
    pub withdrawn: BTreeSet<Allowance>,
}

/// A path with its symbolic links resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealPath {
    /// The path.
    pub path: String,
    /// The kind of file at the path.
    pub kind: RealKind,
}

/// The kind of file at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RealKind {
    /// A file that has no special rule.
    Ordinary,
    /// An engine's socket, under any name.
    EngineSocket,
    /// The data of a DevArch, or a file in it.
    DevarchHome,
}

/// A local file that a config file was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFile {
    /// The file's path, with links resolved.
    pub path: String,
    /// Whether the store already had the same content for that instance.
    pub kept: bool,
}

/// The policy's decision about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Inside the project.
    Inside,
    /// Outside the project: shown in the plan.
    Outside,
    /// Refused unless the stack has this allowance; with the reason.
    Refused(Allowance, &'static str),
}

impl HostView {
    /// Creates a view in which only the home directory is known.
    pub fn of_home(home: Option<&str>) -> Self {
        Self { homes: home.iter().map(|home| normal_path(home)).collect(), ..Self::default() }
    }

    /// Returns the path with its links resolved, if known.
    pub fn resolved<'a>(&'a self, path: &'a str) -> &'a str {
        self.real.get(path).map_or(path, |real| real.path.as_str())
    }

    /// Judges an absolute path, both as written and as resolved. `project` is the project's directory.
    pub fn judge(&self, path: &str, access: Access, project: Option<&str>) -> Judgement {
        let written = normal_path(path);
        let real = self.real.get(path).or_else(|| self.real.get(&written));
        let resolved = real.map_or_else(|| written.clone(), |real| normal_path(&real.path));
        let kind = real.map_or(RealKind::Ordinary, |real| real.kind);
        let by_kind = match kind {
            RealKind::EngineSocket => Some((Allowance::EngineSocket, "the socket of an engine")),
            RealKind::DevarchHome => Some((Allowance::HostPaths, DEVARCH_HOME)),
            RealKind::Ordinary => None,
        };
        let refused = by_kind
            .or_else(|| self.sensitive(&written, access))
            .or_else(|| self.sensitive(&resolved, access));
        let inside = project.is_some_and(|project| is_within(&resolved, &normal_path(project)));
        match refused {
            Some((allowance, why)) => Judgement::Refused(allowance, why),
            None if inside => Judgement::Inside,
            None => Judgement::Outside,
        }
    }

    fn sensitive(&self, path: &str, access: Access) -> Option<(Allowance, &'static str)> {
        let name = path.rsplit('/').next().unwrap_or(path);
        if SOCKET_NAMES.contains(&name) || self.sockets.iter().any(|socket| socket == path) {
            return Some((Allowance::EngineSocket, "the socket of an engine"));
        }
        let host = |why| Some((Allowance::HostPaths, why));
        let harmless = access == Access::Read && HARMLESS.iter().any(|harmless| is_within(path, harmless));
        if let Some(rule) = self.rule(path, access).filter(|_| !harmless) {
            return host(rule.why);
        }
        if self.homes.iter().any(|home| is_within(home, path)) {
            return host("it has the home in it");
        }
        if self.devarch_homes.iter().any(|home| is_within(path, home) || is_within(home, path)) {
            return host(DEVARCH_HOME);
        }
        let socket = self.sockets.iter().any(|socket| is_within(socket, path));
        socket.then_some((Allowance::EngineSocket, "it has the socket of an engine in it"))
    }

    fn rule(&self, path: &str, access: Access) -> Option<&'static Rule> {
        let homes = self.homes_of(path);
        RULES.iter().filter(|rule| access >= rule.access).find(|rule| match rule.path.strip_prefix('~') {
            None => matches(rule, rule.path, path),
            Some("") => homes.contains(&path),
            Some("/.") => {
                homes.iter().any(|home| below(path, home).is_some_and(|rest| rest.starts_with('.')))
            }
            Some(part) => homes.iter().any(|home| matches(rule, &format!("{home}{part}"), path)),
        })
    }

    /// Returns the home directories that contain a path: the user's, root's, and those in the usual parent
    /// directories of homes.
    fn homes_of<'p>(&'p self, path: &'p str) -> Vec<&'p str> {
        let known = self.homes.iter().map(String::as_str).filter(|home| is_within(path, home));
        let users = ["/home/", "/Users/"].iter().filter_map(|parent| {
            let name = path.strip_prefix(parent)?;
            let end = name.find('/').unwrap_or(name.len());
            (end > 0).then(|| &path[..parent.len() + end])
        });
        known.chain(users).chain(is_within(path, "/root").then_some("/root")).collect()
    }
}

fn matches(rule: &Rule, at: &str, path: &str) -> bool {
    match rule.reach {
        Reach::Whole => path == at,
        Reach::Below => is_within(path, at),
    }
}

/// Whether a path is a directory or below it.
fn is_within(path: &str, directory: &str) -> bool {
    path == directory || below(path, directory).is_some()
}

/// Returns the rest of a path below a directory.
fn below<'p>(path: &'p str, directory: &str) -> Option<&'p str> {
    path.strip_prefix(directory.trim_end_matches('/'))?.strip_prefix('/').filter(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn view() -> HostView {
        let real = |path: &str, kind| RealPath { path: path.to_owned(), kind };
        HostView {
            homes: vec!["/home/me".to_owned()],
            devarch_homes: vec!["/data/devarch".to_owned()],
            sockets: vec!["/srv/engine/api".to_owned()],
            real: BTreeMap::from([
                ("/p/shop/link".to_owned(), real("/etc/shadow", RealKind::Ordinary)),
                ("/p/shop/data".to_owned(), real("/srv/data", RealKind::Ordinary)),
                ("/p/shop/api".to_owned(), real("/p/shop/api", RealKind::EngineSocket)),
                ("/old".to_owned(), real("/old", RealKind::DevarchHome)),
            ]),
            ..HostView::default()
        }
    }

    fn verdict(path: &str, access: Access, project: &str) -> String {
        match view().judge(path, access, Some(project)) {
            Judgement::Inside => "inside".to_owned(),
            Judgement::Outside => "shown".to_owned(),
            Judgement::Refused(allowance, why) => format!("{allowance}: {why}"),
        }
    }

    /// Renders the decisions on paths, for reading and for writing.
    fn table(paths: &str) -> String {
        let verdicts = paths.split(' ').map(|path| {
            let of = |access| verdict(path, access, "/p/shop");
            let (read, write) = (of(Access::Read), of(Access::Write));
            if read == write {
                format!("{path}: {read}")
            } else {
                format!("{path}: read {read}; write {write}")
            }
        });
        verdicts.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn paths_in_projects_and_homes_are_allowed_shown_or_refused() {
        let paths = "/p/shop /p/shop/src /p/shop/.env /p/shopping /p/shop/../other /p/shop/link /p/shop/data /p/shop/api /srv/data /tmp/x /mnt/disk / /p /home /home/me /home/me/src /home/me/.ssh/id_rsa /home/me/.bashrc /home/me/.local/bin /home/me/bin/x /home/you /home/you/src /home/you/.netrc /root /root/x /root/.ssh /Users/me/Library/Keychains";
        insta::assert_snapshot!(table(paths), @"
        /p/shop: inside
        /p/shop/src: inside
        /p/shop/.env: inside
        /p/shopping: shown
        /p/shop/../other: shown
        /p/shop/link: host-paths: system settings
        /p/shop/data: shown
        /p/shop/api: engine-socket: the socket of an engine
        /srv/data: shown
        /tmp/x: shown
        /mnt/disk: shown
        /: host-paths: the whole machine
        /p: shown
        /home: host-paths: all homes
        /home/me: host-paths: the home
        /home/me/src: shown
        /home/me/.ssh/id_rsa: host-paths: keys, tokens and settings of the home
        /home/me/.bashrc: host-paths: keys, tokens and settings of the home
        /home/me/.local/bin: host-paths: keys, tokens and settings of the home
        /home/me/bin/x: read shown; write host-paths: the user's programs
        /home/you: host-paths: the home
        /home/you/src: shown
        /home/you/.netrc: host-paths: keys, tokens and settings of the home
        /root: host-paths: root's home
        /root/x: shown
        /root/.ssh: host-paths: keys, tokens and settings of the home
        /Users/me/Library/Keychains: host-paths: keys and settings of the home
        ");
    }

    #[test]
    fn paths_of_the_system_are_shown_or_refused() {
        let paths = "/etc /etc/shadow /etc/localtime /etc/ssl/certs/ca.pem /usr /usr/share/zoneinfo/UTC /usr/local/bin /lib/x /opt /opt/app /boot/vmlinuz /var /var/log/syslog /var/spool/cron/crontabs /var/lib/docker/volumes /var/lib/app /var/www /run/udev /run/docker.sock /x/podman.sock /srv/engine/api /srv/engine /srv /proc/1/root /sys/kernel /dev/sda /data/devarch/secret.key /data /old";
        insta::assert_snapshot!(table(paths), @"
        /etc: host-paths: system settings
        /etc/shadow: host-paths: system settings
        /etc/localtime: read shown; write host-paths: system settings
        /etc/ssl/certs/ca.pem: read shown; write host-paths: system settings
        /usr: host-paths: system programs
        /usr/share/zoneinfo/UTC: read shown; write host-paths: system programs
        /usr/local/bin: read shown; write host-paths: system programs
        /lib/x: read shown; write host-paths: system libraries
        /opt: read shown; write host-paths: installed programs
        /opt/app: read shown; write host-paths: installed programs
        /boot/vmlinuz: read shown; write host-paths: the kernel
        /var: host-paths: system data
        /var/log/syslog: read shown; write host-paths: system logs
        /var/spool/cron/crontabs: read shown; write host-paths: scheduled jobs and mail
        /var/lib/docker/volumes: host-paths: an engine's data
        /var/lib/app: shown
        /var/www: shown
        /run/udev: host-paths: sockets of system services
        /run/docker.sock: engine-socket: the socket of an engine
        /x/podman.sock: engine-socket: the socket of an engine
        /srv/engine/api: engine-socket: the socket of an engine
        /srv/engine: engine-socket: it has the socket of an engine in it
        /srv: engine-socket: it has the socket of an engine in it
        /proc/1/root: host-paths: the kernel's view of processes
        /sys/kernel: host-paths: the kernel's settings
        /dev/sda: host-paths: devices
        /data/devarch/secret.key: host-paths: the data of a DevArch
        /data: host-paths: the data of a DevArch
        /old: host-paths: the data of a DevArch
        ");
    }

    #[test]
    fn sensitive_paths_are_refused_inside_the_project_too() {
        for (project, path) in [
            ("/home/me", "/home/me/.ssh"),
            ("/home/me", "/home/me"),
            ("/", "/etc/passwd"),
            ("/home/me/.config/shop", "/home/me/.config/shop/data"),
            ("/usr/local/shop", "/usr/local/shop/data"),
        ] {
            let judged = view().judge(path, Access::Write, Some(project));
            assert!(matches!(judged, Judgement::Refused(Allowance::HostPaths, _)), "{path} in {project}");
        }
        assert_eq!(verdict("/home/me/data", Access::Write, "/home/me"), "inside");
    }

    /// Generates other spellings of a path: detours, doubled slashes, a trailing slash.
    fn spelled(path: &'static str) -> impl Strategy<Value = String> {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let detours =
            prop::collection::vec("(/|/\\./|//|/x/\\.\\./|/\\.\\./|/\\.x/\\./\\.\\./)?", parts.len());
        (detours, "(/|/\\.|//|/y/\\.\\.)?").prop_map(move |(detours, end)| {
            let mut text = String::new();
            for (at, (part, detour)) in parts.iter().zip(&detours).enumerate() {
                // `..` is a no-op only at the beginning.
                let detour = if at > 0 && detour == "/../" { "" } else { detour };
                text.push_str(detour.trim_end_matches('/'));
                text.push('/');
                text.push_str(part);
            }
            text + &end
        })
    }

    proptest! {
        #[test]
        fn no_spelling_of_a_sensitive_path_gets_through(
            path in prop::sample::select(vec![
                "/etc/shadow", "/home/me", "/home/me/.ssh/id_rsa", "/home/you/.netrc", "/root/.ssh", "/proc/1",
                "/var/run/docker.sock", "/srv/engine/api", "/data/devarch", "/usr/bin", "/var/spool/cron", "/p/shop/link",
            ]).prop_flat_map(spelled),
        ) {
            for project in ["/p/shop", "/", "/home/me", "/etc"] {
                let judged = view().judge(&path, Access::Write, Some(project));
                prop_assert!(matches!(judged, Judgement::Refused(..)), "{path} in {project}: {judged:?}");
            }
        }

        #[test]
        fn a_link_to_a_sensitive_path_is_sensitive(
            path in prop::sample::select(vec![
                "/etc/shadow", "/home/me", "/home/me/.ssh/id_rsa", "/home/you/.netrc", "/proc/1", "/run/docker.sock",
            ]).prop_flat_map(spelled),
            link in "/p/shop(/[a-z]{1,4}){1,3}",
        ) {
            let mut view = view();
            view.real.insert(link.clone(), RealPath { path, kind: RealKind::Ordinary });
            let judged = view.judge(&link, Access::Read, Some("/p/shop"));
            prop_assert!(matches!(judged, Judgement::Refused(..)), "{link}: {judged:?}");
        }
    }
}
