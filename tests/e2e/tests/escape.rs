//! Users leave with L1 alone: when the operator is gone, when it commits what nobody can prove, and when it lives and censors one of them.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use alloy::{
    eips::BlockNumberOrTag,
    primitives::{Address, B256, Bytes, U256, address},
    providers::{DynProvider, Provider},
    sol,
};
use rollmill_e2e::{
    Anvil, Devnet, escape, proxy, run, until,
    user::{IRollup, IToken, USER, account, funded, funded_by, transfer, wallet, wallet_of},
};
use tempfile::TempDir;

const FRIEND: Address = Address::repeat_byte(0xf1);
/// Where everything goes on L1.
const HARBOUR: Address = Address::repeat_byte(0xa7);
const L2_TOKEN_BRIDGE: Address = address!("0000000000000000000000000000000000524d03");
/// What the contracts of a devnet begin with, seconds.
const FORCE_DELAY_S: u64 = 48 * 3_600;
const DROP_S: u64 = 12 * 3_600;

sol! {
    struct Commit {
        uint64 batch;
        uint32 programVersion;
        uint64 lastBlock;
        uint64 lastTimestamp;
        bytes32 stateRoot;
        bytes32 blockHash;
        bytes32 withdrawalRoot;
        uint64 messagesEnd;
        uint64 proverGasEstimate;
        bytes32 witnessHash;
    }

    #[sol(rpc)]
    interface IOperated {
        function commit(Commit calldata c, bytes calldata data) external;
    }

    #[sol(rpc)]
    interface ITokenBridge {
        function deposit(address token, address to, uint256 amount) external payable;
        function depositFeeWei() external view returns (uint256);
    }

    #[sol(rpc)]
    interface IL2TokenBridge {
        function tokenOf(address l1Token) external view returns (address);
    }
}

/// An L1 that outlives the operator, a user, and what it takes to leave.
struct World {
    l1: Anvil,
    data: TempDir,
    own: TempDir,
    key: String,
}

impl World {
    /// The one who leaves is this account of the mnemonic.
    async fn new(leaving: u32) -> Self {
        Self {
            l1: Anvil::start().await.unwrap(),
            data: tempfile::tempdir().unwrap(),
            own: tempfile::tempdir().unwrap(),
            key: account(leaving).unwrap().to_bytes().to_string(),
        }
    }

    async fn devnet(&self, l1: &str) -> Devnet {
        self.devnet_with(l1, "calldata").await
    }

    /// One whose batches are carried so.
    async fn devnet_with(&self, l1: &str, data: &str) -> Devnet {
        let args = ["--proofs", "mock", "--rollers", "1", "--k", "1"];
        let own = ["--batch-age", "1", "--l1-rpc", l1, "--data", data];
        let args = [&args[..], &own].concat();
        Devnet::start(self.data.path(), &args).await.unwrap()
    }

    fn deployment(&self) -> PathBuf {
        self.data.path().join("deployment.json")
    }

    /// Runs the command once; what it says.
    async fn escape(&self, args: &[&str]) -> String {
        let mut command =
            escape(self.own.path(), &self.l1.url, &self.deployment(), &self.key).unwrap();
        command
            .args(["--recipient", &HARBOUR.to_string()])
            .args(args);
        let ended = run(command).await.unwrap();
        assert!(ended.success, "{}", ended.said);
        ended.said
    }

    /// L1's clock moves on.
    async fn passes(&self, seconds: u64) {
        let l1 = wallet(&self.l1.url).unwrap();
        let client = l1.client();
        let _: serde_json::Value = client
            .request("evm_increaseTime", (seconds,))
            .await
            .unwrap();
        let _: serde_json::Value = client.request("evm_mine", ()).await.unwrap();
    }

    async fn harbour(&self) -> U256 {
        let l1 = wallet(&self.l1.url).unwrap();
        l1.get_balance(HARBOUR).await.unwrap()
    }
}

/// Pays the friend one wei, and waits until L1 has the block.
async fn pay(l2: &DynProvider, tag: BlockNumberOrTag) {
    let sent = l2.send_transaction(transfer(FRIEND, 1)).await.unwrap();
    let receipt = sent.get_receipt().await.unwrap();
    let block = receipt.block_number.unwrap();
    until("the block to come to L1", async || {
        let found = l2.get_block_by_number(tag).await?;
        Ok(found.filter(|found| found.header.number >= block).map(drop))
    })
    .await
    .unwrap();
}

fn says(said: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(said.contains(sentence), "no `{sentence}` in:\n{said}");
    }
}

fn rollup_on(address: &str, l1: DynProvider) -> IRollup::IRollupInstance<DynProvider> {
    IRollup::new(address.parse().unwrap(), l1)
}

async fn refuses(world: &World, key: &str, deployment: &Path, sentence: &str) {
    let command = escape(world.own.path(), &world.l1.url, deployment, key).unwrap();
    let ended = run(command).await.unwrap();
    assert!(!ended.success);
    says(&ended.said, &[sentence]);
}

/// Its batches were in blobs. The user's is calldata.
#[tokio::test]
async fn a_user_leaves_when_the_operator_is_gone() {
    let world = World::new(USER).await;
    let devnet = world.devnet_with(&world.l1.url, "blobs").await;
    let l2 = funded(&devnet).await.unwrap();
    pay(&l2, BlockNumberOrTag::Finalized).await;
    // Committed, and perhaps not settled any more.
    pay(&l2, BlockNumberOrTag::Safe).await;
    let user = account(USER).unwrap().address();
    let wei = l2.get_balance(user).await.unwrap();
    devnet.kill().await.unwrap();

    let dry = world.escape(&["--dry-run"]).await;
    says(&dry, &["has ether on L2", "Nothing was sent"]);
    let queued = world.escape(&[]).await;
    says(
        &queued,
        &[
            "queueing the withdrawal",
            "waits for the operator",
            "again in",
        ],
    );
    // It knows where it was.
    let waiting = world.escape(&[]).await;
    assert!(!waiting.contains("queueing"), "{waiting}");

    world.passes(FORCE_DELAY_S).await;
    let left = world.escape(&[]).await;
    says(
        &left,
        &[
            "starting enforced mode",
            "Making batch",
            "L1 pays",
            "nothing more",
        ],
    );
    assert_eq!(world.harbour().await, wei);
    let over = world.escape(&[]).await;
    assert!(over.starts_with("There is nothing more"), "{over}");

    refuses(&world, "0x12", &world.deployment(), "not 32 bytes").await;
    let missing = world.own.path().join("missing.json");
    refuses(&world, &world.key, &missing, "missing.json").await;
}

/// The operator's SCR will do as a token: what the user has of it on L2 leaves, and what was on its way there when the operator went.
#[tokio::test]
async fn tokens_leave_when_the_operator_is_gone() {
    let world = World::new(USER).await;
    let devnet = world.devnet(&world.l1.url).await;
    let l2 = funded(&devnet).await.unwrap();
    let deployment = std::fs::read(world.deployment()).unwrap();
    let deployment: serde_json::Value = serde_json::from_slice(&deployment).unwrap();
    let token: Address = serde_json::from_value(deployment["token"].clone()).unwrap();
    let user = account(USER).unwrap().address();
    let on_l1 = |by| IToken::new(token, wallet_of(&world.l1.url, by).unwrap());
    let rollup: Address = devnet.rollup.parse().unwrap();
    let bridge = ITokenBridge::new(rollup.create(2), wallet(&world.l1.url).unwrap());
    let funded = on_l1(0);
    let given = funded.transfer(user, U256::from(1_000));
    given.send().await.unwrap().get_receipt().await.unwrap();
    let owned = on_l1(USER);
    let approved = owned.approve(*bridge.address(), U256::from(1_000));
    approved.send().await.unwrap().get_receipt().await.unwrap();
    let fee = bridge.depositFeeWei().call().await.unwrap();
    let deposit = async |amount: u64| {
        let deposit = bridge.deposit(token, user, U256::from(amount)).value(fee);
        let receipt = deposit.send().await.unwrap().get_receipt().await.unwrap();
        assert!(receipt.status());
    };
    deposit(700).await;
    let l2_bridge = IL2TokenBridge::new(L2_TOKEN_BRIDGE, l2.clone());
    let twin = l2_bridge.tokenOf(token).call().await.unwrap();
    let twin = IToken::new(twin, l2.clone());
    until("the tokens on L2", async || {
        // Before the first deposit nothing is there to answer.
        let held = twin.balanceOf(user).call().await.ok();
        Ok(held.filter(|held| *held == U256::from(700)))
    })
    .await
    .unwrap();
    pay(&l2, BlockNumberOrTag::Finalized).await;
    devnet.kill().await.unwrap();
    deposit(300).await;

    let (token, twin) = (token.to_string(), twin.address().to_string());
    let (own, l1) = (world.own.path(), &world.l1.url);
    let mut confused = escape(own, l1, &world.deployment(), &world.key).unwrap();
    confused.args(["--token", &twin]);
    let ended = run(confused).await.unwrap();
    assert!(!ended.success, "{}", ended.said);
    let sentence = format!("{twin} is the twin on L2 of the token {token} on L1");
    says(&ended.said, &[sentence.as_str()]);
    let escaping = ["--token", token.as_str()];
    let queued = world.escape(&escaping).await;
    says(&queued, &["withdrawal of 1000 units", "again in"]);
    world.passes(FORCE_DELAY_S).await;
    let left = world.escape(&escaping).await;
    says(
        &left,
        &[
            "starting enforced mode",
            "L1 pays 1000 units",
            "nothing more",
        ],
    );
    let held = on_l1(USER).balanceOf(HARBOUR).call().await.unwrap();
    assert_eq!(held, U256::from(1_000));
    assert_eq!(world.harbour().await, U256::ZERO);
}

/// Nothing that the operator leaves on L1 is in the way for ever.
#[tokio::test]
async fn garbage_of_the_operator_holds_nobody_up() {
    let world = World::new(USER).await;
    let devnet = world.devnet(&world.l1.url).await;
    let l2 = funded(&devnet).await.unwrap();
    pay(&l2, BlockNumberOrTag::Finalized).await;
    let user = account(USER).unwrap().address();
    let wei = l2.get_balance(user).await.unwrap();
    let address = devnet.rollup.clone();
    devnet.kill().await.unwrap();

    // The operator's key claims a state in which everything is its own.
    let operator = wallet_of(&world.l1.url, 0).unwrap();
    let committed = rollup_on(&address, operator.clone())
        .committedBatch()
        .call()
        .await
        .unwrap();
    let latest = operator.get_block_by_number(BlockNumberOrTag::Latest).await;
    let claim = Commit {
        batch: committed + 1,
        programVersion: 1,
        lastBlock: 1_000_000,
        lastTimestamp: latest.unwrap().unwrap().header.timestamp,
        stateRoot: B256::repeat_byte(0x66),
        blockHash: B256::repeat_byte(0x66),
        withdrawalRoot: B256::repeat_byte(0x66),
        messagesEnd: 1,
        proverGasEstimate: 1_000_000,
        witnessHash: B256::repeat_byte(0x66),
    };
    let hostile = IOperated::new(address.parse().unwrap(), operator);
    let commit = hostile.commit(claim, Bytes::from_static(b"garbage"));
    let sent = commit.send().await.unwrap();
    assert!(sent.get_receipt().await.unwrap().status());

    world.escape(&[]).await;
    world.passes(FORCE_DELAY_S).await;
    let stuck = world.escape(&[]).await;
    says(
        &stuck,
        &[
            "starting enforced mode",
            "nobody can prove",
            "does not decode",
            "again in",
        ],
    );
    assert_eq!(world.harbour().await, U256::ZERO);
    world.passes(DROP_S).await;
    let left = world.escape(&[]).await;
    says(&left, &["Dropping 1 committed", "Making batch", "L1 pays"]);
    assert_eq!(world.harbour().await, wei);
}

/// The operator lives: it serves everybody else, commits and settles. Of one account it sees nothing on L1.
#[tokio::test]
async fn a_censored_user_leaves_while_the_operator_lives() {
    const CENSORED: u32 = 8;
    let world = World::new(CENSORED).await;
    let user = account(CENSORED).unwrap();
    let (topic, hides) = (
        user.address().into_word().to_string(),
        Arc::new(AtomicBool::new(false)),
    );
    let upstream = world.l1.url.strip_prefix("http://").unwrap().to_owned();
    let blindfold = proxy::hiding(upstream, topic, hides.clone()).await.unwrap();
    let devnet = world.devnet(&format!("http://{blindfold}")).await;
    let censored = funded_by(&devnet, CENSORED).await.unwrap();
    let other = funded(&devnet).await.unwrap();
    pay(&other, BlockNumberOrTag::Finalized).await;
    hides.store(true, Ordering::SeqCst);
    let wei = censored.get_balance(user.address()).await.unwrap();

    let mut much = escape(
        world.own.path(),
        &world.l1.url,
        &world.deployment(),
        &world.key,
    )
    .unwrap();
    much.args(["--amount", "1000000"]);
    let ended = run(much).await.unwrap();
    assert!(!ended.success);
    says(&ended.said, &["ether on L2, which is less than 1000000"]);
    let queued = world.escape(&["--amount", "0.25"]).await;
    says(&queued, &["withdrawal of 0.25 ether"]);
    // Others go on, and the message is left out; also after its time, by L2's slow clock.
    pay(&other, BlockNumberOrTag::Finalized).await;
    world.passes(FORCE_DELAY_S).await;
    pay(&other, BlockNumberOrTag::Safe).await;
    assert_eq!(censored.get_balance(user.address()).await.unwrap(), wei);

    let left = world.escape(&["--amount", "0.25"]).await;
    says(
        &left,
        &[
            "starting enforced mode",
            "Making batch",
            "L1 pays 0.25",
            "once more",
        ],
    );
    let quarter = U256::from(250_000_000_000_000_000u64);
    assert_eq!(world.harbour().await, quarter);
    let rollup = rollup_on(&devnet.rollup, wallet(&world.l1.url).unwrap());
    assert_ne!(rollup.enforcedSince().call().await.unwrap(), 0);
    // The operator meets a batch that it did not make, and ends.
    assert!(!devnet.ends().await.unwrap());
}
