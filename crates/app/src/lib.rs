//! DevArch.
