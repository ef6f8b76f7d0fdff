//! Checks a stack's definition before anything runs; problems name the instance and field.

use super::{
    Dependencies, Effective, HostPlace, HostView, cycle, inherit::too_large_to_seal, length, policy,
    repository,
};
use crate::diagnostic::{Findings, Problem};
use crate::{
    name::{InstanceName, nearest},
    observed::ImageInfo,
    policy::Allowance,
    spec::{ContainerSpec, FileSpec, MountFrom},
    template::{DependencyCondition, HealthTest, Overrides, SecretMount, Template},
};
use std::collections::{BTreeMap, BTreeSet};

/// Checks an edit on its own.
pub fn check_edit(name: &InstanceName, template: &Template, overrides: &Overrides) -> Vec<Problem> {
    let mut problems = too_large_to_seal(name, template, overrides);
    problems.extend(inherited_exports(name, template, overrides));
    problems
}

/// Returns a problem if an override changes the image to another repository, or to one that is built while the
/// template's is not, and would keep the template's exports by accident.
fn inherited_exports(name: &InstanceName, template: &Template, overrides: &Overrides) -> Option<Problem> {
    let (base, over) = (&template.service, &overrides.service);
    let (field, said) = match (&over.build, &over.image) {
        (Some(build), _) if base.build.is_none() => ("build", format!("what {:?} builds", build.context)),
        (None, Some(image))
            if base.image.as_ref().is_none_or(|base| repository(base) != repository(image)) =>
        {
            ("image", format!("{image:?}"))
        }
        _ => return None,
    };
    if template.exports.is_empty() || overrides.exports.is_some() {
        return None;
    }
    let exports: Vec<String> =
        template.exports.iter().map(|e| format!("{} ({})", e.name, e.contract)).collect();
    let inherited = base.image.as_deref().map_or_else(String::new, |image| format!(" ({image:?})"));
    let message = format!(
        "{said} is not the repository of template {:?}{inherited}, whose exports {} may not hold for it; declare \
         `exports` in the same edit (`[]` for none)",
        template.name.as_str(),
        exports.join(", ")
    );
    Some(Problem::in_field(name, field, message))
}

/// Checks one instance's container: policy, files that would be hidden or refused (some of them secrets), and values
/// too long to start a program with.
pub(crate) fn check_instance(
    place: HostPlace<'_>,
    spec: &ContainerSpec,
    secrets: &[SecretMount],
    image: Option<&ImageInfo>,
    allow: &BTreeSet<Allowance>,
) -> Findings {
    let name = place.name;
    let mut found = judged(name, policy::asked(spec, place), allow);
    lost_files(name, spec, secrets, image, &mut found);
    found.errors.extend(length::too_long(name, spec));
    for port in spec.ports.iter().filter(|port| port.host_ip.is_unspecified()) {
        let message = format!("{port} listens on all addresses: other machines and other stacks reach it");
        found.warnings.push(Problem::in_field(name, format!("ports.{}", port.key), message));
    }
    found
}

/// Checks an instance's config files for sources that policy refuses.
pub fn check_files(
    name: &InstanceName,
    project: Option<&str>,
    view: &HostView,
    allow: &BTreeSet<Allowance>,
) -> Findings {
    judged(name, policy::files(HostPlace { name, project, view }), allow)
}

fn judged(name: &InstanceName, asked: Vec<policy::Asked>, allow: &BTreeSet<Allowance>) -> Findings {
    let mut found = Findings::default();
    for policy::Asked { allowance, field, what, applied } in asked {
        if allow.contains(&allowance) {
            let message =
                format!("{what} is allowed by this stack ({allowance}); it reaches beyond the stack");
            found.warnings.push(Problem::in_field(name, field, message));
        } else if applied {
            let message = format!(
                "{what} is refused by policy now; it was applied before and stays until a host path of this instance \
                 changes; add `allow: [{allowance}]` to the stack to keep it"
            );
            found.warnings.push(Problem::in_field(name, field, message));
        } else {
            let message =
                format!("{what} is refused by policy; add `allow: [{allowance}]` to the stack if it must be");
            found.errors.push(Problem::in_field(name, field, message));
        }
    }
    found
}

/// The paths that engines mount into every container.
const ENGINE_MOUNTS: &[&str] = &["/dev", "/proc", "/sys"];

/// Reports files below a mount or on a read-only root: they would be hidden or refused, differently on each engine.
fn lost_files(
    name: &InstanceName,
    spec: &ContainerSpec,
    secrets: &[SecretMount],
    image: Option<&ImageInfo>,
    found: &mut Findings,
) {
    let user = spec.user.as_deref().or(image.map(|image| image.user.as_str()));
    for (path, file) in &spec.config_files {
        let secret = secrets.iter().find(|secret| secret.target == *path);
        let field = secret
            .map_or_else(|| format!("config_files.{path}"), |secret| format!("secrets.{}", secret.source));
        let within = |target: &str| {
            path.strip_prefix(target).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mount = spec.mounts.iter().find(|mount| within(&mount.target));
        let tmpfs = spec.tmpfs.iter().find(|mount| within(&mount.target));
        let over = match (mount, tmpfs) {
            (Some(mount), _) => Some(match &mount.source {
                MountFrom::Volume(volume) => format!("volume {volume} at {}", mount.target),
                MountFrom::Bind(host) => format!("the mount of {host} at {}", mount.target),
            }),
            (None, Some(tmpfs)) => Some(format!("the tmpfs at {}", tmpfs.target)),
            (None, None) => {
                let mounted = ENGINE_MOUNTS.iter().find(|target| within(target));
                mounted.map(|target| format!("{target}, which the engine mounts"))
            }
        };
        let mut above = path.match_indices('/').map(|(at, _)| &path[..at]);
        let below = above.find(|above| spec.config_files.contains_key(*above));
        if let Some(file) = below {
            let message = format!("{file} is a config file too, and no directory; move one of them");
            found.errors.push(Problem::in_field(name, field, message));
        } else if let Some(over) = over {
            found.errors.push(Problem::in_field(
                name,
                field,
                format!("the file would lie in {over} and be lost there; move one of them"),
            ));
        } else if spec.read_only {
            found.errors.push(Problem::in_field(
                name,
                field,
                "the root is read-only, no file can be put there; drop read_only or the file",
            ));
        } else if let Some(user) = user.filter(|user| !may_read(user, &spec.group_add, file)) {
            let message = format!("user {user} cannot read it: mode {}, owner {}", file.mode, file.owner);
            found.warnings.push(Problem::in_field(name, field, message));
        }
    }
}

/// Whether a user, given as `UID[:GID]` or by name, may read a file. Facts that only the image knows are assumed in
/// the user's favor: the numbers of names (except that only root's is 0), and the group of a user given without one.
fn may_read(user: &str, groups: &[String], file: &FileSpec) -> bool {
    let (uid, gid) = user.split_once(':').map_or((user, None), |(uid, gid)| (uid, Some(gid)));
    let root = matches!(uid, "" | "root" | "0");
    let owner = uid.parse().map_or(file.owner.uid != 0, |uid: u32| file.owner.uid == uid);
    let group = match gid.and_then(|gid| gid.parse::<u32>().ok()) {
        Some(gid) => gid == file.owner.gid || groups.contains(&file.owner.gid.to_string()),
        None => true,
    };
    let bits = [(0o400, owner), (0o040, group), (0o004, true)];
    root || bits.iter().any(|(bit, theirs)| *theirs && file.mode.0 & bit != 0)
}

/// Checks the instances of a stack against each other: unknown providers, conditions that can never hold, cycles.
pub fn check_stack(
    instances: &BTreeMap<InstanceName, Effective>,
    images: &BTreeMap<String, ImageInfo>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut dependencies = Dependencies::new();
    for (name, effective) in instances {
        let needs = effective.service.depends_on.iter().flatten();
        let mut known = BTreeSet::new();
        for (provider, dependency) in needs {
            let field = format!("depends_on.{provider}");
            match instances.get_key_value(provider) {
                Some((provider, offered)) => {
                    known.insert(provider);
                    if let Some(why) = never(dependency.condition, offered, images) {
                        problems.push(Problem::in_field(name, field, why));
                    }
                }
                None if dependency.required => {
                    problems.push(Problem::in_field(name, field, unknown(provider, instances)));
                }
                None => {}
            }
        }
        dependencies.insert(name, known);
    }
    if let Some(cycle) = cycle(&dependencies) {
        let mut path: Vec<&str> = cycle.iter().map(|name| name.as_str()).collect();
        path.push(path[0]);
        problems.push(Problem::in_field(
            cycle[0],
            "depends_on",
            format!("{} wait for each other; remove one dependency", path.join(" -> ")),
        ));
    }
    problems
}

fn unknown(provider: &InstanceName, instances: &BTreeMap<InstanceName, Effective>) -> String {
    let near = nearest(provider.as_str(), instances.keys().map(InstanceName::as_str));
    let hint = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    format!("the stack has no instance {:?}{hint}", provider.as_str())
}

/// Returns why a condition can never hold for that provider.
fn never(
    condition: DependencyCondition,
    offered: &Effective,
    images: &BTreeMap<String, ImageInfo>,
) -> Option<String> {
    let job = offered.service.job.unwrap_or(false);
    match condition {
        DependencyCondition::ServiceHealthy => {
            let own = offered.service.healthcheck.as_ref();
            let image = offered.service.image.as_ref().and_then(|image| images.get(image));
            let inherited = image.map(|image| image.healthcheck.is_some());
            let has = match own {
                Some(check) => check.test != HealthTest::None,
                None => inherited.unwrap_or(true),
            };
            (!has).then(|| {
                "it has no health check, so it can never be healthy; add one or wait for service_started"
                    .to_owned()
            })
        }
        DependencyCondition::ServiceCompletedSuccessfully if !job => {
            Some("it is not a job, so it never completes; set `job: true` on it".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        text::Text,
        unit::{FileMode, Owner},
    };

    #[test]
    fn only_users_who_certainly_cannot_read_a_file_cause_a_warning() {
        let file = |mode, uid, gid| FileSpec {
            content: Text::plain("").into(),
            mode: FileMode(mode),
            owner: Owner { uid, gid },
        };
        let read = |user, mode, uid, gid| may_read(user, &["7".to_owned()], &file(mode, uid, gid));
        for reader in ["", "root", "0", "0:0", "1000", "1000:1000", "app"] {
            assert!(read(reader, 0o644, 0, 0), "{reader}");
        }
        for reader in ["", "root", "0:5"] {
            assert!(read(reader, 0o600, 1000, 1000), "{reader}");
        }
        for stranger in ["1000", "1000:0", "app", "app:app"] {
            assert!(!read(stranger, 0o600, 0, 0), "{stranger}");
        }
        assert!(read("1000", 0o400, 1000, 0) && read("app", 0o400, 1000, 0));
        assert!(!read("1001", 0o400, 1000, 0));
        assert!(read("1000:5", 0o640, 0, 5) && read("1000:6", 0o640, 0, 7) && !read("1000:6", 0o640, 0, 5));
        assert!(read("1000", 0o640, 0, 5), "its group may be that one");
    }
}
