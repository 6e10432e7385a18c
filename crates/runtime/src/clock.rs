//! Unix time as a value: the system's, or one that a test moves by hand.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// Source of wall-clock time. Libraries take times as arguments; only loops at the edge hold a clock.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The operating system's clock.
    #[default]
    System,
    /// Milliseconds since the Unix epoch, moved by whoever holds a clone.
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// A clock that stands at `unix_s` until [`Clock::advance_ms`] moves it.
    pub fn manual(unix_s: u64) -> Self {
        Self::Manual(Arc::new(AtomicU64::new(unix_s.saturating_mul(1000))))
    }

    /// Milliseconds since the Unix epoch.
    pub fn now_unix_ms(&self) -> u64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| {
                    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
                }),
            Self::Manual(ms) => ms.load(Ordering::SeqCst),
        }
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub fn now_unix_s(&self) -> u64 {
        self.now_unix_ms() / 1000
    }

    /// Moves a manual clock forward. The system's clock moves by itself and ignores the call.
    pub fn advance_ms(&self, ms: u64) {
        if let Self::Manual(now) = self {
            now.fetch_add(ms, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn manual_clock_moves_only_by_hand() {
        let clock = Clock::manual(100);
        assert_eq!(clock.now_unix_s(), 100);
        clock.clone().advance_ms(1500);
        assert_eq!(clock.now_unix_ms(), 101_500);
        assert_eq!(clock.now_unix_s(), 101);
    }
}
