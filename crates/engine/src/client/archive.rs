//! Files into a container, as one tar archive.

use super::{BollardEngine, Result};
use crate::cause::{During, Failure};
use bollard::query_parameters::UploadToContainerOptions;
use devarch_core::{id::ContainerId, spec::FileSpec};
use std::{
    collections::BTreeMap,
    io,
    time::{SystemTime, UNIX_EPOCH},
};
use tar::{Builder, EntryType, Header};

/// Unpacked at the root, where both engines make missing directories themselves and leave existing ones alone.
pub(super) async fn put(
    engine: &BollardEngine,
    id: &ContainerId,
    files: &BTreeMap<String, FileSpec>,
) -> Result<()> {
    let action = || format!("put {} files into container {id}", files.len());
    let archive = pack(files).map_err(|error| Failure::Garbled(error.to_string())).during(action)?;
    let options = UploadToContainerOptions { path: "/".to_owned(), ..Default::default() };
    let body = bollard::body_full(archive.into());
    engine.timed(engine.docker.upload_to_container(id.as_str(), Some(options), body)).await.during(action)
}

fn pack(files: &BTreeMap<String, FileSpec>) -> io::Result<Vec<u8>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut archive = Builder::new(Vec::new());
    for (path, file) in files {
        let content = file.content.reveal().as_bytes();
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(content.len() as u64);
        header.set_mode(file.mode.0);
        header.set_uid(file.owner.uid.into());
        header.set_gid(file.owner.gid.into());
        header.set_mtime(now);
        archive.append_data(&mut header, path.trim_start_matches('/'), content)?;
    }
    archive.into_inner()
}
