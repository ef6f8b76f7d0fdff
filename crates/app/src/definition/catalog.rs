//! The templates to choose from. A project's `catalog/` takes precedence over the home's, and both over the built-in
//! templates. Each template is one file; only requested files are read.

use crate::{
    OperationError,
    definition::text_file::{read_given_text, read_text},
    error::{Conflict, DefinitionError, Elsewhere, FileError, NotFound},
};
use devarch_core::{
    diagnostic::Diagnostics,
    name::{TemplateName, nearest},
    read::{parse_yaml, read_template},
    template::Template,
};
use devarch_files::FileKind;
use rust_embed::RustEmbed;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

#[derive(RustEmbed)]
#[folder = "../../catalog"]
#[include = "*.yaml"]
struct Embedded;

/// The sources templates are looked up in, in order of precedence.
#[derive(Debug, Clone)]
pub struct Catalog {
    directories: Vec<PathBuf>,
}

/// Where a template comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogSource {
    /// Built into DevArch.
    Embedded,
    /// A user's file.
    File(PathBuf),
}

/// A template of the catalog.
#[derive(Debug, Clone)]
pub struct CatalogEntry {
    /// Its source.
    pub source: CatalogSource,
    /// Its content.
    pub template: Template,
}

impl Catalog {
    /// Opens the templates of a project's directory, if any, of the home, and the built-in ones.
    pub fn open(project: Option<&Path>, home: &Path) -> Self {
        Self::new(project.map(|dir| dir.join("catalog")), home.join("catalog"))
    }

    /// Creates a catalog from a project's directory, if any, and the home's.
    fn new(project: Option<PathBuf>, home: PathBuf) -> Self {
        Self { directories: project.into_iter().chain([home]).collect() }
    }

    /// Returns the template with this name.
    pub fn get(&self, name: &TemplateName) -> Result<CatalogEntry, OperationError> {
        for directory in &self.directories {
            if let Some(path) = file_in(directory, name) {
                return read_file(&path, name);
            }
        }
        if let Some(file) = Embedded::get(&format!("{name}.yaml")) {
            let text = String::from_utf8_lossy(&file.data);
            let template = parse(&text, name, &format!("template {name}"))?;
            return Ok(CatalogEntry { source: CatalogSource::Embedded, template });
        }
        let names = self.names()?;
        let near = nearest(name.as_str(), names.keys().map(TemplateName::as_str)).map(str::to_owned);
        Err(NotFound::Template { name: name.to_string(), near }.into())
    }

    /// Returns all templates, sorted by name.
    pub fn list(&self) -> Result<Vec<CatalogEntry>, OperationError> {
        self.names()?.into_keys().map(|name| self.get(&name)).collect()
    }

    /// Returns the names of all templates with the source of each.
    pub fn names(&self) -> Result<BTreeMap<TemplateName, CatalogSource>, OperationError> {
        let stem = |path: &Path| path.file_stem()?.to_str()?.parse::<TemplateName>().ok();
        let mut names: BTreeMap<TemplateName, CatalogSource> = Embedded::iter()
            .filter_map(|file| Some((stem(Path::new(file.as_ref()))?, CatalogSource::Embedded)))
            .collect();
        for directory in self.directories.iter().rev() {
            let entries = match std::fs::read_dir(directory) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(source) => {
                    return Err(FileError::Io { action: "read", path: directory.clone(), source }.into());
                }
            };
            for path in entries.flatten().map(|entry| entry.path()) {
                let yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
                if let (true, Some(name)) = (yaml, stem(&path)) {
                    names.insert(name, CatalogSource::File(path));
                }
            }
        }
        Ok(names)
    }

    /// Adds a template's file to the home's catalog after validating it.
    pub fn add(&self, file: &Path, home: &Path, replace: bool) -> Result<TemplateName, OperationError> {
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let text = read_given_text(file, FileKind::Template)?;
        let node = parse_yaml(&text).map_err(|wrong| invalid(file, wrong.into()))?;
        let template = read_template(&node, None)
            .or_else(|wrong| match stem.parse() {
                Ok(name) => read_template(&node, Some(&name)),
                Err(_) => Err(wrong),
            })
            .map_err(|wrong| invalid(file, wrong))?;
        let target = home.join("catalog").join(format!("{}.yaml", template.name));
        if target.exists() && !replace {
            let what = format!("template '{}' in {}", template.name, home.join("catalog").display());
            return Err(Conflict::Exists { what, hint: "--replace replaces it".to_owned() }.into());
        }
        let write = || {
            std::fs::create_dir_all(home.join("catalog"))?;
            std::fs::write(&target, &text)
        };
        write().map_err(|source| FileError::Io { action: "write", path: target.clone(), source })?;
        Ok(template.name)
    }

    /// Removes a template's file from the home's catalog. Instances keep the body they are pinned to.
    pub fn remove(&self, name: &TemplateName, home: &Path) -> Result<(), OperationError> {
        match file_in(&home.join("catalog"), name) {
            Some(path) => Ok(std::fs::remove_file(&path).map_err(|source| FileError::Io {
                action: "remove",
                path,
                source,
            })?),
            None if Embedded::get(&format!("{name}.yaml")).is_some() => {
                Err(Elsewhere::BuiltIn(name.clone()).into())
            }
            None => {
                self.get(name)?;
                Err(Elsewhere::ProjectTemplate(name.clone()).into())
            }
        }
    }
}

fn file_in(directory: &Path, name: &TemplateName) -> Option<PathBuf> {
    ["yaml", "yml"].into_iter().map(|end| directory.join(format!("{name}.{end}"))).find(|path| path.exists())
}

fn read_file(path: &Path, name: &TemplateName) -> Result<CatalogEntry, OperationError> {
    let template = parse(&read_text(path, FileKind::Template)?, name, &path.display().to_string())?;
    Ok(CatalogEntry { source: CatalogSource::File(path.to_owned()), template })
}

fn parse(text: &str, name: &TemplateName, origin: &str) -> Result<Template, OperationError> {
    parse_yaml(text)
        .map_err(Diagnostics::from)
        .and_then(|node| read_template(&node, Some(name)))
        .map_err(|wrong| DefinitionError::Invalid { origin: origin.to_owned(), wrong }.into())
}

fn invalid(path: &Path, wrong: Diagnostics) -> OperationError {
    DefinitionError::Invalid { origin: path.display().to_string(), wrong }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_template_is_valid() {
        let none = PathBuf::from("/nonexistent");
        let entries = Catalog::new(None, none).list().unwrap();
        assert!(entries.len() >= 30, "{}", entries.len());
        for CatalogEntry { template, .. } in entries {
            let image = template.service.image.as_deref().unwrap_or_default();
            assert!(image.contains(':') && !image.ends_with(":latest"), "{}: {image}", template.name);
            assert!(!template.description.is_empty(), "{}", template.name);
        }
    }

    #[test]
    fn an_unknown_template_is_refused_with_the_most_similar_name() {
        let catalog = Catalog::new(None, PathBuf::from("/nonexistent"));
        let error = catalog.get(&"postgers".parse().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "template 'postgers' not found");
        assert_eq!(error.hints(), ["did you mean 'postgres'?"]);
    }
}
