//! Facts about this machine: listening sockets and routed subnets. Linux only; on other systems nothing is known and
//! nothing is refused.

use devarch_core::{
    environment::Host,
    observed::Listener,
    port::{HostSocket, Protocol},
};
use ipnet::Ipv4Net;
use rustix::net::{AddressFamily, SocketType, bind, ipproto, socket};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// The machine this process runs on.
#[derive(Debug)]
pub(crate) struct ThisHost;

#[expect(clippy::disallowed_methods, reason = "this is the host that everything else is given")]
impl Host for ThisHost {
    fn process(&self) -> u32 {
        std::process::id()
    }

    fn is_free(&self, wanted: HostSocket) -> bool {
        is_free(wanted)
    }

    fn listeners(&self, wanted: &[HostSocket]) -> Vec<Listener> {
        listeners(wanted)
    }

    fn routes(&self) -> BTreeSet<Ipv4Net> {
        routes()
    }
}

/// Returns whether nothing listens on a socket: a bind without `SO_REUSEADDR` succeeds (the standard library's sets
/// it).
#[expect(clippy::disallowed_methods, reason = "the host that everything else is given")]
fn is_free(wanted: HostSocket) -> bool {
    let family = if wanted.ip.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let (kind, protocol) = match wanted.protocol {
        Protocol::Tcp => (SocketType::STREAM, ipproto::TCP),
        Protocol::Udp => (SocketType::DGRAM, ipproto::UDP),
    };
    let Ok(fd) = socket(family, kind, Some(protocol)) else { return true };
    !matches!(bind(&fd, &SocketAddr::new(wanted.ip, wanted.port)), Err(rustix::io::Errno::ADDRINUSE))
}

/// Returns those of the sockets that a process listens on, with the process if it is visible.
fn listeners(wanted: &[HostSocket]) -> Vec<Listener> {
    if wanted.is_empty() {
        // Reading the kernel's tables takes milliseconds.
        return Vec::new();
    }
    let mut found: Vec<(Listener, u64)> = Vec::new();
    for (file, protocol) in
        [("tcp", Protocol::Tcp), ("tcp6", Protocol::Tcp), ("udp", Protocol::Udp), ("udp6", Protocol::Udp)]
    {
        let table = fs::read_to_string(format!("/proc/net/{file}")).unwrap_or_default();
        for (ip, port, inode) in table.lines().skip(1).filter_map(|line| listening(line, protocol)) {
            let socket = HostSocket { ip, port, protocol };
            if wanted.iter().any(|wanted| wanted.overlaps(&socket)) {
                found.push((Listener { socket, process: None }, inode));
            }
        }
    }
    if !found.is_empty() {
        let owners = owners(&found.iter().map(|(_, inode)| *inode).collect());
        for (listener, inode) in &mut found {
            listener.process = owners.get(inode).cloned();
        }
    }
    found.into_iter().map(|(listener, _)| listener).collect()
}

/// Parses a line of `/proc/net/tcp` (proc(5)) of a listening socket: address, port, inode.
fn listening(line: &str, protocol: Protocol) -> Option<(IpAddr, u16, u64)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let listens = match protocol {
        Protocol::Tcp => *fields.get(3)? == "0A",
        Protocol::Udp => *fields.get(3)? == "07",
    };
    let (address, port) = fields.get(1)?.split_once(':')?;
    let inode = fields.get(9)?.parse().ok()?;
    listens.then_some((address_of(address)?, u16::from_str_radix(port, 16).ok()?, inode))
}

/// Parses an address as the kernel prints it: words in the machine's byte order.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    if hex.len() == 8 {
        return Some(IpAddr::V4(Ipv4Addr::from(word(0)?)));
    }
    let mut bytes = [0; 16];
    for part in 0..4 {
        bytes[part * 4..part * 4 + 4].copy_from_slice(&word(part * 8)?);
    }
    let ip = Ipv6Addr::from(bytes);
    Some(ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4))
}

/// Returns the processes that hold these sockets, as far as this user may see them: `nginx (pid 812)`.
fn owners(inodes: &BTreeSet<u64>) -> BTreeMap<u64, String> {
    let mut owners = BTreeMap::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        for fd in fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            let Ok(link) = fs::read_link(fd.path()) else { continue };
            let inode =
                link.to_str().and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
            if let Some(inode) = inode.filter(|inode| inodes.contains(inode)) {
                let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                owners.insert(inode, format!("{} (pid {pid})", name.trim()));
            }
        }
    }
    owners
}

/// Returns the subnets the host routes, without the default route.
fn routes() -> BTreeSet<Ipv4Net> {
    let table = fs::read_to_string("/proc/net/route").unwrap_or_default();
    let route = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| u32::from_str_radix(fields.get(at)?, 16).ok().map(u32::from_be);
        let (network, mask) = (number(1)?, number(7)?);
        let prefix = u8::try_from(mask.count_ones()).ok()?;
        if prefix == 0 { None } else { Ipv4Net::new(Ipv4Addr::from(network), prefix).ok() }
    };
    table.lines().skip(1).filter_map(route).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test listens itself")]
    fn a_port_with_a_listener_is_not_free_and_its_process_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let socket = HostSocket { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), port, protocol: Protocol::Tcp };
        assert!(!is_free(socket));
        let found = listeners(&[socket]);
        let pid = format!("(pid {})", std::process::id());
        assert!(found[0].process.as_ref().unwrap().contains(&pid), "{found:?}");
        drop(listener);
        assert!(is_free(socket));
    }

    #[test]
    fn the_kernels_tables_are_read_in_its_byte_order() {
        assert_eq!(address_of("0100007F"), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert_eq!(address_of("00000000000000000000000001000000"), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    }
}
