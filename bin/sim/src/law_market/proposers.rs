//! Rollers that propose L1 blocks, and skip those whose prevrandao they dislike.
//!
//! A beacon is the prevrandao of exactly one block number. Whoever proposes it sees the value before, publishes, or loses the block
//! and leaves the number to the next proposer. Draws happen as they are published. Lotteries are counted by shares of tickets, which is
//! what they bring in the mean over all values: whoever skips one is spared what it lacks of that.

use super::LawMarket;
use crate::{fleet::Operator, rng::Rng, strategy::OwnBlock, world::World};
use alloy_primitives::B256;
use rollmill_protocol::{
    Roller,
    board::{Stage, Task},
    law::{draw, lottery, reward::reward},
};

/// Who proposes.
#[derive(Debug)]
pub(super) struct Proposers {
    /// The worker that chooses, and its share of the blocks; none where all publish.
    chooser: Option<(usize, f64)>,
    slots: Rng,
}

/// What a beacon brings to a worker, SCR.
#[derive(Clone, Copy, Debug, Default)]
struct Worth {
    /// By this value.
    worth: f64,
    /// In the mean over all values.
    expected: f64,
    /// `worth - expected` of the lotteries in it.
    luck: f64,
}

impl Proposers {
    pub(super) fn of(world: &World, operators: &[Operator]) -> Self {
        let shares = operators
            .iter()
            .map(|operator| operator.strategy.proposes());
        let mut choosers = shares.enumerate().filter(|(_, share)| *share > 0.0);
        Self {
            chooser: choosers.next(),
            slots: Rng::stream(world.seed, "slots"),
        }
    }
}

impl LawMarket<'_> {
    /// The prevrandao of a block, after its proposers have chosen.
    pub(super) fn published(&mut self, l1_block: u64) -> B256 {
        let Some((worker, share)) = self.proposers.chooser else {
            return self.prevrandao(l1_block, 0);
        };
        let mut skipped = 0;
        loop {
            let prevrandao = self.prevrandao(l1_block, skipped);
            if !self.proposers.slots.chance(share) {
                return prevrandao;
            }
            let worth = self.beacon_worth(worker, l1_block, prevrandao);
            let block = OwnBlock {
                worth_scr: worth.worth,
                expected_scr: worth.expected,
                reward_scr: self.world.l1.block_reward_scr,
            };
            let strategy = &mut self.workers[worker].operator.strategy;
            if strategy.publishes(&block) {
                return prevrandao;
            }
            self.recorder.income(worker, -worth.luck, self.now_ms);
            self.recorder.fined(worker, block.reward_scr, self.now_ms);
            skipped += 1;
        }
    }

    fn beacon_worth(&self, worker: usize, l1_block: u64, prevrandao: B256) -> Worth {
        let waiting = self
            .board
            .unsettled()
            .filter(|task| task.awaited_beacon() == Some(l1_block));
        waiting.fold(Worth::default(), |sum, task| {
            let of = match &task.stage {
                Stage::AwaitingLottery { .. } => self.lottery_worth(worker, task, prevrandao),
                _ => self.draw_worth(worker, task, prevrandao),
            };
            Worth {
                worth: sum.worth + of.worth,
                expected: sum.expected + of.expected,
                luck: sum.luck + of.luck,
            }
        })
    }

    fn is_of(&self, worker: usize, roller: &Roller) -> bool {
        self.names[self.name_of[roller]].worker == worker
    }

    fn task_reward_scr(&self, task: &Task) -> f64 {
        let amount = reward(task.unit_price, task.k, self.gas_of(task.batch));
        amount.map_or(0.0, |amount| amount.0 as f64 / 1e18)
    }

    fn lottery_worth(&self, worker: usize, task: &Task, prevrandao: B256) -> Worth {
        let entries = task.final_entries();
        let tickets = |is_counted: &dyn Fn(&Roller) -> bool| {
            let counted = entries.iter().filter(|entry| is_counted(&entry.roller));
            counted.map(|entry| f64::from(entry.tickets)).sum::<f64>()
        };
        let own = tickets(&|roller| self.is_of(worker, roller)) / tickets(&|_| true).max(1.0);
        let winner = lottery::winner(task.id, entries, prevrandao);
        let has_won = winner.is_ok_and(|winner| self.is_of(worker, &winner.roller));
        let scr = self.task_reward_scr(task);
        let (worth, expected) = (scr * f64::from(u8::from(has_won)), scr * own);
        Worth {
            worth,
            expected,
            luck: worth - expected,
        }
    }

    /// Tickets' expected rewards, less one proof if there are any.
    fn draw_worth(&self, worker: usize, task: &Task, prevrandao: B256) -> Worth {
        let Some(snapshot) = self.board.snapshot(task.epoch) else {
            return Worth::default();
        };
        let seed = draw::seed(task.id, 0, prevrandao);
        let drawn = draw::draw(&self.params, task.k, snapshot, seed, |_| Ok(())).tickets();
        let own = drawn
            .iter()
            .filter(|(roller, _)| self.is_of(worker, roller));
        let tickets: u32 = own.map(|(_, tickets)| tickets).sum();
        let leaves = snapshot.leaves().iter();
        let own = leaves.filter(|leaf| self.is_of(worker, &leaf.roller));
        let share = own.map(|leaf| leaf.weight() as f64).sum::<f64>() / snapshot.total() as f64;
        let operator = &self.workers[worker].operator;
        let proof_s = self.gas_of(task.batch) as f64 / operator.gas_per_s;
        let proof_scr = proof_s * operator.cost_per_s * (1.0 - self.world.money.fixed_share);
        let (scr, k) = (self.task_reward_scr(task), f64::from(task.k));
        let is_drawn = f64::from(u8::from(tickets > 0));
        Worth {
            worth: scr * f64::from(tickets) / k - proof_scr * is_drawn,
            expected: scr * share - proof_scr * (1.0 - (1.0 - share).powf(k)),
            luck: 0.0,
        }
    }
}
