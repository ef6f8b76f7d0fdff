use std::fmt;

/// The kind of a file; each kind has a size limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A devarch.yml.
    Project,
    /// A template of a catalog.
    Template,
    /// A file listed in `config_files`.
    ConfigFile,
    /// A secret config file: it is stored encrypted, as a whole.
    SecretConfigFile,
    /// A Compose file.
    Compose,
    /// A `.env`.
    DotEnv,
    /// A `.dockerignore`.
    Ignore,
    /// A Dockerfile.
    Dockerfile,
    /// A secret, a passphrase or an exported key.
    Secret,
    /// Settings of another program, such as Docker's `config.json`.
    Settings,
}

impl FileKind {
    /// All there are.
    pub const ALL: [Self; 10] = [
        Self::Project,
        Self::Template,
        Self::ConfigFile,
        Self::SecretConfigFile,
        Self::Compose,
        Self::DotEnv,
        Self::Ignore,
        Self::Dockerfile,
        Self::Secret,
        Self::Settings,
    ];

    /// How many bytes it may have.
    pub const fn limit(self) -> u64 {
        match self {
            Self::Project | Self::Compose => 8 << 20,
            Self::ConfigFile => 16 << 20,
            Self::Template
            | Self::SecretConfigFile
            | Self::DotEnv
            | Self::Ignore
            | Self::Dockerfile
            | Self::Settings => 1 << 20,
            Self::Secret => 512 << 10,
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Project => "a devarch.yml",
            Self::Template => "a template",
            Self::ConfigFile => "a config file",
            Self::SecretConfigFile => "a config file that is secret",
            Self::Compose => "a Compose file",
            Self::DotEnv => "a .env file",
            Self::Ignore => "a .dockerignore",
            Self::Dockerfile => "a Dockerfile",
            Self::Secret => "a secret",
            Self::Settings => "a settings file",
        })
    }
}
