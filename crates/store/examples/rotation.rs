//! Measures how long it takes to rotate the key of many secrets, and to read them.
//!
//!     rotation URL KEY-FILE SECRETS   in a new stack of an empty database

use devarch_core::{
    id::{SecretId, StackId},
    secret::{KeptSecret, SecretName, SecretValue},
    stack::Stack,
};
use devarch_store::{LetGo, Store};
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    error::Error,
    path::Path,
    process::ExitCode,
    time::Instant,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        [url, key, secrets] => rotation(url, key, secrets).await,
        _ => Err("usage: rotation URL KEY-FILE SECRETS".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(error.as_ref()),
    }
}

#[expect(clippy::print_stderr, reason = "it is a program")]
fn complain(error: &dyn Error) -> ExitCode {
    eprintln!("rotation: {error}");
    ExitCode::FAILURE
}

#[expect(clippy::print_stdout, reason = "it is a program")]
async fn rotation(url: &str, key: &str, secrets: &str) -> Result<()> {
    let store = Store::open(&url.parse()?, "bench", Path::new(key)).await?;
    let stack = stack(secrets.parse()?)?;
    let begun = Instant::now();
    store.create_stack(&stack).await?;
    println!("written in {} ms", begun.elapsed().as_millis());
    let begun = Instant::now();
    let rotation = store.rotate_key().await?;
    println!("{} values rotated in {} ms", rotation.values, begun.elapsed().as_millis());
    let begun = Instant::now();
    let same = store.stack(&stack.name).await?.as_ref() == Some(&stack);
    println!("read in {} ms, {}", begun.elapsed().as_millis(), if same { "the same" } else { "DIFFERENT" });
    store.delete_stack(&stack, &LetGo::default()).await?;
    store.close().await;
    Ok(())
}

fn stack(secrets: u32) -> Result<Stack> {
    let secret = |number: u32| -> Result<(SecretName, KeptSecret)> {
        let id = SecretId::new(format!("bench-{number}"));
        let value = SecretValue::new(format!("a password of usual length {number}"));
        Ok((format!("SECRET_{number}").parse()?, KeptSecret { id, value, changed_at: 0 }))
    };
    Ok(Stack {
        id: StackId::new("bench"),
        name: "bench".parse()?,
        project: None,
        enabled: true,
        revision: 1,
        engine: None,
        subnet: None,
        imported: None,
        allow: BTreeSet::new(),
        wiring: devarch_core::wire::Wiring::default(),
        secrets: (0..secrets).map(secret).collect::<Result<BTreeMap<_, _>>>()?,
        instances: BTreeMap::new(),
    })
}
