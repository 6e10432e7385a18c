//! A user of a devnet: an account with ether on both layers.

use alloy::{
    eips::BlockNumberOrTag,
    network::{EthereumWallet, TransactionBuilder},
    primitives::{Address, Bytes, U256, utils::parse_ether},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::TransactionRequest,
    signers::local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English},
    sol,
};
use eyre::{ensure, eyre};

use crate::{Devnet, Replica, until};

sol! {
    #[sol(rpc)]
    interface IRollup {
        function sendMessage(address to, uint64 gasLimit, bytes calldata data) external payable;
        function settledBatch() external view returns (uint64);
        function committedBatch() external view returns (uint64);
        function enforcedSince() external view returns (uint64);
        function stateRoot() external view returns (bytes32);
    }

    #[sol(rpc)]
    interface IToken {
        function transfer(address to, uint256 value) external returns (bool);
        function approve(address spender, uint256 value) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
    }
}

/// The account of the well-known mnemonic that no part of the devnet uses for itself.
pub const USER: u32 = 9;

/// An account of the well-known mnemonic. The first ten have ether on every development L1.
pub fn account(index: u32) -> eyre::Result<PrivateKeySigner> {
    let phrase = "test test test test test test test test test test test junk";
    let builder = MnemonicBuilder::<English>::default().phrase(phrase);
    Ok(builder.index(index)?.build()?)
}

/// The user's wallet on a chain.
pub fn wallet(url: &str) -> eyre::Result<DynProvider> {
    wallet_of(url, USER)
}

/// The wallet of an account of the mnemonic.
pub fn wallet_of(url: &str, index: u32) -> eyre::Result<DynProvider> {
    let wallet = EthereumWallet::from(account(index)?);
    let provider = ProviderBuilder::new().wallet(wallet);
    Ok(provider.connect_http(url.parse()?).erased())
}

/// Wei to somebody.
pub fn transfer(to: Address, wei: u64) -> TransactionRequest {
    TransactionRequest::default()
        .with_to(to)
        .with_value(U256::from(wei))
}

/// The user's wallet on L2, after a deposit has filled it.
pub async fn funded(devnet: &Devnet) -> eyre::Result<DynProvider> {
    funded_by(devnet, USER).await
}

/// The wallet of an account of the mnemonic on L2, after a deposit of its own has filled it.
pub async fn funded_by(devnet: &Devnet, index: u32) -> eyre::Result<DynProvider> {
    let address = devnet.rollup.parse().map_err(|_| eyre!("no address"))?;
    let rollup = IRollup::new(address, wallet_of(&devnet.l1, index)?);
    deposited(rollup, &devnet.l2, index).await
}

/// The same for any rollup.
pub async fn deposited(
    rollup: IRollup::IRollupInstance<DynProvider>,
    l2: &str,
    index: u32,
) -> eyre::Result<DynProvider> {
    let user = account(index)?.address();
    let deposit = rollup.sendMessage(user, 100_000, Bytes::new());
    let sent = deposit.value(parse_ether("1")?).send().await?;
    sent.get_receipt().await?;
    let l2 = wallet_of(l2, index)?;
    until("the deposit to arrive", async || {
        Ok((!l2.get_balance(user).await?.is_zero()).then_some(()))
    })
    .await?;
    Ok(l2)
}

/// The Rollup contract, with the user's wallet.
pub fn rollup(devnet: &Devnet) -> eyre::Result<IRollup::IRollupInstance<DynProvider>> {
    rollup_at(&devnet.rollup, &devnet.l1)
}

/// The same by its address.
pub fn rollup_at(rollup: &str, l1: &str) -> eyre::Result<IRollup::IRollupInstance<DynProvider>> {
    let address = rollup.parse().map_err(|_| eyre!("no address"))?;
    Ok(IRollup::new(address, wallet(l1)?))
}

/// Waits until the replica has the newest block that L1 has, compares the two, and returns the replica's provider.
pub async fn meet(l2: &DynProvider, replica: &Replica) -> eyre::Result<DynProvider> {
    let node = wallet(&replica.l2)?;
    let safe = l2.get_block_by_number(BlockNumberOrTag::Safe).await?;
    let safe = safe.ok_or_else(|| eyre!("no block is on L1"))?.header;
    until("the replica to have the block", async || {
        Ok((node.get_block_number().await? >= safe.number).then_some(()))
    })
    .await?;
    let found = node.get_block_by_number(safe.number.into()).await?;
    let found = found.map(|block| block.header);
    ensure!(
        found.as_ref() == Some(&safe),
        "the replica has {found:?}, not {safe:?}"
    );
    Ok(node)
}
