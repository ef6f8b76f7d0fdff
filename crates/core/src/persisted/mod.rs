//! The forms in which what containers are made from is hashed and stored, each with a version. They are written field by
//! field, apart from what plans and `--json` show: these may change, a form may not, or every container would be
//! replaced and no earlier apply understood.
//!
//! A form is a JSON value from the start, so that writing it cannot fail.

mod container;
mod fields;
mod form;
mod stored_mounts;

use crate::{name::InstanceName, spec::ContainerSpec, template::Dependency};
use form::Form as _;
use serde_json::Value;
use std::collections::BTreeMap;
pub(crate) use stored_mounts::mounts;

/// Version of [`config_form`]; part of every config hash.
pub const CONFIG_FORM: u32 = 1;

/// The image's name in the definition.
pub(crate) const IMAGE: &str = "image";
/// What is stored beside the spec: it makes no other container.
pub(crate) const DEPENDS_ON: &str = "depends_on";
pub(crate) const WIRES: &str = "wires";

/// The form that config hashes are made of, version [`CONFIG_FORM`]. Secrets are redacted in it. The name of an image
/// that the stack builds is left out: such an image is identified by what it was built from.
pub fn config_form(spec: &ContainerSpec) -> Value {
    let mut form = container::form(spec);
    if spec.build_tag.is_some() {
        form.value(IMAGE, &String::new());
    }
    form.into()
}

/// The form in which the store keeps what a container was made from, and in which plans compare it: its spec, secrets
/// redacted, whom it waits for and what it is wired to.
pub fn applied_form(
    spec: &ContainerSpec,
    depends_on: &BTreeMap<InstanceName, Dependency>,
    wires: &BTreeMap<String, String>,
) -> Value {
    let mut form = container::form(spec);
    form.unless_absent(DEPENDS_ON, depends_on);
    form.unless_absent(WIRES, wires);
    form.into()
}

/// Whom a container waits for.
pub(crate) fn depends_on_form(depends_on: &BTreeMap<InstanceName, Dependency>) -> Value {
    depends_on.form()
}

/// What the imports of a container are wired to.
pub(crate) fn wires_form(wires: &BTreeMap<String, String>) -> Value {
    wires.form()
}
