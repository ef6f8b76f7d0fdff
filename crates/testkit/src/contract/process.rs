//! What a spec does to a container's process.

use crate::{
    fixture::{Fixture, RUNS, mounted},
    outside, real,
};
use devarch_core::{
    engine::EngineKind,
    id::ContainerId,
    observed::{HealthState, RunState},
    spec::{Mount, MountFrom},
    template::{HealthTest, Healthcheck, RestartPolicy, TmpfsMount, Ulimit},
    text::Text,
    unit::{Bytes, Cpus, FileMode, Millis},
};
use devarch_engine::{LogOptions, Probe, Runs};
use futures_util::StreamExt;
use serde_json::Value;
use std::time::{Duration, Instant};

async fn inspected(f: &Fixture, id: &ContainerId) -> Value {
    outside::get(&f.engine.info().endpoint, &format!("/containers/{id}/json")).await
}

/// Memory, processors, processes, open files, shared memory.
pub async fn limits_reach_the_kernel(f: &Fixture) {
    let mut request = f.request("limits", &RUNS);
    let spec = &mut request.spec;
    spec.resources.limits.memory = Some(Bytes(64 << 20));
    spec.resources.limits.cpus = Some(Cpus(500));
    spec.resources.limits.pids = Some(77);
    spec.resources.reservations.memory = Some(Bytes(32 << 20));
    spec.shm_size = Some(Bytes(8 << 20));
    // Podman replaces its configured limits by these; some machines need all of them set.
    spec.ulimits.insert("nofile".to_owned(), Ulimit { soft: 1000, hard: 2000 });
    spec.ulimits.insert("nproc".to_owned(), Ulimit { soft: 500, hard: 500 });
    let id = f.run(&request).await;
    let seen = f.sh(&id, "ulimit -Hn; df -k /dev/shm | tail -1 | awk '{print $2}'").await.stdout;
    assert_eq!(seen, "2000\n8192\n");
    let host = &inspected(f, &id).await["HostConfig"];
    assert_eq!(host["Memory"], 64 << 20);
    assert_eq!(host["MemoryReservation"], 32 << 20);
    assert_eq!(host["NanoCpus"], 500_000_000);
    assert_eq!(host["PidsLimit"], 77);
}

/// Environment, user, directory, host name, entrypoint, groups, capabilities, kernel parameters.
pub async fn the_process_matches_the_spec(f: &Fixture) {
    let mut request = f.request("spec", &["-c", "trap 'exit 0' TERM; sleep 1000 & wait"]);
    let spec = &mut request.spec;
    spec.entrypoint = Some(vec![Text::plain("/bin/sh")]);
    spec.environment.insert("PLAIN".to_owned(), Text::plain("a b=c"));
    spec.environment.insert("SECRET".to_owned(), Text::secret("hunter2"));
    spec.user = Some("1000:1001".to_owned());
    spec.working_dir = Some("/var".to_owned());
    "named".clone_into(&mut spec.hostname);
    spec.group_add = vec!["4321".to_owned()];
    spec.cap_drop = vec!["ALL".to_owned()];
    spec.sysctls.insert("net.ipv4.ip_unprivileged_port_start".to_owned(), "80".to_owned());
    let id = f.run(&request).await;
    let line = "echo $PLAIN; echo $SECRET; id -u; id -g; pwd; hostname; id -G; \
                grep CapBnd /proc/self/status; cat /proc/sys/net/ipv4/ip_unprivileged_port_start";
    let seen = f.sh(&id, line).await.stdout;
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines[..6], ["a b=c", "hunter2", "1000", "1001", "/var", "named"], "{seen}");
    assert!(lines[6].contains("4321"), "{seen}");
    assert!(lines[7].ends_with("0000000000000000") && lines[8] == "80", "{seen}");
}

/// Where the engine has one: Podman needs a program for it that not every machine has.
pub async fn an_init_is_process_1_when_requested(f: &Fixture) {
    let mut request = f.request("init", &RUNS);
    request.spec.init = true;
    let id = match f.engine.create_container(&request).await {
        Err(error) if error.message.contains("container-init binary not found") => {
            return real::skip(&error.to_string());
        }
        created => created.unwrap(),
    };
    f.engine.start(&id).await.unwrap();
    let seen = f.sh(&id, "cat /proc/1/comm").await.stdout;
    assert!(!seen.starts_with("sh"), "{seen}");
}

/// Volumes, binds, memory, and a root that can't be written to.
pub async fn mounts_match_the_spec(f: &Fixture) {
    let volume = f.volume("data").await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("seen"), "from the host\n").unwrap();
    let mut request = f.request("mounts", &RUNS);
    let spec = &mut request.spec;
    spec.read_only = true;
    spec.mounts.push(mounted(&volume, "/data"));
    spec.mounts.push(Mount {
        target: "/host".to_owned(),
        source: MountFrom::Bind(dir.path().display().to_string()),
        read_only: true,
    });
    spec.tmpfs.push(TmpfsMount {
        target: "/scratch".to_owned(),
        size: Some(Bytes(4 << 20)),
        mode: Some(FileMode(0o1770)),
    });
    let id = f.run(&request).await;
    let line = "cat /host/seen; touch /host/x 2>/dev/null || echo ro; touch /x 2>/dev/null || echo ro; \
                touch /data/x && echo rw; touch /scratch/x && echo rw; stat -c %a /scratch; \
                df -k /scratch | tail -1 | awk '{print $2}'; \
                cp /bin/busybox /scratch/true && { /scratch/true 2>/dev/null || echo noexec; }";
    let seen = f.sh(&id, line).await.stdout;
    assert_eq!(seen, "from the host\nro\nro\nrw\nrw\n1770\n4096\nnoexec\n");
}

/// The stop signal first, then the kill; a longer grace period lets the process finish.
pub async fn the_grace_period_is_respected(f: &Fixture) {
    let argv = ["sh", "-c", "trap 'sleep 1.5; exit 9' USR1; while :; do sleep 0.1; done"];
    let mut request = f.request("slow", &argv);
    request.spec.stop_signal = Some("SIGUSR1".to_owned());
    request.spec.stop_grace_period = Some(Millis(10_000));
    let id = f.run(&request).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    f.engine.stop(&id, None).await.unwrap();
    assert_eq!(f.engine.inspect(&id).await.unwrap().unwrap().exit_code, 9);

    f.engine.start(&id).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    f.engine.stop(&id, Some(Millis(0))).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(f.engine.inspect(&id).await.unwrap().unwrap().exit_code, 137);
}

/// Podman would kill a container that was created without a grace period at once.
pub async fn a_process_without_a_grace_period_is_signalled_before_it_is_killed(f: &Fixture) {
    let argv = ["sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done"];
    let id = f.run(&f.request("asked", &argv)).await;
    let options = LogOptions { follow: true, ..LogOptions::default() };
    f.engine.logs(&id, &options).await.unwrap().next().await.unwrap().unwrap();
    f.engine.stop(&id, None).await.unwrap();
    assert_eq!(f.engine.inspect(&id).await.unwrap().unwrap().exit_code, 9);
}

/// By the engine, or by DevArch through the engine if it does not schedule checks.
pub async fn health_is_judged_by_the_specified_check(f: &Fixture) {
    let mut request = f.request("checked", &RUNS);
    request.spec.healthcheck = Some(Healthcheck {
        test: HealthTest::Shell("test -e /ready".to_owned()),
        interval: Some(Millis(1000)),
        timeout: Some(Millis(5000)),
        retries: Some(2),
        start_period: None,
        start_interval: None,
    });
    let id = f.run(&request).await;
    assert_eq!(health(f, &id).await, Some(HealthState::Starting));
    assert_eq!(until(f, &id, HealthState::Unhealthy).await, Some(HealthState::Unhealthy));
    f.sh(&id, "touch /ready").await;
    assert_eq!(until(f, &id, HealthState::Healthy).await, Some(HealthState::Healthy));
    let seen = f.engine.inspect(&id).await.unwrap().unwrap();
    assert!(seen.last_check.is_some());
    assert_eq!(seen.state, RunState::Running);
}

/// Neither while the container runs nor after it was removed: Podman keeps a process for each exec for five minutes.
pub async fn a_probe_leaves_no_process_behind(f: &Fixture) {
    let mut request = f.request("probed-often", &RUNS);
    let test = HealthTest::Cmd(["sh", "-c", "echo not yet && exit 3"].map(str::to_owned).to_vec());
    request.spec.healthcheck = Some(Healthcheck {
        test: test.clone(),
        interval: Some(Millis(60_000)),
        timeout: Some(Millis(20_000)),
        retries: None,
        start_period: None,
        start_interval: None,
    });
    let id = f.run(&request).await;
    let before = outside::processes(id.as_str()).len();
    let probe = Probe { test, timeout: Duration::from_secs(20), runs: Runs::Once };
    for _ in 0..5 {
        let result = f.engine.probe(&id, &probe).await.unwrap();
        assert_ne!(result.exit_code, Some(0));
        assert_eq!(result.output.trim(), "not yet");
    }
    assert_eq!(health(f, &id).await, Some(HealthState::Starting), "they count only when their time has come");
    assert!(outside::until(async || outside::processes(id.as_str()).len() <= before).await);
    f.stop(&id).await;
    f.engine.remove_container(&id).await.unwrap();
    let gone = outside::until(async || outside::processes(id.as_str()).is_empty()).await;
    assert!(gone, "{:?}", outside::processes(id.as_str()));
}

/// Of those that run and have a check, and of no others.
pub async fn unscheduled_checks_are_listed(f: &Fixture) {
    let check = |test: HealthTest| Healthcheck {
        test,
        interval: Some(Millis(60_000)),
        timeout: None,
        retries: None,
        start_period: None,
        start_interval: None,
    };
    let request = |name: &str, test: Option<HealthTest>| {
        let mut request = f.request(name, &RUNS);
        request.spec.healthcheck = test.map(check);
        request
    };
    let passes = || Some(HealthTest::Shell("true".to_owned()));
    let starting = f.run(&request("starting", passes())).await;
    let healthy = f.run(&request("healthy", passes())).await;
    let unhealthy = f.run(&request("unhealthy", Some(HealthTest::Shell("false".to_owned())))).await;
    let switched_off = f.run(&request("switched-off", Some(HealthTest::None))).await;
    let plain = f.run(&request("plain", None)).await;
    let not_started = f.create(&request("not-started", passes())).await;
    for id in [&healthy, &unhealthy] {
        f.engine.run_engine_check(id).await.unwrap();
    }
    let listed = f.engine.unattended_checks().await.unwrap();
    for id in [&starting, &healthy, &unhealthy] {
        assert_eq!(listed.contains(id), !f.engine.info().runs_health_checks, "{listed:?}");
    }
    for id in [&switched_off, &plain, &not_started] {
        assert!(!listed.contains(id), "{listed:?}");
    }
}

async fn health(f: &Fixture, id: &ContainerId) -> Option<HealthState> {
    f.engine.inspect(id).await.unwrap().unwrap().health
}

async fn until(f: &Fixture, id: &ContainerId, want: HealthState) -> Option<HealthState> {
    let mut seen = None;
    for _ in 0..40 {
        let listed = f.engine.run_engine_check(id).await.unwrap();
        assert_eq!(listed.is_none(), f.engine.info().runs_health_checks);
        seen = health(f, id).await;
        if seen == Some(want) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    seen
}

/// Its user, ports and volumes; and a container can be created from it by a short name, which means `localhost/...` on
/// Podman and `docker.io/library/...` in its compatible API.
pub async fn the_declarations_of_an_image_are_read(f: &Fixture) {
    let container = f.create(&f.request("base", &RUNS)).await;
    let name = f.scope.name("image");
    let (api, registry) = match f.engine.info().kind {
        EngineKind::Docker => ("", ""),
        EngineKind::Podman => ("/v4.0.0/libpod", "localhost/"),
    };
    let path = format!(
        "{api}/commit?container={container}&repo={registry}{name}&tag=1&format=docker\
         &changes=USER%205&changes=EXPOSE%2081&changes=VOLUME%20%2Fv"
    );
    outside::call(&f.engine.info().endpoint, "POST", &path).await;
    let short = format!("{name}:1");
    let image = f.engine.image(&short).await.unwrap().expect("the image was made");
    assert_eq!(image.user, "5");
    assert_eq!(image.volumes.iter().collect::<Vec<_>>(), ["/v"]);
    assert_eq!(image.exposed.iter().map(ToString::to_string).collect::<Vec<_>>(), ["81/tcp"]);
    let mut request = f.request("of-it", &RUNS);
    request.spec.image = short;
    // Engines create anonymous volumes for declared ones that are not mounted.
    request.spec.mounts.push(mounted(&f.volume("v").await, "/v"));
    let made = f.run(&request).await;
    assert_eq!(f.listed(&made).await.unwrap().image_id, image.id);
    f.stop(&made).await;
    f.engine.remove_container(&made).await.unwrap();
    outside::call(&f.engine.info().endpoint, "DELETE", &format!("{api}/images/{registry}{name}:1")).await;
    assert_eq!(f.engine.image(&request.spec.image).await.unwrap(), None);
}

/// Also where the image has one.
pub async fn a_disabled_check_is_none(f: &Fixture) {
    let mut request = f.request("unchecked", &RUNS);
    request.spec.healthcheck = Some(Healthcheck {
        test: HealthTest::None,
        interval: None,
        timeout: None,
        retries: None,
        start_period: None,
        start_interval: None,
    });
    let id = f.run(&request).await;
    assert_eq!(health(f, &id).await, None);
}

/// As often as allowed, and the engine reports how often it did.
pub async fn a_restart_policy_restarts_a_failed_container(f: &Fixture) {
    let mut request = f.request("again", &["sh", "-c", "echo once; sleep 0.2; exit 5"]);
    request.spec.restart = RestartPolicy::OnFailure(2);
    let id = f.run(&request).await;
    for _ in 0..100 {
        let seen = f.engine.inspect(&id).await.unwrap().unwrap();
        if seen.restarts == 2 && seen.state == RunState::Exited {
            assert_eq!(seen.exit_code, 5);
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{:?}", f.engine.inspect(&id).await);
}
