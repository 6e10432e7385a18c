//! The numbers of a network: the law's, and those of the contracts beside it.
//!
//! A network has the defaults of `rollmill_protocol` and `rollmill_l1`, unless the tables `law` and `contracts` of the configuration file say
//! otherwise, with the names of the deployment file; what is above 2^63 is written as a text:
//!
//! ```toml
//! [law]
//! epochS = 3600
//! stakeMin = "5000000000000000000000"
//! control = { k = [2, 4] }
//! [contracts]
//! settleS = 7200
//! incentives = { emissionEpochS = 43200 }
//! ```
//! Only a devnet shortens durations, because a person waits for it, and keeps k and price.

use std::{collections::BTreeMap, path::Path};

use eyre::{WrapErr, bail, ensure, eyre};
use rollmill_l1::{Incentives, Parameters};
use rollmill_protocol::{
    ScrWei,
    law::{Params, control::ControlParams},
};
use rollmill_roller_api::ProofKind;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use toml::{Table, Value};

use super::Choice;

/// Tables of the configuration file.
pub const TABLES: [&str; 2] = ["law", "contracts"];

/// Seconds in which a roller of a devnet is heard, with real and with mock proofs.
const HEARTBEAT_STARK_S: u64 = 30;
const HEARTBEAT_MOCK_S: u64 = 3;

/// Nanoseconds of T for each prover gas with mock proofs, which take no time: a person waits for what is late.
const TAU_MOCK_NS_PER_GAS: u64 = 100_000;

/// SCR-wei per prover gas on a devnet: a reward that can be seen.
const UNIT_PRICE_DEVNET: ScrWei = ScrWei(1_000_000_000_000);

/// What the contracts of a rollup are constructed with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The law.
    pub law: Params,
    /// What else the contracts know.
    pub parameters: Parameters,
}

impl Numbers {
    /// A network's, with what the configuration file says.
    pub fn of_network(file: Option<&Path>) -> eyre::Result<Self> {
        let default = Self::default();
        let Some(path) = file else {
            return Ok(default);
        };
        let wrong = || format!("cannot use the configuration file {}", path.display());
        let tables: Table = std::fs::read_to_string(path)
            .wrap_err_with(wrong)?
            .parse()
            .wrap_err_with(wrong)?;
        default.with(&tables).wrap_err_with(wrong)
    }

    fn with(self, tables: &Table) -> eyre::Result<Self> {
        let [law, contracts] = TABLES.map(|name| tables.get(name));
        let numbers = Self {
            law: patched(self.law, law).wrap_err("the table `law`")?,
            parameters: patched(self.parameters, contracts).wrap_err("the table `contracts`")?,
        };
        numbers.law.validate().wrap_err("the table `law`")?;
        Ok(numbers)
    }

    /// A devnet's: short durations and small amounts.
    pub fn of_devnet(choice: &Choice) -> Self {
        let (lag_blocks, settle_s, heartbeat_s) = match choice.proofs {
            ProofKind::Mock => (1, 60, HEARTBEAT_MOCK_S),
            // Three rollers that share two cores may be slow to say that they live.
            ProofKind::Stark => (2, 600, HEARTBEAT_STARK_S),
        };
        let devnet = Params::devnet();
        let law = Params {
            k: choice.k,
            draw_lag_blocks: lag_blocks,
            lottery_lag_blocks: lag_blocks,
            unit_price: UNIT_PRICE_DEVNET,
            heartbeat_s,
            drain_min_s: devnet.drain_min_s.max(heartbeat_s),
            control: ControlParams {
                k: (choice.k, choice.k),
                unit_price: (UNIT_PRICE_DEVNET, UNIT_PRICE_DEVNET),
                ..devnet.control.clone()
            },
            ..devnet
        };
        let (law, fallback_s) = match choice.proofs {
            ProofKind::Stark => {
                let fallback_s = 3 * law.t_max_s;
                (law, fallback_s)
            }
            ProofKind::Mock => (at_once(law), 120),
        };
        let parameters = Parameters {
            settle_s,
            fallback_s,
            claim_s: 600,
            incentives: Incentives {
                // Short enough to be seen.
                emission_epoch_s: 600,
                ..Incentives::default()
            },
            ..Parameters::default()
        };
        Self { law, parameters }
    }
}

/// The law for proofs that take no time.
fn at_once(law: Params) -> Params {
    Params {
        t_min_s: 5,
        t_fix_s: 10,
        tau_ns_per_gas: TAU_MOCK_NS_PER_GAS,
        control: ControlParams {
            tau_ns_per_gas: (TAU_MOCK_NS_PER_GAS, law.control.tau_ns_per_gas.1),
            ..law.control
        },
        epoch_s: 3,
        ..law
    }
}

/// `default` with the numbers of a table in the place of its own.
fn patched<T: Serialize + DeserializeOwned>(default: T, table: Option<&Value>) -> eyre::Result<T> {
    let Some(table) = table else {
        return Ok(default);
    };
    ensure!(table.is_table(), "is no table");
    let model = serde_json::to_string(&default)?;
    Ok(serde_json::from_str(&merged(&model, table)?)?)
}

/// The JSON `model` with what `value` has of it.
fn merged(model: &str, value: &Value) -> eyre::Result<String> {
    match value {
        Value::Table(fields) => {
            let mut numbers: BTreeMap<String, Box<RawValue>> =
                serde_json::from_str(model).wrap_err("is no table")?;
            for (name, value) in fields {
                let number = numbers.get_mut(name);
                let number = number.ok_or_else(|| eyre!("there is no number `{name}`"))?;
                let text = merged(number.get(), value).wrap_err_with(|| format!("`{name}`"))?;
                *number = RawValue::from_string(text)?;
            }
            Ok(serde_json::to_string(&numbers)?)
        }
        Value::Array(values) => {
            let models: Vec<Box<RawValue>> =
                serde_json::from_str(model).wrap_err("is no pair of numbers")?;
            ensure!(models.len() == values.len(), "is a pair of numbers");
            let texts = models.iter().zip(values);
            let texts = texts.map(|(model, value)| merged(model.get(), value));
            let texts: Vec<String> = texts.collect::<eyre::Result<_>>()?;
            Ok(format!("[{}]", texts.join(",")))
        }
        Value::Integer(number) => digits(model, &number.to_string()),
        Value::String(text) => digits(model, text),
        _ => bail!("is no number"),
    }
}

/// Amounts are texts in JSON, and other numbers are not.
fn digits(model: &str, text: &str) -> eyre::Result<String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    ensure!(is_number, "`{text}` is no whole number");
    ensure!(!model.starts_with(['{', '[']), "is no single number");
    Ok(if model.starts_with('"') {
        format!("\"{text}\"")
    } else {
        text.to_owned()
    })
}

#[cfg(test)]
mod documented;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn with(file: &str) -> eyre::Result<Numbers> {
        Numbers::default().with(&file.parse::<Table>().unwrap())
    }

    #[test]
    fn a_network_has_the_laws_numbers_but_for_those_of_the_file() {
        let network = Numbers::of_network(None).unwrap();
        assert_eq!(network.law, Params::default());
        assert_eq!(with("l1-rpc = \"x\"").unwrap(), network);
        let changed = with(
            "[law]\nepochS = 60\nstakeMin = \"5000000000000000000000\"\ncontrol = { k = [3, 4], unitPrice = [\"1\", \"2000000000000\"] }\n\
             [contracts]\nsettleS = 7\n[contracts.incentives]\nbeaconCapWei = \"10000000000000000000\"",
        )
        .unwrap();
        let law = Params::default();
        let expected = Params {
            epoch_s: 60,
            stake_min: ScrWei::from_scr(5_000),
            control: ControlParams {
                k: (3, 4),
                unit_price: (ScrWei(1), ScrWei(2_000_000_000_000)),
                ..law.control.clone()
            },
            ..law
        };
        assert_eq!(changed.law, expected);
        assert_eq!(changed.parameters.settle_s, 7);
        let cap = changed.parameters.incentives.beacon_cap_wei;
        assert_eq!(cap, 10_000_000_000_000_000_000);
    }

    #[test]
    fn what_is_no_number_of_the_law_is_refused() {
        for (file, sentence) in [
            ("[law]\nepochs = 1", "there is no number `epochs`"),
            ("[law]\nepochS = \"soon\"", "no whole number"),
            ("[law]\nepochS = -1", "no whole number"),
            ("[law]\nepochS = 1.5", "is no number"),
            ("[law]\nk = [1, 2]", "pair of numbers"),
            ("[law]\ncontrol = 3", "no single number"),
            ("[law]\ncontrol = { k = [1] }", "is a pair"),
            ("law = 3", "is no table"),
            ("[contracts]\nepochS = 1", "there is no number `epochS`"),
            // Within its own bounds, and not within those of the law.
            ("[law]\nk = 9", "parameter k is 9"),
        ] {
            let error = format!("{:#}", with(file).unwrap_err());
            assert!(error.contains(sentence), "{file}: {error}");
        }
    }

    #[test]
    fn a_devnet_is_a_law_too() {
        for proofs in [ProofKind::Mock, ProofKind::Stark] {
            let devnet = Numbers::of_devnet(&Choice { proofs, k: 2 });
            assert_eq!(devnet.law.validate(), Ok(()));
            assert_eq!((devnet.law.k, devnet.law.control.k), (2, (2, 2)));
        }
    }
}
