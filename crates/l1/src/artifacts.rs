//! The ABI of the committed artifacts as data, for what `sol!` cannot express and for error names.

use std::sync::LazyLock;

use alloy::{json_abi::JsonAbi, primitives::Selector};
use serde::Deserialize;

#[derive(Deserialize)]
struct Artifact {
    abi: JsonAbi,
}

macro_rules! abi {
    ($name:literal) => {
        parse(include_str!(concat!(
            "../../../contracts/artifacts/",
            $name,
            ".json"
        )))
    };
}

/// Every contract whose errors a caller can meet; Rollup first.
static ABIS: LazyLock<[JsonAbi; 22]> = LazyLock::new(|| {
    [
        abi!("Rollup"),
        abi!("RollerRegistry"),
        abi!("RewardPool"),
        abi!("Court"),
        abi!("Evidence"),
        abi!("Enforcement"),
        abi!("OperatorBond"),
        abi!("Control"),
        abi!("Parameters"),
        abi!("Emission"),
        abi!("ScrToken"),
        abi!("WithdrawalQueue"),
        abi!("Messenger"),
        abi!("TokenBridge"),
        abi!("L2TokenBridge"),
        abi!("BridgedToken"),
        abi!("FeeSchedule"),
        abi!("FeeVault"),
        abi!("FeeAuction"),
        abi!("ExampleToken"),
        abi!("Draws"),
        abi!("Settlement"),
    ]
});

/// Where Court, Evidence, Enforcement and Settlement stand in [`ABIS`].
const COURT: usize = 3;
const EVIDENCE: usize = 4;
const ENFORCEMENT: usize = 5;
const SETTLEMENT: usize = 21;

fn parse(artifact: &str) -> JsonAbi {
    let artifact: Artifact =
        serde_json::from_str(artifact).expect("artifacts are committed and checked by the build");
    artifact.abi
}

/// All of them.
pub(crate) fn abis() -> &'static [JsonAbi] {
    ABIS.as_slice()
}

/// Selector of a function of Rollup that is not overloaded.
pub(crate) fn rollup_selector(name: &str) -> Selector {
    selector(&ABIS[0], name)
}

/// Selector of a function of Court that is not overloaded.
pub(crate) fn court_selector(name: &str) -> Selector {
    selector(&ABIS[COURT], name)
}

/// Selector of a function of Evidence that is not overloaded.
pub(crate) fn evidence_selector(name: &str) -> Selector {
    selector(&ABIS[EVIDENCE], name)
}

/// Selector of a function of Enforcement that is not overloaded.
pub(crate) fn enforcement_selector(name: &str) -> Selector {
    selector(&ABIS[ENFORCEMENT], name)
}

/// Selector of a function of Settlement that is not overloaded.
pub(crate) fn settlement_selector(name: &str) -> Selector {
    selector(&ABIS[SETTLEMENT], name)
}

fn selector(abi: &JsonAbi, name: &str) -> Selector {
    let functions = abi
        .functions
        .get(name)
        .expect("the contracts have the functions that are called here");
    functions[0].selector()
}
