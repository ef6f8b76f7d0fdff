//! The versioned forms in which container specs are hashed and stored. They are written field by field, independent
//! of what plans and `--json` show: those may change, but a changed form would replace every container and make
//! earlier applies unreadable.
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

/// The version of [`config_form`]; part of every config hash.
pub const CONFIG_FORM: u32 = 1;

/// The field of the image's name.
pub(crate) const IMAGE: &str = "image";
/// A field stored beside the spec, because it does not affect the container.
pub(crate) const DEPENDS_ON: &str = "depends_on";
pub(crate) const WIRES: &str = "wires";

/// Returns the form that config hashes are computed from, version [`CONFIG_FORM`], secrets redacted. The name of an
/// image that the stack builds is left out: such an image is identified by its build inputs.
pub fn config_form(spec: &ContainerSpec) -> Value {
    let mut form = container::form(spec);
    if spec.build_tag.is_some() {
        form.value(IMAGE, &String::new());
    }
    form.into()
}

/// Returns the form that the store keeps and plans compare: the container's spec, secrets redacted, its dependencies
/// and its wires.
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

/// Returns the form of a container's dependencies.
pub(crate) fn depends_on_form(depends_on: &BTreeMap<InstanceName, Dependency>) -> Value {
    depends_on.form()
}

/// Returns the form of a container's wires.
pub(crate) fn wires_form(wires: &BTreeMap<String, String>) -> Value {
    wires.form()
}
