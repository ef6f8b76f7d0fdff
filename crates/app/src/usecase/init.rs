//! Creates a directory's first devarch.yml: from catalog templates, or from a Compose file.

use crate::{
    Catalog, OperationError, PROJECT_FILE,
    definition::text_file::{read_given_text, read_text},
    error::{Conflict, DefinitionError, FileError},
};
use devarch_core::{
    compose::{ImportContext, Imported, SecretSource, dot_env, import},
    diagnostic::Diagnostic,
    name::{InstanceName, StackName, TemplateName},
    read::{ProjectFile, parse_yaml, project_yaml},
    resolve::{Access, HostView, Judgement, absolute_path},
    secret::{Secret, SecretName},
    stack::{InstanceFile, StackFile},
    template::Overrides,
};
use devarch_files::FileKind;
use devarch_store::StoreError;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// Creates a project with one stack of instances of catalog templates.
pub fn project_of(
    catalog: &Catalog,
    stack: StackName,
    instances: &[(InstanceName, TemplateName)],
) -> Result<ProjectFile, OperationError> {
    let mut declared = StackFile::default();
    for (name, template) in instances {
        catalog.get(template)?;
        let instance =
            InstanceFile { template: template.clone(), enabled: true, overrides: Overrides::default() };
        if declared.instances.insert(name.clone(), instance).is_some() {
            let hint = "write NAME=TEMPLATE to name each of them".to_owned();
            return Err(Conflict::Exists { what: format!("instance '{name}'"), hint }.into());
        }
    }
    Ok(ProjectFile { templates: BTreeMap::new(), stacks: BTreeMap::from([(stack, declared)]) })
}

/// A Compose file to import.
#[derive(Debug, Clone, Copy)]
pub struct ComposeSource<'a> {
    /// The file.
    pub file: &'a Path,
    /// The directory of the devarch.yml: relative paths are rewritten to start there.
    pub directory: &'a Path,
    /// The stack's name if the file has none.
    pub stack: &'a StackName,
    /// Facts about host paths: some must not be read.
    pub host: &'a HostView,
    /// The user's home, for `~/`.
    pub home: Option<&'a str>,
}

/// The result of importing a Compose file.
#[derive(Debug)]
pub struct ComposeImport {
    /// The content of the devarch.yml.
    pub project: ProjectFile,
    /// What was changed or left out, where, and what to do about it.
    pub notes: Vec<Diagnostic>,
    /// Values for the store that devarch.yml only refers to.
    pub secrets: BTreeMap<SecretName, Secret>,
}

/// Imports a Compose file. Variables come from the environment, then from the `.env` next to the file.
///
/// # Errors
///
/// [`FileError`] and [`DefinitionError::Invalid`] if a file cannot be read, or has nothing that can be imported.
pub fn project_from_compose(
    source: &ComposeSource<'_>,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<ComposeImport, OperationError> {
    let file = source.file;
    let text = read_given_text(file, FileKind::Compose)?;
    let shell: BTreeMap<String, String> = environment
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut variables = variables_beside(file, &shell)?;
    variables.extend(shell);
    let invalid = |wrong| DefinitionError::Invalid { origin: file.display().to_string(), wrong };
    let node = parse_yaml(&text).map_err(|wrong| invalid(wrong.into()))?;
    let directory = seen_from(source.directory, file);
    let context = ImportContext { stack: source.stack, variables: &variables, directory: &directory };
    let mut imported = import(&node, &context).map_err(invalid)?;
    for (name, from) in std::mem::take(&mut imported.secret_files) {
        match secret_in(source, &from) {
            Ok((value, path)) => {
                if !path.starts_with(source.directory) {
                    imported.notes.push(Diagnostic {
                        place: from.place,
                        field: format!("secrets.{name}").into(),
                        message: format!("its value was read from {}, outside the project", path.display()),
                    });
                }
                imported.secrets.insert(name, value);
            }
            Err(why) => imported.notes.push(Diagnostic {
                place: from.place,
                field: format!("secrets.{name}").into(),
                message: format!("{why}; `devarch secret set {name}` sets it"),
            }),
        }
    }
    let Imported { project, notes, secrets, .. } = imported;
    Ok(ComposeImport { project, notes, secrets })
}

/// Reads the variables of the `.env` next to a file; none if it does not exist.
fn variables_beside(
    file: &Path,
    shell: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, OperationError> {
    let path = file.with_file_name(".env");
    let text = match read_text(&path, FileKind::DotEnv) {
        Err(OperationError::File(FileError::Read(error))) if error.is_missing() => return Ok(BTreeMap::new()),
        text => text?,
    };
    let invalid = |wrong: Diagnostic| {
        // Without its position, so that no line of it is shown: its values are secrets.
        let at = wrong.place.map_or_else(String::new, |place| format!(":{}:{}", place.line, place.column));
        let origin = format!("{}{at}", path.display());
        DefinitionError::Invalid { origin, wrong: Diagnostic { place: None, ..wrong }.into() }
    };
    Ok(dot_env(&text, shell).map_err(invalid)?)
}

/// Returns a file's directory relative to another one: `deploy`, `../other`; empty if they are the same, and for a
/// file without a meaningful directory, such as a pipe.
fn seen_from(directory: &Path, file: &Path) -> String {
    let parent = file.parent().filter(|_| file.is_file()).and_then(|parent| parent.canonicalize().ok());
    let (Some(to), Ok(from)) = (parent, directory.canonicalize()) else { return String::new() };
    let shared = to.components().zip(from.components()).take_while(|(to, from)| to == from).count();
    let up = from.components().skip(shared).map(|_| "..".to_owned());
    let down = to.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// Reads a file that is a secret, unchanged, because the container receives it as a file again; returns it with its
/// path.
fn secret_in(source: &ComposeSource<'_>, from: &SecretSource) -> Result<(Secret, PathBuf), String> {
    let beside = source.file.parent().map(|parent| parent.to_string_lossy().into_owned());
    let path = absolute_path(&from.path, beside.as_deref(), source.home);
    let real = Path::new(&path).canonicalize().map_err(|error| format!("{path} cannot be read: {error}"))?;
    let project = source.directory.canonicalize().ok();
    let project = project.as_deref().map(Path::to_string_lossy);
    for path in [Path::new(&path), &real].map(Path::to_string_lossy) {
        if let Judgement::Refused(_, why) = source.host.judge(&path, Access::Read, project.as_deref()) {
            return Err(format!("{path} is not read for a Compose file ({why})"));
        }
    }
    let text = read_text(&real, FileKind::Secret).map_err(|error| error.to_string())?;
    if text.is_empty() {
        return Err(format!("{path} is empty"));
    }
    Ok((Secret::new(text), real))
}

/// Writes a directory's devarch.yml; overwrites an existing one only by force.
pub fn write_project(
    directory: &Path,
    project: &ProjectFile,
    force: bool,
) -> Result<PathBuf, OperationError> {
    let path = directory.join(PROJECT_FILE);
    if path.exists() && !force {
        let hint = "--force overwrites it".to_owned();
        return Err(Conflict::Exists { what: path.display().to_string(), hint }.into());
    }
    let text = project_yaml(project).map_err(StoreError::from)?;
    fs::write(&path, text).map_err(|source| FileError::Io { action: "write", path: path.clone(), source })?;
    Ok(path)
}
