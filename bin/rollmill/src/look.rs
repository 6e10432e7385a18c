//! Verbs that look at a running rollup and change nothing: `status`, `params`, `rollers`, `tasks`.
//!
//! All that they say comes from the coordinator's public API, from L2's JSON-RPC and from L1, as anybody may ask them. A table is for
//! people; `--json` gives machines what was answered, in the form in which it was.

pub mod params;
pub mod rollers;
pub mod status;
pub mod tasks;

use alloy_primitives::U256;
use eyre::WrapErr;
use rollmill_l1::scr;
use rollmill_protocol::ScrWei;
use rollmill_roller_api::{Client, ClientError};
use rollmill_runtime::{outln, span};
use serde::Serialize;

/// Where a coordinator of this machine listens.
pub const COORDINATOR: &str = "http://127.0.0.1:9650";

/// Whom to ask, and for whom.
#[derive(Debug, clap::Args)]
pub struct Asked {
    /// The coordinator.
    #[arg(
        long,
        env = "ROLLMILL_COORDINATOR",
        value_name = "URL",
        default_value = COORDINATOR
    )]
    coordinator: String,
    /// Print JSON.
    #[arg(long, env = "ROLLMILL_PRINT_JSON")]
    json: bool,
}

impl Asked {
    /// What the coordinator answers; an error names it.
    async fn answer<T>(
        &self,
        question: impl AsyncFnOnce(&Client) -> Result<T, ClientError>,
    ) -> eyre::Result<T> {
        let answer = async { question(&Client::anybody(&self.coordinator)?).await };
        let answer = answer.await;
        answer.wrap_err_with(|| format!("the coordinator at {} does not tell", self.coordinator))
    }

    /// Prints a value as JSON if that is asked for; `false` if it is not.
    fn printed(&self, value: &impl Serialize) -> eyre::Result<bool> {
        if self.json {
            outln!("{}", serde_json::to_string_pretty(value)?);
        }
        Ok(self.json)
    }
}

/// `12.5 %`, of billionths.
fn percent(ratio: u64) -> String {
    format!("{:.1} %", ratio as f64 / 1e7)
}

/// `12 SCR`.
fn amount(wei: ScrWei) -> String {
    scr(U256::from(wei.0))
}

/// `in 3 min`, `now`, `3 min ago`.
fn when(at_unix_s: u64, now_unix_s: u64) -> String {
    match at_unix_s.checked_sub(now_unix_s) {
        Some(0) => "now".to_owned(),
        Some(left) => format!("in {}", span(left)),
        None => format!("{} ago", span(now_unix_s - at_unix_s)),
    }
}

/// A row of a table.
fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_as_people_say_them() {
        assert_eq!(percent(923_400_000), "92.3 %");
        assert_eq!(amount(ScrWei::from_scr(12)), "12 SCR");
        assert_eq!(when(160, 100), "in 1 min");
        assert_eq!(when(100, 160), "1 min ago");
        assert_eq!(when(100, 100), "now");
    }
}
