//! One rule for errors: a text never holds its cause. Whoever prints an error joins its causes, so a text that holds its own says
//! it twice. Found in the source: `#[error("... {0}")]` over `#[from]` or `#[source]`, and `{source}`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Rust files below `dir`.
fn sources(dir: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// Line numbers of error texts that hold their cause.
fn texts_with_causes(source: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut at = 0;
    for (number, chunk) in source.split("#[error(").enumerate() {
        if number > 0 && holds_cause(chunk) {
            lines.push(source[..at].lines().count());
        }
        at += chunk.len() + "#[error(".len();
    }
    lines
}

/// What follows `#[error(`, up to the next one: is the cause named in the text?
fn holds_cause(chunk: &str) -> bool {
    let Some((text, variant)) = chunk.split_once(")]\n") else {
        return false;
    };
    // The variant's own line; its fields' attributes do not matter where they have names.
    let tuple = variant.split_once(')').map_or("", |(tuple, _)| tuple);
    let has_cause = tuple.contains("(#[from]") || tuple.contains("(#[source]");
    text.contains("{source") || (text.contains("{0") && has_cause)
}

#[test]
fn no_error_text_holds_its_cause() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for dir in ["crates", "bin"] {
        sources(&root.join(dir), &mut files)?;
    }
    assert!(files.len() > 100, "only {} files were found", files.len());
    let mut bad = Vec::new();
    for file in files.iter().filter(|file| !file.ends_with("output.rs")) {
        let lines = texts_with_causes(&fs::read_to_string(file)?);
        bad.extend(
            lines
                .iter()
                .map(|line| format!("{}:{line}", file.display())),
        );
    }
    assert!(
        bad.is_empty(),
        "error texts that hold their cause: {bad:#?}"
    );
    Ok(())
}

#[test]
fn a_text_with_its_cause_is_found() {
    let named = "#[error(\"cannot open {path}: {source}\")]\n    Open { source: io::Error },\n";
    let tuple = "\n#[error(\"database: {0}\")]\n    Database(#[from] Error),\n";
    let plain = "#[error(\"block {0} is missing\")]\n    Missing(u64),\n    #[error(\"io\")]\n    Io(#[from] Error),\n";
    assert_eq!(texts_with_causes(named), [1]);
    assert_eq!(texts_with_causes(tuple), [2]);
    assert_eq!(texts_with_causes(plain), [0; 0]);
}
