use rollmill_protocol::{ProofDigest, ScrWei, law::Controls};

use super::*;

#[test]
fn every_action_for_l1_has_a_purpose_of_its_own() {
    let seat = SeatKey {
        task: TaskId::default(),
        round: 1,
        roller: Roller::ZERO,
    };
    let proof_digest = ProofDigest::default();
    let actions = [
        Action::PostSnapshot {
            epoch: 7,
            root: B256::ZERO,
            total: 1,
            leaves: Bytes::new(),
            controls: Controls {
                tau_ns_per_gas: 1,
                k: 1,
                window: 1,
                unit_price: ScrWei(1),
            },
        },
        Action::StoreBeacon { l1_block: 7 },
        Action::PostEntries {
            batch: 7,
            task: TaskId::default(),
            entries: Vec::new(),
        },
        Action::Settle {
            batch: 7,
            seat,
            proof_digest,
            entries: Vec::new(),
        },
        Action::Judge {
            batch: 7,
            seat,
            proof_digest,
        },
        Action::StartFallback {
            batch: 7,
            task: TaskId::default(),
        },
    ];
    let purposes: std::collections::BTreeSet<_> = actions.iter().filter_map(purpose).collect();
    assert_eq!(purposes.len(), actions.len());
    assert_eq!(purpose(&Action::Assigned(seat)), None);
}

#[test]
fn entries_wait_while_an_old_post_may_be_unread() {
    let (deadline, old, head) = (1_000, 900, 900 + UNREAD_S + 1);
    assert!(may_miss_posts(deadline, Some(old), Some(head)));
    assert!(
        !may_miss_posts(deadline, Some(old), Some(head - 1)),
        "young"
    );
    assert!(!may_miss_posts(old - 1, Some(old), Some(head)), "too late");
    assert!(!may_miss_posts(deadline, None, Some(head)), "all is read");
}

#[test]
fn a_silent_l1_is_poked_and_a_living_one_is_not() {
    let (mut poke, start) = (Poke::default(), Instant::now());
    assert!(!poke.is_due(5, start));
    assert!(poke.is_due(5, start + POKE_AFTER));
    assert!(!poke.is_due(6, start + POKE_AFTER));
}
