//! Quantities as Compose writes them: durations, byte sizes, processor shares, file modes, owners.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Text that is not a valid quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not {expected}")]
pub struct InvalidUnit {
    /// The given text.
    pub given: String,
    /// A description of valid values.
    pub expected: &'static str,
}

macro_rules! text_form {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = InvalidUnit;

            fn try_from(text: String) -> Result<Self, InvalidUnit> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    };
}

/// A duration in milliseconds, written `1m30s`, `500ms`, `1.5s` (Compose specification, "Specifying durations").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Millis(pub u64);

text_form!(Millis);

const DURATION_UNITS: [(&str, f64); 6] =
    [("ms", 1.0), ("us", 0.001), ("h", 3_600_000.0), ("m", 60_000.0), ("s", 1000.0), ("d", 86_400_000.0)];

impl FromStr for Millis {
    type Err = InvalidUnit;

    fn from_str(given: &str) -> Result<Self, InvalidUnit> {
        let invalid = || InvalidUnit {
            given: given.to_owned(),
            expected: "a duration such as 500ms, 10s or 1m30s, of a millisecond at least",
        };
        let mut rest = given.trim();
        if rest == "0" {
            return Ok(Self(0));
        }
        let mut total = 0.0_f64;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
            let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
            rest = &rest[digits..];
            let (unit, factor) =
                DURATION_UNITS.iter().find(|(unit, _)| rest.starts_with(unit)).ok_or_else(invalid)?;
            rest = &rest[unit.len()..];
            total += number * factor;
        }
        // Less than a millisecond would be rounded to zero, which engines treat as their default.
        if given.trim().is_empty() || !total.is_finite() || total > 1e13 || (total > 0.0 && total < 1.0) {
            return Err(invalid());
        }
        Ok(Self(whole(total)))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "callers have bounded it to a positive number far below u64::MAX"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl From<Millis> for std::time::Duration {
    fn from(millis: Millis) -> Self {
        Self::from_millis(millis.0)
    }
}

/// A number of bytes, written `512M`, `1g`, `64kb` with binary multiples (Compose specification, "Specifying byte values").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(pub u64);

text_form!(Bytes);

impl FromStr for Bytes {
    type Err = InvalidUnit;

    fn from_str(given: &str) -> Result<Self, InvalidUnit> {
        let invalid = || InvalidUnit { given: given.to_owned(), expected: "a size such as 64k, 512M or 1g" };
        let text = given.trim().to_ascii_lowercase();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let number: f64 = text[..digits].parse().map_err(|_| invalid())?;
        let factor: u64 = match &text[digits..] {
            "" | "b" => 1,
            "k" | "kb" => 1 << 10,
            "m" | "mb" => 1 << 20,
            "g" | "gb" => 1 << 30,
            "t" | "tb" => 1 << 40,
            _ => return Err(invalid()),
        };
        #[expect(clippy::cast_precision_loss, reason = "powers of two are exact")]
        let total = number * factor as f64;
        if total > 1e18 { Err(invalid()) } else { Ok(Self(whole(total))) }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, shift) in [("t", 40), ("g", 30), ("m", 20), ("k", 10)] {
            if self.0 != 0 && self.0.trailing_zeros() >= shift {
                return write!(f, "{}{unit}", self.0 >> shift);
            }
        }
        write!(f, "{}b", self.0)
    }
}

/// A share of processors in thousandths of one, written `"0.5"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cpus(pub u32);

text_form!(Cpus);

impl FromStr for Cpus {
    type Err = InvalidUnit;

    fn from_str(given: &str) -> Result<Self, InvalidUnit> {
        let share = given.trim().parse::<f64>().ok().filter(|n| *n > 0.0 && *n <= 4096.0);
        match share.map(|n| u32::try_from(whole(n * 1000.0))) {
            Some(Ok(thousandths)) if thousandths > 0 => Ok(Self(thousandths)),
            _ => Err(InvalidUnit {
                given: given.to_owned(),
                expected: "a number of processors such as 0.5 or 2",
            }),
        }
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 1000.0)
    }
}

/// A file's permission bits, written in octal: `"0644"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileMode(pub u32);

text_form!(FileMode);

impl FromStr for FileMode {
    type Err = InvalidUnit;

    fn from_str(given: &str) -> Result<Self, InvalidUnit> {
        let digits = given.trim().trim_start_matches("0o");
        match u32::from_str_radix(digits, 8) {
            Ok(mode) if mode <= 0o7777 => Ok(Self(mode)),
            _ => Err(InvalidUnit {
                given: given.to_owned(),
                expected: "a file mode in octal such as \"0644\"",
            }),
        }
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

/// A file's owner by number, written `"1000:1000"` or `"1000"` (then the group is the same number).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

text_form!(Owner);

impl FromStr for Owner {
    type Err = InvalidUnit;

    fn from_str(given: &str) -> Result<Self, InvalidUnit> {
        let (user, group) = given.trim().split_once(':').unwrap_or((given.trim(), given.trim()));
        match (user.parse(), group.parse()) {
            (Ok(uid), Ok(gid)) => Ok(Self { uid, gid }),
            _ => Err(InvalidUnit {
                given: given.to_owned(),
                expected: "a numeric owner such as \"1000:1000\" (names differ between images)",
            }),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed_like_in_compose() {
        for (text, millis) in
            [("10s", 10_000), ("1m30s", 90_000), ("500ms", 500), ("1.5s", 1500), ("1h", 3_600_000), ("0", 0)]
        {
            assert_eq!(text.parse(), Ok(Millis(millis)));
        }
        for text in ["", "10", "s", "-1s", "1x", "1e999s"] {
            assert!(text.parse::<Millis>().is_err(), "{text}");
        }
    }

    #[test]
    fn printed_values_read_back_unchanged() {
        for millis in [0, 1, 999, 1000, 90_000, 3_661_001] {
            assert_eq!(Millis(millis).to_string().parse(), Ok(Millis(millis)));
        }
        for bytes in [0, 1, 1023, 1024, 6 << 20, 5 << 30] {
            assert_eq!(Bytes(bytes).to_string().parse(), Ok(Bytes(bytes)));
        }
        for cpus in [1, 250, 1000, 1500] {
            assert_eq!(Cpus(cpus).to_string().parse(), Ok(Cpus(cpus)));
        }
        assert_eq!(FileMode(0o600).to_string(), "0600");
        assert_eq!("101".parse(), Ok(Owner { uid: 101, gid: 101 }));
    }
}
