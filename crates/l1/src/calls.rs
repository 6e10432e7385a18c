//! One builder for each call that more than one place sends, and for each that carries public values.
//!
//! `sol!` has no tuples of 26 fields; but a struct of 26 static words is encoded as 26 words, which is what `bytes32[26]` is, too. So
//! the arguments of calls with public values are encoded with that array, under the selector of the real signature.
//!
//! Receipts and entries are structs of several bindings and of crates that know no contract; [`same`] makes one of the other.

pub mod court;
pub mod draws;
pub mod evidence;
pub mod rewards;

use alloy::{
    primitives::{Address, B256, Bytes, Selector},
    providers::{DynProvider, Provider},
    rpc::types::{Log, TransactionRequest},
    sol_types::{SolCall, SolEvent, SolStruct, SolType, SolValue},
    transports::{TransportError, TransportErrorKind},
};
use rollmill_protocol::{
    PublicValues, aggregate::Contribution, blob::BlobError, public_values::PublicValuesError,
};
use serde::Deserialize;

use crate::{
    Call, Deployment,
    artifacts::{court_selector, enforcement_selector, rollup_selector, settlement_selector},
    contracts::{
        Court::Submission,
        Enforcement::BatchEnforced,
        Rollup::{BlobCommitted, Commit, Entry, commitBlobCall, commitCall, storeBeaconCall},
        Settlement::{self, resolveCall, settleManyCall},
    },
    kzg,
};

/// The same struct as another binding has it.
///
/// # Panics
/// They have different names. Structs of one name have one form everywhere.
pub fn same<T: SolStruct, S: SolStruct + SolValue>(of: &S) -> T {
    assert_eq!(T::NAME, S::NAME, "other structs");
    <T as SolType>::abi_decode(&SolValue::abi_encode(of))
        .expect("structs of one name have one form")
}

/// `commit`: the next batch with its data.
pub fn commit(rollup: Address, commit: Commit, data: Bytes) -> Call {
    Call::new(rollup, &commitCall { c: commit, data })
}

/// `commitBlob`: the same with the data in a blob. `values` are what a proof must state. Takes some tenths of a second.
///
/// # Errors
/// [`BlobError::TooLong`].
pub fn commit_blob(
    rollup: Address,
    commit: Commit,
    data: &[u8],
    values: &PublicValues,
) -> Result<Call, BlobError> {
    let blob = kzg::DataBlob::new(data)?;
    let (y, opening) = blob.opening(values.z);
    let call = commitBlobCall {
        c: commit,
        dataCommitment: values.data_commitment,
        y,
        opening,
    };
    Ok(Call::new(rollup, &call).with_blob(blob.sidecar()))
}

/// `storeBeacon`: the RLP of a header that L1 still knows.
pub fn store_beacon(rollup: Address, header: Bytes) -> Call {
    Call::new(rollup, &storeBeaconCall { headerRlp: header })
}

/// `settle`: with the winner's proof.
pub fn settle(rollup: Address, values: &PublicValues, proof: Bytes, entries: Vec<Entry>) -> Call {
    encode(
        rollup,
        "settle",
        (values.words(), proof, entries).abi_encode_params(),
    )
}

/// `settleUnpaid`: with anybody's proof, when the winner's time is over.
pub fn settle_unpaid(rollup: Address, values: &PublicValues, proof: Bytes) -> Call {
    encode(
        rollup,
        "settleUnpaid",
        (values.words(), proof).abi_encode_params(),
    )
}

/// `Settlement.claimLate`: the winner's claim after an unpaid settlement.
pub fn claim_late(
    settlement: Address,
    batch: u64,
    values: &PublicValues,
    proof: Bytes,
    entries: Vec<Entry>,
) -> Call {
    let arguments = (batch, values.words(), proof, entries);
    call(
        settlement,
        settlement_selector("claimLate"),
        &arguments.abi_encode_params(),
    )
}

/// `Settlement.settleMany`: the next batches with an aggregate proof of them, by version 1 of its table.
pub fn settle_many(
    settlement: Address,
    (first, last): (u64, u64),
    contributions: &[Contribution],
    proof: Bytes,
) -> Call {
    let call = settleManyCall {
        version: 1,
        first,
        last,
        contributions: contributions.iter().map(Into::into).collect(),
        proof,
    };
    Call::new(settlement, &call)
}

/// `Settlement.resolve`: brings the rewards of batches that settled together where they belong.
pub fn resolve(
    settlement: Address,
    last: u64,
    contributions: Vec<Settlement::Contribution>,
    claims: Vec<Settlement::Claim>,
) -> Call {
    let call = resolveCall {
        last,
        contributions,
        claims,
    };
    Call::new(settlement, &call)
}

/// `judge`: `values` is the preimage of the submission's hash where the proof is valid, and anything otherwise.
pub fn judge(
    court: Address,
    batch: u64,
    submission: Submission,
    signature: Bytes,
    values: &PublicValues,
    proof: Bytes,
) -> Call {
    let arguments = (batch, submission, signature, values.words(), proof);
    call(
        court,
        court_selector("judge"),
        &arguments.abi_encode_params(),
    )
}

/// `enforceBatch`: commits and settles a batch in enforced mode.
pub fn enforce_batch(
    enforcement: Address,
    commit: Commit,
    data: Bytes,
    values: &PublicValues,
    proof: Bytes,
) -> Call {
    let arguments = (commit, data, values.words(), proof);
    call(
        enforcement,
        enforcement_selector("enforceBatch"),
        &arguments.abi_encode_params(),
    )
}

/// Where the data of a committed batch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// Here.
    Data(Bytes),
    /// In a blob.
    Blob {
        /// Its versioned hash.
        versioned_hash: B256,
        /// Number of the L1 block with the transaction that carried it.
        l1_block: u64,
    },
}

/// What of a transaction is read. Development chains add its blobs, too large for the stack on which alloy's types put them.
#[derive(Debug, Deserialize)]
struct Sent {
    to: Option<Address>,
    input: Bytes,
}

/// The data of a batch that a transaction committed: from its calldata, or from the event of Enforcement, or in the blob that the
/// event of Rollup names. `None` when it is nowhere.
///
/// # Errors
/// L1 does not answer, or does not know the transaction.
pub async fn committed_data(
    l1: &DynProvider,
    deployment: &Deployment,
    (batch, transaction): (u64, B256),
) -> Result<Option<Posted>, TransportError> {
    let found = sent(l1, transaction).await?;
    // What else stands in a transaction that reaches Rollup through another contract says nothing.
    if found.to == Some(deployment.rollup)
        && let Ok(call) = commitCall::abi_decode(&found.input)
    {
        return Ok(Some(Posted::Data(call.data)));
    }
    let receipt = l1.get_transaction_receipt(transaction).await?;
    let receipt = receipt.ok_or_else(|| unknown(transaction))?;
    let Some(l1_block) = receipt.block_number else {
        return Err(unknown(transaction));
    };
    let posted = |log: &Log| {
        if log.address() == deployment.enforcement {
            let event = BatchEnforced::decode_log(&log.inner).ok()?;
            (event.batch == batch).then(|| Posted::Data(event.data.data))
        } else if log.address() == deployment.rollup {
            let event = BlobCommitted::decode_log(&log.inner).ok()?;
            (event.batch == batch).then_some(Posted::Blob {
                versioned_hash: event.versionedHash,
                l1_block,
            })
        } else {
            None
        }
    };
    Ok(receipt.logs().iter().find_map(posted))
}

/// The contributions of batches that settled together in a transaction: from its calldata. `None` when it did not call Settlement itself.
///
/// # Errors
/// L1 does not answer, or does not know the transaction.
pub async fn contributions(
    l1: &DynProvider,
    transaction: B256,
) -> Result<Option<Vec<Settlement::Contribution>>, TransportError> {
    let call = settleManyCall::abi_decode(&sent(l1, transaction).await?.input);
    Ok(call.ok().map(|call| call.contributions))
}

async fn sent(l1: &DynProvider, transaction: B256) -> Result<Sent, TransportError> {
    let found = l1.raw_request("eth_getTransactionByHash".into(), [transaction]);
    let found: Option<Sent> = found.await?;
    found.ok_or_else(|| unknown(transaction))
}

fn unknown(transaction: B256) -> TransportError {
    TransportErrorKind::custom_str(&format!("L1 does not know its transaction {transaction}"))
}

/// `expectedPublicValues`: what a proof of a committed batch must state, for this roller and this prover gas.
///
/// # Errors
/// [`ExpectedError`]: L1 does not answer, does not know the batch, or is another version of the contract.
pub async fn expected_public_values(
    l1: &DynProvider,
    rollup: Address,
    (batch, roller, prover_gas): (u64, Address, u64),
) -> Result<PublicValues, ExpectedError> {
    let arguments = (batch, roller, prover_gas).abi_encode_params();
    let call = encode(rollup, "expectedPublicValues", arguments);
    let request = TransactionRequest {
        to: Some(call.to),
        input: call.input.into(),
        ..TransactionRequest::default()
    };
    let words = l1.call(request).await?;
    Ok(PublicValues::decode(&words)?)
}

/// L1's expectation of a batch cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ExpectedError {
    /// L1 does not answer, or reverts: there is no such batch.
    #[error("L1 does not say what it expects of the batch")]
    Rpc(#[from] TransportError),
    /// The answer is another version's.
    #[error("L1 expects public values of another form")]
    Form(#[from] PublicValuesError),
}

fn encode(rollup: Address, function: &str, arguments: Vec<u8>) -> Call {
    call(rollup, rollup_selector(function), &arguments)
}

fn call(to: Address, selector: Selector, arguments: &[u8]) -> Call {
    Call::raw(to, [selector.as_slice(), arguments].concat().into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy::{
        dyn_abi::{DynSolValue, JsonAbiExt},
        primitives::{Address, B256, Bytes, U256},
    };
    use rollmill_protocol::PublicValues;

    use super::{enforce_batch, judge, settle};
    use crate::{
        artifacts::abis,
        contracts::{
            Court::Submission,
            Rollup::{Commit, Entry},
        },
    };

    pub(super) fn decoded(contract: usize, name: &str, input: &[u8]) -> Vec<DynSolValue> {
        let function = &abis()[contract].functions[name][0];
        assert_eq!(input[..4], function.selector());
        function.abi_decode_input(&input[4..]).unwrap()
    }

    /// The real ABI decodes what is encoded by hand.
    #[test]
    fn calls_decode_under_the_real_abi() {
        let values = PublicValues {
            program_version: 7,
            roller: Address::repeat_byte(9),
            ..Default::default()
        };
        let entry = Entry {
            roller: Address::repeat_byte(1),
            tickets: 2,
            proofDigest: B256::repeat_byte(3),
        };
        let proof = Bytes::from_static(&[1, 2, 3]);
        let call = settle(Address::ZERO, &values, proof.clone(), vec![entry]);
        let arguments = decoded(0, "settle", &call.input);
        let fields = arguments[0].as_tuple().unwrap();
        assert_eq!(fields.len(), 26);
        assert_eq!(fields[1].as_uint().unwrap().0, U256::from(7));
        assert_eq!(fields[6].as_address().unwrap(), Address::repeat_byte(9));
        assert_eq!(arguments[1].as_bytes().unwrap(), [1, 2, 3]);
        let entries = arguments[2].as_array().unwrap();
        assert_eq!(
            entries[0].as_tuple().unwrap()[1].as_uint().unwrap().0,
            U256::from(2)
        );

        let submission = Submission {
            task: B256::repeat_byte(1),
            round: 5,
            roller: Address::repeat_byte(2),
            publicValuesHash: values.hash(),
            proofDigest: B256::repeat_byte(4),
        };
        let call = judge(
            Address::ZERO,
            11,
            submission,
            Bytes::from_static(&[8; 65]),
            &values,
            proof,
        );
        let arguments = decoded(3, "judge", &call.input);
        assert_eq!(arguments[0].as_uint().unwrap().0, U256::from(11));
        assert_eq!(
            arguments[1].as_tuple().unwrap()[1].as_uint().unwrap().0,
            U256::from(5)
        );
        assert_eq!(arguments[2].as_bytes().unwrap(), [8; 65]);
        assert_eq!(arguments[4].as_bytes().unwrap(), [1, 2, 3]);

        let commit = Commit {
            batch: 12,
            ..Default::default()
        };
        let (data, proof) = (Bytes::from_static(&[4]), Bytes::from_static(&[5]));
        let call = enforce_batch(Address::ZERO, commit, data, &values, proof);
        let arguments = decoded(5, "enforceBatch", &call.input);
        let fields = arguments[0].as_tuple().unwrap();
        assert_eq!(fields[0].as_uint().unwrap().0, U256::from(12));
        assert_eq!(arguments[1].as_bytes().unwrap(), [4]);
        let fields = arguments[2].as_tuple().unwrap();
        assert_eq!(fields[1].as_uint().unwrap().0, U256::from(7));
        assert_eq!(arguments[3].as_bytes().unwrap(), [5]);
    }
}
