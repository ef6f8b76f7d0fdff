//! The wiring of stacks. Table `wirings`.

use crate::{
    db::{Result, Tx, execute, fetch},
    stored::{self, At},
};
use devarch_core::{name::StackName, secret::Stored, stack::Stack, wire::Wiring};
use std::collections::HashMap;

#[derive(sqlx::FromRow)]
struct Row {
    stack_id: String,
    said: String,
    sealed: Option<Vec<u8>>,
}

fn at<'a>(row: &'a [&'a str; 1]) -> At<'a> {
    At { table: "wirings", row }
}

/// Loads the wiring of one stack, or of all, by stack id.
pub(crate) async fn load(tx: &mut Tx, stack: Option<&str>) -> Result<HashMap<String, Wiring>> {
    let rows: Vec<Row> = match stack {
        None => fetch!(tx, "SELECT * FROM wirings")?,
        Some(stack) => fetch!(tx, "SELECT * FROM wirings WHERE stack_id = $1", stack)?,
    };
    let mut all = HashMap::with_capacity(rows.len());
    for Row { stack_id, said, sealed } in rows {
        let stored = stored::open(tx, at(&[&stack_id]), said, sealed).await?;
        let wiring = stored.read().map_err(|error| tx.damaged(error.into()))?;
        all.insert(stack_id, wiring);
    }
    Ok(all)
}

/// Returns the wirings of stacks with a wire to an instance of that one, by stack name.
pub(crate) async fn leading_to(tx: &mut Tx, stack: &StackName) -> Result<Vec<(StackName, Wiring)>> {
    let pattern = format!("%\"to\":\"{stack}/%");
    let rows: Vec<(String, String)> = fetch!(
        tx,
        "SELECT s.id, s.name FROM stacks s JOIN wirings w ON w.stack_id = s.id WHERE w.said LIKE $1 ORDER BY s.name",
        pattern,
    )?;
    let mut found = Vec::with_capacity(rows.len());
    for (id, name) in rows {
        if let Some(wiring) = load(tx, Some(&id)).await?.remove(&id) {
            found
                .push((name.parse().map_err(|_| tx.damaged(format!("stack name {name:?}").into()))?, wiring));
        }
    }
    Ok(found)
}

/// Writes a stack's wiring.
pub(crate) async fn write(tx: &mut Tx, stack: &Stack) -> Result<()> {
    if stack.wiring.is_empty() {
        execute!(tx, "DELETE FROM wirings WHERE stack_id = $1", stack.id.as_str())?;
        return Ok(());
    }
    let Stored { open, secret } = Stored::from_definition(&stack.wiring)?;
    let called = format!("the wires of stack '{}'", stack.name);
    let sealed = stored::seal(tx, at(&[stack.id.as_str()]), &secret, &called).await?;
    execute!(
        tx,
        "INSERT INTO wirings (stack_id, said, sealed) VALUES ($1, $2, $3) \
         ON CONFLICT (stack_id) DO UPDATE SET said = $2, sealed = $3",
        stack.id.as_str(),
        open,
        sealed,
    )?;
    Ok(())
}
