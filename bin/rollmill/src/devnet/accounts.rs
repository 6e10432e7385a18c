//! The accounts of a devnet: the well-known test mnemonic that every Ethereum development tool uses. They hold nothing of
//! worth anywhere, and the whole world knows their keys.

use alloy::signers::local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English};
use eyre::WrapErr;

/// The phrase that anvil, hardhat and the embedded L1 fund at genesis.
pub const MNEMONIC: &str = "test test test test test test test test test test test junk";

/// What an account of the mnemonic is for; the number is its index in the derivation path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Deploys, commits, posts entries and settles. Funded on every development L1.
    Operator,
    /// The user of the scripted rounds. Funded on every development L1.
    User,
    /// A second user, who receives.
    Friend,
    /// Pays for the senders of `rollmill load`. Funded on every development L1.
    Load,
    /// Whoever tries the devnet by hand. Funded on every development L1; the devnet gives it SCR.
    Guest,
    /// Registers and unbonds the `n`-th roller, and is its identity. The devnet funds it.
    RollerOwner(u32),
    /// Signs the `n`-th roller's requests and submissions.
    RollerSigner(u32),
    /// Signs the proofs of the operator's own prover. Holds nothing.
    Fallback,
}

impl Role {
    fn index(self) -> u32 {
        match self {
            Self::Operator => 0,
            Self::User => 1,
            Self::Friend => 2,
            Self::Load => 8,
            Self::Guest => 9,
            Self::RollerOwner(n) => 1_000 + n,
            Self::RollerSigner(n) => 2_000 + n,
            Self::Fallback => 3_000,
        }
    }

    /// The account's key.
    pub fn signer(self) -> eyre::Result<PrivateKeySigner> {
        MnemonicBuilder::<English>::default()
            .phrase(MNEMONIC)
            .index(self.index())
            .and_then(|builder| builder.build())
            .wrap_err_with(|| format!("cannot derive the key of {self:?}"))
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::address;

    use super::*;

    #[test]
    fn the_operator_is_the_first_account_of_the_mnemonic() {
        let signer = Role::Operator.signer().expect("the phrase is valid");
        assert_eq!(
            signer.address(),
            address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
        );
    }
}
