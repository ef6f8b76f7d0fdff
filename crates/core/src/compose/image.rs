//! The source of a service's image: `build` and `pull_policy`.

use super::{
    Interpolated,
    config_file::value,
    model::{Build, Dockerfile},
    secrets::{Holder, Secrets},
};
use crate::{build::BuildSpec, name::InstanceName, resolve::Supply, template};

/// Converts the build of an instance's image.
pub(super) fn build(name: &InstanceName, spec: &BuildSpec, secrets: &Secrets) -> Build {
    let args = spec.args.iter().map(|(arg, text)| {
        let holder = Holder::Argument(name.clone(), arg.clone());
        (arg.clone(), value(text, &holder, secrets))
    });
    Build {
        context: Interpolated::literal(&spec.context),
        dockerfile: match &spec.dockerfile {
            template::Dockerfile::Path(path) => Dockerfile::Path(Interpolated::literal(path)),
            template::Dockerfile::Inline(text) => Dockerfile::Inline(Interpolated::literal(text)),
        },
        args: args.collect(),
        target: spec.target.as_ref().map(Interpolated::literal),
    }
}

/// Returns the pull policy, or `None` for Compose's default.
pub(super) fn pull_policy(supply: Supply) -> Option<&'static str> {
    match supply {
        Supply::Always => Some("always"),
        Supply::Never => Some("never"),
        Supply::Missing | Supply::Build => None,
    }
}
