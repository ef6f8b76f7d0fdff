//! The store's interface: stacks, and what is known of them. Its locks are in [`crate::lock`], the journal of applies
//! in [`crate::journal`].

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

/// No stack has this id: nothing is left out.
const NONE: &str = "";

/// The truth, as one machine sees it. Clones share their connections.
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
    /// Opens the database, making or migrating its schema where needed. `host` is this machine's identity: host ports
    /// and subnets are unique for each. `key_file` has the key of its secrets; it is read when they are.
    pub async fn open(url: &StoreUrl, host: &str, key_file: &Path) -> Result<Self> {
        let vault = Vault::at(key_file);
        let database = match url {
            StoreUrl::Sqlite(path) => sqlite::open(path, vault).await?,
            StoreUrl::Postgres(url) => postgres::open(url, vault).await?,
        };
        Ok(Self { database, host: host.into() })
    }

    /// Closes the connections, once what is under way has ended.
    pub async fn close(self) {
        self.database.close().await;
    }

    /// Who this store is; made where it was never asked before, and with it the key of its secrets.
    pub async fn identity(&self) -> Result<StoreIdentity> {
        identity::get(&self.database).await
    }

    /// The names of all stacks, sorted.
    pub async fn stack_names(&self) -> Result<Vec<StackName>> {
        let mut tx = self.database.read().await?;
        let found = stacks::names(&mut tx).await;
        tx.end(found).await
    }

    /// The names of the stacks that were made from a project's directory, sorted.
    pub async fn stack_names_in(&self, project: &str) -> Result<Vec<StackName>> {
        let mut tx = self.database.read().await?;
        let found = stacks::names_in(&mut tx, project).await;
        tx.end(found).await
    }

    /// The stack of that name, with the host ports it has on this machine.
    pub async fn stack(&self, name: &StackName) -> Result<Option<Stack>> {
        let mut tx = self.database.read().await?;
        let found = load::one(&mut tx, &self.host, name).await;
        tx.end(found).await
    }

    /// All stacks by name; instances of one template share its body.
    pub async fn stacks(&self) -> Result<Vec<Stack>> {
        let mut tx = self.database.read().await?;
        let found = load::all(&mut tx, &self.host).await;
        tx.end(found).await
    }

    /// What stacks say about their wires that lead to instances of that stack, by their names.
    pub async fn wirings_to(&self, stack: &StackName) -> Result<Vec<(StackName, Wiring)>> {
        let mut tx = self.database.read().await?;
        let found = wirings::leading_to(&mut tx, stack).await;
        tx.end(found).await
    }

    /// Adds a stack as it is, revision and engine included.
    pub async fn create_stack(&self, stack: &Stack) -> Result<()> {
        let mut tx = self.database.edit().await?;
        let done = edit::create(&mut tx, &self.host, stack).await;
        tx.end(done).await
    }

    /// Saves an edit: the difference between the stack as it was read and as it shall be. Returns its new revision;
    /// an edit that changes nothing writes nothing and leaves it as it is.
    ///
    /// Volumes it lets go of are remembered if the stack lives on an engine, as `let_go` says.
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

    /// Removes a stack, as it was read, with all that is known of it but its volumes: they become kept volumes if it
    /// lives on an engine, as `let_go` says.
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

    /// Writes where a stack lives, as far as it is given: its engine, and the addresses of its network, which no other
    /// stack has then. Not an edit: the revision stays.
    ///
    /// # Errors
    ///
    /// [`crate::StackError::Taken`] where another stack has some of the addresses.
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

    /// The volumes that stayed on engines when their stack or instance was removed.
    pub async fn kept_volumes(&self) -> Result<Vec<KeptVolume>> {
        let mut tx = self.database.read().await?;
        let found = kept::load(&mut tx).await;
        tx.end(found).await
    }

    /// Remembers volumes that nobody uses, with the values that belong to their data.
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

    /// Forgets kept volumes, and the values that belong to their data: instances have them again.
    pub async fn forget_kept_volumes(&self, engine: &EngineId, volumes: &[&PhysicalVolume]) -> Result<()> {
        if volumes.is_empty() {
            return Ok(());
        }
        let mut tx = self.database.write().await?;
        let done = kept::forget_all(&mut tx, engine, volumes).await;
        tx.end(done).await
    }

    /// The host ports that instances have on this machine.
    pub async fn host_ports(&self) -> Result<Vec<PortReservation>> {
        let mut tx = self.database.read().await?;
        let found = ports::reservations(&mut tx, &self.host, NONE).await;
        tx.end(found).await
    }

    /// The subnets that stacks have on this machine.
    pub async fn subnets(&self) -> Result<Vec<(StackName, Ipv4Net)>> {
        let mut tx = self.database.read().await?;
        let found = stacks::subnets(&mut tx, &self.host, NONE).await;
        tx.end(found).await
    }

    /// What was applied of a stack's instances, of each the newest first; also of instances that were removed since:
    /// their containers are still this store's to remove.
    pub async fn applied(&self, stack: &StackId) -> Result<BTreeMap<InstanceId, Vec<Applied>>> {
        let mut tx = self.database.read().await?;
        let found = applied::load(&mut tx, stack).await;
        tx.end(found).await
    }

    /// Remembers what is being applied of an instance, as its newest. What was applied of it with another hash stays
    /// remembered: its container may be kept, or may have to run again.
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

    /// Forgets what was applied of instances with any other hash: no container but that one is left of each.
    pub async fn settle_applied(&self, stack: &StackId, made: &[(&InstanceId, &str)]) -> Result<()> {
        let mut tx = self.database.write().await?;
        let done = applied::settle(&mut tx, stack, made).await;
        tx.end(done).await
    }

    /// Remembers that an instance's containers were removed, as it was wanted; what they were made from, and with which
    /// volumes, stays known.
    pub async fn mark_removed(&self, stack: &StackId, instance: &InstanceId) -> Result<()> {
        let mut tx = self.database.write().await?;
        let done = applied::removed(&mut tx, stack, instance).await;
        tx.end(done).await
    }
}
