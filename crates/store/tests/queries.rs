//! Counts the statements that loading takes. A separate binary, because the statements of a whole process are counted.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod sandbox;

use sandbox::{
    Sandbox,
    samples::{add, stack, stack_name},
    statements,
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One for each table: stacks, templates, instances, ports, volumes, secrets.
const TABLES: usize = 7;

/// Serializes the tests: creating and dropping databases takes statements too.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

mod sqlite {
    #[test]
    fn a_stack_of_200_instances_is_loaded_in_a_fixed_number_of_queries() {
        let _alone = super::alone();
        super::sandbox::on_sqlite(super::loading_takes_one_query_for_each_table);
    }
}

mod postgres {
    #[test]
    fn a_stack_of_200_instances_is_loaded_in_a_fixed_number_of_queries() {
        let _alone = super::alone();
        super::sandbox::on_postgres(super::loading_takes_one_query_for_each_table);
    }
}

async fn loading_takes_one_query_for_each_table(sandbox: Sandbox) {
    statements::watch();
    let store = sandbox.open().await;
    let mut large = stack("large", &[]);
    for number in 0..200 {
        add(&mut large, &format!("i-{number}"), Some(20_000 + number));
    }
    store.create_stack(&large).await.unwrap();
    store.create_stack(&stack("small", &["one"])).await.unwrap();
    assert!(statements::taken().await > 600, "the statements are seen");

    let loaded = store.stack(&stack_name("large")).await.unwrap().unwrap();
    assert_eq!(statements::taken().await, TABLES);
    assert!(loaded == large);
    store.stack(&stack_name("small")).await.unwrap().unwrap();
    assert_eq!(statements::taken().await, TABLES);
    assert_eq!(store.stacks().await.unwrap().len(), 2);
    assert_eq!(statements::taken().await, TABLES);
}
