//! The config hash: a keyed hash of the config a container was created from, stored in its label. It is keyed so that
//! the label cannot be used to guess a secret. Defaults are left out of the hashed form, so that a newer DevArch with
//! more fields does not detect a change where there is none.

use crate::{
    hash::{HashKey, absorb},
    persisted::{CONFIG_FORM, config_form},
    spec::ContainerSpec,
};
use hmac::Mac as _;

/// Returns the hash of a container's config as `FORM:hex`. The image's content is not included: a moved tag is
/// detected by the image's id. Nor is the name of an image that the stack builds: that is compared by its build hash.
pub fn config_hash(key: &HashKey, spec: &ContainerSpec) -> String {
    let mut mac = key.mac();
    absorb(&mut mac, config_form(spec).to_string().as_bytes());
    for (field, secret) in spec.secrets() {
        absorb(&mut mac, field.as_bytes());
        absorb(&mut mac, secret.reveal().as_bytes());
    }
    format!("{CONFIG_FORM}:{}", hex::encode(mac.finalize().into_bytes()))
}
