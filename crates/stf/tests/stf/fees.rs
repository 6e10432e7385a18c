//! What users pay for data and proving, to the wei.

use crate::chain::*;
use alloy_consensus::{Transaction as _, transaction::Recovered};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, Bytes, TxKind, U256, bytes};
use revm::context::result::InvalidTransaction;
use rollmill_protocol::{
    L1Message,
    l2::{FEE_SCHEDULE, FEE_VAULT, PROVING_VAULT},
    prover_gas::{
        OPCODES, PER_EVM_GAS, PER_INPUT_BYTE, PER_KECCAK_PERMUTATION, PER_MEMORY_WORD,
        PER_POWER_PRODUCT, PER_SIGNATURE, PER_TRANSACTION, PRECOMPILES, execution_max,
        power_products, transaction_max,
    },
};
use rollmill_stf::{
    ExecutedBlock, PushError, Transaction, TxOutcome, TxRejection, batch::batch_data,
    build_witness, execute_batch, fees::FeePrices,
};

const PRICES: FeePrices = FeePrices {
    data_wei: 3_000_000_007,
    proving_wei: 50_001,
};
const ETHER: u64 = 1_000_000_000_000_000_000;

fn balance(chain: &Chain, address: Address) -> U256 {
    let account = chain.state().account(address).unwrap();
    account.map_or(U256::ZERO, |account| account.balance)
}

/// What is in both vaults: of gas and data, and of proving.
fn vaults(chain: &Chain) -> [U256; 2] {
    [FEE_VAULT, PROVING_VAULT].map(|vault| balance(chain, vault))
}

/// L1 gas of the bytes, counted another way.
fn data_gas(transaction: &Transaction) -> u64 {
    let raw = transaction.encoded_2718();
    let zeros = raw.iter().filter(|byte| **byte == 0).count() as u64;
    40 * raw.len() as u64 - 30 * zeros
}

/// A block of this transaction alone, kept.
fn execute(chain: &mut Chain, transaction: &Recovered<Transaction>) -> (TxOutcome, ExecutedBlock) {
    let mut executor = chain.begin();
    let outcome = executor.push(transaction.clone()).unwrap();
    drop(executor);
    (outcome, chain.extend([transaction.clone()]))
}

/// Prover gas of a transaction that used so much gas and has so many bytes of input, without what ran.
fn standing(gas_used: u64, input_bytes: u64) -> u64 {
    PER_TRANSACTION + PER_SIGNATURE + gas_used * PER_EVM_GAS + input_bytes * PER_INPUT_BYTE
}

/// Prover gas of instructions with these opcodes.
fn running(opcodes: &[u8]) -> u64 {
    let work = |opcode: &u8| u64::from(OPCODES[usize::from(*opcode)]);
    opcodes.iter().map(work).sum()
}

/// What the transaction pays besides its value, checked against all sides' accounts.
fn pays(chain: &mut Chain, transaction: &Recovered<Transaction>) -> (TxOutcome, U256) {
    let sender = transaction.signer();
    let before = (balance(chain, sender), vaults(chain));
    let (outcome, block) = execute(chain, transaction);
    assert_eq!(block.prover_gas, [outcome.prover_gas]);
    let price = u128::from(block.header.base_fee_per_gas.unwrap()) + GWEI;
    let gas = U256::from(outcome.gas_used) * U256::from(price);
    let data = U256::from(data_gas(transaction)) * U256::from(PRICES.data_wei);
    let proving = U256::from(outcome.prover_gas) * U256::from(PRICES.proving_wei);
    let value = if outcome.success {
        transaction.value()
    } else {
        U256::ZERO
    };
    let paid = gas + data + proving;
    assert_eq!(balance(chain, sender), before.0 - value - paid);
    let [fees, proofs] = before.1;
    assert_eq!(vaults(chain), [fees + gas + data, proofs + proving]);
    let input_bytes = transaction.input().len() as u64;
    let most = transaction_max(transaction.gas_limit(), 1, input_bytes);
    assert!(outcome.prover_gas <= most);
    assert_eq!(
        PRICES.paid(transaction, outcome.prover_gas),
        (data, proving)
    );
    (outcome, paid)
}

#[test]
fn every_wei_goes_from_the_sender_to_the_vault_of_its_kind() {
    let mut chain = Chain::with_prices(PRICES);
    let transfer = Tx {
        value: U256::from(7),
        gas_limit: 21_000,
        ..Tx::default()
    };
    let (outcome, _) = pays(&mut chain, &transfer.sign(user(1)));
    assert_eq!(outcome.prover_gas, standing(21_000, 0));

    let grind = Tx {
        to: TxKind::Call(GRINDER),
        input: U256::from(2).to_be_bytes_vec().into(),
        ..Tx::default()
    };
    let (outcome, _) = pays(&mut chain, &grind.sign(user(2)));
    let permutations = 2 * (0x8000 / 136 + 1);
    // Its code: two instructions, eleven for each round, and the end of the code.
    let round = [
        0x5b, 0x61, 0x5f, 0x20, 0x50, 0x60, 0x90, 0x03, 0x80, 0x60, 0x57,
    ];
    let run = running(&[0x5f, 0x35]) + 2 * running(&round) + running(&[0x00]);
    let hashed = permutations * PER_KECCAK_PERMUTATION + 0x8000 / 32 * PER_MEMORY_WORD;
    assert_eq!(
        outcome.prover_gas,
        standing(outcome.gas_used, 32) + run + hashed
    );

    let (outcome, _) = pays(&mut chain, &calling(4, vec![1; 64]).sign(user(3)));
    assert!(outcome.success);
    let identity = u64::from(PRECOMPILES[3].call) + 64 * u64::from(PRECOMPILES[3].byte);
    assert_eq!(
        outcome.prover_gas,
        standing(outcome.gas_used, 64) + identity
    );
}

/// A transaction to a precompile.
fn calling(address: u8, input: Vec<u8>) -> Tx {
    Tx {
        to: TxKind::Call(Address::with_last_byte(address)),
        gas_limit: 1_000_000,
        input: input.into(),
        ..Tx::default()
    }
}

/// The pairing of no points takes 45,000 gas. With a gas limit that has no room for its proof it fails as for want of gas.
#[test]
fn a_gas_limit_bounds_the_work_of_precompiles() {
    let mut chain = Chain::with_prices(PRICES);
    let work = u64::from(PRECOMPILES[7].call);
    let enough = (66_000..).find(|limit| execution_max(*limit) >= work);
    let pairing = |gas_limit| Tx {
        gas_limit,
        ..calling(8, Vec::new())
    };
    let enough = enough.unwrap();
    let (outcome, _) = pays(&mut chain, &pairing(enough).sign(user(1)));
    assert!(outcome.success);
    assert_eq!(outcome.gas_used, 45_000 + 21_000);
    assert_eq!(outcome.prover_gas, standing(outcome.gas_used, 0) + work);
    let (outcome, _) = pays(&mut chain, &pairing(enough - 1).sign(user(2)));
    assert!(!outcome.success);
    assert_eq!(outcome.prover_gas, standing(outcome.gas_used, 0));
}

/// It uses up its gas, which is not what it takes to find out that it cannot be computed: nobody is to make work of gas.
#[test]
fn a_precompile_that_fails_is_counted_by_its_input_and_not_by_its_gas() {
    let mut chain = Chain::with_prices(PRICES);
    // No whole pair; points that are not on the curve.
    for (sender, address, bytes) in [(1, 8, 193), (2, 6, 128)] {
        let (outcome, _) = pays(
            &mut chain,
            &calling(address, vec![3; bytes]).sign(user(sender)),
        );
        assert!(!outcome.success);
        assert_eq!(outcome.gas_used, 1_000_000);
        let work = &PRECOMPILES[usize::from(address) - 1];
        let own = u64::from(work.call) + u64::from(work.byte) * bytes as u64;
        let input_bytes = bytes as u64;
        assert_eq!(outcome.prover_gas, standing(1_000_000, input_bytes) + own);
    }
}

/// Base, exponent and modulus, as the precompile reads them.
fn power(numbers: [&[u8]; 3]) -> Vec<u8> {
    let lengths = numbers.map(|number| U256::from(number.len()).to_be_bytes_vec());
    [lengths.concat(), numbers.concat()].concat()
}

#[test]
fn a_modular_power_is_counted_by_its_products_and_bounded_by_them() {
    let mut chain = Chain::with_prices(PRICES);
    let call = u64::from(PRECOMPILES[4].call);
    // An even modulus takes more than its gas tells.
    let modulus = [[0xff; 512], [0; 512]].concat();
    let input = power([&[5], &[1], &modulus]);
    let products = power_products(&input) * PER_POWER_PRODUCT;
    let with_gas = |gas_limit| Tx {
        gas_limit,
        ..calling(5, input.clone())
    };
    let bytes = input.len() as u64;
    let (outcome, _) = pays(&mut chain, &with_gas(1_000_000).sign(user(1)));
    assert!(outcome.success);
    let counted = standing(outcome.gas_used, bytes) + call + products;
    assert_eq!(outcome.prover_gas, counted);

    let too_little = 100_000;
    assert!(execution_max(too_little) < products);
    let (outcome, _) = pays(&mut chain, &with_gas(too_little).sign(user(2)));
    assert!(!outcome.success);
    assert_eq!(outcome.prover_gas, standing(too_little, bytes) + call);
}

/// Its input is looked through before its gas is known.
#[test]
fn a_modular_power_without_gas_is_counted_as_a_call() {
    let mut chain = Chain::with_prices(PRICES);
    let input = power([&[5], &[0xff; 1_024], &[7]]);
    let bytes = input.len() as u64;
    let (outcome, _) = pays(
        &mut chain,
        &Tx {
            gas_limit: 100_000,
            ..calling(5, input)
        }
        .sign(user(1)),
    );
    assert!(!outcome.success);
    let call = u64::from(PRECOMPILES[4].call);
    assert_eq!(outcome.prover_gas, standing(100_000, bytes) + call);
}

#[test]
fn what_fails_pays_as_well() {
    let mut chain = Chain::with_prices(PRICES);
    let revert = Tx {
        to: TxKind::Call(REVERTER),
        input: bytes!("deadbeef"),
        ..Tx::default()
    };
    let (outcome, _) = pays(&mut chain, &revert.sign(user(1)));
    assert!(!outcome.success && outcome.halt.is_none());
    let endless = Tx {
        to: TxKind::Call(GRINDER),
        input: U256::from(1_000).to_be_bytes_vec().into(),
        ..Tx::default()
    };
    let (outcome, _) = pays(&mut chain, &endless.sign(user(2)));
    assert!(outcome.halt.is_some());
    assert_eq!(outcome.gas_used, 100_000);
    // Gas that comes back for a cleared slot is no gas used.
    let clear = |value: u64| {
        let word = |value: u64| U256::from(value).to_be_bytes::<32>();
        Bytes::from([word(value), word(1)].concat())
    };
    for (nonce, value) in [(0, 3), (1, 0)] {
        let store = Tx {
            nonce,
            to: TxKind::Call(STORE),
            input: clear(value),
            ..Tx::default()
        };
        assert!(pays(&mut chain, &store.sign(user(3))).0.success);
    }
}

#[test]
fn without_prices_gas_is_all_that_is_paid() {
    for mut chain in [Chain::new(), Chain::with_prices(FeePrices::default())] {
        let transfer = Tx {
            value: U256::from(7),
            ..Tx::default()
        };
        let transfer = transfer.sign(user(1));
        let block = chain.extend([transfer.clone()]);
        let price = u128::from(block.header.base_fee_per_gas.unwrap()) + GWEI;
        let gas = U256::from(21_000) * U256::from(price);
        assert_eq!(vaults(&chain), [gas, U256::ZERO]);
        let left = U256::from(ETHER) - gas - U256::from(7);
        assert_eq!(balance(&chain, transfer.signer()), left);
        assert_eq!(FeePrices::default().most(&transfer), U256::ZERO);
    }
}

/// The proof of a chain that charges for data alone has nothing to show of the other vault.
#[test]
fn a_vault_that_gets_nothing_is_not_touched() {
    let mut chain = Chain::with_prices(FeePrices {
        proving_wei: 0,
        ..PRICES
    });
    let transfer = Tx::default().sign(user(1));
    let block = chain.extend([transfer.clone()]);
    let price = u128::from(block.header.base_fee_per_gas.unwrap()) + GWEI;
    let gas = U256::from(21_000) * U256::from(price);
    let data = U256::from(data_gas(&transfer)) * U256::from(PRICES.data_wei);
    assert_eq!(balance(&chain, FEE_VAULT), gas + data);
    assert_eq!(chain.state().account(PROVING_VAULT).unwrap(), None);
}

/// What is held back is not there while the transaction runs, and what is left of it is there again afterwards.
#[test]
fn nobody_spends_what_is_held_back() {
    let mut chain = Chain::with_prices(PRICES);
    // Returns the balance of the account that pays as code.
    let look = Tx {
        to: TxKind::Create,
        input: bytes!("32315f5260205ff3"),
        ..Tx::default()
    };
    let look = look.sign(user(1));
    let (outcome, block) = execute(&mut chain, &look);
    let seen = U256::from_be_slice(&outcome.output);
    let price = u128::from(block.header.base_fee_per_gas.unwrap()) + GWEI;
    let gas = U256::from(100_000) * U256::from(price);
    let data = U256::from(data_gas(&look)) * U256::from(PRICES.data_wei);
    let most = U256::from(transaction_max(100_000, 1, 8)) * U256::from(PRICES.proving_wei);
    assert_eq!(seen, U256::from(ETHER) - gas - data - most);
    assert_eq!(PRICES.most(&look), data + most);
    assert!(balance(&chain, look.signer()) > seen);
}

#[test]
fn who_cannot_pay_all_of_it_is_refused() {
    let chain = Chain::with_prices(PRICES);
    let send = |to: u8, value: U256| {
        let tx = Tx {
            to: TxKind::Call(Address::repeat_byte(to)),
            value,
            gas_limit: 21_000,
            ..Tx::default()
        };
        tx.sign(user(1))
    };
    // Its own highest price for gas; data and the most proving besides. Value and signature are part of the data: a recipient is
    // looked for with which they take the same.
    let ether = U256::from(ETHER);
    let gas = U256::from(21_000) * U256::from(10 * GWEI);
    let found = (1..=255).find_map(|to| {
        let about = ether - gas - PRICES.most(&send(to, ether));
        let most = PRICES.most(&send(to, about));
        let value = ether - gas - most;
        let same = |value: U256| PRICES.most(&send(to, value)) == most;
        (same(value) && same(value + U256::ONE)).then_some((to, value))
    });
    let (to, value) = found.unwrap();
    let mut executor = chain.begin();
    let error = executor.push(send(to, value + U256::ONE)).unwrap_err();
    let PushError::Rejected(TxRejection::Invalid(InvalidTransaction::LackOfFundForMaxFee {
        fee,
        balance,
    })) = error
    else {
        panic!("{error}");
    };
    assert_eq!((*fee, *balance), (ether + U256::ONE, ether));
    // The block is as it was.
    assert_eq!(executor.transaction_count(), 0);
    executor.push(send(to, value)).unwrap();
    let (block, _) = executor.finish().unwrap();
    let mut kept = Chain::with_prices(PRICES);
    assert_eq!(kept.extend([send(to, value)]).hash, block.hash);
}

#[test]
fn absurd_prices_refuse_and_do_not_overflow() {
    for prices in [
        FeePrices {
            data_wei: u128::MAX,
            proving_wei: u128::MAX,
        },
        FeePrices {
            data_wei: 0,
            proving_wei: u128::MAX,
        },
    ] {
        let chain = Chain::with_prices(prices);
        let mut executor = chain.begin();
        let immense = Tx {
            value: U256::MAX,
            ..Tx::default()
        };
        for tx in [Tx::default(), immense] {
            let error = executor.push(tx.sign(user(1))).unwrap_err();
            assert!(
                matches!(error, PushError::Rejected(TxRejection::Invalid(_))),
                "{error}"
            );
        }
        assert_eq!(executor.transaction_count(), 0);
    }
}

#[test]
fn messages_pay_neither() {
    let mut chain = Chain::with_prices(PRICES);
    let grind = L1Message {
        to: GRINDER,
        data: U256::from(1).to_be_bytes_vec().into(),
        ..message(1, 6)
    };
    let block = chain.extend([recovered(&message(0, 5)), recovered(&grind)]);
    assert_eq!(vaults(&chain), [U256::ZERO; 2]);
    assert_eq!(balance(&chain, message(0, 5).sender), U256::from(5));
    assert_eq!(balance(&chain, GRINDER), U256::from(6));
    assert_eq!(block.prover_gas[0], PER_TRANSACTION + 21_000 * PER_EVM_GAS);
    assert!(block.prover_gas[1] > block.prover_gas[0]);
    let message = Transaction::from(grind);
    assert_eq!(PRICES.most(&message), U256::ZERO);
    assert_eq!(PRICES.paid(&message, 9), (U256::ZERO, U256::ZERO));
}

/// The schedule's stand-in stores what anybody tells it.
#[test]
fn a_change_of_prices_is_in_force_from_the_next_block() {
    let mut chain = Chain::with_prices(PRICES);
    let other = FeePrices {
        data_wei: 1,
        proving_wei: 2,
    };
    let word = |value: U256| value.to_be_bytes::<32>();
    let packed = (U256::from(other.data_wei) << 128) | U256::from(other.proving_wei);
    assert_eq!(FeePrices::from_word(packed), other);
    let set = Tx {
        to: TxKind::Call(FEE_SCHEDULE),
        input: [word(packed), word(U256::ZERO)].concat().into(),
        ..Tx::default()
    };
    let (set, transfer) = (set.sign(user(1)), Tx::default().sign(user(2)));
    let fee = |block: &ExecutedBlock, prices: FeePrices, index: usize, tx: &Transaction| {
        let gas_before = match index {
            0 => 0,
            _ => block.receipts[index - 1].cumulative_gas_used,
        };
        let gas = block.receipts[index].cumulative_gas_used - gas_before;
        let price = u128::from(block.header.base_fee_per_gas.unwrap()) + GWEI;
        let (data, proving) = prices.paid(tx, block.prover_gas[index]);
        [U256::from(gas) * U256::from(price) + data, proving]
    };
    let sum = |a: [U256; 2], b: [U256; 2]| [a[0] + b[0], a[1] + b[1]];
    let block = chain.extend([set.clone(), transfer.clone()]);
    let set_fee = fee(&block, PRICES, 0, &set);
    let first = sum(set_fee, fee(&block, PRICES, 1, &transfer));
    assert_eq!(vaults(&chain), first);
    assert_eq!(FeePrices::of_state(&mut chain.state()).unwrap(), other);
    let next = Tx::default().sign(user(3));
    let block = chain.extend([next.clone()]);
    let second = fee(&block, other, 0, &next);
    assert_eq!(vaults(&chain), sum(first, second));
}

#[test]
fn the_proof_charges_what_the_sequencer_charged() {
    let mut chain = Chain::with_prices(PRICES);
    let transfer = Tx {
        value: U256::from(7),
        ..Tx::default()
    };
    let grind = Tx {
        to: TxKind::Call(GRINDER),
        input: U256::from(1).to_be_bytes_vec().into(),
        ..Tx::default()
    };
    let deposit = message(0, 5);
    chain.extend([recovered(&deposit), transfer.sign(user(1))]);
    chain.extend([grind.sign(user(2))]);
    let built = build_witness(
        &chain.source,
        &chain.headers[0],
        batch_data(&chain.blocks).encode().into(),
        vec![deposit],
        context(&chain),
    )
    .unwrap();
    let values = execute_batch(identity(&context(&chain)), built.witness).unwrap();
    assert_eq!(values.block_hash, chain.tip().hash_slow());
    assert_eq!(values.state_root, chain.tip().state_root);
    // The same blocks without prices are others.
    let mut free = Chain::new();
    free.extend([recovered(&message(0, 5))]);
    assert_ne!(values.state_root, free.tip().state_root);
}
