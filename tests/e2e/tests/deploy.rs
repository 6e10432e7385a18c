//! What `deploy` holds fits the programs: flags, environment variables, alerts with their runbooks, values of the chart.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use rollmill_e2e::{observed::deployed, program, run};
use tokio::process::Command;

/// `--help` of what runs as a service.
async fn help(name: &str, verb: &str) -> String {
    let mut command = Command::new(program(name).unwrap());
    command.args([verb, "--help"]);
    let ended = run(command).await.unwrap();
    assert!(ended.success, "{}", ended.said);
    ended.said
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let found = paths.map(|path| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    });
    found.flatten().collect()
}

/// Words of letters, digits and the given marks.
fn words<'a>(text: &'a str, marks: &'static str) -> impl Iterator<Item = &'a str> {
    text.split(move |c: char| !c.is_ascii_alphanumeric() && !marks.contains(c))
}

/// What the programs read from the environment by our names.
fn variables(text: &str) -> BTreeSet<&str> {
    words(text, "_")
        .filter(|word| word.starts_with("ROLLMILL_"))
        .collect()
}

/// Flags that a line of a service file gives a program, and the program's verb.
fn call(line: &str) -> Option<(&'static str, Vec<&str>)> {
    let starts = ["ExecStart=", "command: [", "args: [", "CMD ["];
    let line = line.trim().trim_start_matches("- ");
    starts.iter().find(|start| line.starts_with(**start))?;
    let mut found = words(line, "-").peekable();
    let verb = found.by_ref().find_map(|word| match word {
        "node" => Some("node"),
        "run" => Some("run"),
        _ => None,
    })?;
    Some((verb, found.filter(|word| word.starts_with("--")).collect()))
}

fn is_among(help: &str, word: &str) -> bool {
    words(help, "_-").any(|known| known == word)
}

#[test]
fn calls_are_read_from_service_files() {
    let unit = "ExecStart=/usr/local/bin/rollmill node --metrics 127.0.0.1:9670";
    assert_eq!(call(unit), Some(("node", vec!["--metrics"])));
    let compose = "    command: [run, --fallback]";
    assert_eq!(call(compose), Some(("run", vec!["--fallback"])));
    assert_eq!(call("    image: node --nothing"), None);
}

#[tokio::test]
async fn every_flag_and_variable_of_a_service_is_one_of_its_program() {
    let (node, roller) = (help("rollmill", "node").await, help("roller", "run").await);
    let (mut calls, mut named) = (0, BTreeSet::new());
    for path in files(&deployed("")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.display();
        for (verb, flags) in text.lines().filter_map(call) {
            calls += 1;
            let help = match verb {
                "node" => &node,
                _ => &roller,
            };
            for flag in flags {
                assert!(is_among(help, flag), "{name}: {verb} {flag}");
            }
        }
        for variable in variables(&text) {
            let file = path.file_name().unwrap().to_str().unwrap();
            let is_one = match file {
                "rollmill.service" | "node.yaml" => is_among(&node, variable),
                "roller.service" | "roller.yaml" => is_among(&roller, variable),
                _ => is_among(&node, variable) || is_among(&roller, variable),
            };
            assert!(is_one, "{name}: {variable}");
            named.insert(variable.to_owned());
        }
    }
    assert!(calls >= 7 && named.len() >= 12, "{calls} {named:?}");
}

#[test]
fn units_are_sections_of_settings() {
    for unit in ["rollmill.service", "roller.service"] {
        let text = std::fs::read_to_string(deployed("systemd").join(unit)).unwrap();
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut sections = Vec::new();
        for line in lines {
            match line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                Some(section) => sections.push(section),
                None => assert!(line.split_once('=').is_some_and(|(key, _)| {
                    key.chars().all(char::is_alphanumeric) && !sections.is_empty()
                })),
            }
        }
        assert_eq!(sections, ["Unit", "Service", "Install"], "{unit}");
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let root = deployed("").join("..");
    let rules = std::fs::read_to_string(deployed("prometheus/rollmill.rules.yml")).unwrap();
    let (mut alert, mut pages) = (None, BTreeSet::new());
    for line in rules.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- alert: ") {
            assert_eq!(
                alert.replace(name),
                None,
                "the alert before {name} has no runbook"
            );
        }
        if let Some(page) = line.strip_prefix("runbook: ") {
            let text = std::fs::read_to_string(root.join(page)).unwrap();
            let title = format!("# {}\n", alert.take().unwrap());
            assert!(text.starts_with(&title), "{page}");
            for part in ["## What it means", "## What to do\n1. "] {
                assert!(text.contains(part), "{page}: {part}");
            }
            pages.insert(root.join(page).canonicalize().unwrap());
        }
    }
    assert_eq!(alert, None);
    let there = files(&root.join("docs/operator/runbooks")).into_iter();
    let there: BTreeSet<PathBuf> = there.map(|page| page.canonicalize().unwrap()).collect();
    assert_eq!(pages, there);
    assert!(pages.len() >= 14);
}

/// The values of the chart: each key with those above it.
fn values(text: &str) -> BTreeSet<String> {
    let mut above: Vec<(usize, &str)> = Vec::new();
    let mut found = BTreeSet::new();
    for line in text.lines() {
        let key = line.trim_start();
        let depth = line.len() - key.len();
        let Some((key, _)) = key.split_once(':').filter(|_| !key.starts_with('#')) else {
            continue;
        };
        above.retain(|(other, _)| *other < depth);
        above.push((depth, key));
        let keys: Vec<&str> = above.iter().map(|(_, key)| *key).collect();
        found.insert(keys.join("."));
    }
    found
}

#[test]
fn every_value_that_the_chart_asks_for_is_there_and_every_one_is_asked_for() {
    let chart = deployed("helm/rollmill");
    let there = values(&std::fs::read_to_string(chart.join("values.yaml")).unwrap());
    let mut asked = BTreeSet::new();
    for path in files(&chart.join("templates")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let names = words(&text, "_.").filter_map(|word| word.strip_prefix(".Values."));
        asked.extend(names.map(str::to_owned));
        let mut opened = text.split("{{").skip(1);
        assert!(opened.all(|part| part.contains("}}")), "{}", path.display());
    }
    let missing: Vec<_> = asked.difference(&there).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let is_used = |value: &&String| {
        let below = format!("{value}.");
        asked.iter().any(|asked| {
            *asked == **value
                || asked.starts_with(&below)
                || value.starts_with(&format!("{asked}."))
        })
    };
    let unused: Vec<_> = there.iter().filter(|value| !is_used(value)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}
