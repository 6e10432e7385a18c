//! The devnet's rollers: separate operating-system processes that share nothing with the node but the network.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::Address;
use eyre::{bail, eyre};

use crate::roller_process::RollerProcess;

/// The devnet's rollers, which the script kills and everybody else looks after.
#[derive(Clone, Debug, Default)]
pub struct Rollers(Arc<Mutex<Vec<RollerProcess>>>);

impl Rollers {
    fn lock(&self) -> MutexGuard<'_, Vec<RollerProcess>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more.
    pub fn add(&self, roller: RollerProcess) {
        self.lock().push(roller);
    }

    /// Sentences about those that have ended by themselves. They are not looked after any more: a network goes on without
    /// one of its rollers.
    pub fn ended(&self) -> eyre::Result<Vec<String>> {
        let mut sentences = Vec::new();
        let mut rollers = self.lock();
        for at in (0..rollers.len()).rev() {
            if let Some(sentence) = rollers[at].ended()? {
                rollers.remove(at);
                sentences.push(sentence);
            }
        }
        Ok(sentences)
    }

    /// Fails with a sentence if one has ended by itself.
    pub fn check_alive(&self) -> eyre::Result<()> {
        match self.ended()?.pop() {
            Some(sentence) => bail!(sentence),
            None => Ok(()),
        }
    }

    /// Kills the process of this identity at once, as a power cut would, and returns its name.
    pub fn kill(&self, roller: Address) -> eyre::Result<String> {
        let mut rollers = self.lock();
        let at = rollers
            .iter()
            .position(|process| process.roller() == roller)
            .ok_or_else(|| eyre!("the roller {roller} is none of ours"))?;
        let mut process = rollers.remove(at);
        process.kill()
    }

    /// Stops all of them.
    pub async fn stop(&self) -> eyre::Result<()> {
        let rollers = std::mem::take(&mut *self.lock());
        for process in rollers {
            process.stop().await?;
        }
        Ok(())
    }
}
