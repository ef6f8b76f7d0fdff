//! The config hash: a keyed hash of what a container was made from, kept in its label. Keyed, so that the label
//! can't be used to guess a secret; of a form with defaults left out, so that a newer DevArch with more fields does
//! not see a change where there is none.

use crate::{
    hash::{HashKey, absorb},
    persisted::{CONFIG_FORM, config_form},
    spec::ContainerSpec,
};
use hmac::Mac as _;

/// `FORM:hex` of a container's config. The image's content is not part of it: a moved tag is told apart by the
/// image's id. Nor is the name of an image that the stack builds: that is told apart by what it was built from.
pub fn config_hash(key: &HashKey, spec: &ContainerSpec) -> String {
    let mut mac = key.mac();
    absorb(&mut mac, config_form(spec).to_string().as_bytes());
    for (field, secret) in spec.secrets() {
        absorb(&mut mac, field.as_bytes());
        absorb(&mut mac, secret.reveal().as_bytes());
    }
    format!("{CONFIG_FORM}:{}", hex::encode(mac.finalize().into_bytes()))
}
