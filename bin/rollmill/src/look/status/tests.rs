#![allow(clippy::unwrap_used)]

use alloy_primitives::{B256, U256};
use rollmill_protocol::ScrWei;
use rollmill_roller_api::{DialValues, MeasureView, ProofKind};

use super::*;
use crate::costs::Spent;

fn l2() -> L2 {
    let block = |number| Block {
        number,
        timestamp: 1_000 + number,
    };
    L2 {
        latest: block(120),
        safe: block(120),
        finalized: block(57),
        batches: Batches {
            sealed_batch: Some(U64::from(5)),
            committed_batch: Some(U64::from(4)),
            settled_batch: None,
            ..Batches::default()
        },
        pool: Pool {
            pending: U64::from(2),
            queued: U64::from(1),
        },
    }
}

fn proving(degraded: bool) -> Proving {
    let dials = DialValues {
        tau_ns_per_gas: 1,
        k: 3,
        window: 8,
        unit_price_wei: ScrWei(1),
    };
    Proving {
        status: StatusView {
            version: "0.1.0".to_owned(),
            proofs: ProofKind::Mock,
            now_unix_s: 0,
            events: 10,
            events_hash: B256::ZERO,
            l1_block: Some(44),
            epoch: 2,
            tasks_open: 4,
            rollers: 3,
            rollers_alive: 2,
            rollers_present: 1,
            degraded,
            quarantined: false,
            settled_batch: 0,
        },
        dials: DialsView {
            epoch: 2,
            ends_unix_s: 2_060,
            in_force: dials,
            on_the_way: None,
            next: dials,
            measure: MeasureView {
                elapsed_s: 1,
                on_time_rate: 0,
                completion: None,
                load: 0,
                points_per_ticket: 0,
                capacity: 0,
                window_target: 4,
                open_peak: 0,
                queued: 1,
                queued_before: 0,
                tasks: 0,
                tasks_missed: 0,
            },
        },
    }
}

#[test]
fn the_chain_is_told_with_what_is_behind_and_what_waits() {
    let [chain, backlog] = l2().lines(1_125);
    assert_eq!(
        chain,
        "chain      block 120, made 5 s ago; safe 120 (nothing behind), finalized 57 (63 blocks, 1 min 3 s behind)"
    );
    assert_eq!(
        backlog,
        "backlog    3 transactions for a block, 1 of 5 batches for a commit, 4 for a settlement"
    );
    let mut taken_back = l2();
    taken_back.batches.rollbacks = U64::from(1);
    assert!(
        taken_back.lines(1_125)[0].ends_with("L1 took blocks back 1 time, 0 confirmations broken")
    );
}

#[test]
fn a_mode_that_is_not_the_normal_one_is_named() {
    assert_eq!(mode(Some(&proving(false)), None, 0), "mode       normal");
    let degraded = mode(Some(&proving(true)), None, 0);
    assert!(
        degraded.contains("degraded: 1 roller could take a seat, k is 3"),
        "{degraded}"
    );
    assert!(mode(None, None, 0).contains("not known"));
}

#[test]
fn what_proves_is_told_with_the_window() {
    let said = proving(false).lines(2_000).join("\n");
    for part in [
        "4 not settled; the window has room for 8, 1 wait for it",
        "2 of 3 are heard, 1 could take a seat; mock proofs",
        "2, which may end in 1 min; L1 is read up to block 44; 10 records in the log",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn the_operator_learns_for_how_many_batches_its_ether_lasts() {
    let ether = |thousandths: u64| U256::from(thousandths) * U256::from(10u64.pow(15));
    let spent = Spent {
        batches: 4,
        wei: ether(8),
    };
    assert_eq!(
        spent.sentence(ether(1_000)),
        "the operator has 1 ether; commit and settlement of the last 4 batches cost 0.002 ether each: enough for 500 more"
    );
    let none = Spent::default().sentence(ether(1_000));
    assert_eq!(none, "the operator has 1 ether; nothing is settled yet");
}
