//! Times in this machine's time zone.

use jiff::{Timestamp, tz::TimeZone};

/// `2026-11-23 18:04:05`, from milliseconds since the Unix epoch.
pub(crate) fn clock(milliseconds: i64) -> String {
    let Ok(time) = Timestamp::from_millisecond(milliseconds) else { return milliseconds.to_string() };
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `1.25 s`, from milliseconds.
pub(crate) fn seconds(milliseconds: i64) -> String {
    format!("{}.{:02} s", milliseconds / 1000, milliseconds % 1000 / 10)
}
