//! The store as its users see it: durable, idempotent, damage is noticed.
#![allow(clippy::unwrap_used, missing_docs)]

use alloy_primitives::{Address, B256, Bytes, keccak256};
use rollmill_protocol::{ProofDigest, PublicValues};
use rollmill_store::{
    BatchRecord, BatchState, Kind, L1Attempt, L1Place, L1SendState, ObjectError, Recorded, Store,
    StoreError, SubmissionRecord, Verdict, genesis_hash,
};
use serde_json::json;
use tempfile::TempDir;

async fn open(folder: &TempDir) -> Store {
    Store::open(folder.path()).await.unwrap()
}

fn attempt(text: &'static str) -> L1Attempt {
    L1Attempt {
        hash: keccak256(text),
        raw: Bytes::from_static(text.as_bytes()),
    }
}

fn account() -> Address {
    Address::repeat_byte(1)
}

fn batch(number: u64) -> BatchRecord {
    BatchRecord {
        number,
        first_block: number * 2 - 1,
        last_block: number * 2,
        state: BatchState::Sealed,
        task: keccak256(number.to_be_bytes()),
        witness_hash: B256::repeat_byte(3),
        data: Bytes::from_static(b"data"),
        commit_fields: json!({ "batch": number }),
        public_values: PublicValues {
            first_batch: number,
            ..Default::default()
        },
        stats: json!({ "txs": 10 }),
        committed: None,
        settled: None,
    }
}

/// A transaction in this block of L1.
fn place(block: u64) -> L1Place {
    L1Place {
        transaction: B256::with_last_byte(block as u8),
        block,
    }
}

fn submission(proof: &[u8]) -> SubmissionRecord {
    SubmissionRecord {
        task: B256::repeat_byte(1),
        round: 0,
        roller: Address::repeat_byte(2),
        proof_digest: ProofDigest::of(proof).0,
        public_values_hash: B256::repeat_byte(4),
        signature: Bytes::from(vec![5; 65]),
        verdict: Verdict::Invalid,
        reason: Some("the proof does not verify".into()),
        received_unix_ms: 1_000,
        verify_us: 17_000,
        receipt: json!({ "verdict": "invalid" }),
        stats: json!({ "proveSeconds": 3 }),
    }
}

/// `kill -9` leaves no chance to close: a second process opens the same files while the first handle is still there.
#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let folder = TempDir::new().unwrap();
    let before = open(&folder).await;
    before
        .record_send("settle/1", account(), 7, &attempt("s"))
        .await
        .unwrap();
    before.set_cursor("board", "9").await.unwrap();
    before.record_batch(&batch(1)).await.unwrap();
    before
        .record_submission(&submission(b"proof"))
        .await
        .unwrap();
    let event = before.append_event(None, 5, "{}".into()).await.unwrap();
    let object = before.objects().put(b"witness").await.unwrap();
    std::mem::forget(before);

    let after = open(&folder).await;
    let send = after.send("settle/1").await.unwrap().unwrap();
    assert_eq!((send.nonce, send.state), (7, L1SendState::Recorded));
    assert_eq!(send.attempts, [attempt("s")]);
    assert_eq!(after.cursor("board").await.unwrap().as_deref(), Some("9"));
    assert_eq!(after.batch(1).await.unwrap(), Some(batch(1)));
    assert_eq!(
        after.batch_of_task(batch(1).task).await.unwrap(),
        Some(batch(1))
    );
    assert_eq!(
        after.submissions_of(B256::repeat_byte(1)).await.unwrap(),
        [submission(b"proof")]
    );
    assert_eq!(after.events(0, genesis_hash(), 10).await.unwrap(), [event]);
    assert_eq!(
        after.objects().get(object).await.unwrap(),
        Bytes::from_static(b"witness")
    );
}

#[tokio::test]
async fn a_purpose_is_sent_once() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    assert!(store.nonces_from(account(), 0).await.unwrap().is_empty());
    store
        .record_send("a", account(), 0, &attempt("a0"))
        .await
        .unwrap();
    for (purpose, nonce) in [("b", 0), ("a", 1), ("a", 0)] {
        let error = store
            .record_send(purpose, account(), nonce, &attempt("x"))
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
        assert_eq!(error.kind(), Kind::Caller);
    }
    store
        .record_send("b", account(), 1, &attempt("b1"))
        .await
        .unwrap();
    store
        .record_attempt("a", &attempt("a0, dearer"))
        .await
        .unwrap();
    store
        .record_attempt("a", &attempt("a0, dearer"))
        .await
        .unwrap();
    let open = store.open_sends(account()).await.unwrap();
    assert_eq!(
        open.iter()
            .map(|send| send.purpose.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(open[0].attempts, [attempt("a0"), attempt("a0, dearer")]);
    assert_eq!(store.nonces_from(account(), 0).await.unwrap(), [0, 1]);
    assert_eq!(store.nonces_from(account(), 1).await.unwrap(), [1]);

    store
        .close_send("a", attempt("a0").hash, 12, true)
        .await
        .unwrap();
    let mined = store.send("a").await.unwrap().unwrap();
    assert_eq!(
        (mined.state, mined.mined),
        (L1SendState::Mined, Some((attempt("a0").hash, 12)))
    );
    assert!(matches!(
        store.record_attempt("a", &attempt("late")).await,
        Err(StoreError::Missing { .. })
    ));
    assert_eq!(store.open_sends(account()).await.unwrap().len(), 1);
    store.reopen_send("a").await.unwrap();
    assert_eq!(store.open_sends(account()).await.unwrap(), open);
    store
        .close_send("b", attempt("b1").hash, 13, false)
        .await
        .unwrap();
    assert_eq!(
        store.send("b").await.unwrap().unwrap().state,
        L1SendState::Reverted
    );
    assert!(matches!(
        store.reopen_send("c").await,
        Err(StoreError::Missing { .. })
    ));
}

#[tokio::test]
async fn messages_follow_l1() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    for index in 0..3 {
        store.put_message(index, 10 + index, "{}").await.unwrap();
    }
    assert_eq!(store.drop_messages_after_block(11).await.unwrap(), 1);
    store.put_message(2, 15, "\"moved\"").await.unwrap();
    assert_eq!(
        store.messages_from(1, 9).await.unwrap(),
        [(1, 11, "{}".to_owned()), (2, 15, "\"moved\"".to_owned())]
    );
}

#[tokio::test]
async fn batches_move_on() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    for number in 1..=3 {
        store.record_batch(&batch(number)).await.unwrap();
    }
    store.record_batch(&batch(1)).await.unwrap();
    let other = BatchRecord {
        witness_hash: B256::ZERO,
        ..batch(1)
    };
    assert!(matches!(
        store.record_batch(&other).await,
        Err(StoreError::Conflict { .. })
    ));

    store.set_batch_committed(1, place(10)).await.unwrap();
    store.set_batch_settled(1, place(12)).await.unwrap();
    store.set_batch_committed(2, place(11)).await.unwrap();
    assert_eq!(store.last_batch(BatchState::Sealed).await.unwrap(), Some(3));
    assert_eq!(
        store.last_batch(BatchState::Committed).await.unwrap(),
        Some(2)
    );
    assert_eq!(
        store.last_batch(BatchState::Settled).await.unwrap(),
        Some(1)
    );
    let numbers: Vec<u64> = store
        .batches(2, 10)
        .await
        .unwrap()
        .iter()
        .map(|batch| batch.number)
        .collect();
    assert_eq!(numbers, [2, 3]);
    assert!(matches!(
        store.set_batch_settled(9, place(1)).await,
        Err(StoreError::Missing { .. })
    ));
    let first = store.batch(1).await.unwrap().unwrap();
    assert_eq!(
        (first.state, first.committed, first.settled),
        (BatchState::Settled, Some(place(10)), Some(place(12)))
    );
    // Read again after a restart: a settled batch stays settled.
    store.set_batch_committed(1, place(10)).await.unwrap();
    assert_eq!(store.batch(1).await.unwrap().unwrap(), first);
}

#[tokio::test]
async fn a_reorganisation_takes_batches_back() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    for number in 1..=3 {
        store.record_batch(&batch(number)).await.unwrap();
        store
            .set_batch_committed(number, place(10 + number))
            .await
            .unwrap();
    }
    store.set_batch_settled(1, place(12)).await.unwrap();
    store.set_batch_settled(2, place(13)).await.unwrap();
    for (l1_block, number) in [(11, None), (12, Some(1)), (13, Some(2)), (99, Some(2))] {
        let last_block = number.map(|number| batch(number).last_block);
        assert_eq!(store.settled_by(l1_block).await.unwrap(), last_block);
    }
    store.rewind_batches(12).await.unwrap();
    let last_block = batch(1).last_block;
    assert_eq!(store.settled_by(99).await.unwrap(), Some(last_block));
    let states: Vec<_> = store
        .batches(1, 9)
        .await
        .unwrap()
        .into_iter()
        .map(|batch| (batch.state, batch.committed, batch.settled))
        .collect();
    assert_eq!(
        states,
        [
            (BatchState::Settled, Some(place(11)), Some(place(12))),
            (BatchState::Committed, Some(place(12)), None),
            (BatchState::Sealed, None, None),
        ]
    );
    assert_eq!(store.drop_batches_after(2).await.unwrap(), 1);
    assert_eq!(store.batch(3).await.unwrap(), None);
    assert_eq!(store.last_batch(BatchState::Sealed).await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_seat_has_one_submission() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    assert_eq!(
        store
            .record_submission(&submission(b"first"))
            .await
            .unwrap(),
        Recorded::New
    );
    let second = store
        .record_submission(&submission(b"second"))
        .await
        .unwrap();
    assert_eq!(second, Recorded::Before(Box::new(submission(b"first"))));
    let seat = submission(b"first");
    store
        .withdraw_submission(seat.task, seat.round, seat.roller)
        .await
        .unwrap();
    assert_eq!(
        store
            .submission(seat.task, seat.round, seat.roller)
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn nonces_are_used_once_until_they_expire() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    let (signer, nonce) = (Address::repeat_byte(1), B256::repeat_byte(2));
    assert!(store.use_nonce(signer, nonce, 100).await.unwrap());
    assert!(!store.use_nonce(signer, nonce, 200).await.unwrap());
    assert!(
        store
            .use_nonce(Address::repeat_byte(9), nonce, 100)
            .await
            .unwrap()
    );
    assert_eq!(store.forget_nonces(100).await.unwrap(), 0);
    assert_eq!(store.forget_nonces(101).await.unwrap(), 2);
}

#[tokio::test]
async fn the_event_log_is_a_chain_with_one_writer() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    let first = store.append_event(None, 1, "\"a\"".into()).await.unwrap();
    let second = store
        .append_event(Some((1, first.hash)), 2, "\"b\"".into())
        .await
        .unwrap();
    for stale in [None, Some((1, first.hash)), Some((7, second.hash))] {
        let error = store
            .append_event(stale, 3, "\"c\"".into())
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    }
    assert_eq!(store.events(1, first.hash, 5).await.unwrap(), [second]);
    assert_eq!(store.events(0, genesis_hash(), 1).await.unwrap(), [first]);
    let wrong_start = store.events(1, B256::ZERO, 5).await.unwrap_err();
    assert!(matches!(wrong_start, StoreError::BrokenLog { seq: 2, .. }));
}

#[tokio::test]
async fn a_log_of_another_version_is_named() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    let former = B256::right_padding_from(b"rollmill.event.v1");
    let last = Some((0, former));
    store.append_event(last, 1, "\"a\"".into()).await.unwrap();
    let error = store.events(0, genesis_hash(), 5).await.unwrap_err();
    assert!(error.to_string().contains("another version"), "{error}");
}

#[tokio::test]
async fn an_altered_event_is_noticed_and_the_log_refuses_changes() {
    use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    store.append_event(None, 1, "\"a\"".into()).await.unwrap();
    let path = folder.path().join("rollmill.sqlite");
    let mut raw = SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap();
    sqlx::query("UPDATE board_events SET body = '\"x\"'")
        .execute(&mut raw)
        .await
        .unwrap_err();
    sqlx::query("DELETE FROM board_events")
        .execute(&mut raw)
        .await
        .unwrap_err();
    sqlx::query("DROP TRIGGER board_events_no_update")
        .execute(&mut raw)
        .await
        .unwrap();
    sqlx::query("UPDATE board_events SET body = '\"x\"'")
        .execute(&mut raw)
        .await
        .unwrap();
    raw.close().await.unwrap();

    let error = store.events(0, genesis_hash(), 5).await.unwrap_err();
    assert!(matches!(error, StoreError::BrokenLog { seq: 1, .. }));
    assert_eq!(error.kind(), Kind::Stop);
}

#[tokio::test]
async fn a_damaged_object_is_an_error_and_is_written_anew() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    let objects = store.objects();
    let hash = objects.put(b"witness").await.unwrap();
    assert_eq!(hash, keccak256(b"witness"));
    let path = folder.path().join("objects").join(format!("{hash:x}"));
    std::fs::write(&path, b"witnesz").unwrap();

    assert!(objects.contains(hash).await.unwrap());
    assert_eq!(objects.length(hash).await, Some(7));
    assert_eq!(objects.length(B256::ZERO).await, None);
    let error = objects.get(hash).await.unwrap_err();
    assert!(matches!(error, ObjectError::Corrupt { .. }));
    assert_eq!(error.kind(), Kind::Stop);
    assert!(matches!(
        objects.open_verified(hash).await,
        Err(ObjectError::Corrupt { .. })
    ));
    assert_eq!(objects.put(b"witness").await.unwrap(), hash);
    assert_eq!(
        objects.get(hash).await.unwrap(),
        Bytes::from_static(b"witness")
    );
    assert_eq!(objects.open_verified(hash).await.unwrap().1, 7);

    objects.remove(hash).await.unwrap();
    objects.remove(hash).await.unwrap();
    assert!(matches!(
        objects.get(hash).await,
        Err(ObjectError::Missing { .. })
    ));
}

#[tokio::test]
async fn a_proof_is_found_by_its_digest_only_while_it_is_whole() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    let objects = store.objects();
    let proof = [&[7; 32][..], b"body"].concat();
    let digest = objects.put_proof(&proof).await.unwrap();
    assert_eq!(digest, ProofDigest::of(&proof));
    assert_eq!(objects.put_proof(&proof).await.unwrap(), digest);
    assert_eq!(objects.proof(digest).await.unwrap(), Bytes::from(proof));
    // It is no object of that hash.
    let error = objects.get(digest.0).await.unwrap_err();
    assert!(matches!(error, ObjectError::Corrupt { .. }));

    let path = folder
        .path()
        .join("objects")
        .join(format!("{:x}", digest.0));
    std::fs::write(&path, [&[8; 32][..], b"body"].concat()).unwrap();
    let error = objects.proof(digest).await.unwrap_err();
    assert!(matches!(error, ObjectError::Corrupt { .. }));
}

#[tokio::test]
async fn a_streamed_object_gets_its_name_only_when_it_is_complete_and_expected() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    let objects = store.objects();

    let mut writer = objects.writer(8).await.unwrap();
    writer.write(b"wit").await.unwrap();
    let wrong = writer
        .finish(Some(keccak256(b"witness")))
        .await
        .unwrap_err();
    assert!(matches!(wrong, ObjectError::Unexpected { .. }));

    let mut writer = objects.writer(8).await.unwrap();
    writer.write(b"witness").await.unwrap();
    assert!(matches!(
        writer.write(b"..").await,
        Err(ObjectError::TooLarge { bytes_max: 8 })
    ));
    drop(writer);
    assert_eq!(
        std::fs::read_dir(folder.path().join("objects"))
            .unwrap()
            .count(),
        0
    );

    let mut writer = objects.writer(8).await.unwrap();
    writer.write(b"wit").await.unwrap();
    writer.write(b"ness").await.unwrap();
    std::mem::forget(objects.writer(8).await.unwrap());
    let stored = writer.finish(Some(keccak256(b"witness"))).await.unwrap();
    assert_eq!(stored.bytes, 7);
    // The file of the writer that "crashed" goes with the next start.
    assert_eq!(
        std::fs::read_dir(folder.path().join("objects"))
            .unwrap()
            .count(),
        2
    );
    let store = open(&folder).await;
    assert_eq!(
        std::fs::read_dir(folder.path().join("objects"))
            .unwrap()
            .count(),
        1
    );
    assert_eq!(
        store.objects().get(stored.hash).await.unwrap(),
        Bytes::from_static(b"witness")
    );
}
