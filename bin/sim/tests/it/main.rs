//! The simulator as a whole: it repeats itself, its log replays, no attack pays, promises hold.

#![allow(clippy::unwrap_used)]

use rollmill_protocol::board::{EventRecord, LogHead, replay};
use sim::{
    attacks, claims, fleet,
    harness::{self, Harness, Setting},
    law_market,
    policy::Policy,
    world::World,
};
use std::{fs, path::Path};

fn short() -> World {
    let mut world = World {
        hours: 6.0,
        warmup_hours: 1.0,
        ..World::default()
    };
    world.rollers.count = 20;
    world.rollers.outages_per_day = 6.0;
    world
}

#[test]
fn equal_worlds_and_seeds_give_equal_numbers() {
    let run = |seed| {
        let outcome = Policy::Law.run(&short().with_seed(seed)).unwrap();
        serde_json::to_string(&(
            &outcome,
            &outcome.operators,
            &outcome.samples,
            &outcome.latencies_s,
        ))
        .unwrap()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn the_simulated_log_replays_to_the_same_board() {
    let world = short();
    let params = world.params().unwrap();
    let (board, start, events) =
        law_market::run_logged(&world, &params, fleet::honest(&world, &params)).unwrap();
    assert!(board.settled_through() > 20);
    let mut head = LogHead::default();
    let records: Vec<EventRecord> = events
        .into_iter()
        .map(|(event, now)| head.append(now, event))
        .collect();
    let (replayed, replayed_head) = replay(params, start, &records).unwrap();
    assert!(replayed == board && replayed_head == head);
}

#[test]
fn every_policy_settles_and_counts_every_roller() {
    for policy in Policy::ALL {
        let outcome = policy.run(&short()).unwrap();
        assert!(
            outcome.settled > 10,
            "{} settled {}",
            outcome.policy,
            outcome.settled
        );
        assert_eq!(outcome.operators.len(), 20);
        assert!(outcome.jain() > 0.0 && outcome.jain() <= 1.0 + 1e-9);
    }
}

#[test]
fn no_attack_pays_under_the_default_law() {
    let arena = harness::small_arena();
    let setting = Setting {
        share: 0.1,
        seeds: 2,
        k: 3,
    };
    let mut harness = Harness::new(&arena);
    let paying: Vec<String> = attacks::ALL
        .iter()
        .filter(|attack| !attack.is_about_dials)
        .map(|attack| harness.measure(attack, setting).unwrap())
        .filter(|worth| worth.pays())
        .map(|worth| {
            format!(
                "{}: {:+.4} ± {:.4}",
                worth.attack, worth.advantage, worth.error
            )
        })
        .collect();
    assert!(paying.is_empty(), "{paying:?}");
}

#[test]
fn a_law_without_fines_and_penalties_is_found_out() {
    let mut arena = harness::small_arena();
    arena.law.extend(
        toml::from_str::<toml::Table>(
            "drainMinS = 0\npenaltyDeclined = 0\npenaltyLate = 0\npenaltyMissed = 0",
        )
        .unwrap(),
    );
    let is_sitting = |attack: &&attacks::Attack| (attack.make)().name().starts_with("sitting");
    let sitting = attacks::ALL.iter().find(is_sitting).unwrap();
    let setting = Setting {
        share: 0.1,
        seeds: 2,
        k: 3,
    };
    let strict = harness::measure(&harness::small_arena(), sitting, setting).unwrap();
    let lax = harness::measure(&arena, sitting, setting).unwrap();
    assert!(
        lax.advantage > strict.advantage + 0.1,
        "{} against {}",
        lax.advantage,
        strict.advantage
    );
}

#[test]
fn an_outage_of_a_third_costs_no_stake_and_the_chain_goes_on() {
    let mut world = claims::outage_world();
    (world.hours, world.warmup_hours) = (12.0, 6.0);
    world.outages[0].from_h = 8.0;
    let outcome = Policy::Law.run(&world).unwrap();
    assert_eq!(outcome.fined_scr, 0.0);
    assert!(
        outcome.open_to_settle_s_max < 8_400.0,
        "{}",
        outcome.open_to_settle_s_max
    );
    assert!(outcome.settled_per_hour() > 500.0);
}

#[test]
fn the_worlds_in_the_folder_are_worlds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("worlds");
    let mut names = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let world = World::parse(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
        names.push(world.name);
    }
    assert!(names.len() >= 4, "{names:?}");
}
