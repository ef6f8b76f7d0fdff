//! Why a task failed, and what to do about it.

use std::error::Error;

/// The result of a fallible operation.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// An error message, a hint, and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Failure {
    what: String,
    help: Option<String>,
    #[source]
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure without a cause.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), help: None, cause: None }
    }

    /// Adds what to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// How to fix it.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The sentence with all its causes.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.what.clone();
        let mut next = self.source();
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        text
    }
}

/// Turns errors and absent values into a [`Failure`].
pub(crate) trait Context<T> {
    /// Adds what failed.
    fn context(self, what: impl Into<String>) -> Result<T>;
}

impl<T, E: Error + Send + Sync + 'static> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|cause| Failure { what: what.into(), help: None, cause: Some(Box::new(cause)) })
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, what: impl Into<String>) -> Result<T> {
        self.ok_or_else(|| Failure::new(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_its_cause() {
        let failure = "x".parse::<u16>().context("cannot read the port").unwrap_err();
        assert_eq!(failure.chain(), "cannot read the port: invalid digit found in string");
    }
}
