//! What spans epochs: dials, penalties that wait for evidence, drains, program versions under suspicion.

use crate::world::*;
use rollmill_protocol::{
    ScrWei,
    board::{Action, Alarm, BoardError, Event, Parameter, Presence, Stage},
    law::{Controls, ONE, Params},
};

fn presence(i: u8, presence: Presence) -> Event {
    Event::PresenceChanged {
        roller: roller(i),
        presence,
    }
}

/// Roller 1 misses its seat in a world whose penalties wait for two epochs.
fn world_with_a_missed_seat() -> (World, u64) {
    let params = Params {
        challenge_s: 2 * Params::devnet().epoch_s,
        ..Params::devnet()
    };
    let mut world = World::with_rollers(params, 3);
    let batch = world.commit_drawing(&[1, 2, 3]);
    world.apply(presence(1, Presence::Lost));
    world.apply(presence(1, Presence::Alive));
    world.deliver_all(batch);
    world.settle(batch);
    (world, batch)
}

#[test]
fn a_penalty_counts_only_when_its_challenge_time_is_over() {
    let (mut world, batch) = world_with_a_missed_seat();
    let q = |world: &World| world.board.roller(roller(1)).unwrap().q;
    for _ in 0..2 {
        world.end_epoch();
        assert_eq!(q(&world), world.params.q_init);
    }
    world.end_epoch();
    assert!(q(&world) < world.params.q_init);
    let too_late = Event::OperatorCharged {
        batch,
        roller: roller(1),
    };
    assert_eq!(world.try_apply(too_late), Err(BoardError::AlreadyApplied));
    assert_eq!(world.replayed(), world.board);
}

#[test]
fn evidence_in_time_cancels_a_penalty_once() {
    let (mut world, batch) = world_with_a_missed_seat();
    world.end_epoch();
    let cancelled = |i| Event::OperatorCharged {
        batch,
        roller: roller(i),
    };
    let (missed, on_time) = (cancelled(1), cancelled(2));
    assert_eq!(world.try_apply(on_time), Err(BoardError::AlreadyApplied));
    world.apply(missed.clone());
    assert_eq!(world.try_apply(missed), Err(BoardError::AlreadyApplied));
    assert_eq!(world.board.roller(roller(1)).unwrap().record.missed, 0);
    for _ in 0..4 {
        world.end_epoch();
        assert_eq!(
            world.board.roller(roller(1)).unwrap().q,
            world.params.q_init
        );
    }
}

#[test]
fn whoever_drains_rests_for_a_while() {
    let params = Params {
        drain_min_s: 40,
        ..Params::devnet()
    };
    let mut world = World::with_rollers(params, 3);
    world.apply(presence(1, Presence::Draining));
    world.apply(presence(1, Presence::Alive));
    let draws = |world: &mut World| {
        let mut seats = 0;
        for i in 0..4 {
            let batch = world.commit();
            world.store_beacon(batch, beacon(i));
            seats += world.board.open_seats(roller(1)).len();
            world.deliver_all(batch);
        }
        seats
    };
    assert_eq!(draws(&mut world), 0);
    assert_eq!(world.board.roller(roller(1)).unwrap().record.offers, 0);
    world.now += 40;
    assert!(draws(&mut world) > 0);
}

#[test]
fn dials_move_at_the_end_of_an_epoch_and_a_task_keeps_its_own() {
    let mut params = Params {
        tau_ns_per_gas: 4_000_000,
        ..Params::devnet()
    };
    params.control.tau_ns_per_gas = (1_000_000, 64_000_000);
    let mut world = World::with_rollers(params.clone(), 3);
    assert_eq!(world.board.controls(), Controls::initial(&params));
    let batch = world.commit_drawing(&[1, 2, 3]);
    let time_s = world.task(batch).time_limit_s;
    assert_eq!(time_s, params.t_fix_s + 4_000);
    // Before anything has ended there is nothing to move a dial.
    let ahead = |world: &World| world.board.dials_ahead(world.board.epoch_due_at());
    assert_eq!(ahead(&world).1, Controls::initial(&params));
    world.deliver_all(batch);
    world.settle(batch);
    let (measure, foretold) = ahead(&world);
    assert_eq!(measure.elapsed_s, params.epoch_s);
    world.end_epoch();
    assert_eq!(world.board.controls(), foretold);
    // All proofs came at once, so deadlines shrink by a step, for tasks of the new epoch.
    let controls = world.board.controls();
    assert_eq!(controls.tau_ns_per_gas, 3_500_000);
    assert_eq!(world.board.controls_of(2), Some(controls));
    let next = world.commit();
    assert_eq!(world.task(next).time_limit_s, params.t_fix_s + 3_500);
    assert_eq!(world.task(batch).time_limit_s, time_s);
    assert_eq!(world.replayed(), world.board);
}

/// Ends the epoch; the dials that the law gives the next one, and the root of its snapshot.
fn weighed(world: &mut World) -> (u64, alloy_primitives::B256, Controls) {
    world.now = world.now.max(world.board.epoch_due_at());
    let actions = world.apply(Event::EpochEnded);
    let [
        Action::PostSnapshot {
            epoch,
            root,
            controls,
            ..
        },
    ] = actions[..]
    else {
        panic!("{actions:?}")
    };
    (epoch, root, controls)
}

#[test]
fn in_force_is_what_l1_has_in_force() {
    let mut world = World::new(Params::devnet());
    let first = Controls {
        window: 7,
        k: 2,
        ..world.board.controls()
    };
    // What L1 was deployed with, whatever the law begins with.
    world.apply(Event::DialsPosted {
        epoch: 0,
        controls: first,
    });
    assert_eq!(world.board.controls(), first);
    (1..=3).for_each(|i| world.join(i));

    // Other dials than the law's are in force when their epoch begins, and not before.
    let (epoch, root, law) = weighed(&mut world);
    assert_eq!((epoch, law), (1, first));
    let posted = Controls { k: 1, ..first };
    let dials = |epoch, controls| Event::DialsPosted { epoch, controls };
    world.apply(dials(1, posted));
    assert_eq!(world.board.controls(), first);
    assert_eq!(world.board.dials_due(), Some((1, law)));
    assert_eq!(world.board.dials_posted(), Some((1, posted)));
    let repeated = world.try_apply(dials(1, posted));
    assert_eq!(repeated, Err(BoardError::AlreadyApplied));
    let diverged = |of| Err(BoardError::Divergence { what: "dials", of });
    assert_eq!(world.try_apply(dials(1, law)), diverged(1));
    assert_eq!(world.try_apply(dials(3, law)), diverged(3));
    world.apply(Event::SnapshotConfirmed { epoch, root });
    assert_eq!(world.board.controls(), posted);
    assert_eq!(world.board.controls_of(1), Some(posted));
    let batch = world.commit();
    assert_eq!(world.task(batch).k, 1);

    // Without any, L1's stay.
    let (epoch, root, _) = weighed(&mut world);
    world.apply(Event::SnapshotConfirmed { epoch, root });
    assert_eq!(world.board.controls(), posted);
    assert_eq!(world.replayed(), world.board);
}

fn announced(parameter: Parameter, announced_at: u64, active_from: u64) -> Event {
    Event::ParameterAnnounced {
        parameter,
        announced_at,
        active_from,
    }
}

#[test]
fn an_announced_number_is_in_force_from_its_time_on() {
    let mut world = World::with_rollers(Params::devnet(), 3);
    let law = world.params.clone();
    let (now, in_force) = (world.now, world.now + 1_000);
    world.apply(announced(Parameter::AccuseS(111), now, in_force));
    world.apply(announced(Parameter::HeartbeatS(11), now, in_force));
    world.apply(announced(
        Parameter::FineMin(ScrWei(1)),
        now - 500,
        in_force - 500,
    ));
    assert_eq!(world.board.params(), &law);
    let wakeup = |world: &World| world.board.next_wakeup();
    assert_eq!(wakeup(&world), Some(in_force - 500));

    world.now = in_force - 500;
    world.apply(Event::Tick);
    let mut expected = Params {
        fine_min: ScrWei(1),
        ..law.clone()
    };
    assert_eq!(world.board.params(), &expected);
    assert_eq!(world.board.law(), &law);
    // One that is not in force yet is replaced.
    let replaced = announced(Parameter::HeartbeatS(12), in_force - 400, in_force + 600);
    world.apply(replaced);
    world.now = in_force;
    world.end_epoch();
    expected.accuse_s = 111;
    assert_eq!(world.board.params(), &expected);
    let due = in_force + 600;
    assert_eq!(wakeup(&world), Some(due));
    world.now = due;
    // What is rejected puts nothing in force.
    let unknown = Event::ReadyChanged {
        roller: roller(9),
        ready: true,
    };
    assert!(world.try_apply(unknown).is_err());
    assert_eq!(world.board.params(), &expected);
    world.apply(Event::Tick);
    // No drain is shorter than the heartbeat time.
    (expected.heartbeat_s, expected.drain_min_s) = (12, 12);
    assert_eq!(world.board.params(), &expected);
    assert_eq!(wakeup(&world), None);
    assert_eq!(world.replayed(), world.board);
}

/// L1 takes steps of an eighth within its bounds: the price is there before the announced ones are in force.
#[test]
fn the_price_walks_into_announced_bounds() {
    let mut world = World::with_rollers(Params::devnet(), 3);
    let price = |world: &World| world.board.controls().unit_price.0;
    let start = price(&world);
    let (now, in_force) = (world.now, world.now + 7 * 24 * 3_600);
    world.apply(announced(Parameter::UnitPriceMin(ScrWei(1)), now, 0));
    world.end_epoch();
    assert_eq!(price(&world), start, "L1's are wider than the law's");
    let least = start + start / 4;
    let bound = Parameter::UnitPriceMin(ScrWei(least));
    world.apply(announced(bound, now, in_force));
    world.end_epoch();
    assert_eq!(price(&world), start + start / 8);
    world.end_epoch();
    assert_eq!(price(&world), least);
    world.end_epoch();
    assert_eq!(price(&world), least);
    // Bounds that contradict each other are not followed before their time.
    let bound = Parameter::UnitPriceMax(ScrWei(start / 2));
    world.apply(announced(bound, now + 1, in_force + 1));
    world.end_epoch();
    assert_eq!(price(&world), least - least / 8);
    assert_eq!(world.replayed(), world.board);
}

fn judged(actions: &[Action]) -> usize {
    let judge = |action: &&Action| matches!(action, Action::Judge { .. });
    actions.iter().filter(judge).count()
}

/// Rollers 1 to 3 send garbage for a batch, and L1 fines the first.
fn world_with_garbage() -> (World, u64) {
    let mut world = World::with_rollers(Params::devnet(), 5);
    let batch = world.commit_drawing(&[1, 2, 3]);
    for i in 1..=3 {
        let actions = world.submit(world.seat_key(batch, 0, i), invalid());
        assert_eq!(judged(&actions), 1);
    }
    (world, batch)
}

fn fined(world: &World, batch: u64, i: u8) -> Event {
    Event::SubmissionJudged {
        batch,
        round: 0,
        roller: roller(i),
        proof_digest: digest(&world.seat_key(batch, 0, i)),
        valid: false,
        fine: ScrWei::from_scr(10),
    }
}

#[test]
fn l1_quarantines_a_version_and_nobody_is_pardoned() {
    let (mut world, batch) = world_with_garbage();
    let program_version = 1;
    assert!(
        !world.board.is_quarantined(program_version),
        "the operator's verdicts alone quarantine nothing"
    );
    let quarantined = Event::VersionQuarantined { program_version };
    let actions = world.apply(quarantined.clone());
    let alarm = Action::Alarm(Alarm::Quarantined { program_version });
    assert_eq!(actions, [alarm]);
    assert_eq!(
        world.try_apply(quarantined.clone()),
        Err(BoardError::AlreadyApplied)
    );
    // L1 judged the one that it counted last.
    world.apply(fined(&world, batch, 1));
    assert!(world.board.is_quarantined(program_version));
    assert!(!world.board.is_quarantined(program_version + 1));
    assert_eq!(judged(&world.board.outstanding()), 0);

    let next = world.commit();
    world.store_beacon(next, beacon(1));
    let left = Stage::Open {
        round_ends_at: None,
    };
    assert_eq!(world.task(next).stage, left);
    assert!(world.task(next).seats.is_empty());

    let resumed = world.end_epoch();
    assert!(world.board.is_quarantined(program_version));
    assert_eq!(judged(&resumed), 0);
    let resumed = world.end_epoch();
    assert!(!world.board.is_quarantined(program_version));
    assert_eq!(judged(&resumed), 2);
    assert_eq!(judged(&world.board.outstanding()), 2);

    // The next fine quarantines the version again, and the last accusation waits.
    world.apply(quarantined);
    world.apply(fined(&world, batch, 2));
    assert!(world.board.is_quarantined(program_version));
    assert_eq!(judged(&world.board.outstanding()), 0);
    assert_eq!(world.replayed(), world.board);
}

#[test]
fn an_accusation_that_was_put_off_beyond_l1s_time_lapses() {
    let (mut world, batch) = world_with_garbage();
    world.apply(Event::VersionQuarantined { program_version: 1 });
    world.apply(fined(&world, batch, 1));
    world.apply(Event::BatchSettled {
        batch,
        roller: None,
        reward: ScrWei::ZERO,
        prover_gas: PROVER_GAS,
    });
    let judged_until = world.now + world.params.accuse_s;
    assert_eq!(world.board.next_wakeup(), Some(judged_until + 1));
    let is_accused = |world: &World, i| world.board.roller(roller(i)).unwrap().accused.is_some();
    world.now = judged_until;
    world.apply(Event::Tick);
    assert!(is_accused(&world, 2) && is_accused(&world, 3));
    let present = world.board.rollers_present();

    world.now += 1;
    world.apply(Event::Tick);
    assert!(!is_accused(&world, 2) && !is_accused(&world, 3));
    assert_eq!(world.board.rollers_present(), present + 2);
    assert_eq!(world.board.roller(roller(2)).unwrap().record.invalid, 1);
    assert_eq!(world.board.next_wakeup(), None);
    world.end_epoch();
    let resumed = world.end_epoch();
    assert!(!world.board.is_quarantined(1));
    assert_eq!(judged(&resumed) + judged(&world.board.outstanding()), 0);

    // Where L1's time was prolonged its fine counts all the same.
    world.apply(fined(&world, batch, 2));
    assert_eq!(
        world.try_apply(fined(&world, batch, 2)),
        Err(BoardError::AlreadyApplied)
    );
    let record = world.board.roller(roller(2)).unwrap().record;
    assert_eq!(record.fined, ScrWei::from_scr(10));
    assert_eq!(world.replayed(), world.board);
}

#[test]
fn a_quarantine_that_l1_extends_ends_later() {
    let (mut world, _) = world_with_garbage();
    let quarantined = Event::VersionQuarantined { program_version: 1 };
    world.apply(quarantined.clone());
    world.end_epoch();
    world.apply(quarantined);
    world.end_epoch();
    assert!(world.board.is_quarantined(1));
    world.end_epoch();
    assert!(!world.board.is_quarantined(1));
}

#[test]
fn busy_rollers_do_not_end_at_one_whatever_they_decline() {
    // Two rollers with equal stakes and one seat each, always asked for more than they can do.
    let params = Params {
        capacity_newcomer: 1,
        gain_seats_max: 5,
        ..Params::devnet()
    };
    let mut world = World::with_rollers(params, 3);
    for _ in 0..6 {
        for i in 0..12 {
            let batch = world.commit();
            world.store_beacon(batch, beacon(i));
            world.deliver_all(batch);
        }
        world.end_epoch();
    }
    for i in 1..=3 {
        let account = world.board.roller(roller(i)).unwrap();
        assert!(
            account.q < ONE && account.q > world.params.q_init,
            "{}",
            account.q
        );
    }
}
