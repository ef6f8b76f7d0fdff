//! The contract table: the properties of each type, its URL format, and the default variables of an import. The only
//! definition of types; [`super::contracts_markdown`] prints it.

use super::Property;
use crate::template::ContractType;

/// Whether an export has to specify a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// DevArch computes it.
    Given,
    /// Required: a consumer cannot work without it.
    Required,
    /// Optional.
    Optional,
}

/// A property of a contract type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// The property.
    pub property: Property,
    /// Another name for it, the one that is usual for this type.
    pub alias: Option<&'static str>,
    /// Where it comes from.
    pub need: Need,
    /// Suffix of the import's name in its default variable: `HOST` in `DB_HOST`.
    pub suffix: &'static str,
}

/// The part of a URL after the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Nothing.
    None,
    /// `/database`.
    Database,
    /// `/database?authSource=...`.
    MongoDatabase,
    /// `/vhost`.
    Vhost,
    /// The path.
    Path,
}

/// How a type's URL is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlForm {
    /// The allowed schemes, the default first; empty if clients take only `host:port`.
    pub schemes: &'static [&'static str],
    /// Whether it includes user and password.
    pub login: bool,
    /// The part after the port.
    pub tail: Tail,
    /// The format for documentation.
    pub example: &'static str,
}

/// A contract type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contract {
    /// The type.
    pub contract: ContractType,
    /// Its properties, in the order of the documentation.
    pub carries: &'static [Carried],
    /// Its URL.
    pub url: UrlForm,
}

const fn carried(property: Property, need: Need, suffix: &'static str) -> Carried {
    Carried { property, alias: None, need, suffix }
}

const fn called(name: &'static str, property: Property, need: Need, suffix: &'static str) -> Carried {
    Carried { property, alias: Some(name), need, suffix }
}

const HOST: Carried = carried(Property::Host, Need::Given, "HOST");
const PORT: Carried = carried(Property::Port, Need::Given, "PORT");
const URL: Carried = carried(Property::Url, Need::Given, "URL");
const SCHEME: Carried = carried(Property::Scheme, Need::Optional, "SCHEME");
const USER: Carried = carried(Property::User, Need::Optional, "USER");
const NEEDS_USER: Carried = carried(Property::User, Need::Required, "USER");
const PASSWORD: Carried = carried(Property::Password, Need::Optional, "PASSWORD");
const NEEDS_PASSWORD: Carried = carried(Property::Password, Need::Required, "PASSWORD");
const DATABASE: Carried = carried(Property::Database, Need::Optional, "DATABASE");
const NEEDS_DATABASE: Carried = carried(Property::Database, Need::Required, "DATABASE");

const fn url(schemes: &'static [&'static str], login: bool, tail: Tail, example: &'static str) -> UrlForm {
    UrlForm { schemes, login, tail, example }
}

/// Every contract type, in the order of [`ContractType::ALL`]. Sources of the URL forms: PostgreSQL's documentation
/// 34.1.1.2, `MySQL`'s "Connecting Using URI-Like Strings", `MongoDB`'s "Connection Strings", the registrations of `redis`
/// and `mqtt` at IANA, `RabbitMQ`'s "AMQP 0-9-1 URI Spec", "Connecting" of NATS; the address of a Kafka broker is an entry of
/// `bootstrap.servers`, that of gRPC a name without scheme (gRPC Name Resolution). A `http` URL has no login in it: RFC 9110,
/// 4.2.4; Elasticsearch's clients read it from there nevertheless.
pub const CONTRACTS: [Contract; 15] = [
    Contract {
        contract: ContractType::Postgres,
        carries: &[HOST, PORT, NEEDS_USER, PASSWORD, NEEDS_DATABASE, URL],
        url: url(&["postgres"], true, Tail::Database, "postgres://user:password@host:port/database"),
    },
    Contract {
        contract: ContractType::Mysql,
        carries: &[HOST, PORT, NEEDS_USER, PASSWORD, NEEDS_DATABASE, URL],
        url: url(&["mysql"], true, Tail::Database, "mysql://user:password@host:port/database"),
    },
    Contract {
        contract: ContractType::Mongodb,
        carries: &[
            HOST,
            PORT,
            USER,
            PASSWORD,
            DATABASE,
            carried(Property::AuthSource, Need::Optional, "AUTH_SOURCE"),
            URL,
        ],
        url: url(
            &["mongodb"],
            true,
            Tail::MongoDatabase,
            "mongodb://user:password@host:port/database?authSource=auth_source",
        ),
    },
    Contract {
        contract: ContractType::Redis,
        carries: &[HOST, PORT, SCHEME, USER, PASSWORD, DATABASE, URL],
        url: url(&["redis", "rediss"], true, Tail::Database, "redis://user:password@host:port/database"),
    },
    Contract {
        contract: ContractType::Memcached,
        carries: &[HOST, PORT, USER, PASSWORD, URL],
        url: url(&[], false, Tail::None, "host:port"),
    },
    Contract {
        contract: ContractType::Amqp,
        carries: &[
            HOST,
            PORT,
            SCHEME,
            NEEDS_USER,
            NEEDS_PASSWORD,
            carried(Property::Vhost, Need::Optional, "VHOST"),
            URL,
        ],
        url: url(&["amqp", "amqps"], true, Tail::Vhost, "amqp://user:password@host:port/vhost"),
    },
    Contract {
        contract: ContractType::Kafka,
        carries: &[
            HOST,
            PORT,
            USER,
            PASSWORD,
            called("bootstrap_servers", Property::Url, Need::Given, "BOOTSTRAP_SERVERS"),
        ],
        url: url(&[], false, Tail::None, "host:port"),
    },
    Contract {
        contract: ContractType::Nats,
        carries: &[HOST, PORT, SCHEME, USER, PASSWORD, URL],
        url: url(&["nats", "tls"], true, Tail::None, "nats://user:password@host:port"),
    },
    Contract {
        contract: ContractType::Mqtt,
        carries: &[HOST, PORT, SCHEME, USER, PASSWORD, URL],
        url: url(&["mqtt", "mqtts"], true, Tail::None, "mqtt://user:password@host:port"),
    },
    Contract {
        contract: ContractType::Elasticsearch,
        carries: &[HOST, PORT, SCHEME, USER, PASSWORD, URL],
        url: url(&["http", "https"], true, Tail::None, "http://user:password@host:port"),
    },
    Contract {
        contract: ContractType::S3,
        carries: &[
            HOST,
            PORT,
            SCHEME,
            called("access_key", Property::User, Need::Required, "ACCESS_KEY"),
            called("secret_key", Property::Password, Need::Required, "SECRET_KEY"),
            carried(Property::Bucket, Need::Optional, "BUCKET"),
            carried(Property::Region, Need::Optional, "REGION"),
            called("endpoint", Property::Url, Need::Given, "ENDPOINT"),
        ],
        url: url(&["http", "https"], false, Tail::None, "http://host:port"),
    },
    Contract {
        contract: ContractType::Smtp,
        carries: &[HOST, PORT, SCHEME, USER, PASSWORD, URL],
        url: url(&["smtp", "smtps"], true, Tail::None, "smtp://user:password@host:port"),
    },
    Contract {
        contract: ContractType::Http,
        carries: &[
            HOST,
            PORT,
            SCHEME,
            USER,
            PASSWORD,
            DATABASE,
            carried(Property::Path, Need::Optional, "PATH"),
            URL,
        ],
        url: url(&["http", "https"], false, Tail::Path, "http://host:port/path"),
    },
    Contract {
        contract: ContractType::Grpc,
        carries: &[HOST, PORT, USER, PASSWORD, URL],
        url: url(&[], false, Tail::None, "host:port"),
    },
    Contract {
        contract: ContractType::Tcp,
        carries: &[HOST, PORT, USER, PASSWORD, DATABASE, URL],
        url: url(&["tcp"], false, Tail::None, "tcp://host:port"),
    },
];

impl Contract {
    /// The row of a type.
    pub fn builtin(contract: ContractType) -> &'static Self {
        // The table is in the order of the type; a test holds it.
        &CONTRACTS[contract as usize]
    }

    /// The property of a name, if the type carries it.
    pub fn property(&self, name: &str) -> Option<&Carried> {
        let is = |carried: &&Carried| carried.property.as_str() == name || carried.alias == Some(name);
        self.carries.iter().find(is)
    }

    /// Whether the type carries a property.
    pub fn has(&self, property: Property) -> bool {
        self.carries.iter().any(|carried| carried.property == property)
    }

    /// The accepted names, with aliases resolved.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.carries.iter().map(Carried::name)
    }

    /// The properties that an export has to specify.
    pub fn required(&self) -> impl Iterator<Item = &'static Carried> {
        self.carries.iter().filter(|carried| carried.need == Need::Required)
    }
}

impl Carried {
    /// The name that is usual for this type.
    pub fn name(&self) -> &'static str {
        self.alias.unwrap_or(self.property.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_row_with_host_port_and_url() {
        for contract in ContractType::ALL {
            let row = Contract::builtin(contract);
            assert_eq!(row.contract, contract);
            for given in [Property::Host, Property::Port, Property::Url] {
                assert_eq!(row.property(given.as_str()).map(|it| it.need), Some(Need::Given), "{contract}");
            }
        }
    }

    #[test]
    fn no_two_properties_of_a_type_share_a_name_or_a_variable() {
        for row in &CONTRACTS {
            for (n, one) in row.carries.iter().enumerate() {
                for other in &row.carries[n + 1..] {
                    assert_ne!(one.property, other.property);
                    assert_ne!(one.suffix, other.suffix);
                    assert_ne!(one.name(), other.name());
                }
            }
        }
    }
}
