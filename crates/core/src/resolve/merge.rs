//! Merges a template and an instance's overrides into an effective config, with the origin of each value.
//!
//! | field | an override |
//! |---|---|
//! | scalars, command, entrypoint, depends_on, resources, secrets, health check, exports, imports | replaces the whole |
//! | ports, volumes, environment | replaces the whole list; `*_add` adds to the inherited one by key, null removes |
//! | image, build | an override of either replaces both: a build never gets the name of another image |
//! | labels | merge, the override wins |
//! | config files | by target path; null removes |

use super::Provisioning;
use crate::{
    image_ref::ImageRef,
    port::PortKey,
    service_fields::service_fields,
    template::{
        Build, ConfigFile, EnvValue, Export, Given, Import, Overrides, PortSpec, Service, Template,
        VolumeMount,
    },
    wire::{Endpoint, Wired},
};
use std::{
    collections::BTreeMap,
    fmt::{self, Display},
};

/// The origin of an effective value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Set by the template.
    Template,
    /// Supplied by a wire.
    Wire {
        /// The import.
        import: String,
        /// The provider and its export.
        provider: Endpoint,
    },
    /// Set by the instance's overrides.
    Override,
}

impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template => f.write_str("template"),
            Self::Override => f.write_str("override"),
            Self::Wire { import, provider } => write!(f, "wire {import} -> {provider}"),
        }
    }
}

impl serde::Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The effective config of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The Compose service, with complete labels, environment, ports and volumes.
    pub service: Service,
    /// Config files by target path.
    pub config_files: BTreeMap<String, ConfigFile>,
    /// The instance's exports.
    pub exports: Vec<Export>,
    /// The instance's imports.
    pub imports: Vec<Import>,
    /// Variables supplied by wires: they take precedence over the template's. Variables that an override sets or
    /// removes are not included.
    pub wired: BTreeMap<String, Wired>,
    /// Commands to run on providers before the instance starts.
    pub provisions: Vec<Provisioning>,
    /// The origin of each value: by field, and by entry (`environment.NAME`) for lists that are merged.
    pub origins: BTreeMap<String, Origin>,
}

/// Merges an instance's overrides into its template.
pub fn merge(template: &Template, overrides: &Overrides) -> Effective {
    let mut merge = Merge { template: &template.service, overrides, origins: BTreeMap::new() };
    let service = merge.service();
    let config_files = merge.config_files(&template.config_files);
    let exports = merge.replace("exports", Some(&template.exports), overrides.exports.as_ref());
    let imports = merge.replace("imports", Some(&template.imports), overrides.imports.as_ref());
    Effective {
        service,
        config_files,
        exports: exports.unwrap_or_default(),
        imports: imports.unwrap_or_default(),
        wired: BTreeMap::new(),
        provisions: Vec::new(),
        origins: merge.origins,
    }
}

/// A merge in progress. Each rule in the table of fields is a method that takes a field's name, the template's value
/// and the instance's value.
struct Merge<'a> {
    template: &'a Service,
    overrides: &'a Overrides,
    origins: BTreeMap<String, Origin>,
}

macro_rules! merge_service {
    ([] $( $field:ident: $type:ty = $read:expr, $merge:ident, $($way:ident $shape:tt,)* $form:literal, $meaning:literal; )*) => {
        impl Merge<'_> {
            fn service(&mut self) -> Service {
                let (base, over) = (self.template, &self.overrides.service);
                Service {
                    $( $field: self.$merge(stringify!($field), base.$field.as_ref(), over.$field.as_ref()), )*
                }
            }
        }
    };
}

service_fields!(merge_service);

impl Merge<'_> {
    fn replace<T: Clone>(&mut self, field: &str, base: Option<&T>, over: Option<&T>) -> Option<T> {
        let (value, origin) = match (over, base) {
            (Some(over), _) => (over, Origin::Override),
            (None, Some(base)) => (base, Origin::Template),
            (None, None) => return None,
        };
        self.origins.insert(field.to_owned(), origin);
        Some(value.clone())
    }

    /// Merges the image, where the name and the build are two forms of one field.
    fn image<T: Clone>(&mut self, field: &str, base: Option<&T>, over: Option<&T>) -> Option<T> {
        let over_either = &self.overrides.service;
        let replaced = over_either.image.is_some() || over_either.build.is_some();
        self.replace(field, base.filter(|_| !replaced), over)
    }

    /// Merges the build; an argument that the template marks secret stays secret.
    fn build(&mut self, field: &str, base: Option<&Build>, over: Option<&Build>) -> Option<Build> {
        let mut build = self.image(field, base, over)?;
        for (name, arg) in &mut build.args {
            if base.and_then(|base| base.args.get(name)).is_some_and(Given::is_secret) {
                *arg = arg.clone().into_secret();
            }
        }
        Some(build)
    }

    /// Merges the environment; a variable that the template marks secret stays secret if an override sets it.
    fn environment(
        &mut self,
        field: &str,
        base: Option<&BTreeMap<String, EnvValue>>,
        over: Option<&BTreeMap<String, EnvValue>>,
    ) -> Option<BTreeMap<String, EnvValue>> {
        let added = self.overrides.environment_add.iter().collect();
        let mut list = self.list(field, Layers { base: base.cloned(), over: over.cloned(), added })?;
        for (name, _) in base.into_iter().flatten().filter(|(_, inherited)| inherited.is_secret()) {
            if let Some(value) = list.get_mut(name) {
                *value = value.clone().into_secret();
            }
        }
        Some(list)
    }

    fn labels(
        &mut self,
        field: &str,
        base: Option<&BTreeMap<String, String>>,
        over: Option<&BTreeMap<String, String>>,
    ) -> Option<BTreeMap<String, String>> {
        let added: BTreeMap<String, Option<String>> =
            over.into_iter().flatten().map(|(k, v)| (k.clone(), Some(v.clone()))).collect();
        self.list(field, Layers { base: base.cloned(), over: None, added: added.iter().collect() })
    }

    fn ports(
        &mut self,
        field: &str,
        base: Option<&Vec<PortSpec>>,
        over: Option<&Vec<PortSpec>>,
    ) -> Option<Vec<PortSpec>> {
        let by_key = |ports: &Vec<PortSpec>| -> BTreeMap<PortKey, PortSpec> {
            ports.iter().map(|port| (port.key, port.clone())).collect()
        };
        let added = self.overrides.ports_add.iter().collect();
        let list = self.list(field, Layers { base: base.map(by_key), over: over.map(by_key), added });
        list.map(|list| list.into_values().collect())
    }

    fn volumes(
        &mut self,
        field: &str,
        base: Option<&Vec<VolumeMount>>,
        over: Option<&Vec<VolumeMount>>,
    ) -> Option<Vec<VolumeMount>> {
        let by_target = |mounts: &Vec<VolumeMount>| -> BTreeMap<String, VolumeMount> {
            mounts.iter().map(|mount| (mount.target.clone(), mount.clone())).collect()
        };
        let added = self.overrides.volumes_add.iter().collect();
        let list = self.list(field, Layers { base: base.map(by_target), over: over.map(by_target), added });
        list.map(|list| list.into_values().collect())
    }

    fn config_files(&mut self, base: &BTreeMap<String, ConfigFile>) -> BTreeMap<String, ConfigFile> {
        let added = self.overrides.config_files.iter().collect();
        let layers = Layers { base: Some(base.clone()), over: None, added };
        self.list("config_files", layers).unwrap_or_default()
    }

    /// Merges a list by key: starts with the inherited list or the override's replacement, then adds and removes
    /// entries.
    fn list<K: Ord + Clone + Display, V: Clone>(
        &mut self,
        field: &str,
        layers: Layers<'_, K, V>,
    ) -> Option<BTreeMap<K, V>> {
        let replaced = layers.over.is_some();
        let origin = if replaced { Origin::Override } else { Origin::Template };
        if layers.base.is_none() && !replaced && layers.added.is_empty() {
            return None;
        }
        let mut list = layers.over.or(layers.base).unwrap_or_default();
        let mut from: BTreeMap<K, Origin> = list.keys().map(|key| (key.clone(), origin.clone())).collect();
        for (key, value) in layers.added {
            if let Some(value) = value {
                list.insert(key.clone(), value.clone());
                from.insert(key.clone(), Origin::Override);
            } else {
                list.remove(key);
                from.remove(key);
            }
        }
        self.origins.extend(from.into_iter().map(|(key, origin)| (format!("{field}.{key}"), origin)));
        Some(list)
    }
}

struct Layers<'a, K, V> {
    base: Option<BTreeMap<K, V>>,
    over: Option<BTreeMap<K, V>>,
    added: Vec<(&'a K, &'a Option<V>)>,
}

/// Returns an image's repository, normalised. An invalid name, stored before names were checked, matches only itself.
pub fn repository(image: &str) -> String {
    ImageRef::parse(image).map_or_else(|_| image.to_owned(), |image| image.repository())
}
