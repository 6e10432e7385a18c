//! A user of a devnet: an account with ether on both layers.

use alloy::{
    network::{EthereumWallet, TransactionBuilder},
    primitives::{Address, Bytes, U256, utils::parse_ether},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::TransactionRequest,
    signers::local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English},
    sol,
};
use eyre::eyre;

use crate::{Devnet, until};

sol! {
    #[sol(rpc)]
    interface IRollup {
        function sendMessage(address to, uint64 gasLimit, bytes calldata data) external payable;
        function settledBatch() external view returns (uint64);
        function stateRoot() external view returns (bytes32);
    }
}

/// An account of the well-known mnemonic that no part of the devnet uses for itself.
fn signer() -> eyre::Result<PrivateKeySigner> {
    let phrase = "test test test test test test test test test test test junk";
    let builder = MnemonicBuilder::<English>::default().phrase(phrase);
    Ok(builder.index(9)?.build()?)
}

/// The user's wallet on a chain.
pub fn wallet(url: &str) -> eyre::Result<DynProvider> {
    let wallet = EthereumWallet::from(signer()?);
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
    let user = signer()?.address();
    let deposit = rollup(devnet)?;
    let deposit = deposit.sendMessage(user, 100_000, Bytes::new());
    let sent = deposit.value(parse_ether("1")?).send().await?;
    sent.get_receipt().await?;
    let l2 = wallet(&devnet.l2)?;
    until("the deposit to arrive", async || {
        Ok((!l2.get_balance(user).await?.is_zero()).then_some(()))
    })
    .await?;
    Ok(l2)
}

/// The Rollup contract, with the user's wallet.
pub fn rollup(devnet: &Devnet) -> eyre::Result<IRollup::IRollupInstance<DynProvider>> {
    let address = devnet.rollup.parse().map_err(|_| eyre!("no address"))?;
    Ok(IRollup::new(address, wallet(&devnet.l1)?))
}
