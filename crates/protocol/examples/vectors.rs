//! Writes the golden vectors of the formats and of the law that L1 repeats: `cargo run -p rollmill-protocol --example vectors`.
//!
//! Without arguments it writes `crates/protocol/vectors/*.json`; with `--check` it only compares and fails on a difference.
//! The files are flat JSON with 0x strings and decimal strings, so that forge's `vm.parseJson` reads them without help.

use std::{error::Error, fs, path::Path};

#[path = "../tests/board/vectors/values.rs"]
mod values;

fn main() -> Result<(), Box<dyn Error>> {
    let check = std::env::args().any(|argument| argument == "--check");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    fs::create_dir_all(&folder)?;
    for (name, value) in values::all() {
        let path = folder.join(name).with_extension("json");
        let text = serde_json::to_string_pretty(&value)? + "\n";
        if !check {
            fs::write(&path, text)?;
        } else if serde_json::from_slice::<serde_json::Value>(&fs::read(&path)?)? != value {
            return Err(format!("{} is stale: run without --check", path.display()).into());
        }
    }
    Ok(())
}
