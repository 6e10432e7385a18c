//! The runner is tested with fixtures of our own making, which [`write::all`] makes and `tests/fixtures` holds: they must
//! pass, and each way of spoiling one must be noticed.
#![allow(clippy::unwrap_used)]

mod write;

use super::{Args, Recorder, Report, find_files, run, run_files};
use alloy::primitives::B256;
use rollmill_stf::case::{chained, verdicts};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn report(dir: &Path) -> Report {
    run_files(&find_files(dir).unwrap(), 2, &Recorder::default()).unwrap()
}

/// Runs one fixture file with this content.
fn report_of(fixture: &Value) -> Report {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("fixture.json"), fixture.to_string()).unwrap();
    report(dir.path())
}

/// The only test of a fixture, by the file's name.
fn fixture(file: &str) -> (String, Value) {
    let (_, fixture) = write::all()
        .into_iter()
        .find(|(name, _)| *name == file)
        .unwrap();
    let (name, test) = fixture.as_object().unwrap().iter().next().unwrap();
    (name.clone(), test.clone())
}

/// Fails exactly once, with a reason that contains `why`, when `spoil` has changed the fixture.
fn must_fail(file: &str, why: &str, spoil: impl FnOnce(&mut Value)) {
    let (name, mut test) = fixture(file);
    spoil(&mut test);
    let report = report_of(&json!({ name: test }));
    let failures: Vec<_> = report
        .failures
        .iter()
        .map(|failure| failure.why.clone())
        .collect();
    assert!(
        failures.len() == 1 && failures[0].contains(why),
        "{failures:?}"
    );
}

#[test]
fn the_committed_fixtures_pass() {
    let report = report(&committed());
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    assert_eq!((report.passed, report.skipped), (9, 1));
    run(Args {
        dir: committed(),
        json: true,
        threads: None,
        record: None,
    })
    .unwrap();
}

/// One (name, case, verdict) after the other.
fn records(mut bytes: &[u8]) -> Vec<(String, Vec<u8>, B256)> {
    let mut found = Vec::new();
    let item = |bytes: &mut &[u8]| {
        let (length, rest) = bytes.split_first_chunk().unwrap();
        let (item, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        *bytes = rest;
        item.to_vec()
    };
    while !bytes.is_empty() {
        let name = String::from_utf8(item(&mut bytes)).unwrap();
        let case = item(&mut bytes);
        let (verdict, rest) = bytes.split_at(32);
        bytes = rest;
        found.push((name, case, B256::from_slice(verdict)));
    }
    found
}

/// Blocks and transactions, accepted and refused: each says the same from its bytes, alone and among the others; and bytes that end too
/// early are no cases.
#[test]
fn recorded_cases_have_the_verdicts_of_those_that_ran() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cases");
    run(Args {
        dir: committed(),
        json: true,
        threads: None,
        record: Some(file.clone()),
    })
    .unwrap();
    let records = records(&fs::read(file).unwrap());
    let refused = records.iter().filter(|(_, _, verdict)| verdict.is_zero());
    assert!(refused.count() > 0);
    assert!(records.iter().any(|(name, _, _)| name.contains("[Osaka")));
    assert!(records.iter().any(|(name, _, _)| name.contains(", block")));
    let (mut all, mut chain) = (Vec::new(), B256::ZERO);
    for (name, case, verdict) in records {
        let alone = verdicts(case.clone().into()).unwrap();
        assert_eq!(alone, chained(B256::ZERO, verdict), "{name}");
        verdicts(case[..case.len() - 1].to_vec().into()).unwrap_err();
        all.extend(case);
        chain = chained(chain, verdict);
    }
    assert_eq!(verdicts(all.into()).unwrap(), chain);
}

/// `ROLLMILL_WRITE_FIXTURES=1` writes them anew.
#[test]
fn the_committed_fixtures_are_those_that_we_make() {
    for (name, fixture) in write::all() {
        let path = committed().join(name);
        if std::env::var_os("ROLLMILL_WRITE_FIXTURES").is_some() {
            let text = serde_json::to_string_pretty(&fixture).unwrap() + "\n";
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        }
        let committed: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(committed, fixture, "{name}");
    }
}

#[test]
fn a_wrong_end_is_noticed() {
    let file = "blockchain/requests_osaka.json";
    must_fail(file, "post state root", |test| {
        test["postState"]
            .as_object_mut()
            .unwrap()
            .values_mut()
            .next()
            .unwrap()["balance"] = json!("0x1234");
    });
    must_fail(file, "was not accepted", |test| {
        test["lastblockhash"] = json!(format!("0x{:064x}", 1))
    });
    must_fail(file, "not the fixture's", |test| {
        test["blocks"][0]["blockHeader"]["hash"] = json!(format!("0x{:064x}", 1))
    });
    must_fail(file, "last block has number", |test| {
        test["lastblockhash"] = test["blocks"][0]["blockHeader"]["hash"].clone();
    });
    must_fail(file, "genesis state root", |test| {
        test["pre"]
            .as_object_mut()
            .unwrap()
            .values_mut()
            .next()
            .unwrap()["balance"] = json!("0x1234");
    });
}

#[test]
fn a_valid_block_that_should_be_refused_is_noticed() {
    must_fail(
        "blockchain/requests_osaka.json",
        "accepted in spite of",
        |test| {
            test["blocks"][0]["expectException"] = json!("BlockException.ANY");
        },
    );
}

#[test]
fn an_invalid_block_that_should_be_accepted_is_noticed() {
    must_fail("blockchain/invalid_osaka.json", "refused", |test| {
        test["blocks"][0]
            .as_object_mut()
            .unwrap()
            .remove("expectException");
    });
}

#[test]
fn a_wrong_effect_of_a_transaction_is_noticed() {
    let file = "state/store_and_log.json";
    must_fail(file, "expected", |test| {
        test["post"]["Osaka"][0]["hash"] = json!(format!("0x{:064x}", 1))
    });
    must_fail(file, "expected", |test| {
        test["post"]["Osaka"][0]["logs"] = json!(format!("0x{:064x}", 1))
    });
    must_fail(file, "accepted in spite of", |test| {
        test["post"]["Osaka"][0]["expectException"] = json!("any")
    });
    must_fail(file, "refused", |test| {
        test["post"]["Osaka"][1]
            .as_object_mut()
            .unwrap()
            .remove("expectException");
    });
}

#[test]
fn a_transaction_is_built_from_its_parts_when_it_has_no_bytes() {
    let (name, mut test) = fixture("state/store_and_log.json");
    for posts in test["post"].as_object_mut().unwrap().values_mut() {
        for post in posts.as_array_mut().unwrap() {
            post.as_object_mut().unwrap().remove("txbytes");
        }
    }
    let report = report_of(&json!({ name: test }));
    assert!(
        report.failures.is_empty() && report.passed > 0,
        "{:?}",
        report.failures
    );
}

#[test]
fn nothing_found_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let args = Args {
        dir: dir.path().to_owned(),
        json: false,
        threads: None,
        record: None,
    };
    assert!(
        run(args.clone())
            .unwrap_err()
            .to_string()
            .contains("no fixtures found")
    );
    fs::write(dir.path().join("index.json"), "{\"a\": 1}").unwrap();
    assert!(run(args.clone()).is_err());
    assert!(
        run(Args {
            dir: dir.path().join("absent"),
            ..args
        })
        .is_err()
    );
}

#[test]
fn a_damaged_file_fails() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("fixture.json"), "{\"a\": ").unwrap();
    assert_eq!(report(dir.path()).failed, 1);
}
