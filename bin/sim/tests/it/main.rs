//! The simulator as a whole: it repeats itself, its log replays, no attack pays, promises hold.

#![allow(clippy::unwrap_used)]

use rollmill_protocol::{
    board::{Board, Event},
    law::reward::reward,
};
use sim::{
    attacks::{self, Arena},
    fleet,
    harness::{self, Harness, Setting},
    law_market,
    policy::Policy,
    strategy::{Means, Strategy},
    world::{Burst, World},
};
use std::{collections::BTreeMap, fs, path::Path, process::Command};

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

/// Seeds at least; where they do not tell whether an attack gains more than [`harness::TOLERANCE`], more are played.
const SEEDS: u64 = 3;

/// Asserts that everything is shown to be closed, or within its bound, in the small arena.
fn assert_none_pays(settings: &[Setting], is_measured: impl Fn(&attacks::Attack) -> bool) {
    let arena = harness::small_arena();
    let mut harness = Harness::new(&arena);
    let mut paying = vec![];
    for attack in attacks::ALL.iter().filter(|attack| is_measured(attack)) {
        for setting in settings {
            let worth = harness.measure(attack, *setting).unwrap();
            if worth.is_open() {
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
    for relabel in [0.0, 0.25, 1.0] {
        for (share, k) in [(0.1, 3), (0.3, 2), (0.3, 5)] {
            settings.push(Setting {
                share,
                k,
                relabel: Some(relabel),
                seeds: SEEDS,
                ..Setting::default()
            });
        }
    }
    assert_none_pays(&settings, |attack| attack.relabels);
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
        seeds_max: 2,
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
fn a_pool_that_nobody_fills_is_found_out() {
    let wash = "wash proving";
    assert!(advantage(wash, "") < -0.1);
    assert!(advantage(wash, "[l1]\nfees_cover = 0.0") > 0.02);
    // With a tenth of all machines a small part of the rewards is enough.
    assert!(advantage(wash, "[l1]\nfees_cover = 0.25") < -0.1);
}

#[test]
fn beacons_that_decide_on_more_than_their_block_are_found_out() {
    let grinding = "beacon grinding";
    // A single heavy batch may pay more than a block, so that a block is skipped now and then.
    assert!(advantage(grinding, "") < 0.02);
    assert!(advantage(grinding, "[l1]\nblock_reward_scr = 0.05") > 0.02);
}

/// Rewards under each lottery beacon, SCR, and of how many batches.
fn rewards_by_beacon(world: &World) -> Vec<(f64, usize)> {
    let params = world.params().unwrap();
    let (_, _, events) =
        law_market::run_logged(world, &params, fleet::honest(world, &params)).unwrap();
    let (mut rewards, mut beacons) = (BTreeMap::new(), BTreeMap::new());
    for (event, _) in events {
        match event {
            Event::BatchCommitted {
                batch,
                prover_gas_estimate,
                unit_price,
                ..
            } => {
                let scr = reward(unit_price, params.k, prover_gas_estimate).unwrap();
                rewards.insert(batch, scr.0 as f64 / 1e18);
            }
            Event::EntriesConfirmed {
                batch,
                lottery_block,
                ..
            } => {
                let of_beacon: &mut (f64, usize) = beacons.entry(lottery_block).or_default();
                of_beacon.0 += rewards[&batch];
                of_beacon.1 += 1;
            }
            _ => {}
        }
    }
    beacons.into_values().collect()
}

#[test]
fn the_cap_binds_what_one_beacon_decides_on() {
    let cap_scr = 6.0;
    let mut world = short();
    world.fix_k(3);
    world.load.bursts = vec![Burst {
        at_h: 2.0,
        batches: 100,
    }];
    let is_above = |(scr, batches): &(f64, usize)| *scr > cap_scr && *batches > 1;
    world.l1.beacon_cap_scr = 1e6;
    assert!(rewards_by_beacon(&world).iter().any(is_above));
    world.l1.beacon_cap_scr = cap_scr;
    let beacons = rewards_by_beacon(&world);
    assert!(!beacons.iter().any(is_above), "{beacons:?}");
    let is_alone = |(scr, batches): &(f64, usize)| *scr > cap_scr && *batches == 1;
    assert!(beacons.iter().any(is_alone), "a heavy batch is paid, too");
}

/// What is not closed is played all the same, and gains.
#[test]
fn what_no_evidence_shows_is_found_out() {
    let full = advantage("favouring (falsely full)", "");
    let hidden = advantage("hidden rounds", "");
    assert!(full > 0.2, "{full}");
    assert!(hidden > 0.2, "{hidden}");
}

/// Nothing follows from the tickets of another round of the draw, and from twice as many where nobody else was in time: both are rare.
#[test]
fn more_tickets_than_the_draw_gave_cost_the_bond() {
    let openly = advantage("favouring (100 times the tickets)", "");
    let quietly = advantage("favouring (unpunished)", "");
    assert!(openly < -0.5, "{openly}");
    assert!((-1e-9..0.02).contains(&quietly), "{quietly}");
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

/// A short world whose first roller plays this.
fn played(strategy: &str) -> World {
    World::parse(&format!(
        "hours = 8.0\nwarmup_hours = 2.0\n[rollers]\ncount = 20\n[[attackers]]\nstrategy = '{strategy}'\nshare = 0.2"
    ))
    .unwrap()
}

#[test]
fn the_pot_is_divided_and_no_more() {
    let mut world = short();
    let income = |world: &World| {
        let outcome = Policy::Law.run(world).unwrap();
        outcome.operators.iter().map(|o| o.income_scr).sum::<f64>()
    };
    let fees = income(&world);
    (world.emission.pot_scr, world.emission.epoch_hours) = (100.0, 1.0);
    // Six epochs end in the measured hours, the first of them with the warm-up.
    let minted = income(&world) - fees;
    assert!((599.0..600.000_001).contains(&minted), "{minted}");
}

#[test]
fn a_digest_of_nothing_is_a_missed_seat_and_no_reward() {
    let outcome = Policy::Law
        .run(&played("posting digests of nothing"))
        .unwrap();
    let (poster, others) = outcome.operators.split_first().unwrap();
    assert!(outcome.unpaid > 0, "its winning digests settle unpaid");
    assert!(poster.failed * 3 > poster.on_time, "{poster:?}");
    assert_eq!(poster.fines_scr, 0.0);
    let q = others.iter().map(|o| o.q).sum::<f64>() / others.len() as f64;
    assert!(poster.q < q / 2.0, "{} and {q}", poster.q);
}

#[test]
fn whoever_stuffs_pays_for_the_batches() {
    let outcome = Policy::Law.run(&played("stuffing")).unwrap();
    let mut calm = played("stuffing");
    calm.attackers.clear();
    let calm = Policy::Law.run(&calm).unwrap();
    assert!(outcome.settled > calm.settled);
    let pays = |i: usize| outcome.operators[i].fines_scr > 0.0;
    assert!(pays(0) && !(1..20).any(pays));
}

/// What the program prints, and whether it is content.
fn sim_with_status(arguments: &[&str]) -> (String, bool) {
    let output = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(arguments)
        .output()
        .unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        output.status.success(),
    )
}

/// What the program prints.
fn sim(arguments: &[&str]) -> String {
    sim_with_status(arguments).0
}

/// `sim claims` takes minutes; in short it takes part of each promise.
#[test]
fn the_law_keeps_its_promises_in_short() {
    let (table, are_kept) = sim_with_status(&["claims", "--quick"]);
    assert!(are_kept, "{table}");
    assert!(table.lines().count() > 8, "{table}");
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
    let one = ["attacks", "--attack", "copying", "--seeds-max", "1"];
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
    assert!(names.len() >= 14, "{names:?}");
}
