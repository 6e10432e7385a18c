//! Operators and their names on the board: what they register and declare.

use super::{LawMarket, NameState, Worker};
use crate::{
    fleet::{self, Operator},
    machine::Machine,
    strategy::Means,
};
use rollmill_protocol::{
    ScrWei,
    board::{Event, Presence},
    law::deadline::deadline_s,
};

impl LawMarket<'_> {
    pub(super) fn admit(&mut self, operator: Operator) {
        let worker = self.workers.len();
        let stake = ScrWei((operator.stake_scr * 1e18) as u128);
        self.workers.push(Worker {
            machine: Machine::new(operator.slots),
            operator,
            first_name: 0,
            names: 0,
            presence: Presence::Alive,
            down_until_ms: 0,
            is_away: false,
            is_renamed: false,
            seats: 0,
        });
        self.register(worker, stake);
    }

    /// Registers an operator's names with this stake; any former ones are no longer its own.
    pub(super) fn register(&mut self, worker: usize, stake: ScrWei) {
        let state = &self.workers[worker];
        let names = state.operator.strategy.names(&self.means(worker));
        let presence = state.presence;
        let first_name = self.names.len();
        for name in &names {
            let roller = fleet::address(self.names.len());
            let stake = ScrWei((stake.0 as f64 * name.stake_share) as u128);
            self.name_of.insert(roller, self.names.len());
            self.names.push(NameState {
                worker,
                roller,
                stake,
            });
            let capacity = self.admitted(worker, name.capacity);
            for event in [
                Event::RollerRegistered {
                    roller,
                    signer: roller,
                    capacity,
                },
                Event::StakeChanged { roller, stake },
                Event::ReadyChanged {
                    roller,
                    ready: true,
                },
            ] {
                self.apply(event).expect("the registry is in order");
            }
            // Who is lost is so from the beginning.
            let _ = self.apply(Event::PresenceChanged { roller, presence });
        }
        let state = &mut self.workers[worker];
        (state.first_name, state.names) = (first_name, names.len());
    }

    /// What an operator has now.
    fn means(&self, worker: usize) -> Means {
        let state = &self.workers[worker];
        Means {
            slots: state.machine.slots(),
            stake_scr: state.operator.stake_scr,
            proof_s: self.world.load.gas as f64 / state.operator.gas_per_s,
            time_limit_s: self.time_limit_s() as f64,
            price: self.price(),
        }
    }

    /// Price of new batches over the first price.
    pub(super) fn price(&self) -> f64 {
        self.board.controls().unit_price.0 as f64 / self.params.unit_price.0 as f64
    }

    pub(super) fn on_shock(&mut self, i: usize) {
        let shock = self.world.shocks[i];
        for worker in &mut self.workers {
            let slots = f64::from(worker.operator.slots) * shock.slots_factor;
            worker.machine.resize((slots.round() as u32).max(1));
            worker.operator.gas_per_s *= shock.speed_factor;
        }
        self.declare();
    }

    /// T of an ordinary batch that is committed now.
    pub(super) fn time_limit_s(&self) -> u64 {
        let tau = self.board.controls().tau_ns_per_gas;
        deadline_s(&self.params, tau, self.world.load.gas)
    }

    /// Declares capacities anew where they have changed: T or the machine is another.
    pub(super) fn declare(&mut self) {
        for worker in 0..self.workers.len() {
            let state = &self.workers[worker];
            if state.is_away {
                continue;
            }
            let names = state.operator.strategy.names(&self.means(worker));
            for (i, name) in (state.first_name..).zip(names) {
                let roller = self.names[i].roller;
                let capacity = self.admitted(worker, name.capacity);
                if self
                    .board
                    .roller(roller)
                    .is_some_and(|account| account.capacity != capacity)
                {
                    let _ = self.apply(Event::CapacityChanged { roller, capacity });
                }
            }
        }
    }
}
