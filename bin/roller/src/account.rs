//! An account on L1 that a verb sends from: what is sent is recorded in a folder before it is sent, so that a verb can be repeated
//! after any interruption.

use std::path::{Path, PathBuf};

use alloy_primitives::{Address, U256};
use clap::Args;
use eyre::ensure;
use rollmill_l1::{
    Call, Deployment, Mined, Sender, SenderConfig, contracts::ScrToken, scr, unlock_key,
};
use rollmill_store::Store;

use crate::config::ChainArgs;

/// Which account sends, and where.
#[derive(Debug, Args)]
pub struct AccountArgs {
    #[command(flatten)]
    pub chain: ChainArgs,
    /// File with the owner's private key: a keystore, or in hex. Without it the key is taken from ROLLMILL_OWNER_KEY.
    #[arg(long, env = "ROLLMILL_OWNER_KEY_FILE", value_name = "FILE")]
    owner_key_file: Option<PathBuf>,
    /// File with the password of the keystore; ROLLMILL_KEY_PASSWORD holds the password itself [default: asked for at the terminal].
    #[arg(long, env = "ROLLMILL_KEY_PASSWORD_FILE", value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Folder that records what is sent to L1.
    #[arg(
        long = "owner-data-dir",
        visible_alias = "data-dir",
        env = "ROLLMILL_OWNER_DATA_DIR",
        value_name = "FOLDER"
    )]
    data_dir: PathBuf,
}

/// An account with nothing on its way.
#[derive(Debug)]
pub struct Account {
    pub deployment: Deployment,
    pub sender: Sender,
}

impl AccountArgs {
    /// Where it is recorded what is sent.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Opens the account, and waits for what an interrupted run has left on its way: what L1 says is final only behind it.
    pub async fn open(&self) -> eyre::Result<Account> {
        let (file, password) = (&self.owner_key_file, &self.password_file);
        let owner = unlock_key(file.as_deref(), "ROLLMILL_OWNER_KEY", password.as_deref())?;
        let deployment = Deployment::open(&self.chain.deployment)?;
        let provider = self.chain.l1(&deployment).await?;
        let store = Store::open(&self.data_dir).await?;
        let config = SenderConfig::default();
        let sender = Sender::new(provider, deployment.chain_id, owner, store, config);
        sender.finish().await?;
        Ok(Account { deployment, sender })
    }
}

impl Account {
    /// What the account has, SCR-wei.
    pub async fn scr_wei(&self) -> eyre::Result<U256> {
        let scr = ScrToken::new(self.deployment.token, self.sender.provider().clone());
        Ok(scr.balanceOf(self.sender.address()).call().await?)
    }

    /// Lets a contract take this much SCR from the account, SCR-wei. Fails if it does not have it.
    pub async fn allow(&self, spender: Address, amount_wei: U256) -> eyre::Result<()> {
        let (owner, token) = (self.sender.address(), self.deployment.token);
        let contract = ScrToken::new(token, self.sender.provider().clone());
        let balance = self.scr_wei().await?;
        ensure!(
            balance >= amount_wei,
            "the owner {owner} has {}, {} are needed",
            scr(balance),
            scr(amount_wei)
        );
        if contract.allowance(owner, spender).call().await? < amount_wei {
            let approve = ScrToken::approveCall {
                spender,
                value: amount_wei,
            };
            self.send("approve", &Call::new(token, &approve)).await?;
        }
        Ok(())
    }

    /// Sends one step. Nothing of ours is on its way, so the nonce tells this step from earlier ones of the same kind.
    pub async fn send(&self, step: &str, call: &Call) -> eyre::Result<Mined> {
        let nonce = self.sender.next_nonce(step).await?;
        let mined = self.sender.send(&format!("{step}/{nonce}"), call).await?;
        tracing::info!(step, l1_block = mined.block, "done");
        Ok(mined)
    }
}
