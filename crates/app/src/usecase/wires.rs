//! Wires that a stack declares: added and removed.

use crate::{
    Context, OperationError,
    context::find_stack,
    editing::edit::edit_stack,
    error::{DefinitionError, Elsewhere},
    planning::{links::linked_instances, wiring::wired_with},
};
use devarch_core::{
    diagnostic::{Problem, Severity},
    name::StackName,
    resolve::{LinkedInstances, PreviousWiring},
    stack::Stack,
    wire::{WireDecl, WireFrom},
};

/// Adds a wire to a stack's declaration. Fails if it is not possible.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
pub async fn add_wire(ctx: &Context, stack: &StackName, wire: &WireDecl) -> Result<Stack, OperationError> {
    let mut with = find_stack(ctx, stack).await?;
    with.wiring.wires.push(wire.clone());
    with.wiring.name_own(stack);
    let others = linked_instances(ctx, &with).await?;
    let add = |stack: &mut Stack| {
        let field = format!("wires[{}]", stack.wiring.wires.len());
        stack.wiring.wires.push(wire.clone());
        let name = stack.name.clone();
        stack.wiring.name_own(&name);
        let problems = wrong(stack, &field, &others);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(DefinitionError::Wire { wire: wire.to_string(), problems }.into())
        }
    };
    Ok(edit_stack(ctx, stack, add).await?.1)
}

/// Removes the wire of an import, or the only wire of an instance if no import is given.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
pub async fn remove_wire(
    ctx: &Context,
    stack: &StackName,
    from: &WireFrom,
) -> Result<WireDecl, OperationError> {
    let remove = |stack: &mut Stack| {
        let at = position(stack, from)?;
        stack.wiring.wires.remove(at);
        Ok(())
    };
    let (mut before, _) = edit_stack(ctx, stack, remove).await?;
    let at = position(&before, from)?;
    Ok(before.wiring.wires.swap_remove(at))
}

/// Returns the problems with an entry of `wires`.
fn wrong(stack: &Stack, field: &str, others: &LinkedInstances) -> Vec<Problem> {
    let found = wired_with(stack, &PreviousWiring::new(), others).resolution.findings;
    let of_entry = found.into_iter().filter(|finding| {
        finding.severity == Severity::Error && finding.problem.field.as_str().starts_with(field)
    });
    of_entry.map(|finding| finding.problem).collect()
}

fn position(stack: &Stack, from: &WireFrom) -> Result<usize, OperationError> {
    let wires = &stack.wiring.wires;
    if let Some(at) = wires.iter().position(|wire| wire.from == *from) {
        return Ok(at);
    }
    let same = |wire: &WireDecl| wire.from.instance == from.instance && from.import.is_none();
    let fitting: Vec<usize> = (0..wires.len()).filter(|at| same(&wires[*at])).collect();
    match fitting.as_slice() {
        [at] => Ok(*at),
        _ => Err(Elsewhere::Wire {
            stack: stack.name.clone(),
            from: from.clone(),
            wires: wires.iter().map(ToString::to_string).collect(),
        }
        .into()),
    }
}
