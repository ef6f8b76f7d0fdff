//! The host ports of instances, per host. Table `ports`.

use crate::db::{Result, Tx, Unreadable, execute, fetch};
use devarch_core::{
    name::{InstanceName, StackName},
    port::{HostBinding, HostSocket, PortKey, Protocol},
};

/// A host port that belongs to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortReservation {
    /// Its address and port on the host.
    pub socket: HostSocket,
    /// The stack.
    pub stack: StackName,
    /// The instance.
    pub instance: InstanceName,
    /// The port in its container.
    pub key: PortKey,
}

/// One row of this host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub(crate) struct PortRow {
    pub(crate) instance_id: String,
    target: i64,
    protocol: String,
    host_ip: String,
    host_port: i64,
}

impl PortRow {
    pub(crate) fn of(instance: &str, key: PortKey, host: HostBinding) -> Self {
        Self {
            instance_id: instance.to_owned(),
            target: i64::from(key.target),
            protocol: key.protocol.as_str().to_owned(),
            host_ip: host.host_ip.to_string(),
            host_port: i64::from(host.host_port),
        }
    }

    pub(crate) fn read(&self) -> std::result::Result<(PortKey, HostBinding), Unreadable> {
        let key = PortKey { target: self.target.try_into()?, protocol: protocol_of(&self.protocol)? };
        let host = HostBinding { host_ip: self.host_ip.parse()?, host_port: self.host_port.try_into()? };
        Ok((key, host))
    }
}

fn protocol_of(word: &str) -> std::result::Result<Protocol, Unreadable> {
    [Protocol::Tcp, Protocol::Udp]
        .into_iter()
        .find(|protocol| protocol.as_str() == word)
        .ok_or_else(|| format!("{word:?} is not a protocol").into())
}

/// Loads this host's rows of one stack, or of all.
pub(crate) async fn load(tx: &mut Tx, host: &str, stack: Option<&str>) -> Result<Vec<PortRow>> {
    match stack {
        None => fetch!(tx, "SELECT * FROM ports WHERE host = $1", host),
        Some(stack) => fetch!(
            tx,
            "SELECT p.* FROM ports p JOIN instances i ON i.id = p.instance_id \
             WHERE p.host = $1 AND i.stack_id = $2",
            host,
            stack
        ),
    }
}

#[derive(sqlx::FromRow)]
struct OwnedPort {
    #[sqlx(flatten)]
    port: PortRow,
    stack: String,
    instance: String,
}

/// Returns all reservations of this host, except those of one stack.
pub(crate) async fn reservations(tx: &mut Tx, host: &str, except: &str) -> Result<Vec<PortReservation>> {
    let rows: Vec<OwnedPort> = fetch!(
        tx,
        "SELECT p.*, s.name AS stack, i.name AS instance \
         FROM ports p JOIN instances i ON i.id = p.instance_id JOIN stacks s ON s.id = i.stack_id \
         WHERE p.host = $1 AND s.id <> $2 ORDER BY p.host_port, p.host_ip, p.protocol",
        host,
        except
    )?;
    let parsed: std::result::Result<_, Unreadable> = rows
        .into_iter()
        .map(|row| {
            let (key, binding) = row.port.read()?;
            Ok(PortReservation {
                socket: binding.socket(key.protocol),
                stack: row.stack.parse()?,
                instance: row.instance.parse()?,
                key,
            })
        })
        .collect();
    parsed.map_err(|error| tx.damaged(error))
}

/// Inserts a row.
pub(crate) async fn insert(tx: &mut Tx, host: &str, row: &PortRow) -> Result<()> {
    execute!(
        tx,
        "INSERT INTO ports (instance_id, host, target, protocol, host_ip, host_port) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        &row.instance_id,
        host,
        row.target,
        &row.protocol,
        &row.host_ip,
        row.host_port,
    )?;
    Ok(())
}

/// Deletes a row.
pub(crate) async fn delete(tx: &mut Tx, host: &str, row: &PortRow) -> Result<()> {
    execute!(
        tx,
        "DELETE FROM ports WHERE instance_id = $1 AND host = $2 AND target = $3 AND protocol = $4",
        &row.instance_id,
        host,
        row.target,
        &row.protocol,
    )?;
    Ok(())
}
