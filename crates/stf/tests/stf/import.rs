//! A block is accepted exactly as it was built; any other header, body or parent is refused.

use crate::chain::*;
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256};
use rollmill_stf::{Block, ImportError, execute_block, header::HeaderError};

fn import(chain: &Chain, block: Block) -> Result<(), ImportError> {
    let parent = &chain.headers[0];
    execute_block(
        &chain.rules,
        parent,
        parent.hash_slow(),
        block,
        chain.state(),
        &chain.source,
    )
    .map(|_| ())
}

fn block(chain: &Chain) -> Block {
    chain
        .build([
            recovered(&message(0, 5)),
            Tx::default().sign(user(1)),
            Tx::default().sign(user(2)),
        ])
        .into_block()
}

#[test]
fn the_block_that_was_built_is_accepted() {
    let chain = Chain::new();
    import(&chain, block(&chain)).unwrap();
}

#[test]
fn every_field_of_the_header_is_checked() {
    let chain = Chain::new();
    let mutations: [fn(&mut Block); 24] = [
        |block| block.header.parent_hash = B256::ZERO,
        |block| block.header.ommers_hash = B256::ZERO,
        |block| block.header.beneficiary = Address::ZERO,
        |block| block.header.state_root = B256::ZERO,
        |block| block.header.transactions_root = B256::ZERO,
        |block| block.header.receipts_root = B256::ZERO,
        |block| block.header.logs_bloom = Bloom::repeat_byte(1),
        |block| block.header.difficulty = U256::from(1),
        |block| block.header.number = 2,
        |block| block.header.gas_limit = GAS_LIMIT + GAS_LIMIT / 1024,
        |block| block.header.gas_limit = 16_777_215,
        |block| block.header.gas_used += 1,
        |block| block.header.timestamp = 1_000,
        |block| block.header.extra_data = Bytes::from_static(&[1]),
        |block| block.header.nonce = B64::repeat_byte(1),
        |block| block.header.base_fee_per_gas = Some(1),
        |block| block.header.withdrawals_root = None,
        |block| block.header.blob_gas_used = Some(131_072),
        |block| block.header.excess_blob_gas = Some(131_072),
        |block| block.header.parent_beacon_block_root = Some(B256::repeat_byte(1)),
        |block| block.header.requests_hash = None,
        |block| block.header.block_access_list_hash = Some(B256::ZERO),
        |block| block.header.slot_number = Some(0),
        |block| block.header.mix_hash = B256::ZERO,
    ];
    for (index, mutate) in mutations.into_iter().enumerate() {
        let mut block = block(&chain);
        mutate(&mut block);
        // Randomness is the builder's choice: L1 pins it with the batch data.
        assert_eq!(
            import(&chain, block).is_err(),
            index != 23,
            "mutation {index}"
        );
    }
}

#[test]
fn the_body_is_what_the_header_says() {
    let chain = Chain::new();
    let mut shorter = block(&chain);
    shorter.body.transactions.pop();
    assert_eq!(
        import(&chain, shorter),
        Err(ImportError::Mismatch("gas used"))
    );
    let mut swapped = block(&chain);
    swapped.body.transactions.swap(1, 2);
    assert_eq!(
        import(&chain, swapped),
        Err(ImportError::Mismatch("transactions root"))
    );
    let mut ommers = block(&chain);
    ommers.body.ommers.push(chain.headers[0].clone());
    assert_eq!(import(&chain, ommers), Err(ImportError::Ommers));
    let mut late = block(&chain);
    late.body.transactions.swap(0, 1);
    assert!(matches!(
        import(&chain, late),
        Err(ImportError::Transaction { index: 1, .. })
    ));
}

#[test]
fn another_parent_is_refused() {
    let chain = Chain::new();
    let block = block(&chain);
    let error = execute_block(
        &chain.rules,
        &chain.headers[0],
        B256::ZERO,
        block,
        chain.state(),
        &chain.source,
    )
    .unwrap_err();
    assert!(matches!(
        error,
        ImportError::Header(HeaderError::ParentHash { .. })
    ));
}
