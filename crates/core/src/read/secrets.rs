//! Generated secrets, and secrets mounted as files.

use super::{
    Value,
    fields::At,
    scalar::{checked_container_path, file_mode, int, nonempty, parsed},
};
use crate::{
    secret::{Charset, Generate, SecretName},
    stack::SecretFile,
    template::{SECRETS_DIRECTORY, SecretMount},
};

/// `true`, a length, or `{length, charset}`.
pub(super) fn generate(at: &At<'_>) -> Option<Generate> {
    match &at.node.value {
        Value::Bool(true) => Some(Generate::default()),
        Value::Int(_) => Some(Generate { length: length(at)?, ..Generate::default() }),
        Value::Map(_) => {
            let mut fields = at.fields()?;
            let usual = Generate::default();
            let said = fields.says("length");
            let length = fields.take("length", length);
            let charset = fields.take("charset", parsed::<Charset>);
            fields.finish();
            let length = if said { length? } else { usual.length };
            Some(Generate { length, charset: charset.unwrap_or_default() })
        }
        _ => at.expected("true, a length, or {length, charset}"),
    }
}

fn length(at: &At<'_>) -> Option<u16> {
    let (shortest, longest) = (Generate::SHORTEST, Generate::LONGEST);
    let length = int::<u16>(at)?;
    if (shortest..=longest).contains(&length) {
        Some(length)
    } else {
        at.wrong(format!("a generated secret has {shortest} to {longest} characters"))
    }
}

/// Reads the declaration of a stack's secret: empty, or how it is generated.
pub(super) fn declaration(at: &At<'_>) -> Option<SecretFile> {
    if matches!(at.node.value, Value::Null) {
        return Some(SecretFile::default());
    }
    let mut fields = at.fields()?;
    let generate = fields.take("generate", generate);
    if fields.says("value") {
        let _ = fields.raw("value");
        fields.at.tell("a secret's value is not written in the file; set it with `devarch secret set`");
    }
    fields.finish();
    Some(SecretFile { generate })
}

/// Reads secrets mounted as files: a name, or `{source, target, uid, gid, mode}`.
pub(super) fn mounts(at: &At<'_>) -> Option<Vec<SecretMount>> {
    let mut mounts: Vec<SecretMount> = Vec::new();
    for item in at.items()? {
        let Some(mount) = mount(&item) else { continue };
        if mounts.iter().any(|other| other.target == mount.target) {
            item.tell(format!("two secrets are put into {}", mount.target));
        }
        mounts.push(mount);
    }
    Some(mounts)
}

fn mount(at: &At<'_>) -> Option<SecretMount> {
    if !matches!(at.node.value, Value::Map(_)) {
        let source: SecretName = parsed(at)?;
        let target = format!("{SECRETS_DIRECTORY}/{source}");
        return Some(SecretMount { source, target, mode: None, uid: None, gid: None });
    }
    let mut fields = at.fields()?;
    let source = fields.need("source", parsed::<SecretName>);
    let target = fields.take("target", target);
    let uid = fields.take("uid", int::<u32>);
    let gid = fields.take("gid", int::<u32>);
    let mode = fields.take("mode", file_mode);
    fields.finish();
    let source = source?;
    let target = target.unwrap_or_else(|| format!("{SECRETS_DIRECTORY}/{source}"));
    Some(SecretMount { source, target, mode, uid, gid })
}

/// Reads an absolute path, or a name in the default directory (Compose specification, "secrets": "Long syntax").
fn target(at: &At<'_>) -> Option<String> {
    let path = nonempty(at)?;
    if path.starts_with('/') {
        checked_container_path(at, &path)
    } else {
        checked_container_path(at, &format!("{SECRETS_DIRECTORY}/{path}"))
    }
}
