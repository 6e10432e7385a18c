//! The product, run as its users run it.

#![allow(clippy::unwrap_used, missing_docs)]

use rollmill_e2e::{Anvil, once};
use serde_json::Value;

/// What both scripted rounds must have done, on whatever L1 and with whatever proofs.
fn assert_both_rounds(report: &Value) {
    assert_eq!(report["withdrawal"]["finalized"], true);
    for settlement in report["settlements"].as_array().unwrap() {
        assert_eq!(settlement["state_root_l1"], settlement["state_root_l2"]);
    }
    let verdicts: Vec<&str> = report["seats"]
        .as_array()
        .unwrap()
        .iter()
        .map(|seat| seat["verdict"].as_str().unwrap())
        .collect();
    assert!(verdicts.contains(&"valid"), "{verdicts:?}");
    assert!(
        verdicts.contains(&"invalid"),
        "the saboteur's proof was not judged: {verdicts:?}"
    );
    assert!(
        verdicts.contains(&"missed"),
        "the killed roller's seat did not end: {verdicts:?}"
    );
    assert_eq!(report["fines"].as_array().unwrap().len(), 1);
    assert_ne!(report["fines"][0]["scr_wei"], "0");
    let claimed = report["rewards"]
        .as_array()
        .unwrap()
        .iter()
        .any(|reward| reward["claimed_wei"] != "0");
    assert!(claimed, "no winner claimed its reward");
}

#[tokio::test]
async fn mock_rounds_on_the_embedded_l1() {
    let data = tempfile::tempdir().unwrap();
    let report = once(data.path(), &["--proofs", "mock"]).await.unwrap();
    assert_eq!(report["l1"], "embedded");
    assert_both_rounds(&report);
}

#[tokio::test]
async fn mock_rounds_on_anvil() {
    let anvil = Anvil::start().await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let report = once(data.path(), &["--proofs", "mock", "--l1-rpc", &anvil.url])
        .await
        .unwrap();
    assert_eq!(report["l1"], anvil.url.as_str());
    assert_both_rounds(&report);
}
