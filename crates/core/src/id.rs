//! Identities that never change. Opaque text (UUIDs); made outside of core, which has no randomness.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps an identity that was made or stored elsewhere.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The identity as text.
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
    /// A stack; survives renames.
    StackId
);
id!(
    /// An instance; survives renames.
    InstanceId
);
id!(
    /// The store (database) that owns an object on an engine.
    StoreId
);
id!(
    /// A secret of a stack, or one made for an instance; survives renames and new values.
    SecretId
);
id!(
    /// A saved plan.
    PlanId
);
id!(
    /// One apply; objects it made carry it.
    ApplyId
);
id!(
    /// A container as the engine knows it.
    ContainerId
);
id!(
    /// A network as the engine knows it.
    NetworkId
);
id!(
    /// An image's content id (`sha256:...`).
    ImageId
);
id!(
    /// An engine, as told by its marker volume.
    EngineId
);
