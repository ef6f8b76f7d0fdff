//! Reads `wires`, `prefer` and `external` of a stack.

use super::{
    Node, ReadResult, Reader, Value,
    fields::At,
    grammar::printable,
    scalar::{nonempty, parsed, port, text},
    service::said_value,
    template::contract,
};
use crate::{
    name::{InstanceName, nearest},
    wire::{Contract, ExternalDecl, PRIMARY, Prefer, WireDecl, WireFrom, WireTo},
};
use std::collections::{BTreeMap, BTreeSet};

/// Reads a list of wires from an edit.
pub fn read_wires(node: &Node) -> ReadResult<Vec<WireDecl>> {
    let reader = Reader::new();
    let read = wires(&At::root(&reader, node));
    reader.finish(read)
}

/// Reads external providers by name from an edit.
pub fn read_external(node: &Node) -> ReadResult<BTreeMap<InstanceName, ExternalDecl>> {
    let reader = Reader::new();
    let read = external(&At::root(&reader, node));
    reader.finish(read)
}

/// Reads `prefer`, which resolves ambiguity, from an edit.
pub fn read_prefer(node: &Node) -> ReadResult<Prefer> {
    let reader = Reader::new();
    let read = prefer(&At::root(&reader, node));
    reader.finish(read)
}

/// `wires: [{from: backend.db, to: postgres-primary, contract: postgres}]`.
pub(crate) fn wires(at: &At<'_>) -> Option<Vec<WireDecl>> {
    at.list(wire)
}

fn wire(at: &At<'_>) -> Option<WireDecl> {
    let mut fields = at.fields()?;
    let from = fields.need("from", parsed::<WireFrom>);
    let to = fields.need("to", target);
    let contract = fields.take("contract", contract);
    fields.finish();
    Some(WireDecl { from: from?, to: to?, contract })
}

/// Reads a provider, `none`, or `{stack: infra, instance: db, export: main}`. An empty value is not `none`.
fn target(at: &At<'_>) -> Option<WireTo> {
    match &at.node.value {
        Value::Map(_) => {
            let mut fields = at.fields()?;
            let stack = fields.need("stack", parsed);
            let instance = fields.need("instance", parsed);
            let export = fields.take("export", printable);
            fields.finish();
            Some(WireTo::Other { stack: stack?, instance: instance?, export })
        }
        Value::Null => at.wrong("a provider is needed; write `none` for an import that is not to be wired"),
        _ => parsed(at),
    }
}

/// `prefer: primary`.
pub(crate) fn prefer(at: &At<'_>) -> Option<Prefer> {
    let given = nonempty(at)?;
    given.parse().ok().or_else(|| at.wrong(format!("{given:?} is not {PRIMARY}")))
}

/// `external: {NAME: {type: postgres, host: db.lan, port: 5432, user: shop}}`.
pub(crate) fn external(at: &At<'_>) -> Option<BTreeMap<InstanceName, ExternalDecl>> {
    let mut map = BTreeMap::new();
    for (name, entry) in at.entries()? {
        let value = provider(&entry);
        match name.parse::<InstanceName>() {
            Ok(name) => map.extend(value.map(|value| (name, value))),
            Err(error) => entry.key().tell(error.to_string()),
        }
    }
    Some(map)
}

fn provider(at: &At<'_>) -> Option<ExternalDecl> {
    let mut fields = at.fields()?;
    let contract = fields.need("type", contract);
    let host = fields.need("host", host);
    let port = fields.need("port", port);
    // Without a type the other fields are unknown.
    let contract = contract?;
    let mut properties = BTreeMap::new();
    for carried in Contract::builtin(contract).carries.iter().filter(|carried| !carried.property.is_given()) {
        let usual = carried.name();
        let mut names = vec![carried.property.as_str()];
        if usual != carried.property.as_str() {
            names.push(usual);
        }
        for name in names {
            let Some(value) = fields.take(name, said_value) else { continue };
            if properties.insert(carried.property, value).is_some() {
                let other = carried.property;
                fields.at.tell(format!("`{name}` and `{other}` are the same; keep one of them"));
            }
        }
    }
    fields.finish();
    Some(ExternalDecl { contract, host: host?, port: port?, properties })
}

/// Reads a host name or an address, without port, scheme or brackets.
fn host(at: &At<'_>) -> Option<String> {
    let host = text(at)?;
    let name = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    if host.parse::<std::net::IpAddr>().is_ok() || (!host.is_empty() && host.chars().all(name)) {
        return Some(host);
    }
    at.wrong(format!("{host:?} is not a host's name or address; port and scheme have fields of their own"))
}

/// Returns an error at its place for each name in a stack's `wires` that is neither an instance nor an external
/// provider. Invalid names are left to the reader.
pub(super) fn unknown_ends(wires: &At<'_>, instances: &BTreeSet<&str>, external: &BTreeSet<&str>) {
    let Value::List(_) = wires.node.value else { return };
    let providers: BTreeSet<&str> = instances.union(external).copied().collect();
    for item in wires.items().unwrap_or_default() {
        let Value::Map(_) = item.node.value else { continue };
        for (key, end) in item.entries().unwrap_or_default() {
            let Value::Text(written) = &end.node.value else { continue };
            let (name, known) = match key {
                "from" => (written.parse().ok().map(|from: WireFrom| from.instance), instances),
                "to" => (written.parse().ok().and_then(provider_of), &providers),
                _ => continue,
            };
            unknown_end(&end, name, known);
        }
    }
}

fn provider_of(to: WireTo) -> Option<InstanceName> {
    match to {
        WireTo::Provider { name, .. } => Some(name),
        WireTo::Nothing | WireTo::Other { .. } => None,
    }
}

fn unknown_end(at: &At<'_>, name: Option<InstanceName>, known: &BTreeSet<&str>) {
    let Some(name) = name.filter(|name| !known.contains(name.as_str())) else { return };
    at.tell_with(|| {
        let near = nearest(name.as_str(), known.iter().copied());
        let hint = near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
        format!("the stack has no instance '{name}'{hint}")
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diagnostic::Diagnostic, read::parse_yaml, wire::Property};

    fn shown(wrong: &[Diagnostic]) -> String {
        wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_form_of_a_wire_is_read_and_stored_unchanged() {
        let text = "
- {from: backend, to: postgres-primary, contract: postgres}
- {from: backend.cache, to: redis.main}
- {from: web, to: none, contract: http}
- {from: web.db, to: infra/db}
- {from: web.bus, to: {stack: infra, instance: bus, export: amqp}}
";
        let wires = read_wires(&parse_yaml(text).unwrap()).unwrap();
        insta::assert_snapshot!(serde_json::to_string(&wires).unwrap(), @r#"[{"from":"backend","to":"postgres-primary","contract":"postgres"},{"from":"backend.cache","to":"redis.main"},{"from":"web","to":"none","contract":"http"},{"from":"web.db","to":"infra/db"},{"from":"web.bus","to":"infra/bus.amqp"}]"#);
        let stored: Vec<WireDecl> = serde_json::from_str(&serde_json::to_string(&wires).unwrap()).unwrap();
        assert_eq!(stored, wires);
    }

    #[test]
    fn all_errors_in_wires_are_reported_with_line_and_column() {
        let text = "
- {from: Backend, to: db}
- {from: backend, contract: postgre}
- {from: backend., to: }
- {form: backend, to: {stack: infra}}
- backend
";
        insta::assert_snapshot!(shown(&read_wires(&parse_yaml(text).unwrap()).unwrap_err()), @r#"
        2:10: [0].from: "Backend" is not a valid instance name: only a-z, 0-9 and '-' are allowed; "backend" would be accepted
        3:3: [1]: `to` is missing
        3:29: [1].contract: "postgre" is not a contract type; known are postgres, mysql, mongodb, redis, memcached, amqp, kafka, nats, mqtt, elasticsearch, s3, smtp, http, grpc, tcp
        4:10: [2].from: "backend." has no name after the dot
        4:22: [2].to: a provider is needed; write `none` for an import that is not to be wired
        5:3: [3]: `from` is missing
        5:4: [3].form: unknown field `form`; did you mean `from`?
        5:23: [3].to: `instance` is missing
        6:3: [4]: expected a mapping, found a text
        "#);
    }

    #[test]
    fn external_providers_have_the_fields_of_their_type() {
        let text = "
db: {type: postgres, host: db.lan, port: 5432, user: shop, database: shop, password: {value: pw, secret: true}}
files: {type: s3, host: \"10.0.0.1\", port: 9000, access_key: key, secret_key: {value: pw, secret: true}, region: eu}
";
        let read = read_external(&parse_yaml(text).unwrap()).unwrap();
        let files = &read[&"files".parse().unwrap()];
        assert!(files.properties[&Property::Password].to_text().is_secret());
        assert_eq!(files.properties[&Property::User].to_text().reveal(), "key");
        assert_eq!(read[&"db".parse().unwrap()].properties.len(), 3);
    }

    #[test]
    fn all_errors_in_external_providers_are_reported_with_line_and_column() {
        let text = "
Db: {type: postgres, host: db.lan, port: 5432}
a: {type: postgers, host: x, port: 1}
b: {type: postgres, host: \"http://x\", port: 0, vhost: x}
c: {type: s3, host: x, port: 1, user: a, access_key: b, url: x}
d: {type: redis}
";
        insta::assert_snapshot!(shown(&read_external(&parse_yaml(text).unwrap()).unwrap_err()), @r#"
        2:1: Db: "Db" is not a valid instance name: only a-z, 0-9 and '-' are allowed; "db" would be accepted
        3:11: a.type: "postgers" is not a contract type; known are postgres, mysql, mongodb, redis, memcached, amqp, kafka, nats, mqtt, elasticsearch, s3, smtp, http, grpc, tcp
        4:27: b.host: "http://x" is not a host's name or address; port and scheme have fields of their own
        4:45: b.port: port 0 is out of range, ports go from 1 to 65535
        4:48: b.vhost: unknown field `vhost`; did you mean `host`?
        5:4: c: `access_key` and `user` are the same; keep one of them
        5:57: c.url: unknown field `url`; known are type, host, port, scheme, user, access_key, password, secret_key, bucket, region
        6:4: d: `host` is missing
        6:4: d: `port` is missing
        "#);
    }

    #[test]
    fn unknown_names_in_wires_are_reported_with_their_place() {
        let text = "
- {from: bakend.db, to: postgres}
- {from: backend, to: postgras.x}
- {from: backend, to: lan-db}
- {from: backend, to: none}
";
        let (node, reader) = (parse_yaml(text).unwrap(), Reader::new());
        let instances = BTreeSet::from(["backend", "postgres"]);
        unknown_ends(&At::root(&reader, &node), &instances, &BTreeSet::from(["lan-db"]));
        insta::assert_snapshot!(shown(&reader.into_found()), @"
        2:10: [0].from: the stack has no instance 'bakend'; did you mean 'backend'?
        3:23: [1].to: the stack has no instance 'postgras'; did you mean 'postgres'?
        ");
    }
}
