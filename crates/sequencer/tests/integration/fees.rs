//! What users pay goes to whom it is for, on L1.

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolCall,
};
use rollmill_engine::{TransactionPool, stf::fees::FeePrices};
use rollmill_l1::{
    Call,
    contracts::{FeeAuction, FeeVault, RewardPool, ScrToken},
};
use rollmill_protocol::l2::{FEE_VAULT, PROVING_VAULT};
use rollmill_sequencer::{SequencerConfig, fees::FeePolicy};
use rollmill_store::BatchState;
use rollmill_test_l1::{ETHER, Layer1, account, eventually};
use tempfile::TempDir;

use crate::{
    harness::{Node, l2_transaction},
    round::{config, deposit, finalize, settle, wait_for},
};

/// Runs a user's transaction, and returns the prover gas that it was charged for.
async fn run(node: &Node, nonce: u64, to: Address, wei: u128, input: Bytes) -> u64 {
    let raw = l2_transaction(&account(5), nonce, to, wei, input);
    let hash = node.pool.submit(raw).await.unwrap();
    let (block, index) = eventually("the transaction's block", || async {
        node.chain.place_of(&hash).unwrap()
    })
    .await;
    let index = index as usize;
    assert!(node.chain.receipts(block).unwrap().unwrap()[index].success);
    node.chain.block(block).unwrap().unwrap().prover_gas[index]
}

/// A node that sets prices by itself, once its operator has ether on L2 to pay for it.
async fn priced(l1: &Layer1, dir: &TempDir) -> Node {
    let fees = FeePolicy {
        scr_price_wei: ETHER / 10_000,
        margin_percent: 10,
        band_percent: 10,
    };
    let config = SequencerConfig {
        fees: Some(fees),
        ..config()
    };
    let node = Node::start(l1, dir.path(), config).await;
    deposit(&node, account(5).address(), ETHER).await;
    deposit(&node, node.sender.address(), ETHER).await;
    let prices = eventually("prices above zero", || async {
        let prices = node.chain.fee_prices_after(&node.chain.head()).unwrap();
        (!prices.is_zero()).then_some(prices)
    })
    .await;
    // Both would be more: they rise by steps.
    let first = FeePrices {
        data_wei: 1_000_000_000,
        proving_wei: 100_000,
    };
    assert_eq!(prices, first);
    node
}

#[tokio::test]
async fn fees_come_to_the_operator_and_to_the_rollers_pool() {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    let node = priced(&l1, &dir).await;
    let user = l1.sender(5, &node.store);
    let paid = node.l2_balance(PROVING_VAULT);
    let prover_gas = run(&node, 0, Address::repeat_byte(0xf1), 1, Bytes::new()).await;
    let proving = U256::from(prover_gas) * U256::from(100_000);
    assert_eq!(node.l2_balance(PROVING_VAULT), paid + proving);

    // As much as is worth the way.
    let withdraw: Bytes = FeeVault::withdrawCall {}.abi_encode().into();
    let mut nonce = 1;
    for vault in [FEE_VAULT, PROVING_VAULT] {
        run(&node, nonce, vault, ETHER / 100, Bytes::new()).await;
        run(&node, nonce + 1, vault, 0, withdraw.clone()).await;
        nonce += 2;
    }
    node.sealer.seal();
    wait_for(&node, 1, BatchState::Committed).await;
    settle(&node, 1).await;
    wait_for(&node, 1, BatchState::Settled).await;

    let operator = node.sender.address();
    let fees = node.withdrawals.prove(0).await.unwrap();
    assert_eq!(fees.withdrawal.sender, FEE_VAULT);
    assert_eq!(fees.withdrawal.recipient, operator);
    let before = l1.balance(operator).await;
    user.send("fees", &finalize(&node, &fees)).await.unwrap();
    let amount = fees.withdrawal.amount_wei;
    assert!(amount > U256::from(ETHER / 100));
    assert_eq!(l1.balance(operator).await, before + amount);

    let proofs = node.withdrawals.prove(1).await.unwrap();
    assert_eq!(proofs.withdrawal.sender, PROVING_VAULT);
    let address = node.deployment.fee_auction();
    assert_eq!(proofs.withdrawal.recipient, address);
    let lot = proofs.withdrawal.amount_wei;
    assert!(lot >= U256::from(ETHER / 100) + proving);
    user.send("proofs", &finalize(&node, &proofs))
        .await
        .unwrap();
    let auction = FeeAuction::new(address, user.provider().clone());
    assert_eq!(U256::from(auction.lotWei().call().await.unwrap()), lot);

    // Somebody with SCR buys it, for another: the pool has what it was sold for.
    let pool = RewardPool::new(node.deployment.reward_pool, user.provider().clone());
    let available = pool.available().call().await.unwrap();
    let most = auction.priceWei().call().await.unwrap();
    let approve = ScrToken::approveCall {
        spender: address,
        value: most,
    };
    let approve = Call::new(node.deployment.token, &approve);
    node.sender.send("approve", &approve).await.unwrap();
    let recipient = Address::repeat_byte(0xce);
    let buy = FeeAuction::buyCall {
        lotMinWei: lot,
        priceMaxWei: most,
        recipient,
    };
    let buy = Call::new(address, &buy);
    node.sender.send("buy", &buy).await.unwrap();
    assert_eq!(l1.balance(recipient).await, lot);
    let gained = pool.available().call().await.unwrap() - available;
    assert!(!gained.is_zero() && gained <= most, "{gained} of {most}");
    assert_eq!(l1.balance(address).await, U256::ZERO);
    let again = node.sender.send("buy/again", &buy).await.unwrap_err();
    assert!(again.to_string().contains("NothingForSale"), "{again}");
    node.stop().await;
}
