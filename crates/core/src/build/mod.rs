//! Images that stacks build: what of, and how it is told apart from what was built before.

mod hash;
mod spec;

pub use hash::{BuildHash, BuildHasher, BuildPart, Content};
pub use spec::BuildSpec;
