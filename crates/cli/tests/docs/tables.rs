//! Tables that are generated from the program.

use crate::{fields::check_fields, generated::hold, objects::check_objects};
use devarch_core::{policy::Allowance, wire::contracts_markdown};
use std::fmt::Write as _;

#[test]
fn the_contracts_page_matches_the_program() {
    hold("docs/reference/contracts.md", "contracts", &contracts_markdown());
}

/// What an allowance permits.
fn permits(allowance: Allowance) -> &'static str {
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

fn check_allowances() {
    let mut table = String::from("| `allow` | lets through |\n|---|---|\n");
    for allowance in Allowance::ALL {
        writeln!(table, "| `{}` | {} |", allowance.as_str(), permits(allowance)).unwrap();
    }
    hold("docs/reference/devarch-yml.md", "allowances", &table);
}

/// A single test, because parallel ones would overwrite the page.
#[test]
fn the_devarch_yml_page_matches_the_program() {
    check_fields();
    check_objects();
    check_allowances();
}
