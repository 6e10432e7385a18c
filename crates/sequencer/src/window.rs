//! How many tasks the rollers work on at once: the dial WINDOW, as L1 has it in force.
//!
//! Sequencer and coordinator meet on L1, so the batcher learns of the dial there. It moves by an eighth an epoch at most: looking every few
//! seconds is often enough, and while L1 does not answer the last one stands.

use std::time::Duration;

use rollmill_l1::{Deployment, DynProvider, contracts::Control};
use rollmill_runtime::Shutdown;
use tokio::sync::watch;

/// Pause between looks.
const POLL: Duration = Duration::from_secs(10);

/// Follows the dial.
pub(crate) struct WindowReader {
    control: Control::ControlInstance<DynProvider>,
    window: watch::Sender<u32>,
}

impl WindowReader {
    /// Begins with the window of the law.
    pub(crate) fn new(l1: DynProvider, deployment: &Deployment) -> Self {
        Self {
            control: Control::new(deployment.control, l1),
            window: watch::Sender::new(deployment.law.window),
        }
    }

    /// The dial, as it was seen last.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u32> {
        self.window.subscribe()
    }

    /// Looks until the shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) -> Result<(), std::convert::Infallible> {
        while !shutdown.is_cancelled() {
            match self.control.current().call().await {
                Ok(dials) => {
                    self.window.send_replace(dials.window);
                }
                Err(error) => tracing::debug!(%error, "cannot read the dials on L1"),
            }
            shutdown.run_until(tokio::time::sleep(POLL)).await;
        }
        Ok(())
    }
}
