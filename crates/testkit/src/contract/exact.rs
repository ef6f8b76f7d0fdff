//! Values of a spec arrive unchanged, whatever characters they contain. Engines pass fields on as texts with separators
//! that differ by field.

use crate::{
    fixture::{Fixture, RUNS, mounted},
    outside,
    texts::Texts,
};
use devarch_core::{
    engine::EngineKind,
    id::ContainerId,
    spec::{CreateContainer, FileSpec, Mount, MountFrom},
    template::{HealthTest, Healthcheck, RestartPolicy, TmpfsMount, Ulimit},
    text::Text,
    unit::{Bytes, FileMode, Millis, Owner},
};
use devarch_engine::{Probe, Runs};
use serde_json::Value;
use std::time::Duration;

/// Quotes, blanks, a line break, separators, other letters.
const HOSTILE: &str = " a 'b' \"c\" \\d $E `f`,g=h:i;j\n\u{e4}\u{f6} {\"k\": [1]} * ";

async fn inspected(f: &Fixture, id: &ContainerId) -> Value {
    outside::get(&f.engine.info().endpoint, &format!("/containers/{id}/json")).await
}

fn words(words: &[&str]) -> Vec<Text> {
    words.iter().copied().map(Text::plain).collect()
}

/// The arguments or the environment of a container's program, one after the other.
async fn of_process(f: &Fixture, id: &ContainerId, what: &str) -> Vec<String> {
    let text = f.sh(id, &format!("cat /proc/1/{what}")).await.stdout;
    text.trim_end_matches('\0').split('\0').map(str::to_owned).collect()
}

/// Arguments, an empty one among them.
pub async fn arguments_arrive_unchanged(f: &Fixture) {
    let line = "trap 'exit 0' TERM; sleep 1000 & wait";
    let mut request = f.request("arguments", &[line, HOSTILE, "", "[\"x\"]"]);
    request.spec.entrypoint = Some(words(&["/bin/sh", "-c"]));
    let id = f.run(&request).await;
    let seen = of_process(f, &id, "cmdline").await;
    assert_eq!(seen, ["/bin/sh", "-c", line, HOSTILE, "", "[\"x\"]"]);

    // A value that looks like a list.
    let mut request = f.request("looks-like-a-list", &["x"]);
    request.spec.entrypoint = Some(words(&["[\"/bin/true\"]"]));
    let id = f.create(&request).await;
    assert_eq!(inspected(f, &id).await["Path"], "[\"/bin/true\"]");
}

/// Variables and labels, including empty ones.
pub async fn variables_and_labels_arrive_unchanged(f: &Fixture) {
    let mut request = f.request("pairs", &RUNS);
    for (name, value) in [("HOSTILE", HOSTILE), ("EMPTY", ""), ("STAR", "*"), ("WITH.DOT-AND-DASH", "=x=")] {
        request.spec.environment.insert(name.to_owned(), Text::plain(value));
        request.labels.insert(format!("test.{name}"), value.to_owned());
    }
    let id = f.run(&request).await;
    let seen = of_process(f, &id, "environ").await;
    let listed = f.listed(&id).await.unwrap();
    for (name, value) in &request.spec.environment {
        assert!(seen.contains(&format!("{name}={}", value.reveal())), "{name} in {seen:?}");
        assert_eq!(listed.label(&format!("test.{name}")), Some(value.reveal()));
    }
}

/// Paths on the host and in the container with commas, with colons, with blanks, quotes and other letters.
pub async fn paths_arrive_unchanged(f: &Fixture) {
    let dir = tempfile::tempdir().unwrap();
    let mut request = f.request("paths", &RUNS);
    let mut targets = Vec::new();
    for (at, name) in
        ["a,b=c", "d:e", " f  g'h ", "i\"j", "\u{e4}\u{f6}\u{1f980}", "k\\l$m*"].iter().enumerate()
    {
        let source = dir.path().join(name);
        std::fs::create_dir(&source).unwrap();
        std::fs::write(source.join("seen"), format!("{at}\n")).unwrap();
        let target = format!("/mnt/{name}");
        targets.push(target.clone());
        let source = MountFrom::Bind(source.display().to_string());
        request.spec.mounts.push(Mount { target, source, read_only: at % 2 == 0 });
    }
    request.spec.mounts.push(mounted(&f.volume("data").await, "/vol/a,b \"c\""));
    let tmpfs = TmpfsMount {
        target: "/tmp/a,b c".to_owned(),
        size: Some(Bytes(1 << 20)),
        mode: Some(FileMode(0o1777)),
    };
    request.spec.tmpfs.push(tmpfs);
    request.spec.working_dir = Some("/work/a, b:c".to_owned());
    let id = f.run(&request).await;
    let line = "cat /mnt/*/seen | sort; for d in /mnt/*; do touch \"$d/x\" 2>/dev/null && echo rw || echo ro; done | sort; \
                touch '/vol/a,b \"c\"/x' && stat -c %a '/tmp/a,b c'; readlink /proc/1/cwd";
    assert_eq!(
        f.sh(&id, line).await.stdout,
        "0\n1\n2\n3\n4\n5\nro\nro\nro\nrw\nrw\nrw\n1777\n/work/a, b:c\n"
    );
    for target in targets {
        assert_eq!(
            f.sh(&id, &format!("test -d \"$(printf '%s' '{}')\"", target.replace('\'', "'\\''"))).await.code,
            0
        );
    }
}

/// Names with addresses of both families, one in brackets, as Compose writes it.
pub async fn hosts_arrive_unchanged(f: &Fixture) {
    let (network, _) = f.network("hosts", 0).await;
    let mut request = f.attached("hosts", &RUNS, &network, 5);
    let hosts =
        [("four", "10.1.2.3"), ("six", "fd00::2"), ("brackets", "[fd00::3]"), ("gateway", "host-gateway")];
    request.spec.extra_hosts = hosts.map(|(name, to)| (name.to_owned(), to.to_owned())).into();
    let id = f.run(&request).await;
    let seen = f.sh(&id, "cat /etc/hosts").await.stdout;
    let address = |name: &str| {
        let mut lines = seen.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.find(|line| line.contains(&name)).map(|line| line[0].to_owned()).unwrap_or_default()
    };
    let (six, brackets) = (address("six"), address("brackets"));
    assert_eq!([address("four"), six, brackets], ["10.1.2.3", "fd00::2", "fd00::3"], "{seen}");
    assert!(address("gateway").parse::<std::net::IpAddr>().is_ok(), "{seen}");
}

/// A check's arguments arrive unchanged, including in the engine's own checks.
pub async fn health_checks_arrive_unchanged(f: &Fixture) {
    let line = format!("printf %s \"$1\"; test \"$1\" = \"$2\" && test -z \"$3\"; {}", "true && true");
    let tests = [
        HealthTest::Cmd(["sh", "-c", &line, "sh", HOSTILE, HOSTILE, ""].map(str::to_owned).to_vec()),
        HealthTest::Cmd(
            ["sh", "-c", "test -e /etc/passwd  &&  echo 'all is fine'"].map(str::to_owned).to_vec(),
        ),
        HealthTest::Cmd(vec!["true".to_owned()]),
        HealthTest::Shell("X='a  b'; test \"$X\" = 'a  b' &&\ntest -e /etc/passwd".to_owned()),
    ];
    for (at, test) in tests.into_iter().enumerate() {
        let mut request = f.request(&format!("check-{at}"), &RUNS);
        request.spec.healthcheck = Some(Healthcheck {
            test: test.clone(),
            interval: Some(Millis(60_000)),
            timeout: Some(Millis(20_000)),
            retries: Some(2),
            start_period: None,
            start_interval: None,
        });
        let id = f.run(&request).await;
        let stored = inspected(f, &id).await["Config"]["Healthcheck"]["Test"].clone();
        assert_eq!(stored, serde_json::to_value(test.to_argv()).unwrap());
        let probe = Probe { test, timeout: Duration::from_secs(20), runs: Runs::Once };
        let result = f.engine.probe(&id, &probe).await.unwrap();
        assert_eq!(result.exit_code, Some(0), "{}", result.output);
    }
}

/// An empty entrypoint clears the image's and keeps its command; a specified command replaces the image's.
pub async fn an_empty_entrypoint_clears_that_of_the_image(f: &Fixture) {
    let container = f.create(&f.request("base", &RUNS)).await;
    let name = f.scope.name("image");
    let (api, registry) = match f.engine.info().kind {
        EngineKind::Docker => ("", ""),
        EngineKind::Podman => ("/v4.0.0/libpod", "localhost/"),
    };
    let path = format!(
        "{api}/commit?container={container}&repo={registry}{name}&tag=1&format=docker\
         &changes=ENTRYPOINT%20%5B%22%2Fno%2Fentrypoint%22%5D&changes=CMD%20%5B%22%2Fno%2Fcommand%22%2C%22a%20b%22%5D"
    );
    outside::call(&f.engine.info().endpoint, "POST", &path).await;
    let of = async |case: &str, entrypoint: Option<&[&str]>, command: Option<&[&str]>| {
        let mut request = f.request(case, &[]);
        request.spec.image = format!("{name}:1");
        request.spec.entrypoint = entrypoint.map(words);
        request.spec.command = command.map(words);
        let id = f.create(&request).await;
        let seen = inspected(f, &id).await;
        let path = seen["Path"].as_str().map(str::to_owned);
        let args =
            seen["Args"].as_array().into_iter().flatten().filter_map(|arg| arg.as_str().map(str::to_owned));
        path.into_iter().chain(args).collect::<Vec<_>>()
    };
    assert_eq!(of("cleared", Some(&[]), None).await, ["/no/command", "a b"]);
    assert_eq!(of("cleared-too", Some(&[]), Some(&[])).await, ["/no/command", "a b"]);
    assert_eq!(of("replaced", Some(&[]), Some(&["x", "y z"])).await, ["x", "y z"]);
    assert_eq!(of("kept", None, None).await, ["/no/entrypoint", "/no/command", "a b"]);
    assert_eq!(of("mine", Some(&["e f", "g"]), None).await, ["e f", "g"]);
    // Containers first, for the image is theirs.
    for case in ["cleared", "cleared-too", "replaced", "kept", "mine"] {
        let path = format!("/containers/{}", f.scope.name(case));
        outside::call(&f.engine.info().endpoint, "DELETE", &path).await;
    }
    outside::call(&f.engine.info().endpoint, "DELETE", &format!("{api}/images/{registry}{name}:1")).await;
}

/// All else that is not a number.
pub async fn all_other_fields_arrive_unchanged(f: &Fixture) {
    let mut request: CreateContainer =
        f.request("rest", &["sh", "-c", "trap 'exit 7' USR2; while :; do sleep 0.1; done"]);
    let spec = &mut request.spec;
    "a-b.c_d".clone_into(&mut spec.hostname);
    spec.restart = RestartPolicy::OnFailure(3);
    spec.stop_signal = Some("SIGUSR2".to_owned());
    spec.stop_grace_period = Some(Millis(7500));
    spec.tty = true;
    spec.stdin_open = true;
    spec.user = Some("1000:1001".to_owned());
    spec.group_add = vec!["7".to_owned(), "8".to_owned()];
    spec.devices = vec!["/dev/null:/dev/my null:rw".to_owned()];
    spec.cap_add = vec!["NET_ADMIN".to_owned()];
    spec.cap_drop = vec!["MKNOD".to_owned()];
    spec.security_opt = vec!["no-new-privileges:true".to_owned()];
    spec.ulimits.insert("nofile".to_owned(), Ulimit { soft: 1000, hard: 2000 });
    spec.ulimits.insert("nproc".to_owned(), Ulimit { soft: 500, hard: 500 });
    spec.sysctls.insert("net.ipv4.ip_local_port_range".to_owned(), "2000 3000".to_owned());
    let id = f.create(&request).await;
    let file = FileSpec {
        content: Text::plain(HOSTILE).into(),
        mode: FileMode(0o640),
        owner: Owner { uid: 1000, gid: 1001 },
    };
    let path = "/etc/my app/a,b:c \u{e4}'\".conf";
    f.engine.put_files(&id, &[(path.to_owned(), file)].into(), &Texts::default()).await.unwrap();
    f.engine.start(&id).await.unwrap();
    let line = "hostname; id -G; test -c '/dev/my null' && echo device; ulimit -Hn; \
                cat /proc/sys/net/ipv4/ip_local_port_range | tr '\\t' ' '; grep NoNewPrivs /proc/self/status | tr '\\t' ' '; \
                stat -c '%a %u:%g' /etc/my*/*; tty -s < /proc/1/fd/0 && echo tty";
    let seen = f.sh(&id, line).await;
    let groups = seen.stdout.lines().nth(1).unwrap_or_default();
    assert!(["1001", "7", "8"].iter().all(|group| groups.split(' ').any(|seen| seen == *group)), "{seen:?}");
    let rest: Vec<&str> = seen.stdout.lines().filter(|line| *line != groups).collect();
    assert_eq!(
        rest,
        ["a-b.c_d", "device", "2000", "2000 3000", "NoNewPrivs: 1", "640 1000:1001", "tty"],
        "{seen:?}"
    );
    assert_eq!(f.sh(&id, "cat /etc/my*/*").await.stdout, HOSTILE);
    let inspected = inspected(f, &id).await;
    assert_eq!(inspected["HostConfig"]["RestartPolicy"]["MaximumRetryCount"], 3);
    assert_eq!(inspected["Config"]["StopTimeout"], 8);
    f.engine.stop(&id, None).await.unwrap();
    assert_eq!(f.engine.inspect(&id).await.unwrap().unwrap().exit_code, 7);
}
