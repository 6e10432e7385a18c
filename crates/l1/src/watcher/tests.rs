#![allow(clippy::unwrap_used)]

use alloy::{
    network::Ethereum,
    primitives::{Address, B256, LogData},
    providers::{Provider, ProviderBuilder, mock::Asserter},
    rpc::types::{Block, Header, Log},
    sol_types::SolEvent,
};

use rollmill_protocol::law::Params;

use super::*;
use crate::{Genesis, L1Event, Parameters, contracts::Rollup};

const ROLLUP: Address = Address::repeat_byte(1);

fn deployment() -> Deployment {
    Deployment {
        chain_id: 1,
        l2_chain_id: 2,
        block: 1,
        rollup: ROLLUP,
        registry: Address::repeat_byte(2),
        reward_pool: Address::repeat_byte(3),
        token: Address::repeat_byte(4),
        parameter_table: Address::repeat_byte(7),
        control: Address::repeat_byte(8),
        bond: Address::repeat_byte(9),
        emission: Address::repeat_byte(10),
        court: Address::repeat_byte(11),
        evidence: Address::repeat_byte(12),
        draws: Address::repeat_byte(14),
        enforcement: Address::repeat_byte(13),
        settlement: Address::repeat_byte(15),
        verifier: Address::repeat_byte(5),
        operator: Address::repeat_byte(6),
        governor: Address::ZERO,
        genesis: Genesis {
            state_root: B256::ZERO,
            block_hash: B256::ZERO,
            withdrawal_root: B256::ZERO,
            timestamp: 0,
        },
        law: Params::devnet(),
        parameters: Parameters::default(),
    }
}

/// A chain of headers; `salt` tells branches apart.
fn chain(parent: B256, numbers: std::ops::RangeInclusive<u64>, salt: u8) -> Vec<Header> {
    let mut parent_hash = parent;
    numbers
        .map(|number| {
            let inner = alloy::consensus::Header {
                parent_hash,
                number,
                timestamp: 1_000 + number,
                mix_hash: B256::repeat_byte(salt),
                ..Default::default()
            };
            let header = Header::new(inner);
            parent_hash = header.hash;
            header
        })
        .collect()
}

fn push_header(l1: &Asserter, header: &Header) {
    l1.push_success(&Some(Block::<alloy::rpc::types::Transaction>::empty(
        header.clone(),
    )));
}

fn watcher(l1: &Asserter, confirmations: u64, cursor: Option<Cursor>) -> Watcher {
    let provider = ProviderBuilder::new()
        .disable_recommended_fillers()
        .network::<Ethereum>()
        .connect_mocked_client(l1.clone())
        .erased();
    let config = WatcherConfig {
        confirmations,
        poll: Duration::from_millis(1),
    };
    Watcher::new(provider, &deployment(), config, cursor)
}

fn block(update: Update) -> L1Block {
    match update {
        Update::Block(block) => block,
        Update::Rewind(to) => panic!("unexpected rewind to {to:?}"),
    }
}

#[tokio::test]
async fn blocks_come_in_order_and_wait_for_confirmations() {
    let (l1, headers) = (Asserter::new(), chain(B256::ZERO, 1..=3, 0));
    let mut watcher = watcher(&l1, 2, None);
    l1.push_success(&1u64);
    l1.push_success(&2u64);
    push_header(&l1, &headers[0]);
    assert_eq!(
        block(watcher.next().await.unwrap()).cursor(),
        Cursor {
            block: 1,
            hash: headers[0].hash
        }
    );
    l1.push_success(&2u64);
    l1.push_success(&3u64);
    push_header(&l1, &headers[1]);
    assert_eq!(block(watcher.next().await.unwrap()).number, 2);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_is_asked_again() {
    let (l1, headers) = (Asserter::new(), chain(B256::ZERO, 1..=1, 0));
    let mut watcher = watcher(&l1, 1, None);
    l1.push_failure_msg("overloaded");
    l1.push_success(&1u64);
    l1.push_failure_msg("overloaded");
    push_header(&l1, &headers[0]);
    assert_eq!(block(watcher.next().await.unwrap()).number, 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_given_up() {
    let error = in_time(std::future::pending::<Result<(), _>>()).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("no answer within 15 s"), "{error}");
}

#[tokio::test]
async fn events_are_typed_and_asked_for_only_when_the_bloom_has_them() {
    let l1 = Asserter::new();
    let event = Rollup::BeaconStored {
        l1Block: 5,
        prevrandao: B256::repeat_byte(9),
    };
    let data: LogData = event.encode_log_data();
    let inner = alloy::primitives::Log {
        address: ROLLUP,
        data,
    };
    let mut header = chain(B256::ZERO, 1..=1, 0).remove(0);
    header.inner.logs_bloom = alloy::primitives::logs_bloom([&inner]);
    let log = |index| Log {
        inner: inner.clone(),
        log_index: Some(index),
        ..Default::default()
    };
    let mut watcher = watcher(&l1, 1, None);
    l1.push_success(&1u64);
    push_header(&l1, &header);
    l1.push_success(&vec![log(2), log(1)]);
    let events = block(watcher.next().await.unwrap()).events;
    assert_eq!(
        events
            .iter()
            .map(|event| event.log_index)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    let L1Event::Rollup(Rollup::RollupEvents::BeaconStored(stored)) = &events[0].event else {
        panic!("{events:?}")
    };
    assert_eq!(*stored, event);
}

#[tokio::test]
async fn a_reorganisation_rewinds_to_the_last_common_block() {
    let (l1, old) = (Asserter::new(), chain(B256::ZERO, 1..=3, 0));
    let new = chain(old[0].hash, 2..=4, 1);
    let mut watcher = watcher(&l1, 1, None);
    l1.push_success(&3u64);
    for header in &old {
        push_header(&l1, header);
        block(watcher.next().await.unwrap());
    }
    l1.push_success(&4u64);
    push_header(&l1, &new[2]);
    for header in [&new[1], &new[0], &old[0]] {
        push_header(&l1, header);
    }
    let common = Cursor {
        block: 1,
        hash: old[0].hash,
    };
    assert_eq!(watcher.next().await.unwrap(), Update::Rewind(common));
    l1.push_success(&4u64);
    for header in &new {
        push_header(&l1, header);
        assert_eq!(block(watcher.next().await.unwrap()).hash, header.hash);
    }
}

#[tokio::test]
async fn a_cursor_that_was_reorganised_away_goes_back_far_enough() {
    let l1 = Asserter::new();
    let new = chain(B256::ZERO, 1..=101, 1);
    let lost = Cursor {
        block: 100,
        hash: B256::repeat_byte(0xee),
    };
    let mut watcher = watcher(&l1, 1, Some(lost));
    l1.push_success(&101u64);
    push_header(&l1, &new[100]);
    push_header(&l1, &new[99]);
    push_header(&l1, &new[35]);
    let back = Cursor {
        block: 36,
        hash: new[35].hash,
    };
    assert_eq!(watcher.next().await.unwrap(), Update::Rewind(back));
}
