//! The fields of a service in `docs/reference/devarch-yml.md`: their names, where they are allowed and how they merge
//! are checked against the program.

use crate::generated::hold;
use devarch_core::{
    read::{OVERRIDE_FIELDS, SERVICE_FIELDS, parse_yaml, read_overrides, read_template},
    resolve::merge,
    template::{Overrides, Template},
};
use serde_json::Value;
use std::fmt::Write as _;

/// How an instance's value is combined with its template's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Merge {
    /// Replaces the template's value.
    Whole,
    /// Replaces both the image and the build.
    ImageAndBuild,
    /// Replaces the whole list; the named field appends to it.
    List(&'static str),
    /// Appends to the inherited list of that name.
    Adds(&'static str),
    /// Merges by key.
    ByKey,
}

impl Merge {
    fn words(self) -> String {
        match self {
            Self::Whole => "replaces".to_owned(),
            Self::ImageAndBuild => "replaces `image` and `build`".to_owned(),
            Self::List(adds) => format!("replaces the list; `{adds}` adds to it"),
            Self::Adds(list) => format!("adds to `{list}` by key; `null` removes an entry"),
            Self::ByKey => "merges by key, the instance wins".to_owned(),
        }
    }
}

/// A row of the page.
struct Field {
    name: &'static str,
    form: &'static str,
    meaning: &'static str,
    merge: Merge,
    /// A template's value and an instance's; different if there are two.
    samples: [&'static str; 2],
}

const fn field(
    name: &'static str,
    (form, meaning): (&'static str, &'static str),
    merge: Merge,
    samples: [&'static str; 2],
) -> Field {
    Field { name, form, meaning, merge, samples }
}

use Merge::{Adds, ByKey, ImageAndBuild, List, Whole};

const FIELDS: &[Field] = &[
    field(
        "image",
        ("image name", "the image, passed to the engine as written"),
        ImageAndBuild,
        ["a:1", "b:1"],
    ),
    field(
        "build",
        ("directory or [object](#build)", "how the image is built"),
        ImageAndBuild,
        ["./a", "./b"],
    ),
    field(
        "pull_policy",
        ("`missing`, `always`, `never`, `build`", "when the image is pulled"),
        Whole,
        ["always", "never"],
    ),
    field(
        "platform",
        ("`OS[/ARCH[/VARIANT]]`", "the image's platform"),
        Whole,
        ["linux/amd64", "linux/arm64"],
    ),
    field("command", ("text or list", "the command, in place of the image's"), Whole, ["[a]", "[b]"]),
    field("entrypoint", ("text or list", "the entrypoint, in place of the image's"), Whole, ["[a]", "[b]"]),
    field("user", ("`\"UID[:GID]\"`", "the user, by number"), Whole, ["\"1000:1000\"", "\"1\""]),
    field("working_dir", ("path", "the working directory"), Whole, ["/a", "/b"]),
    field(
        "hostname",
        ("host name", "the container's host name, also an alias in its network"),
        Whole,
        ["a", "b"],
    ),
    field(
        "restart",
        (
            "`no`, `always`, `unless-stopped`, `on-failure[:N]`",
            "when the engine restarts it; `always` is `unless-stopped`",
        ),
        Whole,
        ["unless-stopped", "on-failure:3"],
    ),
    field("job", ("bool", "runs once to its end; exit code 0 is success"), Whole, ["true", "false"]),
    field("init", ("bool", "an init process as process 1"), Whole, ["true", "false"]),
    field("tty", ("bool", "a terminal"), Whole, ["true", "false"]),
    field("stdin_open", ("bool", "stdin is kept open"), Whole, ["true", "false"]),
    field("read_only", ("bool", "the root file system is read-only"), Whole, ["true", "false"]),
    field("privileged", ("bool", "all privileges; needs `allow: [privileged]`"), Whole, ["true", "false"]),
    field(
        "network_mode",
        ("`host`, `none`", "in place of the stack's network; `host` needs `allow: [host-network]`"),
        Whole,
        ["host", "none"],
    ),
    field("pid", ("`host`", "the host's processes; needs `allow: [host-pid]`"), Whole, ["host", "host"]),
    field(
        "ipc",
        ("`host`, `private`, `shareable`", "the IPC namespace; `host` needs `allow: [host-ipc]`"),
        Whole,
        ["host", "private"],
    ),
    field("stop_signal", ("signal", "the signal that stops it"), Whole, ["SIGINT", "SIGTERM"]),
    field(
        "stop_grace_period",
        ("duration", "time until it is killed when it is stopped"),
        Whole,
        ["5s", "1m"],
    ),
    field("shm_size", ("size", "size of `/dev/shm`"), Whole, ["64M", "128M"]),
    field(
        "environment",
        (
            "mapping or list of `NAME=value`",
            "variables; a value may be [generated or secret](#values-of-variables)",
        ),
        List("environment_add"),
        ["{A: \"1\"}", "{B: \"2\"}"],
    ),
    field(
        "labels",
        (
            "mapping or list of `NAME=value`",
            "labels; of those that begin with `devarch.` only `devarch.role`",
        ),
        ByKey,
        ["{a: \"1\"}", "{b: \"2\"}"],
    ),
    field(
        "ports",
        ("list of [ports](#ports)", "published ports"),
        List("ports_add"),
        ["[\"80\"]", "[\"81\"]"],
    ),
    field(
        "volumes",
        ("list of [mounts](#volumes)", "named volumes and host paths"),
        List("volumes_add"),
        ["[\"a:/a\"]", "[\"b:/b\"]"],
    ),
    field("tmpfs", ("path, [mount](#tmpfs), or a list", "file systems in memory"), Whole, ["/a", "/b"]),
    field(
        "secrets",
        ("list of names or [objects](#secrets-as-files)", "secrets of the stack as files"),
        Whole,
        ["[A]", "[B]"],
    ),
    field(
        "healthcheck",
        ("[object](#health-check)", "how health is judged"),
        Whole,
        ["{test: [CMD, a], interval: 5s}", "{test: [CMD, b]}"],
    ),
    field(
        "depends_on",
        ("list of instances, or [mapping](#dependencies)", "what has to be ready before it starts"),
        Whole,
        ["[a]", "[b]"],
    ),
    field(
        "extra_hosts",
        ("mapping, or list of `HOST:ADDRESS`", "entries of `/etc/hosts`"),
        Whole,
        ["{a: 10.0.0.1}", "{b: 10.0.0.2}"],
    ),
    field("dns", ("address or list", "name servers"), Whole, ["10.0.0.1", "10.0.0.2"]),
    field(
        "cap_add",
        ("capability or list", "capabilities to add; dangerous ones need `allow: [capabilities]`"),
        Whole,
        ["NET_RAW", "CHOWN"],
    ),
    field("cap_drop", ("capability or list", "capabilities to drop"), Whole, ["ALL", "CHOWN"]),
    field(
        "devices",
        ("device or list", "devices of the host; needs `allow: [devices]`"),
        Whole,
        ["/dev/null", "/dev/zero"],
    ),
    field(
        "security_opt",
        ("option or list", "security options; those that switch confinement off need `allow: [unconfined]`"),
        Whole,
        ["no-new-privileges", "label=type:container_t"],
    ),
    field("group_add", ("group or list", "further groups"), Whole, ["a", "b"]),
    field(
        "sysctls",
        ("mapping or list of `NAME=value`", "kernel parameters"),
        Whole,
        ["{net.core.somaxconn: 1}", "{net.core.somaxconn: 2}"],
    ),
    field(
        "ulimits",
        ("mapping to a number or [object](#ulimits)", "kernel limits"),
        Whole,
        ["{nofile: 1}", "{nofile: 2}"],
    ),
    field(
        "resources",
        ("[object](#resources)", "Compose's `deploy.resources`"),
        Whole,
        ["{limits: {memory: 1g}}", "{limits: {cpus: \"1\"}}"],
    ),
    field(
        "environment_add",
        ("as `environment`", "variables beside the inherited ones"),
        Adds("environment"),
        ["{A: \"1\", C: \"1\"}", "{B: \"2\", C: null}"],
    ),
    field(
        "ports_add",
        ("as `ports`, or mapping from container port", "ports beside the inherited ones"),
        Adds("ports"),
        ["[\"80\", \"82\"]", "{\"81\": auto, \"82\": null}"],
    ),
    field(
        "volumes_add",
        ("as `volumes`, or mapping from target", "mounts beside the inherited ones"),
        Adds("volumes"),
        ["[\"a:/a\", \"c:/c\"]", "{/b: b, /c: null}"],
    ),
    field(
        "config_files",
        (
            "mapping from path in the container to content or [object](#config-files)",
            "files put there before it starts; `null` removes an inherited one",
        ),
        ByKey,
        ["{/a: x}", "{/b: y}"],
    ),
    field(
        "exports",
        ("list of [exports](#exports)", "what it offers"),
        Whole,
        ["[{name: a, type: tcp, port: 1}]", "[{name: b, type: tcp, port: 2}]"],
    ),
    field(
        "imports",
        ("list of [imports](#imports)", "what it needs"),
        Whole,
        ["[{name: a, type: tcp}]", "[{name: b, type: tcp}]"],
    ),
];

const PLAIN: &str = "name: t\nimage: plain:1\n";

fn template(text: &str) -> Option<Template> {
    read_template(&parse_yaml(text).unwrap(), None).ok()
}

fn overrides(text: &str) -> Option<Overrides> {
    read_overrides(&parse_yaml(text).unwrap()).ok()
}

/// A field of the effective config.
fn effective(template: &Template, overrides: &Overrides, field: &str) -> Value {
    let effective = merge(template, overrides);
    let json = |value: Result<Value, serde_json::Error>| value.unwrap();
    match field {
        "config_files" => json(serde_json::to_value(&effective.config_files)),
        "exports" => json(serde_json::to_value(&effective.exports)),
        "imports" => json(serde_json::to_value(&effective.imports)),
        _ => json(serde_json::to_value(&effective.service))[field].clone(),
    }
}

fn entries(value: &Value) -> usize {
    value.as_object().map(serde_json::Map::len).or_else(|| value.as_array().map(Vec::len)).unwrap_or_default()
}

impl Field {
    /// Where the program allows the field.
    fn allowed(&self) -> &'static str {
        let value = self.samples[1];
        let own = if matches!(self.name, "image" | "build") { "name: t\n" } else { PLAIN };
        let in_template = template(&format!("{own}{}: {value}\n", self.name)).is_some();
        let in_instance = overrides(&format!("{}: {value}\n", self.name)).is_some();
        match (in_template, in_instance) {
            (true, true) => "both",
            (true, false) => "template",
            (false, true) => "instance",
            (false, false) => panic!("{}: {value} is read nowhere", self.name),
        }
    }

    /// A template with the first sample of the named field.
    fn base(&self, name: &str) -> Template {
        let value = self.samples[0];
        let text = if name == "image" {
            format!("name: t\n{name}: {value}\n")
        } else {
            format!("{PLAIN}{name}: {value}\n")
        };
        template(&text).unwrap_or_else(|| panic!("{name}: {value} is not read"))
    }

    /// Fails unless the program merges the field as documented.
    fn merges(&self) {
        let over = overrides(&format!("{}: {}\n", self.name, self.samples[1])).unwrap();
        let alone = effective(&template(PLAIN).unwrap(), &over, self.name);
        match self.merge {
            Whole | List(_) => {
                let base = self.base(self.name);
                assert_eq!(effective(&base, &over, self.name), alone, "{}", self.name);
                let inherited = effective(&base, &Overrides::default(), self.name);
                assert!(!inherited.is_null(), "{}: is not inherited", self.name);
                assert_eq!(inherited == alone, self.samples[0] == self.samples[1], "{}", self.name);
            }
            ImageAndBuild => {
                let both = template("name: t\nimage: a:1\nbuild: ./a\n").unwrap();
                let other = if self.name == "image" { "build" } else { "image" };
                assert_eq!(effective(&both, &over, self.name), alone);
                assert!(effective(&both, &over, other).is_null(), "{other} stays");
            }
            Adds(list) => {
                let base = self.base(list);
                assert_eq!(entries(&effective(&base, &Overrides::default(), list)), 2);
                let merged = effective(&base, &over, list);
                assert_eq!(entries(&merged), 2, "{}: one is added, one removed: {merged}", self.name);
                assert_ne!(merged, effective(&base, &Overrides::default(), list));
            }
            ByKey => {
                let merged = effective(&self.base(self.name), &over, self.name);
                assert_eq!(entries(&merged), 2, "{}: {merged}", self.name);
            }
        }
    }
}

/// Checks the page against the program's fields.
pub(crate) fn check_fields() {
    let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    assert_eq!(names, [SERVICE_FIELDS, OVERRIDE_FIELDS].concat(), "left: this table, right: the reader");
    let mut table =
        String::from("| field | form | meaning | in | an instance's value |\n|---|---|---|---|---|\n");
    for field in FIELDS {
        let Field { name, form, meaning, merge, .. } = field;
        writeln!(table, "| `{name}` | {form} | {meaning} | {} | {} |", field.allowed(), merge.words())
            .unwrap();
    }
    hold("docs/reference/devarch-yml.md", "fields", &table);
}

#[test]
fn every_field_merges_as_documented() {
    for field in FIELDS {
        field.merges();
    }
}
