//! `rollmill escape`: takes an account's ether, or a token of it, out of the rollup with nothing but an L1 endpoint (and one of its
//! consensus client, where batches are in blobs) and the deployment file.
//!
//! Model: everything follows from L1. Each look reads L1 to its newest block, derives the chain as `rollmill node --derive` does,
//! and finds the one next step; it is taken, and L1 is looked at again, until there is nothing to be done now. So the command
//! can be ended at any point and begun again, and goes on where L1 is.
//!
//! | step | when |
//! |---|---|
//! | pay | a withdrawal of the account is settled and not paid yet |
//! | queue | the account has some on L2, and no withdrawal of it is under way |
//! | wait | what is under way is not due yet: the operator may still settle it, and then L1 pays without enforced mode |
//! | enforce | it is due |
//! | settle | enforced mode, and the operator left a committed batch unsettled |
//! | drop | enforced mode, and that batch cannot be proven: when its time is over |
//! | batch | enforced mode, and nothing else is committed: a batch with the messages that wait |

mod asset;
mod look;
mod proofs;
mod steps;

use std::path::PathBuf;

use alloy::primitives::{Address, U256};
use eyre::ensure;
use rollmill_l1::SendError;
use rollmill_runtime::{LogFormat, init_tracing, outln};

use self::{
    asset::Asset,
    look::Escape,
    steps::{Step, Taken},
};

/// Steps that L1 may refuse one after another because somebody else was quicker.
const REFUSALS_MAX: u32 = 3;

/// Flags of `rollmill escape`; each is also an environment variable. The account's key comes from a file, or from `ROLLMILL_KEY`.
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
    /// Beacon API of L1's consensus client, or of an archive of blobs, if batches are in blobs. A development L1 gives its blobs itself.
    #[arg(long, env = "ROLLMILL_L1_BEACON", value_name = "URL")]
    l1_beacon: Option<String>,
    /// File that names the rollup's contracts.
    #[arg(long, env = "ROLLMILL_DEPLOYMENT", value_name = "FILE")]
    deployment: PathBuf,
    /// Keep the chain in this directory, and go on from what it holds.
    #[arg(long, env = "ROLLMILL_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// File with the account's private key [default: the key in ROLLMILL_KEY].
    #[arg(long, env = "ROLLMILL_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Take this ERC-20 token out, and not ether; named by its address on L1.
    #[arg(long, env = "ROLLMILL_TOKEN", value_name = "ADDRESS")]
    token: Option<Address>,
    /// Who gets it on L1 [default: the account itself].
    #[arg(long, env = "ROLLMILL_RECIPIENT", value_name = "ADDRESS")]
    recipient: Option<Address>,
    /// How much leaves: in ether, or in smallest units of the token [default: all].
    #[arg(long, env = "ROLLMILL_AMOUNT", value_name = "AMOUNT")]
    amount: Option<String>,
    /// Say what the next step is, and send nothing.
    #[arg(long, env = "ROLLMILL_DRY_RUN")]
    dry_run: bool,
}

impl Args {
    fn asset(&self) -> Asset {
        self.token.map_or(Asset::Ether, Asset::Token)
    }

    fn amount(&self) -> eyre::Result<Option<U256>> {
        let Some(text) = &self.amount else {
            return Ok(None);
        };
        let amount = self.asset().amount(text);
        ensure!(
            amount.is_some(),
            "--amount {text} is nothing that could leave: it is in ether, or in smallest units of the token"
        );
        Ok(amount)
    }
}

/// Does what can be done now, and says what comes next.
pub async fn run(args: Args) -> eyre::Result<()> {
    // What does not answer, L1 or the source of its blobs, is named.
    init_tracing(LogFormat::Human, "error,rollmill_runtime=warn")?;
    let mut escape = Escape::open(&args).await?;
    let mut refusals = 0;
    loop {
        let step = escape.next().await?;
        outln!("{}", escape.in_words(&step));
        if matches!(step, Step::Finished | Step::Wait { .. }) {
            return Ok(());
        }
        if args.dry_run {
            outln!("Nothing was sent (--dry-run).");
            return Ok(());
        }
        match escape.take(step).await {
            Ok(Taken::Done(sentence)) => {
                refusals = 0;
                outln!("  {sentence}");
            }
            Ok(Taken::ProofMissing(sentence)) => {
                outln!("  {sentence}");
                return Ok(());
            }
            Err(error) if is_refusal(&error) && refusals < REFUSALS_MAX => {
                refusals += 1;
                outln!("  L1 refused ({error:#}): looking again");
            }
            Err(error) => return Err(error),
        }
    }
}

/// L1 said no to the call itself: most often because another was there before.
fn is_refusal(error: &eyre::Report) -> bool {
    matches!(error.downcast_ref(), Some(SendError::Reverted { .. }))
}
