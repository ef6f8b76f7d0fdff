use crate::{
    secret::{Generate, HoldsSecrets, REDACTED, SecretValue, Visit},
    text::Text,
};
use serde::{Deserialize, Serialize};

/// A value that is written down: a variable's, a build argument's, an export property's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "GivenForm", into = "GivenForm")]
pub enum Given {
    /// Anyone may see it. It may refer to secrets: then what it amounts to is one.
    Plain(String),
    /// Nobody may see it.
    Secret(SecretValue),
}

/// An environment variable's value as it is defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "EnvForm", into = "EnvForm")]
pub enum EnvValue {
    /// It is written down.
    Given(Given),
    /// DevArch makes it, once for each instance.
    Generate(Generate),
}

impl Given {
    /// A value that anyone may see.
    pub fn plain(value: impl Into<String>) -> Self {
        Self::Plain(value.into())
    }

    /// A value that nobody may see.
    pub fn secret(value: impl Into<String>) -> Self {
        Self::Secret(SecretValue::new(value))
    }

    /// Whether it must not be shown, whatever it is.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_))
    }

    /// The same value, and secret.
    #[must_use]
    pub fn into_secret(self) -> Self {
        match self {
            Self::Plain(value) => Self::secret(value),
            secret @ Self::Secret(_) => secret,
        }
    }

    /// The value as text, as it is written. What can't be read here is a secret all the same.
    pub fn to_text(&self) -> Text {
        match self {
            Self::Plain(value) => Text::plain(value),
            Self::Secret(SecretValue::Known(secret)) => Text::Secret(secret.clone()),
            Self::Secret(SecretValue::Locked(_)) => Text::secret(REDACTED),
        }
    }
}

impl EnvValue {
    /// A value that anyone may see.
    pub fn plain(value: impl Into<String>) -> Self {
        Self::Given(Given::plain(value))
    }

    /// A value that nobody may see.
    pub fn secret(value: impl Into<String>) -> Self {
        Self::Given(Given::secret(value))
    }

    /// Whether it must not be shown, whatever it is.
    pub fn is_secret(&self) -> bool {
        match self {
            Self::Given(given) => given.is_secret(),
            Self::Generate(_) => true,
        }
    }

    /// The same value, and secret.
    #[must_use]
    pub fn into_secret(self) -> Self {
        match self {
            Self::Given(given) => Self::Given(given.into_secret()),
            made @ Self::Generate(_) => made,
        }
    }
}

impl HoldsSecrets for Given {
    fn visit_secrets(&mut self, visit: Visit<'_>) {
        if let Self::Secret(value) = self {
            visit("", value);
        }
    }
}

impl HoldsSecrets for EnvValue {
    fn visit_secrets(&mut self, visit: Visit<'_>) {
        if let Self::Given(given) = self {
            given.visit_secrets(visit);
        }
    }
}

/// As users write it, secrets redacted.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum GivenForm {
    Short(String),
    Long { value: SecretValue, secret: bool },
}

/// As users write it, secrets redacted.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum EnvForm {
    Generate { generate: Generate },
    Given(GivenForm),
}

impl From<GivenForm> for Given {
    fn from(form: GivenForm) -> Self {
        match form {
            GivenForm::Short(value) => Self::Plain(value),
            GivenForm::Long { value, .. } => Self::Secret(value),
        }
    }
}

impl From<Given> for GivenForm {
    fn from(given: Given) -> Self {
        match given {
            Given::Plain(value) => Self::Short(value),
            Given::Secret(value) => Self::Long { value, secret: true },
        }
    }
}

impl From<EnvForm> for EnvValue {
    fn from(form: EnvForm) -> Self {
        match form {
            EnvForm::Generate { generate } => Self::Generate(generate),
            EnvForm::Given(form) => Self::Given(form.into()),
        }
    }
}

impl From<EnvValue> for EnvForm {
    fn from(value: EnvValue) -> Self {
        match value {
            EnvValue::Generate(generate) => Self::Generate { generate },
            EnvValue::Given(given) => Self::Given(given.into()),
        }
    }
}
