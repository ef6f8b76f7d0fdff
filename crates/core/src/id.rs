//! Identities that never change: opaque text (UUIDs), generated outside of core, which has no randomness.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps an existing identity.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// Returns the identity as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// Identifies a stack; survives renames.
    StackId
);
id!(
    /// Identifies an instance; survives renames.
    InstanceId
);
id!(
    /// Identifies the store (database) that owns an object on an engine.
    StoreId
);
id!(
    /// Identifies a secret of a stack, or one generated for an instance; survives renames and new values.
    SecretId
);
id!(
    /// Identifies a saved plan.
    PlanId
);
id!(
    /// Identifies an apply; the objects it created carry it.
    ApplyId
);
id!(
    /// Identifies a container on its engine.
    ContainerId
);
id!(
    /// Identifies a network on its engine.
    NetworkId
);
id!(
    /// Identifies an image by its content (`sha256:...`).
    ImageId
);
id!(
    /// Identifies an engine, as recorded in its marker volume.
    EngineId
);
