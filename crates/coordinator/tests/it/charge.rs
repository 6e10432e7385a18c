//! Evidence against the operator by its draws: found in what L1 shows and in receipts, and brought before L1 by a stranger.

use alloy::providers::Provider;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use rollmill_coordinator::audit::{
    Answer, ChargeError, Charged, Evidence, L1History, NotFull, Wrong, ask, charge, evidence,
};
use rollmill_l1::{
    Call, L1Block, L1Event, SendError, Sender,
    contracts::{
        Draws::{self, DrawsEvents, PostedDraw},
        Evidence as Contract, OperatorBond, RewardPool,
        Rollup::{self, RollupEvents},
    },
    rewards::entries,
};
use rollmill_protocol::{
    Roller, TaskId,
    law::{Params, Snapshot, draw, rounds, snapshot::Tree},
};
use rollmill_roller_api::{
    Assignment, Client, HeartbeatRequest, PickRequest, SubmissionStats,
    receipts::{
        AssignmentReceipt, HeartbeatReceipt, Signed, SignedReceipt, SubmissionReceipt,
        VerdictReceipt,
    },
};
use rollmill_test_l1::{account, eventually};

use crate::{
    audit::{Public, short},
    embedded::Network,
};

/// A batch with one round, and one whose first round nobody delivered.
const BATCH: u64 = 1;
const REPEATED: u64 = 4;
/// What became of a point, as it is posted.
const AT_CAPACITY: u8 = 4;
const ABOVE_CAP: u8 = 6;
const TICKET: u8 = 7;

/// What is found about a batch.
fn about(
    batch: u64,
    (public, blocks): (&Public, Vec<L1Block>),
    receipts: &[SignedReceipt],
) -> Vec<Evidence> {
    let mut found = evidence(&blocks.into_iter().collect(), &public.law, receipts);
    found.retain(|found| found.batch == batch);
    found
}

/// The same blocks with every event altered, or left out where that says `false`.
fn altered(public: &Public, mut alter: impl FnMut(&mut L1Event) -> bool) -> Vec<L1Block> {
    let mut blocks = public.blocks.clone();
    for block in &mut blocks {
        block.events.retain_mut(|logged| alter(&mut logged.event));
    }
    blocks
}

/// The same blocks with another round of the first batch's draw: what became of all its points, and the packed rollers behind them.
fn redrawn(public: &Public, outcome: u8, named: &[u8]) -> Vec<L1Block> {
    redrawn_at(public, drawn_at(public, BATCH), outcome, named)
}

/// The same, drawn at this time.
fn redrawn_at(public: &Public, time: u64, outcome: u8, named: &[u8]) -> Vec<L1Block> {
    altered(public, |event| {
        if let L1Event::Draws(DrawsEvents::DrawsPosted(posted)) = event
            && posted.batch == BATCH
        {
            posted.rounds = round(&public.law, time, outcome, named);
        }
        true
    })
}

/// A packed round all of whose points ended alike, with the packed rollers behind them.
fn round(law: &Params, time: u64, outcome: u8, named: &[u8]) -> Bytes {
    let points = (law.k * law.draws_per_point_max) as u8;
    let outcomes = vec![outcome; usize::from(points)];
    let time = time.to_be_bytes();
    [&time[..], &[points], &outcomes, named].concat().into()
}

/// A roller that is called full, packed with the seats that are said to bind it.
fn called_full(roller: Roller, seats: &[(u64, u32)]) -> Vec<u8> {
    let mut out = [&[1][..], roller.as_slice(), &[0, seats.len() as u8]].concat();
    for (batch, round) in seats {
        out.extend_from_slice(&batch.to_be_bytes());
        out.extend_from_slice(&round.to_be_bytes());
    }
    out
}

/// When the first round of a batch was drawn.
fn drawn_at(public: &Public, batch: u64) -> u64 {
    let rounds = shown(public, batch).rounds;
    u64::from_be_bytes(rounds[..8].try_into().unwrap())
}

fn with_entries(
    public: &Public,
    batch: u64,
    change: impl Fn(&mut Vec<Rollup::Entry>),
) -> Vec<L1Block> {
    altered(public, |event| {
        if let L1Event::Rollup(RollupEvents::EntriesPosted(posted)) = event
            && posted.batch == batch
        {
            change(&mut posted.entries);
        }
        true
    })
}

/// What L1 shows of a batch's draw.
struct Shown {
    task: TaskId,
    beacon: B256,
    snapshot: Snapshot,
    rounds: Bytes,
}

impl Shown {
    /// The same for L1, about a roller.
    fn posted(&self, about: Roller) -> PostedDraw {
        PostedDraw {
            rounds: self.rounds.clone(),
            paths: paths(&self.snapshot, about),
        }
    }
}

fn paths(snapshot: &Snapshot, about: Roller) -> Vec<Bytes> {
    let paths = Tree::from(snapshot.clone()).paths_of(about);
    paths.into_iter().map(Bytes::from).collect()
}

fn shown(public: &Public, batch: u64) -> Shown {
    let events = || public.blocks.iter().flat_map(|block| &block.events);
    let (mut task, mut draw_block, mut drawn_from) = (B256::ZERO, 0, 0);
    for block in &public.blocks {
        for logged in &block.events {
            if let L1Event::Rollup(RollupEvents::BatchCommitted(event)) = &logged.event
                && event.batch == batch
            {
                (task, drawn_from) = (event.task, event.epoch);
                draw_block = block.number + public.law.draw_lag_blocks;
            }
        }
    }
    let beacon = events().find_map(|logged| match &logged.event {
        L1Event::Rollup(RollupEvents::BeaconStored(event)) if event.l1Block == draw_block => {
            Some(event.prevrandao)
        }
        _ => None,
    });
    let leaves = events().find_map(|logged| match &logged.event {
        L1Event::Rollup(RollupEvents::SnapshotPosted(event)) if event.epoch == drawn_from => {
            Some(event.leaves.clone())
        }
        _ => None,
    });
    let rounds = events().find_map(|logged| match &logged.event {
        L1Event::Draws(DrawsEvents::DrawsPosted(event)) if event.batch == batch => {
            Some(event.rounds.clone())
        }
        _ => None,
    });
    Shown {
        task: TaskId(task),
        beacon: beacon.unwrap(),
        snapshot: Snapshot::decode(&leaves.unwrap()).unwrap(),
        rounds: rounds.unwrap(),
    }
}

/// Tickets of a roller in each posted round.
fn tickets(public: &Public, shown: &Shown, roller: Roller) -> Vec<u32> {
    let posted = rounds::decode(&public.law, public.law.k, &shown.rounds).unwrap();
    let seeds = (shown.task, shown.beacon);
    rounds::tickets(&public.law, &shown.snapshot, seeds, &posted, roller)
}

fn signed<T>(receipt: T) -> Signed<T> {
    Signed {
        receipt,
        signature: Bytes::from_static(&[7; 65]),
    }
}

#[tokio::test]
async fn honest_draws_leave_no_evidence() {
    let public = short().await;
    let found = evidence(&public.l1, &public.law, &[]);
    assert!(found.iter().all(|found| !found.is_certain()), "{found:?}");
}

#[tokio::test]
async fn an_entry_that_the_draw_does_not_give_is_found_with_whom_it_damages() {
    let public = short().await;
    let drawn = shown(public, BATCH);
    for (given, is_damaged) in [(1, false), (-1, true)] {
        let blocks = with_entries(public, BATCH, |entries| {
            entries[0].tickets = entries[0].tickets.checked_add_signed(given).unwrap();
        });
        let found = about(BATCH, (public, blocks), &[]);
        let [only] = &found[..] else {
            panic!("{found:?}")
        };
        let Wrong::Entry { entries, position } = &only.wrong else {
            panic!("{only:?}")
        };
        assert_eq!((only.batch, only.task, *position), (BATCH, drawn.task, 0));
        let damaged = if is_damaged {
            entries[0].roller
        } else {
            Address::ZERO
        };
        assert_eq!(only.roller, damaged);
        assert_eq!(only.posted, drawn.posted(entries[0].roller));
    }
}

#[tokio::test]
async fn a_cap_that_is_the_operators_word_is_found() {
    let public = short().await;
    let found = about(BATCH, (public, redrawn(public, ABOVE_CAP, &[0])), &[]);
    let (favoured, damaged) = found.split_first().unwrap();
    // The entries are left without tickets.
    assert!(matches!(favoured.wrong, Wrong::Entry { position: 0, .. }));
    assert_eq!(favoured.roller, Address::ZERO);
    let drawn = shown(public, BATCH);
    let rollers: Vec<Roller> = drawn
        .snapshot
        .leaves()
        .iter()
        .map(|leaf| leaf.roller)
        .collect();
    assert_eq!(damaged.len(), rollers.len());
    let seed = draw::seed(drawn.task, 0, drawn.beacon);
    for found in damaged {
        let Wrong::Cap { round: 0, point } = found.wrong else {
            panic!("{found:?}")
        };
        let place = draw::point(seed, point, drawn.snapshot.total());
        let owner = drawn.snapshot.locate(place).unwrap().leaf.roller;
        assert_eq!(found.roller, owner);
    }
}

#[tokio::test]
async fn a_pass_over_is_a_question_where_l1_knows_better() {
    let public = short().await;
    let questions = |outcome: u8, receipts: &[SignedReceipt]| {
        let found = about(BATCH, (public, redrawn(public, outcome, &[0])), receipts);
        let questions = found.into_iter().filter(|found| !found.is_certain());
        questions.collect::<Vec<_>>()
    };
    for reason in [0, 1, 3] {
        let found = questions(reason, &[]);
        assert_eq!(found.len(), 3, "{found:?}");
        for found in found {
            let Wrong::NotTrue(p) = &found.wrong else {
                panic!("{found:?}")
            };
            assert_eq!((p.roller, p.reason), (found.roller, reason));
        }
    }
    for reason in [2, 5] {
        assert_eq!(questions(reason, &[]), [], "nobody says that it was heard");
    }
    let roller = shown(public, BATCH).snapshot.leaves()[0].roller;
    let at = drawn_at(public, BATCH);
    let heard = |at, ready| signed(HeartbeatReceipt { roller, at, ready });
    let (before, afterwards) = (heard(at - 1, true), heard(at + 1, true));
    let receipts = [before.clone().into(), afterwards.clone().into()];
    let found = questions(2, &receipts);
    assert!(
        matches!(&found[..], [one] if matches!(&one.wrong, Wrong::NotSilent(_, h) if *h == before)),
        "{found:?}"
    );
    let found = questions(5, &receipts);
    assert!(
        matches!(&found[..], [one] if matches!(&one.wrong, Wrong::NotDraining(_, h, i) if (h, i) == (&before, &afterwards))),
        "{found:?}"
    );
    assert_eq!(questions(2, &[heard(at - 1, false).into()]), []);
}

#[tokio::test]
async fn named_seats_must_have_bound_who_is_called_full() {
    let public = short().await;
    let roller = shown(public, BATCH).snapshot.leaves()[0].roller;
    let named = |seats: &[(u64, u32)]| {
        let blocks = redrawn(public, AT_CAPACITY, &called_full(roller, seats));
        let found = about(BATCH, (public, blocks), &[]);
        let mut of_roller = found.into_iter().filter(|found| found.roller == roller);
        let found = of_roller.next().map(|found| found.wrong);
        assert_eq!(of_roller.next(), None, "one charge, or one question");
        match found {
            Some(Wrong::NotFull(p, why)) if p.roller == roller => why,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(named(&[]), NotFull::TooFew);
    assert_eq!(named(&[(77, 0), (2, 9)]), NotFull::Over { position: 0 });
    let never = NotFull::NotSeated {
        position: 0,
        of_seat: shown(public, 2).posted(roller),
    };
    assert_eq!(named(&[(2, 9), (77, 0)]), never);
}

/// A seat and its roller, drawn from one batch on.
fn seat_since(public: &Public, mut batch: u64) -> (u64, Roller) {
    loop {
        let drawn = shown(public, batch);
        let mut leaves = drawn.snapshot.leaves().iter();
        if let Some(leaf) = leaves.find(|leaf| tickets(public, &drawn, leaf.roller)[0] > 0) {
            return (batch, leaf.roller);
        }
        batch += 1;
    }
}

#[tokio::test]
async fn a_named_seat_whose_proof_had_arrived_bound_nobody() {
    let public = short().await;
    let (batch, roller) = seat_since(public, BATCH + 1);
    let seat_drawn_at = drawn_at(public, batch);
    let receipt = SubmissionReceipt {
        task: shown(public, batch).task.0,
        round: 0,
        roller,
        publicValuesHash: B256::repeat_byte(1),
        proofDigest: B256::repeat_byte(2),
        receivedAt: seat_drawn_at + 1,
    };
    let named = called_full(roller, &[(batch, 0)]);
    let certain = |passed_at, receipt: &SubmissionReceipt| {
        let blocks = redrawn_at(public, passed_at, AT_CAPACITY, &named);
        let receipts = [signed(receipt.clone()).into()];
        let mut found = about(BATCH, (public, blocks), &receipts);
        found.retain(|found| found.roller == roller && found.is_certain());
        found
    };
    // The operator has two minutes to verify it.
    let late = receipt.receivedAt + 121;
    assert_eq!(certain(late - 1, &receipt), []);
    let found = certain(late, &receipt);
    let [only] = &found[..] else {
        panic!("{found:?}")
    };
    let Wrong::NotFull(p, why) = &only.wrong else {
        panic!("{only:?}")
    };
    assert_eq!((p.roller, p.passedAt), (roller, late));
    let delivered = NotFull::Delivered {
        position: 0,
        submission: signed(receipt.clone()),
    };
    assert_eq!(*why, delivered);
    let of_another_round = SubmissionReceipt {
        round: 1,
        ..receipt.clone()
    };
    assert_eq!(certain(late, &of_another_round), []);
    let of_another_roller = SubmissionReceipt {
        roller: Address::repeat_byte(0xee),
        ..receipt
    };
    assert_eq!(certain(late, &of_another_roller), []);
}

#[tokio::test]
async fn entries_without_their_draw_are_evidence_after_a_while() {
    let public = short().await;
    let blocks = altered(
        public,
        |event| !matches!(event, L1Event::Draws(DrawsEvents::DrawsPosted(posted)) if posted.batch == BATCH),
    );
    assert_eq!(about(BATCH, (public, blocks.clone()), &[]), []);
    let mut later = blocks.last().unwrap().clone();
    (later.number, later.timestamp) = (later.number + 1, later.timestamp + 15 * 60 + 1);
    later.events.clear();
    let blocks = [blocks, vec![later]].concat();
    let found = about(BATCH, (public, blocks), &[]);
    assert!(
        matches!(&found[..], [one] if (one.batch, &one.wrong) == (BATCH, &Wrong::Unposted)),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_lottery_beacon_that_nobody_stored_is_found_when_it_is_lost() {
    let public = short().await;
    let mut lottery_block = 0;
    let mut unpaid = altered(public, |event| {
        let L1Event::Rollup(event) = event else {
            return true;
        };
        match event {
            RollupEvents::EntriesPosted(posted) if posted.batch == BATCH => {
                lottery_block = posted.lotteryBlock;
            }
            RollupEvents::BeaconStored(stored) => return stored.l1Block != lottery_block,
            RollupEvents::BatchSettled(settled) if settled.batch == BATCH => {
                *event = RollupEvents::BatchSettledUnpaid(Rollup::BatchSettledUnpaid {
                    batch: BATCH,
                    roller: settled.roller,
                    stateRoot: settled.stateRoot,
                    proverGas: settled.proverGas,
                });
            }
            _ => {}
        }
        true
    });
    assert_ne!(lottery_block, 0);
    let mut head = unpaid.last().unwrap().clone();
    head.events.clear();
    for (number, is_lost) in [(lottery_block + 8192, false), (lottery_block + 8193, true)] {
        head.number = number;
        unpaid.push(head.clone());
        let found = about(BATCH, (public, unpaid.clone()), &[]);
        let lost = found
            .iter()
            .filter(|found| found.wrong == Wrong::LostBeacon);
        assert_eq!(lost.count(), usize::from(is_lost), "{found:?}");
        unpaid.pop();
    }
}

#[tokio::test]
async fn an_assignment_is_held_against_the_draw() {
    let public = short().await;
    let drawn = shown(public, BATCH);
    let mut leaves = drawn.snapshot.leaves().iter();
    let seated = leaves.find(|leaf| tickets(public, &drawn, leaf.roller)[0] > 0);
    let roller = seated.unwrap().roller;
    let honest = AssignmentReceipt {
        task: drawn.task.0,
        round: 0,
        roller,
        tickets: tickets(public, &drawn, roller)[0],
        assignedAt: u64::from_be_bytes(drawn.rounds[..8].try_into().unwrap()),
        deadline: u64::MAX,
        seed: draw::seed(drawn.task, 0, drawn.beacon),
    };
    let wrongs = |receipt: &AssignmentReceipt| {
        let receipts = [signed(receipt.clone()).into()];
        let found = evidence(&public.l1, &public.law, &receipts).into_iter();
        let certain = found.filter(Evidence::is_certain);
        certain
            .map(|found| (found.roller, found.wrong))
            .collect::<Vec<_>>()
    };
    assert_eq!(wrongs(&honest), []);
    let more = AssignmentReceipt {
        tickets: public.law.k + 1,
        ..honest.clone()
    };
    let expected = [
        (Address::ZERO, Wrong::Tickets(signed(more.clone()))),
        (roller, Wrong::OtherSeat(signed(more.clone()))),
    ];
    assert_eq!(wrongs(&more), expected);
    let before_a_reorganisation = AssignmentReceipt {
        seed: B256::repeat_byte(1),
        ..more
    };
    assert_eq!(wrongs(&before_a_reorganisation), []);
    let at_another_time = AssignmentReceipt {
        assignedAt: honest.assignedAt + 1,
        ..honest
    };
    let expected = [(roller, Wrong::OtherSeat(signed(at_another_time.clone())))];
    assert_eq!(wrongs(&at_another_time), expected);
}

#[tokio::test]
async fn an_on_time_entry_that_counts_once_beside_a_double_one_is_found() {
    let public = short().await;
    let drawn = shown(public, REPEATED);
    let of_rollers: Vec<(Roller, Vec<u32>)> = drawn
        .snapshot
        .leaves()
        .iter()
        .map(|leaf| (leaf.roller, tickets(public, &drawn, leaf.roller)))
        .filter(|(_, tickets)| tickets.iter().any(|own| *own > 0))
        .collect();
    let [(crony, double), (roller, own), ..] = &of_rollers[..] else {
        panic!("{of_rollers:?}")
    };
    let round = own.iter().position(|own| *own > 0).unwrap();
    let entry = |roller: Roller, tickets| Rollup::Entry {
        roller,
        tickets,
        proofDigest: B256::repeat_byte(1),
    };
    let blocks = with_entries(public, REPEATED, |entries| {
        *entries = vec![
            entry(*crony, 2 * double.iter().max().unwrap()),
            entry(*roller, own[round]),
        ];
    });
    let verdict = |on_time| {
        signed(VerdictReceipt {
            task: drawn.task.0,
            round: round as u32,
            roller: *roller,
            proofDigest: B256::repeat_byte(1),
            valid: true,
            onTime: on_time,
        })
    };
    assert_eq!(
        about(REPEATED, (public, blocks.clone()), &[verdict(false).into()]),
        []
    );
    let found = about(REPEATED, (public, blocks), &[verdict(true).into()]);
    let [only] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(only.roller, *roller);
    assert!(
        matches!(&only.wrong, Wrong::HalvedEntry { position: 0, verdict: v, .. } if *v == verdict(true))
    );
}

/// Amounts that a charge moves, SCR-wei.
#[derive(Debug, PartialEq, Eq)]
struct Purses {
    bond: U256,
    roller: U256,
    pool: U256,
}

async fn purses(network: &Network, roller: Address) -> Purses {
    let (provider, deployment) = (&network.provider, &network.deployment);
    let bond = OperatorBond::new(deployment.bond, provider);
    let pool = RewardPool::new(deployment.reward_pool, provider);
    Purses {
        bond: bond.bondWei().call().await.unwrap(),
        roller: pool.credits(roller).call().await.unwrap(),
        pool: pool.available().call().await.unwrap(),
    }
}

async fn history(network: &Network) -> L1History {
    let head = network.provider.get_block_number().await.unwrap();
    L1History::read(network.provider.clone(), &network.deployment, head)
        .await
        .unwrap()
}

/// An honest batch, entered and paid, and the receipt of its winner.
async fn paid(
    network: &Network,
    client: &Client,
    owner: Address,
) -> (TaskId, Assignment, Signed<SubmissionReceipt>) {
    let (task, assignment) = network.seat(client, owner).await;
    let (values, proof) = network.proof(task, owner).await;
    let submission = client.sign_submission(assignment.seat, owner, values.hash(), &proof);
    let stats = SubmissionStats::default();
    let reply = client.submit(&submission, &stats, proof).await.unwrap();
    let rollup = network.rollup();
    eventually("the settlement", async || {
        rollup.batches(1).call().await.unwrap().paid.then_some(())
    })
    .await;
    (task, assignment, reply.received.unwrap())
}

/// A second batch, whose draw the operator makes up.
async fn draw_by_hand(network: &Network, client: &Client, rounds: Bytes) {
    let task = network.commit(2).await;
    let beat = HeartbeatRequest {
        ready: true,
        ..HeartbeatRequest::default()
    };
    eventually("the draw", async || {
        client.heartbeat(&beat).await.unwrap();
        let assignment = client.pick(&PickRequest::default()).await.unwrap()?;
        (assignment.seat.task == task).then_some(())
    })
    .await;
    let rollup = network.rollup();
    let draw_block = rollup.drawBlock(2).call().await.unwrap();
    let post = Draws::postCall {
        batch: 2,
        beacon: rollup.beacons(draw_block).call().await.unwrap(),
        rounds,
    };
    let post = Call::new(network.deployment.draws, &post);
    network.sender.send("a draw", &post).await.unwrap();
}

/// In that batch the first point is said to be above the cap, and the entry has a ticket more than the rest gives.
async fn cheat(network: &Network, client: &Client, owner: Address) {
    let k = network.deployment.law.k as u8;
    let mut outcomes = vec![TICKET; usize::from(k) + 1];
    outcomes[0] = ABOVE_CAP;
    let rounds = [&[0; 8], &[k + 1][..], &outcomes[..], &[0]].concat();
    draw_by_hand(network, client, rounds.into()).await;
    let entry = Rollup::Entry {
        roller: owner,
        tickets: u32::from(k) + 1,
        proofDigest: keccak256(b"bytes"),
    };
    let enter = Rollup::postEntriesCall {
        batch: 2,
        entries: vec![entry],
    };
    let enter = Call::new(network.deployment.rollup, &enter);
    network.sender.send("its entries", &enter).await.unwrap();
}

#[tokio::test]
async fn a_strangers_charge_costs_the_bond_and_pays_who_is_damaged() {
    let network = Network::start((600, 600)).await;
    let (deployment, law) = (&network.deployment, &network.deployment.law);
    let client = network.client(1);
    let owner = account(1).address();
    network.stake(account(1), &client).await;
    let stranger = network.stranger(account(5)).await;
    let (task, assignment, _) = paid(&network, &client, owner).await;
    let before = purses(&network, owner).await;

    // Honest draws are no evidence, and L1 takes none against them.
    let l1 = history(&network).await;
    assert_eq!(evidence(&l1, law, &[]), []);
    let board = network.observer.board();
    let made_up = |wrong| Evidence {
        batch: 1,
        task,
        roller: Address::ZERO,
        wrong,
        posted: PostedDraw {
            rounds: board.task_by_id(task).unwrap().posted_rounds(),
            paths: paths(board.snapshot(1).unwrap(), owner),
        },
    };
    let entries = entries(&network.provider, deployment, 1).await.unwrap();
    let position = 0;
    let refused = Answer::Refuses {
        reason: "NoOffence()".to_owned(),
    };
    for wrong in [
        Wrong::Entry { entries, position },
        Wrong::Cap { round: 0, point: 0 },
    ] {
        let made_up = made_up(wrong);
        let answer = ask(&stranger, deployment, &made_up).await.unwrap();
        assert_eq!(answer, refused);
        let sent = charge(&stranger, deployment, &made_up).await;
        assert!(
            matches!(sent, Err(ChargeError::Send(SendError::Reverted { .. }))),
            "{sent:?}"
        );
    }
    assert_eq!(purses(&network, owner).await, before);

    // An assignment that the operator has signed, with a ticket too many.
    let honest = assignment.receipt.unwrap().receipt;
    let tickets = honest.tickets + 1;
    let receipt = AssignmentReceipt { tickets, ..honest };
    let signed = Signed::sign(&account(0), client.domain(), receipt).await;
    let signed = signed.unwrap();
    let found = evidence(&l1, law, &[signed.clone().into()]);
    let wrongs: Vec<_> = found.iter().map(|found| &found.wrong).collect();
    assert_eq!(
        wrongs,
        [&Wrong::Tickets(signed.clone()), &Wrong::OtherSeat(signed)]
    );
    let (loss, after) = charged((&network, &stranger), &found, (owner, before)).await;

    // A draw and entries that are the operator's word.
    cheat(&network, &client, owner).await;
    let found = evidence(&history(&network).await, law, &[]);
    let wrongs: Vec<_> = found
        .iter()
        .map(|found| (found.roller, &found.wrong))
        .collect();
    let [(nobody, Wrong::Entry { position: 0, .. }), (damaged, cap)] = &wrongs[..] else {
        panic!("{wrongs:?}")
    };
    assert_eq!((*nobody, *damaged), (Address::ZERO, owner));
    assert_eq!(**cap, Wrong::Cap { round: 0, point: 0 });
    let (other_loss, _) = charged((&network, &stranger), &found, (owner, after)).await;
    assert_eq!(loss, other_loss);
}

#[tokio::test]
async fn calling_a_roller_full_by_a_seat_that_it_had_delivered_costs_the_bond() {
    let network = Network::start((600, 600)).await;
    let law = &network.deployment.law;
    let client = network.client(1);
    let owner = account(1).address();
    network.stake(account(1), &client).await;
    let stranger = network.stranger(account(5)).await;
    let (_, _, submission) = paid(&network, &client, owner).await;
    let before = purses(&network, owner).await;

    // L1's time runs ahead of the clock.
    let first = network.rollup().batches(1).call().await.unwrap();
    let passed_at = first.committedAt.max(submission.receipt.receivedAt + 121);
    let named = called_full(owner, &[(1, 0)]);
    let rounds = round(law, passed_at, AT_CAPACITY, &named);
    draw_by_hand(&network, &client, rounds).await;
    let l1 = history(&network).await;
    let certain = |receipts: &[SignedReceipt]| {
        let found = evidence(&l1, law, receipts).into_iter();
        found.filter(Evidence::is_certain).collect::<Vec<_>>()
    };
    assert_eq!(certain(&[]), [], "only its receipt shows it");
    let found = certain(&[submission.clone().into()]);
    let delivered = NotFull::Delivered {
        position: 0,
        submission,
    };
    assert!(
        matches!(&found[..], [one] if one.roller == owner && matches!(&one.wrong, Wrong::NotFull(_, why) if *why == delivered)),
        "{found:?}"
    );
    charged((&network, &stranger), &found, (owner, before)).await;
}

/// Charges by what was found, which damages the roller or nobody in particular; what each costs, and what is left.
async fn charged(
    (network, stranger): (&Network, &Sender),
    found: &[Evidence],
    (roller, before): (Address, Purses),
) -> (U256, Purses) {
    let deployment = &network.deployment;
    let contract = Contract::new(deployment.evidence, network.provider.clone());
    // A false pass-over costs the same.
    let wrong_draw = 1;
    let loss = contract.lossWei(found[0].batch, wrong_draw).call().await;
    let loss = loss.unwrap();
    assert!(!loss.is_zero());
    let burned = loss / U256::from(2);
    for one in found {
        let answer = ask(stranger, deployment, one).await.unwrap();
        assert!(
            matches!(answer, Answer::Takes { .. }),
            "{one:?}: {answer:?}"
        );
        let charged = charge(stranger, deployment, one).await.unwrap();
        let expected = Charged {
            transaction: charged.transaction,
            lost_wei: loss,
            burned_wei: burned,
        };
        assert_eq!(charged, expected);
        let again = charge(stranger, deployment, one).await.unwrap();
        assert_eq!(again, charged, "it is not sent twice");
        let answer = ask(stranger, deployment, one).await.unwrap();
        assert_eq!(answer, Answer::Known);
    }
    let damaging = found.iter().filter(|one| one.roller == roller).count();
    let of = |wei: U256, count: usize| wei * U256::from(count);
    let after = purses(network, roller).await;
    let expected = Purses {
        bond: before.bond - of(loss, found.len()),
        roller: before.roller + of(loss - burned, damaging),
        pool: before.pool + of(loss - burned, found.len() - damaging),
    };
    assert_eq!(after, expected);
    (loss, after)
}
