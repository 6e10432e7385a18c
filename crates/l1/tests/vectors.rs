//! The golden vectors of L1's headers and of blobs are what this software writes.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "vectors/values.rs"]
mod values;

use std::{fs, path::Path};

#[test]
fn golden_vectors_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for (name, value) in values::all() {
        let bytes = fs::read(folder.join(name).with_extension("json")).unwrap();
        let committed: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(
            committed, value,
            "{name}: run `cargo run -p rollmill-l1 --example l1_vectors`"
        );
    }
}
