//! The devnet's rollers on L1: who they are, and how they come to their stakes.

use std::path::Path;

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Bytes, U256, utils::parse_ether};
use eyre::{WrapErr, bail};
use rollmill_l1::{Call, Deployment, Sender, contracts::ScrToken};
use tokio::process::Command;

use super::{Args, accounts::Role, folders::Folders};

/// Stake of an honest roller, SCR.
const STAKE_SCR: u64 = 1_000;
/// ETH that a roller's owner gets for its transactions.
const OWNER_ETHER: &str = "10";

/// Who is a roller in a devnet.
#[derive(Clone, Copy, Debug)]
pub enum Identity {
    /// The `n`-th that proves, from 0.
    Honest(u32),
    /// The one that submits garbage.
    Saboteur,
}

impl Identity {
    fn number(self) -> u32 {
        match self {
            Self::Honest(n) => n + 1,
            Self::Saboteur => 0,
        }
    }

    /// What people call it.
    pub fn name(self) -> String {
        match self {
            Self::Honest(_) => format!("roller-{}", self.number()),
            Self::Saboteur => "saboteur".into(),
        }
    }

    /// Key of its owner, whose address is the identity on L1.
    pub fn owner(self) -> eyre::Result<PrivateKeySigner> {
        Role::RollerOwner(self.number()).signer()
    }

    /// Its hot key.
    pub fn signer(self) -> eyre::Result<PrivateKeySigner> {
        Role::RollerSigner(self.number()).signer()
    }
}

/// Gives owners what they need and lets `roller stake` do the rest, as a roller's owner would.
pub struct Staking<'a> {
    /// Where keys and data lie.
    pub folders: &'a Folders,
    /// The roller program.
    pub program: &'a Path,
    /// The operator, who gives.
    pub sender: &'a Sender,
    /// L1's JSON-RPC.
    pub l1_url: &'a str,
    /// The contracts.
    pub deployment: &'a Deployment,
}

impl Staking<'_> {
    /// Stakes every roller of a devnet with these flags.
    pub async fn stake_all(&self, args: &Args) -> eyre::Result<()> {
        for n in 0..args.rollers {
            self.stake(Identity::Honest(n), STAKE_SCR).await?;
        }
        if args.sabotage() {
            // As much as the others together, so that few batches are needed until it is drawn.
            self.stake(Identity::Saboteur, STAKE_SCR * u64::from(args.rollers))
                .await?;
        }
        Ok(())
    }

    async fn stake(&self, identity: Identity, amount_scr: u64) -> eyre::Result<()> {
        let name = identity.name();
        let owner = identity.owner()?;
        let gift = Call {
            to: owner.address().into(),
            value: parse_ether(OWNER_ETHER)?,
            input: Bytes::new(),
        };
        self.sender
            .send(&format!("devnet/ether/{name}"), &gift)
            .await?;
        let value = U256::from(amount_scr) * U256::from(10).pow(U256::from(18));
        let scr = ScrToken::transferCall {
            to: owner.address(),
            value,
        };
        self.sender
            .send(
                &format!("devnet/scr/{name}"),
                &Call::new(self.deployment.token, &scr),
            )
            .await?;
        let output = Command::new(self.program)
            .args([
                "stake",
                "--l1-rpc",
                self.l1_url,
                "--amount",
                &amount_scr.to_string(),
                "--capacity",
                "4",
            ])
            .args([
                "--signer",
                &identity.signer()?.address().to_string(),
                "--deployment",
            ])
            .arg(self.folders.in_root("deployment.json"))
            .arg("--owner-key-file")
            .arg(self.folders.key(&format!("{name}-owner"), &owner)?)
            .arg("--data-dir")
            .arg(
                self.folders
                    .in_root("rollers")
                    .join(format!("{name}-owner")),
            )
            .kill_on_drop(true)
            .output()
            .await
            .wrap_err_with(|| format!("cannot start {}", self.program.display()))?;
        if !output.status.success() {
            bail!(
                "{name} could not stake: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(())
    }
}
