//! EIP-712 signatures of requests and submissions.
//!
//! Domain: `{name: "rollmill", version: "1", chainId: L1, verifyingContract: Rollup}`. The Rollup contract recovers the
//! signer of a [`Submission`] with the same domain.

use alloy::{
    signers::{SignerSync, local::PrivateKeySigner},
    sol,
    sol_types::{Eip712Domain, SolStruct, eip712_domain},
};
use alloy_primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use rollmill_protocol::{ProofDigest, Roller, Round, TaskId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

sol! {
    /// A request to the coordinator's API.
    #[derive(Debug, PartialEq, Eq)]
    struct Request {
        string method;
        string path;
        bytes32 bodyHash;
        uint256 nonce;
        uint64 expiry;
    }

    /// What a roller says about its proof; L1 recovers the signer.
    #[derive(Debug, PartialEq, Eq)]
    struct Submission {
        bytes32 task;
        uint32 round;
        address roller;
        bytes32 publicValuesHash;
        bytes32 proofDigest;
    }
}

/// The EIP-712 domain of a deployment.
pub fn domain(l1_chain_id: u64, rollup: Address) -> Eip712Domain {
    eip712_domain! {
        name: "rollmill",
        version: "1",
        chain_id: l1_chain_id,
        verifying_contract: rollup,
    }
}

/// A signature that nobody can be named by.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// Not 65 bytes with v = 27 or 28.
    #[error("the signature is not 65 bytes r, s, v with v = 27 or 28")]
    Form,
    /// `s` is in the upper half of the curve order: L1 refuses such signatures, so they would be unaccountable.
    #[error("the signature is not in canonical (low s) form")]
    HighS,
    /// There is no key for it.
    #[error("no key can have made the signature")]
    NoKey,
}

/// The signer of an EIP-712 struct, only from signatures that L1 accepts as well.
pub fn recover<T: SolStruct>(
    message: &T,
    domain: &Eip712Domain,
    signature: &[u8],
) -> Result<Address, RecoverError> {
    if signature.len() != 65 || !matches!(signature[64], 27 | 28) {
        return Err(RecoverError::Form);
    }
    let signature = Signature::from_raw(signature).map_err(|_| RecoverError::Form)?;
    if signature.normalize_s().is_some() {
        return Err(RecoverError::HighS);
    }
    signature
        .recover_address_from_prehash(&message.eip712_signing_hash(domain))
        .map_err(|_| RecoverError::NoKey)
}

/// What the headers of a signed request say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// keccak256 of the body.
    pub body_hash: B256,
    /// Random.
    pub nonce: B256,
    /// Unix seconds after which the request is refused.
    pub expiry_unix_s: u64,
    /// 65 bytes.
    pub signature: Bytes,
}

impl Authorization {
    /// Signs a request with a fresh random nonce.
    pub fn sign(
        signer: &PrivateKeySigner,
        domain: &Eip712Domain,
        method: &str,
        path: &str,
        body: &[u8],
        expiry_unix_s: u64,
    ) -> Self {
        let mut unsigned = Self {
            body_hash: keccak256(body),
            nonce: B256::random(),
            expiry_unix_s,
            signature: Bytes::new(),
        };
        unsigned.signature = sign(signer, &unsigned.request(method, path), domain);
        unsigned
    }

    /// The address that signed, for this method and path.
    pub fn signer(
        &self,
        domain: &Eip712Domain,
        method: &str,
        path: &str,
    ) -> Result<Address, RecoverError> {
        recover(&self.request(method, path), domain, &self.signature)
    }

    fn request(&self, method: &str, path: &str) -> Request {
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            bodyHash: self.body_hash,
            nonce: U256::from_be_bytes(self.nonce.0),
            expiry: self.expiry_unix_s,
        }
    }
}

/// A submission with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedSubmission {
    /// Task.
    #[schema(value_type = String)]
    pub task: TaskId,
    /// Round of the seat.
    #[schema(value_type = u32)]
    pub round: Round,
    /// The roller's identity (not its signer key).
    #[schema(value_type = String)]
    pub roller: Roller,
    /// Hash of the public values that the proof reveals.
    #[schema(value_type = String)]
    pub public_values_hash: B256,
    /// keccak256 of the proof bytes.
    #[schema(value_type = String)]
    pub proof_digest: ProofDigest,
    /// 65 bytes by the roller's signer.
    #[schema(value_type = String)]
    pub signature: Bytes,
}

impl SignedSubmission {
    /// Signs a submission.
    pub fn sign(
        signer: &PrivateKeySigner,
        domain: &Eip712Domain,
        (task, round, roller): (TaskId, Round, Roller),
        public_values_hash: B256,
        proof_digest: ProofDigest,
    ) -> Self {
        let mut unsigned = Self {
            task,
            round,
            roller,
            public_values_hash,
            proof_digest,
            signature: Bytes::new(),
        };
        unsigned.signature = sign(signer, &unsigned.message(), domain);
        unsigned
    }

    /// The struct that is signed.
    pub fn message(&self) -> Submission {
        Submission {
            task: self.task.0,
            round: self.round,
            roller: self.roller,
            publicValuesHash: self.public_values_hash,
            proofDigest: self.proof_digest.0,
        }
    }
}

/// The address that signed a submission.
pub fn submission_signer(
    submission: &SignedSubmission,
    domain: &Eip712Domain,
) -> Result<Address, RecoverError> {
    recover(&submission.message(), domain, &submission.signature)
}

fn sign<T: SolStruct>(signer: &PrivateKeySigner, message: &T, domain: &Eip712Domain) -> Bytes {
    let signature = signer
        .sign_hash_sync(&message.eip712_signing_hash(domain))
        .expect("a local key signs any 32 bytes");
    Bytes::copy_from_slice(&signature.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fixture() -> (PrivateKeySigner, Eip712Domain) {
        let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap();
        (signer, domain(1_337_001, Address::repeat_byte(9)))
    }

    #[test]
    fn the_signer_of_a_request_is_bound_to_every_field() {
        let (signer, domain) = fixture();
        let auth = Authorization::sign(&signer, &domain, "POST", "/v1/pick", b"{}", 100);
        let is_signer = |auth: &Authorization, method: &str, path: &str| {
            auth.signer(&domain, method, path)
                .is_ok_and(|found| found == signer.address())
        };
        assert!(is_signer(&auth, "POST", "/v1/pick"));
        assert!(!is_signer(&auth, "GET", "/v1/pick"));
        assert!(!is_signer(&auth, "POST", "/v1/heartbeat"));
        let other = [
            Authorization {
                body_hash: B256::ZERO,
                ..auth.clone()
            },
            Authorization {
                nonce: B256::ZERO,
                ..auth.clone()
            },
            Authorization {
                expiry_unix_s: 101,
                ..auth.clone()
            },
        ];
        for auth in &other {
            assert!(!is_signer(auth, "POST", "/v1/pick"));
        }
        let elsewhere = super::domain(1, Address::repeat_byte(9));
        let found = auth.signer(&elsewhere, "POST", "/v1/pick");
        assert!(found.map_or(true, |found| found != signer.address()));
    }

    #[test]
    fn only_signatures_that_l1_accepts_are_accepted() {
        let (signer, domain) = fixture();
        let ids = (TaskId(B256::repeat_byte(1)), 0, Address::repeat_byte(2));
        let digest = ProofDigest::of(b"proof");
        let good = SignedSubmission::sign(&signer, &domain, ids, B256::repeat_byte(3), digest);
        assert_eq!(submission_signer(&good, &domain).unwrap(), signer.address());

        let with = |bytes: Vec<u8>| SignedSubmission {
            signature: bytes.into(),
            ..good.clone()
        };
        let short = with(good.signature[..64].to_vec());
        assert!(matches!(
            submission_signer(&short, &domain),
            Err(RecoverError::Form)
        ));
        let mut other_v = good.signature.to_vec();
        other_v[64] -= 27;
        assert!(matches!(
            submission_signer(&with(other_v), &domain),
            Err(RecoverError::Form)
        ));

        // The other signature of the same message: order - s, with the other parity.
        let order = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        let order: U256 = order.parse().unwrap();
        let s = U256::from_be_slice(&good.signature[32..64]);
        let mut high = good.signature.to_vec();
        high[32..64].copy_from_slice(&(order - s).to_be_bytes::<32>());
        high[64] = 55 - high[64];
        assert!(matches!(
            submission_signer(&with(high), &domain),
            Err(RecoverError::HighS)
        ));
    }

    #[test]
    fn types_are_what_l1_hashes() {
        let request =
            "Request(string method,string path,bytes32 bodyHash,uint256 nonce,uint64 expiry)";
        assert_eq!(Request::eip712_encode_type(), request);
        let submission = "Submission(bytes32 task,uint32 round,address roller,bytes32 publicValuesHash,bytes32 proofDigest)";
        assert_eq!(Submission::eip712_encode_type(), submission);
    }
}
