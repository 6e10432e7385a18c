//! `rollmill fees`: what users pay for data and proving, what they should pay, and where it goes. `rollmill fees set` sets prices by hand,
//! as a node with `--fee-follow` does by itself.
//!
//! The node says what is in force and what its batches used, L1 what gas costs and what rollers get, and the caller what SCR is worth:
//! what prices should be follows from these by the same function as in the node.

use std::path::PathBuf;

use alloy::{
    contract::Error as ContractError,
    providers::{DynProvider, Provider},
};
use alloy_primitives::{U256, utils::format_ether};
use eyre::{WrapErr, ensure, eyre};
use rollmill_engine::stf::fees::FeePrices;
use rollmill_l1::{
    Deployment, connect,
    contracts::{FeeAuction, FeeSchedule},
    load_key, revert,
};
use rollmill_protocol::l2::{FEE_SCHEDULE, FEE_VAULT, PROVING_VAULT};
use rollmill_runtime::{Clock, LogFormat, init_tracing, outln};
use rollmill_sequencer::{
    RpcFeeSchedule,
    fees::{Costs, step},
};
use serde_json::{Value, json};

use crate::{
    devnet::world::{succeeded, wallet},
    node::{OPERATOR_KEY, connect_l1},
    settings::fees::Charges,
};

/// Flags of `rollmill fees`; each is also an environment variable and a field of the configuration file.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// JSON-RPC endpoint of L1.
    #[arg(
        long,
        env = "ROLLMILL_L1_RPC",
        value_name = "URL",
        default_value = "http://127.0.0.1:8545"
    )]
    l1_rpc: String,
    /// JSON-RPC endpoint of the rollup's node.
    #[arg(
        long,
        env = "ROLLMILL_L2_RPC",
        value_name = "URL",
        default_value = "http://127.0.0.1:9545"
    )]
    l2_rpc: String,
    /// File that names the rollup's contracts.
    #[arg(long, env = "ROLLMILL_DEPLOYMENT", value_name = "FILE")]
    deployment: PathBuf,
    #[command(flatten)]
    charges: Charges,
    /// Print JSON.
    #[arg(long, env = "ROLLMILL_PRINT_JSON")]
    json: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Set the prices on L2, with the operator's key.
    Set(SetArgs),
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    /// Wei per data gas [default: the next step to what it should be].
    #[arg(
        long,
        env = "ROLLMILL_DATA_WEI",
        value_name = "WEI",
        requires = "proving_wei"
    )]
    data_wei: Option<u128>,
    /// Wei per prover gas [default: the next step to what it should be].
    #[arg(
        long,
        env = "ROLLMILL_PROVING_WEI",
        value_name = "WEI",
        requires = "data_wei"
    )]
    proving_wei: Option<u128>,
    /// File with the operator's private key in hex. Without it the key is taken from ROLLMILL_OPERATOR_KEY.
    #[arg(long, env = "ROLLMILL_OPERATOR_KEY_FILE", value_name = "FILE")]
    operator_key_file: Option<PathBuf>,
}

/// Says, or sets.
pub async fn run(args: Args) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let deployment = Deployment::open(&args.deployment)?;
    let (l1, l1_chain_id) = connect_l1(&args.l1_rpc).await?;
    let l2 = connect(&args.l2_rpc)?;
    let l2_chain_id = l2.get_chain_id().await;
    let l2_chain_id =
        l2_chain_id.wrap_err_with(|| format!("no node answers at {}", args.l2_rpc))?;
    ensure!(
        (l1_chain_id, l2_chain_id) == (deployment.chain_id, deployment.l2_chain_id),
        "the rollup is chain {} on chain {}; {} is chain {l2_chain_id}, {} is chain {l1_chain_id}",
        deployment.l2_chain_id,
        deployment.chain_id,
        args.l2_rpc,
        args.l1_rpc
    );
    let fees = Fees::read(&args.charges, &deployment, (&l1, &l2)).await?;
    match &args.verb {
        None => {
            fees.say(args.json);
            Ok(())
        }
        Some(Verb::Set(set)) => {
            let prices = set.prices(&fees)?;
            set.send(prices, &args, &deployment).await
        }
    }
}

/// What users pay, what they should, and what became of it.
struct Fees {
    in_force: FeePrices,
    /// Until then none rises, unix seconds.
    rises_from_s: u64,
    /// What prices should be, and the next step there; none without a price of SCR.
    should: Option<(FeePrices, Option<FeePrices>)>,
    takings: Takings,
}

/// What users have paid, on its way to the operator and to the rollers' pool.
pub struct Takings {
    /// In the vaults on L2, wei: of gas and data, and of proving.
    vaults: [U256; 2],
    /// For sale on L1: wei of ether, and SCR-wei for it.
    lot: (u128, U256),
}

impl Takings {
    /// As both chains have it.
    pub async fn read(
        deployment: &Deployment,
        (l1, l2): (&DynProvider, &DynProvider),
    ) -> eyre::Result<Self> {
        let auction = FeeAuction::new(deployment.fee_auction(), l1);
        Ok(Self {
            vaults: [
                l2.get_balance(FEE_VAULT).await?,
                l2.get_balance(PROVING_VAULT).await?,
            ],
            lot: (
                auction.lotWei().call().await?,
                auction.priceWei().call().await?,
            ),
        })
    }

    /// A sentence about L2, and one about L1.
    pub fn sentences(&self) -> [String; 2] {
        let [fees, proofs] = self.vaults.map(format_ether);
        let on_l1 = match self.lot {
            (0, _) => "on L1: nothing is for sale".to_owned(),
            (lot_wei, price_wei) => format!(
                "on L1: {} ether for sale, for {} SCR now",
                format_ether(lot_wei),
                format_ether(price_wei)
            ),
        };
        let on_l2 =
            format!("on L2: {fees} ether for the operator, {proofs} ether for the rollers' pool");
        [on_l2, on_l1]
    }

    /// The fields `vaults` and `auction`. Amounts are texts: JSON's numbers lose digits.
    pub fn json(&self) -> [Value; 2] {
        let [fees, proofs] = self.vaults.map(|wei| wei.to_string());
        [
            json!({"feesWei": fees, "proofsWei": proofs}),
            json!({"lotWei": self.lot.0.to_string(), "priceWei": self.lot.1.to_string()}),
        ]
    }
}

impl Fees {
    async fn read(
        charges: &Charges,
        deployment: &Deployment,
        (l1, l2): (&DynProvider, &DynProvider),
    ) -> eyre::Result<Self> {
        let schedule: RpcFeeSchedule = l2
            .raw_request("rollmill_getFeeSchedule".into(), json!([]))
            .await
            .wrap_err("the node does not say what is in force")?;
        let in_force = FeePrices {
            data_wei: schedule.l1_gas_price.saturating_to(),
            proving_wei: schedule.prover_gas_price.saturating_to(),
        };
        let rises_from_s = schedule.rises_from.to();
        let should = match charges.policy() {
            None => None,
            Some(policy) => {
                let costs = Costs::read(l1, deployment, schedule.recent.into()).await?;
                let should = costs.prices(&policy);
                let may_rise = Clock::System.now_unix_s() >= rises_from_s;
                let next = step(in_force, should, may_rise, policy.band_percent);
                Some((should, next))
            }
        };
        Ok(Self {
            in_force,
            rises_from_s,
            should,
            takings: Takings::read(deployment, (l1, l2)).await?,
        })
    }

    fn say(&self, as_json: bool) {
        if as_json {
            outln!("{}", self.json());
            return;
        }
        outln!("{:<12}{:>18}{:>18}", "", "wei/data gas", "wei/prover gas");
        let row = |name: &str, prices: FeePrices| {
            let [data, proving] = [prices.data_wei, prices.proving_wei];
            outln!("{name:<12}{data:>18}{proving:>18}");
        };
        row("in force", self.in_force);
        match self.should {
            None => outln!(
                "--scr-price says what an SCR is worth in ether, and with it what prices should be"
            ),
            Some((should, next)) => {
                row("should be", should);
                match next {
                    Some(next) => row("next step", next),
                    None => outln!("there is no step to take now"),
                }
            }
        }
        let wait_s = self.rises_from_s.saturating_sub(Clock::System.now_unix_s());
        if wait_s > 0 {
            outln!("none rises within the next {wait_s} s");
        }
        for sentence in self.takings.sentences() {
            outln!("{sentence}");
        }
    }

    /// Amounts are texts: JSON's numbers lose digits.
    fn json(&self) -> Value {
        let [vaults, auction] = self.takings.json();
        let next = self.should.and_then(|(_, next)| next);
        json!({
            "inForce": prices(self.in_force),
            "risesFrom": self.rises_from_s,
            "should": self.should.map(|(should, _)| prices(should)),
            "next": next.map(prices),
            "vaults": vaults,
            "auction": auction,
        })
    }
}

fn prices(prices: FeePrices) -> Value {
    json!({
        "dataWei": prices.data_wei.to_string(),
        "provingWei": prices.proving_wei.to_string(),
    })
}

impl SetArgs {
    /// What is asked for, or the next step.
    fn prices(&self, fees: &Fees) -> eyre::Result<FeePrices> {
        if let (Some(data_wei), Some(proving_wei)) = (self.data_wei, self.proving_wei) {
            return Ok(FeePrices {
                data_wei,
                proving_wei,
            });
        }
        let (_, next) = fees.should.ok_or_else(|| {
            eyre!("give --data-wei and --proving-wei, or --scr-price from which they follow")
        })?;
        next.ok_or_else(|| {
            eyre!("there is no step to take: prices are what they should be, or may not rise yet")
        })
    }

    async fn send(&self, to: FeePrices, args: &Args, deployment: &Deployment) -> eyre::Result<()> {
        let operator = load_key(self.operator_key_file.as_deref(), OPERATOR_KEY)?;
        ensure!(
            operator.address() == deployment.operator,
            "the key is of {}, the rollup's operator is {}",
            operator.address(),
            deployment.operator
        );
        let schedule = FeeSchedule::new(FEE_SCHEDULE, wallet(&args.l2_rpc, operator)?);
        let sent = schedule.set(to.data_wei, to.proving_wei).send().await;
        let receipt = sent.map_err(refused)?.get_receipt().await?;
        succeeded("setting prices", &receipt)?;
        let block = receipt.block_number.unwrap_or_default();
        if args.json {
            outln!(
                "{}",
                json!({"set": prices(to), "transaction": receipt.transaction_hash, "block": block})
            );
        } else {
            let FeePrices {
                data_wei,
                proving_wei,
            } = to;
            outln!(
                "behind block {block}: {data_wei} wei per data gas, {proving_wei} wei per prover gas"
            );
        }
        Ok(())
    }
}

/// In the contract's words where it was the contract that refused.
fn refused(error: ContractError) -> eyre::Report {
    let reason = match &error {
        ContractError::TransportError(error) => revert::reason(error),
        _ => None,
    };
    match reason {
        Some(reason) => eyre!("L2 refuses these prices: {reason}"),
        None => eyre!(error).wrap_err("L2 does not take the transaction"),
    }
}
