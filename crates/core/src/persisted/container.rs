//! Version 1 of the form of a container.

use super::fields::Fields;
use crate::{
    spec::{Attachment, ContainerSpec, FileContent, FileSpec, Mount, MountFrom},
    template::{Healthcheck, Resources, TmpfsMount, Ulimit},
    text::Text,
};
use serde_json::{Map, Value};

/// What a container is made from, secrets redacted.
pub(super) fn form(spec: &ContainerSpec) -> Map<String, Value> {
    let mut form = Fields::default();
    process(spec, &mut form);
    mode(spec, &mut form);
    data(spec, &mut form);
    limits(spec, &mut form);
    form.into()
}

fn process(spec: &ContainerSpec, form: &mut Fields) {
    form.value("image", spec.image.as_str());
    form.option("platform", spec.platform.as_deref());
    form.option("command", spec.command.as_deref().map(words));
    form.option("entrypoint", spec.entrypoint.as_deref().map(words));
    form.option("user", spec.user.as_deref());
    form.option("working_dir", spec.working_dir.as_deref());
    form.value("hostname", spec.hostname.as_str());
    form.value("restart", String::from(spec.restart));
    form.flag("job", spec.job);
    form.flag("init", spec.init);
    form.flag("tty", spec.tty);
    form.flag("stdin_open", spec.stdin_open);
}

fn mode(spec: &ContainerSpec, form: &mut Fields) {
    form.flag("read_only", spec.read_only);
    form.flag("privileged", spec.privileged);
    form.option("network_mode", spec.network_mode.as_deref());
    form.option("pid", spec.pid.as_deref());
    form.option("ipc", spec.ipc.as_deref());
    form.option("stop_signal", spec.stop_signal.as_deref());
    form.quantity("stop_grace_period", spec.stop_grace_period);
    form.quantity("shm_size", spec.shm_size);
}

fn data(spec: &ContainerSpec, form: &mut Fields) {
    let environment = spec.environment.iter().map(|(name, text)| (name.clone(), text.shown().into()));
    form.map("environment", environment.collect());
    form.texts("labels", &spec.labels);
    let ports = spec.ports.iter().map(|port| (port.key.to_string(), port.to_string().into()));
    form.map("ports", ports.collect());
    form.list("mounts", spec.mounts.iter().map(mount));
    form.list("tmpfs", spec.tmpfs.iter().map(tmpfs));
    form.option("healthcheck", spec.healthcheck.as_ref().map(healthcheck));
}

fn limits(spec: &ContainerSpec, form: &mut Fields) {
    form.texts("extra_hosts", &spec.extra_hosts);
    form.list("dns", spec.dns.iter().map(String::as_str));
    form.list("cap_add", spec.cap_add.iter().map(String::as_str));
    form.list("cap_drop", spec.cap_drop.iter().map(String::as_str));
    form.list("devices", spec.devices.iter().map(String::as_str));
    form.list("security_opt", spec.security_opt.iter().map(String::as_str));
    form.list("group_add", spec.group_add.iter().map(String::as_str));
    form.texts("sysctls", &spec.sysctls);
    let ulimits = spec.ulimits.iter().map(|(name, limit)| (name.clone(), ulimit(*limit)));
    form.map("ulimits", ulimits.collect());
    form.map("resources", resources(&spec.resources));
    let files = spec.config_files.iter().map(|(path, file)| (path.clone(), config_file(file)));
    form.map("config_files", files.collect());
    form.option("network", spec.network.as_ref().map(attachment));
}

fn words(words: &[Text]) -> Vec<&str> {
    words.iter().map(Text::shown).collect()
}

fn mount(mount: &Mount) -> Value {
    let mut form = Fields::default();
    form.value("target", mount.target.as_str());
    match &mount.source {
        MountFrom::Volume(volume) => form.value("volume", volume.as_str()),
        MountFrom::Bind(path) => form.value("bind", path.as_str()),
    }
    form.flag("read_only", mount.read_only);
    form.into()
}

fn tmpfs(mount: &TmpfsMount) -> Value {
    let mut form = Fields::default();
    form.value("target", mount.target.as_str());
    form.quantity("size", mount.size);
    form.quantity("mode", mount.mode);
    form.into()
}

fn healthcheck(check: &Healthcheck) -> Value {
    let mut form = Fields::default();
    form.value("test", check.test.to_argv());
    form.quantity("interval", check.interval);
    form.quantity("timeout", check.timeout);
    form.option("retries", check.retries);
    form.quantity("start_period", check.start_period);
    form.quantity("start_interval", check.start_interval);
    form.into()
}

fn ulimit(limit: Ulimit) -> Value {
    let mut form = Fields::default();
    form.value("soft", limit.soft);
    form.value("hard", limit.hard);
    form.into()
}

fn resources(resources: &Resources) -> Map<String, Value> {
    let (mut limits, mut reservations) = (Fields::default(), Fields::default());
    limits.quantity("cpus", resources.limits.cpus);
    limits.quantity("memory", resources.limits.memory);
    limits.option("pids", resources.limits.pids);
    reservations.quantity("memory", resources.reservations.memory);
    let mut form = Fields::default();
    form.map("limits", limits.into());
    form.map("reservations", reservations.into());
    form.into()
}

fn config_file(file: &FileSpec) -> Value {
    let mut form = Fields::default();
    match &file.content {
        FileContent::Text(text) => form.value("content", text.shown()),
        FileContent::Kept(kept) => {
            let mut content = Fields::default();
            content.value("sha256", kept.sha256.as_str());
            content.value("bytes", kept.bytes);
            form.value("content", content);
        }
    }
    form.value("mode", file.mode.to_string());
    form.value("owner", file.owner.to_string());
    form.into()
}

fn attachment(place: &Attachment) -> Value {
    let mut form = Fields::default();
    form.value("name", place.name.as_str());
    form.value("address", place.address.to_string());
    form.value("aliases", place.aliases.as_slice());
    form.into()
}
