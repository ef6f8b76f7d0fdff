//! Images: pulls, builds, and when a container is recreated because of them.

use crate::support::{Scenario, stack};
use devarch_core::{
    build::{BuildHash, BuildHasher, Content},
    desired::effective,
    engine::EngineKind,
    hash::HashKey,
    id::StoreId,
    name::ContainerName,
    observed::RunState,
    plan::{PlanOptions, TextOptions, plan, plan_text},
    read::{parse_yaml, read_project},
    resolve::{SupplyContext, build_tag, supplies},
    spec::label,
    stack::{DesiredRun, Stack},
    template::PullPolicy,
};

/// An API that is built, and a worker that uses the same image.
const BUILT: &str = r#"
api: {template: t, build: {context: ./api, args: {MODE: dev, TOKEN: {value: hunter2, secret: true}}, target: app}}
worker: {template: t, image: "devarch-shop-api:latest"}
"#;

const API: &str = "devarch-shop-api:latest";

/// The image's name on the engine.
const TAG: &str = "devarch-shop-api:store1";

fn text(scenario: &Scenario, stack: &Stack) -> String {
    plan_text(&scenario.plan(stack), TextOptions::default())
}

/// Sets the build source to a file with that content.
fn source(scenario: &mut Scenario, shop: &Stack, content: u8) {
    let specs = supplies(shop, &effective(shop), &SupplyContext::default()).builds;
    for (image, spec) in specs {
        let mut hasher = BuildHasher::new(&HashKey::new([7; 32]));
        hasher.entry(b"app.py", 0o644, Content::File([content; 32]));
        scenario.sources.insert(image, hasher.finish(&spec, b"FROM busybox\n"));
    }
}

fn build_label(scenario: &mut Scenario, instance: &str) -> Option<BuildHash> {
    scenario.of(instance).built_from()
}

#[test]
fn an_image_is_built_once_and_before_its_containers() {
    let (mut scenario, shop) = (Scenario::new(), stack(BUILT));
    source(&mut scenario, &shop, 1);
    insta::assert_snapshot!(text(&scenario, &shop), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    +   image devarch-shop-api:store1  will be built (needed by api)
          context /project/api
          dockerfile Dockerfile
          target app
          arg MODE=dev
          arg TOKEN=[REDACTED]
    +   network devarch-shop-net  will be created
    +   api  will be created
          image devarch-shop-api:store1
    +   worker  will be created
          image devarch-shop-api:store1

    Plan: 2 to create, 0 to change, 0 to replace, 0 to remove.
    ");
    insta::assert_snapshot!(scenario.apply(&shop).trace(), @"
    #0 create network devarch-shop-net {+ network devarch-shop-net: does not exist}
    #1 build devarch-shop-api:store1 {+ image devarch-shop-api:store1: needed by api}
    #2 api: create container devarch-shop-api {+ api: does not exist} after #0 #1
    #3 api: start [#2] {+ api: does not exist} after #2
    #4 worker: create container devarch-shop-worker {+ worker: does not exist} after #0 #1
    #5 worker: start [#4] {+ worker: does not exist} after #4
    #6 see that everything still runs [api #2 runs; worker #4 runs] {commit} after #3 #5
    ");
    assert!(scenario.plan(&shop).is_empty(), "{}", text(&scenario, &shop));
}

#[test]
fn identical_builds_run_once_and_get_every_name() {
    let (mut scenario, shop) =
        (Scenario::new(), stack("a: {template: t, build: ./x}\nb: {template: t, build: x}\n"));
    source(&mut scenario, &shop, 1);
    scenario.apply(&shop);
    let builds: Vec<&String> = scenario.done.iter().filter(|step| step.starts_with("build")).collect();
    assert_eq!(builds, ["build devarch-shop-a:store1 and devarch-shop-b:store1"]);
    assert!(scenario.plan(&shop).is_empty());
}

#[test]
fn a_changed_source_replaces_containers_and_names_the_change() {
    let (mut scenario, shop) = (Scenario::new(), stack(BUILT));
    source(&mut scenario, &shop, 1);
    scenario.apply(&shop);
    source(&mut scenario, &shop, 2);
    insta::assert_snapshot!(text(&scenario, &shop), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    +   image devarch-shop-api:store1  will be built (context changed)
          context /project/api
          dockerfile Dockerfile
          target app
          arg MODE=dev
          arg TOKEN=[REDACTED]
    -/+ api  will be replaced (its image will be rebuilt)
    -/+ worker  will be replaced (its image will be rebuilt)

    Plan: 0 to create, 0 to change, 2 to replace, 0 to remove.
    ");
    let mut built_before = scenario.clone();
    scenario.apply(&shop);
    assert_eq!(build_label(&mut scenario, "worker"), scenario.sources.get(API).cloned());
    assert!(scenario.plan(&shop).is_empty());
    // In the order of `up`: build first, then plan.
    let wanted = built_before.sources[API].to_string();
    built_before.add_image(TAG, "sha256:new");
    let image = built_before.observed.images.get_mut(TAG).unwrap();
    image.labels.insert("devarch.build_hash".to_owned(), wanted);
    insta::assert_snapshot!(text(&built_before, &shop), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ api  will be replaced (its image was rebuilt: context changed)
    -/+ worker  will be replaced (its image was rebuilt: context changed)

    Plan: 0 to create, 0 to change, 2 to replace, 0 to remove.
    ");
}

#[test]
fn a_source_that_changed_makes_a_saved_plan_stale() {
    let (mut scenario, shop) = (Scenario::new(), stack(BUILT));
    source(&mut scenario, &shop, 1);
    let before = scenario.assume(&shop);
    source(&mut scenario, &shop, 2);
    let found: Vec<String> =
        before.differences(&scenario.assume(&shop)).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(found.join("\n"), @"image devarch-shop-api:latest: assumed context bbcc370a7642, found 10c3d80d9781");
}

#[test]
fn another_build_on_a_volume_with_data_is_marked() {
    let data = BUILT.replace("target: app}", "target: app}, volumes: [\"data:/data\"]");
    let (mut scenario, shop) = (Scenario::new(), stack(&data));
    source(&mut scenario, &shop, 1);
    scenario.apply(&shop);
    source(&mut scenario, &shop, 2);
    let marked = scenario.plan(&shop).changes.into_iter().filter(|change| change.may_change_data);
    let marked: Vec<String> = marked.map(|change| change.subject.to_string()).collect();
    assert_eq!(marked, ["api"]);
}

#[test]
fn another_stacks_build_of_the_same_name_replaces_no_container() {
    let (mut scenario, shop) = (Scenario::new(), stack(BUILT));
    source(&mut scenario, &shop, 1);
    scenario.apply(&shop);
    scenario.add_image(TAG, "sha256:theirs");
    assert!(scenario.plan(&shop).is_empty(), "{}", text(&scenario, &shop));
}

#[test]
fn images_of_instances_that_should_not_run_are_neither_looked_up_nor_built() {
    let (mut scenario, mut shop) = (Scenario::new(), stack(BUILT));
    source(&mut scenario, &shop, 1);
    scenario.apply(&shop);
    scenario.sources.clear();
    shop.instances.values_mut().for_each(|instance| instance.wanted = DesiredRun::Stopped);
    scenario.apply(&shop);
    assert!(scenario.plan(&shop).is_empty());
    shop.instances.values_mut().for_each(|instance| instance.wanted = DesiredRun::Absent);
    assert_eq!(
        scenario.apply(&shop).steps.iter().filter(|step| step.action.to_string().contains("build")).count(),
        0
    );
}

#[test]
fn an_absent_image_that_may_not_be_pulled_is_an_error_with_a_hint() {
    let (mut scenario, shop) =
        (Scenario::new(), stack("web: {template: t, image: \"me/web:1\", pull_policy: never}\n"));
    let refused = |scenario: &Scenario| {
        plan(&scenario.desire(&shop), &scenario.observed, &scenario.remembered, &PlanOptions::default())
            .unwrap_err()
    };
    insta::assert_snapshot!(refused(&scenario), @"stack 'shop' cannot be applied: instance 'web': image me/web:1 is not on the engine, and pull_policy is never; pull or build it there, or let it be pulled: `devarch set shop/web pull_policy=missing`");
    scenario.pull = Some(PullPolicy::Missing);
    insta::assert_snapshot!(text(&scenario, &shop), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    +   image me/web:1  will be pulled (needed by web)
          its volumes and health check are known after pull
    +   network devarch-shop-net  will be created
    +   web  will be created
          image me/web:1

    Plan: 1 to create, 0 to change, 0 to replace, 0 to remove.
    ");
    scenario.add_image("me/web:1", "sha256:there");
    scenario.pull = None;
    scenario.apply(&shop);
    assert!(scenario.plan(&shop).is_empty());
}

#[test]
fn a_tag_looked_up_each_time_is_shown_but_is_not_a_change() {
    let (mut scenario, shop) = (Scenario::new(), stack("web: {template: t, pull_policy: always}\n"));
    scenario.apply(&shop);
    insta::assert_snapshot!(text(&scenario, &shop), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    image busybox:1: known after pull

    No changes unless a pull or build brings another image.
    ");
    let built = stack("web: {template: t, build: ., pull_policy: always}\n");
    let mut elsewhere = Scenario::new();
    source(&mut elsewhere, &built, 1);
    elsewhere.apply(&built);
    insta::assert_snapshot!(text(&elsewhere, &built), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    image devarch-shop-web:store1: known after build

    No changes unless a pull or build brings another image.
    ");
    let supplied = PlanOptions { supplied: true, ..PlanOptions::default() };
    assert!(scenario.plan_with(&shop, &supplied).unsettled.is_empty());
    scenario.add_image("busybox:1", "sha256:bbbbbbbbbbbbbbbb");
    insta::assert_snapshot!(plan_text(&scenario.plan_with(&shop, &supplied), TextOptions::default()), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ web  will be replaced (its image tag is now sha256:bbbbbbbbbbbb instead of sha256:aaaaaaaaaaaa)

    Plan: 0 to create, 0 to change, 1 to replace, 0 to remove.
    ");
}

#[test]
fn a_container_is_pinned_to_its_planned_image() {
    let scenario = Scenario::new();
    let plan = scenario.plan(&stack("web: {template: t}\nnew: {template: t, image: \"absent:1\"}\n"));
    let pins: Vec<String> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            devarch_core::plan::Action::CreateContainer { name, made } => {
                Some(format!("{name} {:?}", made.image_id))
            }
            _ => None,
        })
        .collect();
    insta::assert_snapshot!(pins.join("\n"), @r#"
    devarch-shop-new None
    devarch-shop-web Some(ImageId("sha256:aaaaaaaaaaaaaaaa"))
    "#);
}

/// Returns all problems with a stack of these instances.
fn problems(instances: &str) -> String {
    let problems = Scenario::new().try_desire(&stack(instances)).unwrap_err();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_impossible_build_is_refused_with_its_field() {
    insta::assert_snapshot!(problems("
home: {template: t, build: ~/}
root: {template: t, build: {context: /etc}}
none: {template: t, pull_policy: build}
one: {template: t, image: \"me/x:1\", build: ./one}
two: {template: t, image: \"me/x:1\", build: ./two}
"), @r#"
    home.build.context: /home/me is refused by policy (the home): all of it would be sent to the engine; build a directory of its own, or add `allow: [host-paths]` to the stack if it must be
    none.pull_policy: it is `build`, but the instance has no `build`; add one or choose missing, always, never
    root.build.context: /etc is refused by policy (system settings): all of it would be sent to the engine; build a directory of its own, or add `allow: [host-paths]` to the stack if it must be
    two.build: another instance builds "me/x:1" differently; set another `image` on one of them, or remove it
    "#);
}

/// Returns the problems with a template's text.
fn template_problems(build: &str) -> String {
    let text = format!("version: \"1\"\nstacks: {{s: {{instances: {{}}}}}}\ntemplates:\n  t:\n{build}");
    let wrong = read_project(&parse_yaml(&text).unwrap()).unwrap_err();
    wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_invalid_build_is_reported_with_its_location() {
    insta::assert_snapshot!(template_problems("    description: no image\n"), @"5:5: templates.t: `image` is missing, and so is `build`");
    insta::assert_snapshot!(template_problems(
        "    build:
      contxt: .
      dockerfile: ../Dockerfile
      dockerfile_inline: FROM x
      args: [A, B=1, {C: 1}]
      cache_from: [a]
    pull_policy: daily
"
    ), @r#"
    6:7: templates.t.build.contxt: unknown field `contxt`; did you mean `context`?
    7:19: templates.t.build.dockerfile: "../Dockerfile" must be a path in the context; widen the context to what holds both
    9:14: templates.t.build.args[0]: "A" is not of the form NAME=value
    9:22: templates.t.build.args[2]: expected a text, found a mapping
    10:7: templates.t.build.cache_from: unknown field `cache_from`; known are context, dockerfile, dockerfile_inline, args, target
    11:18: templates.t.pull_policy: "daily" is not one of missing, always, never, build
    "#);
    insta::assert_snapshot!(template_problems("    build: https://github.com/me/it.git\n"), @r#"5:12: templates.t.build: "https://github.com/me/it.git" is not a directory; clone it and give its directory"#);
    insta::assert_snapshot!(template_problems("    build: {dockerfile: a, dockerfile_inline: FROM x}\n"), @"5:12: templates.t.build: `dockerfile` and `dockerfile_inline` are both there; keep one");
}

#[test]
fn an_image_or_build_in_an_override_replaces_both() {
    let text = r#"
version: "1"
stacks:
  s:
    instances:
      inherits: {template: t}
      image: {template: t, image: "other:1", exports: []}
      build: {template: t, build: {context: ./b, args: {TOKEN: shown}}}
templates:
  t: {image: "me/t:1", build: {context: ./t, args: {TOKEN: {value: x, secret: true}}}, exports: [{name: h, type: http, port: 1}]}
"#;
    let file = read_project(&parse_yaml(text).unwrap()).unwrap();
    let template = file.templates.values().next().unwrap();
    let merged = file.stacks.values().next().unwrap().instances.iter().map(|(name, instance)| {
        let service = devarch_core::resolve::merge(template, &instance.overrides).service;
        format!("{name}: {:?} {:?}", service.image, service.build)
    });
    insta::assert_snapshot!(merged.collect::<Vec<_>>().join("\n"), @r#"
    build: None Some(Build { context: "./b", dockerfile: None, args: {"TOKEN": Secret(Known([REDACTED]))}, target: None })
    image: Some("other:1") None
    inherits: Some("me/t:1") Some(Build { context: "./t", dockerfile: None, args: {"TOKEN": Secret(Known([REDACTED]))}, target: None })
    "#);
}

/// Recreates the state left by an earlier DevArch: the build has the definition's name, and the container's hash
/// includes that name.
fn built_by_an_earlier_devarch(scenario: &mut Scenario, shop: &Stack) {
    scenario.apply(shop);
    for (image, tag) in
        supplies(shop, &effective(shop), &SupplyContext::default()).tags(&StoreId::new("store-1"))
    {
        let built = scenario.observed.images.remove(&tag.name).unwrap();
        scenario.observed.images.insert(image, built);
    }
    for (name, instance) in scenario.desire(shop).instances {
        let hash = format!("1:with the name of {name}'s image");
        scenario.of(name.as_str()).labels.insert(label::CONFIG_HASH.to_owned(), hash.clone());
        scenario.remembered.applied.get_mut(&instance.id).unwrap()[0].hash = hash;
    }
    scenario.done.clear();
}

#[test]
fn an_image_built_by_an_earlier_devarch_is_not_rebuilt_and_its_container_stays() {
    for built in [BUILT, "api: {template: t, image: \"me/api:1\", build: ./api}\n"] {
        let (mut scenario, shop) = (Scenario::new(), stack(built));
        source(&mut scenario, &shop, 1);
        built_by_an_earlier_devarch(&mut scenario, &shop);
        let plan = scenario.plan(&shop);
        assert!(plan.is_empty() && plan.steps.is_empty(), "{}", text(&scenario, &shop));
    }
}

#[test]
fn an_image_built_by_an_earlier_devarch_is_tagged_when_a_container_is_created_from_it() {
    let (mut scenario, shop) = (Scenario::new(), stack(BUILT));
    source(&mut scenario, &shop, 1);
    built_by_an_earlier_devarch(&mut scenario, &shop);
    let other = stack(&BUILT.replace("api: {template: t", "api: {template: t, tty: true"));
    let plan = scenario.apply(&other);
    assert_eq!(scenario.done[0], format!("use what was built before as {TAG}"));
    assert!(!scenario.done.iter().any(|step| step.starts_with("build")), "{:?}", scenario.done);
    assert_eq!(plan.changes.len(), 1);
    assert_eq!(scenario.of("api").image, TAG);
    assert!(scenario.plan(&other).is_empty(), "{}", text(&scenario, &other));
}

#[test]
fn on_podman_an_image_that_may_have_other_build_arguments_is_rebuilt_for_a_new_container() {
    let (mut scenario, shop) = (Scenario::new(), stack(BUILT));
    scenario.observed.engine.kind = EngineKind::Podman;
    source(&mut scenario, &shop, 1);
    built_by_an_earlier_devarch(&mut scenario, &shop);
    assert!(scenario.plan(&shop).is_empty(), "{}", text(&scenario, &shop));
    scenario.apply(&stack(&BUILT.replace("api: {template: t", "api: {template: t, tty: true")));
    assert_eq!(scenario.done[0], format!("build {TAG}"));
}

#[test]
fn the_definitions_name_of_a_build_is_tagged_last_and_never_read() {
    let named =
        "api: {template: t, image: \"me/api:1\", build: ./api}\nworker: {template: t, image: \"me/api:1\"}\n";
    let (mut scenario, shop) = (Scenario::new(), stack(named));
    source(&mut scenario, &shop, 1);
    scenario.add_image("me/api:1", "sha256:somebodys");
    let plan = scenario.apply(&shop);
    let last = plan.steps.last().unwrap();
    assert!(last.action.is_cleanup());
    assert_eq!(last.action.to_string(), format!("tag {TAG} as me/api:1"));
    let built = scenario.observed.images[TAG].id.clone();
    assert_eq!(scenario.second_names["me/api:1"], built);
    assert_eq!(
        (&scenario.of("api").image_id.clone(), &scenario.of("worker").image_id.clone()),
        (&built, &built)
    );
    scenario.add_image("me/api:1", "sha256:moved");
    assert!(scenario.plan(&shop).is_empty(), "{}", text(&scenario, &shop));
    // Another name does not require another container.
    let renamed = stack(&named.replace("me/api:1", "me/api:2"));
    source(&mut scenario, &renamed, 1);
    insta::assert_snapshot!(text(&scenario, &renamed), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    ~   api  will be updated (its config changed)
          ~ api.image: me/api:1 => me/api:2
    ~   worker  will be updated (its config changed)
          ~ worker.image: me/api:1 => me/api:2

    Plan: 0 to create, 2 to change, 0 to replace, 0 to remove.
    ");
    scenario.apply(&renamed);
    assert_eq!(scenario.second_names["me/api:2"], built);
    assert!(scenario.plan(&renamed).is_empty(), "{}", text(&scenario, &renamed));
}

#[test]
fn builds_of_different_stores_have_different_names() {
    let container = "shop".parse().and_then(|stack| Ok((stack, "api".parse()?)));
    let (stack, instance) = container.unwrap();
    let container = ContainerName::for_instance(&stack, &instance).unwrap();
    let name = |store: &str| build_tag(&StoreId::new(store), &container);
    assert_eq!(name("0197f2f0-7c5e-7b21-8d1e-4F0C2B7A91DE"), "devarch-shop-api:4f0c2b7a91de");
    assert_ne!(name("0197f2f0-7c5e-7b21-8d1e-4f0c2b7a91de"), name("0197f2f0-7c5e-7b21-8d1e-4f0c2b7a91df"));
}

#[test]
fn a_plan_exceeds_the_agreed_one_by_its_changes_and_not_by_learned_facts() {
    let (mut scenario, shop) = (Scenario::new(), stack("web: {template: t, image: \"me/web:1\"}\n"));
    let agreed = scenario.plan(&shop);
    scenario.add_image("me/web:1", "sha256:pulled");
    let known = scenario.plan(&shop);
    assert_ne!(known.changes, agreed.changes);
    assert!(!known.exceeds(&agreed));
    // The image's VOLUME adds a volume.
    scenario.observed.images.get_mut("me/web:1").unwrap().volumes.insert("/data".to_owned());
    assert!(scenario.plan(&shop).exceeds(&agreed));

    let always = stack("web: {template: t, pull_policy: always}\n");
    let mut scenario = Scenario::new();
    scenario.apply(&always);
    let agreed = scenario.plan(&always);
    assert!(!scenario.plan(&always).exceeds(&agreed));
    scenario.add_image("busybox:1", "sha256:newer");
    let supplied = PlanOptions { supplied: true, ..PlanOptions::default() };
    assert!(scenario.plan_with(&always, &supplied).exceeds(&agreed));
    // A change that differs only in the engine's status text is the same change.
    let mut ended = scenario.clone();
    ended.add_image("busybox:1", "sha256:aaaaaaaaaaaaaaaa");
    ended.of("web").state = RunState::Exited;
    ended.of("web").status = "Exited (0) 1 second ago".to_owned();
    let agreed = ended.plan(&always);
    ended.of("web").status = "Exited (0) 9 seconds ago".to_owned();
    assert!(!ended.plan(&always).exceeds(&agreed));
    let other = stack("web: {template: t, pull_policy: always, tty: true}\n");
    assert!(ended.plan(&other).exceeds(&agreed));
}

#[test]
fn a_requested_builds_image_is_not_known_before_it_has_run() {
    let (mut scenario, shop) = (Scenario::new(), stack(BUILT));
    source(&mut scenario, &shop, 1);
    let build = PlanOptions { build: true, ..PlanOptions::default() };
    assert!(scenario.plan_with(&shop, &build).unsettled.is_empty(), "it is built anyway");
    scenario.apply(&shop);
    let plan = scenario.plan_with(&shop, &build);
    assert!(plan.is_empty());
    assert_eq!(plan.unsettled.keys().collect::<Vec<_>>(), [TAG]);
}
