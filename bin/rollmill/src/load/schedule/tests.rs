use super::*;

const PACE: Pace = Pace {
    rate: 0,
    window: 2,
    batch: 8,
    ahead: 100,
};

fn hash(sender: usize, nonce: u64) -> B256 {
    let mut bytes = [0; 32];
    bytes[0] = sender as u8 + 1;
    bytes[31] = nonce as u8;
    bytes.into()
}

/// A schedule whose stocks are full.
fn stocked(pace: Pace, plan: &[(u64, u64)], now: Instant) -> Schedule {
    let mut schedule = Schedule::new(pace, plan.iter().copied());
    while let Some(Order { sender, nonces }) = schedule.order() {
        let signed = nonces.map(|nonce| Signed {
            raw: Bytes::new(),
            hash: hash(sender, nonce),
        });
        schedule.stocked(sender, signed);
    }
    assert!(schedule.is_stocked());
    schedule.begin(now);
    schedule
}

fn jobs(schedule: &mut Schedule, now: Instant) -> Vec<Job> {
    match schedule.take(now) {
        Take::Send(jobs) => jobs,
        other => panic!("{other:?}"),
    }
}

fn hashes(jobs: &[Job]) -> Vec<B256> {
    jobs.iter().map(|job| job.signed.hash).collect()
}

fn answer(schedule: &mut Schedule, jobs: Vec<Job>, answer: &Answer) -> Vec<usize> {
    let answers = jobs.into_iter().map(|job| (job, answer.clone())).collect();
    schedule.answered(answers, Instant::now())
}

#[test]
fn a_sender_has_one_request_and_one_window_at_a_time() {
    let now = Instant::now();
    let mut schedule = stocked(PACE, &[(7, 3), (0, 1)], now);
    let first = jobs(&mut schedule, now);
    assert_eq!(hashes(&first), [hash(0, 7), hash(0, 8), hash(1, 0)]);
    assert!(matches!(schedule.take(now), Take::Idle));
    assert!(answer(&mut schedule, first, &Answer::Accepted).is_empty());
    // Its window is full until a block comes.
    assert!(matches!(schedule.take(now), Take::Idle));
    schedule.block(5, &[hash(0, 7), B256::ZERO], now);
    let second = jobs(&mut schedule, now);
    assert_eq!(hashes(&second), [hash(0, 9)]);
    answer(&mut schedule, second, &Answer::Accepted);
    assert!(matches!(schedule.take(now), Take::Done));
    assert_eq!(schedule.missing(), 3);
    schedule.block(6, &[hash(0, 8), hash(0, 9), hash(1, 0)], now);
    let Tally {
        submitted,
        accepted,
        included,
        blocks,
        ..
    } = schedule.tally().clone();
    assert_eq!((submitted, accepted, included), (4, 4, 4));
    let held = blocks
        .iter()
        .map(|(number, hashes)| (*number, hashes.len()));
    assert_eq!(held.collect::<Vec<_>>(), [(5, 1), (6, 3)]);
    assert_eq!(schedule.missing(), 0);
}

#[test]
fn with_a_rate_delays_count_from_when_a_transaction_was_due() {
    let begun = Instant::now();
    let pace = Pace { rate: 10, ..PACE };
    let mut schedule = stocked(pace, &[(0, 2), (0, 2)], begun);
    let first = jobs(&mut schedule, begun);
    assert_eq!(hashes(&first), [hash(0, 0)]);
    let Take::Wait(wait) = schedule.take(begun) else {
        panic!("the second is not due");
    };
    assert_eq!(wait, Duration::from_millis(100));
    // Late: the second and the third are due.
    let late = begun + Duration::from_millis(250);
    let rest = jobs(&mut schedule, late);
    assert_eq!(hashes(&rest), [hash(1, 0), hash(1, 1)]);
    let answers = rest.into_iter().map(|job| (job, Answer::Accepted));
    schedule.answered(answers.collect(), late);
    assert_eq!(schedule.tally().submit_us, [50_000, 150_000]);
}

#[test]
fn what_is_tried_again_goes_out_first_and_counts_once() {
    let now = Instant::now();
    let mut schedule = stocked(PACE, &[(0, 3)], now);
    let first = jobs(&mut schedule, now);
    let busy = Answer::Later("txpool is full".into());
    assert_eq!(answer(&mut schedule, first, &busy), [0]);
    assert!(matches!(schedule.take(now), Take::Idle));
    schedule.rested(0);
    let again = jobs(&mut schedule, now);
    assert_eq!(hashes(&again), [hash(0, 0), hash(0, 1)]);
    assert!(again.iter().all(|job| job.again));
    answer(&mut schedule, again, &Answer::Accepted);
    let tally = schedule.tally();
    assert_eq!((tally.submitted, tally.accepted), (2, 2));
    assert_eq!(tally.deferred["txpool is full"], 2);
    assert_eq!(schedule.missing(), 2);
}

#[test]
fn a_lost_answer_is_none_when_a_block_has_the_transaction() {
    let now = Instant::now();
    let mut schedule = stocked(PACE, &[(0, 1)], now);
    let first = jobs(&mut schedule, now);
    answer(&mut schedule, first, &Answer::Later("no answer".into()));
    schedule.block(1, &[hash(0, 0)], now);
    schedule.rested(0);
    assert!(matches!(schedule.take(now), Take::Done));
    let tally = schedule.tally();
    assert_eq!((tally.accepted, tally.included), (1, 1));
}

#[test]
fn a_refusal_ends_its_sender_and_no_other() {
    let now = Instant::now();
    let mut schedule = stocked(PACE, &[(0, 5), (0, 1)], now);
    let taken = jobs(&mut schedule, now);
    let answers = taken.into_iter().map(|job| match job.sender {
        0 => (job, Answer::Refused("insufficient funds".into())),
        _ => (job, Answer::Accepted),
    });
    schedule.answered(answers.collect(), now);
    assert!(matches!(schedule.take(now), Take::Done));
    assert_eq!(schedule.stopped(), 1);
    assert_eq!(schedule.tally().refused["insufficient funds"], 2);
    assert_eq!(schedule.missing(), 1);
    assert!(schedule.is_signed());
}

#[test]
fn stocks_are_filled_in_turn_up_to_their_size() {
    let pace = Pace { ahead: 70, ..PACE };
    let mut schedule = Schedule::new(pace, [(3, 100), (0, 10)]);
    let order = |schedule: &mut Schedule| schedule.order().map(|it| (it.sender, it.nonces));
    assert_eq!(order(&mut schedule), Some((0, 3..35)));
    assert_eq!(order(&mut schedule), Some((1, 0..10)));
    // Both are being signed.
    assert_eq!(order(&mut schedule), None);
    assert!(!schedule.is_stocked());
    let signed = |sender, nonces: Range<u64>| {
        nonces.map(move |nonce| Signed {
            raw: Bytes::new(),
            hash: hash(sender, nonce),
        })
    };
    schedule.stocked(0, signed(0, 3..35));
    assert_eq!(order(&mut schedule), Some((0, 35..67)));
    schedule.stocked(0, signed(0, 35..67));
    // No room for one more order.
    schedule.stocked(1, signed(1, 0..10));
    assert_eq!(order(&mut schedule), None);
    assert!(schedule.is_stocked() && !schedule.is_signed());
    schedule.close();
    assert!(schedule.is_signed());
    assert!(matches!(schedule.take(Instant::now()), Take::Done));
}
