//! Retry with exponential backoff, deterministic: the waits are a function of the attempt alone.

use std::{error::Error, future::Future, time::Duration};

use crate::Shutdown;

/// The sequence of waits: `first`, doubled each time, never above `max`; at most `attempts` calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Wait after the first failure.
    pub first: Duration,
    /// Upper bound of one wait.
    pub max: Duration,
    /// Calls in all, at least one; `u32::MAX` in practice means until shutdown.
    pub attempts: u32,
}

impl Backoff {
    /// 100 ms doubling to 5 s, until shutdown: for work that the process cannot go on without.
    pub const FOREVER: Self = Self {
        first: Duration::from_millis(100),
        max: Duration::from_secs(5),
        attempts: u32::MAX,
    };

    /// The wait after failure number `failures` (1 is the first).
    pub fn wait(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.max)
    }
}

/// Why a retried operation gave up.
#[derive(Debug, thiserror::Error)]
pub enum RetryError<E> {
    /// The last attempt failed with this.
    #[error("{what} failed {attempts} times")]
    Exhausted {
        /// The operation's name.
        what: &'static str,
        /// Attempts made.
        attempts: u32,
        /// The last error.
        source: E,
    },
    /// The process is ending.
    #[error("shut down while retrying")]
    Shutdown,
}

/// Calls `operation` until it succeeds, the attempts are used up, or the process ends.
/// Every failure is logged under the name `what`.
pub async fn retry<T, E, F, Fut>(
    what: &'static str,
    backoff: Backoff,
    shutdown: &Shutdown,
    mut operation: F,
) -> Result<T, RetryError<E>>
where
    E: Error + 'static,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let mut failures = 0u32;
    loop {
        let error = match operation().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        failures = failures.saturating_add(1);
        if failures >= backoff.attempts {
            return Err(RetryError::Exhausted {
                what,
                attempts: failures,
                source: error,
            });
        }
        let wait = backoff.wait(failures);
        tracing::warn!(
            error = &error as &dyn Error,
            failures,
            wait_ms = wait.as_millis() as u64,
            "{what} failed, trying again"
        );
        tokio::select! {
            () = shutdown.cancelled() => return Err(RetryError::Shutdown),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{cell::Cell, time::Duration};

    use super::{Backoff, RetryError, retry};
    use crate::Shutdown;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_secs(1),
        max: Duration::from_secs(3),
        attempts: 4,
    };

    #[derive(Debug, thiserror::Error)]
    #[error("never")]
    struct Never;

    #[test]
    fn waits_double_up_to_the_bound() {
        let waits: Vec<u64> = (1..=4).map(|n| BACKOFF.wait(n).as_secs()).collect();
        assert_eq!(waits, [1, 2, 3, 3]);
        assert_eq!(BACKOFF.wait(u32::MAX).as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn succeeds_after_failures() {
        let calls = Cell::new(0);
        let value = retry("test", BACKOFF, &Shutdown::new(), || {
            calls.set(calls.get() + 1);
            let n = calls.get();
            async move { if n < 3 { Err(Never) } else { Ok(n) } }
        })
        .await
        .unwrap();
        assert_eq!(value, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_after_the_last_attempt() {
        let calls = Cell::new(0);
        let error = retry("test", BACKOFF, &Shutdown::new(), || {
            calls.set(calls.get() + 1);
            async { Err::<(), _>(Never) }
        })
        .await
        .unwrap_err();
        assert!(matches!(
            error,
            RetryError::Exhausted {
                attempts: 4,
                source: Never,
                ..
            }
        ));
        assert_eq!(calls.get(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_ends_the_wait() {
        let shutdown = Shutdown::new();
        shutdown.cancel();
        let result = retry("test", BACKOFF, &shutdown, || async { Err::<(), _>(Never) }).await;
        assert!(matches!(result, Err(RetryError::Shutdown)));
    }
}
