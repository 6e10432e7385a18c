//! Grinding: an L1 proposer that skips its slot when it dislikes the beacon in it.
//!
//! A beacon is the prevrandao of exactly one block, so that whoever proposes it has one choice: to publish, or to lose the block's reward
//! and leave the beacon to the next slot. With several slots in a row it chooses several times. `V_0 = E[v]` is what the beacon of a
//! stranger is worth to it, `V_n = E[max(v, V_(n-1) - 1)]` what its `n` slots are worth, in L1 block rewards; the gain is `V_n - V_0`.
//! Values `v` come from the law's draw and lottery over many beacons.
//!
//! It skips only where `V_(n-1) - 1 > v`. The first `V` is `share * rewards`, so that nothing is gained while the own share of
//! the rewards under one beacon is at most one block reward, however many slots in a row.

use crate::rng::Rng;
use alloy_primitives::{Address, B256, U256};
use rollmill_protocol::{
    Entry, ProofDigest, ScrWei, TaskId,
    law::{
        ONE, Params, draw, lottery,
        snapshot::{Leaf, Snapshot},
    },
};

/// Beacons over which means are taken.
const BEACONS: u64 = 4_000;
/// Tasks under one beacon, which share its rewards.
const TASKS: u64 = 4;

/// What is decided by a beacon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beacon {
    /// Who proves.
    Draw,
    /// Who is paid.
    Lottery,
}

/// What is gained with `slots` own slots in a row, in L1 block rewards, where the tasks under the beacon pay `rewards` block rewards
/// together and the beacons are worth these `values` of them.
pub fn gain(values: &[f64], rewards: f64, slots: u32) -> f64 {
    let mean = |of: &dyn Fn(f64) -> f64| {
        values.iter().map(|value| of(value * rewards)).sum::<f64>() / values.len() as f64
    };
    let stranger = mean(&|value| value);
    let own = (0..slots).fold(stranger, |next, _| mean(&|value| value.max(next - 1.0)));
    own - stranger
}

/// Share of the rewards under each of many beacons that falls to a proposer with this share of the reputation or of the tickets.
pub fn values(params: &Params, beacon: Beacon, share: f64) -> Vec<f64> {
    let mut rng = Rng::stream(1, "grinding");
    let of_task: Box<dyn Fn(TaskId, B256) -> f64> = match beacon {
        Beacon::Draw => drawn(params, share),
        Beacon::Lottery => won(share),
    };
    let mut value = |first: u64| {
        let beacon = B256::from(U256::from(rng.next()));
        let tasks = (first..first + TASKS).map(|task| TaskId(B256::from(U256::from(task))));
        tasks.map(|task| of_task(task, beacon)).sum::<f64>() / TASKS as f64
    };
    (0..BEACONS).map(|i| value(i * TASKS)).collect()
}

/// Share of a task's tickets in a draw.
fn drawn(params: &Params, share: f64) -> Box<dyn Fn(TaskId, B256) -> f64> {
    let leaf = |byte: u8, share: f64| Leaf {
        roller: Address::repeat_byte(byte),
        stake: ScrWei((share * 1e24) as u128),
        q: ONE,
        capacity: 1,
    };
    let leaves = vec![leaf(1, share), leaf(2, 1.0 - share)];
    let snapshot = Snapshot::new(leaves).expect("two rollers with stake");
    let params = params.clone();
    Box::new(move |task, beacon| {
        let seed = draw::seed(task, 0, beacon);
        let tickets = draw::draw(&params, params.k, &snapshot, seed, |_| Ok(())).tickets();
        let own = tickets.get(&Address::repeat_byte(1)).copied().unwrap_or(0);
        f64::from(own) / f64::from(params.k)
    })
}

/// 1 for a won lottery.
fn won(share: f64) -> Box<dyn Fn(TaskId, B256) -> f64> {
    let entry = |byte: u8, share: f64| Entry {
        roller: Address::repeat_byte(byte),
        tickets: (share * 100.0).round() as u32,
        proof_digest: ProofDigest(B256::repeat_byte(byte)),
    };
    let entries = [entry(1, share), entry(2, 1.0 - share)];
    Box::new(move |task, beacon| {
        let winner = lottery::winner(task, &entries, beacon);
        f64::from(u8::from(
            winner.is_ok_and(|winner| winner.roller == entries[0].roller),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;

    /// The cap on rewards under a beacon is below what the simulated block is worth, so that it binds before grinding pays.
    #[test]
    fn pays_nobody_under_the_default_cap_and_many_without() {
        let (params, l1) = (Params::default(), World::default().l1);
        let gain = |share, cap_scr: f64| {
            let values = values(&params, Beacon::Lottery, share);
            gain(&values, cap_scr / l1.block_reward_scr, 4)
        };
        for share in [0.1, 0.5, 0.9] {
            assert!(gain(share, l1.beacon_cap_scr).abs() < 1e-9, "{share}");
            assert!(gain(share, 1e6) > 1.0, "{share}");
        }
    }

    #[test]
    fn pays_only_where_the_own_share_of_rewards_exceeds_a_block_reward() {
        let params = Params::default();
        for beacon in [Beacon::Draw, Beacon::Lottery] {
            for share in [0.1, 0.3, 0.5] {
                let values = values(&params, beacon, share);
                for slots in [1, 2, 4] {
                    let gain = |rewards| gain(&values, rewards, slots);
                    assert!(gain(1.0).abs() < 1e-9, "{beacon:?} {share} {slots}");
                    assert!(gain(0.9 / share).abs() < 1e-9, "{beacon:?} {share} {slots}");
                    assert!(gain(4.0 / share) > 0.01, "{beacon:?} {share} {slots}");
                }
            }
        }
    }
}
