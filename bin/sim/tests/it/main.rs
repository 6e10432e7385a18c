//! The simulator as a whole: it repeats itself, its log replays, no attack pays, promises hold.

#![allow(clippy::unwrap_used)]

use rollmill_protocol::board::Board;
use sim::{
    attacks::{self, Arena},
    fleet,
    harness::{self, Harness, Setting},
    law_market,
    policy::Policy,
    strategy::{Means, Strategy},
    world::{BuiltIn, World, built_in},
};
use std::{fs, path::Path, process::Command};

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
        serde_json::to_string(&(&outcome, &outcome.latencies_s)).unwrap()
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
    let mut replayed = Board::new(params, start).unwrap();
    for (event, now) in &events {
        replayed.apply(event, *now).unwrap();
    }
    assert!(replayed == board);
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

/// Fewer than `sim attacks --grid` takes, so that the suite stays short.
const SEEDS: u64 = 5;

/// Asserts that nothing pays beyond its bound in the small arena.
fn assert_none_pays(settings: &[Setting], is_measured: impl Fn(&attacks::Attack) -> bool) {
    let arena = harness::small_arena();
    let mut harness = Harness::new(&arena);
    let mut paying = vec![];
    for attack in attacks::ALL.iter().filter(|attack| is_measured(attack)) {
        for setting in settings {
            let worth = harness.measure(attack, *setting).unwrap();
            if worth.exceeds_bound() {
                paying.push(worth);
            }
        }
    }
    assert!(paying.is_empty(), "{paying:#?}");
}

#[test]
fn no_attack_pays_under_the_default_law() {
    let setting = Setting {
        seeds: SEEDS,
        ..Setting::default()
    };
    assert_none_pays(&[setting], |attack| attack.arena != Arena::Dials);
}

/// Whatever the second proof of a task costs.
#[test]
fn splitting_pays_at_no_share_no_k_and_no_relabel_cost() {
    let mut settings = vec![];
    for share in [0.1, 0.3] {
        for k in [2, 3, 5] {
            settings.push(Setting {
                share,
                k,
                seeds: SEEDS,
                ..Setting::default()
            });
        }
    }
    assert_none_pays(&settings, |attack| {
        let name = attack.name();
        name.starts_with("split in 3") || name == "split in 10 (c = 0)"
    });
}

/// Neither by being slow or a little late, nor by declining or draining.
#[test]
fn no_cartel_moves_the_dials_to_its_profit() {
    let settings = [0.1, 0.3].map(|share| Setting {
        share,
        seeds: SEEDS,
        ..Setting::default()
    });
    assert_none_pays(&settings, |attack| attack.arena == Arena::Dials);
}

/// What an attack is worth in the small arena, with these changes to the world.
fn advantage(name: &str, change: &str) -> f64 {
    let mut arena = harness::small_arena();
    let changed = World::parse(change).unwrap();
    arena.law.extend(changed.law);
    arena.l1 = changed.l1;
    let setting = Setting {
        seeds: 2,
        ..Setting::default()
    };
    let attack = attacks::find(name).unwrap();
    harness::measure(&arena, attack, setting).unwrap().advantage
}

#[test]
fn a_law_without_fines_and_penalties_is_found_out() {
    let sitting = "sitting (proves 1 of 2)";
    let lax = "[law]\ndrainMinS = 30\npenaltyDeclined = 0\npenaltyLate = 0\npenaltyMissed = 0";
    let (strict, lax) = (advantage(sitting, ""), advantage(sitting, lax));
    assert!(lax > strict + 0.1, "{lax} against {strict}");
}

#[test]
fn an_l1_that_pays_for_any_proof_is_found_out() {
    let unproved = "prove after winning";
    assert!(advantage(unproved, "") < -0.5);
    assert!(advantage(unproved, "[l1]\ndigest_binding = false") > 0.1);
}

#[test]
fn an_l1_on_which_nobody_can_post_is_found_out() {
    let silence = "operator's silence";
    assert!(advantage(silence, "") < -0.5);
    assert!(advantage(silence, "[l1]\nposting = false") > 0.1);
}

#[test]
fn a_new_name_is_no_better_than_the_old_one() {
    let idle = |after| advantage(&format!("idle for 72 h, then honest under {after}"), "");
    let (old, new) = (idle("the old name"), idle("a new name"));
    assert!(new < old && old < 0.0, "{new} against {old}");
}

#[test]
fn attacks_are_what_they_say() {
    let copying = advantage("copying", "");
    let flood = advantage("invalid flood", "");
    assert!((copying - flood).abs() > 1e-3, "{copying} is {flood}");
    let means = |price| Means {
        slots: 4,
        stake_scr: 1_000.0,
        proof_s: 400.0,
        time_limit_s: 1_200.0,
        price,
    };
    let cartel = attacks::PriceCartel { below: 1.5 };
    let declared = |price| cartel.names(&means(price))[0].capacity;
    assert_eq!((declared(1.0), declared(2.0)), (1, means(2.0).capacity()));
    assert!(means(2.0).capacity() > 1);
}

#[test]
fn attackers_churn_and_bursts_come_from_a_file() {
    let world = World::parse(
        "hours = 8.0\nwarmup_hours = 2.0\n[rollers]\ncount = 20\nabsences_per_day = 3.0\n\
         [load]\nbursts = [{ at_h = 3.0, batches = 100 }]\n\
         [[attackers]]\nstrategy = 'invalid flood'\ncount = 2\nshare = 0.2",
    )
    .unwrap();
    let outcome = Policy::Law.run(&world).unwrap();
    let fined = |i: usize| outcome.operators[i].fines_scr > 0.0;
    assert!(fined(0) && fined(1) && !(2..20).any(fined));
    let mut calm = world.clone();
    calm.rollers.absences_per_day = 0.0;
    let calm = Policy::Law.run(&calm).unwrap();
    assert!(outcome.proofs < calm.proofs, "who is away proves nothing");
}

#[test]
fn an_outage_of_a_third_costs_no_stake_and_the_chain_goes_on() {
    let mut world = built_in(BuiltIn::Outage);
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

/// What the program prints.
fn sim(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn json_is_one_document_with_every_column_and_csv_is_one_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("worlds");
    let world = folder.join("default.toml");
    let run = sim(&["run", world.to_str().unwrap(), "--policy", "law", "--json"]);
    let run: serde_json::Value = serde_json::from_str(&run).unwrap();
    for column in ["jain", "gini", "latency_s_p50", "latency_s_p99"] {
        assert!(run[0]["columns"][column].is_f64(), "{column}");
    }
    assert_eq!(run[0]["operators"].as_array().unwrap().len(), 100);
    assert!(!run[0]["samples"].as_array().unwrap().is_empty());
    let one = ["attacks", "--attack", "copying", "--seeds", "1"];
    let attacks = sim(&[&one[..], &["--json"]].concat());
    let attacks: serde_json::Value = serde_json::from_str(&attacks).unwrap();
    assert_eq!(attacks["measured"].as_array().unwrap().len(), 1);
    assert!(attacks["computed"].as_array().unwrap().len() > 5);
    let csv = sim(&[&one[..], &["--csv"]].concat());
    assert_eq!(csv.matches("advantage").count(), 1);
}

#[test]
fn the_worlds_in_the_folder_are_worlds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("worlds");
    let mut names = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let world = World::parse(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
        names.push(world.name);
    }
    assert!(names.len() >= 13, "{names:?}");
}
