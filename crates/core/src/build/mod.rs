//! Images that stacks build: their inputs, and how builds are distinguished.

mod hash;
mod spec;

pub use hash::{BuildHash, BuildHasher, BuildPart, Content};
pub use spec::BuildSpec;
