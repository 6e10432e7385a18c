//! The documents hang together: every page is in the book, every link leads somewhere, every file that is named exists.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
};

use crate::tools;

/// The pages of the book.
const PAGES: &str = "docs";
/// Documents outside of the book.
const OTHERS: [&str; 5] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "sdk/ts/README.md",
];
/// Where nothing is ours.
const FOREIGN: [&str; 3] = ["target", "node_modules", ".git"];
/// How the names of files end that documents speak of.
const ENDINGS: [&str; 9] = [
    ".rs", ".toml", ".md", ".json", ".ts", ".yml", ".yaml", ".sol", ".service",
];
/// What programs and compilers make, and the repository does not have.
const MADE: [&str; 5] = [
    "deployment.json",
    "escape/proofs/batch-N",
    "roller/roller.toml",
    "target/dashboard",
    "target/debug",
];

/// Everything below the repository's root, as paths from there.
fn tree() -> Vec<PathBuf> {
    let (root, mut found, mut open) = (tools::root(), Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root.join(&folder)).expect("a folder of the repository") {
            let entry = entry.expect("an entry of a folder");
            let path = folder.join(entry.file_name());
            if FOREIGN.iter().any(|name| entry.file_name() == **name) {
                continue;
            }
            if entry.path().is_dir() {
                open.push(path.clone());
            }
            found.push(path);
        }
    }
    found
}

/// The pages, as paths from the repository's root.
fn pages() -> BTreeSet<PathBuf> {
    let all = tree().into_iter();
    all.filter(|path| path.starts_with(PAGES) && path.extension().is_some_and(|end| end == "md"))
        .collect()
}

/// All documents with their texts.
fn documents() -> Vec<(PathBuf, String)> {
    let others = OTHERS.iter().map(PathBuf::from);
    others.chain(pages()).map(read).collect()
}

fn read(path: PathBuf) -> (PathBuf, String) {
    let text = fs::read_to_string(tools::root().join(&path)).expect("a document");
    (path, text)
}

/// Lines that are no code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_fenced = false;
    text.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_fenced ^= is_fence;
        !is_fence && !is_fenced && !line.starts_with("    ")
    })
}

/// What stands between backquotes.
fn spans(text: &str) -> Vec<&str> {
    prose(text)
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

/// Where links lead that stay in the repository.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let words: String = line.split('`').step_by(2).collect();
        let targets = words.split("](").skip(1);
        let targets = targets.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()));
        found.extend(targets.filter(|target| !target.contains("://")));
    }
    found
}

/// The names of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut is_fenced = false;
    let headings = text.lines().filter_map(|line| {
        is_fenced ^= line.starts_with("```");
        let heading = line.trim_start_matches('#').strip_prefix(' ')?;
        (line.starts_with('#') && !is_fenced).then_some(heading)
    });
    let name = |heading: &str| -> String {
        let kept = heading.chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            _ => letter
                .is_alphanumeric()
                .then(|| letter.to_ascii_lowercase()),
        });
        kept.collect()
    };
    headings.map(name).collect()
}

/// A path without `..`.
fn resolved(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(whole.pop(), "{} leaves", path.display()),
            Component::CurDir => {}
            _ => whole.push(part),
        }
    }
    whole
}

/// What is wrong with a link in the page at `path`, whose text is `text`.
fn broken(path: &Path, text: &str, link: &str) -> Option<String> {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = path.parent().expect("a document lies in a folder");
    let target = match file {
        "" => path.to_owned(),
        file => resolved(&folder.join(file)),
    };
    let there = tools::root().join(&target);
    if !there.exists() {
        return Some("leads nowhere".to_owned());
    }
    // Whoever reads the book has nothing but the book.
    if path.starts_with(PAGES) && !(target.starts_with(PAGES) && there.is_file()) {
        return Some("leads out of the book".to_owned());
    }
    if anchor.is_empty() {
        return None;
    }
    let there = match target == path {
        true => text.to_owned(),
        false => fs::read_to_string(there).unwrap_or_default(),
    };
    (!anchors(&there).contains(anchor)).then(|| format!("has no heading #{anchor}"))
}

/// Whether a piece of code names a file or folder.
fn is_path(code: &str) -> bool {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_./-".contains(letter);
    code.chars().all(is_name)
        && code.chars().any(|letter| letter.is_ascii_alphabetic())
        && !code.starts_with(['/', '-'])
        // Kinds of content.
        && !code.starts_with("application/")
        && (code.contains('/')
            || ENDINGS
                .iter()
                .any(|end| code.ends_with(end) && code != *end))
}

/// A path without `src`, which documents leave out: `engine/rpc`, `law/control.rs`.
fn short(path: &Path) -> String {
    let parts = path.iter().filter_map(|part| part.to_str());
    let parts: Vec<&str> = parts.filter(|part| *part != "src").collect();
    format!("/{}", parts.join("/"))
}

#[test]
fn every_page_is_in_the_book_once() {
    let (path, summary) = read("docs/SUMMARY.md".into());
    let mut listed = BTreeSet::new();
    for link in links(&summary) {
        assert!(
            listed.insert(Path::new(PAGES).join(&link)),
            "{link} is there twice"
        );
    }
    let mut pages = pages();
    assert!(pages.remove(&path));
    let missing: Vec<_> = pages.difference(&listed).collect();
    assert!(missing.is_empty(), "not in docs/SUMMARY.md: {missing:?}");
    let gone: Vec<_> = listed.difference(&pages).collect();
    assert!(gone.is_empty(), "docs/SUMMARY.md has more: {gone:?}");
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    let (mut links_total, documents) = (0, documents());
    for (path, text) in &documents {
        for link in links(text) {
            links_total += 1;
            let why = broken(path, text, &link);
            wrong.extend(why.map(|why| format!("{}: {link} {why}", path.display())));
        }
    }
    assert!(links_total > 200, "{links_total} links were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The book shows ARCHITECTURE.md as a page of its own folder, and each README.md as `index.html`: links to what they were find them by
/// redirections.
#[test]
fn what_has_another_place_in_the_book_is_found() {
    let (_, settings) = read("book.toml".into());
    let (_, map) = read("ARCHITECTURE.md".into());
    let links = links(&map);
    let pages = links.iter().filter_map(|link| link.split('#').next());
    let moved: BTreeSet<String> = pages
        .filter(|page| !page.is_empty())
        .map(|page| format!("/{page}"))
        .collect();
    assert!(!moved.is_empty());
    let indexes = pages_called("README.md").into_iter();
    for page in moved.into_iter().chain(indexes) {
        let line = format!("\"{}.html\" = \"", page.trim_end_matches(".md"));
        assert!(settings.contains(&line), "book.toml lacks {line}");
    }
}

/// Pages with this name, as paths of the book.
fn pages_called(name: &str) -> Vec<String> {
    let found = pages().into_iter().filter(|page| page.ends_with(name));
    let found = found.filter_map(|page| Some(page.strip_prefix(PAGES).ok()?.display().to_string()));
    found.map(|page| format!("/{page}")).collect()
}

#[test]
fn every_file_that_a_document_names_exists() {
    let there: Vec<String> = tree().iter().map(|path| short(path)).collect();
    let mut missing = Vec::new();
    for (path, text) in documents() {
        let folder = tools::root().join(path.parent().expect("a document lies in a folder"));
        for code in spans(&text).into_iter().filter(|code| is_path(code)) {
            let named = short(Path::new(code));
            let (file, module) = (named.as_str(), format!("{named}.rs"));
            let is_there = MADE.contains(&code)
                || folder.join(code).exists()
                || there
                    .iter()
                    .any(|path| path.ends_with(file) || path.ends_with(&module));
            if !is_there {
                missing.push(format!("{}: {code}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// What a roller may expect is the simulator's word, as it stands in its tables.
#[test]
fn figures_for_rollers_are_the_simulators() {
    let (_, page) = read("docs/roller/economics.md".into());
    let (_, results) = read("docs/mechanism/results.md".into());
    let words = page.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let words = words.map(|word| word.trim_matches('.'));
    let figures: BTreeSet<&str> = words.filter(|word| word.contains('.')).collect();
    assert!(figures.len() > 10, "{figures:?}");
    let foreign = figures.iter().filter(|figure| !results.contains(**figure));
    assert_eq!(foreign.collect::<Vec<_>>(), [&""; 0]);
}

#[test]
fn dead_links_are_seen() {
    let page = Path::new("docs/roller/README.md");
    let text = "# Running\n\n## Two words, `code` (b)\n```\n# no heading\n```\n[a](#running), `[b](c)`\n    [d](e)\n";
    assert_eq!(links(text), ["#running"]);
    assert_eq!(
        anchors(text).into_iter().collect::<Vec<_>>(),
        ["running", "two-words-code-b"]
    );
    let why = |link| broken(page, text, link);
    assert_eq!(why("#running"), None);
    assert_eq!(
        why("#no-heading").as_deref(),
        Some("has no heading #no-heading")
    );
    assert_eq!(why("../glossary.md"), None);
    assert_eq!(
        why("../glossary.md#x").as_deref(),
        Some("has no heading #x")
    );
    assert_eq!(why("glossary.md").as_deref(), Some("leads nowhere"));
    assert_eq!(
        why("../../README.md").as_deref(),
        Some("leads out of the book")
    );
    assert_eq!(why("../operator").as_deref(), Some("leads out of the book"));
}

#[test]
fn paths_are_told_from_other_code() {
    for path in ["crates/stf", "engine/rpc", "deny.toml", ".ci/run"] {
        assert!(is_path(path), "{path}");
    }
    for other in [
        "/v1/log",
        "--data-dir",
        "1/2",
        "a b/c",
        "http://a/b",
        "application/json",
        ".rs",
        "q",
    ] {
        assert!(!is_path(other), "{other}");
    }
    assert_eq!(
        short(Path::new("crates/stf/src/fees.rs")),
        "/crates/stf/fees.rs"
    );
}
