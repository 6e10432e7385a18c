//! What becomes of tasks: the two rounds of a devnet, and every way in which a round can go wrong.

use crate::world::*;
use rollmill_protocol::{
    ProofDigest, ScrWei,
    board::{
        Action, Alarm, BoardError, Event, MissedBecause, Presence, ReleasedBecause, SeatState,
        Stage, Verdict,
    },
    law::{
        ONE, Params,
        deadline::deadline_s,
        draw::HitOutcome,
        eligibility::PassedOver,
        reputation::OfferOutcome,
        rounds::{self, Full},
    },
};

fn devnet() -> Params {
    Params::devnet()
}

#[test]
fn first_round_all_deliver_and_one_ticket_wins() {
    let mut world = World::with_rollers(devnet(), 3);
    let batch = world.commit_drawing(&[1, 2, 3]);
    assert!(world.task(batch).is_open());
    let actions = world.deliver_all(batch);
    let [Action::PostEntries { entries, .. }] = actions.as_slice() else {
        panic!("{actions:?}")
    };
    assert_eq!(
        entries
            .iter()
            .map(|entry| entry.tickets)
            .collect::<Vec<_>>(),
        [1, 1, 1]
    );

    let winner = world.settle(batch);
    assert_eq!(world.board.settled_through(), batch);
    assert!(world.board.outstanding().is_empty());
    let record = world.board.roller(winner.roller).unwrap().record;
    assert_eq!((record.won, record.earned), (1, ScrWei(5)));

    let q_before = world.params.q_init;
    world.end_epoch();
    for i in 1..=3 {
        let account = world.board.roller(roller(i)).unwrap();
        assert!(account.q > q_before);
        assert_eq!(account.record.on_time, 1);
    }
    assert_eq!(world.replayed(), world.board);
}

#[test]
fn second_round_one_is_killed_and_one_cheats() {
    let mut world = World::with_rollers(devnet(), 4);
    let batch = world.commit_drawing(&[1, 2, 4]);
    let (honest, killed, saboteur) = (1, 2, 4);
    for i in [honest, killed] {
        world.apply(Event::Picked(world.seat_key(batch, 0, i)));
    }
    let accused = world.seat_key(batch, 0, saboteur);
    let actions = world.submit(accused, invalid());
    assert_eq!(
        actions,
        [Action::Judge {
            batch,
            seat: accused,
            proof_digest: digest(&accused)
        }]
    );

    world.now += 11;
    let lost = Event::PresenceChanged {
        roller: roller(killed),
        presence: Presence::Lost,
    };
    assert_eq!(
        world.apply(lost),
        [Action::Stop(world.seat_key(batch, 0, killed))]
    );
    assert_eq!(
        world.seat(batch, 0, killed).state,
        SeatState::Missed {
            why: MissedBecause::HeartbeatLost
        }
    );

    let actions = world.submit(world.seat_key(batch, 0, honest), Verdict::Valid);
    let entries = actions.iter().find_map(|action| match action {
        Action::PostEntries { entries, .. } => Some(entries),
        _ => None,
    });
    assert_eq!(entries.unwrap().len(), 1);
    assert_eq!(world.settle(batch).roller, roller(honest));

    let fine = ScrWei::from_scr(10);
    world.apply(Event::SubmissionJudged {
        batch,
        round: 0,
        roller: roller(saboteur),
        proof_digest: digest(&accused),
        valid: false,
        fine,
    });
    assert!(world.board.outstanding().is_empty());
    world.end_epoch();
    let q = |i| world.board.roller(roller(i)).unwrap().q;
    assert!(q(honest) > q(3) && q(3) > q(killed) && q(killed) > q(saboteur));
    let killed = world.board.roller(roller(killed)).unwrap().record;
    assert_eq!((killed.offers, killed.missed), (1, 1));
    let saboteur = world.board.roller(roller(saboteur)).unwrap();
    assert_eq!(saboteur.record.fined, fine);
    assert_eq!(
        saboteur.history.front().unwrap().outcome,
        OfferOutcome::Invalid
    );
    assert_eq!(world.replayed(), world.board);
}

#[test]
fn a_silent_round_is_followed_by_the_next_and_late_proofs_count_half() {
    let params = Params {
        expiry_multiple: 3,
        ..devnet()
    };
    let mut world = World::with_rollers(params, 3);
    let batch = world.commit_drawing(&[1, 2, 3]);
    let first_end = world.board.next_wakeup().unwrap();
    world.now = first_end - 1;
    assert_eq!(world.apply(Event::Tick), []);
    world.now = first_end;
    let actions = world.apply(Event::Tick);
    assert!(
        actions
            .iter()
            .all(|action| matches!(action, Action::Assigned(seat) if seat.round == 1))
    );
    assert_eq!(world.task(batch).rounds.len(), 2);

    // One roller of the first round that was not drawn again, or else any, delivers late.
    let second: Vec<u8> = (1..=3)
        .filter(|i| world.board.seat(&world.seat_key(batch, 1, *i)).is_ok())
        .collect();
    let late = (1..=3).find(|i| !second.contains(i));
    if let Some(late) = late {
        world.submit(world.seat_key(batch, 0, late), Verdict::Valid);
        assert_eq!(world.seat(batch, 0, late).state, SeatState::Late);
        assert!(world.task(batch).is_open(), "the second round goes on");
    }
    world.deliver_all(batch);
    let entries = world.task(batch).final_entries().to_vec();
    for entry in &entries {
        let is_late = late.is_some_and(|i| roller(i) == entry.roller);
        let tickets = world.task(batch).seats[&(u32::from(!is_late), entry.roller)].tickets;
        let factor = if late.is_some() && !is_late { 2 } else { 1 };
        assert_eq!(entry.tickets, factor * tickets);
    }
    world.settle(batch);
}

#[test]
fn under_declared_work_forgives_who_was_late_for_it() {
    // (late, missed) of the roller that delivered `late_s` after the deadline, and of all others together.
    let records = |late_s: u64, prover_gas: u64| {
        let params = Params {
            expiry_multiple: 10,
            ..devnet()
        };
        let mut world = World::with_rollers(params, 3);
        let batch = world.commit_drawing(&[1, 2, 3]);
        let seat = world.seat(batch, 0, 1).clone();
        assert!(late_s < seat.deadline - seat.assigned_at);
        world.now = seat.deadline + late_s;
        world.apply(Event::Tick);
        world.submit(world.seat_key(batch, 0, 1), Verdict::Valid);
        assert_eq!(world.seat(batch, 0, 1).state, SeatState::Late);
        world.deliver_all(batch);
        if matches!(world.task(batch).stage, Stage::Open { .. }) {
            world.now = world.board.next_wakeup().unwrap();
            world.apply(Event::Tick);
        }
        world.settle_proving(batch, prover_gas);
        assert_eq!(world.replayed(), world.board);
        let of = |i| world.board.roller(roller(i)).unwrap().record;
        (of(1).late, of(1).missed, of(2).missed + of(3).missed)
    };
    let declared = crate::world::PROVER_GAS;
    assert_eq!(records(1, declared), (1, 0, 2));
    assert_eq!(records(1, declared / 10 * 11), (1, 0, 2), "within a tenth");
    assert_eq!(records(1, 2 * declared), (0, 0, 0));
    let time_s = deadline_s(&devnet(), devnet().tau_ns_per_gas, declared);
    assert_eq!(
        records(time_s / 2, declared / 4 * 5),
        (1, 0, 0),
        "later than the work explains"
    );
}

#[test]
fn the_fallback_starts_at_three_t_and_a_late_proof_still_closes() {
    let mut world = World::with_rollers(
        Params {
            expiry_multiple: 10,
            ..devnet()
        },
        3,
    );
    let batch = world.commit_drawing(&[1, 2, 3]);
    let opened_at = world.now;
    let time_s = world.seat(batch, 0, 1).deadline - opened_at;
    let mut fallbacks = 0;
    for _ in 0..10 {
        let Some(wakeup) = world.board.next_wakeup() else {
            break;
        };
        world.now = wakeup;
        let actions = world.apply(Event::Tick);
        fallbacks += actions
            .iter()
            .filter(|action| matches!(action, Action::StartFallback { .. }))
            .count();
    }
    assert_eq!(fallbacks, 1);
    assert!(world.now <= opened_at + 4 * (time_s + 1));
    assert_eq!(
        world.task(batch).stage,
        Stage::Open {
            round_ends_at: None
        }
    );
    assert!(
        world
            .board
            .outstanding()
            .iter()
            .any(|action| matches!(action, Action::StartFallback { .. }))
    );

    let actions = world.submit(world.seat_key(batch, 0, 1), Verdict::Valid);
    assert!(
        actions
            .iter()
            .any(|action| matches!(action, Action::PostEntries { .. }))
    );
    assert_eq!(world.settle(batch).roller, roller(1));
    assert_eq!(world.replayed(), world.board);
}

#[test]
fn an_unpaid_settlement_releases_whoever_still_works() {
    let mut world = World::with_rollers(devnet(), 3);
    let batch = world.commit_drawing(&[1, 2, 3]);
    let actions = world.apply(Event::BatchSettled {
        batch,
        roller: None,
        reward: ScrWei::ZERO,
        prover_gas: 1,
    });
    assert_eq!(
        actions
            .iter()
            .filter(|action| matches!(action, Action::Stop(_)))
            .count(),
        3
    );
    let released = SeatState::Released {
        why: ReleasedBecause::SettledByOthers,
    };
    assert_eq!(world.seat(batch, 0, 1).state, released);
    assert_eq!(world.board.roller(roller(1)).unwrap().record.offers, 0);
    assert!(world.board.outstanding().is_empty());
}

#[test]
fn without_a_snapshot_the_fallback_proves() {
    let mut world = World::new(devnet());
    let batch = world.commit();
    let task = world.task(batch).id;
    assert_eq!(
        world.store_beacon(batch, beacon(1)),
        [Action::StartFallback { batch, task }]
    );
    assert_eq!(world.board.next_wakeup(), None);
}

#[test]
fn an_empty_round_waits_for_somebody_to_come_back() {
    let mut world = World::with_rollers(devnet(), 1);
    let presence = |presence| Event::PresenceChanged {
        roller: roller(1),
        presence,
    };
    world.apply(presence(Presence::Lost));
    let batch = world.commit();
    let task = task_id(batch);
    let degraded = |ready| Action::Alarm(Alarm::Degraded { batch, ready, k: 3 });
    assert_eq!(
        world.store_beacon(batch, beacon(1)),
        [degraded(0), Action::StartFallback { batch, task }]
    );
    world.apply(presence(Presence::Alive));
    world.now = world.board.next_wakeup().unwrap();
    let actions = world.apply(Event::Tick);
    let seat = world.seat_key(batch, 1, 1);
    assert_eq!(actions, [degraded(1), Action::Assigned(seat)]);
    assert_eq!(world.seat(batch, 1, 1).tickets, 3, "k points all the same");
    assert!(world.task(batch).fallback_started && !world.task(batch).is_left_to_fallback);
    world.deliver_all(batch);
    assert_eq!(world.settle(batch).roller, roller(1));
}

#[test]
fn the_window_holds_tasks_back_and_batches_settle_in_order() {
    let mut world = World::with_rollers(devnet_with(3, 2), 3);
    let batches: Vec<u64> = (0..3).map(|_| world.commit()).collect();
    for batch in &batches {
        world.store_beacon(*batch, beacon(*batch));
    }
    assert_eq!(world.task(3).stage, Stage::Queued);
    world.deliver_all(2);
    assert!(world.task(3).is_open(), "a closed task makes room");

    world.confirm_entries(2);
    assert_eq!(
        world.store_beacon(2, beacon(9)),
        [],
        "batch 1 settles first"
    );
    world.deliver_all(1);
    world.confirm_entries(1);
    let actions = world.store_beacon(1, beacon(10));
    assert!(
        matches!(actions.as_slice(), [Action::Settle { batch: 1, .. }]),
        "{actions:?}"
    );
    let Stage::Settling { winner, .. } = world.task(1).stage.clone() else {
        panic!("no winner")
    };
    let actions = world.apply(Event::BatchSettled {
        batch: 1,
        roller: Some(winner.roller),
        reward: ScrWei(1),
        prover_gas: 1,
    });
    assert!(
        matches!(actions.as_slice(), [Action::Settle { batch: 2, .. }]),
        "{actions:?}"
    );
}

#[test]
fn an_accused_roller_is_not_drawn_until_it_is_judged() {
    let mut world = World::with_rollers(devnet(), 2);
    let batch = world.commit_drawing(&[1, 2]);
    world.submit(world.seat_key(batch, 0, 2), invalid());
    let next = world.commit();
    world.store_beacon(next, beacon(1));
    assert!(world.board.seat(&world.seat_key(next, 0, 2)).is_err());
    assert!(world.board.seat(&world.seat_key(next, 0, 1)).is_ok());

    // L1 finds that the verifier was wrong: no offer, no penalty.
    world.submit(world.seat_key(batch, 0, 1), Verdict::Valid);
    assert_eq!(world.board.roller(roller(2)).unwrap().record.invalid, 1);
    let judged = |proof_digest| Event::SubmissionJudged {
        batch,
        round: 0,
        roller: roller(2),
        proof_digest,
        valid: true,
        fine: ScrWei::ZERO,
    };
    let another = ProofDigest(beacon(1));
    assert_eq!(
        world.try_apply(judged(another)),
        Err(BoardError::AlreadyApplied)
    );
    world.apply(judged(digest(&world.seat_key(batch, 0, 2))));
    let account = world.board.roller(roller(2)).unwrap();
    assert_eq!(
        (
            account.record.invalid,
            account.offers.offered,
            account.accused
        ),
        (0, 0, None)
    );
}

#[test]
fn a_hit_without_capacity_is_a_declined_offer() {
    let params = Params {
        capacity_newcomer: 1,
        ..devnet()
    };
    let mut world = World::with_rollers(params, 2);
    let first = world.commit_drawing(&[1, 2]);
    let second = world.commit();
    world.store_beacon(second, beacon(3));
    assert!(world.task(second).is_round_empty());
    let declined: u64 = (1..=2)
        .map(|i| world.board.roller(roller(i)).unwrap().record.declined)
        .sum();
    assert_eq!(declined, 2);
    // What is posted names the seats that bind them.
    let posted = rounds::decode(world.board.params(), 3, &world.task(second).posted_rounds());
    let [posted] = &posted.unwrap()[..] else {
        panic!("one round was drawn")
    };
    let full = HitOutcome::PassedOver(PassedOver::AtCapacity);
    assert_eq!(posted.outcomes, [full; 24]);
    assert_eq!(posted.full.len(), 2);
    for Full { seats, .. } in &posted.full {
        assert_eq!(*seats, [(first, 0)]);
    }

    // Delivering on time proves a peak of 1, which counts 2 from then on.
    world.deliver_all(first);
    world.now = world.board.next_wakeup().unwrap();
    assert!(!world.apply(Event::Tick).is_empty());
    assert!(!world.task(second).is_round_empty());
}

#[test]
fn reputation_of_the_idle_recovers_over_epochs() {
    let mut world = World::with_rollers(devnet(), 2);
    let batch = world.commit_drawing(&[1, 2]);
    world.apply(Event::PresenceChanged {
        roller: roller(2),
        presence: Presence::Lost,
    });
    world.deliver_all(batch);
    world.end_epoch();
    let low = world.board.roller(roller(2)).unwrap().q;
    assert!(low < ONE / 10);
    for _ in 0..60 {
        world.end_epoch();
    }
    assert_eq!(
        world.board.roller(roller(2)).unwrap().q,
        world.params.q_init
    );
}
