//! The arrows between crates, as ARCHITECTURE.md draws them: who may depend on whom. Nothing points up.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::tools;

/// Own crates that each crate may use in its library or program; tests may use more.
const ARROWS: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("runtime", &[]),
    ("stf", &["protocol"]),
    ("roller-api", &["protocol"]),
    ("store", &["protocol"]),
    ("l1", &["protocol", "store", "runtime"]),
    ("zkvm", &[]),
    ("engine", &["stf"]),
    ("devl1", &["engine"]),
    (
        "sequencer",
        &["protocol", "engine", "l1", "store", "runtime"],
    ),
    (
        "coordinator",
        &["protocol", "zkvm", "roller-api", "l1", "store", "runtime"],
    ),
    (
        "roller",
        &[
            "protocol",
            "stf",
            "zkvm",
            "roller-api",
            "l1",
            "store",
            "runtime",
        ],
    ),
    (
        "rollmill",
        &[
            "protocol",
            "stf",
            "zkvm",
            "l1",
            "store",
            "runtime",
            "engine",
            "devl1",
            "roller-api",
            "sequencer",
            "coordinator",
        ],
    ),
    ("sim", &["protocol"]),
    ("e2e", &[]),
    ("fuzz", &[]),
    ("test-l1", &["protocol", "store", "l1", "devl1"]),
];

/// Crates that prove. The node must link none of them: it only verifies.
const PROVERS: &[&str] = &[
    "openvm-sdk",
    "openvm-continuations",
    "openvm-static-verifier",
];

fn short(name: &str) -> &str {
    name.strip_prefix("rollmill-").unwrap_or(name)
}

/// Own crate -> own crates among its normal dependencies.
fn own_arrows() -> eyre::Result<BTreeMap<String, BTreeSet<String>>> {
    let metadata = tools::output(tools::command(
        &tools::cargo(),
        &["metadata", "--no-deps", "--format-version", "1", "--locked"],
        ".",
    ))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let mut arrows = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let dependencies = package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|dependency| dependency["kind"].is_null() && !dependency["path"].is_null())
            .filter_map(|dependency| dependency["name"].as_str())
            .map(|name| short(name).to_owned())
            .collect();
        let name = package["name"].as_str().unwrap_or_default();
        arrows.insert(short(name).to_owned(), dependencies);
    }
    Ok(arrows)
}

#[test]
fn crates_depend_only_along_the_arrows() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    for (name, dependencies) in own_arrows().expect("cargo metadata answers") {
        if name == "xtask" {
            continue;
        }
        let allowed = allowed
            .get(name.as_str())
            .unwrap_or_else(|| panic!("crate `{name}` is not on the map"));
        for dependency in dependencies {
            assert!(
                allowed.contains(&dependency.as_str()),
                "`{name}` must not depend on `{dependency}`"
            );
        }
    }
}

#[test]
fn the_node_links_no_prover() {
    let tree = tools::output(tools::command(
        &tools::cargo(),
        &[
            "tree", "-p", "rollmill", "-e", "normal", "--prefix", "none", "--locked",
        ],
        ".",
    ))
    .expect("cargo tree answers");
    assert!(tree.contains("rollmill-zkvm"), "the node verifies");
    for prover in PROVERS {
        let linked = tree
            .lines()
            .any(|line| line.split(' ').next() == Some(prover));
        assert!(!linked, "`rollmill` links the prover crate `{prover}`");
    }
}
