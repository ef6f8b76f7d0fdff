//! The inputs of an image as keyed hashes in its label. Keyed, because arguments and files can be secrets; in parts, so
//! that a plan can report what changed. Containers inherit an image's labels, so a container's build is known even if
//! its image's name refers to another image by now.

use crate::{
    build::BuildSpec,
    hash::{HashKey, absorb},
    template::Dockerfile,
};
use hmac::{Hmac, Mac as _};
use serde::Serialize;
use sha2::Sha256;
use std::fmt;

/// Version of the hashed form.
const FORM: u32 = 1;

/// Bytes per part: the label distinguishes builds, it does not prove their origin.
const PART_BYTES: usize = 16;

/// An input of an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct BuildHash([String; 3]);

/// A part of what an image is built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildPart {
    /// Files of the context.
    Context,
    /// The instructions.
    Dockerfile,
    /// Arguments, target or platform.
    Options,
}

impl BuildPart {
    const ALL: [Self; 3] = [Self::Context, Self::Dockerfile, Self::Options];
}

impl fmt::Display for BuildPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Context => "context",
            Self::Dockerfile => "Dockerfile",
            Self::Options => "arguments, target or platform",
        })
    }
}

impl BuildHash {
    /// Parses a label; `None` for other formats.
    pub fn parse(label: &str) -> Option<Self> {
        let rest = label.strip_prefix(&format!("{FORM}:"))?;
        let parts: Vec<String> = rest.split('.').map(str::to_owned).collect();
        parts.try_into().ok().map(Self)
    }

    /// The parts with their hashes.
    pub fn parts(&self) -> impl Iterator<Item = (BuildPart, &str)> {
        BuildPart::ALL.into_iter().zip(self.0.iter().map(String::as_str))
    }

    /// The parts that differ.
    pub fn changed(&self, before: &Self) -> Vec<BuildPart> {
        let pairs = self.parts().zip(&before.0);
        pairs.filter(|((_, now), before)| now != before).map(|((part, _), _)| part).collect()
    }
}

impl fmt::Display for BuildHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FORM}:{}", self.0.join("."))
    }
}

impl From<BuildHash> for String {
    fn from(hash: BuildHash) -> Self {
        hash.to_string()
    }
}

/// The type of a context's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// A directory.
    Directory,
    /// A file, by the SHA-256 of its bytes.
    File([u8; 32]),
    /// A symbolic link, by its target.
    Link(&'a [u8]),
}

/// Hashes a context, entry by entry in a fixed order. Times and owners are ignored, because a checkout changes them.
pub struct BuildHasher {
    key: HashKey,
    context: Hmac<Sha256>,
}

impl BuildHasher {
    /// A hasher without any input.
    pub fn new(key: &HashKey) -> Self {
        Self { key: key.clone(), context: key.mac() }
    }

    /// An entry of the context: its path in it, its permission bits, and what it is.
    pub fn entry(&mut self, path: &[u8], mode: u32, content: Content<'_>) {
        absorb(&mut self.context, path);
        absorb(&mut self.context, &mode.to_be_bytes());
        match content {
            Content::Directory => absorb(&mut self.context, b"directory"),
            Content::File(digest) => {
                absorb(&mut self.context, b"file");
                absorb(&mut self.context, &digest);
            }
            Content::Link(target) => {
                absorb(&mut self.context, b"link");
                absorb(&mut self.context, target);
            }
        }
    }

    /// The hash of the build with that Dockerfile's text.
    pub fn finish(self, spec: &BuildSpec, instructions: &[u8]) -> BuildHash {
        let mut dockerfile = self.key.mac();
        if let Dockerfile::Path(path) = &spec.dockerfile {
            absorb(&mut dockerfile, path.as_bytes());
        }
        absorb(&mut dockerfile, instructions);
        let mut options = self.key.mac();
        for option in [&spec.target, &spec.platform] {
            absorb(&mut options, option.as_deref().unwrap_or_default().as_bytes());
        }
        for (name, value) in &spec.args {
            absorb(&mut options, name.as_bytes());
            absorb(&mut options, value.reveal().as_bytes());
        }
        let kept = |mac: Hmac<Sha256>| hex::encode(&mac.finalize().into_bytes()[..PART_BYTES]);
        BuildHash([self.context, dockerfile, options].map(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;
    use std::collections::BTreeMap;

    fn spec(arg: Text) -> BuildSpec {
        BuildSpec {
            context: "/p".to_owned(),
            dockerfile: Dockerfile::default(),
            args: BTreeMap::from([("A".to_owned(), arg)]),
            target: None,
            platform: None,
            pull: false,
            hash: None,
        }
    }

    fn hash(mode: u32, instructions: &str, arg: &str) -> BuildHash {
        let mut hasher = BuildHasher::new(&HashKey::new([1; 32]));
        hasher.entry(b"app.py", mode, Content::File([2; 32]));
        hasher.finish(&spec(Text::secret(arg)), instructions.as_bytes())
    }

    #[test]
    fn a_label_shows_which_part_of_a_build_changed() {
        let before = hash(0o644, "FROM a", "1");
        let label = before.to_string();
        assert_eq!(BuildHash::parse(&label).as_ref(), Some(&before));
        assert_eq!(hash(0o644, "FROM a", "1").changed(&before), []);
        assert_eq!(hash(0o755, "FROM a", "1").changed(&before), [BuildPart::Context]);
        assert_eq!(hash(0o644, "FROM b", "1").changed(&before), [BuildPart::Dockerfile]);
        assert_eq!(hash(0o644, "FROM a", "2").changed(&before), [BuildPart::Options]);
    }

    #[test]
    fn a_label_of_another_format_is_not_a_hash() {
        assert_eq!(BuildHash::parse("0:a.b.c"), None);
        assert_eq!(BuildHash::parse("1:a.b"), None);
    }
}
