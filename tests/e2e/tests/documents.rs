//! Every command that a document shows exists, with the flags that it is shown with; and those in blocks do what is shown below them.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use rollmill_e2e::{
    program, run,
    walk::{self, Walk, blocks},
};
use tokio::process::Command;

/// How documents call the programs.
const CALLS: [(&str, &str); 6] = [
    ("cargo run --release -p sim -- ", "sim"),
    ("cargo run --release -- ", "rollmill"),
    ("cargo xtask ", "xtask"),
    ("rollmill ", "rollmill"),
    ("roller ", "roller"),
    ("sim ", "sim"),
];

/// Chapters whose commands are typed one after the other: with a wallet on a devnet,
const WALLET: [&str; 6] = [
    "docs/use/README.md",
    "docs/use/contract.md",
    "docs/use/bridge.md",
    "docs/developer/fees.md",
    "docs/operator/load.md",
    "docs/leaving.md",
];
/// with a roller that joins it,
const ROLLER: [&str; 1] = ["docs/roller/README.md"];
/// and with a rollup on anvil.
const OPERATOR: [&str; 4] = [
    "docs/operator/anvil.md",
    "docs/operator/metrics.md",
    "docs/operator/drills.md",
    "docs/operator/keys.md",
];

/// Commands in blocks that nobody types here: the document, how they begin, and why not.
const NOT_TYPED: [(&str, &str, &str); 10] = [
    (
        "README.md",
        "cargo run --release",
        "builds for half an hour; other tests run the same programs",
    ),
    ("README.md", "cargo xtask test", "runs this test"),
    ("CONTRIBUTING.md", "cargo xtask test", "runs this test"),
    (
        "docs/README.md",
        "cargo build --release",
        "builds for half an hour",
    ),
    (
        "docs/mechanism/README.md",
        "cargo run --release -p sim",
        "plays for minutes; the tests of bin/sim play a part of each",
    ),
    (
        "docs/mechanism/README.md",
        "cargo run --release -p rollmill-protocol",
        "measures a machine that does nothing else",
    ),
    (
        "docs/developer/fees.md",
        "cast send 0x0000000000000000000000000000000000524d06",
        "needs 0.01 ether of proving fees; `fees.rs` collects and sells them",
    ),
    ("docs/developer/fees.md", "cast send $", "the same"),
    ("docs/developer/fees.md", "cast rpc", "the same"),
    ("docs/developer/fees.md", "cast call", "the same"),
];

/// How lines begin that a shell runs.
const TOOLS: [&str; 12] = [
    "anvil ",
    "cargo ",
    "cast ",
    "curl ",
    "forge ",
    "kill ",
    "npm ",
    "roller ",
    "rollmill ",
    "sh ",
    "sim ",
    "systemctl ",
];

/// A program, its verbs, and the flags behind them.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    program: &'static str,
    verbs: Vec<String>,
    flags: Vec<String>,
}

impl Shown {
    fn verbs(&self) -> (&'static str, &[String]) {
        (self.program, &self.verbs)
    }
}

/// The command that a piece of code is; `None` if it is something else.
fn shown(code: &str) -> Option<Shown> {
    let code = code.trim();
    let (call, program) = CALLS.iter().find(|(call, _)| code.starts_with(call))?;
    // What follows is said of it.
    let words = code[call.len()..].split(" #").next()?.split_whitespace();
    let words: Vec<&str> = words
        .map(|word| word.trim_matches(['[', ']', '(', ')', ',', '.']))
        .collect();
    let is_verb =
        |word: &&&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let verbs = words
        .iter()
        .take_while(|word| !word.starts_with('-'))
        .take_while(is_verb);
    let flags = words
        .iter()
        .filter(|word| word.starts_with("--") && word.len() > 2);
    let owned = |word: &&str| (*word).to_owned();
    Some(Shown {
        program,
        verbs: verbs.map(owned).collect(),
        flags: flags.map(owned).collect(),
    })
}

/// Lines of code blocks, and what stands between backquotes.
fn code_of(document: &str) -> Vec<&str> {
    let (mut code, mut is_fenced) = (Vec::new(), false);
    for line in document.lines() {
        if line.starts_with("```") {
            is_fenced = !is_fenced;
        } else if is_fenced || line.starts_with("    ") {
            code.push(line);
        } else {
            code.extend(line.split('`').skip(1).step_by(2));
        }
    }
    code
}

/// Lines of code blocks, each with whether somebody types it.
fn typed(document: &str) -> Vec<(bool, String)> {
    let fenced = blocks(document).into_iter().flat_map(|block| {
        let is_typed = !matches!(block.kind, walk::Kind::Other | walk::Kind::File(_));
        let lines: Vec<String> = block.code.lines().map(str::to_owned).collect();
        lines.into_iter().map(move |line| (is_typed, line))
    });
    let indented = document
        .lines()
        .filter_map(|line| line.strip_prefix("    "));
    let indented = indented.map(|line| (false, line.to_owned()));
    fenced.chain(indented).collect()
}

/// The documents of the repository.
fn documents() -> Vec<PathBuf> {
    let root = walk::root();
    let mut found = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    let mut open = vec![root.join("docs")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// What `--help` says of these verbs; what is wrong with them if there is none.
async fn help(program_name: &str, verbs: &[String]) -> Result<String, String> {
    let mut command = Command::new(program(program_name).unwrap());
    command.args(verbs).arg("--help");
    let ended = run(command).await.unwrap();
    match ended.success {
        true => Ok(ended.said),
        false => Err(format!("{program_name} {verbs:?}: {}", ended.said)),
    }
}

/// Whether a help text names a flag, and not only a longer one.
fn names(help: &str, flag: &str) -> bool {
    help.match_indices(flag).any(|(at, _)| {
        let next = help[at + flag.len()..].chars().next();
        next.is_none_or(|next| !next.is_ascii_alphanumeric() && next != '-')
    })
}

#[test]
fn commands_are_read_from_code() {
    let text = "Run `rollmill node --derive [--listen ADDRESS]`, not `rollmill_getBatch`:\n\
                ```\nroller receipts list   --data-dir d [--task 0x…] # the --first\n```\n";
    let of = |program, verbs: &[&str], flags: &[&str]| Shown {
        program,
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
    };
    let found: Vec<Shown> = code_of(text).into_iter().filter_map(shown).collect();
    let expected = [
        of("rollmill", &["node"], &["--derive", "--listen"]),
        of("roller", &["receipts", "list"], &["--data-dir", "--task"]),
    ];
    assert_eq!(found, expected);
    let indented = code_of("    cargo run --release -p sim -- run a.toml --policy law");
    assert_eq!(shown(indented[0]), Some(of("sim", &["run"], &["--policy"])));
    assert!(names("  --rpc <URL>", "--rpc"));
    assert!(!names("  --rpc-url <URL>", "--rpc"));
}

#[tokio::test]
async fn every_command_in_the_documents_exists_with_its_flags() {
    let mut commands = Vec::new();
    for path in documents() {
        let document = std::fs::read_to_string(&path).unwrap();
        let place = path.file_name().unwrap().display().to_string();
        let found = code_of(&document).into_iter().filter_map(shown);
        commands.extend(found.map(|command| (place.clone(), command)));
    }
    let count = commands.len();
    assert!(count > 60, "{count} commands were read from the documents");

    let verbs = commands.iter().map(|(_, command)| command.verbs());
    let mut helps = BTreeMap::new();
    for (program, verbs) in verbs.collect::<BTreeSet<_>>() {
        helps.insert((program, verbs), help(program, verbs).await);
    }
    let mut wrong = Vec::new();
    for (place, command) in &commands {
        match &helps[&command.verbs()] {
            Err(error) => wrong.push(format!("{place}: {error}")),
            Ok(help) => {
                let unknown = command.flags.iter().filter(|flag| !names(help, flag));
                wrong.extend(unknown.map(|flag| format!("{place}: {command:?} {flag}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_in_a_block_is_typed_or_named_with_the_reason() {
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    let typed_pages = [&WALLET[..], &ROLLER, &OPERATOR].concat();
    for path in documents() {
        let page = path.strip_prefix(walk::root()).unwrap().to_str().unwrap();
        let document = std::fs::read_to_string(&path).unwrap();
        for (is_typed, line) in typed(&document) {
            let is_command = TOOLS.iter().any(|tool| line.starts_with(tool));
            if !is_command || is_typed && typed_pages.contains(&page) {
                continue;
            }
            let mut named = NOT_TYPED.iter().enumerate();
            match named.find(|(_, (at, begins, _))| *at == page && line.starts_with(begins)) {
                Some((index, _)) => {
                    used.insert(index);
                }
                None => wrong.push(format!("{page}: {line}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        used.len(),
        NOT_TYPED.len(),
        "an exception is none: {used:?}"
    );
}

async fn walk_through(pages: &[&str]) {
    let mut walk = Walk::new().await.unwrap();
    for page in pages {
        if let Err(error) = walk.page(page).await {
            panic!("{error:?}");
        }
    }
}

#[tokio::test]
async fn the_chapters_for_a_wallet_do_what_they_say() {
    walk_through(&WALLET).await;
}

#[tokio::test]
async fn the_chapter_for_a_roller_does_what_it_says() {
    walk_through(&ROLLER).await;
}

#[tokio::test]
async fn the_chapters_for_an_operator_do_what_they_say() {
    walk_through(&OPERATOR).await;
}
