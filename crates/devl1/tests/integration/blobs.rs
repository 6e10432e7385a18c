//! Transactions with blobs: what contracts see of them, what is refused, and where blobs are found again.

use alloy::{
    consensus::{
        SignableTransaction, TxEip4844, TxEip4844WithSidecar, transaction::PooledTransaction,
    },
    eips::{
        eip2718::Encodable2718,
        eip4844::{Blob, c_kzg::ethereum_kzg_settings},
        eip7594::BlobTransactionSidecarEip7594,
    },
    primitives::{Address, B256, Bytes, U256, address, bytes},
    providers::Provider,
    rpc::types::{TransactionReceipt, TransactionRequest},
    signers::SignerSync,
    transports::{RpcError, TransportError},
};
use serde_json::{Value, json};

use crate::harness::{Running, account, config, signer, start, start_in};

const GWEI: u128 = 1_000_000_000;

/// Logs BLOBHASH(0), and returns it.
const BLOB_LOGGER: Bytes = bytes!("5f495f5260205fa060205ff3");

/// The precompile of EIP-4844.
const POINT_EVALUATION: Address = address!("000000000000000000000000000000000000000a");

/// A blob of one byte over and over, with its proofs.
fn sidecar(byte: u8) -> BlobTransactionSidecarEip7594 {
    let mut blob = Blob::repeat_byte(byte);
    // The proofs of a constant polynomial are those of any other.
    blob[31] = !byte;
    let blobs = vec![blob];
    BlobTransactionSidecarEip7594::try_from_blobs_with_settings(blobs, ethereum_kzg_settings(0))
        .unwrap()
}

fn hash_of(sidecar: &BlobTransactionSidecarEip7594) -> B256 {
    sidecar.versioned_hashes().next().unwrap()
}

fn transaction(nonce: u64, to: Address, sidecar: &BlobTransactionSidecarEip7594) -> TxEip4844 {
    TxEip4844 {
        chain_id: 1_337_001,
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: 4 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to,
        blob_versioned_hashes: sidecar.versioned_hashes().collect(),
        max_fee_per_blob_gas: GWEI,
        ..TxEip4844::default()
    }
}

fn signed(tx: TxEip4844, sidecar: &BlobTransactionSidecarEip7594) -> Bytes {
    let signature = signer(0).sign_hash_sync(&tx.signature_hash()).unwrap();
    let tx = TxEip4844WithSidecar::from_tx_and_sidecar(tx, sidecar.clone());
    let signed = tx.into_signed(signature);
    PooledTransaction::from(signed).encoded_2718().into()
}

fn text(error: TransportError) -> String {
    let RpcError::ErrorResp(payload) = error else {
        panic!("{error}")
    };
    payload.message.to_string()
}

async fn refused(node: &Running, raw: Bytes) -> String {
    text(node.provider.send_raw_transaction(&raw).await.unwrap_err())
}

async fn mined(node: &Running, raw: &Bytes) -> TransactionReceipt {
    let sent = node.provider.send_raw_transaction(raw).await.unwrap();
    sent.get_receipt().await.unwrap()
}

async fn blob(node: &Running, hash: B256) -> Option<Bytes> {
    let answer = node.ask("anvil_getBlobByHash", json!([hash])).await;
    serde_json::from_value(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_sees_the_blobs_hash_and_the_blob_is_found_by_it() {
    let node = start().await;
    let logger = node.deploy(&BLOB_LOGGER).await;
    let sidecar = sidecar(1);
    let hash = hash_of(&sidecar);
    assert_eq!(blob(&node, hash).await, None);
    let receipt = mined(&node, &signed(transaction(1, logger, &sidecar), &sidecar)).await;
    assert!(receipt.status());
    assert_eq!(receipt.inner.logs()[0].data().data[..], hash[..]);
    assert_eq!(
        (receipt.blob_gas_used, receipt.blob_gas_price),
        (Some(131_072), Some(1))
    );
    let header = node.latest().await;
    assert_eq!(header.blob_gas_used, Some(131_072));
    // The block has the transaction without the blob, which is beside the chain, also after a restart.
    let hash_of_transaction = receipt.transaction_hash;
    let found = node.provider.get_transaction_by_hash(hash_of_transaction);
    let found = found.await.unwrap().unwrap();
    let found = found.inner.as_eip4844().unwrap();
    assert_eq!(found.tx().tx().blob_versioned_hashes, [hash]);
    let given = Bytes::copy_from_slice(sidecar.blobs[0].as_slice());
    assert_eq!(blob(&node, hash).await, Some(given.clone()));
    let dir = node.stop().await;
    let config = config(&dir);
    let node = start_in(dir, config).await;
    assert_eq!(blob(&node, hash).await, Some(given));
    assert_eq!(blob(&node, B256::ZERO).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_estimates_see_the_blob_that_they_name() {
    let node = start().await;
    let logger = node.deploy(&BLOB_LOGGER).await;
    let hash = hash_of(&sidecar(1));
    let plain = TransactionRequest::default().from(account(0)).to(logger);
    let request = TransactionRequest {
        blob_versioned_hashes: Some(vec![hash]),
        ..plain.clone()
    };
    let answer = node.provider.call(request.clone()).await.unwrap();
    assert_eq!(answer[..], hash[..]);
    assert!(node.provider.estimate_gas(request).await.unwrap() < 40_000);
    let answer = node.provider.call(plain).await.unwrap();
    assert_eq!(answer[..], B256::ZERO[..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_precompile_confirms_recorded_values_and_no_others() {
    let node = start().await;
    let vectors: Value =
        serde_json::from_str(include_str!("../../../l1/vectors/blobs.json")).unwrap();
    let word =
        |column: &str| -> Bytes { serde_json::from_value(vectors[column][1].clone()).unwrap() };
    let parts = ["versionedHashes", "points", "values", "openings"].map(word);
    let input = parts.map(|part| part.to_vec()).concat();
    let evaluate = async |input: Vec<u8>| {
        let request = TransactionRequest::default().to(POINT_EVALUATION);
        let request = request.input(Bytes::from(input).into());
        node.provider.call(request).await
    };
    let answer = evaluate(input.clone()).await.unwrap();
    assert_eq!(U256::from_be_slice(&answer[..32]), U256::from(4_096));
    for at in [5, 50, 90, 100, 170] {
        let mut other = input.clone();
        other[at] ^= 1;
        assert!(evaluate(other).await.is_err(), "{at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_belong_together_is_refused() {
    let node = start().await;
    let (good, to) = (sidecar(1), Address::repeat_byte(1));
    let tx = || transaction(0, to, &good);
    // The sidecar of another blob.
    let other = sidecar(2);
    let reason = refused(&node, signed(tx(), &other)).await;
    assert!(reason.starts_with("invalid blobs: "), "{reason}");
    // The commitment of one blob with another, and proofs of another.
    let mut mixed = good.clone();
    mixed.blobs = other.blobs.clone();
    let reason = refused(&node, signed(tx(), &mixed)).await;
    assert!(reason.starts_with("invalid blobs: "), "{reason}");
    let mut mixed = good.clone();
    mixed.cell_proofs[127] = other.cell_proofs[127];
    let reason = refused(&node, signed(tx(), &mixed)).await;
    assert!(reason.starts_with("invalid blobs: "), "{reason}");
    // No sidecar at all, as a block has the transaction.
    let signature = signer(0).sign_hash_sync(&tx().signature_hash()).unwrap();
    let bare = alloy::consensus::TxEnvelope::from(tx().into_signed(signature));
    let reason = refused(&node, bare.encoded_2718().into()).await;
    assert!(reason.starts_with("rlp: "), "{reason}");
    // No blobs, and more than a transaction may have.
    let empty = BlobTransactionSidecarEip7594::default();
    let reason = refused(&node, signed(transaction(0, to, &empty), &empty)).await;
    assert_eq!(reason, "blobless blob transaction");
    let seven = BlobTransactionSidecarEip7594::new(
        vec![good.blobs[0]; 7],
        vec![good.commitments[0]; 7],
        good.cell_proofs.repeat(7),
    );
    let reason = refused(&node, signed(transaction(0, to, &seven), &seven)).await;
    assert_eq!(
        reason,
        "too many blobs in transaction (have 7, permitted 6)"
    );
    assert_eq!(node.latest().await.number, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_pays_twice_as_much_of_everything() {
    let node = start().await;
    let (sidecar, to) = (sidecar(1), Address::repeat_byte(1));
    let waiting = transaction(1, to, &sidecar);
    let raw = signed(waiting.clone(), &sidecar);
    let _ = node.provider.send_raw_transaction(&raw).await.unwrap();
    let doubled = TxEip4844 {
        max_fee_per_gas: 8 * GWEI,
        max_priority_fee_per_gas: 2 * GWEI,
        max_fee_per_blob_gas: 2 * GWEI,
        ..waiting
    };
    for less in [
        TxEip4844 {
            max_fee_per_gas: 8 * GWEI - 1,
            ..doubled.clone()
        },
        TxEip4844 {
            max_priority_fee_per_gas: 2 * GWEI - 1,
            ..doubled.clone()
        },
        TxEip4844 {
            max_fee_per_blob_gas: 2 * GWEI - 1,
            ..doubled.clone()
        },
    ] {
        let reason = refused(&node, signed(less, &sidecar)).await;
        assert_eq!(reason, "replacement transaction underpriced");
    }
    // Nor does one without blobs take its place.
    let plain = alloy::consensus::TxEip1559 {
        chain_id: 1_337_001,
        nonce: 1,
        gas_limit: 21_000,
        max_fee_per_gas: 100 * GWEI,
        max_priority_fee_per_gas: 100 * GWEI,
        to: to.into(),
        ..Default::default()
    };
    let signature = signer(0).sign_hash_sync(&plain.signature_hash()).unwrap();
    let plain = alloy::consensus::TxEnvelope::from(plain.into_signed(signature));
    let reason = refused(&node, plain.encoded_2718().into()).await;
    assert_eq!(reason, "replacement transaction underpriced");

    let raw = signed(doubled, &sidecar);
    let sent = node.provider.send_raw_transaction(&raw).await.unwrap();
    // Both are mined when the nonce before them comes.
    node.send(TransactionRequest::default().to(to).nonce(0))
        .await;
    assert!(sent.get_receipt().await.unwrap().status());
}

/// Nine blobs are in a block; one that pays less than they cost waits, too, and holds up nobody.
#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_room_waits_for_the_next_block() {
    let node = start().await;
    let (one, to) = (sidecar(1), Address::repeat_byte(1));
    let six = BlobTransactionSidecarEip7594::new(
        vec![one.blobs[0]; 6],
        vec![one.commitments[0]; 6],
        one.cell_proofs.repeat(6),
    );
    // They wait for nonce 0 and are ready together.
    let mut sent = Vec::new();
    for nonce in [1, 2] {
        let raw = signed(transaction(nonce, to, &six), &six);
        sent.push(node.provider.send_raw_transaction(&raw).await.unwrap());
    }
    node.send(TransactionRequest::default().to(to).nonce(0))
        .await;
    let mut blocks = Vec::new();
    for sent in sent {
        blocks.push(sent.get_receipt().await.unwrap().block_number.unwrap());
    }
    assert_eq!(blocks[1], blocks[0] + 1);
    let cheap = TxEip4844 {
        max_fee_per_blob_gas: 0,
        ..transaction(3, to, &one)
    };
    let cheap = signed(cheap, &one);
    let cheap = node.provider.send_raw_transaction(&cheap);
    let cheap = *cheap.await.unwrap().tx_hash();
    let waiting = node.provider.get_transaction_by_hash(cheap).await.unwrap();
    assert_eq!(waiting.unwrap().block_number, None);
}
