//! Parts of pages that are written from what the program knows.

pub(crate) use devarch_testkit::page::hold;
