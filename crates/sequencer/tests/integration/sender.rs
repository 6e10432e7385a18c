//! Transactions to L1: once per purpose, whatever happens in between.

use alloy::{
    primitives::{Address, Bytes, U256},
    providers::Provider,
    sol_types::SolCall,
};
use rollmill_l1::{Call, SendError, Sender, SenderConfig, contracts::Rollup};
use rollmill_store::{L1SendState, Store};
use rollmill_test_l1::{Instead, L1, Layer1, account, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::deployed;

async fn store() -> (TempDir, Store) {
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    (dir, store)
}

fn pay(to: Address, wei: u64) -> Call {
    Call::raw(to, Bytes::new()).with_value(U256::from(wei))
}

#[tokio::test]
async fn a_purpose_is_sent_once() {
    let (l1, (_dir, store)) = (Layer1::start().await, store().await);
    let to = Address::repeat_byte(0xaa);
    let first = l1
        .sender(1, &store)
        .send("pay/1", &pay(to, 5))
        .await
        .unwrap();
    // Another sender, as after a restart, with another call: the record counts.
    let second = l1
        .sender(1, &store)
        .send("pay/1", &pay(to, 7))
        .await
        .unwrap();
    assert_eq!(first.hash, second.hash);
    assert_eq!(l1.balance(to).await, U256::from(5));
    let recorded = store.send("pay/1").await.unwrap().unwrap();
    assert_eq!(
        (recorded.state, recorded.mined),
        (L1SendState::Mined, Some((first.hash, first.block)))
    );
    l1.sender(1, &store)
        .send("pay/2", &pay(to, 1))
        .await
        .unwrap();
    assert_eq!(store.send("pay/2").await.unwrap().unwrap().nonce, 1);
}

/// L1's base fee has risen above what both would pay. The first is raised, and the one behind it follows.
#[tokio::test]
async fn what_pays_too_little_is_raised_and_what_is_behind_it_follows() {
    let (l1, (_dir, store)) = (Layer1::anvil().await, store().await);
    let (to, provider) = (Address::repeat_byte(0xaa), l1.provider());
    let ask = async |method: &'static str, params: Value| {
        let answer: Result<Value, _> = provider.raw_request(method.into(), params).await;
        answer.unwrap();
    };
    ask("evm_setAutomine", json!([false])).await;
    let sender = l1.sender(1, &store);
    let purposes = ["pay/1", "pay/2"];
    let sending = purposes.map(|purpose| {
        let sender = sender.clone();
        tokio::spawn(async move { sender.send(purpose, &pay(to, 5)).await })
    });
    // How often each was signed.
    let attempts = async || {
        let mut counts = Vec::new();
        for purpose in purposes {
            counts.push(store.send(purpose).await.unwrap()?.attempts.len());
        }
        Some(counts)
    };
    eventually("both to be sent", &attempts).await;
    let hundred_gwei = "0x174876e800";
    ask("anvil_setNextBlockBaseFeePerGas", json!([hundred_gwei])).await;
    l1.mine(1).await;
    eventually("one to be raised", || async {
        attempts()
            .await
            .filter(|counts| counts.iter().sum::<usize>() > 2)
    })
    .await;
    eventually("both to be mined", || async {
        l1.mine(1).await;
        sending.iter().all(|task| task.is_finished()).then_some(())
    })
    .await;
    let mut firsts = Vec::new();
    for (task, purpose) in sending.into_iter().zip(purposes) {
        let mined = task.await.unwrap().unwrap();
        let send = store.send(purpose).await.unwrap().unwrap();
        firsts.push((send.nonce, mined.hash == send.attempts[0].hash));
    }
    firsts.sort_unstable();
    assert_eq!(firsts[0], (0, false));
    assert_eq!(firsts[1].0, 1);
    assert_eq!(l1.balance(to).await, U256::from(10));
}

/// The process died after it recorded a transaction and before L1 saw it.
#[tokio::test]
async fn what_was_recorded_and_not_sent_is_sent_with_the_same_bytes() {
    let to = Address::repeat_byte(0xaa);
    let (elsewhere, (_dir, written)) = (Layer1::start().await, store().await);
    elsewhere
        .sender(1, &written)
        .send("pay/1", &pay(to, 5))
        .await
        .unwrap();
    let attempt = written
        .send("pay/1")
        .await
        .unwrap()
        .unwrap()
        .attempts
        .remove(0);

    let (l1, (_dir, store)) = (Layer1::start().await, store().await);
    let sender = l1.sender(1, &store);
    store
        .record_send("pay/1", sender.address(), 0, &attempt)
        .await
        .unwrap();
    let mined = sender.send("pay/1", &pay(to, 5)).await.unwrap();
    assert_eq!(mined.hash, attempt.hash);
    assert_eq!(l1.balance(to).await, U256::from(5));
}

/// Somebody else used the account: the recorded bytes can never be mined.
#[tokio::test]
async fn a_nonce_that_was_used_elsewhere_is_replaced() {
    let to = Address::repeat_byte(0xaa);
    let (elsewhere, (_dir, written)) = (Layer1::start().await, store().await);
    elsewhere
        .sender(1, &written)
        .send("pay/1", &pay(to, 5))
        .await
        .unwrap();
    let attempt = written
        .send("pay/1")
        .await
        .unwrap()
        .unwrap()
        .attempts
        .remove(0);

    let (l1, (_a, store_a), (_b, store_b)) = (Layer1::start().await, store().await, store().await);
    l1.sender(1, &store_a)
        .send("other", &pay(Address::repeat_byte(0xbb), 1))
        .await
        .unwrap();
    let sender = l1.sender(1, &store_b);
    store_b
        .record_send("pay/1", sender.address(), 0, &attempt)
        .await
        .unwrap();
    let mined = sender.send("pay/1", &pay(to, 5)).await.unwrap();
    assert_ne!(mined.hash, attempt.hash);
    assert_eq!(l1.balance(to).await, U256::from(5));
    assert_eq!(store_b.send("pay/1#2").await.unwrap().unwrap().nonce, 1);
    // Both generations are remembered.
    assert_eq!(
        sender.send("pay/1", &pay(to, 9)).await.unwrap().hash,
        mined.hash
    );
}

#[tokio::test]
async fn a_revert_is_named_and_leaves_nothing_behind() {
    let (l1, (dir, store)) = (Layer1::start().await, store().await);
    let sender = l1.sender(0, &store);
    let deployment = deployed(&sender, dir.path()).await;
    let commit = |batch| {
        let c = Rollup::Commit {
            batch,
            programVersion: 1,
            ..empty_commit()
        };
        Call::new(
            deployment.rollup,
            &Rollup::commitCall {
                c,
                data: Bytes::from_static(&[1]),
            },
        )
    };
    let error = sender.send("commit/5", &commit(5)).await.unwrap_err();
    let SendError::Reverted { reason, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(reason, "BatchOutOfOrder(batch 5, expected 1)");
    let stranger = l1.sender(1, &store);
    let error = stranger.send("commit/1", &commit(1)).await.unwrap_err();
    assert!(error.to_string().contains("NotOperator"), "{error}");
    assert!(store.send("commit/5").await.unwrap().is_none());
    assert_eq!(Rollup::commitCall::SELECTOR, commit(1).input[..4]);

    // The deployment is recognised, not repeated.
    assert_eq!(deployed(&sender, dir.path()).await, deployment);
}

fn empty_commit() -> Rollup::Commit {
    Rollup::Commit {
        batch: 0,
        programVersion: 0,
        lastBlock: 0,
        lastTimestamp: 0,
        stateRoot: Default::default(),
        blockHash: Default::default(),
        withdrawalRoot: Default::default(),
        messagesEnd: 0,
        proverGasEstimate: 0,
        witnessHash: Default::default(),
    }
}

#[tokio::test]
async fn an_account_that_cannot_pay_is_told_so_and_nothing_is_recorded() {
    let (l1, (_dir, store)) = (Layer1::start().await, store().await);
    let poor = account(1_000);
    let sender = Sender::new(
        l1.provider(),
        L1,
        poor.clone(),
        store.clone(),
        SenderConfig::default(),
    );
    let to = Address::repeat_byte(0xaa);
    let error = sender.send("pay/1", &pay(to, 0)).await.unwrap_err();
    let Some((account, needed)) = (match &error {
        SendError::Poor {
            account, cost_wei, ..
        } => Some((*account, *cost_wei)),
        _ => None,
    }) else {
        panic!("{error}");
    };
    assert!(error.is_temporary());
    assert_eq!(account, poor.address());
    let sentence = format!("pay/1: the account {account} has 0 ether on L1");
    assert!(error.to_string().starts_with(&sentence), "{error}");
    assert!(store.open_sends(account).await.unwrap().is_empty());

    let gift = Call {
        value: needed * U256::from(2),
        ..pay(account, 0)
    };
    l1.sender(1, &store).send("gift", &gift).await.unwrap();
    sender.send("pay/1", &pay(to, 1)).await.unwrap();
    assert_eq!(l1.balance(to).await, U256::ONE);
}

/// The end came after it was mined and before that was written down; then L1 would refuse another one.
#[tokio::test]
async fn what_is_on_l1_counts_though_nobody_wrote_it_down() {
    let (l1, (_dir, store)) = (Layer1::start().await, store().await);
    let sender = l1.sender(1, &store);
    let to = Address::repeat_byte(0xaa);
    let first = sender.send("pay/1", &pay(to, 5)).await.unwrap();
    store.reopen_send("pay/1").await.unwrap();
    let known = sender.send("pay/1", &pay(to, 7)).await.unwrap();
    assert_eq!(known.hash, first.hash);
    assert_eq!(l1.balance(to).await, U256::from(5));
    let recorded = store.send("pay/1").await.unwrap().unwrap();
    assert_eq!(
        (recorded.state, recorded.attempts.len()),
        (L1SendState::Mined, 1)
    );
}

/// Who asks again for what L1 lost has it sent again, once; with another call in its place if that is what is asked for.
#[tokio::test]
async fn what_l1_lost_is_sent_again_when_it_is_asked_for() {
    let (l1, (_dir, store)) = (Layer1::anvil().await, store().await);
    let sender = l1.sender(1, &store);
    let to = Address::repeat_byte(0xaa);
    let first = sender.send("pay/1", &pay(to, 5)).await.unwrap();
    l1.reorganise(1, Instead::Blocks(&[])).await;
    assert_eq!(l1.balance(to).await, U256::ZERO);
    let again = sender.send("pay/1", &pay(to, 5)).await.unwrap();
    assert_eq!((again.hash, again.block), (first.hash, first.block + 2));
    assert_eq!(l1.balance(to).await, U256::from(5));

    l1.reorganise(1, Instead::Blocks(&[])).await;
    let other = sender.send("pay/1", &pay(to, 7)).await.unwrap();
    assert_ne!(other.hash, first.hash);
    assert_eq!(l1.balance(to).await, U256::from(7));
    let recorded = store.send("pay/1").await.unwrap().unwrap();
    assert_eq!((recorded.nonce, recorded.attempts.len()), (0, 2));
    // On L1 it counts, whatever is asked for.
    let known = sender.send("pay/1", &pay(to, 9)).await.unwrap();
    assert_eq!(known.hash, other.hash);
    assert_eq!(l1.balance(to).await, U256::from(7));
}

#[tokio::test]
async fn what_l1_lost_and_nobody_asks_for_does_not_hold_up_the_rest() {
    let (l1, (_dir, store)) = (Layer1::anvil().await, store().await);
    let sender = l1.sender(1, &store);
    let (lost, wanted) = (Address::repeat_byte(0xaa), Address::repeat_byte(0xbb));
    sender.send("pay/1", &pay(lost, 5)).await.unwrap();
    sender.send("pay/2", &pay(lost, 6)).await.unwrap();
    l1.reorganise(2, Instead::Blocks(&[])).await;
    let mined = sender.send("pay/3", &pay(wanted, 7)).await.unwrap();
    assert_eq!(store.send("pay/3").await.unwrap().unwrap().nonce, 2);
    assert_eq!(l1.balance(wanted).await, U256::from(7));
    assert_eq!(l1.balance(lost).await, U256::ZERO);
    // Its nonce is gone, so it gets another one when it is asked for after all.
    let late = sender.send("pay/1", &pay(lost, 5)).await.unwrap();
    assert!(late.block > mined.block);
    assert_eq!(store.send("pay/1#2").await.unwrap().unwrap().nonce, 3);
    assert_eq!(l1.balance(lost).await, U256::from(5));
}
