//! The fields of services and overrides, as listed in the reference.

use crate::service_fields::service_fields;

/// A field as listed in the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldReference {
    /// The field's name.
    pub name: &'static str,
    /// The syntax that users write.
    pub form: &'static str,
    /// The field's meaning.
    pub meaning: &'static str,
    /// How an instance's value combines with its template's.
    pub merge: MergeRule,
}

/// How an instance's value combines with its template's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeRule {
    /// Replaces the template's value as a whole.
    Replace,
    /// Replaces both the image and the build.
    ReplaceImageAndBuild,
    /// Replaces the whole list; the named field adds to it.
    ReplaceList(&'static str),
    /// Adds to the inherited list of that name.
    AddTo(&'static str),
    /// Merges by key.
    ByKey,
}

macro_rules! merge_rule {
    (replace) => {
        MergeRule::Replace
    };
    (image) => {
        MergeRule::ReplaceImageAndBuild
    };
    (build) => {
        MergeRule::ReplaceImageAndBuild
    };
    (environment) => {
        MergeRule::ReplaceList("environment_add")
    };
    (ports) => {
        MergeRule::ReplaceList("ports_add")
    };
    (volumes) => {
        MergeRule::ReplaceList("volumes_add")
    };
    (labels) => {
        MergeRule::ByKey
    };
}

macro_rules! refer_to_service {
    ([] $( $field:ident: $type:ty = $read:expr, $merge:ident, $($way:ident $shape:tt,)* $form:literal, $meaning:literal; )*) => {
        /// The fields of a service.
        pub const SERVICE_REFERENCE: &[FieldReference] = &[$(
            FieldReference {
                name: stringify!($field),
                form: $form,
                meaning: $meaning,
                merge: merge_rule!($merge),
            },
        )*];
    };
}

service_fields!(refer_to_service);

/// The fields of an override that a template's service does not have.
pub const OVERRIDE_REFERENCE: &[FieldReference] = &[
    FieldReference {
        name: "environment_add",
        form: "as `environment`",
        meaning: "variables beside the inherited ones",
        merge: MergeRule::AddTo("environment"),
    },
    FieldReference {
        name: "ports_add",
        form: "as `ports`, or mapping from container port",
        meaning: "ports beside the inherited ones",
        merge: MergeRule::AddTo("ports"),
    },
    FieldReference {
        name: "volumes_add",
        form: "as `volumes`, or mapping from target",
        meaning: "mounts beside the inherited ones",
        merge: MergeRule::AddTo("volumes"),
    },
    FieldReference {
        name: "config_files",
        form: "mapping from path in the container to content or [object](#config-files)",
        meaning: "files put there before it starts; `null` removes an inherited one",
        merge: MergeRule::ByKey,
    },
    FieldReference {
        name: "exports",
        form: "list of [exports](#exports)",
        meaning: "what it offers",
        merge: MergeRule::Replace,
    },
    FieldReference {
        name: "imports",
        form: "list of [imports](#imports)",
        meaning: "what it needs",
        merge: MergeRule::Replace,
    },
];
