//! Arguments about images.

use devarch_app::ImageOptions;
use devarch_core::template::PullPolicy;

/// Overrides every instance's `pull_policy`.
#[derive(Debug, clap::Args)]
pub(crate) struct PullArg {
    /// Pull policy for all images; without a value, `always`
    #[arg(long, value_name = "POLICY", num_args = 0..=1, require_equals = true, default_missing_value = "always")]
    pull: Option<Pull>,
}

/// Policies that can apply to all images.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Pull {
    /// Check every tag
    Always,
    /// Pull missing images
    Missing,
    /// Pull no images
    Never,
}

/// How images are supplied before planning.
#[derive(Debug, clap::Args)]
pub(crate) struct ImageArgs {
    #[command(flatten)]
    pull: PullArg,
    /// Build images even if nothing changed
    #[arg(long)]
    build: bool,
}

impl PullArg {
    /// Converts to the application's options.
    pub(crate) fn options(&self) -> ImageOptions {
        let pull = self.pull.map(|pull| match pull {
            Pull::Always => PullPolicy::Always,
            Pull::Missing => PullPolicy::Missing,
            Pull::Never => PullPolicy::Never,
        });
        ImageOptions { pull, build: false }
    }
}

impl ImageArgs {
    /// Converts to the application's options.
    pub(crate) fn options(&self) -> ImageOptions {
        ImageOptions { build: self.build, ..self.pull.options() }
    }
}
