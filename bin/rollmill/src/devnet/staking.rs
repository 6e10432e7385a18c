//! The devnet's rollers on L1: who they are, and how they come to their stakes.

use std::{collections::BTreeMap, path::Path, process::Stdio};

use alloy::{providers::Provider, signers::local::PrivateKeySigner};
use alloy_primitives::{Address, Bytes, U256, utils::parse_ether};
use eyre::{WrapErr, bail, ensure};
use rollmill_l1::{Call, Deployment, Sender, contracts::ScrToken};
use tokio::process::Command;

use super::{Args, accounts::Role, folders::Folders, saboteur::judgements};

/// Stake of an honest roller, SCR.
const STAKE_SCR: u64 = 1_000;
/// ETH that a roller's owner gets for its transactions.
const OWNER_ETHER: &str = "10";
/// What whoever tries the devnet by hand has: many stakes. The operator's account is no place to take it from while its node sends.
const GUEST_SCR: u64 = 100 * STAKE_SCR;

/// What people call the operator's own prover.
pub const FALLBACK: &str = "fallback";

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

/// What people call the rollers of a devnet with this many honest ones.
pub fn names(honest: u32) -> BTreeMap<Address, String> {
    let known = (0..honest)
        .map(Identity::Honest)
        .chain([Identity::Saboteur]);
    let fallback = Role::Fallback.signer().ok();
    let fallback = fallback.map(|signer| (signer.address(), FALLBACK.to_owned()));
    known
        .filter_map(|identity| Some((identity.owner().ok()?.address(), identity.name())))
        .chain(fallback)
        .collect()
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
    /// Stakes every roller of a devnet with these flags, all at the same time.
    pub async fn stake_all(&self, args: &Args) -> eyre::Result<()> {
        if args.sabotage() {
            self.check_saboteur().await?;
        }
        let honest = (0..args.rollers).map(|n| (Identity::Honest(n), STAKE_SCR));
        // As much as the others together, so that few batches are needed until it is drawn.
        let all = STAKE_SCR * u64::from(args.rollers);
        let saboteur = args.sabotage().then_some((Identity::Saboteur, all));
        let stakes: Vec<(Identity, u64)> = honest.chain(saboteur).collect();
        self.give(&stakes).await?;
        let mut staking = Vec::new();
        for (identity, amount_scr) in stakes {
            let process = self
                .command(identity, amount_scr)?
                .spawn()
                .wrap_err_with(|| format!("cannot start {}", self.program.display()))?;
            staking.push((identity, process));
        }
        for (identity, process) in staking {
            let output = process.wait_with_output().await?;
            if !output.status.success() {
                bail!(
                    "{} could not stake: {}",
                    identity.name(),
                    String::from_utf8_lossy(&output.stderr).trim()
                );
            }
        }
        Ok(())
    }

    /// A network has one saboteur, which is fined once and hardly drawn again.
    async fn check_saboteur(&self) -> eyre::Result<()> {
        let saboteur = Identity::Saboteur.owner()?.address();
        let filter = judgements(self.deployment, saboteur);
        ensure!(
            self.sender.provider().get_logs(&filter).await?.is_empty(),
            "round 2 was run in this data directory before, and its saboteur is fined: add --rounds 1, or choose another --data-dir"
        );
        Ok(())
    }

    fn scr(&self, to: Address, amount_scr: u64) -> Call {
        let value = U256::from(amount_scr) * U256::from(10).pow(U256::from(18));
        let transfer = ScrToken::transferCall { to, value };
        Call::new(self.deployment.token, &transfer)
    }

    /// Gives each owner what it stakes, and ether for its transactions; and the guest SCR. All are sent before any is waited for.
    async fn give(&self, stakes: &[(Identity, u64)]) -> eyre::Result<()> {
        let guest = self.scr(Role::Guest.signer()?.address(), GUEST_SCR);
        let mut gifts = vec![("devnet/scr/guest".to_owned(), guest)];
        for (identity, amount_scr) in stakes {
            let name = identity.name();
            let owner = identity.owner()?.address();
            let ether = Call::raw(owner, Bytes::new()).with_value(parse_ether(OWNER_ETHER)?);
            let scr = self.scr(owner, *amount_scr);
            gifts.push((format!("devnet/ether/{name}"), ether));
            gifts.push((format!("devnet/scr/{name}"), scr));
        }
        for (purpose, gift) in &gifts {
            self.sender.submit(purpose, gift).await?;
        }
        for (purpose, gift) in &gifts {
            self.sender.send(purpose, gift).await?;
        }
        Ok(())
    }

    /// `roller stake`, as a person would run it.
    fn command(&self, identity: Identity, amount_scr: u64) -> eyre::Result<Command> {
        let (name, owner) = (identity.name(), identity.owner()?);
        let mut command = Command::new(self.program);
        command
            .args(["stake", "--capacity", "4", "--l1-rpc", self.l1_url])
            .args(["--amount", &amount_scr.to_string()])
            .args(["--signer", &identity.signer()?.address().to_string()])
            .arg("--deployment")
            .arg(self.folders.in_root("deployment.json"))
            .arg("--owner-key-file")
            .arg(self.folders.key(&format!("{name}-owner"), &owner)?)
            .arg("--data-dir")
            .arg(
                self.folders
                    .in_root("rollers")
                    .join(format!("{name}-owner")),
            )
            // Nobody coordinates yet: who has this in the environment means it for a roller of one's own.
            .env_remove("ROLLMILL_COORDINATOR")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Ok(command)
    }
}
