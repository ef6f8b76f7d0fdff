use super::{
    Node, ReadResult, Reader, Value,
    fields::At,
    scalar::{boolean, parsed, text},
    secrets::declaration,
    template::{overrides, template},
    wires::{external, prefer, wires},
};
use crate::{
    name::{InstanceName, StackName, TemplateName},
    policy::Allowance,
    stack::{InstanceFile, StackFile},
    template::Template,
    wire::Wiring,
};
use std::collections::BTreeMap;

/// The maximum number of instances in a stack of a devarch.yml.
pub const MOST_INSTANCES: usize = 1_000;

/// The content of a devarch.yml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectFile {
    /// Templates defined in the file, which take precedence over the catalog's.
    pub templates: BTreeMap<TemplateName, Template>,
    /// The stacks it declares.
    pub stacks: BTreeMap<StackName, StackFile>,
}

/// Reads a devarch.yml; reports all its errors at once.
pub fn read_project(node: &Node) -> ReadResult<ProjectFile> {
    let reader = Reader::new();
    let read = project(&At::root(&reader, node));
    reader.finish(read)
}

fn project(at: &At<'_>) -> Option<ProjectFile> {
    let mut fields = at.fields()?;
    fields.need("version", version);
    let templates = fields.take("templates", templates).unwrap_or_default();
    let stacks = fields.need("stacks", stacks);
    fields.finish();
    Some(ProjectFile { templates, stacks: stacks? })
}

fn stacks(at: &At<'_>) -> Option<BTreeMap<StackName, StackFile>> {
    if matches!(&at.node.value, Value::Map(entries) if entries.is_empty()) {
        return at.wrong("no stack is declared; add one: `NAME: {instances: {}}`");
    }
    named(at, stack)
}

/// Accepts `"1"`; `"1.x"` is a later minor version, whose fields this program may not know.
fn version(at: &At<'_>) -> Option<()> {
    let version = text(at)?;
    match version.split('.').next() {
        _ if version == "1" => Some(()),
        Some("1") => at
            .wrong(format!("version {version:?} was written by a newer DevArch; upgrade DevArch to read it")),
        Some(major) if major.parse::<u32>().is_ok_and(|major| major > 1) => {
            at.wrong(format!("version {version:?} is newer than this DevArch reads (\"1\"); upgrade DevArch"))
        }
        _ => at.wrong(format!("version {version:?} is unknown; write version: \"1\"")),
    }
}

fn templates(at: &At<'_>) -> Option<BTreeMap<TemplateName, Template>> {
    let mut templates = BTreeMap::new();
    for (name, entry) in at.entries()? {
        match name.parse::<TemplateName>() {
            Ok(name) => {
                if let Some(template) = template(&entry, Some(&name)) {
                    templates.insert(name, template);
                }
            }
            Err(error) => entry.key().tell(error.to_string()),
        }
    }
    Some(templates)
}

/// Reads a mapping whose keys are names.
fn named<N, T>(at: &At<'_>, read: impl Fn(&At<'_>) -> Option<T>) -> Option<BTreeMap<N, T>>
where
    N: std::str::FromStr + Ord,
    N::Err: std::fmt::Display,
{
    let mut map = BTreeMap::new();
    for (name, entry) in at.entries()? {
        let value = read(&entry);
        match name.parse() {
            Ok(name) => map.extend(value.map(|value| (name, value))),
            Err(error) => entry.key().tell(format!("{error}")),
        }
    }
    Some(map)
}

fn stack(at: &At<'_>) -> Option<StackFile> {
    let mut fields = at.fields()?;
    let allow = fields.take("allow", |at| at.list(allowance)).unwrap_or_default();
    let secrets = fields.take("secrets", |at| named(at, declaration)).unwrap_or_default();
    let wiring = Wiring {
        wires: fields.take("wires", wires).unwrap_or_default(),
        prefer: fields.take("prefer", prefer),
        external: fields.take("external", external).unwrap_or_default(),
    };
    let instances = fields.need("instances", instances);
    fields.finish();
    Some(StackFile { allow: allow.into_iter().collect(), secrets, wiring, instances: instances? })
}

fn instances(at: &At<'_>) -> Option<BTreeMap<InstanceName, InstanceFile>> {
    if let Value::Map(entries) = &at.node.value
        && entries.len() > MOST_INSTANCES
    {
        let found = entries.len();
        return at.wrong(format!("it has {found} instances; a stack may have at most {MOST_INSTANCES}"));
    }
    named(at, instance)
}

fn allowance(at: &At<'_>) -> Option<Allowance> {
    let name = text(at)?;
    name.parse().ok().or_else(|| {
        let known = Allowance::ALL.map(Allowance::as_str).join(", ");
        at.wrong(format!("{name:?} is not something a stack can allow; known are {known}"))
    })
}

fn instance(at: &At<'_>) -> Option<InstanceFile> {
    let mut fields = at.fields()?;
    let template = fields.need("template", parsed);
    let enabled = fields.take("enabled", boolean).unwrap_or(true);
    let overrides = overrides(&mut fields);
    fields.finish();
    Some(InstanceFile { template: template?, enabled, overrides })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::parse_yaml;

    fn read(text: &str) -> ReadResult<ProjectFile> {
        read_project(&parse_yaml(text).unwrap())
    }

    #[test]
    fn all_errors_are_reported_at_once_with_line_and_column() {
        let wrong = read(
            r#"
version: "1"
stacks:
  shop:
    instances:
      Web:
        template: nginx
        imagee: x
        ports: ["99999", "80", "80"]
        environment: [A]
      db:
        healthcheck: {interval: 5s}
        volumes: ["/data"]
        restart: sometimes
    wires: [{from: db, to: }]
    prefer: first
"#,
        )
        .unwrap_err();
        let shown: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        6:7: stacks.shop.instances.Web: "Web" is not a valid instance name: only a-z, 0-9 and '-' are allowed; "web" would be accepted
        8:9: stacks.shop.instances.Web.imagee: unknown field `imagee`; did you mean `image`?
        9:17: stacks.shop.instances.Web.ports[0]: port 99999 is out of range, ports go from 1 to 65535
        9:32: stacks.shop.instances.Web.ports[2]: container port 80/tcp is published twice
        10:23: stacks.shop.instances.Web.environment[0]: "A" is not of the form NAME=value
        12:9: stacks.shop.instances.db: `template` is missing
        12:22: stacks.shop.instances.db.healthcheck: `test` is missing
        13:19: stacks.shop.instances.db.volumes[0]: "/data" has no name; write NAME:/data so that its data can be found again
        14:18: stacks.shop.instances.db.restart: "sometimes" is not one of no, always, unless-stopped, on-failure, on-failure:N
        15:26: stacks.shop.wires[0].to: a provider is needed; write `none` for an import that is not to be wired
        16:13: stacks.shop.prefer: "first" is not primary
        "#);
    }

    #[test]
    fn a_stack_has_at_most_a_thousand_instances() {
        let of = |count: usize| {
            let instances: String =
                (0..count).map(|n| format!("      i{n}: {{template: t}}\n")).collect::<Vec<_>>().concat();
            read(&format!("version: \"1\"\nstacks:\n  s:\n    instances:\n{instances}"))
        };
        assert!(of(MOST_INSTANCES).is_ok());
        let wrong = of(MOST_INSTANCES + 1).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "5:7: stacks.s.instances: it has 1001 instances; a stack may have at most 1000"
        );
    }

    #[test]
    fn a_newer_version_is_rejected_with_advice() {
        let wrong = read("version: \"2\"\nstacks: {}\n").unwrap_err();
        assert!(wrong[0].message.contains("upgrade DevArch"), "{wrong:?}");
    }

    #[test]
    fn short_and_long_forms_are_equivalent() {
        let short = "{template: t, ports: [\"127.0.0.1:8080:80\"], volumes: [\"data:/d:ro\"], environment: [\"A=1\"]}";
        let long = "{template: t, ports: [{target: 80, published: 8080, host_ip: 127.0.0.1}], \
                    volumes: [{type: volume, source: data, target: /d, read_only: true}], environment: {A: 1}}";
        let of =
            |text| read(&format!("version: \"1\"\nstacks: {{s: {{instances: {{i: {text}}}}}}}")).unwrap();
        assert_eq!(of(short), of(long));
    }
}
