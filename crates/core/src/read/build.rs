//! `build` and `pull_policy`.

use super::{
    Value,
    fields::At,
    grammar::{self, printable},
    scalar::{nonempty, text},
    service::{check_names, pairs, said_value},
};
use crate::template::{Build, Dockerfile, Given, PullPolicy};
use std::collections::BTreeMap;

/// The fields of `build`; a plain text is the context.
pub(crate) const BUILD_FIELDS: &[&str] = &["context", "dockerfile", "dockerfile_inline", "args", "target"];

/// Reads Compose's two forms: a directory, or an object.
pub(super) fn build(at: &At<'_>) -> Option<Build> {
    if let Value::Text(_) = at.node.value {
        return Some(Build { context: context(at)?, dockerfile: None, args: BTreeMap::new(), target: None });
    }
    let mut fields = at.fields()?;
    let given = fields.take("context", context);
    let path = fields.take("dockerfile", dockerfile);
    let inline = fields.take("dockerfile_inline", nonempty);
    let args = fields.take("args", args).unwrap_or_default();
    let target = fields.take("target", grammar::stage);
    fields.finish();
    let dockerfile = match (path, inline) {
        (Some(_), Some(_)) => {
            return at.wrong("`dockerfile` and `dockerfile_inline` are both there; keep one");
        }
        (path, inline) => path.map(Dockerfile::Path).or(inline.map(Dockerfile::Inline)),
    };
    Some(Build { context: given.unwrap_or_else(|| ".".to_owned()), dockerfile, args, target })
}

/// Reads the context: a directory; Compose's Git addresses are not supported.
fn context(at: &At<'_>) -> Option<String> {
    let path = printable(at)?;
    let address = path.contains("://") || ["git@", "github.com/"].iter().any(|begin| path.starts_with(begin));
    if address {
        return at.wrong(format!("{path:?} is not a directory; clone it and give its directory"));
    }
    Some(path)
}

/// Reads the path of a file in the context: nothing else is sent to the engine.
fn dockerfile(at: &At<'_>) -> Option<String> {
    let path = printable(at)?;
    if path.starts_with('/') || path.split('/').any(|part| part == "..") {
        return at
            .wrong(format!("{path:?} must be a path in the context; widen the context to what holds both"));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    Some(parts.join("/"))
}

fn args(at: &At<'_>) -> Option<BTreeMap<String, Given>> {
    let args = pairs(at, said_value)?;
    check_names(at, args.keys());
    Some(args)
}

/// Reads Compose's names for the policies that DevArch supports.
pub(super) fn pull_policy(at: &At<'_>) -> Option<PullPolicy> {
    match text(at)?.as_str() {
        "missing" | "if_not_present" => Some(PullPolicy::Missing),
        "always" => Some(PullPolicy::Always),
        "never" => Some(PullPolicy::Never),
        "build" => Some(PullPolicy::Build),
        other => at.wrong(format!("{other:?} is not one of missing, always, never, build")),
    }
}
