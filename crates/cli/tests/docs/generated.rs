//! Generated parts of pages.

pub(crate) use devarch_testkit::page::hold;
