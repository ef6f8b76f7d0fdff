use crate::support::{Scenario, stack};
use devarch_core::{
    plan::{PlanOptions, TextOptions, plan, plan_text},
    policy::Allowance,
    resolve::{Access, HARMLESS, RULES, Reach, ReadFile, SOCKET_NAMES},
};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn the_short_plan_of_a_new_container_shows_its_host_paths_outside_the_project() {
    let shop = stack(
        "web: {template: t, volumes: [\"/srv/data:/data\", \"/srv/x:/x:ro\", \"./src:/src\"], config_files: {/a: x, /b: y}}",
    );
    let mut scenario = Scenario::new();
    let file = |path: &str| ReadFile { path: path.to_owned(), kept: false };
    let files =
        BTreeMap::from([("/a".to_owned(), file("/srv/a.conf")), ("/b".to_owned(), file("/project/b.conf"))]);
    scenario.host.files.insert("web".parse().unwrap(), files);
    let text = plan_text(&scenario.plan(&shop), TextOptions::default());
    for shown in [
        "      bind /srv/data -> /data\n",
        "      bind /srv/x -> /x (read-only)\n",
        "      file /srv/a.conf -> /a\n",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    assert!(!text.contains("/project"), "{text}");
}

#[test]
fn a_path_applied_before_its_rule_existed_stays_until_the_instances_host_paths_change() {
    let of = |volumes: &str| stack(&format!("web: {{template: t, volumes: [{volumes}]}}"));
    let (shop, mut scenario) = (of("\"/opt/data:/d\""), Scenario::new());
    let refused = |scenario: &Scenario, volumes: &str| -> Vec<String> {
        let problems = scenario.try_desire(&of(volumes)).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect()
    };
    assert_eq!(refused(&scenario, "\"/opt/data:/d\"").len(), 1, "it is new");
    scenario.host.applied.insert("web".parse().unwrap(), BTreeSet::from([("/opt/data".to_owned(), false)]));
    let desired = scenario.desire(&shop);
    insta::assert_snapshot!(desired.warnings[0].to_string(), @"web.volumes./d: /opt/data (installed programs) is refused by policy now; it was applied before and stays until a host path of this instance changes; add `allow: [host-paths]` to the stack to keep it");
    plan(&desired, &scenario.observed, &scenario.remembered, &PlanOptions::default()).unwrap();
    for changed in ["\"/opt/data:/d\", \"./x:/x\"", "\"/opt/other:/d\"", "\"/opt/data:/d\", \"/etc:/e:ro\""] {
        assert!(!refused(&scenario, changed).is_empty(), "{changed}");
    }
    scenario.host.withdrawn.insert(Allowance::HostPaths);
    assert_eq!(refused(&scenario, "\"/opt/data:/d\"").len(), 1, "it was allowed until now");
}

#[test]
fn applied_specs_are_recorded_with_their_bind_mounts() {
    let mut shop = stack("web: {template: t, volumes: [\"/opt/data:/d\", \"./x:/x:ro\"]}");
    shop.allow.insert(Allowance::HostPaths);
    let mut scenario = Scenario::new();
    scenario.apply(&shop);
    let binds = scenario.remembered.binds(shop.instances.iter().map(|(name, instance)| (name, &instance.id)));
    let expected = BTreeSet::from([("/opt/data".to_owned(), false), ("/project/x".to_owned(), true)]);
    assert_eq!(binds, BTreeMap::from([("web".parse().unwrap(), expected)]));
}

#[test]
fn a_config_file_read_from_a_sensitive_path_is_refused_unless_the_store_has_its_content() {
    let shop = stack("web: {template: t, config_files: {/a: x}}");
    let mut scenario = Scenario::new();
    let mut set = |kept| {
        let file = ReadFile { path: "/home/me/.ssh/id_rsa".to_owned(), kept };
        let files = BTreeMap::from([("/a".to_owned(), file)]);
        scenario.host.files.insert("web".parse().unwrap(), files);
        scenario.try_desire(&shop).map(|desired| desired.warnings[0].to_string())
    };
    insta::assert_snapshot!(set(false).unwrap_err()[0].to_string(), @"web.config_files./a: /home/me/.ssh/id_rsa (keys, tokens and settings of the home) is refused by policy; add `allow: [host-paths]` to the stack if it must be");
    insta::assert_snapshot!(set(true).unwrap(), @"web.config_files./a: /home/me/.ssh/id_rsa (keys, tokens and settings of the home) is refused by policy now; it was applied before and stays until a host path of this instance changes; add `allow: [host-paths]` to the stack to keep it");
}

#[test]
fn the_reference_page_lists_the_refused_paths() {
    let page = include_str!("../../../../docs/reference/host-paths.md");
    let rows = RULES.iter().map(|rule| {
        let reach = if rule.reach == Reach::Whole { "as a whole" } else { "it and all below" };
        let access = if rule.access == Access::Read { "always" } else { "if writable" };
        format!("| `{}` | {reach} | {access} | {} |", rule.path, rule.why)
    });
    let expected: Vec<String> = rows.collect();
    let table: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(table, expected);
    for name in HARMLESS.iter().chain(SOCKET_NAMES) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}
