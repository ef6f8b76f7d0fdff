use serde::Serialize;
use std::fmt;

/// The field of a definition that a problem is about: `ports.80/tcp`, `stacks.shop.instances.web.ports[0]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(transparent)]
pub struct Field(String);

impl Field {
    /// Creates the empty field, which stands for the whole definition.
    pub fn whole() -> Self {
        Self::default()
    }

    /// Returns whether it stands for the whole definition.
    pub fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the field as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Field {
    fn from(field: String) -> Self {
        Self(field)
    }
}

impl From<&str> for Field {
    fn from(field: &str) -> Self {
        Self(field.to_owned())
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
