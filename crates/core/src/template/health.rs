use crate::unit::Millis;
use serde::{Deserialize, Serialize};

/// A container's health check (Compose specification, `healthcheck`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Healthcheck {
    /// The command.
    pub test: HealthTest,
    /// Time between two checks; the engine's default is 30 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Millis>,
    /// Time one check may take; the engine's default is 30 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Millis>,
    /// Failures in a row that make it unhealthy; the engine's default is 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Time after the start in which failures do not count; the engine's default is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_period: Option<Millis>,
    /// Time between checks in the start period, for engines that support it (Docker 25).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_interval: Option<Millis>,
}

/// A health check's command.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub enum HealthTest {
    /// No check, even if the image has one (`["NONE"]`, `disable: true`).
    None,
    /// A program with its arguments (`["CMD", ...]`).
    Cmd(Vec<String>),
    /// A line for the container's shell (`["CMD-SHELL", ...]` or a string).
    Shell(String),
}

impl From<HealthTest> for Vec<String> {
    fn from(test: HealthTest) -> Self {
        test.to_argv()
    }
}

impl TryFrom<Vec<String>> for HealthTest {
    type Error = &'static str;

    fn try_from(argv: Vec<String>) -> Result<Self, Self::Error> {
        Self::from_argv(&argv).ok_or("a test begins with NONE, CMD or CMD-SHELL")
    }
}

impl HealthTest {
    /// Converts the command to the form that engines and Compose files use.
    pub fn to_argv(&self) -> Vec<String> {
        match self {
            Self::None => vec!["NONE".to_owned()],
            Self::Cmd(argv) => std::iter::once("CMD".to_owned()).chain(argv.iter().cloned()).collect(),
            Self::Shell(line) => vec!["CMD-SHELL".to_owned(), line.clone()],
        }
    }

    /// Parses the form that engines and Compose files use; `None` if it is empty or unknown.
    pub fn from_argv(argv: &[String]) -> Option<Self> {
        match argv.split_first()? {
            (kind, _) if kind == "NONE" => Some(Self::None),
            (kind, rest) if kind == "CMD" && !rest.is_empty() => Some(Self::Cmd(rest.to_vec())),
            (kind, [line]) if kind == "CMD-SHELL" => Some(Self::Shell(line.clone())),
            _ => None,
        }
    }
}

impl Healthcheck {
    /// Docker's default time between checks.
    pub const DEFAULT_INTERVAL: Millis = Millis(30_000);
    /// Docker's default timeout of one check.
    pub const DEFAULT_TIMEOUT: Millis = Millis(30_000);
    /// Docker's default number of failures in a row.
    pub const DEFAULT_RETRIES: u32 = 3;
}
