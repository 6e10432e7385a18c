//! One token that ends the process; children can be ended alone.

use std::future::Future;

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// Cloneable shutdown token. Cancelling it ends this part and all its children, never its parent.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// A new, live token.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that ends with this one, or alone.
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// Begins the shutdown.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// True once the shutdown has begun.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Completes when the shutdown begins.
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        self.0.cancelled()
    }

    /// The output of `future`, or `None` when the shutdown begins first (the future is dropped).
    pub async fn run_until<F: Future>(&self, future: F) -> Option<F::Output> {
        self.0.run_until_cancelled(future).await
    }

    /// The underlying token, for crates that take one.
    pub fn token(&self) -> CancellationToken {
        self.0.clone()
    }

    /// Cancels this token when standard input ends: a child process whose parent holds the other end of the pipe ends
    /// with its parent, however that dies.
    pub fn listen_for_end_of_input(&self) {
        let shutdown = self.clone();
        // A thread of its own: it sits in a read that nothing interrupts, and must not hold up the runtime's end.
        std::thread::spawn(move || {
            let ended = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            tracing::info!(?ended, "standard input has ended, shutting down");
            shutdown.cancel();
        });
    }

    /// Cancels this token at the first SIGINT or SIGTERM; at the second the process exits at once with status 130.
    /// Call it once, inside the runtime.
    pub fn listen_for_signals(&self) {
        self.listen_for_signals_and(|| {});
    }

    /// The same, with something to do before the second signal ends the process.
    pub fn listen_for_signals_and(&self, last: impl FnOnce() + Send + 'static) {
        let shutdown = self.clone();
        tokio::spawn(async move {
            let name = next_signal().await;
            tracing::info!(signal = name, "shutting down");
            shutdown.cancel();
            let name = next_signal().await;
            tracing::warn!(signal = name, "second signal, exiting at once");
            last();
            std::process::exit(130);
        });
    }
}

impl From<CancellationToken> for Shutdown {
    fn from(token: CancellationToken) -> Self {
        Self(token)
    }
}

async fn next_signal() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return match tokio::signal::ctrl_c().await {
            Ok(()) => "SIGINT",
            Err(_) => std::future::pending().await,
        };
    };
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        result = tokio::signal::ctrl_c() => match result {
            Ok(()) => "SIGINT",
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::Shutdown;

    #[tokio::test]
    async fn children_end_with_their_parent_and_alone() {
        let parent = Shutdown::new();
        let (first, second) = (parent.child(), parent.child());
        first.cancel();
        assert!(first.is_cancelled() && !parent.is_cancelled() && !second.is_cancelled());
        parent.cancel();
        second.cancelled().await;
        assert!(
            second
                .run_until(std::future::pending::<()>())
                .await
                .is_none()
        );
    }
}
