//! Template + overrides = effective config, each value with its origin.
//!
//! | field | an override |
//! |---|---|
//! | scalars, command, entrypoint, depends_on, resources, secrets, health check, exports, imports | replaces the whole |
//! | ports, volumes, environment | replaces the whole list; `*_add` adds to the inherited one by key, null removes |
//! | image, build | an override of either replaces both: nothing is built under a name meant for another image |
//! | labels | merge, the override wins |
//! | config files | by target path; null removes |

use super::Provisioning;
use crate::{
    image_ref::ImageRef,
    port::PortKey,
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

/// Where an effective value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The template says so.
    Template,
    /// A wire gives it.
    Wire {
        /// The import.
        import: String,
        /// The provider and its export.
        provider: Endpoint,
    },
    /// The instance says so.
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

/// What an instance amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The Compose service; labels, environment, ports and volumes complete.
    pub service: Service,
    /// Config files by target path.
    pub config_files: BTreeMap<String, ConfigFile>,
    /// What it offers.
    pub exports: Vec<Export>,
    /// What it needs.
    pub imports: Vec<Import>,
    /// What wires set: in the container's environment it goes before what the template says. Nothing an override
    /// decides on is in it.
    pub wired: BTreeMap<String, Wired>,
    /// What has to be done on its providers before it starts.
    pub provisions: Vec<Provisioning>,
    /// Where each value comes from: by field, and by entry (`environment.NAME`) for lists that add up.
    pub origins: BTreeMap<String, Origin>,
}

/// Merges an instance's overrides into its template.
pub fn merge(template: &Template, overrides: &Overrides) -> Effective {
    let mut origins = Origins::default();
    let (base, over) = (&template.service, &overrides.service);
    let (image, build) = origins.image(base, over);
    let service = Service {
        image,
        build,
        environment: origins.environment(base, overrides),
        labels: origins.labels(base, over),
        ports: origins.ports(base, overrides),
        volumes: origins.volumes(base, overrides),
        ..replaced(base, over, &mut origins)
    };
    let config_files = origins.config_files(&template.config_files, &overrides.config_files);
    let exports = origins.pick("exports", Some(&template.exports), overrides.exports.as_ref());
    let imports = origins.pick("imports", Some(&template.imports), overrides.imports.as_ref());
    Effective {
        service,
        config_files,
        exports: exports.unwrap_or_default(),
        imports: imports.unwrap_or_default(),
        wired: BTreeMap::new(),
        provisions: Vec::new(),
        origins: origins.0,
    }
}

/// The fields an override replaces as a whole.
fn replaced(base: &Service, over: &Service, origins: &mut Origins) -> Service {
    macro_rules! pick {
        ($($field:ident),* $(,)?) => {
            Service {
                $($field: origins.pick(stringify!($field), base.$field.as_ref(), over.$field.as_ref()),)*
                image: None,
                build: None,
                environment: None,
                labels: None,
                ports: None,
                volumes: None,
            }
        };
    }
    pick!(
        pull_policy,
        platform,
        command,
        entrypoint,
        user,
        working_dir,
        hostname,
        restart,
        job,
        init,
        tty,
        stdin_open,
        read_only,
        privileged,
        network_mode,
        pid,
        ipc,
        stop_signal,
        stop_grace_period,
        shm_size,
        tmpfs,
        secrets,
        healthcheck,
        depends_on,
        extra_hosts,
        dns,
        cap_add,
        cap_drop,
        devices,
        security_opt,
        group_add,
        sysctls,
        ulimits,
        resources,
    )
}

#[derive(Default)]
struct Origins(BTreeMap<String, Origin>);

impl Origins {
    fn pick<T: Clone>(&mut self, field: &str, base: Option<&T>, over: Option<&T>) -> Option<T> {
        let (value, origin) = match (over, base) {
            (Some(over), _) => (over, Origin::Override),
            (None, Some(base)) => (base, Origin::Template),
            (None, None) => return None,
        };
        self.0.insert(field.to_owned(), origin);
        Some(value.clone())
    }

    /// The image's name and how it is built. An argument the template marks secret stays secret.
    fn image(&mut self, base: &Service, over: &Service) -> (Option<String>, Option<Build>) {
        let replaced = over.image.is_some() || over.build.is_some();
        let inherited = if replaced { &Service::default() } else { base };
        let image = self.pick("image", inherited.image.as_ref(), over.image.as_ref());
        let mut build = self.pick("build", inherited.build.as_ref(), over.build.as_ref());
        if let (Some(build), Some(base)) = (&mut build, &base.build) {
            for (name, arg) in &mut build.args {
                if base.args.get(name).is_some_and(Given::is_secret) {
                    *arg = arg.clone().into_secret();
                }
            }
        }
        (image, build)
    }

    /// An inherited list by key, or the override's in its place; then what is added or removed.
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
        self.0.extend(from.into_iter().map(|(key, origin)| (format!("{field}.{key}"), origin)));
        Some(list)
    }

    /// A variable the template marks secret stays secret whatever an override says.
    fn environment(&mut self, base: &Service, over: &Overrides) -> Option<BTreeMap<String, EnvValue>> {
        let mut list = self.list(
            "environment",
            Layers {
                base: base.environment.clone(),
                over: over.service.environment.clone(),
                added: over.environment_add.iter().collect(),
            },
        )?;
        for (name, _) in base.environment.iter().flatten().filter(|(_, inherited)| inherited.is_secret()) {
            if let Some(value) = list.get_mut(name) {
                *value = value.clone().into_secret();
            }
        }
        Some(list)
    }

    fn labels(&mut self, base: &Service, over: &Service) -> Option<BTreeMap<String, String>> {
        let added: BTreeMap<String, Option<String>> =
            over.labels.iter().flatten().map(|(k, v)| (k.clone(), Some(v.clone()))).collect();
        let layers = Layers { base: base.labels.clone(), over: None, added: added.iter().collect() };
        self.list("labels", layers)
    }

    fn ports(&mut self, base: &Service, over: &Overrides) -> Option<Vec<PortSpec>> {
        let by_key = |ports: &Vec<PortSpec>| -> BTreeMap<PortKey, PortSpec> {
            ports.iter().map(|port| (port.key, port.clone())).collect()
        };
        let layers = Layers {
            base: base.ports.as_ref().map(by_key),
            over: over.service.ports.as_ref().map(by_key),
            added: over.ports_add.iter().collect(),
        };
        self.list("ports", layers).map(|list| list.into_values().collect())
    }

    fn volumes(&mut self, base: &Service, over: &Overrides) -> Option<Vec<VolumeMount>> {
        let by_target = |mounts: &Vec<VolumeMount>| -> BTreeMap<String, VolumeMount> {
            mounts.iter().map(|mount| (mount.target.clone(), mount.clone())).collect()
        };
        let layers = Layers {
            base: base.volumes.as_ref().map(by_target),
            over: over.service.volumes.as_ref().map(by_target),
            added: over.volumes_add.iter().collect(),
        };
        self.list("volumes", layers).map(|list| list.into_values().collect())
    }

    fn config_files(
        &mut self,
        base: &BTreeMap<String, ConfigFile>,
        over: &BTreeMap<String, Option<ConfigFile>>,
    ) -> BTreeMap<String, ConfigFile> {
        let layers = Layers { base: Some(base.clone()), over: None, added: over.iter().collect() };
        self.list("config_files", layers).unwrap_or_default()
    }
}

struct Layers<'a, K, V> {
    base: Option<BTreeMap<K, V>>,
    over: Option<BTreeMap<K, V>>,
    added: Vec<(&'a K, &'a Option<V>)>,
}

/// An image's repository, normalised; a name that is none of the grammar's, which was stored before that was checked, is
/// only like itself.
pub fn repository(image: &str) -> String {
    ImageRef::parse(image).map_or_else(|_| image.to_owned(), |image| image.repository())
}
