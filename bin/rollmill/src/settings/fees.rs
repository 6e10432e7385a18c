//! How an operator charges users for data and proving.

use alloy_primitives::utils::parse_ether;
use eyre::OptionExt;
use rollmill_sequencer::fees::FeePolicy;

/// Whether a node sets L2's prices by itself, and how.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Follow {
    /// Set L2's prices of data and proving by what both cost, whenever one is off by more than --fee-band; needs --scr-price.
    #[arg(long, env = "ROLLMILL_FEE_FOLLOW")]
    fee_follow: bool,
    #[command(flatten)]
    charges: Charges,
}

/// How prices follow from costs.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Charges {
    /// Price of one SCR in ether, such as 0.0001: rollers are paid in SCR, users pay in ether, and no contract knows the rate.
    #[arg(long, env = "ROLLMILL_SCR_PRICE", value_name = "ETHER", value_parser = ether)]
    scr_price: Option<u128>,
    /// Charged on top of the costs, per cent.
    #[arg(
        long,
        env = "ROLLMILL_FEE_MARGIN",
        default_value_t = 10,
        value_name = "PERCENT",
        value_parser = clap::value_parser!(u32).range(0..=1_000)
    )]
    fee_margin: u32,
    /// A price stays while it is within so many per cent of what it should be.
    #[arg(
        long,
        env = "ROLLMILL_FEE_BAND",
        default_value_t = 10,
        value_name = "PERCENT",
        value_parser = clap::value_parser!(u32).range(1..=50)
    )]
    fee_band: u32,
}

impl Follow {
    /// What a node follows; `None` when prices are set by hand. The error is a sentence about what is missing.
    pub fn policy(&self) -> eyre::Result<Option<FeePolicy>> {
        if !self.fee_follow {
            return Ok(None);
        }
        let policy = self.charges.policy();
        let policy = policy.ok_or_eyre(
            "--fee-follow needs --scr-price: nobody else can tell the node what an SCR is worth in ether",
        )?;
        Ok(Some(policy))
    }
}

impl Charges {
    /// How prices follow; `None` without a price of SCR.
    pub fn policy(&self) -> Option<FeePolicy> {
        Some(FeePolicy {
            scr_price_wei: self.scr_price?,
            margin_percent: self.fee_margin,
            band_percent: self.fee_band,
        })
    }
}

/// Wei of an amount of ether above zero.
fn ether(text: &str) -> Result<u128, &'static str> {
    let wei = parse_ether(text).ok().filter(|_| !text.starts_with('-'));
    let wei = wei.and_then(|wei| u128::try_from(wei).ok());
    wei.filter(|wei| *wei > 0).ok_or("is no price in ether")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        follow: Follow,
    }

    fn policy(line: &str) -> eyre::Result<Option<FeePolicy>> {
        Line::try_parse_from(line.split(' '))?.follow.policy()
    }

    #[test]
    fn prices_are_followed_when_they_are_to_be_and_scr_has_a_price() {
        assert_eq!(policy("node").unwrap(), None);
        // The price alone is for `rollmill fees`, which reads the same file.
        assert_eq!(policy("node --scr-price 0.0001").unwrap(), None);
        let expected = FeePolicy {
            scr_price_wei: 100_000_000_000_000,
            margin_percent: 0,
            band_percent: 5,
        };
        let line = "node --fee-follow --scr-price 0.0001 --fee-margin 0 --fee-band 5";
        assert_eq!(policy(line).unwrap(), Some(expected));
        let missing = policy("node --fee-follow").unwrap_err();
        assert!(
            missing.to_string().contains("needs --scr-price"),
            "{missing}"
        );
    }

    #[test]
    fn what_is_no_price_and_no_percentage_is_refused() {
        for line in [
            "--scr-price 0",
            "--scr-price=-1",
            "--scr-price much",
            "--scr-price 1000000000000000000000",
            "--fee-band 0",
            "--fee-band 51",
            "--fee-margin 1001",
        ] {
            assert!(policy(&format!("node {line}")).is_err(), "{line}");
        }
    }
}
