//! The devarch.yml of a directory.

use crate::{
    OperationError,
    definition::{
        contents::{ContentSource, Sources, taken_in, too_large_to_seal},
        text_file::read_text,
    },
    error::{DefinitionError, FileError},
};
use devarch_core::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    name::{StackName, TemplateName},
    read::{Node, ProjectFile, parse_yaml, read_project, unknown_references},
    resolve::absolute_path,
    stack::{InstanceFile, StackFile},
    template::{ConfigContent, ConfigFile},
};
use devarch_files::{FileKind, ReadError};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The name of the project file that users write and commit.
pub const PROJECT_FILE: &str = "devarch.yml";

/// The limit for all config files of a stack, in bytes: they are stored, and sent to the engine.
const MOST_OF_A_STACK: u64 = 1 << 30;

/// A directory with its validated devarch.yml.
#[derive(Debug, Clone)]
pub struct Project {
    /// The directory, absolute, with links resolved.
    pub directory: PathBuf,
    /// The content of the file, including the files it refers to.
    pub file: ProjectFile,
    /// The files that were read, with links resolved, by the keys of the fields that name them.
    pub(crate) sources: BTreeMap<Vec<String>, PathBuf>,
    /// The large contents among what was read.
    pub(crate) contents: Sources,
}

impl Project {
    /// Returns the nearest directory with a devarch.yml, starting with this one and going up.
    pub fn find(start: &Path) -> Option<PathBuf> {
        let start = start.canonicalize().ok()?;
        start.ancestors().find(|dir| dir.join(PROJECT_FILE).is_file()).map(Path::to_owned)
    }

    /// Reads a directory's devarch.yml and the files it refers to; `templates` are those it may use without declaring
    /// them. `home` is the user's, for `~/`. All problems are reported at once.
    pub fn read(
        directory: &Path,
        templates: &BTreeSet<TemplateName>,
        home: Option<&str>,
    ) -> Result<Self, OperationError> {
        let path = directory.join(PROJECT_FILE);
        let text = read_text(&path, FileKind::Project)?;
        let invalid = |wrong| DefinitionError::Invalid { origin: path.display().to_string(), wrong };
        let node = parse_yaml(&text).map_err(|wrong| invalid(wrong.into()))?;
        let unknown = unknown_references(&node, templates);
        let mut file = match read_project(&node) {
            Ok(file) if unknown.is_empty() => file,
            read => {
                let mut wrong = read.err().unwrap_or_default();
                wrong.append(unknown);
                return Err(invalid(wrong).into());
            }
        };
        let directory = directory.canonicalize().map_err(|source| FileError::Io {
            action: "read",
            path: directory.to_owned(),
            source,
        })?;
        let (mut wrong, mut sources, mut contents) = (Diagnostics::new(), BTreeMap::new(), Sources::new());
        for (keys, config) in config_files(&mut file) {
            match read_in(config, &directory, home, &mut contents) {
                Ok(None) => {}
                Ok(Some(path)) => drop(sources.insert(keys, path)),
                Err(message) => {
                    wrong.push(Diagnostic {
                        place: place(&node, &keys),
                        field: keys.join(".").into(),
                        message,
                    });
                }
            }
        }
        for stack in file.stacks.keys() {
            if let Some(found) = too_much(&node, &file, stack) {
                wrong.push(found);
            }
        }
        if wrong.is_empty() {
            Ok(Self { directory, file, sources, contents })
        } else {
            Err(invalid(wrong).into())
        }
    }

    /// Returns the named stack, or the file's only one.
    pub fn stack(&self, named: Option<&StackName>) -> Result<StackName, OperationError> {
        let declared: Vec<&StackName> = self.file.stacks.keys().collect();
        match (named, declared.as_slice()) {
            (Some(name), _) => self.declared(name).map(|_| name.clone()),
            (None, [only]) => Ok((*only).clone()),
            (None, _) => Err(self.undeclared(None)),
        }
    }

    /// Returns the file's declaration of a stack.
    pub(crate) fn declared(&self, stack: &StackName) -> Result<&StackFile, OperationError> {
        self.file.stacks.get(stack).ok_or_else(|| self.undeclared(Some(stack)))
    }

    fn undeclared(&self, named: Option<&StackName>) -> OperationError {
        DefinitionError::Undeclared {
            file: self.directory.join(PROJECT_FILE),
            named: named.cloned(),
            declared: self.file.stacks.keys().cloned().collect(),
        }
        .into()
    }
}

/// Returns the problem if a stack's config files together exceed the limit.
fn too_much(root: &Node, file: &ProjectFile, stack: &StackName) -> Option<Diagnostic> {
    let size = |config: &ConfigFile| match &config.content {
        ConfigContent::Content(text) => text.len() as u64,
        ConfigContent::Kept(kept) => kept.bytes,
        ConfigContent::Secret(value) => value.open().map_or(0, |secret| secret.reveal().len() as u64),
        ConfigContent::File { .. } => 0,
    };
    let of_instance = |instance: &InstanceFile| {
        let own = &instance.overrides.config_files;
        let inherited = file.templates.get(&instance.template).map(|template| &template.config_files);
        let inherited = inherited.into_iter().flatten().filter(|(path, _)| !own.contains_key(*path));
        let own = own.values().flatten();
        inherited.map(|(_, config)| config).chain(own).map(size).sum::<u64>()
    };
    let bytes: u64 = file.stacks.get(stack)?.instances.values().map(of_instance).sum();
    let keys = ["stacks".to_owned(), stack.to_string()];
    (bytes > MOST_OF_A_STACK).then(|| Diagnostic {
        place: place(root, &keys),
        field: keys.join(".").into(),
        message: format!(
            "its config files have {bytes} bytes together; those of a stack may have at most 1 GiB \
             ({MOST_OF_A_STACK} bytes); mount large ones as volumes"
        ),
    })
}

/// Returns the position of these keys in the file.
fn place(root: &Node, keys: &[String]) -> Option<Place> {
    keys.iter().try_fold(root, |node, key| node.get(key))?.place
}

/// Returns the file's config files by their keys.
fn config_files(file: &mut ProjectFile) -> Vec<(Vec<String>, &mut ConfigFile)> {
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
    let mut found = Vec::new();
    for (name, template) in &mut file.templates {
        for (path, config) in &mut template.config_files {
            found.push((keys(&["templates", name.as_str(), "config_files", path]), config));
        }
    }
    for (stack, declared) in &mut file.stacks {
        for (name, instance) in &mut declared.instances {
            for (path, config) in &mut instance.overrides.config_files {
                if let Some(config) = config {
                    let leading =
                        ["stacks", stack.as_str(), "instances", name.as_str(), "config_files", path];
                    found.push((keys(&leading), config));
                }
            }
        }
    }
    found
}

/// Reads the file a config file refers to, and returns its path. Large contents stay where they are.
fn read_in(
    config: &mut ConfigFile,
    directory: &Path,
    home: Option<&str>,
    contents: &mut Sources,
) -> Result<Option<PathBuf>, String> {
    let ConfigContent::File { path, secret } = &config.content else {
        written_in(config, contents)?;
        return Ok(None);
    };
    let kind = if *secret { FileKind::SecretConfigFile } else { FileKind::ConfigFile };
    let path = PathBuf::from(absolute_path(path, Some(&directory.to_string_lossy()), home));
    let text = read_text(&path, kind).map_err(|error| match error {
        OperationError::File(FileError::Read(error @ ReadError::TooLarge { .. })) => {
            format!("{error}; mount it as a volume")
        }
        OperationError::File(FileError::Read(error)) => {
            format!(
                "{} cannot be read: {}; create that file, or correct `file`",
                path.display(),
                error.reason()
            )
        }
        other => other.to_string(),
    })?;
    let real = path.canonicalize().map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    if *secret {
        config.content = ConfigContent::secret(text);
        return Ok(Some(real));
    }
    if let Some(wrong) = too_large_to_seal(&text) {
        return Err(format!("{}: {wrong}", path.display()));
    }
    config.content = taken_in(ConfigContent::Content(text), |_| ContentSource::File(path), contents);
    Ok(Some(real))
}

/// Processes a config file whose text is given inline.
fn written_in(config: &mut ConfigFile, contents: &mut Sources) -> Result<(), String> {
    let ConfigContent::Content(text) = &config.content else { return Ok(()) };
    if let Some(wrong) = too_large_to_seal(text) {
        return Err(wrong);
    }
    let content = std::mem::replace(&mut config.content, ConfigContent::Content(String::new()));
    config.content = taken_in(content, |text| ContentSource::Text(text.into()), contents);
    Ok(())
}
