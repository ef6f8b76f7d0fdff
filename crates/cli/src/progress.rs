//! Progress of an apply: a live line for each instance on a terminal, plain lines otherwise.

use crate::{
    shown::Shown,
    terminal::{Terminal, to_stderr},
};
use devarch_app::Event;
use devarch_core::{
    escape,
    plan::{Plan, Step, StepId},
};
use devarch_engine::PullProgress;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::{Mutex, MutexGuard};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// Renders events as lines.
pub(crate) struct Progress {
    plan: Mutex<Option<Arc<Plan>>>,
    live: Option<MultiProgress>,
    begun: Instant,
    lines: Mutex<BTreeMap<String, Line>>,
}

/// The line of an instance, an image or the stack.
#[derive(Default)]
struct Line {
    bar: Option<ProgressBar>,
    /// Steps in progress.
    left: usize,
    /// Bytes by layer of a pull.
    layers: BTreeMap<String, (u64, u64)>,
}

impl Progress {
    /// Creates a renderer that draws nothing until the first event.
    pub(crate) fn new(terminal: Terminal) -> Self {
        let target = || MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self {
            plan: Mutex::new(None),
            live: terminal.live.then(target),
            begun: Instant::now(),
            lines: Mutex::default(),
        }
    }

    /// Handles an event.
    pub(crate) fn event(&self, event: Event) {
        match event {
            Event::Planned(plan) => self.planned(plan),
            Event::Started(step) => self.show(&self.subject(step), &self.action(step), false),
            Event::Ended(step, _) => self.ended(step),
            Event::Failed(step) => {
                self.show(&self.subject(step), &format!("failed: {}", self.action(step)), true);
            }
            Event::PuttingBack { why } => {
                // The final error has the rest: the hint and the container's last lines.
                let why = why.lines().next().unwrap_or_default().split(';').next().unwrap_or_default();
                self.show("stack", &format!("{why}; rolling back"), false);
            }
            Event::Pull { image, progress } => self.pull(&image, progress),
            Event::Build { image, line } => self.build(&image, &line),
            Event::Waiting { step, last } => self.waiting(step, &last),
        }
    }

    /// Stops drawing. After a success the lines are cleared, because the status follows.
    pub(crate) fn end(&self, succeeded: bool) {
        for bar in self.lines().values().filter_map(|line| line.bar.as_ref()) {
            bar.abandon();
        }
        if let Some(live) = self.live.as_ref().filter(|_| succeeded) {
            // The terminal may be gone.
            let _ = live.clear();
        }
    }

    fn lines(&self) -> MutexGuard<'_, BTreeMap<String, Line>> {
        self.lines.lock()
    }

    fn planned(&self, plan: Arc<Plan>) {
        let mut lines = self.lines();
        for step in &plan.steps {
            lines.entry(subject(step)).or_default().left += 1;
        }
        drop(lines);
        *self.plan.lock() = Some(plan);
    }

    fn of_step(&self, step: StepId, describe: impl Fn(&Step) -> String) -> String {
        let plan = self.plan.lock();
        plan.as_ref().and_then(|plan| plan.steps.get(step.0)).map(describe).unwrap_or_default()
    }

    fn action(&self, step: StepId) -> String {
        self.of_step(step, |step| step.action.to_string())
    }

    fn subject(&self, step: StepId) -> String {
        self.of_step(step, subject)
    }

    fn ended(&self, step: StepId) {
        let subject = self.subject(step);
        let left = {
            let mut lines = self.lines();
            let line = lines.entry(subject.clone()).or_default();
            line.left = line.left.saturating_sub(1);
            line.left
        };
        if left == 0 {
            self.show(&subject, &format!("done after {:.1} s", self.begun.elapsed().as_secs_f64()), true);
        }
    }

    fn waiting(&self, step: StepId, last: &str) {
        if self.live.is_some() {
            let last = last.trim().lines().last().unwrap_or_default();
            let text = format!("{} ({last})", self.action(step));
            self.show(&self.subject(step), text.trim_end_matches(" ()"), false);
        }
    }

    fn pull(&self, image: &str, progress: PullProgress) {
        let subject = format!("image {image}");
        let (first, done, all) = {
            let mut lines = self.lines();
            let first = !lines.contains_key(&subject);
            let line = lines.entry(subject.clone()).or_default();
            if let Some(bytes) = progress.bytes {
                line.layers.insert(progress.layer, bytes);
            }
            let sum = |of: fn(&(u64, u64)) -> u64| line.layers.values().map(of).sum::<u64>();
            (first, sum(|bytes| bytes.0), sum(|bytes| bytes.1))
        };
        if self.live.is_some() || first {
            let text =
                if all == 0 { "pulling".to_owned() } else { format!("pulling {}", megabytes(done, all)) };
            self.show(&subject, &text, false);
        }
    }

    /// On a terminal, shows each line of the build in place; otherwise only that it builds, because a failure reports
    /// the last lines.
    fn build(&self, image: &str, line: &str) {
        let subject = format!("image {image}");
        let first = {
            let mut lines = self.lines();
            let first = !lines.contains_key(&subject);
            lines.entry(subject.clone()).or_default();
            first
        };
        if self.live.is_some() {
            self.show(&subject, &format!("building: {}", line.trim()), false);
        } else if first {
            self.show(&subject, "building", false);
        }
    }

    fn show(&self, subject: &str, text: &str, last: bool) {
        let Some(live) = &self.live else {
            to_stderr(&line(subject, text));
            return;
        };
        let mut lines = self.lines();
        let bar = lines.entry(subject.to_owned()).or_default().bar.get_or_insert_with(|| bar(live, subject));
        if last {
            bar.finish_with_message(escape::line(text).into_owned());
        } else {
            bar.set_message(escape::line(text).into_owned());
        }
    }
}

/// The plain line without a terminal.
pub(crate) fn line(subject: &str, text: &str) -> Shown {
    let mut line = Shown::default();
    write!(line, "{subject}: {text}");
    line
}

fn bar(live: &MultiProgress, subject: &str) -> ProgressBar {
    let bar = live.add(ProgressBar::new_spinner());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:24!} {wide_msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(escape::line(subject).into_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn subject(step: &Step) -> String {
    step.instance.as_ref().map_or_else(|| "stack".to_owned(), ToString::to_string)
}

fn megabytes(done: u64, all: u64) -> String {
    format!("{} of {} MB", done / 1_000_000, all.div_ceil(1_000_000))
}
