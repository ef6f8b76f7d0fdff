use super::fields::Fields;
use crate::{
    name::{InstanceName, NetworkName, PhysicalVolume},
    spec::{Attachment, FileContent, FileSpec, Mount, MountFrom, PublishedPort},
    template::{
        Dependency, DependencyCondition, Healthcheck, Limits, Reservations, Resources, RestartPolicy,
        TmpfsMount, Ulimit,
    },
    text::Text,
    unit::{Bytes, Cpus, FileMode, Millis, Owner},
};
use serde_json::Value;
use std::{collections::BTreeMap, net::Ipv4Addr};

/// A value in version 1 of the forms.
pub(super) trait Form {
    /// Returns its form, secrets redacted.
    fn form(&self) -> Value;
}

/// Values that are written as JSON values.
macro_rules! as_json {
    ($($type:ty),*) => { $( impl Form for $type {
        fn form(&self) -> Value {
            Value::from(self.clone())
        }
    } )* };
}

/// Values that are written as users write them.
macro_rules! as_text {
    ($($type:ty),*) => { $( impl Form for $type {
        fn form(&self) -> Value {
            Value::from(self.to_string())
        }
    } )* };
}

as_json!(String, bool, u32, u64, i64);
as_text!(Millis, Bytes, Cpus, FileMode, Owner, Ipv4Addr, NetworkName, PhysicalVolume);

impl Form for Text {
    fn form(&self) -> Value {
        Value::from(self.shown())
    }
}

impl Form for RestartPolicy {
    fn form(&self) -> Value {
        Value::from(String::from(*self))
    }
}

impl<T: Form> Form for Option<T> {
    fn form(&self) -> Value {
        self.as_ref().map_or(Value::Null, Form::form)
    }
}

impl<T: Form> Form for Vec<T> {
    fn form(&self) -> Value {
        self.iter().map(Form::form).collect()
    }
}

impl<T: Form> Form for BTreeMap<String, T> {
    fn form(&self) -> Value {
        self.iter().map(|(key, value)| (key.clone(), value.form())).collect()
    }
}

/// Written by container port.
impl Form for Vec<PublishedPort> {
    fn form(&self) -> Value {
        self.iter().map(|port| (port.key.to_string(), Value::from(port.to_string()))).collect()
    }
}

impl Form for Mount {
    fn form(&self) -> Value {
        let mut form = Fields::default();
        form.value("target", &self.target);
        match &self.source {
            MountFrom::Volume(volume) => form.value("volume", volume),
            MountFrom::Bind(path) => form.value("bind", path),
        }
        form.unless_absent("read_only", &self.read_only);
        form.into()
    }
}

impl Form for TmpfsMount {
    fn form(&self) -> Value {
        let mut form = Fields::default();
        form.value("target", &self.target);
        form.unless_absent("size", &self.size);
        form.unless_absent("mode", &self.mode);
        form.into()
    }
}

impl Form for Healthcheck {
    fn form(&self) -> Value {
        let mut form = Fields::default();
        form.value("test", &self.test.to_argv());
        form.unless_absent("interval", &self.interval);
        form.unless_absent("timeout", &self.timeout);
        form.unless_absent("retries", &self.retries);
        form.unless_absent("start_period", &self.start_period);
        form.unless_absent("start_interval", &self.start_interval);
        form.into()
    }
}

impl Form for Ulimit {
    fn form(&self) -> Value {
        let mut form = Fields::default();
        form.value("soft", &self.soft);
        form.value("hard", &self.hard);
        form.into()
    }
}

impl Form for Resources {
    fn form(&self) -> Value {
        let mut form = Fields::default();
        form.unless_absent("limits", &self.limits);
        form.unless_absent("reservations", &self.reservations);
        form.into()
    }
}

impl Form for Limits {
    fn form(&self) -> Value {
        let mut form = Fields::default();
        form.unless_absent("cpus", &self.cpus);
        form.unless_absent("memory", &self.memory);
        form.unless_absent("pids", &self.pids);
        form.into()
    }
}

impl Form for Reservations {
    fn form(&self) -> Value {
        let mut form = Fields::default();
        form.unless_absent("memory", &self.memory);
        form.into()
    }
}

impl Form for FileSpec {
    fn form(&self) -> Value {
        let mut form = Fields::default();
        form.value("content", &self.content);
        form.value("mode", &self.mode);
        form.value("owner", &self.owner);
        form.into()
    }
}

impl Form for FileContent {
    fn form(&self) -> Value {
        match self {
            Self::Text(text) => text.form(),
            Self::Kept(kept) => {
                let mut form = Fields::default();
                form.value("sha256", &kept.sha256.as_str().to_owned());
                form.value("bytes", &kept.bytes);
                form.into()
            }
        }
    }
}

impl Form for Attachment {
    fn form(&self) -> Value {
        let mut form = Fields::default();
        form.value("name", &self.name);
        form.value("address", &self.address);
        form.value("aliases", &self.aliases);
        form.into()
    }
}

impl Form for BTreeMap<InstanceName, Dependency> {
    fn form(&self) -> Value {
        self.iter().map(|(name, dependency)| (name.to_string(), dependency.form())).collect()
    }
}

impl Form for Dependency {
    fn form(&self) -> Value {
        let mut form = Fields::default();
        form.value("condition", &self.condition);
        form.unless_absent("restart", &self.restart);
        form.value("required", &self.required);
        form.into()
    }
}

impl Form for DependencyCondition {
    fn form(&self) -> Value {
        Value::from(match self {
            Self::Ready => "ready",
            Self::ServiceStarted => "service_started",
            Self::ServiceHealthy => "service_healthy",
            Self::ServiceCompletedSuccessfully => "service_completed_successfully",
        })
    }
}
