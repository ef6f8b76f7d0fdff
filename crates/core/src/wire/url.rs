//! URLs of contracts (RFC 3986). Clients decode exactly the user, password, name and path that were encoded.

use super::{Contract, Property, Tail, Values, values::text_of};
use crate::{percent, text::Text};
use std::net::Ipv6Addr;

/// The URL of a contract's values: secret if a part of it is.
pub(super) fn url(contract: &Contract, values: &Values) -> Text {
    let mut writer = Writer { values, text: String::new(), secret: false };
    if let Some(default) = contract.url.schemes.first() {
        let scheme = writer.take(Property::Scheme).unwrap_or(default);
        writer.text.push_str(scheme);
        writer.text.push_str("://");
    }
    if contract.url.login {
        writer.login();
    }
    writer.authority();
    writer.tail(contract.url.tail);
    text_of(writer.text, writer.secret)
}

struct Writer<'a> {
    values: &'a Values,
    text: String,
    secret: bool,
}

impl<'a> Writer<'a> {
    /// A value that is present and not empty; the values taken determine whether the URL is a secret.
    fn take(&mut self, property: Property) -> Option<&'a str> {
        let value = self.values.get(&property).filter(|value| !value.reveal().is_empty())?;
        self.secret |= value.is_secret();
        Some(value.reveal())
    }

    /// `user:password@`; `:password@` without a user, as in Redis.
    fn login(&mut self) {
        let (user, password) = (self.take(Property::User), self.take(Property::Password));
        if user.is_none() && password.is_none() {
            return;
        }
        self.text.extend(user.map(escape));
        if let Some(password) = password {
            self.text.push(':');
            self.text.push_str(&escape(password));
        }
        self.text.push('@');
    }

    fn authority(&mut self) {
        let host = self.take(Property::Host).unwrap_or_default();
        self.text.push_str(&bracketed(host));
        if let Some(port) = self.take(Property::Port) {
            self.text.push(':');
            self.text.push_str(port);
        }
    }

    fn tail(&mut self, tail: Tail) {
        match tail {
            Tail::None => {}
            Tail::Database => self.segment(Property::Database),
            Tail::Vhost => self.segment(Property::Vhost),
            Tail::MongoDatabase => {
                self.segment(Property::Database);
                let named = self.take(Property::Database).is_some();
                if let Some(source) = self.take(Property::AuthSource) {
                    // The slash is required before options (MongoDB, "Connection String Options").
                    self.text.push_str(if named { "?authSource=" } else { "/?authSource=" });
                    self.text.push_str(&escape(source));
                }
            }
            Tail::Path => {
                for part in self.take(Property::Path).into_iter().flat_map(path_segments) {
                    self.text.push('/');
                    self.text.push_str(&escape(part));
                }
            }
        }
    }

    fn segment(&mut self, property: Property) {
        if let Some(value) = self.take(property) {
            self.text.push('/');
            self.text.push_str(&escape(value));
        }
    }
}

fn path_segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// IPv6 addresses are put in brackets (RFC 3986, 3.2.2).
pub(super) fn bracketed(host: &str) -> String {
    if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() }
}

/// Encodes everything but unreserved characters as `%XX` (RFC 3986, 2.1 and 2.3): sub-delimiters are allowed in a user
/// or a path, but clients disagree on some of them (`+`), and all decode an escape.
pub fn escape(text: &str) -> String {
    percent::encoded(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::ContractType;
    use proptest::prelude::*;

    fn values(pairs: &[(Property, &str)]) -> Values {
        pairs.iter().map(|(property, value)| (*property, Text::plain(*value))).collect()
    }

    fn shown(contract: ContractType, more: &[(Property, &str)]) -> String {
        let mut all = values(&[(Property::Host, "devarch-shop-it"), (Property::Port, "1234")]);
        all.extend(values(more));
        url(Contract::builtin(contract), &all).reveal().to_owned()
    }

    #[test]
    fn every_type_has_the_format_its_clients_read() {
        let full = [
            (Property::User, "u"),
            (Property::Password, "p"),
            (Property::Database, "d"),
            (Property::Vhost, "v"),
            (Property::AuthSource, "admin"),
            (Property::Path, "/a/b"),
        ];
        let lines: Vec<String> = ContractType::ALL
            .iter()
            .map(|contract| format!("{} | {}", shown(*contract, &full), shown(*contract, &[])))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        postgres://u:p@devarch-shop-it:1234/d | postgres://devarch-shop-it:1234
        mysql://u:p@devarch-shop-it:1234/d | mysql://devarch-shop-it:1234
        mongodb://u:p@devarch-shop-it:1234/d?authSource=admin | mongodb://devarch-shop-it:1234
        redis://u:p@devarch-shop-it:1234/d | redis://devarch-shop-it:1234
        devarch-shop-it:1234 | devarch-shop-it:1234
        amqp://u:p@devarch-shop-it:1234/v | amqp://devarch-shop-it:1234
        devarch-shop-it:1234 | devarch-shop-it:1234
        nats://u:p@devarch-shop-it:1234 | nats://devarch-shop-it:1234
        mqtt://u:p@devarch-shop-it:1234 | mqtt://devarch-shop-it:1234
        http://u:p@devarch-shop-it:1234 | http://devarch-shop-it:1234
        http://devarch-shop-it:1234 | http://devarch-shop-it:1234
        smtp://u:p@devarch-shop-it:1234 | smtp://devarch-shop-it:1234
        http://devarch-shop-it:1234/a/b | http://devarch-shop-it:1234
        devarch-shop-it:1234 | devarch-shop-it:1234
        tcp://devarch-shop-it:1234 | tcp://devarch-shop-it:1234
        ");
    }

    #[test]
    fn characters_with_a_meaning_in_urls_are_escaped() {
        use Property::{AuthSource, Database, Host, Password, Path, Scheme, User, Vhost};
        let lines = [
            shown(ContractType::Postgres, &[(User, "a:b@c"), (Password, "p/%?#[]é "), (Database, "x/y")]),
            shown(ContractType::Redis, &[(Password, "p@ss"), (Database, "0"), (Scheme, "rediss")]),
            shown(ContractType::Amqp, &[(User, "u"), (Password, "a+b&c=d"), (Vhost, "/")]),
            shown(ContractType::Mongodb, &[(User, "u"), (AuthSource, "a&b")]),
            shown(ContractType::Http, &[(Path, "api/v1/ä b/")]),
            shown(ContractType::Http, &[(Path, "/"), (Host, "fe80::1"), (Scheme, "https")]),
            shown(ContractType::Mysql, &[(User, ""), (Password, ""), (Database, "")]),
        ];
        insta::assert_snapshot!(lines.join("\n"), @"
        postgres://a%3Ab%40c:p%2F%25%3F%23%5B%5D%C3%A9%20@devarch-shop-it:1234/x%2Fy
        rediss://:p%40ss@devarch-shop-it:1234/0
        amqp://u:a%2Bb%26c%3Dd@devarch-shop-it:1234/%2F
        mongodb://u@devarch-shop-it:1234/?authSource=a%26b
        http://devarch-shop-it:1234/api/v1/%C3%A4%20b/
        https://[fe80::1]:1234/
        mysql://devarch-shop-it:1234
        ");
    }

    #[test]
    fn a_url_is_secret_only_if_it_contains_a_secret() {
        let mut all = values(&[(Property::Host, "h"), (Property::Port, "1"), (Property::User, "u")]);
        all.insert(Property::Password, text_of("hunter2".to_owned(), true));
        assert!(url(Contract::builtin(ContractType::Postgres), &all).is_secret());
        assert!(!url(Contract::builtin(ContractType::Http), &all).is_secret());
    }

    proptest! {
        #[test]
        fn an_escaped_text_reads_back_and_has_no_reserved_character(text in any::<String>()) {
            let escaped = escape(&text);
            prop_assert!(escaped.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
            let (mut bytes, mut rest) = (Vec::new(), escaped.as_bytes());
            while let Some((first, more)) = rest.split_first() {
                if *first == b'%' {
                    let code = std::str::from_utf8(&more[..2]).unwrap();
                    bytes.push(u8::from_str_radix(code, 16).unwrap());
                    rest = &more[2..];
                } else {
                    bytes.push(*first);
                    rest = more;
                }
            }
            prop_assert_eq!(String::from_utf8(bytes).unwrap(), text);
        }
    }
}
