//! Settings from environment and flags.

use devarch_app::Settings;
use devarch_store::StoreUrl;
use std::{path::Path, time::Duration};

fn read(engine: Option<&str>, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let variable =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
    Settings::read(engine.map(str::to_owned), variable).map_err(|error| error.to_string())
}

const HOME: (&str, &str) = ("HOME", "/home/me");

#[test]
fn the_home_is_in_the_users_home_unless_specified() {
    let settings = read(None, &[HOME]).unwrap();
    assert_eq!(settings.home, Path::new("/home/me/.devarch"));
    assert_eq!(settings.key_file(), Path::new("/home/me/.devarch/secret.key"));
    assert_eq!(settings.user_home.as_deref(), Some("/home/me"));
    assert!(
        matches!(&settings.database, StoreUrl::Sqlite(path) if path == Path::new("/home/me/.devarch/devarch.db"))
    );
    let named = read(None, &[HOME, ("DEVARCH_HOME", "/data/devarch")]).unwrap();
    assert_eq!(named.home, Path::new("/data/devarch"));
    assert!(read(None, &[("DEVARCH_HOME", "relative")]).unwrap().home.is_absolute());
    let none = read(None, &[("HOME", "")]).unwrap_err();
    assert_eq!(
        none,
        "neither DEVARCH_HOME nor HOME is set; set DEVARCH_HOME to a directory for DevArch's data"
    );
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let variables = [
        "DEVARCH_HOME",
        "DEVARCH_DATABASE_URL",
        "DEVARCH_ENGINE",
        "DEVARCH_ENGINE_TIMEOUT",
        "DEVARCH_PORTS",
        "DEVARCH_PLAN_MINUTES",
    ];
    let empty: Vec<(&str, &str)> = variables.iter().map(|name| (*name, "")).chain([HOME]).collect();
    let (empty, unset) = (read(None, &empty).unwrap(), read(None, &[HOME]).unwrap());
    assert_eq!(format!("{empty:?}"), format!("{unset:?}"));
}

#[test]
fn each_setting_is_read_from_its_variable() {
    let settings = read(
        Some("podman"),
        &[
            HOME,
            ("DEVARCH_DATABASE_URL", "postgres://me@db.lan/devarch"),
            ("DEVARCH_ADDRESS_POOL", "10.50.7.0/20"),
            ("DEVARCH_PORTS", "30000-30010"),
            ("DEVARCH_ENGINE_TIMEOUT", "7"),
            ("DEVARCH_PLAN_MINUTES", "60"),
            ("USER", "ann"),
        ],
    )
    .unwrap();
    assert!(matches!(settings.database, StoreUrl::Postgres(_)));
    assert_eq!(settings.engine.as_deref(), Some("podman"));
    assert_eq!(settings.address_pool.to_string(), "10.50.0.0/20", "bits below the prefix count for nothing");
    assert_eq!(settings.ports.to_string(), "30000-30010");
    assert_eq!(settings.engine_timeout, Duration::from_secs(7));
    assert_eq!(settings.plan_lifetime, Duration::from_hours(1));
    assert_eq!(settings.user, "ann");
}

#[test]
fn an_invalid_value_is_refused_with_its_variable_and_an_example() {
    let cases = [
        ("DEVARCH_DATABASE_URL", "mysql://x", "DEVARCH_DATABASE_URL: "),
        ("DEVARCH_ADDRESS_POOL", "10.0.0.0", "such as 10.213.0.0/16"),
        ("DEVARCH_ADDRESS_POOL", "10.0.0.0/25", "with a prefix of at most 24"),
        ("DEVARCH_ADDRESS_POOL", "fd00::/8", "is not an IPv4 network"),
        ("DEVARCH_PORTS", "80-90", "from 1024 on"),
        ("DEVARCH_PORTS", "3000-2000", "is not a range of ports"),
        ("DEVARCH_PORTS", "many", "such as 20000-29999"),
        ("DEVARCH_PLAN_MINUTES", "0", "from 1 to 10080"),
        ("DEVARCH_PLAN_MINUTES", "10081", "from 1 to 10080"),
        ("DEVARCH_ENGINE_TIMEOUT", "0", "at least 1"),
        ("DEVARCH_ENGINE_TIMEOUT", "1.5", "is not a whole number of seconds"),
        ("DEVARCH_ENGINE", "dokcer", "DEVARCH_ENGINE: "),
    ];
    for (name, value, words) in cases {
        let error = read(None, &[HOME, (name, value)]).unwrap_err();
        assert!(error.starts_with(name) && error.contains(words), "{name}={value}: {error}");
    }
}

#[test]
fn the_flag_is_checked_before_the_variable() {
    let wrong_flag = read(Some("dokcer"), &[HOME, ("DEVARCH_ENGINE", "docker")]).unwrap_err();
    assert!(wrong_flag.starts_with("--engine: "), "{wrong_flag}");
    let settings = read(Some("unix:///run/docker.sock"), &[HOME, ("DEVARCH_ENGINE", "nonsense")]).unwrap();
    assert_eq!(settings.engine.as_deref(), Some("unix:///run/docker.sock"));
}

#[test]
fn a_user_without_a_name_is_identified_by_id() {
    let named = read(None, &[HOME, ("LOGNAME", "bob")]).unwrap();
    assert_eq!(named.user, "bob");
    let numbered = read(None, &[HOME]).unwrap().user;
    assert!(numbered.starts_with("uid ") && numbered[4..].parse::<u32>().is_ok(), "{numbered}");
}
