use crate::proxy::Moment;
use devarch_engine::EngineErrorKind;

/// The engine's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the method of that name")]
pub enum Call {
    Containers,
    Networks,
    Volumes,
    Image,
    Inspect,
    PullImage,
    BuildImage,
    TagImage,
    CreateNetwork,
    RemoveNetwork,
    Connect,
    Disconnect,
    CreateVolume,
    RemoveVolume,
    CopyVolume,
    CreateContainer,
    PutFiles,
    Start,
    Stop,
    Rename,
    RemoveContainer,
    Probe,
    RunEngineCheck,
    Logs,
    Exec,
    Wait,
}

impl Call {
    /// Whether it changes the engine's state.
    pub fn changes(self) -> bool {
        !matches!(
            self,
            Self::Containers
                | Self::Networks
                | Self::Volumes
                | Self::Image
                | Self::Inspect
                | Self::Probe
                | Self::RunEngineCheck
                | Self::Logs
                | Self::Exec
                | Self::Wait
        )
    }
}

/// A call to fail.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Which.
    pub call: Call,
    /// The object's name contains this (`""`: any).
    pub on: String,
    /// How many calls fail.
    pub times: u32,
    /// How.
    pub effect: Effect,
}

impl Fault {
    /// A call about that object fails once for that reason.
    pub fn refused(call: Call, on: &str, kind: EngineErrorKind) -> Self {
        Self { call, on: on.to_owned(), times: 1, effect: Effect::Refused(kind) }
    }
}

/// How a call fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The engine returns an error.
    Refused(EngineErrorKind),
    /// The connection is cut before the call is carried out.
    CutBefore,
    /// The connection is cut, it was done.
    CutAfter,
    /// It never ends; the engine has heard of it or not.
    Hangs(Moment),
    /// The call succeeds after other tasks have run.
    TakesTime,
}
