//! Conversions of a container spec's values to their forms in a Compose file.

use super::{Interpolated, model::ServiceHealthcheck};
use crate::{
    template::{HealthTest, Healthcheck, TmpfsMount, Ulimit},
    unit::{Bytes, Millis},
};
use std::{collections::BTreeMap, fmt::Write as _};

/// A value that is copied from a container's spec to its Compose service.
pub(super) trait Exported {
    /// Its type in the Compose file.
    type Form;

    /// Converts the value.
    fn exported(&self) -> Self::Form;
}

/// Implements [`Exported`] for values without text, in which Compose would replace nothing.
macro_rules! as_they_are {
    ($($type:ty),*) => { $( impl Exported for $type {
        type Form = Self;

        fn exported(&self) -> Self {
            *self
        }
    } )* };
}

as_they_are!(bool, i64, Millis, Bytes, Ulimit);

impl Exported for String {
    type Form = Interpolated;

    fn exported(&self) -> Interpolated {
        Interpolated::literal(self)
    }
}

impl<T: Exported> Exported for Option<T> {
    type Form = Option<T::Form>;

    fn exported(&self) -> Self::Form {
        self.as_ref().map(Exported::exported)
    }
}

impl<T: Exported> Exported for Vec<T> {
    type Form = Vec<T::Form>;

    fn exported(&self) -> Self::Form {
        self.iter().map(Exported::exported).collect()
    }
}

impl<T: Exported> Exported for BTreeMap<String, T> {
    type Form = BTreeMap<String, T::Form>;

    fn exported(&self) -> Self::Form {
        self.iter().map(|(key, value)| (key.clone(), value.exported())).collect()
    }
}

/// `/run:size=67108864,mode=1777`: the kernel gets these options, and does not know Compose's units `m` and `b`.
impl Exported for TmpfsMount {
    type Form = Interpolated;

    fn exported(&self) -> Interpolated {
        let mut text = self.target.clone();
        let mut separator = ':';
        if let Some(size) = self.size {
            let _ = write!(text, "{separator}size={}", size.0);
            separator = ',';
        }
        if let Some(mode) = self.mode {
            let _ = write!(text, "{separator}mode={mode}");
        }
        Interpolated::literal(text)
    }
}

impl Exported for Healthcheck {
    type Form = ServiceHealthcheck;

    fn exported(&self) -> ServiceHealthcheck {
        if self.test == HealthTest::None {
            return ServiceHealthcheck { disable: true, ..ServiceHealthcheck::default() };
        }
        ServiceHealthcheck {
            disable: false,
            test: self.test.to_argv().exported(),
            interval: self.interval,
            timeout: self.timeout,
            retries: self.retries,
            start_period: self.start_period,
            start_interval: self.start_interval,
        }
    }
}
