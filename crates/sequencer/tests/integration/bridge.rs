//! A token's way to L2 and back.

use alloy::{
    primitives::{Address, U256},
    sol_types::{SolCall, SolConstructor, SolEvent},
};
use rollmill_engine::TransactionPool;
use rollmill_l1::{
    Call, Sender,
    contracts::{
        ExampleToken,
        L2TokenBridge::{self, Deposit, DepositFinalized, TokenCreated},
        Rollup, TokenBridge,
    },
};
use rollmill_protocol::{L1Message, l2::L2_TOKEN_BRIDGE, message::alias};
use rollmill_sequencer::tokens;
use rollmill_store::BatchState;
use rollmill_test_l1::{ETHER, Layer1, account, eventually};
use tempfile::TempDir;

use crate::{
    harness::{Node, l2_transaction},
    round::{config, deposit, finalize, settle, wait_for},
};

const SUPPLY: u64 = 1_000_000;

/// An ERC-20 token on L1 of which its creator has all, and which the bridge may take.
async fn token_of(node: &Node, owner: &Sender) -> Address {
    let arguments = ExampleToken::constructorCall {
        supplyWei: U256::from(SUPPLY),
    };
    let code = [
        ExampleToken::BYTECODE.as_ref(),
        arguments.abi_encode().as_slice(),
    ]
    .concat();
    let created = owner.send("token", &Call::create(code.into())).await;
    let token = created.unwrap().receipt.contract_address.unwrap();
    let approve = ExampleToken::approveCall {
        spender: node.deployment.token_bridge(),
        value: U256::MAX,
    };
    owner
        .send("approve", &Call::new(token, &approve))
        .await
        .unwrap();
    token
}

async fn deposit_token(node: &Node, owner: &Sender, token: Address, amount: u64) {
    let bridge = node.deployment.token_bridge();
    let contract = TokenBridge::new(bridge, owner.provider().clone());
    let fee = contract.depositFeeWei().call().await.unwrap();
    let call = TokenBridge::depositCall {
        token,
        to: owner.address(),
        amount: U256::from(amount),
    };
    let call = Call::new(bridge, &call).with_value(fee);
    owner
        .send(&format!("deposit/token/{amount}"), &call)
        .await
        .unwrap();
}

async fn l1_balance(owner: &Sender, token: Address, of: Address) -> U256 {
    let token = ExampleToken::new(token, owner.provider().clone());
    token.balanceOf(of).call().await.unwrap()
}

/// Events of L2's bridge so far, each with the gas of its transaction.
fn events<E: SolEvent>(node: &Node) -> Vec<(E, u64)> {
    let mut found = Vec::new();
    for number in 1..=node.chain.head().number {
        let mut used = 0;
        for receipt in node.chain.receipts(number).unwrap().unwrap() {
            let gas = receipt.cumulative_gas_used - used;
            used = receipt.cumulative_gas_used;
            let logs = receipt.logs.iter();
            let own = logs.filter(|log| log.address == L2_TOKEN_BRIDGE);
            found.extend(own.filter_map(|log| Some((E::decode_log(log).ok()?.data, gas))));
        }
    }
    found
}

/// Transactions on L2 that failed.
fn failures(node: &Node) -> usize {
    let blocks = 1..=node.chain.head().number;
    let receipts = blocks.flat_map(|number| node.chain.receipts(number).unwrap().unwrap());
    receipts.filter(|receipt| !receipt.success).count()
}

/// What `holder` has of a token on L2.
fn l2_balance(node: &Node, token: Address, holder: Address) -> U256 {
    tokens::balance_of(&node.chain, token, holder).unwrap()
}

/// Of what waits on L1 a deposit counts once, if the bridge says so and L2 has not executed it.
fn what_waits_counts_once(node: &Node, token: Address, holder: Address) {
    let bridge = node.deployment.token_bridge();
    let deposit = |id: u64, l1_token: Address, to: Address| L1Message {
        sender: alias(bridge),
        to: L2_TOKEN_BRIDGE,
        data: L2TokenBridge::finalizeDepositCall {
            d: Deposit {
                id,
                l1Token: l1_token,
                to,
                amount: U256::from(50),
                name: String::new(),
                symbol: String::new(),
                decimals: 18,
            },
        }
        .abi_encode()
        .into(),
        ..L1Message::default()
    };
    let again = deposit(2, token, holder);
    let forged = L1Message {
        sender: holder,
        ..deposit(3, token, holder)
    };
    let waiting = [
        deposit(0, token, holder),
        deposit(2, token, holder),
        again,
        forged,
        deposit(4, bridge, holder),
        deposit(5, token, bridge),
    ];
    let arriving = tokens::arriving(&node.chain, (bridge, token), holder, &waiting);
    assert_eq!(arriving.unwrap(), U256::from(50));
}

#[tokio::test]
async fn a_token_goes_to_l2_and_comes_back() {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    let node = Node::start(&l1, dir.path(), config()).await;
    let user = l1.sender(5, &node.store);
    let token = token_of(&node, &user).await;
    deposit(&node, user.address(), ETHER).await;
    deposit_token(&node, &user, token, 600).await;
    deposit_token(&node, &user, token, 400).await;
    let deposits = eventually("both deposits on L2", || async {
        Some(events::<DepositFinalized>(&node)).filter(|deposits| deposits.len() == 2)
    })
    .await;
    let created = events::<TokenCreated>(&node);
    let [(created, gas_of_first)] = created.as_slice() else {
        panic!("one token is created, not {}", created.len());
    };
    assert_eq!((created.l1Token, created.decimals), (token, 18));
    assert_eq!(
        (created.name.as_str(), created.symbol.as_str()),
        ("Example", "EXM")
    );
    let twin = created.token;
    assert_eq!(twin, tokens::twin_of(token));
    let l1_token = |of| tokens::l1_token_of(&node.chain, of).unwrap();
    assert_eq!(l1_token(twin), Some(token));
    for other in [token, L2_TOKEN_BRIDGE, Address::ZERO] {
        assert_eq!(l1_token(other), None, "{other}");
    }
    assert_eq!(deposits[0].0.token, twin);
    assert_eq!(deposits[1].0.token, twin);
    assert_eq!(l2_balance(&node, token, user.address()), U256::from(1_000));
    what_waits_counts_once(&node, token, user.address());
    assert_eq!(failures(&node), 0);
    let bridge = TokenBridge::new(node.deployment.token_bridge(), user.provider().clone());
    let bought = bridge.DEPOSIT_GAS().call().await.unwrap();
    // Room for the longest texts.
    assert!(*gas_of_first < bought * 2 / 3, "{gas_of_first} of {bought}");

    let recipient = Address::repeat_byte(0xcc);
    let withdraw = L2TokenBridge::withdrawCall {
        l1Token: token,
        to: recipient,
        amount: U256::from(250),
    };
    let raw = l2_transaction(
        &account(5),
        0,
        L2_TOKEN_BRIDGE,
        0,
        withdraw.abi_encode().into(),
    );
    let hash = node.pool.submit(raw).await.unwrap();
    let (block, index) = eventually("the withdrawal's block", || async {
        node.chain.place_of(&hash).unwrap()
    })
    .await;
    assert!(node.chain.receipts(block).unwrap().unwrap()[index as usize].success);
    assert_eq!(l2_balance(&node, token, user.address()), U256::from(750));
    // The bridge has sent it, for the user.
    let of_user = node.withdrawals.of(user.address()).unwrap();
    let [initiated] = of_user.as_slice() else {
        panic!("one withdrawal, not {}", of_user.len());
    };
    assert_eq!((initiated.owner, initiated.block), (user.address(), block));
    assert_eq!(initiated.withdrawal.sender, L2_TOKEN_BRIDGE);
    assert!(node.withdrawals.of(L2_TOKEN_BRIDGE).unwrap().is_empty());

    node.sealer.seal();
    wait_for(&node, 1, BatchState::Committed).await;
    settle(&node, 1).await;
    wait_for(&node, 1, BatchState::Settled).await;
    let proof = node.withdrawals.prove(0).await.unwrap();
    assert_eq!(proof.withdrawal.sender, L2_TOKEN_BRIDGE);
    assert_eq!(proof.withdrawal.recipient, *bridge.address());
    assert_eq!(proof.withdrawal.amount_wei, U256::ZERO);
    let call = finalize(&node, &proof);
    node.sender.send("withdrawal/0", &call).await.unwrap();
    assert_eq!(l1_balance(&user, token, recipient).await, U256::from(250));
    let locked = bridge.lockedOf(token).call().await.unwrap();
    assert_eq!(locked, U256::from(750));
    let again = node.sender.send("withdrawal/0/again", &call).await;
    let again = again.unwrap_err().to_string();
    assert!(again.contains("AlreadyFinalized"), "{again}");
    node.stop().await;
}

/// Anybody can send L2's bridge a message from L1, and it mints for none but the bridge's.
#[tokio::test]
async fn a_deposit_that_nobody_made_mints_nothing() {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    let node = Node::start(&l1, dir.path(), config()).await;
    let thief = l1.sender(6, &node.store);
    let token = token_of(&node, &thief).await;
    let forged = L2TokenBridge::finalizeDepositCall {
        d: Deposit {
            id: 0,
            l1Token: token,
            to: thief.address(),
            amount: U256::from(1_000),
            name: "Example".into(),
            symbol: "EXM".into(),
            decimals: 18,
        },
    };
    let gas_limit = 600_000;
    let message = Rollup::sendMessageCall {
        to: L2_TOKEN_BRIDGE,
        gasLimit: gas_limit,
        data: forged.abi_encode().into(),
    };
    let fee = u128::from(gas_limit) * node.deployment.parameters.message_gas_price_wei;
    let message = Call::new(node.deployment.rollup, &message).with_value(U256::from(fee));
    thief.send("forged", &message).await.unwrap();
    eventually("the message on L2", || async {
        (failures(&node) == 1).then_some(())
    })
    .await;
    assert!(events::<TokenCreated>(&node).is_empty());

    // The true deposit with the same number is executed, and can be sent again to no avail.
    deposit_token(&node, &thief, token, 7).await;
    let bridge = node.deployment.token_bridge();
    let retry = TokenBridge::retryDepositCall {
        id: 0,
        token,
        to: thief.address(),
        amount: U256::from(7),
        gasLimit: gas_limit,
    };
    let retry = Call::new(bridge, &retry).with_value(U256::from(fee));
    thief.send("retry", &retry).await.unwrap();
    eventually("the second message on L2", || async {
        (failures(&node) == 2).then_some(())
    })
    .await;
    let deposits = events::<DepositFinalized>(&node);
    let [(deposited, _)] = deposits.as_slice() else {
        panic!("one deposit, not {}", deposits.len());
    };
    assert_eq!(deposited.id, 0);
    let held = l2_balance(&node, token, thief.address());
    assert_eq!(held, U256::from(7));
    // The bridge spoke by its alias, which has sent both messages.
    let mut state = node.chain.state_at(&node.chain.head()).unwrap();
    assert_eq!(state.account(alias(bridge)).unwrap().unwrap().nonce, 2);
    node.stop().await;
}
