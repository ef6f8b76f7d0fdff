//! The store's interface to stacks and their state. Locks are in [`crate::lock`], the journal of applies in
//! [`crate::journal`].

use crate::{
    applied::{self, Applied},
    contents,
    db::{Database, Result},
    edit,
    identity::{self, StoreIdentity},
    kept::{self, KeptVolume, LetGo},
    load,
    ports::{self, PortReservation},
    postgres, sqlite, stacks,
    url::StoreUrl,
    vault::Vault,
    wirings,
};
use devarch_core::{
    engine::EngineBinding,
    id::{EngineId, InstanceId, StackId},
    name::{PhysicalVolume, StackName},
    stack::Stack,
    wire::Wiring,
};
use ipnet::Ipv4Net;
use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

/// No stack has this id, so nothing is excluded.
const NONE: &str = "";

/// The source of truth as seen by one machine. Clones share their connections.
#[derive(Clone)]
pub struct Store {
    pub(crate) database: Database,
    host: Arc<str>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({} on {})", self.database.place, self.host)
    }
}

impl Store {
    /// Opens the database, creating or migrating its schema if needed. `host` is this machine's identity: host ports
    /// and subnets are unique per host. `key_file` contains the key of its secrets, and is read when they are.
    pub async fn open(url: &StoreUrl, host: &str, key_file: &Path) -> Result<Self> {
        let vault = Vault::at(key_file);
        let database = match url {
            StoreUrl::Sqlite(path) => sqlite::open(path, vault).await?,
            StoreUrl::Postgres(url) => postgres::open(url, vault).await?,
        };
        Ok(Self { database, host: host.into() })
    }

    /// Closes the connections once running operations have ended.
    pub async fn close(self) {
        self.database.close().await;
    }

    /// Returns the store's identity; the first call creates it, with the key of its secrets.
    pub async fn identity(&self) -> Result<StoreIdentity> {
        identity::get(&self.database).await
    }

    /// Returns the names of all stacks, sorted.
    pub async fn stack_names(&self) -> Result<Vec<StackName>> {
        let mut tx = self.database.read().await?;
        let found = stacks::names(&mut tx).await;
        tx.end(found).await
    }

    /// Returns the names of stacks that were created from a project's directory, sorted.
    pub async fn stack_names_in(&self, project: &str) -> Result<Vec<StackName>> {
        let mut tx = self.database.read().await?;
        let found = stacks::names_in(&mut tx, project).await;
        tx.end(found).await
    }

    /// Returns the stack with this name, with its host ports on this machine.
    pub async fn stack(&self, name: &StackName) -> Result<Option<Stack>> {
        let mut tx = self.database.read().await?;
        let found = load::one(&mut tx, &self.host, name).await;
        tx.end(found).await
    }

    /// Returns all stacks by name; instances of one template share its body.
    pub async fn stacks(&self) -> Result<Vec<Stack>> {
        let mut tx = self.database.read().await?;
        let found = load::all(&mut tx, &self.host).await;
        tx.end(found).await
    }

    /// Returns the wirings of stacks with a wire to an instance of that stack, by stack name.
    pub async fn wirings_to(&self, stack: &StackName) -> Result<Vec<(StackName, Wiring)>> {
        let mut tx = self.database.read().await?;
        let found = wirings::leading_to(&mut tx, stack).await;
        tx.end(found).await
    }

    /// Inserts a stack as it is, including revision and engine.
    pub async fn create_stack(&self, stack: &Stack) -> Result<()> {
        let mut tx = self.database.edit().await?;
        let done = edit::create(&mut tx, &self.host, stack).await;
        tx.end(done).await
    }

    /// Saves an edit: the difference between the stack as it was read and as it should be. Returns its new revision;
    /// an edit that changes nothing writes nothing and keeps the revision.
    ///
    /// If the stack has an engine, volumes it lets go of are recorded according to `let_go`.
    pub async fn save_stack(&self, before: &Stack, after: &Stack, let_go: &LetGo) -> Result<i64> {
        if before == after {
            return Ok(before.revision);
        }
        let may_end = !before.contents().is_subset(&after.contents());
        let mut tx = self.database.edit().await?;
        let saved = async {
            let revision = edit::save(&mut tx, &self.host, before, after, let_go).await?;
            Ok((revision, may_end && contents::sweep(&mut tx).await?))
        };
        let saved = saved.await;
        let (revision, swept) = tx.end(saved).await?;
        if swept {
            contents::give_back(&self.database).await;
        }
        Ok(revision)
    }

    /// Deletes a stack, as it was read, with everything recorded about it except its volumes: if it has an engine,
    /// they become kept volumes according to `let_go`.
    pub async fn delete_stack(&self, stack: &Stack, let_go: &LetGo) -> Result<()> {
        let mut tx = self.database.edit().await?;
        let deleted = async {
            edit::delete(&mut tx, stack, let_go).await?;
            contents::sweep(&mut tx).await
        };
        let deleted = deleted.await;
        if tx.end(deleted).await? {
            contents::give_back(&self.database).await;
        }
        Ok(())
    }

    /// Records a stack's engine and its network's subnet, as far as given, which reserves the subnet for it. Not an
    /// edit: the revision is unchanged.
    ///
    /// # Errors
    ///
    /// [`crate::StackError::Taken`] if another stack has some of the addresses.
    pub async fn bind_stack(
        &self,
        stack: &StackId,
        engine: Option<&EngineBinding>,
        subnet: Option<Ipv4Net>,
    ) -> Result<()> {
        let mut tx = self.database.edit().await?;
        let done = edit::bind(&mut tx, &self.host, stack, engine, subnet).await;
        tx.end(done).await
    }

    /// Returns the volumes that were kept on engines when their stack or instance was deleted.
    pub async fn kept_volumes(&self) -> Result<Vec<KeptVolume>> {
        let mut tx = self.database.read().await?;
        let found = kept::load(&mut tx).await;
        tx.end(found).await
    }

    /// Records unused volumes, with the values that belong to their data.
    pub async fn keep_volumes(&self, volumes: &[KeptVolume]) -> Result<()> {
        let mut tx = self.database.edit().await?;
        let mut done = Ok(());
        for volume in volumes {
            done = kept::insert(&mut tx, &volume.row(), Some(&volume.values)).await;
            if done.is_err() {
                break;
            }
        }
        tx.end(done).await
    }

    /// Deletes the records of kept volumes and their values: instances use them again.
    pub async fn forget_kept_volumes(&self, engine: &EngineId, volumes: &[&PhysicalVolume]) -> Result<()> {
        if volumes.is_empty() {
            return Ok(());
        }
        let mut tx = self.database.write().await?;
        let done = kept::forget_all(&mut tx, engine, volumes).await;
        tx.end(done).await
    }

    /// Returns the host ports of instances on this machine.
    pub async fn host_ports(&self) -> Result<Vec<PortReservation>> {
        let mut tx = self.database.read().await?;
        let found = ports::reservations(&mut tx, &self.host, NONE).await;
        tx.end(found).await
    }

    /// Returns the subnets of stacks on this machine.
    pub async fn subnets(&self) -> Result<Vec<(StackName, Ipv4Net)>> {
        let mut tx = self.database.read().await?;
        let found = stacks::subnets(&mut tx, &self.host, NONE).await;
        tx.end(found).await
    }

    /// Returns the applied states of a stack's instances, newest first per instance; also of deleted instances,
    /// because this store still has to remove their containers.
    pub async fn applied(&self, stack: &StackId) -> Result<BTreeMap<InstanceId, Vec<Applied>>> {
        let mut tx = self.database.read().await?;
        let found = applied::load(&mut tx, stack).await;
        tx.end(found).await
    }

    /// Records what is being applied to an instance as its newest state. States with other hashes are kept: their
    /// containers may remain, or may have to run again.
    pub async fn record_applied(
        &self,
        stack: &StackId,
        instance: &InstanceId,
        applied: &Applied,
    ) -> Result<()> {
        let mut tx = self.database.write().await?;
        let done = applied::record(&mut tx, stack, instance, applied).await;
        tx.end(done).await
    }

    /// Deletes the applied states of instances with any other hash: only this container of each is left.
    pub async fn settle_applied(&self, stack: &StackId, made: &[(&InstanceId, &str)]) -> Result<()> {
        let mut tx = self.database.write().await?;
        let done = applied::settle(&mut tx, stack, made).await;
        tx.end(done).await
    }

    /// Records that an instance's containers were removed on purpose; their specs and volumes are kept.
    pub async fn mark_removed(&self, stack: &StackId, instance: &InstanceId) -> Result<()> {
        let mut tx = self.database.write().await?;
        let done = applied::removed(&mut tx, stack, instance).await;
        tx.end(done).await
    }
}
