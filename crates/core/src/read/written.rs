//! Values in the forms that a person would write.

use crate::{
    name::InstanceName,
    port::Protocol,
    template::{
        Build, ConfigContent, ConfigFile, Dependency, DependencyCondition, EnvValue, HealthTest, Healthcheck,
        HostPortChoice, MountSource, PortSpec, PullPolicy, Resources, RestartPolicy, SECRETS_DIRECTORY,
        SecretMount, TmpfsMount, Ulimit, VolumeMount,
    },
    unit::{Bytes, Millis},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, net::IpAddr};

/// A value of a definition, written as it is serialized unless its type has a shorter form.
pub(super) trait Written: Serialize {
    /// Returns the value in its shortest form.
    fn written(&self) -> Value {
        json!(self)
    }
}

impl Written for String {}
impl Written for bool {}
impl Written for i64 {}
impl Written for Millis {}
impl Written for Bytes {}
impl Written for EnvValue {}
impl Written for PullPolicy {}
impl Written for RestartPolicy {}
impl Written for Resources {}

impl<T: Written> Written for Vec<T> {
    fn written(&self) -> Value {
        self.iter().map(Written::written).collect()
    }
}

impl<T: Written> Written for BTreeMap<String, T> {
    fn written(&self) -> Value {
        self.iter().map(|(key, value)| (key.clone(), value.written())).collect()
    }
}

/// Null removes an inherited value.
impl<T: Written> Written for Option<T> {
    fn written(&self) -> Value {
        self.as_ref().map_or(Value::Null, Written::written)
    }
}

/// Only the context if nothing else is set.
impl Written for Build {
    fn written(&self) -> Value {
        match self {
            Self { context, dockerfile: None, args, target: None } if args.is_empty() => json!(context),
            _ => json!(self),
        }
    }
}

/// `80`, `8080:80`, `127.0.0.1::80`, `[::1]:8080:53/udp`.
impl Written for PortSpec {
    fn written(&self) -> Value {
        let mut text = host_side(self, "");
        if !text.is_empty() {
            text.push(':');
        }
        text.push_str(&self.key.target.to_string());
        if self.key.protocol != Protocol::Tcp {
            text.push('/');
            text.push_str(self.key.protocol.as_str());
        }
        json!(text)
    }
}

/// Returns `8080`, `127.0.0.1:8080`, or `auto` in the given spelling.
pub(super) fn host_side(port: &PortSpec, auto: &str) -> String {
    let number = match port.published {
        HostPortChoice::Auto => auto.to_owned(),
        HostPortChoice::Fixed(number) => number.to_string(),
    };
    match port.host_ip {
        None => number,
        Some(IpAddr::V4(ip)) => format!("{ip}:{number}"),
        Some(IpAddr::V6(ip)) => format!("[{ip}]:{number}"),
    }
}

/// `data:/var/lib/data:ro`; the long form if a path contains a colon or would be read as something else.
impl Written for VolumeMount {
    fn written(&self) -> Value {
        match short_source(&self.source) {
            Some(source) if !source.contains(':') && !self.target.contains(':') => {
                let options = if self.read_only { ":ro" } else { "" };
                json!(format!("{source}:{}{options}", self.target))
            }
            _ => {
                let mut fields = long_source(self);
                fields.insert("target".to_owned(), json!(self.target));
                Value::Object(fields)
            }
        }
    }
}

/// Returns the value of a mount whose key is its target.
pub(super) fn added_mount(mount: &VolumeMount) -> Value {
    match short_source(&mount.source) {
        Some(source) if !mount.read_only => json!(source),
        _ => Value::Object(long_source(mount)),
    }
}

/// Returns the source if its text shows which kind it is.
fn short_source(source: &MountSource) -> Option<&str> {
    match source {
        MountSource::Volume(name) => Some(name.as_str()),
        MountSource::Bind(path) => path.starts_with(['/', '.', '~']).then_some(path),
    }
}

fn long_source(mount: &VolumeMount) -> Map<String, Value> {
    let (kind, source) = match &mount.source {
        MountSource::Volume(name) => ("volume", name.as_str()),
        MountSource::Bind(path) => ("bind", path.as_str()),
    };
    let mut fields = Map::new();
    fields.insert("type".to_owned(), json!(kind));
    fields.insert("source".to_owned(), json!(source));
    if mount.read_only {
        fields.insert("read_only".to_owned(), json!(true));
    }
    fields
}

/// Only the target if nothing else is set.
impl Written for TmpfsMount {
    fn written(&self) -> Value {
        if self.size.is_none() && self.mode.is_none() && !self.target.contains(':') {
            json!(self.target)
        } else {
            json!(self)
        }
    }
}

/// The test as a line if it is one for the shell.
impl Written for Healthcheck {
    fn written(&self) -> Value {
        let mut fields = json!(self);
        if let HealthTest::Shell(line) = &self.test {
            fields["test"] = json!(line);
        }
        fields
    }
}

/// A list of names if all have the meaning of a list.
impl Written for BTreeMap<InstanceName, Dependency> {
    fn written(&self) -> Value {
        let usual = |dependency: &Dependency| {
            dependency.condition == DependencyCondition::Ready && !dependency.restart && dependency.required
        };
        if self.values().all(usual) {
            return self.keys().map(|name| json!(name)).collect();
        }
        self.iter().map(|(name, dependency)| (name.to_string(), dependency.written())).collect()
    }
}

/// `required` only if it is false.
impl Written for Dependency {
    fn written(&self) -> Value {
        let mut fields = json!(self);
        if let (true, Some(fields)) = (self.required, fields.as_object_mut()) {
            fields.remove("required");
        }
        fields
    }
}

/// One number if both are equal.
impl Written for Ulimit {
    fn written(&self) -> Value {
        if self.soft == self.hard { json!(self.soft) } else { json!(self) }
    }
}

/// Only its name if nothing else is set.
impl Written for SecretMount {
    fn written(&self) -> Value {
        let usual = self.target == format!("{SECRETS_DIRECTORY}/{}", self.source);
        match self {
            Self { mode: None, uid: None, gid: None, .. } if usual => json!(self.source),
            _ => json!(self),
        }
    }
}

/// Only its content if nothing else is set.
impl Written for ConfigFile {
    fn written(&self) -> Value {
        match self {
            Self { content: ConfigContent::Content(content), mode: None, owner: None } => json!(content),
            _ => json!(self),
        }
    }
}
