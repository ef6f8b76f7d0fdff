//! Tables that the program has, too.

use crate::{fields::hold_fields, generated::hold, objects::hold_objects};
use devarch_core::{policy::Allowance, wire::contracts_markdown};
use std::fmt::Write as _;

#[test]
fn the_contracts_are_those_the_program_uses() {
    hold("docs/reference/contracts.md", "contracts", &contracts_markdown());
}

/// What each allowance lets through.
fn lets(allowance: Allowance) -> &'static str {
    match allowance {
        Allowance::Privileged => "`privileged: true`",
        Allowance::HostNetwork => "`network_mode: host`",
        Allowance::HostPid => "`pid: host`",
        Allowance::HostIpc => "`ipc: host`",
        Allowance::EngineSocket => "mounts of an engine's socket ([host paths](host-paths.md))",
        Allowance::Capabilities => {
            "capabilities that give the host or other stacks' traffic away, such as `SYS_ADMIN`"
        }
        Allowance::HostPaths => "sensitive paths of the host ([host paths](host-paths.md))",
        Allowance::Devices => "devices of the host",
        Allowance::Unconfined => "security options that switch confinement off",
    }
}

fn hold_allowances() {
    let mut table = String::from("| `allow` | lets through |\n|---|---|\n");
    for allowance in Allowance::ALL {
        writeln!(table, "| `{}` | {} |", allowance.as_str(), lets(allowance)).unwrap();
    }
    hold("docs/reference/devarch-yml.md", "allowances", &table);
}

/// One test for the page: it is written by one at a time.
#[test]
fn the_page_of_devarch_yml_lists_what_the_program_knows() {
    hold_fields();
    hold_objects();
    hold_allowances();
}
