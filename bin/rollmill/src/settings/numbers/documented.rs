//! docs/mechanism/README.md names every number of a network with its default, and nothing else.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, path::Path};

use rollmill_l1::first_values;
use serde_json::value::RawValue;

use super::Numbers;

/// A number, or a dial's least and greatest.
type Values = Vec<u128>;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap()
}

/// The defaults by their names: the law's, those beside it with `contracts.`, and the keys of L1's table.
fn of_code() -> BTreeMap<String, Values> {
    let numbers = Numbers::default();
    let mut found = BTreeMap::new();
    flatten(
        "",
        &serde_json::to_string(&numbers.law).unwrap(),
        &mut found,
    );
    let contracts = serde_json::to_string(&numbers.parameters).unwrap();
    flatten("contracts.", &contracts, &mut found);
    let keys = first_values(&numbers.law, &numbers.parameters);
    found.extend(keys.map(|(key, value)| (key.to_owned(), vec![value])));
    found
}

/// Files the numbers of a JSON object, with this before their names.
fn flatten(before: &str, json: &str, found: &mut BTreeMap<String, Values>) {
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).unwrap();
    for (field, value) in fields {
        let (name, value) = (format!("{before}{field}"), value.get());
        if value.starts_with('{') {
            flatten(&format!("{name}."), value, found);
        } else {
            let digits = value.trim_matches(['[', ']']).split(',');
            let numbers = digits.map(|number| number.trim_matches('"').parse().unwrap());
            found.insert(name, numbers.collect());
        }
    }
}

/// What stands between backticks.
fn ticked(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// `1200`, `10^9`, `5 x 10^20`.
fn number(text: &str) -> u128 {
    let factors = text
        .split(" x ")
        .map(|factor| match factor.split_once('^') {
            Some((base, exponent)) => {
                let base: u128 = base.parse().unwrap();
                base.pow(exponent.parse().unwrap())
            }
            None => factor.parse().unwrap(),
        });
    factors.product()
}

/// Names in the first column of the tables of parameters, with the numbers of the third, one for each or one for all.
fn of_document() -> BTreeMap<String, Values> {
    let text = read("docs/mechanism/README.md");
    let (_, text) = text.split_once("\n## Parameters\n").unwrap();
    let (text, _) = text.split_once("\n## ").unwrap();
    let mut found = BTreeMap::new();
    for row in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').collect();
        let (names, values) = (ticked(cells[1]), ticked(cells[3]));
        assert!(values.len() == names.len() || values.len() == 1, "{row}");
        for (name, value) in names.into_iter().zip(values.into_iter().cycle()) {
            let before = found.insert(name.to_owned(), value.split("..").map(number).collect());
            assert_eq!(before, None, "{name} is there twice");
        }
    }
    found
}

#[test]
fn the_document_has_every_number_with_its_default() {
    let (code, document) = (of_code(), of_document());
    let missing: Vec<_> = code
        .iter()
        .filter(|(name, values)| document.get(*name) != Some(values))
        .collect();
    assert!(missing.is_empty(), "not so in the document: {missing:?}");
    let unknown: Vec<_> = document
        .keys()
        .filter(|name| !code.contains_key(*name))
        .collect();
    assert!(unknown.is_empty(), "not in the code: {unknown:?}");
}

#[test]
fn l1s_table_has_the_keys_of_the_contract() {
    let source = read("contracts/src/interfaces/IParameters.sol");
    let (_, keys) = source.split_once("enum Key {").unwrap();
    let (keys, _) = keys.split_once('}').unwrap();
    let keys = keys
        .lines()
        .map(|line| line.trim().trim_end_matches(','))
        .filter(|line| !line.is_empty() && !line.starts_with("///"));
    let numbers = Numbers::default();
    let names = first_values(&numbers.law, &numbers.parameters).map(|(name, _)| name);
    assert_eq!(keys.collect::<Vec<_>>(), names);
}
