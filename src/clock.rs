//! The clock by which steps are bounded: that of the system, or one that stands still where the system has none.
//!
//! Where the clock stands still no deadline ever passes, and no time ever does: steps end by counted work alone.

/// Whether the target has a clock. (On `wasm32-unknown-unknown` std's panics.)
pub(crate) const HAS_CLOCK: bool = cfg!(not(all(target_family = "wasm", target_os = "unknown")));

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub(crate) use std::time::Instant;

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub(crate) use still::Instant;

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod still {
    use core::ops::Sub;
    use core::time::Duration;

    /// The moment at which the clock stands.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
    pub(crate) struct Instant;

    impl Instant {
        pub(crate) fn now() -> Instant {
            Instant
        }

        pub(crate) fn elapsed(&self) -> Duration {
            Duration::ZERO
        }

        pub(crate) fn saturating_duration_since(&self, _: Instant) -> Duration {
            Duration::ZERO
        }

        /// Returns `None`: later moments never come.
        pub(crate) fn checked_add(&self, _: Duration) -> Option<Instant> {
            None
        }

        /// Returns `None`: there was no earlier moment.
        pub(crate) fn checked_sub(&self, _: Duration) -> Option<Instant> {
            None
        }
    }

    impl Sub for Instant {
        type Output = Duration;

        fn sub(self, _: Instant) -> Duration {
            Duration::ZERO
        }
    }
}
