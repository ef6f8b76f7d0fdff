use super::Given;
use crate::secret::{HoldsSecrets, Visit, visit_entries};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// The type of an export or import: a fixed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is the protocol of that name")]
pub enum ContractType {
    Postgres,
    Mysql,
    Mongodb,
    Redis,
    Memcached,
    Amqp,
    Kafka,
    Nats,
    Mqtt,
    Elasticsearch,
    S3,
    Smtp,
    Http,
    Grpc,
    Tcp,
}

impl ContractType {
    /// All types, in the order of their documentation.
    pub const ALL: [Self; 15] = [
        Self::Postgres,
        Self::Mysql,
        Self::Mongodb,
        Self::Redis,
        Self::Memcached,
        Self::Amqp,
        Self::Kafka,
        Self::Nats,
        Self::Mqtt,
        Self::Elasticsearch,
        Self::S3,
        Self::Smtp,
        Self::Http,
        Self::Grpc,
        Self::Tcp,
    ];

    /// Returns the name users write.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Mongodb => "mongodb",
            Self::Redis => "redis",
            Self::Memcached => "memcached",
            Self::Amqp => "amqp",
            Self::Kafka => "kafka",
            Self::Nats => "nats",
            Self::Mqtt => "mqtt",
            Self::Elasticsearch => "elasticsearch",
            Self::S3 => "s3",
            Self::Smtp => "smtp",
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::Tcp => "tcp",
        }
    }
}

impl FromStr for ContractType {
    type Err = ();

    fn from_str(given: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|contract| contract.as_str() == given).ok_or(())
    }
}

impl fmt::Display for ContractType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something an instance provides to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Its name, unique in the template.
    pub name: String,
    /// The protocol.
    #[serde(rename = "type")]
    pub contract: ContractType,
    /// The container port that provides it.
    pub port: u16,
    /// Further values a consumer needs (user, password, database, ...); `${env:NAME}` refers to the effective
    /// environment of the instance.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Given>,
    /// How a consumer gets its own login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provision: Option<Provision>,
}

/// How a consumer gets its own user and database. It must be idempotent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provision {
    /// Run in the provider's container before the consumer starts, with `PROVISION_NAME` (of user and database),
    /// `PROVISION_BUCKET` if the type has a bucket, and `PROVISION_PASSWORD` in its environment.
    pub command: Vec<String>,
    /// Reverts it on request: run with the names only. It must be idempotent too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove: Option<Vec<String>>,
}

impl HoldsSecrets for Export {
    fn visit_secrets(&mut self, visit: Visit<'_>) {
        visit_entries("properties", &mut self.properties, visit);
    }
}

/// Something an instance needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Its name, unique in the template.
    pub name: String,
    /// The protocol.
    #[serde(rename = "type")]
    pub contract: ContractType,
    /// Whether the instance cannot work without it.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub required: bool,
    /// Whether it needs its own user and database.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// The variables that a wire sets, with `{host}`, `{port}`, `{url}`, ... filled in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}
