//! What a roller looks at for its metrics, beside its work.

use std::{convert::Infallible, path::Path, time::Duration};

use rollmill_runtime::{chain, free_bytes};

use super::Daemon;

/// Pause between looks.
const LOOK: Duration = Duration::from_secs(60);
/// Free bytes below which a roller is about to stop: a proof and its witness take a few megabytes.
const DISK_MIN: u64 = 256 << 20;

impl Daemon {
    /// Looks at disk and earnings until the shutdown.
    pub(super) async fn watch(&self, data_dir: &Path) -> Result<(), Infallible> {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while self.shutdown.run_until(ticks.tick()).await.is_some() {
            self.look_at_disk(data_dir);
            let asked = self.look_at_earnings();
            if self.shutdown.run_until(asked).await.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn look_at_disk(&self, data_dir: &Path) {
        let Some(free) = free_bytes(data_dir) else {
            return;
        };
        self.progress.metrics().disk_free(free);
        let is_low = free < DISK_MIN;
        let why = is_low.then(|| format!("{} MiB of the disk are free", free >> 20));
        self.health.tell("disk", why);
    }

    /// The fallback prover is not paid.
    async fn look_at_earnings(&self) {
        if self.identity.asker.is_none() {
            return;
        }
        match self.client.roller(self.identity.roller).await {
            Ok(record) => self.progress.metrics().earned(record.earned_wei),
            Err(error) => tracing::debug!("cannot ask for the own record: {}", chain(&error)),
        }
    }
}
