//! The reasons for changes, and their text.

use crate::{build::BuildPart, name::InstanceName};
use serde::Serialize;
use std::fmt;

/// The reason for a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants' documentation names their fields")]
pub enum Reason {
    /// The object does not exist.
    Missing,
    /// The object was created by DevArch and removed by hand.
    Vanished,
    /// The config changed.
    Changed,
    /// The config cannot be compared: the key it was hashed with was discarded.
    HashedOtherwise,
    /// An earlier version of DevArch created the container differently from its config.
    MadeOtherwise { fields: Vec<String> },
    /// The values supplied by its wires changed.
    Wired { wires: Vec<String> },
    /// The image's name now refers to another image.
    ImageMoved { from: String, to: String },
    /// The image was rebuilt from other sources.
    ImageBuilt { changed: Vec<BuildPart> },
    /// A step of the plan rebuilds the image.
    ImageIsBuilt,
    /// The sources of the build changed.
    Source { changed: Vec<BuildPart> },
    /// The user asked to recreate it.
    Asked,
    /// The container was stopped by hand, or exited.
    NotRunning { status: String },
    /// The container was created and never started.
    NeverStarted,
    /// The container was paused by hand.
    Paused,
    /// The engine can no longer start the container.
    Stuck,
    /// The job has not succeeded yet.
    NotCompleted { exit_code: Option<i64> },
    /// The container was disconnected from the stack's network by hand.
    Disconnected,
    /// The container was connected by hand to a network that is not its stack's.
    ConnectedElsewhere { network: String },
    /// The container was renamed by hand.
    Renamed { name: String },
    /// The stack's network was removed by hand.
    NetworkVanished,
    /// The network links two instances of different stacks.
    Links { consumer: InstanceName, provider: String },
    /// One end of a link is not connected to its network.
    LinkCut { with: String },
    /// No instance uses the link any more.
    LinkEnded,
    /// A dependency with `restart` is replaced.
    ProviderReplaced { provider: InstanceName },
    /// The instance should be stopped.
    WantedStopped,
    /// The instance should not exist.
    WantedAbsent,
    /// No instance of the stack has this container any more.
    NotDefined,
    /// An interrupted apply left it.
    LeftOver,
    /// A copy of data for an undo that will not be possible once everything is ready.
    SpentCopy,
    /// The image of an instance is absent.
    NeededBy { instance: InstanceName },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("does not exist"),
            Self::Vanished => f.write_str("was removed by hand"),
            Self::Changed => f.write_str("its config changed"),
            Self::HashedOtherwise => {
                f.write_str("its config cannot be compared: the key it was hashed with was discarded")
            }
            Self::MadeOtherwise { fields } => write!(
                f,
                "an earlier version of DevArch passed its {} to Podman incorrectly",
                fields.join(" and ")
            ),
            Self::Wired { wires } if wires.is_empty() => f.write_str("one of its wires was removed"),
            Self::Wired { wires } => write!(f, "the values from {} changed", wires.join(" and ")),
            Self::ImageMoved { from, to } => {
                write!(f, "its image tag is now {} instead of {}", short(to), short(from))
            }
            Self::ImageBuilt { changed } if changed.is_empty() => f.write_str("its image was rebuilt"),
            Self::ImageBuilt { changed } => {
                write!(f, "its image was rebuilt: {} changed", parts(changed))
            }
            Self::ImageIsBuilt => f.write_str("its image will be rebuilt"),
            Self::Source { changed } if changed.is_empty() => f.write_str("was built from other files"),
            Self::Source { changed } => write!(f, "{} changed", parts(changed)),
            Self::Asked | Self::WantedStopped => f.write_str("requested"),
            Self::NotRunning { status } => write!(f, "is not running: {status}"),
            Self::NeverStarted => f.write_str("was never started"),
            Self::Paused => f.write_str("was paused by hand"),
            Self::Stuck => f.write_str("cannot be started again: its last stop or start did not finish"),
            Self::NotCompleted { exit_code: Some(code) } => write!(f, "the job failed with exit code {code}"),
            Self::NotCompleted { exit_code: None } => f.write_str("the job has not completed"),
            Self::Disconnected => f.write_str("was disconnected from the stack's network by hand"),
            Self::ConnectedElsewhere { network } => write!(f, "was connected to network {network} by hand"),
            Self::Renamed { name } => write!(f, "was renamed to {name} by hand"),
            Self::NetworkVanished => f.write_str("the stack's network was removed by hand"),
            Self::Links { consumer, provider } => write!(f, "links {consumer} to {provider}"),
            Self::LinkCut { with } => write!(f, "its link to {with} is missing"),
            Self::LinkEnded => f.write_str("its link was removed"),
            Self::ProviderReplaced { provider } => {
                write!(f, "{provider}, which it depends on, is replaced")
            }
            Self::WantedAbsent => f.write_str("down"),
            Self::NotDefined => f.write_str("not defined in the stack"),
            Self::LeftOver => f.write_str("left over from an apply that did not finish"),
            Self::SpentCopy => f.write_str("copied by an earlier apply and no longer needed"),
            Self::NeededBy { instance } => write!(f, "needed by {instance}"),
        }
    }
}

fn parts(changed: &[BuildPart]) -> String {
    changed.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// Returns `sha256:` and the first twelve digits of an image id.
fn short(id: &str) -> &str {
    id.get(..19).filter(|_| id.starts_with("sha256:")).unwrap_or(id)
}
