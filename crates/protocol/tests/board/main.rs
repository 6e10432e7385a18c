//! The law as a whole: golden vectors, both rounds of a devnet on the board, and random histories.

#![allow(clippy::unwrap_used)]

mod epochs;
mod histories;
mod posted;
mod refusals;
mod rounds;
#[path = "vectors/values.rs"]
mod values;
mod world;

use std::{fs, path::Path};

#[test]
fn golden_vectors_are_current() {
    for (name, value) in values::all() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("vectors")
            .join(name)
            .with_extension("json");
        let written: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(
            written, value,
            "{name}: run `cargo run -p rollmill-protocol --example vectors`"
        );
    }
}
