//! DevArch command line.
fn main() {}
