use super::listed;
use crate::LinkedFrom;
use devarch_core::{
    name::{ContainerName, InstanceName, PhysicalVolume, StackName},
    secret::SecretName,
};

/// Something that cannot be removed or released while it is in use.
#[derive(Debug, thiserror::Error)]
pub enum InUse {
    /// A volume that a container mounts.
    #[error(
        "volume {volume} is in use by {}, so stack '{stack}' was not deleted{}",
        mounted_by(users),
        removed_volumes(removed)
    )]
    Volume {
        /// The stack that was to be deleted.
        stack: StackName,
        /// The volume.
        volume: PhysicalVolume,
        /// The containers that mount it; none if the engine does not list them.
        users: Vec<ContainerName>,
        /// The volumes that were removed before it.
        removed: Vec<PhysicalVolume>,
    },
    /// A secret that a definition refers to.
    #[error("secret '{name}' of stack '{stack}' is used by {}", listed(users))]
    Secret {
        /// The stack.
        stack: StackName,
        /// The secret.
        name: SecretName,
        /// The fields that refer to it.
        users: Vec<String>,
    },
    /// A stack, or an instance of it, that other stacks are linked to.
    #[error("{} is linked to by {}", instance.as_ref().map_or_else(
        || format!("stack '{stack}'"), |instance| format!("instance '{stack}/{instance}'")
    ), listed(by))]
    Linked {
        /// The stack.
        stack: StackName,
        /// The instance.
        instance: Option<InstanceName>,
        /// The wires that lead to it; at least one.
        by: Vec<LinkedFrom>,
    },
    /// A stack that still has containers or networks.
    #[error("stack '{stack}' still has {}", objects.join(", "))]
    Objects {
        /// The stack.
        stack: StackName,
        /// Its objects.
        objects: Vec<String>,
    },
    /// A pool without a free subnet.
    #[error("stack '{stack}' gets no network: every subnet of {pool} is in use")]
    Subnets {
        /// The stack.
        stack: StackName,
        /// The pool.
        pool: String,
    },
}

impl InUse {
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Volume { .. } => "remove that container, then repeat the command".to_owned(),
            Self::Secret { .. } => "change these first".to_owned(),
            Self::Linked { by, .. } => by.first().map_or_else(String::new, |link| {
                format!(
                    "`devarch wire remove {} {}`, or remove it from its devarch.yml",
                    link.stack, link.wire.from
                )
            }),
            Self::Objects { stack, .. } => format!("run `devarch down {stack}` first"),
            Self::Subnets { .. } => {
                "remove networks that nothing uses, or set DEVARCH_ADDRESS_POOL to another pool".to_owned()
            }
        }
    }
}

fn mounted_by(containers: &[ContainerName]) -> String {
    match containers {
        [] => "a container that the engine does not list".to_owned(),
        [one] => format!("container {one}"),
        [first, more @ ..] => {
            let more: Vec<String> = more.iter().map(|name| format!(" and {name}")).collect();
            format!("containers {first}{}", more.concat())
        }
    }
}

fn removed_volumes(removed: &[PhysicalVolume]) -> String {
    if removed.is_empty() { String::new() } else { format!(" (already removed: {})", listed(removed)) }
}
