//! Removes what killed tests left behind on engines and in the firewall.
//!
//! A test names its objects `devarch-cli<pid>-...` or `dvt-<pid>-...` and removes them at its end, unless its process
//! is killed. An object with the number of an ended process is unused.

use crate::{
    failure::Result,
    http::{Address, Client},
    process::{self, Run as _, program},
    terminal::{note, print_line},
};
use serde::Deserialize;
use std::path::Path;

/// Name prefixes of tests' objects, up to the number of the process.
const PREFIXES: [&str; 2] = ["devarch-cli", "dvt-"];

/// Which engines, and whether anything is removed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Addresses of engines, as `unix:///path` or `tcp://host:port`
    endpoints: Vec<Address>,
}

impl Args {
    /// All test objects on these engines.
    pub(crate) fn all(endpoints: Vec<Address>) -> Self {
        Self { dry_run: false, endpoints }
    }
}

/// Sweeps the engines, then the firewall. A failing engine is reported and does not affect the others.
pub(crate) fn run(args: &Args) -> Result<()> {
    let broom = Sweeper { dry_run: args.dry_run };
    let mut removed = 0;
    for endpoint in &args.endpoints {
        match broom.sweep(endpoint) {
            Ok(count) => removed += count,
            Err(failure) => note(format!("cannot sweep {endpoint}: {}", failure.chain())),
        }
    }
    removed += broom.sweep_port_forwardings()?;
    if removed > 0 {
        let done = if args.dry_run { "would remove" } else { "removed" };
        print_line(format!("{done} {removed} objects left by killed tests"));
    }
    Ok(())
}

struct Sweeper {
    dry_run: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    id: String,
    #[serde(default)]
    names: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Volumes {
    volumes: Option<Vec<Named>>,
}

impl Sweeper {
    fn sweep(&self, endpoint: &Address) -> Result<usize> {
        let engine = Client::new(endpoint.clone())?;
        let mut removed = 0;
        for container in engine.get("/containers/json?all=1")?.json::<Vec<Container>>()? {
            let names = container.names.unwrap_or_default();
            if let Some(name) = names.iter().find(|name| is_leftover(name)) {
                removed +=
                    self.remove(&engine, name, &format!("/containers/{}?force=1&v=1", container.id))?;
            }
        }
        for network in engine.get("/networks")?.json::<Vec<Named>>()? {
            if is_leftover(&network.name) {
                removed += self.remove(&engine, &network.name, &format!("/networks/{}", network.name))?;
            }
        }
        for volume in engine.get("/volumes")?.json::<Volumes>()?.volumes.unwrap_or_default() {
            if is_leftover(&volume.name) {
                removed +=
                    self.remove(&engine, &volume.name, &format!("/volumes/{}?force=1", volume.name))?;
            }
        }
        Ok(removed)
    }

    fn remove(&self, engine: &Client, name: &str, path: &str) -> Result<usize> {
        if self.dry_run {
            print_line(format!("{}: {name}", engine.address()));
        } else {
            engine.delete(path)?;
        }
        Ok(1)
    }

    /// On Podman the port forwarding of a container that ended together with its monitor remains in the firewall, and
    /// takes the port from the next container that publishes it. Only rules of tests' networks are removed.
    fn sweep_port_forwardings(&self) -> Result<usize> {
        if !process::is_root() || process::find("iptables").is_none() {
            return Ok(0);
        }
        let rules = program("iptables").args(["-w", "-t", "nat", "-S"]).read()?;
        let mut removed = 0;
        for rule in rules.lines().filter_map(Forwarding::parse).filter(|rule| is_leftover(&rule.network)) {
            if self.dry_run {
                print_line(format!("iptables: {}", rule.network));
                removed += 1;
            } else {
                let deleted = program("iptables").args(["-w", "-t", "nat", "-D"]).args(&rule.words).run();
                removed += usize::from(deleted.is_ok());
            }
        }
        Ok(removed)
    }
}

/// A rule by which netavark forwards a host's port.
#[derive(Debug, PartialEq, Eq)]
struct Forwarding {
    network: String,
    words: Vec<String>,
}

impl Forwarding {
    /// Reads a line of `iptables -S`: `-A NETAVARK-HOSTPORT-DNAT ... --comment "dnat name: NETWORK id: CONTAINER"`.
    fn parse(line: &str) -> Option<Self> {
        let rule = line.strip_prefix("-A ").filter(|rule| rule.starts_with("NETAVARK-HOSTPORT-DNAT "))?;
        let words = quoted_words(rule);
        let comment = words.iter().find(|word| word.starts_with("dnat name: "))?;
        let (network, id) = comment.strip_prefix("dnat name: ")?.split_once(" id: ")?;
        let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| Self { network: network.to_owned(), words: words.clone() })
    }
}

/// Words separated by spaces, which may be in double quotes.
fn quoted_words(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    let words = parts.flat_map(|(at, part)| match at % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

/// Whether an object belongs to a test whose process has ended.
fn is_leftover(name: &str) -> bool {
    process_of(name).is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists())
}

/// The process that created an object of this name, if a test did.
fn process_of(name: &str) -> Option<u32> {
    let words = name.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_'));
    words.flat_map(|word| word.match_indices('d').map(move |(at, _)| (word, at))).find_map(|(word, at)| {
        let begins = at == 0 || word[..at].ends_with('-');
        let rest = PREFIXES.iter().find_map(|prefix| word[at..].strip_prefix(prefix)).filter(|_| begins)?;
        let (number, _) = rest.split_once('-')?;
        number.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_identified_by_the_number_in_its_objects_names() {
        assert_eq!(process_of("/devarch-cli4242-shop-web"), Some(4242));
        assert_eq!(process_of("dvt-17-volume"), Some(17));
        assert_eq!(process_of("devarch-devarch-cli42-a"), Some(42));
        assert_eq!(process_of("devarch-shop-web"), None);
        assert_eq!(process_of("mydvt-17-volume"), None);
        assert_eq!(process_of("dvt-17"), None);
        assert_eq!(process_of("dvt--17"), None);
    }

    #[test]
    fn objects_of_living_processes_are_kept() {
        assert!(!is_leftover(&format!("dvt-{}-a", std::process::id())));
        // No process has a number above the kernel's limit.
        assert!(is_leftover("dvt-4194305-a"));
    }

    #[test]
    fn a_port_forwarding_is_identified_by_its_comment() {
        let id = "ab".repeat(32);
        let line = format!(
            "-A NETAVARK-HOSTPORT-DNAT -p tcp -m comment --comment \"dnat name: dvt-1-net id: {id}\" -j NETAVARK-DN-1"
        );
        let rule = Forwarding::parse(&line).unwrap();
        assert_eq!(rule.network, "dvt-1-net");
        let comment = format!("dnat name: dvt-1-net id: {id}");
        assert!(rule.words.contains(&comment) && rule.words.starts_with(&["NETAVARK-HOSTPORT-DNAT".into()]));
        assert_eq!(Forwarding::parse("-A DOCKER -p tcp -j DNAT"), None);
    }
}
