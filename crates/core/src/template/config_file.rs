use crate::{
    content::{ContentRef, LARGE},
    secret::{HoldsSecrets, SecretValue, Visit, refers},
    unit::{FileMode, Owner},
};
use serde::{Deserialize, Serialize};

/// A file DevArch puts into the container before it starts, through the engine's archive call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFile {
    /// What is in it.
    #[serde(flatten)]
    pub content: ConfigContent,
    /// Permission bits; 0644 where nothing is said, 0600 where the content is secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<FileMode>,
    /// Owner by number; root where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// Where a config file's content comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub enum ConfigContent {
    /// Written in place. It may refer to secrets: then the file is one.
    Content(String),
    /// Written in place, and nobody may see it.
    Secret(SecretValue),
    /// Too large to be carried about: the store keeps the text. It refers to no secrets.
    Kept(ContentRef),
    /// A file beside the devarch.yml; read when the file is imported, so that the store holds the content.
    File {
        /// Its path.
        path: String,
        /// Whether nobody may see what is in it.
        secret: bool,
    },
}

impl ConfigContent {
    /// Content that nobody may see.
    pub fn secret(content: impl Into<String>) -> Self {
        Self::Secret(SecretValue::new(content))
    }

    /// What the store keeps of it.
    pub fn kept(&self) -> Option<&ContentRef> {
        match self {
            Self::Kept(kept) => Some(kept),
            Self::Content(_) | Self::Secret(_) | Self::File { .. } => None,
        }
    }

    /// What the store is to keep of it apart: a large text that everyone may see and that refers to no secrets. (One that
    /// does becomes a secret, which is sealed as a whole.)
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

/// As users write it, secrets redacted.
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
