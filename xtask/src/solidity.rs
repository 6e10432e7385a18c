//! What the compiler does not check of the Solidity: that functions stay short, and that slither finds nothing high or medium.
//!
//! The length of a function is that of its text from its keyword to its closing brace. The reader knows comments, strings and braces and
//! nothing else of the language; a declaration without a body has no length.

use std::{
    env,
    ffi::OsString,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use eyre::{WrapErr, bail};

use crate::tools;

const FOLDERS: [&str; 2] = ["contracts/src", "contracts/test"];
const KEYWORDS: [&str; 5] = ["function", "constructor", "modifier", "receive", "fallback"];
/// A function has fewer lines than this.
const FUNCTION_LINES_END: usize = 70;

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
struct Function<'a> {
    /// Its name, or its keyword if it has none.
    name: &'a str,
    /// Line on which it begins, from 1 on.
    line: usize,
    /// Lines from its keyword to its closing brace.
    lines: usize,
}

/// Refuses functions that are too long, by name.
pub fn check_functions() -> eyre::Result<()> {
    let mut long = String::new();
    for path in FOLDERS.iter().map(|folder| tools::root().join(folder)) {
        let files = files(&path).wrap_err_with(|| format!("cannot list {}", path.display()))?;
        for file in files {
            let source = fs::read_to_string(&file)
                .wrap_err_with(|| format!("cannot read {}", file.display()))?;
            let code = code_only(&source);
            for function in functions(&code) {
                if function.lines >= FUNCTION_LINES_END {
                    let Function { name, line, lines } = function;
                    writeln!(long, "{}:{line}: {name} has {lines} lines", file.display())?;
                }
            }
        }
    }
    if !long.is_empty() {
        bail!("functions of {FUNCTION_LINES_END} lines or more:\n{long}");
    }
    Ok(())
}

/// Runs slither if it is installed; fails when it finds anything that its configuration does not leave out.
pub fn slither(dir: &str) -> eyre::Result<()> {
    let version = Command::new("slither").arg("--version").output();
    if !version.is_ok_and(|output| output.status.success()) {
        eprintln!("slither is not installed: the contracts are not analysed");
        return Ok(());
    }
    let mut slither = tools::command(
        "slither",
        &[".", "--config-file", "slither.config.json"],
        dir,
    );
    // It calls `forge`, and builds beside what forge has built.
    slither
        .env(
            "PATH",
            path_with(&tools::root().join(dir).join("node_modules/.bin"))?,
        )
        .env("FOUNDRY_OUT", "cache/slither/out")
        .env("FOUNDRY_CACHE_PATH", "cache/slither/cache");
    tools::run(slither)
}

/// The search path with a folder before all others.
fn path_with(folder: &Path) -> eyre::Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [folder.to_path_buf()]
        .into_iter()
        .chain(env::split_paths(&path));
    Ok(env::join_paths(folders)?)
}

/// All Solidity files below a folder.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "sol") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[derive(Clone, Copy)]
enum Mode {
    Code,
    LineComment,
    BlockComment,
    Text { quote: char },
}

/// The source with spaces in place of comments and strings, line by line the same.
fn code_only(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut mode = Mode::Code;
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        mode = match mode {
            Mode::Code if c == '/' && next == Some('/') => Mode::LineComment,
            Mode::Code if c == '/' && next == Some('*') => {
                chars.next();
                Mode::BlockComment
            }
            Mode::Code if c == '"' || c == '\'' => Mode::Text { quote: c },
            Mode::Code => {
                code.push(c);
                continue;
            }
            Mode::LineComment if c == '\n' => Mode::Code,
            Mode::BlockComment if c == '*' && next == Some('/') => {
                chars.next();
                Mode::Code
            }
            Mode::Text { .. } if c == '\\' => {
                chars.next();
                mode
            }
            Mode::Text { quote } if c == quote => Mode::Code,
            Mode::LineComment | Mode::BlockComment | Mode::Text { .. } => mode,
        };
        code.push(if c == '\n' { '\n' } else { ' ' });
    }
    code
}

/// The functions with bodies in `code`, which has no comments and no strings.
fn functions(code: &str) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some((start, keyword)) = next_keyword(code, from) {
        let after = start + keyword.len();
        let Some(end) = body_end(code, after) else {
            from = after;
            continue;
        };
        let head = code[after..].split(['(', '{']).next().unwrap_or_default();
        let name = match head.trim() {
            "" => keyword,
            name => name,
        };
        let lines_in = |text: &str| 1 + text.matches('\n').count();
        found.push(Function {
            name,
            line: lines_in(&code[..start]),
            lines: lines_in(&code[start..end]),
        });
        from = end;
    }
    found
}

/// The next word of [`KEYWORDS`] from `from` on, and where it begins.
fn next_keyword(code: &str, from: usize) -> Option<(usize, &'static str)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let is_word = |start: usize, end: usize| {
        !code[..start].ends_with(is_part) && !code[end..].starts_with(is_part)
    };
    let first = |keyword: &'static str| {
        let mut places = code[from..].match_indices(keyword);
        let (at, _) = places.find(|(at, _)| is_word(from + at, from + at + keyword.len()))?;
        Some((from + at, keyword))
    };
    KEYWORDS.into_iter().filter_map(first).min()
}

/// Where the body ends that opens after `from`; `None` for a declaration without one.
fn body_end(code: &str, from: usize) -> Option<usize> {
    let mut depth = 0u32;
    for (at, c) in code[from..].char_indices() {
        match c {
            ';' if depth == 0 => return None,
            '{' => depth += 1,
            '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(from + at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(source: &str) -> Vec<(String, usize, usize)> {
        let code = code_only(source);
        functions(&code)
            .into_iter()
            .map(|function| (function.name.to_owned(), function.line, function.lines))
            .collect()
    }

    #[test]
    fn every_kind_of_body_has_a_length() {
        let source = "contract C {\n    constructor() {\n    }\n\n    modifier only() { _; }\n    function f(uint256 a)\n        \
                      external\n    {\n        if (a > 0) {\n            a--;\n        }\n    }\n    receive() external payable {}\n    \
                      fallback(bytes calldata) external returns (bytes memory) {\n    }\n}\n";
        let expected = [
            ("constructor", 2, 2),
            ("only", 5, 1),
            ("f", 6, 7),
            ("receive", 13, 1),
            ("fallback", 14, 2),
        ];
        assert_eq!(
            lengths(source),
            expected.map(|(name, line, lines)| (name.to_owned(), line, lines))
        );
    }

    #[test]
    fn declarations_types_and_names_are_no_bodies() {
        let source = "interface I {\n    function f() external;\n    function(uint256) external returns (bool) g;\n}\n\
                      contract C {\n    uint256 functions;\n    function run(function(uint256) external g) internal {\n        g(1);\n    }\n}\n";
        assert_eq!(lengths(source), [("run".to_owned(), 7, 3)]);
    }

    #[test]
    fn braces_in_comments_and_strings_do_not_count() {
        let source = "contract C {\n    // function a() {\n    /* function b() { */\n    /*/ } */\n    function f() external {\n        \
                      emit E(\"} \\\" }\", '}', hex\"7d\");\n    }\n}\n";
        assert_eq!(lengths(source), [("f".to_owned(), 5, 3)]);
    }

    #[test]
    fn lengths_are_those_of_the_text() {
        let body = "        a++;\n".repeat(68);
        let source = format!("contract C {{\n    function f() external {{\n{body}    }}\n}}\n");
        assert_eq!(lengths(&source), [("f".to_owned(), 2, FUNCTION_LINES_END)]);
    }
}
