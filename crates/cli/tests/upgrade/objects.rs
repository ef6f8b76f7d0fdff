//! A fixture's objects on an engine, created by the calls that the release made.

use crate::common::Sandbox;
use devarch_testkit::outside;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The name prefix of all objects of a fixture.
const OURS: &str = "devarch-upg-";

/// The contents of `objects.json`.
#[derive(Deserialize)]
struct Recorded {
    images: Vec<Image>,
    volumes: Vec<Value>,
    networks: Vec<Value>,
    containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Image {
    path: String,
    context: String,
}

/// A container under its final name.
#[derive(Deserialize)]
struct Container {
    name: String,
    create: Value,
    files: Vec<String>,
    /// Networks it was connected to after its creation.
    connected: BTreeMap<String, Value>,
    off_its_network: bool,
    running: bool,
}

/// Removes all objects with the fixture's prefix on drop.
pub(crate) struct Objects {
    endpoint: String,
    /// The current ids, by placeholder.
    pub(crate) names: BTreeMap<String, String>,
}

/// Observed properties of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) running: bool,
    networks: BTreeSet<String>,
}

/// Observed objects of a fixture.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Inventory {
    pub(crate) containers: BTreeMap<String, Seen>,
    networks: BTreeMap<String, String>,
    pub(crate) volumes: BTreeSet<String>,
    images: BTreeMap<String, String>,
}

impl Inventory {
    /// The number of containers with this name prefix.
    pub(crate) fn count(&self, prefix: &str) -> usize {
        self.containers.keys().filter(|name| name.starts_with(prefix)).count()
    }
}

impl Objects {
    /// Creates the objects, after removing leftovers of a killed test.
    pub(crate) fn create(sandbox: &Sandbox, fixture: &Path) -> Self {
        let text = fs::read_to_string(fixture.join("objects.json")).unwrap();
        let recorded: Recorded = serde_json::from_str(&text).unwrap();
        let mut objects = Self { endpoint: sandbox.endpoint(), names: BTreeMap::new() };
        sandbox.wait(async {
            objects.sweep().await;
            for image in &recorded.images {
                let context = fs::read(fixture.join(&image.context)).unwrap();
                objects.send(("POST", &image.path), ("x-tar", &context)).await;
            }
            for volume in &recorded.volumes {
                objects.post("/volumes/create", volume).await;
            }
            for network in &recorded.networks {
                let created = objects.post("/networks/create", network).await;
                objects.learn("network", &network["Name"], &created["Id"]);
            }
            // Containers that were running get the recorded addresses.
            let (running, stopped): (Vec<_>, Vec<_>) =
                recorded.containers.iter().partition(|container| container.running);
            for container in stopped.into_iter().chain(running) {
                objects.container(fixture, container).await;
            }
            for (name, id) in objects.images().await {
                objects
                    .names
                    .insert(format!("bare-image:{name}"), id.trim_start_matches("sha256:").to_owned());
                let id = format!("sha256:{}", id.trim_start_matches("sha256:"));
                objects.names.insert(format!("image:{name}"), id);
            }
        });
        objects
    }

    async fn container(&mut self, fixture: &Path, container: &Container) {
        let Container { name, create, files, connected, off_its_network, running } = container;
        let created = self.post(&format!("/containers/create?name={name}"), create).await;
        let id = created["Id"].as_str().unwrap().to_owned();
        self.learn("container", &Value::from(name.as_str()), &created["Id"]);
        for file in files {
            let archive = fs::read(fixture.join(file)).unwrap();
            let path = format!("/containers/{id}/archive?path=/");
            self.send(("PUT", &path), ("x-tar", &archive)).await;
        }
        for (network, place) in connected {
            let body = serde_json::json!({"Container": id, "EndpointConfig": place});
            self.post(&format!("/networks/{network}/connect"), &body).await;
        }
        self.act(&id, "start").await;
        if *running {
            return;
        }
        self.act(&id, "stop").await;
        if *off_its_network {
            let own = create["NetworkingConfig"]["EndpointsConfig"].as_object().and_then(only).unwrap();
            let body = serde_json::json!({"Container": id, "Force": false});
            self.post(&format!("/networks/{own}/disconnect"), &body).await;
        }
    }

    /// The current objects.
    pub(crate) fn now(&self, sandbox: &Sandbox) -> Inventory {
        sandbox.wait(async {
            Inventory {
                containers: self.containers().await,
                networks: self.networks().await,
                volumes: self.volumes().await,
                images: self.images().await,
            }
        })
    }

    /// Puts a file into a volume through a temporary container.
    pub(crate) async fn put_file(&self, sandbox: &Sandbox, volume: &str, file: &str) {
        let line = format!("touch /it/{file}");
        let create = serde_json::json!({
            "Image": "busybox:1.37",
            "Cmd": ["sh", "-c", line],
            "HostConfig": {"Mounts": [{"Type": "volume", "Source": volume, "Target": "/it"}], "NetworkMode": "none"},
            "Labels": {devarch_testkit::scope::LABEL: sandbox.fixture().scope.name("")},
        });
        let name = sandbox.fixture().scope.name("file");
        let created = self.post(&format!("/containers/create?name={name}"), &create).await;
        let id = created["Id"].as_str().unwrap();
        self.act(id, "start").await;
        self.act(id, "wait").await;
        outside::call(&self.endpoint, "DELETE", &format!("/containers/{id}?force=true")).await;
    }

    fn learn(&mut self, kind: &str, name: &Value, id: &Value) {
        self.names.insert(format!("{kind}:{}", name.as_str().unwrap()), id.as_str().unwrap().to_owned());
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.send(("POST", path), ("json", body.to_string().as_bytes())).await
    }

    async fn act(&self, container: &str, what: &str) {
        self.send(("POST", &format!("/containers/{container}/{what}")), ("json", b"")).await;
    }

    async fn send(&self, call: (&str, &str), body: (&str, &[u8])) -> Value {
        outside::send(&self.endpoint, call, body).await
    }

    async fn get(&self, path: &str) -> Vec<Value> {
        match outside::get(&self.endpoint, path).await {
            Value::Array(all) => all,
            Value::Object(mut all) => match all.remove("Volumes") {
                Some(Value::Array(volumes)) => volumes,
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    async fn containers(&self) -> BTreeMap<String, Seen> {
        let all = self.get("/containers/json?all=true").await;
        let seen = all.iter().filter_map(|container| {
            let name = container["Names"][0].as_str()?.trim_start_matches('/');
            let networks = container["NetworkSettings"]["Networks"].as_object();
            let seen = Seen {
                id: container["Id"].as_str()?.to_owned(),
                running: container["State"] == "running",
                networks: networks.into_iter().flat_map(Map::keys).cloned().collect(),
            };
            let ours = name.starts_with(OURS);
            ours.then(|| (name.to_owned(), seen))
        });
        seen.collect()
    }

    async fn networks(&self) -> BTreeMap<String, String> {
        let all = self.get("/networks").await;
        let named = all.iter().filter_map(|it| Some((it["Name"].as_str()?, it["Id"].as_str()?)));
        let ours = named.filter(|(name, _)| name.starts_with(OURS));
        ours.map(|(name, id)| (name.to_owned(), id.to_owned())).collect()
    }

    async fn volumes(&self) -> BTreeSet<String> {
        let all = self.get("/volumes").await;
        let names = all.iter().filter_map(|volume| volume["Name"].as_str());
        names.filter(|name| name.starts_with(OURS)).map(str::to_owned).collect()
    }

    /// Images of the fixture, and the one that containers use.
    async fn images(&self) -> BTreeMap<String, String> {
        let all = self.get("/images/json").await;
        let tagged = all.iter().flat_map(|image| {
            let tags = image["RepoTags"].as_array().into_iter().flatten().filter_map(Value::as_str);
            tags.map(move |tag| (short(tag), image["Id"].as_str().unwrap_or_default()))
        });
        let ours = tagged.filter(|(tag, _)| tag.starts_with(OURS) || *tag == "busybox:1.37");
        ours.map(|(tag, id)| (tag.to_owned(), id.to_owned())).collect()
    }

    async fn sweep(&self) {
        for seen in self.containers().await.into_values() {
            self.delete(&format!("/containers/{}?force=true", seen.id)).await;
        }
        for name in self.networks().await.into_keys() {
            self.delete(&format!("/networks/{name}")).await;
        }
        for name in self.volumes().await {
            self.delete(&format!("/volumes/{name}")).await;
        }
        for tag in self.images().await.into_keys().filter(|tag| tag.starts_with(OURS)) {
            self.delete(&format!("/images/{tag}")).await;
        }
    }

    async fn delete(&self, path: &str) {
        outside::call(&self.endpoint, "DELETE", path).await;
    }
}

impl Drop for Objects {
    /// In a thread with its own runtime: the test may be panicking.
    fn drop(&mut self) {
        let own = Self { endpoint: self.endpoint.clone(), names: BTreeMap::new() };
        let sweeper = std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(own.sweep());
            std::mem::forget(own);
        });
        let _ = sweeper.join();
    }
}

fn only(networks: &Map<String, Value>) -> Option<&str> {
    networks.keys().next().map(String::as_str)
}

fn short(tag: &str) -> &str {
    let prefixes = ["localhost/", "docker.io/library/", "docker.io/"];
    prefixes.iter().fold(tag, |tag, prefix| tag.strip_prefix(prefix).unwrap_or(tag))
}
