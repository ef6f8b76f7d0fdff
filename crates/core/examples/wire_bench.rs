//! How long wiring a stack takes: `cargo run --release -p devarch-core --example wire_bench`.
//!
//! Each instance has three wires: one DevArch finds, one `wires` says, and one to the instance before it, whose export
//! passes on what it was given itself, so that values go through a chain as long as the stack is large.

use devarch_core::{
    diagnostic::Severity,
    name::{ContainerName, InstanceName},
    template::{ContractType, Import},
    text::Text,
    wire::{Offer, WireDecl, WireInstance, WireStack, resolve},
};
use std::{collections::BTreeMap, error::Error, time::Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SIZES: [usize; 3] = [50, 500, 5000];
const ROUNDS: usize = 21;

#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark has a clock and prints")]
fn main() -> Result<()> {
    println!("instances   wires   median ms   us per wire");
    for size in SIZES {
        let stack = stack(size)?;
        let mut times = Vec::new();
        let mut wires = 0;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let resolution = resolve(&stack);
            times.push(start.elapsed().as_secs_f64() * 1e3);
            let mut findings = resolution.findings.iter();
            if let Some(finding) = findings.find(|finding| finding.severity == Severity::Error) {
                return Err(finding.to_string().into());
            }
            wires = resolution.links.len();
        }
        times.sort_by(f64::total_cmp);
        let median = times[ROUNDS / 2];
        let each = median * 1e3 / f64::from(u32::try_from(wires)?);
        println!("{size:9} {wires:7} {median:11.3} {each:13.3}");
    }
    Ok(())
}

/// A stack of about that many instances, with three wires each.
fn stack(size: usize) -> Result<WireStack> {
    let mut stack = WireStack::default();
    for number in 0..3 {
        let cache = instance(&mut stack, &format!("cache-{number}"))?;
        cache.offers.push(offer("cache", ContractType::Redis, &[("password", "${env:PASSWORD}")]));
        cache.environment.insert("PASSWORD".to_owned(), Text::plain("p@ss"));
    }
    let db = instance(&mut stack, "db")?;
    db.environment.insert("PGUSER".to_owned(), Text::plain("shop"));
    db.offers.push(offer("db", ContractType::Postgres, &[("user", "${env:PGUSER}"), ("database", "d")]));
    let first = instance(&mut stack, "app-0")?;
    first.offers.push(offer("http", ContractType::Http, &[]));
    for number in 1..size.saturating_sub(4) {
        let name = format!("app-{number}");
        let app = instance(&mut stack, &name)?;
        app.imports = vec![
            import("db", ContractType::Postgres),
            import("cache", ContractType::Redis),
            import("up", ContractType::Http),
        ];
        app.offers.push(offer("http", ContractType::Http, &[("path", "/${env:UP_HOST}")]));
        wire(&mut stack, &name, &format!("cache-{}", number % 3), ContractType::Redis)?;
        wire(&mut stack, &name, &format!("app-{}", number - 1), ContractType::Http)?;
    }
    Ok(stack)
}

fn instance<'s>(stack: &'s mut WireStack, name: &str) -> Result<&'s mut WireInstance> {
    let name: InstanceName = name.parse()?;
    let container = ContainerName::for_instance(&"bench".parse()?, &name)?;
    Ok(stack.instances.entry(name).or_insert_with(|| WireInstance::new(container)))
}

fn offer(name: &str, contract: ContractType, properties: &[(&str, &str)]) -> Offer {
    let properties = properties.iter().map(|(name, text)| ((*name).to_owned(), Text::plain(*text))).collect();
    Offer { name: name.to_owned(), contract, port: 8080, properties, provisions: false }
}

fn import(name: &str, contract: ContractType) -> Import {
    Import { name: name.to_owned(), contract, required: true, own: false, environment: BTreeMap::new() }
}

fn wire(stack: &mut WireStack, from: &str, to: &str, contract: ContractType) -> Result<()> {
    stack.wires.push(WireDecl { from: from.parse()?, to: to.parse()?, contract: Some(contract) });
    Ok(())
}
