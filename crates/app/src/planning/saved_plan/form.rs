//! The stored formats of a saved plan.

use crate::PrepareOptions;
use devarch_core::{
    plan::Assumptions,
    record::{RecordError, Versioned, version},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the options' format.
const REQUEST: u64 = 1;

/// The version of the assumptions' format. In version 1 the facts were the record itself, which left no room for a
/// version.
const ASSUMED: u64 = 2;

#[derive(Serialize)]
pub(super) struct Facts<'a> {
    facts: &'a Assumptions,
}

#[derive(Deserialize)]
struct ReadFacts {
    facts: Assumptions,
}

pub(super) fn request(options: &PrepareOptions) -> Versioned<&PrepareOptions> {
    Versioned::new(REQUEST, options)
}

pub(super) fn assumed(facts: &Assumptions) -> Versioned<Facts<'_>> {
    Versioned::new(ASSUMED, Facts { facts })
}

pub(super) fn read_request(text: &str) -> Result<PrepareOptions, RecordError> {
    let record: Value = serde_json::from_str(text)?;
    version(&record, REQUEST)?;
    Ok(serde_json::from_value(record)?)
}

pub(super) fn read_assumed(text: &str) -> Result<Assumptions, RecordError> {
    let record: Value = serde_json::from_str(text)?;
    if version(&record, ASSUMED)? == 1 {
        return Ok(serde_json::from_value(record)?);
    }
    Ok(serde_json::from_value::<ReadFacts>(record)?.facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST_1: &str = include_str!("../../../tests/records/request-1.json");
    const ASSUMED_1: &str = include_str!("../../../tests/records/assumed-1.json");

    fn json<T: Serialize>(record: &T) -> String {
        serde_json::to_string(record).unwrap()
    }

    #[test]
    fn a_request_without_a_version_is_read_and_written_with_one() {
        let options = read_request(REQUEST_1).unwrap();
        assert_eq!(options, PrepareOptions::default());
        let written = json(&request(&options));
        assert_eq!(written, REQUEST_1.replacen('{', "{\"version\":1,", 1));
        assert_eq!(read_request(&written).unwrap(), options);
    }

    #[test]
    fn assumptions_without_a_version_are_read_and_written_in_version_2() {
        let facts = read_assumed(ASSUMED_1).unwrap();
        let written = json(&assumed(&facts));
        assert_eq!(written, format!("{{\"version\":2,\"facts\":{ASSUMED_1}}}"));
        assert_eq!(read_assumed(&written).unwrap(), facts);
    }

    #[test]
    fn a_plan_saved_by_a_newer_version_is_refused() {
        let refused = read_request(r#"{"version":2}"#).unwrap_err().to_string();
        assert!(refused.contains("newer devarch (form 2, this one knows 1)"), "{refused}");
        let refused = read_assumed(r#"{"version":3,"facts":{}}"#).unwrap_err().to_string();
        assert!(refused.contains("newer devarch (form 3, this one knows 2)"), "{refused}");
    }
}
