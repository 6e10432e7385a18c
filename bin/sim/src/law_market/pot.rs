//! The emission: at the end of each of its epochs a fixed pot is divided over the prover gas that was settled and paid in it, by the law's
//! own functions. Gas is counted like rewards, by shares of the tickets.

use super::{LawMarket, hours_ms};
use crate::world::Emission;
use rollmill_protocol::{
    Roller, ScrWei,
    law::emission::{EmissionParams, SettledWork, pot},
};

/// The running epoch's pot.
#[derive(Debug)]
pub(super) struct Pot {
    params: EmissionParams,
    epoch: u64,
    epoch_ms: u64,
    work: SettledWork,
}

impl Pot {
    pub(super) fn of(emission: &Emission) -> Self {
        let params = EmissionParams {
            pot: ScrWei((emission.pot_scr * 1e18) as u128),
            halving_epochs: u64::MAX,
            batch_gas_max: emission.gas_max,
        };
        Self {
            params,
            epoch: 0,
            epoch_ms: hours_ms(emission.epoch_hours).max(1),
            work: SettledWork::default(),
        }
    }
}

impl LawMarket<'_> {
    /// Counts a roller's share of a settled batch.
    pub(super) fn count_work(&mut self, roller: Roller, gas: u64, share: f64) {
        if self.pot.params.pot > ScrWei::ZERO {
            let counted = gas.min(self.pot.params.batch_gas_max) as f64 * share;
            let params = self.pot.params;
            self.pot.work.count(&params, roller, counted as u64);
        }
    }

    /// Divides the pot when its epoch is over.
    pub(super) fn divide_pot(&mut self) {
        if self.now_ms / self.pot.epoch_ms == self.pot.epoch {
            return;
        }
        let amount = pot(&self.pot.params, self.pot.epoch);
        self.pot.epoch = self.now_ms / self.pot.epoch_ms;
        let work = std::mem::take(&mut self.pot.work);
        for (roller, share) in work.divide(amount) {
            let worker = self.names[self.name_of[&roller]].worker;
            self.recorder
                .income(worker, share.0 as f64 / 1e18, self.now_ms);
        }
    }
}
