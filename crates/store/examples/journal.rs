//! For `scripts/bench`: all store operations for locking and journalling an apply, in sequence, without an engine, in a
//! separate process.
//!
//!     journal URL NAME INSTANCES   a stack with this name, and the journal of an apply that creates its instances

use devarch_core::{
    id::{ApplyId, EngineId, ImageId, InstanceId, StackId},
    plan::SpecState,
    secret::{Sealable, Stored},
    stack::Stack,
};
use devarch_store::{Applied, Apply, ApplyOutcome, Author, LockOwner, Store};
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    error::Error,
    path::Path,
    process::ExitCode,
    time::Duration,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A step that creates, one that starts and one that waits.
const STEPS_OF_AN_INSTANCE: u32 = 3;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        [url, name, instances] => journal(url, name, instances).await,
        _ => Err("usage: journal URL NAME INSTANCES".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(error.as_ref()),
    }
}

#[expect(clippy::print_stderr, reason = "it is a program")]
fn complain(error: &dyn Error) -> ExitCode {
    eprintln!("journal: {error}");
    ExitCode::FAILURE
}

async fn journal(url: &str, name: &str, instances: &str) -> Result<()> {
    let (store, instances) = (open(url).await?, instances.parse::<u32>()?);
    let stack = stack(name)?;
    store.create_stack(&stack).await?;
    let author = Author { user: "bench".to_owned(), host: "bench".to_owned(), pid: std::process::id() };
    let owner = LockOwner { operation: "apply".to_owned(), author: author.clone(), since: 0 };
    let lock = store.lock(&stack.id, &owner, Duration::ZERO, None, &|_| ()).await?;
    let apply = apply(&stack.id, author);
    store.begin_apply(&lock, &apply).await?;
    for step in 0..=instances * STEPS_OF_AN_INSTANCE {
        store.step_begun(&lock, &apply.id, step, 1).await?;
        if step % STEPS_OF_AN_INSTANCE == 1 {
            store.record_applied(&stack.id, &InstanceId::new(step.to_string()), &applied()).await?;
        }
        store.step_ended(&lock, &apply.id, step, 2, None).await?;
    }
    store.commit_apply(&lock, &apply.id, 3).await?;
    store.end_apply(&lock, &apply.id, ApplyOutcome::Succeeded, 4, None).await?;
    lock.release().await?;
    store.close().await;
    Ok(())
}

/// The key file is in the working directory and is never created: nothing in this store is secret.
async fn open(url: &str) -> Result<Store> {
    Ok(Store::open(&url.parse()?, "bench", Path::new("secret.key")).await?)
}

fn stack(name: &str) -> Result<Stack> {
    Ok(Stack {
        id: StackId::new(name),
        name: name.parse()?,
        project: None,
        enabled: true,
        revision: 1,
        engine: None,
        subnet: None,
        imported: None,
        allow: BTreeSet::new(),
        secrets: BTreeMap::new(),
        wiring: devarch_core::wire::Wiring::default(),
        instances: BTreeMap::new(),
    })
}

fn apply(stack: &StackId, author: Author) -> Apply {
    Apply {
        id: ApplyId::new(stack.as_str()),
        stack: stack.clone(),
        engine: EngineId::new("bench"),
        plan: None,
        author,
        command: "apply".to_owned(),
        started_at: 0,
        committed_at: None,
        ended_at: None,
        outcome: ApplyOutcome::Running,
        resumes: None,
        before: "{}".to_owned(),
        shown: "{}".to_owned(),
        definition: Stored { open: "{}".to_owned(), secret: Sealable::Nothing },
        error: None,
    }
}

/// Roughly the state of a small container.
fn applied() -> Applied {
    Applied {
        engine_id: EngineId::new("bench"),
        hash: "1:bench".to_owned(),
        form: 1,
        spec: Stored { open: " ".repeat(500), secret: Sealable::Nothing },
        image_id: Some(ImageId::new("bench")),
        state: SpecState::Begun,
    }
}
