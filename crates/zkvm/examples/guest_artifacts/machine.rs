//! What the circuits of a virtual machine cost each proof, used or not: a leaf of the aggregation evaluates every constraint of every
//! circuit in the machine's key.

use std::{collections::BTreeMap, fs, path::Path};

use eyre::{WrapErr, eyre};
use openvm_sdk::{
    Sdk,
    config::{AggregationSystemParams, AppConfig},
};
use openvm_sdk_config::SdkVmConfig;
use openvm_stark_sdk::config::app_params_with_100_bits_security;

/// As the program's; the circuits do not depend on it.
const LOG_STACKED_HEIGHT: usize = 20;

/// Sums over circuits.
#[derive(Clone, Copy, Default)]
struct Sum {
    circuits: usize,
    columns: usize,
    interactions: usize,
    /// Nodes of the graph of all constraints and interactions.
    nodes: usize,
}

/// Prints them for the machine of a file like `guest/vm.toml`.
pub fn run(config: &Path) -> eyre::Result<()> {
    let text =
        fs::read_to_string(config).wrap_err_with(|| format!("reading {}", config.display()))?;
    let machine = SdkVmConfig::from_toml(&text).map_err(|error| eyre!("{error}"))?;
    let app = AppConfig::new(
        machine,
        app_params_with_100_bits_security(LOG_STACKED_HEIGHT),
    );
    let sdk = Sdk::new(app, AggregationSystemParams::default())?;
    let mut kinds: BTreeMap<String, Sum> = BTreeMap::new();
    let mut all = Sum::default();
    for air in &sdk.app_pk().app_vm_pk.vm_pk.per_air {
        let constraints = &air.vk.symbolic_constraints;
        let name = air.air_name.split(['<', ' ']).next().unwrap_or_default();
        for sum in [kinds.entry(name.to_owned()).or_default(), &mut all] {
            sum.circuits += 1;
            sum.columns += air.vk.params.width.main_width();
            sum.interactions += constraints.interactions.len();
            sum.nodes += constraints.constraints.nodes.len();
        }
    }
    println!(
        "{:40} {:>8} {:>8} {:>12} {:>8}",
        "circuit", "number", "columns", "interactions", "nodes"
    );
    for (name, sum) in kinds
        .iter()
        .map(|(name, sum)| (&**name, sum))
        .chain([("all", &all)])
    {
        println!(
            "{name:40} {:>8} {:>8} {:>12} {:>8}",
            sum.circuits, sum.columns, sum.interactions, sum.nodes
        );
    }
    Ok(())
}
