//! L1 messages: minting, failure, gas, place in the block.

use crate::chain::*;
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, Bytes, TxKind, U256, bytes, keccak256};
use rollmill_protocol::L1Message;
use rollmill_stf::{Fork, PushError, Transaction, TxRejection, state::StateTrie};

fn balance(chain: &Chain, address: Address) -> U256 {
    chain
        .state()
        .account(address)
        .unwrap()
        .map_or(U256::ZERO, |account| account.balance)
}

#[test]
fn a_deposit_mints_once_and_bumps_the_nonce() {
    let mut chain = Chain::new();
    let deposit = message(0, 5);
    let block = chain.extend([recovered(&deposit)]);
    assert!(block.receipts[0].success);
    assert_eq!(block.receipts[0].cumulative_gas_used, 21_000);
    let account = chain.state().account(deposit.sender).unwrap().unwrap();
    assert_eq!((account.balance, account.nonce), (U256::from(5), 1));
}

#[test]
fn a_message_to_another_account_moves_the_mint() {
    let mut chain = Chain::new();
    let to = Address::repeat_byte(0x77);
    chain.extend([recovered(&L1Message {
        to,
        ..message(0, 5)
    })]);
    assert_eq!(balance(&chain, to), U256::from(5));
    assert_eq!(balance(&chain, message(0, 5).sender), U256::ZERO);
}

#[test]
fn a_failing_message_is_included_and_keeps_the_mint() {
    let mut chain = Chain::new();
    let failing = L1Message {
        to: REVERTER,
        data: bytes!("deadbeef"),
        ..message(0, 5)
    };
    let block = chain.extend([recovered(&failing)]);
    assert!(!block.receipts[0].success);
    assert!(block.receipts[0].logs.is_empty());
    let account = chain.state().account(failing.sender).unwrap().unwrap();
    assert_eq!((account.balance, account.nonce), (U256::from(5), 1));
    assert_eq!(
        chain.state().storage(REVERTER, U256::ZERO).unwrap(),
        U256::ZERO
    );
}

#[test]
fn a_message_without_enough_gas_is_included_as_failed() {
    let mut chain = Chain::new();
    let poor = L1Message {
        gas_limit: 1_000,
        ..message(0, 5)
    };
    let block = chain.extend([recovered(&poor), recovered(&message(1, 6))]);
    assert!(!block.receipts[0].success && block.receipts[1].success);
    assert_eq!(block.receipts[0].cumulative_gas_used, 1_000);
    let account = chain.state().account(poor.sender).unwrap().unwrap();
    assert_eq!((account.balance, account.nonce), (U256::from(11), 2));
}

#[test]
fn a_forced_transaction_spends_what_its_sender_has() {
    let mut chain = Chain::new();
    let to = Address::repeat_byte(0x77);
    let forced = |index, mint, value| L1Message {
        to,
        mint: U256::from(mint),
        value: U256::from(value),
        ..message(index, 0)
    };
    let block = chain.extend([
        recovered(&message(0, 5)),
        // Of the five, three; then all that is left and one that came along.
        recovered(&forced(1, 0, 3)),
        recovered(&forced(2, 1, 3)),
    ]);
    assert!(block.receipts.iter().all(|receipt| receipt.success));
    assert_eq!(balance(&chain, to), U256::from(6));
    assert_eq!(balance(&chain, message(0, 5).sender), U256::ZERO);
}

#[test]
fn a_forced_transaction_of_more_than_there_is_fails_and_blocks_nothing() {
    let mut chain = Chain::new();
    let to = Address::repeat_byte(0x77);
    let greedy = L1Message {
        to,
        mint: U256::from(2),
        value: U256::from(3),
        ..message(0, 0)
    };
    let immense = L1Message {
        index: 1,
        value: U256::MAX,
        ..greedy.clone()
    };
    let block = chain.extend([
        recovered(&greedy),
        recovered(&immense),
        recovered(&message(2, 5)),
    ]);
    let success: Vec<_> = block
        .receipts
        .iter()
        .map(|receipt| receipt.success)
        .collect();
    assert_eq!(success, [false, false, true]);
    let account = chain.state().account(greedy.sender).unwrap().unwrap();
    assert_eq!((account.balance, account.nonce), (U256::from(9), 3));
    assert_eq!(balance(&chain, to), U256::ZERO);
}

#[test]
fn a_contract_may_send_messages() {
    let mut chain = Chain::new();
    let block = chain.extend([recovered(&L1Message {
        sender: STORE,
        ..message(0, 5)
    })]);
    assert!(block.receipts[0].success);
}

#[test]
fn a_message_fits_every_block_whatever_gas_was_bought() {
    let mut chain = Chain::new();
    let block = chain.extend([recovered(&L1Message {
        gas_limit: u64::MAX,
        ..message(0, 5)
    })]);
    assert!(block.receipts[0].success);
}

#[test]
fn messages_come_first_and_exist_on_the_rollup_only() {
    let chain = Chain::new();
    let mut executor = chain.begin();
    executor.push(Tx::default().sign(user(1))).unwrap();
    let refused = executor.push(recovered(&message(0, 5)));
    assert_eq!(refused, Err(PushError::Rejected(TxRejection::MessageOrder)));

    let mut l1 = Chain::new();
    let ethereum = rollmill_stf::EthereumRules::at_fork(CHAIN_ID, Fork::Osaka);
    l1.rules = rollmill_stf::Rules::Ethereum(ethereum);
    // The requests contracts are missing from this state, but the block is never finished.
    assert_eq!(
        l1.begin().push(recovered(&message(0, 5))),
        Err(PushError::Rejected(TxRejection::Message))
    );
}

#[test]
fn a_refused_transaction_leaves_no_trace() {
    let chain = Chain::new();
    let send = |nonce| {
        Tx {
            nonce,
            value: U256::from(1),
            ..Tx::default()
        }
        .sign(user(1))
    };
    let expected = chain.build([send(0), send(1)]);

    let mut executor = chain.begin();
    executor.push(send(0)).unwrap();
    let poor = Tx {
        value: U256::MAX >> 1,
        ..Tx::default()
    }
    .sign(user(2));
    let unknown = Tx {
        value: U256::from(1),
        ..Tx::default()
    }
    .sign(user(200));
    let greedy = Tx {
        gas_limit: GAS_LIMIT,
        ..Tx::default()
    }
    .sign(user(3));
    let capped = Tx {
        gas_limit: 16_777_217,
        ..Tx::default()
    }
    .sign(user(3));
    let starved = Tx {
        gas_limit: 20_999,
        ..Tx::default()
    }
    .sign(user(3));
    let huge = Tx {
        to: TxKind::Create,
        input: vec![0; 49_153].into(),
        gas_limit: 10_000_000,
        ..Tx::default()
    }
    .sign(user(3));
    for refused in [
        send(0),
        send(5),
        poor,
        unknown,
        greedy,
        capped,
        starved,
        huge,
    ] {
        assert!(matches!(
            executor.push(refused),
            Err(PushError::Rejected(_))
        ));
    }
    executor.push(send(1)).unwrap();
    let (block, _) = executor.finish().unwrap();
    assert_eq!(block.header, expected.header);
    assert_eq!(block.update, expected.update);
}

#[test]
fn the_vault_gets_the_whole_fee() {
    let mut chain = Chain::new();
    let vault = rollmill_protocol::l2::FEE_VAULT;
    let block = chain.extend([Tx::default().sign(user(1))]);
    let base_fee = block.header.base_fee_per_gas.unwrap();
    assert_eq!(
        balance(&chain, vault),
        U256::from(21_000 * (base_fee + GWEI as u64))
    );
}

#[test]
fn a_message_transaction_survives_its_encoding() {
    let tx = Transaction::from(L1Message {
        data: bytes!("0102"),
        ..message(3, 4)
    });
    let encoded = tx.encoded_2718();
    assert_eq!(encoded[0], 0x7e);
    assert_eq!(Transaction::decode_2718_exact(&encoded).unwrap(), tx);
    assert_eq!(tx.hash(), keccak256(&encoded));
    assert_eq!(
        alloy_rlp::decode_exact::<Transaction>(alloy_rlp::encode(&tx)).unwrap(),
        tx
    );
}

#[test]
fn state_goes_on_in_memory_from_block_to_block() {
    let mut chain = Chain::new();
    let mut executor = chain.begin();
    executor
        .push(
            Tx {
                value: U256::from(1),
                ..Tx::default()
            }
            .sign(user(1)),
        )
        .unwrap();
    let (first, state) = executor.finish().unwrap();
    let mut in_memory: StateTrie<_> = state;
    assert_eq!(in_memory.root(), first.header.state_root);
    assert_eq!(
        in_memory
            .account(Address::repeat_byte(0xee))
            .unwrap()
            .unwrap()
            .balance,
        U256::from(1)
    );
    drop(in_memory);
    chain.extend([Tx {
        value: U256::from(1),
        ..Tx::default()
    }
    .sign(user(1))]);
    assert_eq!(chain.tip(), &first.header);
}

/// 400 times 32 KiB are some 100 M prover gas: more than a message or a transaction may cause, though its gas would do.
#[test]
fn a_message_that_costs_too_much_proving_fails() {
    let mut chain = Chain::new();
    let grind = |rounds: u64| Bytes::from(U256::from(rounds).to_be_bytes_vec());
    let message = |index, rounds| L1Message {
        to: GRINDER,
        gas_limit: 5_000_000,
        data: grind(rounds),
        ..message(index, 5)
    };
    let ordinary = Tx {
        to: TxKind::Call(GRINDER),
        gas_limit: 5_000_000,
        input: grind(200),
        ..Tx::default()
    };
    let block = chain.extend([
        recovered(&message(0, 400)),
        recovered(&message(1, 200)),
        ordinary.sign(user(1)),
    ]);
    let success: Vec<_> = block
        .receipts
        .iter()
        .map(|receipt| receipt.success)
        .collect();
    assert_eq!(success, [false, true, true]);
    assert_eq!(balance(&chain, message(0, 0).sender), U256::from(5));
}
