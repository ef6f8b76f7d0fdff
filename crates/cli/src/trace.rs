//! Traces: use-cases and steps with `-v`, engine calls and database queries with `-vv`, more with `-vvv`.
//!
//! `DEVARCH_LOG` sets a filter in the syntax of `tracing_subscriber::EnvFilter` instead; `DEVARCH_LOG_FORMAT=json`
//! prints a JSON object per line. Spans are printed when they end, with their duration.

use crate::{error::CliError, terminal::EscapedStderr};
use std::ffi::OsString;
use tracing_subscriber::{EnvFilter, fmt::format::FmtSpan};

/// Starts tracing to stderr if the flags or the environment ask for it.
///
/// # Errors
///
/// If the filter or the format of the environment is invalid.
pub(crate) fn start(verbose: u8, variable: impl Fn(&str) -> Option<OsString>) -> Result<(), CliError> {
    let given = |value: Option<OsString>| value.map(|value| value.to_string_lossy().into_owned());
    let format = given(variable("DEVARCH_LOG_FORMAT")).filter(|format| !format.is_empty());
    let json = match format.as_deref() {
        None | Some("text") => false,
        Some("json") => true,
        Some(other) => {
            let message = format!("DEVARCH_LOG_FORMAT: {other:?} is neither text nor json");
            return Err(CliError::Invalid(message));
        }
    };
    let filter = given(variable("DEVARCH_LOG")).filter(|filter| !filter.is_empty());
    let Some(filter) = filter.or_else(|| chosen(verbose)) else { return Ok(()) };
    let filter = EnvFilter::try_new(&filter)
        .map_err(|error| CliError::Invalid(format!("DEVARCH_LOG: {filter:?} is not a filter: {error}")))?;
    let traces = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(EscapedStderr)
        .with_ansi(false);
    if json {
        traces.json().init();
    } else {
        traces.init();
    }
    Ok(())
}

fn chosen(verbose: u8) -> Option<String> {
    let (own, queries) = match verbose {
        0 => return None,
        1 => ("info", "warn"),
        2 => ("debug", "debug"),
        _ => ("trace", "trace"),
    };
    let crates = ["devarch", "devarch_app", "devarch_engine", "devarch_store"];
    let own = crates.map(|name| format!("{name}={own}")).join(",");
    Some(format!("{own},sqlx::query={queries}"))
}
