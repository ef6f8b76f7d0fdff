use super::{CONTRACTS, Carried, Contract, Need, variable};
use std::fmt::Write as _;

/// The contract table as Markdown, for the documentation and `devarch man`.
pub fn contracts_markdown() -> String {
    let mut text = String::from(
        "| type | an export must say | and may say | `{url}` | variables of an import `db` |\n|---|---|---|---|---|\n",
    );
    for row in &CONTRACTS {
        let variables: Vec<String> = row.carries.iter().map(|it| variable("db", it.suffix)).collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | `{}` | {} |",
            row.contract,
            requirement(row, Need::Required),
            requirement(row, Need::Optional),
            row.url.example,
            variables.join(", ")
        );
    }
    text
}

fn requirement(row: &Contract, need: Need) -> String {
    let names: Vec<&str> = row.carries.iter().filter(|it| it.need == need).map(Carried::name).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_printed_from_the_contracts_in_use() {
        insta::assert_snapshot!(super::contracts_markdown(), @"
        | type | an export must say | and may say | `{url}` | variables of an import `db` |
        |---|---|---|---|---|
        | postgres | user, database | password | `postgres://user:password@host:port/database` | DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_DATABASE, DB_URL |
        | mysql | user, database | password | `mysql://user:password@host:port/database` | DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_DATABASE, DB_URL |
        | mongodb | - | user, password, database, auth_source | `mongodb://user:password@host:port/database?authSource=auth_source` | DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_DATABASE, DB_AUTH_SOURCE, DB_URL |
        | redis | - | scheme, user, password, database | `redis://user:password@host:port/database` | DB_HOST, DB_PORT, DB_SCHEME, DB_USER, DB_PASSWORD, DB_DATABASE, DB_URL |
        | memcached | - | user, password | `host:port` | DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_URL |
        | amqp | user, password | scheme, vhost | `amqp://user:password@host:port/vhost` | DB_HOST, DB_PORT, DB_SCHEME, DB_USER, DB_PASSWORD, DB_VHOST, DB_URL |
        | kafka | - | user, password | `host:port` | DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_BOOTSTRAP_SERVERS |
        | nats | - | scheme, user, password | `nats://user:password@host:port` | DB_HOST, DB_PORT, DB_SCHEME, DB_USER, DB_PASSWORD, DB_URL |
        | mqtt | - | scheme, user, password | `mqtt://user:password@host:port` | DB_HOST, DB_PORT, DB_SCHEME, DB_USER, DB_PASSWORD, DB_URL |
        | elasticsearch | - | scheme, user, password | `http://user:password@host:port` | DB_HOST, DB_PORT, DB_SCHEME, DB_USER, DB_PASSWORD, DB_URL |
        | s3 | access_key, secret_key | scheme, bucket, region | `http://host:port` | DB_HOST, DB_PORT, DB_SCHEME, DB_ACCESS_KEY, DB_SECRET_KEY, DB_BUCKET, DB_REGION, DB_ENDPOINT |
        | smtp | - | scheme, user, password | `smtp://user:password@host:port` | DB_HOST, DB_PORT, DB_SCHEME, DB_USER, DB_PASSWORD, DB_URL |
        | http | - | scheme, user, password, database, path | `http://host:port/path` | DB_HOST, DB_PORT, DB_SCHEME, DB_USER, DB_PASSWORD, DB_DATABASE, DB_PATH, DB_URL |
        | grpc | - | user, password | `host:port` | DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_URL |
        | tcp | - | user, password, database | `tcp://host:port` | DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_DATABASE, DB_URL |
        ");
    }
}
