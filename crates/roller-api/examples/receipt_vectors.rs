//! Writes the golden vectors of the receipts: `cargo run -p rollmill-roller-api --example receipt_vectors`.

use std::{error::Error, fs, path::Path};

#[path = "../tests/vectors/values.rs"]
mod values;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/receipts.json");
    fs::write(
        &path,
        serde_json::to_string_pretty(&values::all().await)? + "\n",
    )?;
    Ok(())
}
