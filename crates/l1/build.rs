//! Leaves out of the ABIs what `sol!` cannot express: functions that take or return `PublicValues`, whose 26 fields
//! are one more than its tuples can have. `src/calls.rs` encodes those by hand.

use std::{env, error::Error, fs, path::Path};

use serde_json::Value;

/// The contracts with such functions.
const CONTRACTS: [&str; 5] = ["Rollup", "Settlement", "Court", "Evidence", "Enforcement"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR")?;
    for name in CONTRACTS {
        let path = format!("../../contracts/artifacts/{name}.json");
        println!("cargo::rerun-if-changed={path}");
        let mut artifact: Value = serde_json::from_slice(&fs::read(path)?)?;
        let items = artifact["abi"]
            .as_array_mut()
            .ok_or("the artifact has no ABI")?;
        items.retain(|item| {
            !["inputs", "outputs"]
                .iter()
                .any(|side| has_public_values(&item[side]))
        });
        let filtered = Path::new(&out).join(name).with_extension("json");
        fs::write(filtered, serde_json::to_vec(&artifact)?)?;
    }
    Ok(())
}

fn has_public_values(parameters: &Value) -> bool {
    let parameters = parameters.as_array().map(Vec::as_slice).unwrap_or_default();
    parameters
        .iter()
        .any(|parameter| parameter["internalType"] == "struct PublicValues")
}
