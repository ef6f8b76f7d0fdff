//! How many statements loading takes. A binary of its own, because the statements of a whole process are counted.

#![allow(clippy::unwrap_used, reason = "a promise that fails panics")]

mod world;

use std::sync::{Mutex, MutexGuard, PoisonError};
use world::{
    World,
    samples::{add, stack, stack_name},
    statements,
};

/// One for each table: stacks, templates, instances, ports, volumes, secrets.
const TABLES: usize = 7;

/// Databases are made and dropped by statements too.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

mod sqlite {
    #[test]
    fn a_stack_of_200_instances_is_loaded_in_a_fixed_number_of_queries() {
        let _alone = super::alone();
        super::world::on_sqlite(super::loading_takes_one_query_for_each_table);
    }
}

mod postgres {
    #[test]
    fn a_stack_of_200_instances_is_loaded_in_a_fixed_number_of_queries() {
        let _alone = super::alone();
        super::world::on_postgres(super::loading_takes_one_query_for_each_table);
    }
}

async fn loading_takes_one_query_for_each_table(world: World) {
    statements::watch();
    let store = world.open().await;
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
