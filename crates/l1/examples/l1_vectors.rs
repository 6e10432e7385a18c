//! Writes the golden vectors of L1's headers and of blobs: `cargo run -p rollmill-l1 --example l1_vectors`.

use std::{error::Error, fs, path::Path};

#[path = "../tests/vectors/values.rs"]
mod values;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for (name, value) in values::all() {
        let text = serde_json::to_string_pretty(&value)? + "\n";
        fs::write(folder.join(name).with_extension("json"), text)?;
    }
    Ok(())
}
