//! `roller status`: what the coordinator has on record.

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::Address;
use clap::Args;
use eyre::WrapErr;
use rollmill_roller_api::Client;
use rollmill_runtime::outln;

/// Arguments of `roller status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The coordinator.
    #[arg(
        long,
        env = "ROLLMILL_COORDINATOR",
        default_value = "http://127.0.0.1:9650"
    )]
    coordinator: String,
    /// The roller: the address that registered.
    #[arg(long, env = "ROLLMILL_ROLLER")]
    roller: Address,
}

/// Prints the record as JSON.
pub async fn run(args: StatusArgs) -> eyre::Result<()> {
    // Records are public: any key will do, and it signs nothing.
    let client = Client::new(
        &args.coordinator,
        PrivateKeySigner::random(),
        0,
        Address::ZERO,
    )?;
    let record = client
        .roller(args.roller)
        .await
        .wrap_err_with(|| format!("no record from {}", args.coordinator))?;
    outln!("{}", serde_json::to_string_pretty(&record)?);
    Ok(())
}
