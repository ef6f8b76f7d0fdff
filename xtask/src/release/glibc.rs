//! The glibc version a program needs, by the versions of the symbols it is linked to.

use crate::failure::{Context as _, Failure, Result};
use elf::{ElfBytes, ParseError, endian::AnyEndian};
use std::{fmt, fs, path::Path, str::FromStr};

/// Debian 12's.
const DEBIAN_12: Version = Version(2, 36);

/// A version of glibc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl FromStr for Version {
    type Err = Failure;

    /// Reads `GLIBC_2.34` or `GLIBC_2.2.5`.
    fn from_str(symbol: &str) -> Result<Self> {
        let unknown = || format!("'{symbol}' is no version of glibc");
        let mut numbers = symbol.strip_prefix("GLIBC_").context(unknown())?.split('.').map(str::parse);
        let mut next = || numbers.next().and_then(std::result::Result::ok).context(unknown());
        Ok(Self(next()?, next()?))
    }
}

/// Fails where a program needs a newer glibc than Debian 12 has. Returns the version it needs.
pub(crate) fn check(program: &Path) -> Result<Version> {
    let content = fs::read(program).context(format!("cannot read {}", program.display()))?;
    let symbols = symbols(&content).context(format!("{} is no program of Linux", program.display()))?;
    let versions: Result<Vec<Version>> = symbols.iter().map(|symbol| symbol.parse()).collect();
    let newest =
        versions?.into_iter().max().context(format!("{} is not linked to glibc", program.display()))?;
    if newest <= DEBIAN_12 {
        return Ok(newest);
    }
    Err(Failure::new(format!("{} needs glibc {newest}, and Debian 12 has {DEBIAN_12}", program.display()))
        .help("build the release on Debian 12"))
}

/// The versions of glibc's symbols that a program is linked to.
fn symbols(content: &[u8]) -> std::result::Result<Vec<String>, ParseError> {
    let file = ElfBytes::<AnyEndian>::minimal_parse(content)?;
    let (Some((symbols, _)), Some(versions)) = (file.dynamic_symbol_table()?, file.symbol_version_table()?)
    else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for at in 0..symbols.len() {
        if let Some(required) = versions.get_requirement(at)?
            && required.name.starts_with("GLIBC_2")
        {
            found.push(required.name.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(
            version("GLIBC_2.4") < version("GLIBC_2.34") && version("GLIBC_2.2.5") < version("GLIBC_2.4")
        );
        assert!("GLIBC_PRIVATE".parse::<Version>().is_err());
    }

    #[test]
    fn this_program_is_linked_to_glibc() {
        let program = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(!symbols(&program).unwrap().is_empty());
        assert!(symbols(b"no program").is_err());
    }
}
