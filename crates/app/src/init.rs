//! The first devarch.yml of a directory: from templates of the catalog, or from a Compose file.

use crate::{
    AppError, Catalog, PROJECT_FILE,
    text_file::{read_given_text, read_text},
};
use devarch_core::{
    compose::{Imported as FromCompose, import},
    name::{InstanceName, StackName, TemplateName},
    read::{InstanceFile, ProjectFile, StackFile, parse_yaml_with, project_yaml},
    template::Overrides,
};
use devarch_files::FileKind;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// A project with one stack of instances of the catalog's templates.
pub fn project_of(
    catalog: &Catalog,
    stack: StackName,
    instances: &[(InstanceName, TemplateName)],
) -> Result<ProjectFile, AppError> {
    let mut declared = StackFile::default();
    for (name, template) in instances {
        catalog.get(template)?;
        let instance =
            InstanceFile { template: template.clone(), enabled: true, overrides: Overrides::default() };
        if declared.instances.insert(name.clone(), instance).is_some() {
            return Err(AppError::Exists {
                what: format!("instance '{name}'"),
                way_out: "write NAME=TEMPLATE to name each of them".to_owned(),
            });
        }
    }
    Ok(ProjectFile { templates: BTreeMap::new(), stacks: BTreeMap::from([(stack, declared)]) })
}

/// A project that says what a Compose file says, with notes on what has no place in it. Variables come from the
/// environment, then from the `.env` beside the file.
pub fn project_from_compose(
    file: &Path,
    stack: &StackName,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<FromCompose, AppError> {
    let text = read_given_text(file, FileKind::Compose)?;
    let mut variables = dot_env(&file.with_file_name(".env"))?;
    let environment =
        environment.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    variables.extend(environment);
    let invalid = |wrong| AppError::Invalid { origin: file.display().to_string(), wrong };
    let node = parse_yaml_with(&text, variables).map_err(|wrong| invalid(wrong.into()))?;
    import(&node, stack).map_err(invalid)
}

/// Writes a directory's devarch.yml; over an existing one only by force.
pub fn write_project(directory: &Path, project: &ProjectFile, force: bool) -> Result<PathBuf, AppError> {
    let path = directory.join(PROJECT_FILE);
    if path.exists() && !force {
        return Err(AppError::Exists {
            what: path.display().to_string(),
            way_out: "--force writes over it".to_owned(),
        });
    }
    fs::write(&path, project_yaml(project)).map_err(|source| AppError::File {
        action: "write",
        path: path.clone(),
        source,
    })?;
    Ok(path)
}

/// `NAME=value` lines, quotes taken off; a file that is not there says nothing.
fn dot_env(path: &Path) -> Result<BTreeMap<String, String>, AppError> {
    let text = match read_text(path, FileKind::DotEnv) {
        Err(AppError::Read(error)) if error.is_missing() => return Ok(BTreeMap::new()),
        text => text?,
    };
    let variable = |line: &str| {
        let line = line.trim().trim_start_matches("export ");
        let (name, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        let value = value.trim();
        let quoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
        let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
        Some((name.trim().to_owned(), value.to_owned()))
    };
    Ok(text.lines().filter_map(variable).collect())
}
