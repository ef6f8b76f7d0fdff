//! The fields of a service, as `docs/reference/devarch-yml.md` lists them: the table of the program says what stands there.
//! That the program keeps to it is tested in core.

use crate::generated::hold;
use devarch_core::resolve::{FieldReference, MergeRule, OVERRIDE_REFERENCE, SERVICE_REFERENCE};
use std::fmt::Write as _;

/// Holds the page to the fields there are.
pub(crate) fn check_fields() {
    let mut table =
        String::from("| field | form | meaning | in | an instance's value |\n|---|---|---|---|---|\n");
    for field in SERVICE_REFERENCE.iter().chain(OVERRIDE_REFERENCE) {
        let FieldReference { name, form, meaning, merge } = field;
        writeln!(table, "| `{name}` | {form} | {meaning} | {} | {} |", allowed(*merge), words(*merge))
            .unwrap();
    }
    hold("docs/reference/devarch-yml.md", "fields", &table);
}

fn allowed(merge: MergeRule) -> &'static str {
    if matches!(merge, MergeRule::AddTo(_)) { "instance" } else { "both" }
}

fn words(merge: MergeRule) -> String {
    match merge {
        MergeRule::Replace => "replaces".to_owned(),
        MergeRule::ReplaceImageAndBuild => "replaces `image` and `build`".to_owned(),
        MergeRule::ReplaceList(adds) => format!("replaces the list; `{adds}` adds to it"),
        MergeRule::AddTo(list) => format!("adds to `{list}` by key; `null` removes an entry"),
        MergeRule::ByKey => "merges by key, the instance wins".to_owned(),
    }
}
