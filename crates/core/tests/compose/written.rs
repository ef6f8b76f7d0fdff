//! devarch.yml as written.
