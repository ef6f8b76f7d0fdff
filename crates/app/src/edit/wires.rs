//! Wires a stack makes itself: added and removed.

use crate::{App, AppError, wiring::wired_with};
use devarch_core::{
    diagnostic::{Problem, Severity},
    name::StackName,
    resolve::{Others, Prior},
    stack::Stack,
    wire::{WireDecl, WireFrom},
};

impl App {
    /// Adds a wire to what a stack says. One that can't be is refused.
    pub async fn add_wire(&self, stack: &StackName, wire: &WireDecl) -> Result<Stack, AppError> {
        let mut with = self.stack(stack).await?;
        with.wiring.wires.push(wire.clone());
        with.wiring.name_own(stack);
        let others = self.others(&with).await?;
        let add = |stack: &mut Stack| {
            let field = format!("wires[{}]", stack.wiring.wires.len());
            stack.wiring.wires.push(wire.clone());
            let name = stack.name.clone();
            stack.wiring.name_own(&name);
            let problems = wrong(stack, &field, &others);
            if problems.is_empty() {
                Ok(())
            } else {
                Err(AppError::BadWire { wire: wire.to_string(), problems })
            }
        };
        Ok(self.edit(stack, add).await?.1)
    }

    /// Removes the wire of an import; where only the instance is named, its only one.
    pub async fn remove_wire(&self, stack: &StackName, from: &WireFrom) -> Result<WireDecl, AppError> {
        let remove = |stack: &mut Stack| {
            let at = position(stack, from)?;
            stack.wiring.wires.remove(at);
            Ok(())
        };
        let (mut before, _) = self.edit(stack, remove).await?;
        let at = position(&before, from)?;
        Ok(before.wiring.wires.swap_remove(at))
    }
}

/// What is wrong with an entry of `wires`.
fn wrong(stack: &Stack, field: &str, others: &Others) -> Vec<Problem> {
    let found = wired_with(stack, &Prior::new(), others).resolution.findings;
    let of_entry = found
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error && finding.problem.field.starts_with(field));
    of_entry.map(|finding| finding.problem).collect()
}

fn position(stack: &Stack, from: &WireFrom) -> Result<usize, AppError> {
    let wires = &stack.wiring.wires;
    if let Some(at) = wires.iter().position(|wire| wire.from == *from) {
        return Ok(at);
    }
    let same = |wire: &WireDecl| wire.from.instance == from.instance && from.import.is_none();
    let fitting: Vec<usize> = (0..wires.len()).filter(|at| same(&wires[*at])).collect();
    match fitting.as_slice() {
        [at] => Ok(*at),
        _ => Err(AppError::Refused(format!(
            "stack '{}' has no wire from {from} of its own; {}",
            stack.name,
            if wires.is_empty() {
                "it makes none itself (`devarch wire list` shows those DevArch makes)".to_owned()
            } else {
                let all: Vec<String> = wires.iter().map(ToString::to_string).collect();
                format!("it has {}", all.join(", "))
            }
        ))),
    }
}
