//! Random histories: whatever happens in whatever order, the board's promises hold.
//!
//! A history is a list of small numbers that are read as moves of rollers, of L1 and of time. `World::try_apply` checks
//! after every event: rejected events change nothing, the window and capacities hold, no action would be lost in a crash.

use crate::world::*;
use alloy_primitives::{Address, B256, keccak256};
use proptest::{collection::vec, prelude::*};
use rollmill_protocol::{
    ScrWei, TaskId,
    board::{Action, Board, Event, Presence, SeatKey, Stage, Verdict},
    entries_hash,
    law::Params,
};
use std::collections::BTreeSet;

const ROLLERS: u8 = 5;

#[derive(Clone, Copy, Debug)]
struct Move {
    kind: u8,
    roller: u8,
    number: u16,
    delay_s: u16,
}

fn any_move() -> impl Strategy<Value = Move> {
    (
        0u8..28,
        0..=ROLLERS + 1,
        any::<u16>(),
        prop_oneof![3 => Just(0u16), 3 => 0u16..30, 1 => 0u16..3_000],
    )
        .prop_map(|(kind, roller, number, delay_s)| Move {
            kind,
            roller,
            number,
            delay_s,
        })
}

/// Any seat of any task, mostly an existing one.
fn some_seat(world: &World, step: Move) -> SeatKey {
    let seats: Vec<SeatKey> = world
        .board
        .unsettled()
        .flat_map(|task| {
            task.seats
                .keys()
                .map(|(round, roller)| task.seat_key(*round, *roller))
        })
        .collect();
    let nothing = SeatKey {
        task: TaskId::default(),
        round: 0,
        roller: roller(step.roller),
    };
    let slots = seats.len() + usize::from(step.number.is_multiple_of(16));
    seats
        .get(usize::from(step.number) % slots.max(1))
        .copied()
        .unwrap_or(nothing)
}

/// L1 carries out one outstanding action.
fn confirm(world: &mut World, number: u16) -> Option<Event> {
    let outstanding = world.board.outstanding();
    let action = outstanding.get(usize::from(number) % outstanding.len().max(1))?;
    world.l1_block += 1;
    Some(match action.clone() {
        Action::PostSnapshot {
            epoch, controls, ..
        } if number % 4 == 1 => Event::DialsPosted { epoch, controls },
        Action::PostSnapshot { epoch, root, .. } => Event::SnapshotConfirmed { epoch, root },
        Action::StoreBeacon { l1_block } => Event::BeaconStored {
            l1_block,
            prevrandao: keccak256(l1_block.to_be_bytes()),
        },
        Action::PostEntries { batch, entries, .. } => {
            let lottery_block = world.l1_block + world.params.lottery_lag_blocks;
            let listed = match &world.board.task_by_batch(batch)?.stage {
                Stage::Closed { earlier, .. } if number.is_multiple_of(3) => earlier.last(),
                _ => None,
            };
            Event::EntriesConfirmed {
                batch,
                entries_hash: entries_hash(listed.unwrap_or(&entries)),
                lottery_block,
            }
        }
        Action::Settle { batch, seat, .. } => Event::BatchSettled {
            batch,
            roller: Some(seat.roller),
            reward: ScrWei(1),
            prover_gas: 1,
        },
        Action::Judge {
            batch,
            seat,
            proof_digest,
        } => {
            let SeatKey { round, roller, .. } = seat;
            Event::SubmissionJudged {
                batch,
                round,
                roller,
                proof_digest,
                valid: number.is_multiple_of(4),
                fine: ScrWei(u128::from(number % 2)),
            }
        }
        Action::StartFallback { batch, .. } => Event::BatchSettled {
            batch,
            roller: None,
            reward: ScrWei::ZERO,
            prover_gas: 1,
        },
        Action::Assigned(_) | Action::Stop(_) | Action::Alarm(_) => {
            unreachable!("notices are not outstanding")
        }
    })
}

fn event(world: &mut World, step: Move) -> Option<Event> {
    let roller = roller(step.roller);
    let presence = match step.number % 3 {
        0 => Presence::Lost,
        1 => Presence::Draining,
        _ => Presence::Alive,
    };
    Some(match step.kind {
        0 => Event::RollerRegistered {
            roller,
            signer: Address::repeat_byte(0x80),
            capacity: u32::from(step.number % 4),
        },
        1 => Event::StakeChanged {
            roller,
            stake: ScrWei::from_scr(u64::from(step.number % 3_000)),
        },
        2 => Event::ReadyChanged {
            roller,
            ready: !step.number.is_multiple_of(4),
        },
        3 => Event::CapacityChanged {
            roller,
            capacity: u32::from(step.number % 5),
        },
        4 | 5 => Event::PresenceChanged { roller, presence },
        6 => Event::EpochEnded,
        7 | 8 => Event::BatchCommitted {
            batch: world.board.committed_through() + 1,
            task: task_id(world.board.committed_through() + 1),
            l1_block: world.l1_block,
            prover_gas_estimate: u64::from(step.number) * 1_000,
            unit_price: UNIT_PRICE,
            epoch: world.board.epoch(),
            program_version: u32::from(step.number % 2),
        },
        9 => Event::Picked(some_seat(world, step)),
        10..=13 => {
            let verdict = if step.number.is_multiple_of(5) {
                invalid()
            } else {
                Verdict::Valid
            };
            world.submission(some_seat(world, step), verdict)
        }
        14 => Event::Tick,
        15 => {
            world.now = world.board.next_wakeup()?.max(world.now);
            Event::Tick
        }
        16 => Event::BatchSettled {
            batch: u64::from(step.number % 8),
            roller: Some(roller),
            reward: ScrWei(1),
            prover_gas: u64::from(step.number) * 2_000,
        },
        17 => Event::EntriesConfirmed {
            batch: u64::from(step.number % 8),
            entries_hash: B256::ZERO,
            lottery_block: 1,
        },
        18 => Event::OperatorCharged {
            batch: u64::from(step.number % 8),
            roller,
        },
        19 => Event::VersionQuarantined {
            program_version: u32::from(step.number % 2),
        },
        20 | 21 => {
            let key = some_seat(world, step);
            let batch = world
                .board
                .task_by_id(key.task)
                .map_or(1, |task| task.batch);
            world.post(batch, key, u64::from(step.delay_s))
        }
        _ => confirm(world, step.number)?,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn the_boards_promises_hold(steps in vec(any_move(), 1..250), window in 1u32..4, k in 1u32..5, expiry in 1u32..4, challenge_s in prop_oneof![Just(0u64), 1u64..200], started: bool) {
        let params = Params { expiry_multiple: expiry, challenge_s, drain_min_s: 10 + challenge_s / 2, capacity_newcomer: 2, ..devnet_with(k, window) };
        let mut world = if started { World::with_rollers(params, ROLLERS) } else { World::new(params) };
        let mut paid = BTreeSet::new();
        for step in steps {
            world.now += u64::from(step.delay_s);
            let Some(event) = event(&mut world, step) else { continue };
            let settles = match &event {
                Event::BatchSettled { batch, roller: Some(_), .. } => Some(*batch),
                _ => None,
            };
            if world.try_apply(event).is_ok() && let Some(batch) = settles {
                prop_assert!(paid.insert(batch), "batch {} paid twice", batch);
            }
        }
        let record = |field: fn(&rollmill_protocol::board::Record) -> u64| -> u64 {
            world.board.rollers().map(|(_, account)| field(&account.record)).sum()
        };
        prop_assert_eq!(record(|record| record.won), paid.len() as u64);
        prop_assert_eq!(
            record(|record| record.offers),
            record(|record| record.on_time + record.late + record.missed + record.invalid + record.declined)
        );
        for (_, account) in world.board.rollers() {
            prop_assert!((world.params.q_min..=rollmill_protocol::law::ONE).contains(&account.q));
        }
        prop_assert_eq!(world.replayed(), world.board.clone());
        let written = serde_json::to_vec(&world.board).unwrap();
        let read: Board = serde_json::from_slice(&written).unwrap();
        prop_assert_eq!(serde_json::to_vec(&read).unwrap(), written);
        prop_assert_eq!(read, world.board);
    }

    #[test]
    fn honest_rollers_and_a_working_l1_settle_every_batch(batches in 1u64..6, seed: u64) {
        let mut world = World::with_rollers(Params::devnet(), 4);
        (0..batches).for_each(|_| { world.commit(); });
        for turn in 0..200u64 {
            if world.board.settled_through() == batches {
                break;
            }
            world.now += 1;
            let open: Vec<u64> = world.board.unsettled().filter(|task| matches!(task.stage, Stage::Open { .. })).map(|task| task.batch).collect();
            open.into_iter().for_each(|batch| { world.deliver_all(batch); });
            let number = u16::try_from((seed.wrapping_mul(turn + 1) >> 7) % 1_000).unwrap();
            if let Some(event) = confirm(&mut world, number) {
                world.apply(event);
            }
        }
        prop_assert_eq!(world.board.settled_through(), batches);
        prop_assert_eq!(world.board.rollers().map(|(_, account)| account.record.won).sum::<u64>(), batches);
    }
}
