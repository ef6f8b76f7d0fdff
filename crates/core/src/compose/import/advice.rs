//! Advice for Compose fields that DevArch does not support.

/// Unsupported fields of a service, and what to use instead.
const SERVICE: &[(&str, &str)] = &[
    ("annotations", "use labels"),
    ("blkio_config", "limit cpus and memory with resources"),
    ("cgroup", "the engine's default is used"),
    (
        "container_name",
        "the container is named devarch-STACK-INSTANCE, and answers to the instance's name too",
    ),
    ("credential_spec", "it is for Windows containers"),
    ("develop", "mount the sources as a volume"),
    ("dns_opt", "the engine's default is used"),
    ("dns_search", "the engine's default is used"),
    ("domainname", "put it into hostname"),
    ("env_file", "write its variables under environment"),
    ("expose", "it is not needed: instances of a stack reach all ports of each other"),
    ("extends", "write the fields of the other service here, or use one template for both"),
    ("external_links", "instances reach those of their own stack by name"),
    ("links", "instances of a stack reach each other by name"),
    ("logging", "the engine's default is used; see devarch logs"),
    ("mac_address", "the engine chooses one"),
    ("memswap_limit", "limit memory with resources"),
    ("models", "run the model server as a service of its own"),
    ("networks", "all instances of a stack are in the stack's own network"),
    ("oom_score_adj", "the engine's default is used"),
    ("ports", "write each port"),
    ("runtime", "the engine's default is used"),
    ("scale", "add an instance of the template for each"),
    ("userns_mode", "the engine's default is used"),
    ("volumes_from", "mount the same directories"),
];

/// Returns the note about a service's field that is left out.
pub(super) fn service(field: &str) -> String {
    let known = SERVICE.iter().find(|(name, _)| *name == field);
    let advice = known.map_or("there is nothing in its place yet", |(_, advice)| advice);
    format!("`{field}` is not supported and was left out; {advice}")
}

/// Returns the note about a field of `deploy`.
pub(super) fn deploy(field: &str) -> String {
    format!("`deploy.{field}` is not supported and was left out; only deploy.resources is taken over")
}

/// Returns the note about a field of `build`.
pub(super) fn build(field: &str) -> String {
    let what = match field {
        "additional_contexts" => "widen the context to what holds all",
        "platforms" => "the service's `platform` is built",
        "tags" => "the service's `image` is its name",
        "secrets" | "ssh" => "give it as an argument with secret: true",
        _ => "engines build without it",
    };
    format!("`build.{field}` is not supported and was left out; {what}")
}

/// Returns the note about a top-level field.
pub(super) fn top_level(field: &str) -> String {
    match field {
        "version" => "`version` is obsolete in Compose files and has no effect".to_owned(),
        "networks" => "`networks` was left out; a stack has one network of its own".to_owned(),
        "include" => {
            "`include` was left out; import the other files too, or put the services into one".to_owned()
        }
        field => format!("`{field}` is not supported and was left out"),
    }
}

/// Returns the note about a field of a top-level volume.
pub(super) fn volume(volume: &str, field: &str) -> String {
    match field {
        "external" => format!(
            "volume {volume:?} exists outside the file; a new one is created in its place, copy its data or mount a directory"
        ),
        "name" => format!(
            "volume {volume:?} gets the name devarch-STACK-INSTANCE-VOLUME; copy its data if you need it"
        ),
        field => format!("`{field}` of volume {volume:?} was left out; the engine's local driver is used"),
    }
}
