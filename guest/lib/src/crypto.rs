//! Signature recovery with the zkVM's secp256k1 instructions, installed behind the hooks of alloy and revm.

mod secp256k1;

use alloc::sync::Arc;

use alloy_consensus::crypto::{
    backend::install_default_provider, backend::CryptoProvider, RecoveryError,
};
use alloy_primitives::{keccak256, Address};
use revm::precompile::{install_crypto, Crypto, PrecompileHalt};

pub use secp256k1::recover_public_key;

/// Installs the accelerated recovery for transaction senders (alloy) and for the `ecrecover` precompile (revm).
///
/// # Panics
/// If another provider is installed already: programs call this once, first.
pub fn install() {
    install_default_provider(Arc::new(Accelerated)).expect("installed once, at start");
    assert!(install_crypto(Accelerated), "installed once, at start");
}

#[derive(Debug)]
struct Accelerated;

impl CryptoProvider for Accelerated {
    fn recover_signer_unchecked(
        &self,
        sig: &[u8; 65],
        msg: &[u8; 32],
    ) -> Result<Address, RecoveryError> {
        let (rs, parity) = split(sig);
        let public_key = recover_public_key(rs, parity, msg).ok_or_else(RecoveryError::new)?;
        Ok(Address::from_raw_public_key(&public_key))
    }

    fn verify_and_compute_signer_unchecked(
        &self,
        pubkey: &[u8; 65],
        sig: &[u8; 64],
        msg: &[u8; 32],
    ) -> Result<Address, RecoveryError> {
        // A signature has at most two recoverable keys; the claimed one must be among them.
        [0, 1]
            .into_iter()
            .filter_map(|parity| recover_public_key(sig, parity, msg))
            .find(|key| pubkey[0] == 4 && key[..] == pubkey[1..])
            .map(|key| Address::from_raw_public_key(&key))
            .ok_or_else(RecoveryError::new)
    }
}

impl Crypto for Accelerated {
    fn secp256k1_ecrecover(
        &self,
        sig: &[u8; 64],
        recid: u8,
        msg: &[u8; 32],
    ) -> Result<[u8; 32], PrecompileHalt> {
        let public_key =
            recover_public_key(sig, recid, msg).ok_or(PrecompileHalt::Secp256k1RecoverFailed)?;
        let mut word = keccak256(public_key).0;
        word[..12].fill(0);
        Ok(word)
    }
}

fn split(sig: &[u8; 65]) -> (&[u8; 64], u8) {
    let (rs, v) = sig.split_first_chunk::<64>().expect("65 bytes hold 64");
    (rs, v[0])
}
