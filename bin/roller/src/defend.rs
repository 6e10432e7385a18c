//! `roller defend`: answers the open accusation of a roller on L1, as `roller run` does by itself. Anybody may pay for it.

use clap::Args;
use eyre::bail;
use rollmill_runtime::{LogFormat, chain, init_tracing, outln};

use crate::{account::AccountArgs, config::OwnArgs};

/// Arguments of `roller defend`.
#[derive(Debug, Args)]
pub struct DefendArgs {
    #[command(flatten)]
    account: AccountArgs,
    #[command(flatten)]
    own: OwnArgs,
}

/// Answers what is open; fails if something stays unanswered.
pub async fn run(args: DefendArgs) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let account = args.account.open().await?;
    // The answers are there.
    let rights = args.own.rights(&account, args.own.data_dir()?)?;
    let accused = rights.answer().await?;
    if accused.is_empty() {
        outln!("nobody accuses {}", rights.roller);
    }
    let mut open = 0;
    for accused in accused {
        let (batch, round) = (accused.batch, accused.round);
        match accused.answered {
            Ok(mined) => outln!("batch {batch}, round {round}: answered by {}", mined.hash),
            Err(error) => {
                open += 1;
                outln!("batch {batch}, round {round}: {}", chain(&*error));
            }
        }
    }
    if open > 0 {
        bail!("an accusation is not answered");
    }
    Ok(())
}
