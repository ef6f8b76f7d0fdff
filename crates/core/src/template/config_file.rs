use crate::{
    content::{ContentRef, LARGE},
    secret::{HoldsSecrets, SecretValue, Visit, refers},
    unit::{FileMode, Owner},
};
use serde::{Deserialize, Serialize};

/// A file that DevArch puts into the container before it starts, through the engine's archive call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFile {
    /// Its content.
    #[serde(flatten)]
    pub content: ConfigContent,
    /// Permission bits; default 0644, or 0600 if the content is secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<FileMode>,
    /// Owner by number; default root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// The content of a config file, or its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub enum ConfigContent {
    /// Inline content. If it refers to secrets, the file becomes secret.
    Content(String),
    /// Inline secret content.
    Secret(SecretValue),
    /// A reference to a large content in the store. It refers to no secrets.
    Kept(ContentRef),
    /// A file beside the devarch.yml, which is read on import, so that the store has the content.
    File {
        /// Its path.
        path: String,
        /// Whether its content is secret.
        secret: bool,
    },
}

impl ConfigContent {
    /// Creates secret content.
    pub fn secret(content: impl Into<String>) -> Self {
        Self::Secret(SecretValue::new(content))
    }

    /// Returns the reference to the content in the store, if it is stored there.
    pub fn kept(&self) -> Option<&ContentRef> {
        match self {
            Self::Kept(kept) => Some(kept),
            Self::Content(_) | Self::Secret(_) | Self::File { .. } => None,
        }
    }

    /// Returns the text if it is to be stored separately: it is large, not secret, and refers to no secrets. (A text
    /// that refers to secrets becomes a secret, which is encrypted as a whole.)
    pub fn large(&self) -> Option<&str> {
        match self {
            Self::Content(text) if text.len() > LARGE && !refers(text) => Some(text),
            _ => None,
        }
    }
}

impl HoldsSecrets for ConfigFile {
    fn visit_secrets(&mut self, visit: Visit<'_>) {
        if let ConfigContent::Secret(value) = &mut self.content {
            visit("", value);
        }
    }
}

/// The form users write, secrets redacted.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Secret {
        content: SecretValue,
        secret: bool,
    },
    Content {
        content: String,
    },
    Kept {
        kept: ContentRef,
    },
    File {
        file: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        secret: bool,
    },
}

impl From<Form> for ConfigContent {
    fn from(form: Form) -> Self {
        match form {
            Form::Secret { content, .. } => Self::Secret(content),
            Form::Content { content } => Self::Content(content),
            Form::Kept { kept } => Self::Kept(kept),
            Form::File { file, secret } => Self::File { path: file, secret },
        }
    }
}

impl From<ConfigContent> for Form {
    fn from(content: ConfigContent) -> Self {
        match content {
            ConfigContent::Secret(content) => Self::Secret { content, secret: true },
            ConfigContent::Content(content) => Self::Content { content },
            ConfigContent::Kept(kept) => Self::Kept { kept },
            ConfigContent::File { path, secret } => Self::File { file: path, secret },
        }
    }
}
