//! Why something changes, in words.

use crate::{build::BuildPart, name::InstanceName};
use serde::Serialize;
use std::fmt;

/// Why something changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants' documentation names their fields")]
pub enum Reason {
    /// It is not there.
    Missing,
    /// It is not there, though DevArch made it: removed by hand.
    Vanished,
    /// Its config is another.
    Changed,
    /// The key its config was hashed with was given up, so that it can't be compared.
    HashedOtherwise,
    /// An earlier version of DevArch had it made otherwise than its config says.
    MadeOtherwise { fields: Vec<String> },
    /// What its wires give it is other than it was.
    Wired { wires: Vec<String> },
    /// Its name now stands for another image.
    ImageMoved { from: String, to: String },
    /// Its image was built anew from other things.
    ImageBuilt { changed: Vec<BuildPart> },
    /// A step of the plan builds its image anew.
    ImageIsBuilt,
    /// What it is built from is other than it was.
    Source { changed: Vec<BuildPart> },
    /// The user asked for it to be made anew.
    Asked,
    /// It was stopped by hand, or ended by itself.
    NotRunning { status: String },
    /// It was made and never started.
    NeverStarted,
    /// It was suspended by hand.
    Paused,
    /// The engine can't start it any more.
    Stuck,
    /// A job that has not succeeded yet.
    NotCompleted { exit_code: Option<i64> },
    /// It was detached from the stack's network by hand.
    Disconnected,
    /// It was connected by hand to a network that is not its stack's.
    ConnectedElsewhere { network: String },
    /// It was given another name by hand.
    Renamed { name: String },
    /// The stack's network was removed by hand.
    NetworkVanished,
    /// A network that links two instances of different stacks.
    Links { consumer: InstanceName, provider: String },
    /// One of a link's ends is not connected to it.
    LinkCut { with: String },
    /// A link that nothing asks for any more.
    LinkEnded,
    /// It waits on an instance that is replaced, and asked to be restarted then.
    ProviderReplaced { provider: InstanceName },
    /// It should be stopped.
    WantedStopped,
    /// It should not be there.
    WantedAbsent,
    /// Nothing in the stack has this container any more.
    NotDefined,
    /// A leftover of an apply that did not end.
    LeftOver,
    /// A copy of data, made for an undo that is not possible any more when everything is ready.
    SpentCopy,
    /// An instance's image is not there.
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

/// `sha256:` and twelve digits of an image id.
fn short(id: &str) -> &str {
    id.get(..19).filter(|_| id.starts_with("sha256:")).unwrap_or(id)
}
