#![allow(clippy::unwrap_used)]

use super::*;
use proptest::{collection::vec, prelude::*};

fn params() -> ControlParams {
    Params::default().control
}

fn controls() -> Controls {
    Controls::initial(&Params::default())
}

/// `count` rollers that do well: half of T, `capacity` seats each, of which a third is bound, few declined.
fn healthy(count: usize, capacity: u32) -> EpochMeasure {
    let roller = RollerMeasure {
        stake: ScrWei::from_scr(1_000),
        on_time: 100 * ONE,
        failed: 0,
        declined: 50 * ONE,
        completion: Some(ONE / 2),
        capacity,
    };
    EpochMeasure {
        rollers: alloc::vec![roller; count],
        tickets: 100 * ONE * count as u64,
        seat_s: 700 * u64::from(capacity) * count as u64,
        elapsed_s: 1_000,
        open_peak: 10,
        queued: 0,
        queued_before: 0,
        tasks: 100,
        tasks_missed: 0,
    }
}

/// The same with twice the seats: the load is 0.7.
fn busy(count: usize, capacity: u32) -> EpochMeasure {
    let mut measure = healthy(count, capacity);
    measure.seat_s *= 2;
    measure
}

prop_compose! {
    fn any_roller()(stake in 0u64..1 << 50, on_time: u64, failed: u64, declined: u64, completion in proptest::option::of(0..=ONE), capacity: u32) -> RollerMeasure {
        RollerMeasure { stake: ScrWei::from_scr(stake), on_time, failed, declined, completion, capacity }
    }
}

proptest! {
    #[test]
    fn dials_stay_within_bounds_and_steps(
        rollers in vec(any_roller(), 0..20), tickets: u64, seat_s: u64, elapsed_s: u64, open_peak: u32, queued: u32, queued_before: u32, tasks in 0u64..1 << 40, tasks_missed in 0u64..1 << 40,
        tau in 1u64..1_000_000, k in 1u32..8, window in 1u32..100_000, price: u64,
    ) {
        let params = params();
        let now = Controls {
            tau_ns_per_gas: tau.clamp(params.tau_ns_per_gas.0, params.tau_ns_per_gas.1),
            k: k.clamp(params.k.0, params.k.1),
            window: window.clamp(params.window.0, params.window.1),
            unit_price: ScrWei(price.into()).clamp(params.unit_price.0, params.unit_price.1),
        };
        let after = next(&params, now, &EpochMeasure { rollers, tickets, seat_s, elapsed_s, open_peak, queued, queued_before, tasks, tasks_missed });
        prop_assert!((params.tau_ns_per_gas.0..=params.tau_ns_per_gas.1).contains(&after.tau_ns_per_gas));
        prop_assert!((params.k.0..=params.k.1).contains(&after.k) && after.k.abs_diff(now.k) <= 1);
        prop_assert!((params.window.0..=params.window.1).contains(&after.window));
        prop_assert!((params.unit_price.0..=params.unit_price.1).contains(&after.unit_price));
        let within_step = |after: u64, now: u64| after.abs_diff(now) <= (now / 8).max(1);
        prop_assert!(within_step(after.tau_ns_per_gas, now.tau_ns_per_gas));
        prop_assert!(within_step(after.window.into(), now.window.into()));
        prop_assert!(within_step(u64::try_from(after.unit_price.0).unwrap(), u64::try_from(now.unit_price.0).unwrap()));
    }
}

#[test]
fn nothing_moves_when_all_is_well() {
    // 100 rollers of two seats carry 180 / 3 = 60 tasks.
    let now = Controls {
        window: 60,
        ..controls()
    };
    assert_eq!(next(&params(), now, &healthy(100, 2)), now);
}

#[test]
fn the_window_follows_capacity_step_by_step() {
    let now = Controls {
        window: 80,
        ..controls()
    };
    assert_eq!(next(&params(), now, &healthy(100, 2)).window, 70);
    assert_eq!(next(&params(), now, &healthy(1_000, 2)).window, 90);
    assert_eq!(next(&params(), now, &healthy(0, 2)).window, 70);
}

#[test]
fn load_shrinks_the_window_before_it_raises_tau_and_tau_before_the_price() {
    let mut measure = busy(100, 2);
    measure.rollers.iter_mut().for_each(|roller| {
        roller.failed = 10 * ONE;
        roller.declined = 200 * ONE;
    });
    let crowded = Controls {
        window: 80,
        ..controls()
    };
    let first = next(&params(), crowded, &measure);
    assert!(first.window < 80);
    assert_eq!(
        (first.tau_ns_per_gas, first.unit_price, first.k),
        (crowded.tau_ns_per_gas, crowded.unit_price, 3)
    );
    let second = next(
        &params(),
        Controls {
            window: 60,
            ..controls()
        },
        &measure,
    );
    assert!(
        second.tau_ns_per_gas > controls().tau_ns_per_gas
            && second.unit_price > controls().unit_price
    );
    measure
        .rollers
        .iter_mut()
        .for_each(|roller| roller.declined = 50 * ONE);
    let third = next(
        &params(),
        Controls {
            window: 60,
            ..controls()
        },
        &measure,
    );
    assert_eq!(third.unit_price, controls().unit_price, "time first");
    let no_time_left = Controls {
        window: 60,
        tau_ns_per_gas: params().tau_ns_per_gas.1,
        ..controls()
    };
    assert!(next(&params(), no_time_left, &measure).unit_price > controls().unit_price);
}

#[test]
fn a_minority_of_slow_rollers_moves_no_deadline() {
    let mut measure = healthy(10, 2);
    measure
        .rollers
        .iter_mut()
        .for_each(|roller| roller.completion = Some(ONE / 4));
    measure.rollers[..4]
        .iter_mut()
        .for_each(|roller| roller.completion = Some(ONE));
    assert_eq!(measure.completion(&params()), Some(ONE / 4));
    // A whale with 90 % of the stake counts as much as another roller.
    measure.rollers[0].stake = ScrWei::from_scr(100_000);
    assert_eq!(measure.completion(&params()), Some(ONE / 4));
    assert!(next(&params(), controls(), &measure).tau_ns_per_gas < controls().tau_ns_per_gas);
}

#[test]
fn tau_does_not_rise_where_the_median_has_time() {
    let mut measure = healthy(10, 2);
    measure
        .rollers
        .iter_mut()
        .for_each(|roller| roller.failed = 10 * ONE);
    let tau = |measure: &EpochMeasure| {
        let now = Controls {
            window: 6,
            ..controls()
        };
        next(&params(), now, measure).tau_ns_per_gas
    };
    assert!(tau(&measure) > controls().tau_ns_per_gas);
    measure
        .rollers
        .iter_mut()
        .for_each(|roller| roller.completion = Some(ONE / 4));
    assert_eq!(tau(&measure), controls().tau_ns_per_gas);
}

#[test]
fn waiting_tasks_raise_the_price_where_rollers_are_busy() {
    let now = Controls {
        window: 60,
        ..controls()
    };
    let price = |now, measure: &EpochMeasure| next(&params(), now, measure).unit_price.0;
    let first = now.unit_price.0;
    let mut measure = EpochMeasure {
        queued: 61,
        ..busy(100, 2)
    };
    assert_eq!(price(now, &measure), first + first / 8);
    measure.queued = 15;
    assert_eq!(price(now, &measure), first, "a quarter of the window");
    measure.queued = 61;
    measure.queued_before = 62;
    assert_eq!(price(now, &measure), first, "the queue shrinks");
    measure.queued = 1_000;
    let shrinking = Controls { window: 90, ..now };
    assert_eq!(price(shrinking, &measure), first, "the window first");
    measure.seat_s /= 2;
    assert_eq!(price(now, &measure), first, "nobody is busy");
}

#[test]
fn idle_rollers_lower_the_price() {
    let now = Controls {
        window: 60,
        ..controls()
    };
    let mut measure = healthy(100, 2);
    measure.seat_s /= 2;
    assert_eq!(measure.load(&params()), ONE / 1_000 * 175);
    let after = |now| next(&params(), now, &measure).unit_price.0;
    assert_eq!(after(now), now.unit_price.0 - now.unit_price.0 / 32);
    let shrinking = Controls { window: 90, ..now };
    assert_eq!(after(shrinking), now.unit_price.0, "the window first");
}

#[test]
fn without_capacity_the_load_is_full() {
    let mut measure = healthy(0, 0);
    assert_eq!(measure.load(&params()), ONE);
    measure = healthy(10, 2);
    measure
        .rollers
        .iter_mut()
        .for_each(|roller| roller.completion = None);
    assert_eq!(
        measure.load(&params()),
        ONE / 10 * 7,
        "proofs took all of T"
    );
}

/// Whoever sits on proofs keeps tasks open and lets others wait, and that is all.
#[test]
fn a_slow_minority_does_not_move_the_price() {
    let now = Controls {
        window: 6,
        ..controls()
    };
    let mut measure = EpochMeasure {
        open_peak: 6,
        queued: 100,
        ..healthy(10, 2)
    };
    let honest = measure.load(&params());
    measure.rollers[..4]
        .iter_mut()
        .for_each(|roller| roller.completion = Some(ONE));
    assert_eq!(measure.load(&params()), honest);
    assert_eq!(next(&params(), now, &measure).unit_price, now.unit_price);
    measure.seat_s /= 2;
    assert!(next(&params(), now, &measure).unit_price < now.unit_price);
    // A majority is what the rollers are.
    measure.rollers[4..6]
        .iter_mut()
        .for_each(|roller| roller.completion = Some(ONE));
    assert_eq!(measure.load(&params()), honest);
}

#[test]
fn one_rollers_declines_do_not_move_the_price() {
    let mut measure = healthy(100, 2);
    measure
        .rollers
        .iter_mut()
        .for_each(|roller| roller.declined = ONE);
    measure.rollers[0].declined = 1_000_000 * ONE;
    assert!(measure.points_per_ticket(&params()) < params().points_high);
    let now = Controls {
        window: 60,
        ..controls()
    };
    assert!(next(&params(), now, &measure).unit_price <= now.unit_price);
}

#[test]
fn k_rises_on_missed_tasks_only_where_there_is_capacity() {
    let mut measure = EpochMeasure {
        tasks: 1_000,
        tasks_missed: 5,
        ..healthy(100, 2)
    };
    assert_eq!(next_k(&params(), 3, &measure), 4);
    measure.open_peak = 46;
    assert_eq!(
        next_k(&params(), 3, &measure),
        3,
        "4 x 46 seats exceed 90 % of 200"
    );
    measure = EpochMeasure {
        tasks: 1_000,
        tasks_missed: 4,
        ..healthy(100, 2)
    };
    assert_eq!(
        next_k(&params(), 3, &measure),
        3,
        "where one in a thousand is tolerated, four are three deviations more"
    );
    measure = EpochMeasure {
        tasks: 4_000,
        tasks_missed: 0,
        ..healthy(100, 2)
    };
    assert_eq!(next_k(&params(), 3, &measure), 2);
    let fail = |rollers: &mut [RollerMeasure]| {
        let failed = rollers.iter_mut();
        failed.for_each(|roller| roller.failed = 5 * ONE);
    };
    fail(&mut measure.rollers[..49]);
    assert_eq!(next_k(&params(), 3, &measure), 2, "a minority fails");
    fail(&mut measure.rollers);
    assert_eq!(
        next_k(&params(), 3, &measure),
        3,
        "5 % squared is more than 1 in 4,000"
    );
}

#[test]
fn where_the_median_roller_fails_k_stands_still() {
    let mut measure = EpochMeasure {
        tasks: 1_000,
        tasks_missed: 500,
        ..healthy(100, 2)
    };
    let fail = |rollers: &mut [RollerMeasure]| {
        let failed = rollers.iter_mut();
        failed.for_each(|roller| roller.failed = 10 * ONE);
    };
    fail(&mut measure.rollers[..49]);
    assert_eq!(next_k(&params(), 3, &measure), 4, "a minority is out");
    fail(&mut measure.rollers);
    assert!(measure.is_common_failure(&params()));
    assert_eq!(next_k(&params(), 3, &measure), 3, "T is too short for all");
    assert!(next(&params(), controls(), &measure).tau_ns_per_gas > controls().tau_ns_per_gas);
}
