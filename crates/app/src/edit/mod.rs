//! Edits of a stack's definition: load, change, assign what DevArch chooses, check, save. None touches an engine.

mod assign;
mod fields;
mod import;
mod names;
mod rollback;
mod secrets;
mod stacks;
mod wires;

pub use fields::Target;
pub use import::{Draft, ImportSource};
pub use secrets::{SecretInfo, SecretUse};
pub(crate) use secrets::{no_such as no_such_secret, remade, uses};
pub use stacks::NewInstance;

use crate::{App, AppError, wiring::wired_with};
use assign::Reservations;
use devarch_core::{
    desired::effective,
    diagnostic::Problem,
    name::StackName,
    resolve::{Others, Prior, check_edit, check_stack},
    stack::Stack,
};
use devarch_store::{StoreError, TakenWhat};
use std::collections::BTreeMap;

/// How often an edit is made again when another came in between.
const ATTEMPTS: usize = 10;

impl App {
    /// Changes a stack and saves the result; made again from what the store then holds when another edit came in
    /// between. Returns the stack before and after.
    pub(crate) async fn edit(
        &self,
        name: &StackName,
        change: impl Fn(&mut Stack) -> Result<(), AppError>,
    ) -> Result<(Stack, Stack), AppError> {
        let mut attempt = 0;
        loop {
            let before = self.stack(name).await?;
            let mut after = before.clone();
            change(&mut after)?;
            self.complete(&mut after, name).await?;
            match self.save_edit(&before, &mut after).await {
                Ok(()) => return Ok((before, after)),
                Err(AppError::Store(error)) if attempt < ATTEMPTS && is_race(&error) => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Saves what was edited, and what belongs to the data of volumes it lets go of; `after` gets its new revision.
    pub(crate) async fn save_edit(&self, before: &Stack, after: &mut Stack) -> Result<(), AppError> {
        let let_go = Box::pin(self.let_go(before, after)).await?;
        let wipe = self.scrub_new_secrets(before, after).await?;
        after.revision = self.store.save_stack(before, after, &let_go).await?;
        self.wipe(wipe).await
    }

    /// Adds a stack.
    pub(crate) async fn add_stack(&self, mut stack: Stack) -> Result<Stack, AppError> {
        let mut attempt = 0;
        loop {
            let name = stack.name.clone();
            self.complete(&mut stack, &name).await?;
            match self.store.create_stack(&stack).await {
                Ok(()) => return Ok(stack),
                Err(error)
                    if attempt < ATTEMPTS
                        && matches!(&error, StoreError::Taken { what: TakenWhat::HostPort, .. }) =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives a changed stack what DevArch chooses, and refuses one that can't work. `known_as` is its name in the
    /// store: what it has there is its own, also while it is renamed.
    async fn complete(&self, stack: &mut Stack, known_as: &StackName) -> Result<(), AppError> {
        stack.container_names()?;
        let name = stack.name.clone();
        stack.wiring.name_own(&name);
        check(stack)?;
        secrets::seal(stack);
        secrets::generate(stack, &self.around)?;
        let reservations = Reservations::of_others(self.store.host_ports().await?, known_as);
        let range = (&self.store_id, self.settings.ports);
        assign::assign(stack, range, &reservations, self.around.host.as_ref())
            .map_err(|problems| AppError::PortsTaken { stack: stack.name.clone(), problems })
    }
}

/// Whether an edit lost a race that it wins when made again.
fn is_race(error: &StoreError) -> bool {
    matches!(error, StoreError::Changed { .. })
        || matches!(error, StoreError::Taken { what: TakenWhat::HostPort, .. })
}

/// What can be known to be wrong without an engine.
fn check(stack: &Stack) -> Result<(), AppError> {
    let mut problems: Vec<Problem> = stack
        .instances
        .iter()
        .flat_map(|(name, instance)| check_edit(name, &instance.template.template, &instance.overrides))
        .collect();
    problems.extend(check_stack(&effective(stack), &BTreeMap::new()));
    problems.extend(wired_with(stack, &Prior::new(), &Others::new()).bad_offers());
    if problems.is_empty() { Ok(()) } else { Err(AppError::Problems { stack: stack.name.clone(), problems }) }
}
