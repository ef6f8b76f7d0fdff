use crate::{
    secret::{Generate, HoldsSecrets, REDACTED, SecretValue, Visit},
    text::Text,
};
use serde::{Deserialize, Serialize};

/// A literal value: of a variable, a build argument or an export property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "GivenForm", into = "GivenForm")]
pub enum Given {
    /// A public value. If it refers to secrets, the resolved value is secret.
    Plain(String),
    /// A secret value.
    Secret(SecretValue),
}

/// The definition of an environment variable's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "EnvForm", into = "EnvForm")]
pub enum EnvValue {
    /// A literal value.
    Given(Given),
    /// A value that DevArch generates once per instance.
    Generate(Generate),
}

impl Given {
    /// Creates a public value.
    pub fn plain(value: impl Into<String>) -> Self {
        Self::Plain(value.into())
    }

    /// Creates a secret value.
    pub fn secret(value: impl Into<String>) -> Self {
        Self::Secret(SecretValue::new(value))
    }

    /// Returns whether it must never be shown.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_))
    }

    /// Marks the value as secret.
    #[must_use]
    pub fn into_secret(self) -> Self {
        match self {
            Self::Plain(value) => Self::secret(value),
            secret @ Self::Secret(_) => secret,
        }
    }

    /// Returns the value as text. A value that cannot be decrypted is still a secret.
    pub fn to_text(&self) -> Text {
        match self {
            Self::Plain(value) => Text::plain(value),
            Self::Secret(SecretValue::Known(secret)) => Text::Secret(secret.clone()),
            Self::Secret(SecretValue::Locked(_)) => Text::secret(REDACTED),
        }
    }
}

impl EnvValue {
    /// Creates a public value.
    pub fn plain(value: impl Into<String>) -> Self {
        Self::Given(Given::plain(value))
    }

    /// Creates a secret value.
    pub fn secret(value: impl Into<String>) -> Self {
        Self::Given(Given::secret(value))
    }

    /// Returns whether it must never be shown.
    pub fn is_secret(&self) -> bool {
        match self {
            Self::Given(given) => given.is_secret(),
            Self::Generate(_) => true,
        }
    }

    /// Marks the value as secret.
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

/// The form users write, secrets redacted.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum GivenForm {
    Short(String),
    Long { value: SecretValue, secret: bool },
}

/// The form users write, secrets redacted.
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
