//! Rules that are more than a formula: Solidity asks the contracts themselves (`contracts/test/DifferentialContracts.t.sol`).

use std::cell::RefCell;

use alloy_primitives::{Address, B256, U256};
use rollmill_protocol::{
    ScrWei,
    board::{Action, Board, Event, Parameter},
    law::{
        Controls, Params, control,
        emission::{self, EmissionParams, SettledWork},
    },
};
use serde_json::Value;

use super::super::cases::{Case, int, run};
use super::snapshot_of;

const DAY_S: u64 = 86_400;
/// Time between an announcement and its force (`Parameters.DELAY_S`).
const DELAY_S: u64 = 7 * DAY_S;
/// In wei, one SCR.
const SCR: u128 = 1_000_000_000_000_000_000;

/// Dials of any size, and what becomes of one of them at the edge of a step or of its range: are those dials possible at all,
/// and may they follow on the others?
pub(super) fn dials(case: &Case) -> Vec<B256> {
    let size = case.u64(7);
    let from = Controls {
        unit_price: ScrWei(1 + (case.bits(1, 59) >> (size % 60))),
        tau_ns_per_gas: (case.u64(2) % 1_000_000_001) >> (size % 31),
        window: 1 + ((case.u32(3) % 65_536) >> (size % 17)),
        k: 1 + case.u32(4) % 16,
    };
    let mut to = from;
    let price = u64::try_from(from.unit_price.0).expect("60 bits");
    match case.u64(0) % 4 {
        0 => to.unit_price = ScrWei(edge(case, price).into()),
        1 => to.tau_ns_per_gas = edge(case, from.tau_ns_per_gas),
        2 => to.window = u32::try_from(edge(case, from.window.into())).expect("17 bits"),
        _ => to.k = (from.k + case.u32(5) % 6).saturating_sub(3),
    }
    let possible = is_possible(&to);
    vec![int(possible), int(possible && is_step(&from, &to))]
}

/// A value at the end of a step from `value`, or just beyond it, or within.
fn edge(case: &Case, value: u64) -> u64 {
    let step = (value / 8).max(1);
    match case.u64(5) % 6 {
        0 => value + step,
        1 => value + step + 1,
        2 => value.saturating_sub(step),
        3 => value.saturating_sub(step + 1),
        4 => value,
        _ => value.saturating_sub(step) + case.u64(6) % (2 * step + 2),
    }
}

/// Within the widest ranges that the law and L1 give the dials.
fn is_possible(dials: &Controls) -> bool {
    let law = Params::default();
    let params = Params {
        unit_price: dials.unit_price,
        tau_ns_per_gas: dials.tau_ns_per_gas,
        window: dials.window,
        k: dials.k,
        control: control::ControlParams {
            // The price's range is a parameter of L1: here the test's, from 1 to 10^18.
            unit_price: (ScrWei(1), ScrWei::from_scr(1)),
            tau_ns_per_gas: (dials.tau_ns_per_gas, dials.tau_ns_per_gas),
            window: (dials.window, dials.window),
            k: (dials.k, dials.k),
            ..law.control.clone()
        },
        ..law
    };
    params.validate().is_ok()
}

/// Every dial moves by one step at most.
fn is_step(from: &Controls, to: &Controls) -> bool {
    let step = Params::default().control.step;
    let moves =
        |from: u64, to: u64| (control::down(step, from)..=control::up(step, from)).contains(&to);
    let price = |dials: &Controls| u64::try_from(dials.unit_price.0).expect("60 bits");
    moves(price(from), price(to))
        && moves(from.tau_ns_per_gas, to.tau_ns_per_gas)
        && moves(from.window.into(), to.window.into())
        && from.k.abs_diff(to.k) <= 1
}

/// One board, whose operator posts dials or a snapshot in each case, or both, or nothing: are the dials taken, and which are in force?
pub(super) fn dials_in_force() -> (String, Value) {
    let board = RefCell::new(board_of_one());
    run("dialsInForce", |case| {
        let board = &mut *board.borrow_mut();
        let mut is_taken = false;
        if case.u64(0).is_multiple_of(2) {
            let small = case.u64(2) % 100;
            let posted = Event::DialsPosted {
                epoch: board.epoch() + 1,
                controls: Controls {
                    unit_price: ScrWei(u128::from(1_000 + small)),
                    tau_ns_per_gas: 1_099 - small,
                    window: 100 + (small / 10) as u32,
                    k: 3 + (small % 2) as u32,
                },
            };
            is_taken = board.apply(&posted, board.epoch_due_at()).is_ok();
        }
        if case.u64(1).is_multiple_of(2) {
            next_epoch(board);
        }
        let controls = board.controls();
        vec![
            int(is_taken),
            int(controls.unit_price.0),
            int(controls.tau_ns_per_gas),
            int(controls.window),
            int(controls.k),
        ]
    })
}

/// A board with one roller, and with the dials that L1 begins with.
fn board_of_one() -> Board {
    let mut board = Board::new(Params::default(), 1_000_000).expect("within its bounds");
    let roller = Address::repeat_byte(1);
    let controls = Controls {
        unit_price: ScrWei(1_000),
        tau_ns_per_gas: 1_000,
        window: 100,
        k: 3,
    };
    let events = [
        Event::RollerRegistered {
            roller,
            signer: roller,
            capacity: 1,
        },
        Event::StakeChanged {
            roller,
            stake: ScrWei(1_000 * SCR),
        },
        Event::ReadyChanged {
            roller,
            ready: true,
        },
        Event::DialsPosted { epoch: 0, controls },
    ];
    for event in events {
        board.apply(&event, 1_000_000).expect("it is new");
    }
    board
}

/// Ends an epoch, and confirms the snapshot that the board asks for.
fn next_epoch(board: &mut Board) {
    let now = board.epoch_due_at();
    let actions = board.apply(&Event::EpochEnded, now).expect("it is due");
    let root = actions.iter().find_map(|action| match action {
        Action::PostSnapshot { root, .. } => Some(*root),
        _ => None,
    });
    let confirmed = Event::SnapshotConfirmed {
        epoch: board.epoch() + 1,
        root: root.expect("a snapshot"),
    };
    board.apply(&confirmed, now).expect("it is its own");
}

/// A snapshot of up to twelve leaves, of which L1 gets all but the last piece before: the whole is the same.
pub(super) fn pieces(case: &Case) -> Vec<B256> {
    let snapshot = snapshot_of(case, 1 + case.u64(0) % 12);
    let piece = 1 << (case.u64(1) % 4);
    vec![
        snapshot.root(),
        int(snapshot.total()),
        int(snapshot.stake_total()),
        int(((snapshot.leaves().len() - 1) / piece) as u128),
    ]
}

/// One board, which hears of an announcement in each case: what is in force of the numbers that it takes from L1.
pub(super) fn parameters() -> (String, Value) {
    let start = 1_000_000;
    let law = Params::default();
    let widest = control::ControlParams {
        unit_price: (ScrWei(1), ScrWei(SCR)),
        ..law.control.clone()
    };
    let law = Params {
        control: widest,
        ..law
    };
    let mut board = Board::new(law, start).expect("within its bounds");
    for number in 0..5 {
        announce(&mut board, start, parameter(number, 0), 0);
    }
    let history = RefCell::new((board, start));
    run("parameters", |case| {
        let (board, now) = &mut *history.borrow_mut();
        *now += match case.u64(0) % 8 {
            pick @ 0..3 => DELAY_S - 1 + pick,
            3 => 0,
            _ => case.u64(1) % (8 * DAY_S),
        };
        let (which, random) = (case.u64(2) % 5, case.word(3));
        let (least, most) = bounds(which);
        let above = U256::from_be_bytes(random.0) % U256::from(most - least + 1);
        announce(board, *now, parameter(which, above.to()), *now + DELAY_S);
        let params = board.params();
        let (low, high) = params.control.unit_price;
        vec![
            int(params.accuse_s),
            int(params.heartbeat_s),
            int(params.fine_min.0),
            int(low.0),
            int(high.0),
        ]
    })
}

fn announce(board: &mut Board, now: u64, parameter: Parameter, active_from: u64) {
    let event = Event::ParameterAnnounced {
        parameter,
        announced_at: now,
        active_from,
    };
    board.apply(&event, now).expect("time goes on");
}

/// Least and greatest value that L1 takes of each number.
fn bounds(which: u64) -> (u128, u128) {
    match which {
        0 => (600, 36 * 3_600),
        1 => (1, 600),
        2 => (1, 1_000 * SCR),
        _ => (1, SCR),
    }
}

/// A number, so much above the least that it can be.
fn parameter(which: u64, above: u128) -> Parameter {
    let value = bounds(which).0 + above;
    let seconds = || u64::try_from(value).expect("hours");
    match which {
        0 => Parameter::AccuseS(seconds()),
        1 => Parameter::HeartbeatS(seconds()),
        2 => Parameter::FineMin(ScrWei(value)),
        3 => Parameter::UnitPriceMin(ScrWei(value)),
        _ => Parameter::UnitPriceMax(ScrWei(value)),
    }
}

/// Two rollers worked in an epoch: its pot, and the share of the first.
pub(super) fn emissions(case: &Case) -> Vec<B256> {
    let params = EmissionParams {
        pot: ScrWei(case.bits(0, 96)),
        halving_epochs: 1 + case.u64(1) % 2_000,
        batch_gas_max: 1 + (case.u64(6) >> (1 + case.u64(7) % 60)),
    };
    let pot = emission::pot(&params, case.u64(2) % 300_000);
    let mut work = SettledWork::default();
    let [one, other] = [case.address(3), Address::ZERO];
    work.count(&params, one, 1 + (case.u64(4) >> 1));
    work.count(&params, other, case.u64(5) >> 1);
    let shares = work.divide(pot);
    let share = shares.iter().find(|(roller, _)| *roller == one);
    vec![int(pot.0), int(share.expect("it worked").1.0)]
}
