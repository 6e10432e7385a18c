//! The prices of data and proving: a state holds those of the block after it.

use std::sync::{Mutex, PoisonError};

use alloy_consensus::Header;
use alloy_primitives::B256;
use rollmill_stf::fees::FeePrices;

use super::{Chain, StorageError, corrupt};

/// The prices in the state that was asked for last, by its root. Every transaction that is offered asks for those of the newest
/// state. A root means one state for ever, so blocks that are taken back make nothing of it wrong.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Option<(B256, FeePrices)>>);

impl Known {
    fn of(&self, root: B256) -> Option<FeePrices> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.filter(|known| known.0 == root).map(|known| known.1)
    }

    fn set(&self, root: B256, prices: FeePrices) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((root, prices));
    }
}

impl Chain {
    /// The prices of data and proving in the block after the one with this header; zero where the chain has none.
    ///
    /// # Errors
    /// [`StorageError`]: the state could not be read.
    pub fn fee_prices_after(&self, header: &Header) -> Result<FeePrices, StorageError> {
        if !self.rules().is_rollmill() {
            return Ok(FeePrices::default());
        }
        if let Some(prices) = self.0.prices.of(header.state_root) {
            return Ok(prices);
        }
        let prices = FeePrices::of_state(&mut self.state_at(header)?)
            .map_err(|error| corrupt(format!("prices after block {}: {error}", header.number)))?;
        self.0.prices.set(header.state_root, prices);
        Ok(prices)
    }
}
