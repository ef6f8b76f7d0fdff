use super::{DockerContext, FindInput, endpoint::MISSING_CONTEXT};
use devarch_core::engine::EngineKind;
use std::path::PathBuf;

/// A possible endpoint of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// How to reach it.
    pub way: Way,
    /// Why it is tried, as shown to the user: `DOCKER_HOST`, `Docker's context desk`, `well-known socket`.
    pub because: String,
    /// The only kind of engine that is accepted there.
    pub only: Option<EngineKind>,
}

/// How to reach an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// An engine may listen there (an address as specified by the user or DevArch).
    Dial(String),
    /// Nothing listens, but Podman is installed and can be started.
    StartPodman {
        /// The `podman` program.
        program: PathBuf,
        /// The socket it is to listen on.
        socket: PathBuf,
    },
}

/// The endpoints to try, in order. If the user specified an address (`--engine`, `DEVARCH_ENGINE`, or the engines' own
/// variables), nothing else is tried: a stopped engine must not make another one answer for it.
pub fn candidates(input: &FindInput) -> Vec<Candidate> {
    let named = [("--engine", &input.flag), ("DEVARCH_ENGINE", &input.devarch_engine)]
        .into_iter()
        .find_map(|(source, value)| Some((source, value.as_deref()?)));
    let (source, kind) = match named {
        None => ("", None),
        Some((source, name)) => match name.parse::<EngineKind>() {
            Ok(kind) => (source, Some(kind)),
            Err(()) => return vec![dial(name, source, None)],
        },
    };
    let variables = from_variables(input, kind);
    if kind.is_none() && !variables.is_empty() {
        return variables;
    }
    let mut found = variables;
    found.extend(from_context(input, kind));
    found.extend(well_known(input, kind));
    if kind != Some(EngineKind::Docker) {
        found.extend(podman_to_start(input, kind));
    }
    if kind.is_some() {
        for candidate in &mut found {
            candidate.because = format!("{source}, {}", candidate.because);
        }
    }
    deduplicated(found)
}

fn dial(address: &str, because: impl Into<String>, only: Option<EngineKind>) -> Candidate {
    Candidate { way: Way::Dial(address.to_owned()), because: because.into(), only }
}

fn from_variables(input: &FindInput, only: Option<EngineKind>) -> Vec<Candidate> {
    let named = input.docker_context.as_ref().filter(|context| context.named && input.docker_host.is_none());
    [("DOCKER_HOST", &input.docker_host), ("CONTAINER_HOST", &input.container_host)]
        .into_iter()
        .filter_map(|(name, value)| Some(dial(value.as_deref()?, name, only)))
        .chain(named.map(|context| for_context(context, only)))
        .collect()
}

fn from_context(input: &FindInput, only: Option<EngineKind>) -> Option<Candidate> {
    Some(for_context(input.docker_context.as_ref()?, only))
}

/// A missing context is reported when it is tried.
fn for_context(context: &DockerContext, only: Option<EngineKind>) -> Candidate {
    let missing = || format!("{MISSING_CONTEXT}{}", context.name);
    let address = context.address.clone().unwrap_or_else(missing);
    dial(&address, format!("Docker's context {}", context.name), only)
}

fn well_known(input: &FindInput, only: Option<EngineKind>) -> Vec<Candidate> {
    use EngineKind::{Docker, Podman};
    let under = |dir: &Option<PathBuf>, name: &str| dir.as_ref().map(|dir| dir.join(name));
    let mut sockets = [
        (Docker, under(&input.runtime_dir, "docker.sock")),
        (Podman, under(&input.runtime_dir, "podman/podman.sock")),
        (Docker, under(&input.home, ".docker/run/docker.sock")),
        (Docker, under(&input.home, ".docker/desktop/docker.sock")),
        (Docker, Some(PathBuf::from("/var/run/docker.sock"))),
        (Podman, Some(PathBuf::from("/run/podman/podman.sock"))),
    ];
    // Podman may answer at Docker's socket, but problems with Podman's own socket are the ones its users can fix.
    sockets.sort_by_key(|(usual, _)| only.is_some_and(|only| only != *usual));
    sockets
        .into_iter()
        .filter_map(|(_, path)| path)
        .map(|path| dial(&format!("unix://{}", path.display()), "well-known socket", only))
        .collect()
}

fn podman_to_start(input: &FindInput, only: Option<EngineKind>) -> Option<Candidate> {
    let socket = if input.uid == 0 {
        PathBuf::from("/run/podman/podman.sock")
    } else {
        input.runtime_dir.as_ref()?.join("podman/podman.sock")
    };
    let program = input.podman_program.clone()?;
    Some(Candidate {
        way: Way::StartPodman { program, socket },
        because: "podman is installed".to_owned(),
        only,
    })
}

fn deduplicated(all: Vec<Candidate>) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::with_capacity(all.len());
    for candidate in all {
        if kept.iter().all(|earlier| earlier.way != candidate.way) {
            kept.push(candidate);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> FindInput {
        FindInput {
            runtime_dir: Some("/run/user/1000".into()),
            home: Some("/home/me".into()),
            uid: 1000,
            podman_program: Some("/usr/bin/podman".into()),
            ..FindInput::default()
        }
    }

    fn shown(input: &FindInput) -> Vec<String> {
        candidates(input)
            .into_iter()
            .map(|candidate| match candidate.way {
                Way::Dial(address) => address,
                Way::StartPodman { socket, .. } => format!("start {}", socket.display()),
            })
            .collect()
    }

    #[test]
    fn the_users_own_sockets_come_first_by_default() {
        let want = [
            "unix:///run/user/1000/docker.sock",
            "unix:///run/user/1000/podman/podman.sock",
            "unix:///home/me/.docker/run/docker.sock",
            "unix:///home/me/.docker/desktop/docker.sock",
            "unix:///var/run/docker.sock",
            "unix:///run/podman/podman.sock",
            "start /run/user/1000/podman/podman.sock",
        ];
        assert_eq!(shown(&user()), want);
    }

    #[test]
    fn a_specified_address_is_the_only_one_tried() {
        let mut input = user();
        input.docker_host = Some("tcp://box:2375".to_owned());
        assert_eq!(shown(&input), ["tcp://box:2375"]);
        input.container_host = Some("unix:///p.sock".to_owned());
        assert_eq!(shown(&input), ["tcp://box:2375", "unix:///p.sock"]);
        input.devarch_engine = Some("unix:///mine.sock".to_owned());
        assert_eq!(shown(&input), ["unix:///mine.sock"]);
        input.flag = Some("unix:///flag.sock".to_owned());
        assert_eq!(shown(&input), ["unix:///flag.sock"]);
    }

    #[test]
    fn a_specified_kind_is_searched_everywhere_and_no_other_is_accepted() {
        let mut input = user();
        input.flag = Some("docker".to_owned());
        input.devarch_engine = Some("podman".to_owned());
        input.container_host = Some("unix:///p.sock".to_owned());
        let found = candidates(&input);
        assert!(found.iter().all(|candidate| candidate.only == Some(EngineKind::Docker)));
        assert!(found.iter().all(|candidate| matches!(candidate.way, Way::Dial(_))));
        assert_eq!(found.len(), 7);
    }

    #[test]
    fn the_context_of_docker_comes_before_the_sockets_and_no_endpoint_is_tried_twice() {
        let mut input = user();
        input.docker_context = Some(DockerContext {
            name: "desk".to_owned(),
            address: Some("unix:///var/run/docker.sock".to_owned()),
            named: false,
        });
        let found = shown(&input);
        assert_eq!(found[0], "unix:///var/run/docker.sock");
        assert_eq!(found.iter().filter(|place| **place == found[0]).count(), 1);
    }

    #[test]
    fn a_specified_context_is_the_only_candidate_even_if_it_is_missing() {
        let mut input = user();
        input.docker_context = Some(DockerContext { name: "gone".to_owned(), address: None, named: true });
        assert_eq!(shown(&input), ["context://gone"]);
        input.docker_host = Some("tcp://box:2375".to_owned());
        assert_eq!(shown(&input), ["tcp://box:2375"]);
    }

    #[test]
    fn root_starts_podman_where_root_listens() {
        let input = FindInput { uid: 0, ..user() };
        assert_eq!(shown(&input).last().unwrap(), "start /run/podman/podman.sock");
    }
}
