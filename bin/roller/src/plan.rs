//! Transactions that a verb sends: said in words, with their price, before the first of them is sent.

use alloy::providers::Provider;
use alloy_primitives::U256;
use eyre::ensure;
use rollmill_l1::Call;
use rollmill_runtime::{counted, outln};

use crate::{account::Account, words};

/// One transaction.
#[derive(Clone, Debug)]
pub struct Step {
    /// The purpose under which it is recorded.
    pub name: &'static str,
    /// What it does, as it follows "will".
    pub says: String,
    /// The transaction.
    pub call: Call,
    /// About as much gas as it takes. L1 cannot be asked about a step that builds on one before it.
    pub gas: u64,
}

/// Transactions, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What is sent.
    pub steps: Vec<Step>,
    /// SCR that leaves the account, SCR-wei.
    pub scr_wei: U256,
    /// What follows from it.
    pub after: Vec<String>,
}

impl Plan {
    /// One step and what follows.
    pub fn one(step: Step, after: Vec<String>) -> Self {
        Self {
            steps: vec![step],
            scr_wei: U256::ZERO,
            after,
        }
    }

    /// Says what it does and takes, and does it, unless it is only to be said. Fails before anything is sent if the account lacks
    /// ether or SCR.
    pub async fn carry_out(&self, account: &Account, dry_run: bool) -> eyre::Result<()> {
        let Some(first) = self.steps.first() else {
            outln!("nothing is to be done");
            return Ok(());
        };
        let gas = account.sender.estimate(first.name, &first.call).await?;
        let gas = self.steps[1..].iter().fold(gas, |sum, step| sum + step.gas);
        let l1 = account.sender.provider();
        let price = l1.estimate_eip1559_fees().await?.max_fee_per_gas;
        let has = Purse {
            ether_wei: l1.get_balance(account.sender.address()).await?,
            scr_wei: account.scr_wei().await?,
        };
        let needs = Purse {
            // A quarter more than expected is set aside for each.
            ether_wei: U256::from(gas + gas / 4) * U256::from(price),
            scr_wei: self.scr_wei,
        };
        for line in self.lines(gas, &needs, dry_run) {
            outln!("{line}");
        }
        let missing = has.missing(&needs);
        ensure!(
            missing.is_empty(),
            "the account {} {}",
            account.sender.address(),
            missing.join(", and ")
        );
        if !dry_run {
            for step in &self.steps {
                account.send(step.name, &step.call).await?;
            }
        }
        Ok(())
    }

    fn lines(&self, gas: u64, needs: &Purse, dry_run: bool) -> Vec<String> {
        let will = if dry_run { "would" } else { "will" };
        let steps = self.steps.iter();
        let mut lines: Vec<String> = steps.map(|step| format!("{will} {}", step.says)).collect();
        lines.push(format!(
            "takes about {gas} gas in {}, {} ether at most at today's price",
            counted(self.steps.len() as u64, "transaction"),
            words::amount(needs.ether_wei)
        ));
        lines.extend(self.after.iter().cloned());
        lines
    }
}

/// Money of an account.
#[derive(Clone, Copy, Debug)]
struct Purse {
    ether_wei: U256,
    scr_wei: U256,
}

impl Purse {
    /// What it lacks, all at once.
    fn missing(&self, needs: &Self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.ether_wei < needs.ether_wei {
            missing.push(format!(
                "has {} ether on L1 and needs up to {}",
                words::amount(self.ether_wei),
                words::amount(needs.ether_wei)
            ));
        }
        if self.scr_wei < needs.scr_wei {
            missing.push(format!(
                "has {} SCR and needs {}",
                words::amount(self.scr_wei),
                words::amount(needs.scr_wei)
            ));
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, Bytes};

    use super::*;

    fn purse(ether: u64, scr: u64) -> Purse {
        Purse {
            ether_wei: U256::from(ether),
            scr_wei: U256::from(scr),
        }
    }

    #[test]
    fn what_is_missing_is_said_at_once() {
        let needs = purse(5, 7);
        assert_eq!(purse(5, 7).missing(&needs), Vec::<String>::new());
        assert_eq!(purse(4, 7).missing(&needs).len(), 1);
        let both = purse(0, 6).missing(&needs).join(", and ");
        assert!(
            both.starts_with("has 0 ether on L1 and needs up to"),
            "{both}"
        );
        assert!(
            both.contains(", and has 0.000000000000000006 SCR"),
            "{both}"
        );
    }

    #[test]
    fn a_dry_run_says_would() {
        let step = |says: &str| Step {
            name: "x",
            says: says.to_owned(),
            call: Call::raw(Address::ZERO, Bytes::new()),
            gas: 1,
        };
        let plan = Plan {
            steps: vec![step("register"), step("deposit")],
            scr_wei: U256::ZERO,
            after: vec!["it comes back".to_owned()],
        };
        let said = plan.lines(9, &purse(0, 0), true).join("\n");
        assert!(
            said.starts_with("would register\nwould deposit\n"),
            "{said}"
        );
        assert!(said.contains("about 9 gas in 2 transactions"), "{said}");
        assert!(said.ends_with("it comes back"), "{said}");
        assert!(plan.lines(9, &purse(0, 0), false)[0].starts_with("will "));
    }
}
