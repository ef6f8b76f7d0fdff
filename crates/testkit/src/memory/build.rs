//! The subset of Dockerfiles that tests need: `FROM`, and `RUN` lines as [`super::busybox`] understands commands.

use super::{
    behaviour::{Argv, Life},
    plain_image,
    state::Refusal,
};
use devarch_core::{observed::ImageInfo, template::Dockerfile};
use devarch_engine::{BuildRequest, EngineErrorKind as Kind};
use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
};

/// The result of a build that succeeds if its base images are available.
pub(super) struct Built {
    pub(super) bases: Vec<String>,
    pub(super) image: ImageInfo,
}

/// The same Dockerfile and arguments give the same image.
pub(super) fn build(
    request: &BuildRequest,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Built, Refusal> {
    let failed = |message: String| (Kind::BuildFailed, message);
    let text = match &request.dockerfile {
        Dockerfile::Inline(text) => text.clone(),
        Dockerfile::Path(path) => {
            let path = request.context.join(path);
            fs::read_to_string(&path).map_err(|error| failed(format!("{}: {error}", path.display())))?
        }
    };
    let steps: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let (mut bases, mut stages) = (Vec::new(), Vec::new());
    for (number, step) in steps.iter().enumerate() {
        let step_line = format!("Step {}/{} : {step}", number + 1, steps.len());
        progress(step_line.clone());
        match *step.split_whitespace().collect::<Vec<_>>() {
            ["FROM", base, ref rest @ ..] => {
                if !stages.contains(&base) {
                    bases.push(base.to_owned());
                }
                stages.extend(rest.last());
            }
            ["RUN", ..] => run(step.trim_start_matches("RUN "), progress)
                .map_err(|(output, code)| failed(format!("exit code {code} at {step_line}\n{output}")))?,
            _ => {}
        }
    }
    let mut digest = DefaultHasher::new();
    text.hash(&mut digest);
    request.args.iter().for_each(|(name, value)| (name, value.reveal()).hash(&mut digest));
    request.target.hash(&mut digest);
    request.labels.hash(&mut digest);
    let mut image = plain_image(&format!("sha256:{:016x}", digest.finish()));
    image.labels.clone_from(&request.labels);
    Ok(Built { bases, image })
}

fn run(line: &str, progress: &(dyn Fn(String) + Send + Sync)) -> Result<(), (String, i64)> {
    let behaviour = Argv::shell(line).behaviour();
    behaviour.output.lines().for_each(|line| progress(line.to_owned()));
    match behaviour.life {
        Life::Exits(0) | Life::Runs(_) => Ok(()),
        Life::Exits(code) => Err((behaviour.output, code)),
        Life::CannotStart => Err((behaviour.output, 127)),
    }
}
