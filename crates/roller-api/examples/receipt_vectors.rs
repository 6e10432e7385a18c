//! Writes the golden vectors of the receipts: `cargo run -p rollmill-roller-api --example receipt_vectors`.

use std::{error::Error, fs, path::Path};

#[path = "../tests/vectors/values.rs"]
mod values;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for (name, value) in values::all().await {
        let text = serde_json::to_string_pretty(&value)? + "\n";
        fs::write(folder.join(name).with_extension("json"), text)?;
    }
    Ok(())
}
