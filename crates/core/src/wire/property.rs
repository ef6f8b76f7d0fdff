use serde::{Deserialize, Serialize};
use std::fmt;

/// A value a contract carries. Which type carries which is decided in [`super::CONTRACTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// Where it answers: a container's name, or an address of the host.
    Host,
    /// The port there.
    Port,
    /// The URL's scheme, where a type has several (`https`).
    Scheme,
    /// Who logs in; of `s3`, the access key.
    User,
    /// With what; of `s3`, the secret key. `http` and `grpc` have tokens here.
    Password,
    /// The database; of `redis`, its number.
    Database,
    /// The virtual host of a message broker.
    Vhost,
    /// The authentication database, of `mongodb`.
    AuthSource,
    /// The bucket of an object store.
    Bucket,
    /// The region of an object store.
    Region,
    /// The base path of an HTTP service.
    Path,
    /// All of it in the form clients read.
    Url,
}

impl Property {
    /// Every property, in the order they are documented.
    pub const ALL: [Self; 12] = [
        Self::Host,
        Self::Port,
        Self::Scheme,
        Self::User,
        Self::Password,
        Self::Database,
        Self::Vhost,
        Self::AuthSource,
        Self::Bucket,
        Self::Region,
        Self::Path,
        Self::Url,
    ];

    /// The name users write.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Port => "port",
            Self::Scheme => "scheme",
            Self::User => "user",
            Self::Password => "password",
            Self::Database => "database",
            Self::Vhost => "vhost",
            Self::AuthSource => "auth_source",
            Self::Bucket => "bucket",
            Self::Region => "region",
            Self::Path => "path",
            Self::Url => "url",
        }
    }

    /// Whether DevArch computes it: an export cannot specify it, because it depends on the consumer.
    pub fn is_given(self) -> bool {
        matches!(self, Self::Host | Self::Port | Self::Url)
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
