//! The objects of a devarch.yml in `docs/reference/devarch-yml.md`: their fields are read from the program's error
//! for an unknown field.

use crate::generated::hold;
use devarch_core::read::{OVERRIDE_FIELDS, SERVICE_FIELDS, parse_yaml, read_project};
use std::{collections::BTreeSet, fmt::Write as _};

/// A field that the program does not know and has no suggestion for.
const UNKNOWN: &str = "zzzzzzzzzzzzzzzz";

/// An object of a devarch.yml.
struct Object {
    /// The page's section that lists its fields.
    name: &'static str,
    /// A devarch.yml with `@` where the unknown field is inserted.
    example: &'static str,
    /// Whether service fields are allowed next to its own.
    is_service: bool,
    /// Field, type, meaning.
    fields: &'static [(&'static str, &'static str, &'static str)],
}

/// The start of an instance, before the field with the object.
macro_rules! in_instance {
    ($text:literal) => {
        concat!("version: \"1\"\nstacks: {s: {instances: {i: {template: t, ", $text, "}}}}\n")
    };
}

macro_rules! in_stack {
    ($text:literal) => {
        concat!("version: \"1\"\nstacks: {s: {instances: {}, ", $text, "}}\n")
    };
}

const OBJECTS: &[Object] = &[
    Object {
        name: "file",
        example: "version: \"1\"\nstacks: {s: {instances: {}}}\n@\n",
        is_service: false,
        fields: &[
            ("version", "`\"1\"`", "required; the version of the format"),
            (
                "templates",
                "mapping from name to [template](#template)",
                "the project's own templates; they win over the catalog's",
            ),
            ("stacks", "mapping from name to [stack](#stack)", "required, at least one"),
        ],
    },
    Object {
        name: "stack",
        example: in_stack!("@"),
        is_service: false,
        fields: &[
            ("allow", "list of [allowances](#allowances)", "what policy refuses otherwise"),
            (
                "secrets",
                "mapping from name to nothing or [object](#secrets-of-a-stack)",
                "the secrets that `${secret:NAME}` refers to",
            ),
            ("wires", "list of [wires](#wires)", "who is wired to whom, where it is not obvious"),
            ("prefer", "`primary`", "of several providers, the one with the label `devarch.role: primary`"),
            ("external", "mapping from name to [object](#external-providers)", "providers outside the stack"),
            ("instances", "mapping from name to [instance](#instance)", "required"),
        ],
    },
    Object {
        name: "template",
        example: "version: \"1\"\ntemplates: {t: {image: i, @}}\nstacks: {s: {instances: {}}}\n",
        is_service: true,
        fields: &[
            ("name", "name", "its name; in a devarch.yml the key says it"),
            ("description", "text", "one line on what it is"),
        ],
    },
    Object {
        name: "instance",
        example: in_instance!("@"),
        is_service: true,
        fields: &[
            ("template", "name", "required; the template it is created from"),
            ("enabled", "bool", "`false`: its container is removed; default `true`"),
        ],
    },
    Object {
        name: "build",
        example: in_instance!("build: {@}"),
        is_service: false,
        fields: &[
            ("context", "directory", "what is sent to the engine; default `.`"),
            ("dockerfile", "path in the context", "default `Dockerfile`"),
            ("dockerfile_inline", "text", "the instructions themselves, in place of `dockerfile`"),
            (
                "args",
                "mapping or list of `NAME=value`",
                "build arguments; a value may be `{value, secret: true}`",
            ),
            ("target", "stage", "the stage to stop at; default the last"),
        ],
    },
    Object {
        name: "ports",
        example: in_instance!("ports: [{target: 80, @}]"),
        is_service: false,
        fields: &[
            ("target", "1 to 65535", "required; the container's port"),
            (
                "published",
                "port or `auto`",
                "the host's port; default `auto`: DevArch chooses one and keeps it",
            ),
            ("host_ip", "address", "the host's address; default `127.0.0.1`"),
            ("protocol", "`tcp`, `udp`", "default `tcp`"),
        ],
    },
    Object {
        name: "volumes",
        example: in_instance!("volumes: [{source: a, target: /a, @}]"),
        is_service: false,
        fields: &[
            ("type", "`volume`, `bind`", "default by `source`: a path is `bind`"),
            ("source", "name or path", "required; a volume of the instance's own, or a path of the host"),
            ("target", "path", "required; the path in the container"),
            ("read_only", "bool", "default `false`"),
        ],
    },
    Object {
        name: "tmpfs",
        example: in_instance!("tmpfs: {target: /a, @}"),
        is_service: false,
        fields: &[
            ("target", "path", "required; the path in the container"),
            ("size", "size", "its upper limit"),
            ("mode", "octal text", "permission bits of its root"),
        ],
    },
    Object {
        name: "value",
        example: in_instance!("environment: {A: {value: x, @}}"),
        is_service: false,
        fields: &[
            ("value", "text", "required; the value"),
            ("secret", "bool", "`true`: it is shown nowhere"),
        ],
    },
    Object {
        name: "generated",
        example: in_instance!("environment: {A: {generate: 32, @}}"),
        is_service: false,
        fields: &[
            (
                "generate",
                "`true`, a length, or `{length, charset}`",
                "required; the value is generated once for each instance",
            ),
            ("secret", "bool", "it always is one"),
            ("value", "-", "refused beside `generate`"),
        ],
    },
    Object {
        name: "generate",
        example: in_instance!("environment: {A: {generate: {@}}}"),
        is_service: false,
        fields: &[
            ("length", "16 to 1024", "default 32"),
            ("charset", "`alphanumeric`, `hex`, `base64url`, `printable`", "default `alphanumeric`"),
        ],
    },
    Object {
        name: "health",
        example: in_instance!("healthcheck: {test: a, @}"),
        is_service: false,
        fields: &[
            (
                "test",
                "text, or list that begins with `CMD`, `CMD-SHELL` or `NONE`",
                "required unless `disable`; the command",
            ),
            ("disable", "bool", "`true`: no check, even if the image has one"),
            ("interval", "duration", "between two checks; default 30 s"),
            ("timeout", "duration", "of one check; default 30 s"),
            ("retries", "number", "failures in a row that make it unhealthy; default 3"),
            ("start_period", "duration", "after the start, in which failures do not count"),
            (
                "start_interval",
                "duration",
                "between checks in the start period, for engines that know it (Docker 25)",
            ),
        ],
    },
    Object {
        name: "dependency",
        example: in_instance!("depends_on: {a: {@}}"),
        is_service: false,
        fields: &[
            (
                "condition",
                "`ready`, `service_started`, `service_healthy`, `service_completed_successfully`",
                "default `ready`: healthy if it has a check, exited 0 if it is a job, running otherwise",
            ),
            ("restart", "bool", "restarted when the provider is replaced; default `false`"),
            ("required", "bool", "a missing provider is an error; default `true`"),
        ],
    },
    Object {
        name: "ulimit",
        example: in_instance!("ulimits: {nofile: {soft: 1, hard: 2, @}}"),
        is_service: false,
        fields: &[
            ("soft", "number", "required; what the process starts with"),
            ("hard", "number", "required; how far it may raise it"),
        ],
    },
    Object {
        name: "resources",
        example: in_instance!("resources: {@}"),
        is_service: false,
        fields: &[
            ("limits", "object, see below", "upper bounds"),
            ("reservations", "`{memory: SIZE}`", "what the engine should keep free"),
        ],
    },
    Object {
        name: "resource-limits",
        example: in_instance!("resources: {limits: {@}}"),
        is_service: false,
        fields: &[
            ("cpus", "number as text", "processors"),
            ("memory", "size", "memory"),
            ("pids", "number", "processes and threads"),
        ],
    },
    Object {
        name: "reservations",
        example: in_instance!("resources: {reservations: {@}}"),
        is_service: false,
        fields: &[("memory", "size", "memory")],
    },
    Object {
        name: "secret-file",
        example: in_instance!("secrets: [{source: A, @}]"),
        is_service: false,
        fields: &[
            ("source", "name", "required; a secret of the stack"),
            ("target", "path, or name in `/run/secrets`", "default `/run/secrets/NAME`"),
            ("uid", "number", "its owner; default the container's `user`"),
            ("gid", "number", "its group; default that of the container's `user`"),
            ("mode", "octal text", "default `\"0400\"`"),
        ],
    },
    Object {
        name: "config-file",
        example: in_instance!("config_files: {/a: {content: x, @}}"),
        is_service: false,
        fields: &[
            ("content", "text", "what is in it"),
            ("file", "path", "or the file it is read from when the stack is loaded"),
            ("mode", "octal text", "default `\"0644\"`, `\"0600\"` where it is secret"),
            ("owner", "`\"UID:GID\"`", "default root"),
            ("secret", "bool", "`true`: its content is shown nowhere"),
        ],
    },
    Object {
        name: "export",
        example: in_instance!("exports: [{name: a, type: tcp, port: 1, @}]"),
        is_service: false,
        fields: &[
            ("name", "text", "required, once in a template"),
            ("type", "[contract](contracts.md)", "required"),
            ("port", "1 to 65535", "required; the container's port"),
            (
                "properties",
                "mapping",
                "what consumers get besides; `${env:NAME}` is a variable of the instance",
            ),
            ("provision", "object, see below", "how a consumer's own login is created"),
        ],
    },
    Object {
        name: "provision",
        example: in_instance!("exports: [{name: a, type: tcp, port: 1, provision: {command: [a], @}}]"),
        is_service: false,
        fields: &[
            ("command", "text or list", "required; creates the login, and may run again"),
            ("remove", "text or list", "removes it with its data"),
        ],
    },
    Object {
        name: "import",
        example: in_instance!("imports: [{name: a, type: tcp, @}]"),
        is_service: false,
        fields: &[
            ("name", "text", "required, once in a template; variables are named after it"),
            ("type", "[contract](contracts.md)", "required"),
            ("required", "bool", "a missing provider is an error; default `true`"),
            ("own", "bool", "a login of its own; default `false`"),
            (
                "environment",
                "mapping",
                "the variables, in place of the contract's: `{DATABASE_URL: \"{url}\"}`",
            ),
        ],
    },
    Object {
        name: "wire",
        example: in_stack!("wires: [{from: a, to: b, @}]"),
        is_service: false,
        fields: &[
            ("from", "`INSTANCE[.IMPORT]`", "required; the consumer"),
            (
                "to",
                "`[STACK/]INSTANCE[.EXPORT]`, a name of `external`, `none`, or `{stack, instance, export}`",
                "required; the provider",
            ),
            ("contract", "[contract](contracts.md)", "the type, where the import is not named"),
        ],
    },
    Object {
        name: "wire-to",
        example: in_stack!("wires: [{from: a, to: {stack: b, instance: c, @}}]"),
        is_service: false,
        fields: &[
            ("stack", "name", "required; another stack"),
            ("instance", "name", "required; its instance"),
            ("export", "name", "its export, where the type does not decide"),
        ],
    },
    Object {
        name: "stack-secret",
        example: in_stack!("secrets: {A: {@}}"),
        is_service: false,
        fields: &[(
            "generate",
            "`true`, a length, or `{length, charset}`",
            "DevArch generates it; otherwise you set it",
        )],
    },
];

/// The fields that the program lists for an object.
fn known(object: &Object) -> BTreeSet<String> {
    let name = object.name;
    let text = object.example.replace('@', &format!("{UNKNOWN}: 1"));
    let wrong = read_project(&parse_yaml(&text).unwrap()).unwrap_err();
    let begin = format!("unknown field `{UNKNOWN}`; known are ");
    let known = wrong.iter().find_map(|it| it.message.strip_prefix(&begin));
    known.unwrap_or_else(|| panic!("{name}: {wrong}")).split(", ").map(str::to_owned).collect()
}

/// Checks the page against the fields of every object.
pub(crate) fn check_objects() {
    for object in OBJECTS {
        let mut known = known(object);
        if object.is_service {
            let service: Vec<&str> = SERVICE_FIELDS.iter().chain(OVERRIDE_FIELDS).copied().collect();
            known.retain(|field| !service.contains(&field.as_str()));
        }
        let listed: BTreeSet<String> = object.fields.iter().map(|(field, ..)| (*field).to_owned()).collect();
        assert_eq!(listed, known, "{}: left: this table, right: the reader", object.name);
        let mut table = String::from("| field | form | meaning |\n|---|---|---|\n");
        for (field, form, meaning) in object.fields {
            writeln!(table, "| `{field}` | {form} | {meaning} |").unwrap();
        }
        hold("docs/reference/devarch-yml.md", object.name, &table);
    }
}

#[test]
fn an_external_provider_has_the_fields_of_its_contract() {
    let example = Object {
        name: "external",
        example: in_stack!("external: {a: {type: amqp, host: h, port: 1, @}}"),
        is_service: false,
        fields: &[],
    };
    let expected = ["host", "password", "port", "scheme", "type", "user", "vhost"].map(str::to_owned);
    assert_eq!(known(&example), expected.into(), "what the page says of `external`");
}
