//! The golden vectors of the receipts: fixed fields, their hashes, and signatures by a key that everybody knows; and the
//! digests of random ones.

#[path = "../../../protocol/tests/board/vectors/cases.rs"]
mod cases;
mod differential;

use alloy_primitives as primitives;

use alloy::{
    signers::local::PrivateKeySigner,
    sol_types::{Eip712Domain, SolStruct},
};
use alloy_primitives::{Address, B256};
use rollmill_roller_api::{
    domain,
    receipts::{
        AssignmentReceipt, CloseReceipt, HeartbeatReceipt, PassOverReason, PassOverReceipt,
        SeatOutcome, Signed, SubmissionReceipt, VerdictReceipt,
    },
};
use serde::Serialize;
use serde_json::{Value, json};

const L1_CHAIN_ID: u64 = 1_337_001;
const ROLLUP: Address = Address::repeat_byte(0x77);
/// The operator's key in the vectors, and nowhere else.
const OPERATOR_KEY: B256 = B256::repeat_byte(0x0b);
const TASK: B256 = B256::repeat_byte(0x11);
const ROLLER: Address = Address::repeat_byte(0x22);
const DIGEST: B256 = B256::repeat_byte(0x33);

/// Name and content of every file.
pub async fn all() -> [(&'static str, Value); 2] {
    [
        ("receipts", receipts().await),
        ("differential", differential::all()),
    ]
}

/// One object per type of receipt.
async fn receipts() -> Value {
    let operator = PrivateKeySigner::from_bytes(&OPERATOR_KEY).expect("a key below the order");
    let domain = domain(L1_CHAIN_ID, ROLLUP);
    let signing = (&operator, &domain);
    json!({
        "chainId": L1_CHAIN_ID,
        "rollup": format!("{ROLLUP:#x}"),
        "operator": format!("{:#x}", operator.address()),
        "operatorKey": OPERATOR_KEY,
        "domainSeparator": domain.separator(),
        "assignment": vector(signing, AssignmentReceipt {
            task: TASK,
            round: 1,
            roller: ROLLER,
            tickets: 2,
            assignedAt: 1_700_000_000,
            deadline: 1_700_000_060,
            seed: B256::repeat_byte(0x44),
        }).await,
        "passOver": vector(signing, PassOverReceipt {
            task: TASK,
            round: 1,
            roller: ROLLER,
            point: 3,
            reason: PassOverReason::AtCapacity.into(),
            at: 1_700_000_000,
        }).await,
        "heartbeat": vector(signing, HeartbeatReceipt {
            roller: ROLLER,
            at: 1_700_000_001,
            ready: true,
        }).await,
        "submission": vector(signing, SubmissionReceipt {
            task: TASK,
            round: 1,
            roller: ROLLER,
            publicValuesHash: B256::repeat_byte(0x55),
            proofDigest: DIGEST,
            receivedAt: 1_700_000_050,
        }).await,
        "verdict": vector(signing, VerdictReceipt {
            task: TASK,
            round: 1,
            roller: ROLLER,
            proofDigest: DIGEST,
            valid: true,
            onTime: true,
        }).await,
        "close": vector(signing, CloseReceipt {
            task: TASK,
            round: 1,
            roller: ROLLER,
            outcome: SeatOutcome::OnTime.into(),
            entriesHash: B256::repeat_byte(0x66),
            closedAt: 1_700_000_061,
        }).await,
    })
}

async fn vector<T: SolStruct + Serialize>(
    (operator, domain): (&PrivateKeySigner, &Eip712Domain),
    receipt: T,
) -> Value {
    let (struct_hash, digest) = (
        receipt.eip712_hash_struct(),
        receipt.eip712_signing_hash(domain),
    );
    let type_hash = receipt.eip712_type_hash();
    let signed = Signed::sign(operator, domain, receipt)
        .await
        .expect("a local key signs any 32 bytes");
    json!({
        "type": T::eip712_encode_type(),
        "typeHash": type_hash,
        "receipt": signed.receipt,
        "structHash": struct_hash,
        "digest": digest,
        "signature": signed.signature,
    })
}
