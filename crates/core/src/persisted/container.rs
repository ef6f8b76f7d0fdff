//! Version 1 of the form of a container.

use super::fields::Fields;
use crate::{
    service_fields::service_fields,
    spec::ContainerSpec,
    template::{Healthcheck, TmpfsMount, Ulimit},
    unit::{Bytes, Millis},
};
use std::collections::BTreeMap;

macro_rules! form_of_spec {
    ([] $( $field:ident: $type:ty = $read:expr, $merge:ident,
        $(copied [$copied:ty],)? $(spec [$(#[$attr:meta])* $own:ident: $own_type:ty],)? $(compose $shown:tt,)?
        $form:literal, $meaning:literal; )*) => {
        /// Returns a container's spec in this form, secrets redacted.
        pub(super) fn form(spec: &ContainerSpec) -> Fields {
            let mut form = Fields::default();
            $(
                $( form.unless_absent::<$copied>(stringify!($field), &spec.$field); )?
                $( form.unless_absent(stringify!($own), &spec.$own); )?
            )*
            form.unless_absent("config_files", &spec.config_files);
            form.unless_absent("network", &spec.network);
            form
        }
    };
}

service_fields!(form_of_spec);
