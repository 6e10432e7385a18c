//! Numbers of the law that L1's governor changes, on a real L1.

use alloy::{
    primitives::{U256, aliases::U96},
    providers::Provider,
    rpc::types::{BlockOverrides, TransactionRequest},
    sol_types::{SolCall, SolValue},
};
use rollmill_coordinator::{
    audit::{L1History, Subject, audit},
    log::{LogLine, Record},
};
use rollmill_l1::{
    Call, Update, VerifyError, Watcher, WatcherConfig,
    contracts::Parameters::{self, announceCall, valueCall},
    verify,
};
use rollmill_protocol::{board::Board, law::Controls};
use rollmill_runtime::Clock;
use rollmill_store::genesis_hash;
use rollmill_test_l1::eventually;

use crate::embedded::{Network, governor};

/// Positions in L1's table (`Key` in IParameters.sol).
const ACCUSE_S: u8 = 3;
const DEFEND_S: u8 = 4;
const HEARTBEAT_S: u8 = 5;

impl Network {
    /// The governor announces a value; L1 says from when on it is in force.
    async fn announce(&self, key: u8, value: u64) -> u64 {
        let sender = self.l1.sender_of(governor(), &self.store);
        let value_ = U96::from(value);
        let call = Call::new(
            self.deployment.parameter_table,
            &announceCall { key, value_ },
        );
        let purpose = format!("announce/{key}");
        sender.send(&purpose, &call).await.unwrap();
        let table = Parameters::new(self.deployment.parameter_table, &self.provider);
        let announced = table.announced(key).call().await.unwrap();
        assert_eq!(announced.value_, U256::from(value));
        announced.activeFromS
    }

    /// What L1's table says at a time, also one that has not come yet.
    async fn value_at(&self, key: u8, unix_s: u64) -> U256 {
        let request = TransactionRequest::default()
            .to(self.deployment.parameter_table)
            .input(valueCall { key }.abi_encode().into());
        let time = BlockOverrides {
            time: Some(unix_s),
            ..BlockOverrides::default()
        };
        let answer = self.provider.call(request).with_block_overrides(time);
        U256::abi_decode(&answer.await.unwrap()).unwrap()
    }

    async fn board(&self, what: &str, is_so: impl Fn(&Board) -> bool) -> Board {
        eventually(what, async || {
            Some(self.observer.board()).filter(|board| is_so(board))
        })
        .await
    }

    /// The log, and L1 as far as the log has read it.
    async fn public(&self) -> (Vec<LogLine>, L1History) {
        let all = self
            .store
            .events(0, genesis_hash(), u32::MAX)
            .await
            .unwrap();
        let lines = all.into_iter().map(|line| line.try_into().unwrap());
        let lines: Vec<LogLine> = lines.collect();
        let read = lines
            .iter()
            .filter_map(|line| match line.record().unwrap() {
                Record::L1Block { number, .. } => Some(number),
                _ => None,
            });
        let read = read.max().unwrap();
        let config = WatcherConfig::default();
        let mut watcher = Watcher::new(self.provider.clone(), &self.deployment, config, None);
        let mut blocks = Vec::new();
        loop {
            let Update::Block(block) = watcher.next().await.unwrap() else {
                panic!("L1 was reorganised")
            };
            let number = block.number;
            blocks.push(block);
            if number >= read {
                return (lines, blocks.into_iter().collect());
            }
        }
    }
}

#[tokio::test]
async fn a_number_that_the_governor_changes_is_followed_from_its_time_on() {
    let clock = Clock::manual(Clock::System.now_unix_s());
    let network = Network::start_by(clock.clone(), (600, 600)).await;
    let law = network.deployment.law.clone();
    // L1 tells what it begins with, which is the law's.
    let read = network.deployment.block + 20;
    eventually("the deployment to be read", async || {
        network
            .observer
            .cursor()
            .filter(|cursor| cursor.block > read)
    })
    .await;
    let board = network.observer.board();
    assert_eq!(board.params(), &law);
    assert_eq!(board.controls(), Controls::initial(&law));

    let from = network.announce(ACCUSE_S, 7_777).await;
    let announced = |board: &Board| board.next_wakeup() == Some(from);
    let board = network.board("the announcement", announced).await;
    assert_eq!(board.params(), &law);
    assert_eq!(
        network.value_at(ACCUSE_S, from - 1).await,
        U256::from(law.accuse_s)
    );
    assert_eq!(network.value_at(ACCUSE_S, from).await, U256::from(7_777));
    // Of others the law does not know.
    network.announce(DEFEND_S, 7 * 3_600).await;

    // A second before, another announcement; then its time comes.
    clock.advance_ms(1_000 * (from - 1 - clock.now_unix_s()));
    let later = network.announce(HEARTBEAT_S, 21).await;
    let heard = |board: &Board| board.now() == from - 1;
    let board = network.board("the other announcement", heard).await;
    assert_eq!(board.params(), &law);
    clock.advance_ms(1_000);
    let changed = |board: &Board| board.params().accuse_s == 7_777;
    let board = network.board("the first change", changed).await;
    assert_eq!(board.params().heartbeat_s, law.heartbeat_s);
    clock.advance_ms(1_000 * (later - from));
    let changed = |board: &Board| board.params().heartbeat_s == 21;
    let board = network.board("the second change", changed).await;
    assert_eq!((board.params().accuse_s, board.law()), (7_777, &law));
    // Rollers are told of the number in force.
    let told = network.client(1).requirements().await.unwrap();
    assert_eq!(told.heartbeat_lost_s, 21);

    // Anybody comes to the same from the log and L1, and the deployment file is still true.
    let (lines, l1) = network.public().await;
    audit(&lines, &l1, &law).unwrap();
    verify(&network.provider, &network.deployment)
        .await
        .unwrap();
    network.stop().await;
}

/// An announcement that L1 never made, or made otherwise, is no change of the law.
#[tokio::test]
async fn only_the_governor_changes_numbers() {
    let network = Network::start((600, 600)).await;
    let stranger = network.l1.sender(1, &network.store);
    let call = announceCall {
        key: ACCUSE_S,
        value_: U96::from(7_777),
    };
    let call = Call::new(network.deployment.parameter_table, &call);
    let refused = stranger.send("announce", &call).await.unwrap_err();
    assert!(refused.to_string().contains("NotGovernor"), "{refused}");

    let mut elsewhere = network.deployment.clone();
    elsewhere.law.accuse_s += 1;
    let untrue = verify(&network.provider, &elsewhere).await.unwrap_err();
    assert!(matches!(untrue, VerifyError::Differs { what: "law", .. }));
    eventually("the deployment to be read", async || {
        network.observer.cursor()
    })
    .await;
    let (lines, l1) = network.public().await;
    let found = audit(&lines, &l1, &elsewhere.law).unwrap_err();
    assert_eq!((found.seq, found.subject), (1, Subject::Law));
    audit(&lines, &l1, &network.deployment.law).unwrap();
    network.stop().await;
}
