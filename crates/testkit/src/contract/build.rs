//! Images built from directories.

use super::assert_refused;
use crate::{
    fixture::{Fixture, IMAGE},
    outside,
    scope::LABEL,
};
use devarch_core::{template::Dockerfile, text::Text};
use devarch_engine::{BuildRequest, EngineErrorKind as Kind};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    sync::Mutex,
};
use tempfile::TempDir;

/// A context with that Dockerfile, labelled so that all of it is found and removed.
fn context(f: &Fixture, name: &str, dockerfile: &str) -> (TempDir, BuildRequest) {
    let dir = tempfile::tempdir().unwrap();
    let of_test = format!("LABEL {LABEL}={}", f.scope.labels()[LABEL]);
    let lines = dockerfile.lines().map(|line| match line.split_once(' ') {
        Some(("FROM", _)) => format!("{line}\n{of_test}\n"),
        _ => format!("{line}\n"),
    });
    fs::write(dir.path().join("Dockerfile"), lines.collect::<String>()).unwrap();
    let mut request = BuildRequest::new(dir.path(), format!("{}:1", f.scope.name(name)));
    request.labels = f.scope.labels();
    (dir, request)
}

/// With progress.
pub async fn a_built_image_is_found_under_its_tag(f: &Fixture) {
    let (_dir, request) = context(f, "plain", &format!("FROM {IMAGE}\nRUN echo built"));
    assert_eq!(f.engine.image(&request.tags[0]).await.unwrap(), None);
    let output = Mutex::new(Vec::new());
    let image = f.engine.build_image(&request, &|line| output.lock().unwrap().push(line)).await.unwrap();
    assert_eq!(f.engine.image(&request.tags[0]).await.unwrap().as_ref(), Some(&image));
    let output = output.into_inner().unwrap();
    assert!(output.iter().any(|line| line.trim() == "built"), "{output:?}");

    let mut of_it = f.request("of-it", &["true"]);
    of_it.spec.image = request.tags[0].clone();
    let id = f.create(&of_it).await;
    assert_eq!(f.listed(&id).await.unwrap().image_id, image.id);
}

/// Also without a file of instructions; under every name; and its labels are its containers' too.
pub async fn an_image_without_a_dockerfile_is_built_under_all_its_names(f: &Fixture) {
    let (dir, mut request) = context(f, "one", &format!("FROM {IMAGE}"));
    let path = dir.path().join("Dockerfile");
    request.dockerfile = Dockerfile::Inline(fs::read_to_string(&path).unwrap());
    fs::remove_file(&path).unwrap();
    request.tags.push(format!("{}:2", f.scope.name("two")));
    request.labels.insert("built".to_owned(), "here".to_owned());
    let image = f.engine.build_image(&request, &|_| {}).await.unwrap();
    assert_eq!(image.labels.get("built").map(String::as_str), Some("here"));
    for tag in &request.tags {
        assert_eq!(f.engine.image(tag).await.unwrap().unwrap().id, image.id, "{tag}");
    }
    let mut of_it = f.request("labelled", &["true"]);
    of_it.spec.image.clone_from(&request.tags[1]);
    let id = f.create(&of_it).await;
    let listed = f.listed(&id).await.unwrap();
    assert_eq!(listed.labels.get("built").map(String::as_str), Some("here"));
    assert_eq!(listed.label(LABEL), Some(f.scope.labels()[LABEL].as_str()));
}

/// With its last output.
pub async fn a_failed_build_reports_the_step_and_its_output(f: &Fixture) {
    let (_dir, request) = context(f, "broken", &format!("FROM {IMAGE}\nRUN echo too bad; exit 3"));
    let error = f.engine.build_image(&request, &|_| {}).await.unwrap_err();
    assert_eq!(error.kind, Kind::BuildFailed, "{error}");
    for expected in [request.tags[0].as_str(), "RUN echo too bad; exit 3", "\ntoo bad", "3"] {
        assert!(error.to_string().contains(expected), "{expected} is not in: {error}");
    }
    assert_eq!(f.engine.image(&request.tags[0]).await.unwrap(), None);
}

/// It may be requested from a registry.
pub async fn a_build_on_a_missing_image_is_reported_as_such(f: &Fixture) {
    let (_dir, request) = context(f, "orphan", "FROM localhost:1/nosuch:1");
    assert_refused(f.engine.build_image(&request, &|_| {}).await, &Kind::NoImage);
}

/// Before anything is sent.
pub async fn a_directory_without_a_dockerfile_is_reported_as_such(f: &Fixture) {
    let dir = tempfile::tempdir().unwrap();
    let request = BuildRequest::new(dir.path(), f.scope.name("none"));
    assert_refused(f.engine.build_image(&request, &|_| {}).await, &Kind::BuildFailed);
}

/// By a name or by its id, also under a name that another image had.
pub async fn an_image_gets_another_name(f: &Fixture) {
    let (_dir, request) = context(f, "named", &format!("FROM {IMAGE}"));
    let image = f.engine.build_image(&request, &|_| {}).await.unwrap();
    let other = format!("{}:2", f.scope.name("other"));
    f.engine.tag_image(&request.tags[0], &other).await.unwrap();
    assert_eq!(f.engine.image(&other).await.unwrap().unwrap().id, image.id);

    let (_dir, mut next) = context(f, "next", &format!("FROM {IMAGE}"));
    next.labels.insert("next".to_owned(), "yes".to_owned());
    let next = f.engine.build_image(&next, &|_| {}).await.unwrap();
    assert_ne!(next.id, image.id);
    f.engine.tag_image(next.id.as_str(), &other).await.unwrap();
    assert_eq!(f.engine.image(&other).await.unwrap().unwrap().id, next.id);
    assert_eq!(f.engine.image(&request.tags[0]).await.unwrap().unwrap().id, image.id);

    // Built and assigned names are looked up alike.
    let again = f.engine.build_image(&request, &|_| {}).await.unwrap();
    f.engine.tag_image(&request.tags[0], &other).await.unwrap();
    let mut of_it = f.request("of-other", &["true"]);
    of_it.spec.image.clone_from(&other);
    let id = f.create(&of_it).await;
    assert_eq!(f.listed(&id).await.unwrap().image_id, again.id);
    assert_refused(f.engine.tag_image("devarch-no-such-image:1", &other).await, &Kind::NoImage);
}

/// The argument an image was built with before, or none.
async fn environment(f: &Fixture, request: &BuildRequest) -> String {
    f.engine.build_image(request, &|_| {}).await.unwrap();
    let path = format!("/images/{}/json", request.tags[0]);
    outside::get(&f.engine.info().endpoint, &path).await["Config"]["Env"].to_string()
}

/// In every stage, from a secret, from a default, and from a base image's `ONBUILD`: buildah leaves the values out of what
/// it finds layers by, but for `RUN`.
pub async fn an_argument_reaches_every_stage_of_its_own_build_only(f: &Fixture) {
    let mark = f.scope.name("mark");
    let staged = format!(
        "FROM {IMAGE} AS base\nARG WHO=nobody\nENV SEEN=$WHO MARK={mark}\nCOPY Dockerfile /of/$WHO/\nFROM base\nCMD true"
    );
    let (_dir, mut request) = context(f, "staged", &staged);
    for who in ["alice", "bob"] {
        request.args.insert("WHO".to_owned(), Text::secret(who));
        let seen = environment(f, &request).await;
        assert!(seen.contains(&format!("SEEN={who}")), "{seen}");
    }
    let mut probe = f.request("staged-of", &["sleep", "1000"]);
    probe.spec.image.clone_from(&request.tags[0]);
    let id = f.run(&probe).await;
    assert_eq!(f.sh(&id, "ls /of").await.stdout, "bob\n");
    request.args.clear();
    let seen = environment(f, &request).await;
    assert!(seen.contains("SEEN=nobody"), "{seen}");

    let triggers = format!("FROM {IMAGE}\nONBUILD ARG WHO=nobody\nONBUILD ENV SEEN=$WHO MARK={mark}");
    let (_dir, base) = context(f, "triggers", &triggers);
    f.engine.build_image(&base, &|_| {}).await.unwrap();
    let on_it = format!("FROM {} AS base\nFROM base\nCMD true", base.tags[0]);
    let (_dir, mut request) = context(f, "triggered", &on_it);
    for who in ["alice", "bob"] {
        request.args.insert("WHO".to_owned(), Text::plain(who));
        let seen = environment(f, &request).await;
        assert!(seen.contains(&format!("SEEN={who}")), "{seen}");
    }
}

/// If only `RUN` uses arguments, an earlier build is reused; a different value is built again.
pub async fn a_build_with_the_same_arguments_is_cached(f: &Fixture) {
    let dockerfile =
        format!("FROM {IMAGE}\nARG MODE\nRUN echo $MODE; cat /proc/sys/kernel/random/uuid > /built");
    let (_dir, mut request) = context(f, "kept", &dockerfile);
    let mut built = Vec::new();
    for mode in ["dev", "prod", "dev"] {
        request.args.insert("MODE".to_owned(), Text::plain(mode));
        let output = Mutex::new(Vec::new());
        f.engine.build_image(&request, &|line| output.lock().unwrap().push(line)).await.unwrap();
        built.push(output.into_inner().unwrap().iter().any(|line| line.trim() == mode));
    }
    assert_eq!(built, [true, true, false]);
}

/// Stage, arguments, labels; modes, links and owners of files; and no ignored files.
pub async fn an_image_is_built_as_requested(f: &Fixture) {
    let dockerfile = format!(
        "FROM {IMAGE} AS first\nARG GREETING=none\nARG TOKEN\nCOPY . /app\nRUN echo $GREETING > /greeting\n\
         RUN test $TOKEN = hunter2\nFROM first AS second\nRUN touch /second"
    );
    let (dir, mut request) = context(f, "asked", &dockerfile);
    fs::create_dir(dir.path().join("docs")).unwrap();
    for (name, mode) in [("run.sh", 0o750), ("docs/a.md", 0o644), ("docs/secret.key", 0o600), ("big", 0o644)]
    {
        fs::write(dir.path().join(name), name.repeat(if name == "big" { 1_000_000 } else { 1 })).unwrap();
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    symlink("docs/a.md", dir.path().join("link")).unwrap();
    fs::write(dir.path().join(".dockerignore"), "**/*.key\nDockerfile\n").unwrap();
    request.target = Some("first".to_owned());
    request.args.insert("GREETING".to_owned(), Text::plain("good day & more"));
    request.args.insert("TOKEN".to_owned(), Text::secret("hunter2"));
    let output = Mutex::new(String::new());
    let built = f.engine.build_image(&request, &|line| output.lock().unwrap().push_str(&line)).await;
    built.unwrap();
    assert!(!output.into_inner().unwrap().contains("hunter2"));

    let mut probe = f.request("probe", &["sleep", "1000"]);
    probe.spec.image.clone_from(&request.tags[0]);
    let id = f.run(&probe).await;
    let line = "cat /greeting; cd /app; stat -c '%n %a %u:%g' run.sh docs/a.md; readlink link; wc -c < big; \
                ls /second docs/secret.key Dockerfile 2>/dev/null; ls docs";
    let want = "good day & more\nrun.sh 750 0:0\ndocs/a.md 644 0:0\ndocs/a.md\n3000000\na.md\n";
    assert_eq!(f.sh(&id, line).await.stdout, want);
    let path = format!("/images/{}/json", request.tags[0]);
    let seen = outside::get(&f.engine.info().endpoint, &path).await;
    assert_eq!(seen["Config"]["Labels"][LABEL], f.scope.labels()[LABEL].as_str(), "{seen}");
}

/// However it is written.
pub async fn a_secret_argument_is_in_no_error(f: &Fixture) {
    let dockerfile = format!("FROM {IMAGE}\nARG TOKEN\nRUN echo login with $TOKEN && exit 5");
    let (_dir, mut request) = context(f, "leaky", &dockerfile);
    request.args.insert("TOKEN".to_owned(), Text::secret("hunter2"));
    let error = f.engine.build_image(&request, &|_| {}).await.unwrap_err();
    let expected = format!("{error} {error:?}");
    assert!(expected.contains("login with [REDACTED]") && !expected.contains("hunter2"), "{expected}");
}

/// As a user does with Ctrl-C: the step that runs is ended with its container.
pub async fn a_cancelled_build_ends(f: &Fixture) {
    let mark = f.scope.name("sleeper").replace('-', "_");
    // Podman leaves a container behind that can be identified only by the name of its base image.
    let (_dir, base) = context(f, "base", &format!("FROM {IMAGE}"));
    f.engine.build_image(&base, &|_| {}).await.unwrap();
    let dockerfile = format!("FROM {}\nRUN echo begun; sleep 1000 # {mark}", base.tags[0]);
    let (_dir, request) = context(f, "endless", &dockerfile);
    let (begun, wait) = tokio::sync::oneshot::channel();
    let begun = Mutex::new(Some(begun));
    let progress = |line: String| {
        if line.trim() == "begun" {
            begun.lock().unwrap().take().map(|begun| begun.send(()));
        }
    };
    tokio::select! {
        built = f.engine.build_image(&request, &progress) => panic!("it ended by itself: {built:?}"),
        sent = wait => sent.unwrap(),
    }
    assert!(outside::until(async || !outside::runs(&mark)).await, "the step still runs");
}
