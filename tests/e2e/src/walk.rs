//! A chapter of the documents, typed as it stands: its commands run in one shell, and print what the chapter says.
//!
//! The words behind the three backquotes of a block say what it is:
//!
//! | words | meaning |
//! |---|---|
//! | `sh` | typed; must succeed |
//! | `sh again` | typed until it succeeds and prints what is shown |
//! | `sh background` | runs on; what is shown is waited for |
//! | `toml FILE`, in any language | the content of a file |
//! | `text`, directly below one of these | lines among those that it prints, in their order; `…` stands for anything |
//!
//! The ports that documents name are replaced by free ones.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use eyre::{WrapErr, bail, ensure, eyre};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{PATIENCE, program, until};

/// The ports that documents name: L1, L2, a replica, the coordinator, metrics of node and roller.
const PORTS: [&str; 6] = ["8545", "9545", "9546", "9650", "9670", "9671"];
/// Ends what a block has printed; its status follows.
const END: &str = "end of the block:";

/// What is done with a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Typed once.
    Typed,
    /// Typed until it prints what is shown.
    Again,
    /// Runs while the rest is typed.
    Background,
    /// The content of a file.
    File(String),
    /// Something else.
    Other,
}

/// A block of a document.
#[derive(Clone, Debug)]
pub struct Block {
    /// What is done with it.
    pub kind: Kind,
    /// Its lines.
    pub code: String,
    /// Lines that it prints.
    pub shown: String,
}

/// The fenced blocks of a document.
pub fn blocks(document: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut lines = document.lines();
    // Whether nothing but blocks stands since the last one.
    let mut is_next = false;
    while let Some(line) = lines.next() {
        let Some(words) = line.strip_prefix("```") else {
            is_next &= line.is_empty();
            continue;
        };
        let code: Vec<&str> = lines
            .by_ref()
            .take_while(|line| !line.starts_with("```"))
            .collect();
        let code = code.join("\n");
        let words: Vec<&str> = words.split_whitespace().collect();
        let kind = match words[..] {
            ["text"] => match found.last_mut().filter(|_| is_next) {
                Some(last) => {
                    last.shown = code;
                    is_next = false;
                    continue;
                }
                None => Kind::Other,
            },
            ["sh"] => Kind::Typed,
            ["sh", "again"] => Kind::Again,
            ["sh", "background"] => Kind::Background,
            ["sh", ..] | [] | [_] => Kind::Other,
            [_, file, ..] => Kind::File(file.to_owned()),
        };
        is_next = true;
        found.push(Block {
            kind,
            code,
            shown: String::new(),
        });
    }
    found
}

/// Whether a line is what is shown.
fn is_shown(shown: &str, line: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    true
}

/// The first line that is shown and was not printed in its place.
fn missing<'a>(shown: &'a str, printed: &str) -> Option<&'a str> {
    let mut printed = printed.lines().map(str::trim_end);
    let mut shown = shown.lines().filter(|line| !line.is_empty());
    shown.find(|shown| !printed.any(|line| is_shown(shown, line)))
}

/// One shell in one folder.
#[derive(Debug)]
pub struct Walk {
    folder: TempDir,
    ports: Vec<(&'static str, String)>,
    shell: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    backgrounds: usize,
}

impl Walk {
    /// Opens the shell.
    pub async fn new() -> eyre::Result<Self> {
        let folder = tempfile::tempdir()?;
        let ports = free_ports().await?;
        let mut shell = command(folder.path(), &ports)?.spawn().wrap_err("bash")?;
        let input = shell.stdin.take().ok_or_else(|| eyre!("no input"))?;
        let output = shell.stdout.take().ok_or_else(|| eyre!("no output"))?;
        let mut walk = Self {
            folder,
            ports,
            shell,
            input,
            output: BufReader::new(output).lines(),
            backgrounds: 0,
        };
        walk.write("exec 2>&1; set -e -o pipefail\n").await?;
        Ok(walk)
    }

    /// Types a chapter.
    pub async fn page(&mut self, page: &str) -> eyre::Result<()> {
        let path = root().join(page);
        let document = std::fs::read_to_string(&path).wrap_err_with(|| page.to_owned())?;
        for block in blocks(&document) {
            let code = self.with_ports(&block.code);
            let shown = self.with_ports(&block.shown);
            let done = match &block.kind {
                Kind::Typed => self.typed(&code, &shown).await,
                Kind::Again => self.again(&code, &shown).await,
                Kind::Background => self.background(&code, &shown).await,
                Kind::File(name) => self.file(name, &code),
                Kind::Other => Ok(()),
            };
            done.wrap_err_with(|| format!("{page}:\n{}", block.code))?;
        }
        Ok(())
    }

    async fn typed(&mut self, code: &str, shown: &str) -> eyre::Result<()> {
        self.write(&format!(
            "{{ {code}\n}} < /dev/null\nprintf '\\n{END}%s\\n' $?\n"
        ))
        .await?;
        let (printed, _) = self.printed().await?;
        match missing(shown, &printed) {
            None => Ok(()),
            Some(line) => bail!("it does not print `{line}`:\n{printed}"),
        }
    }

    async fn again(&mut self, code: &str, shown: &str) -> eyre::Result<()> {
        let mut last = String::new();
        let what = "the block to print what is shown";
        let found = until(what, async || {
            // A failure of it does not end the shell.
            let call =
                format!("s=0; {{ {code}\n}} < /dev/null || s=$?\nprintf '\\n{END}%s\\n' $s\n");
            self.write(&call).await?;
            let (printed, is_good) = self.printed().await?;
            last = printed;
            Ok((is_good && missing(shown, &last).is_none()).then_some(()))
        });
        found
            .await
            .wrap_err_with(|| format!("the last time it printed:\n{last}"))
    }

    async fn background(&mut self, code: &str, shown: &str) -> eyre::Result<()> {
        ensure!(!shown.is_empty(), "nothing says when it is ready");
        self.backgrounds += 1;
        let log = self
            .folder
            .path()
            .join(format!("background-{}", self.backgrounds));
        self.write(&format!(
            "{{ {code}\n}} > {} 2>&1 < /dev/null &\n",
            log.display()
        ))
        .await?;
        let read = || std::fs::read_to_string(&log).unwrap_or_default();
        let ready = until("it to print what is shown", async || {
            Ok(missing(shown, &read()).is_none().then_some(()))
        });
        ready
            .await
            .wrap_err_with(|| format!("it printed:\n{}", read()))
    }

    fn file(&self, name: &str, content: &str) -> eyre::Result<()> {
        let path = self.folder.path().join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(path, format!("{content}\n"))?)
    }

    async fn write(&mut self, text: &str) -> eyre::Result<()> {
        self.input.write_all(text.as_bytes()).await?;
        Ok(self.input.flush().await?)
    }

    /// What the block prints, and whether it succeeded.
    async fn printed(&mut self) -> eyre::Result<(String, bool)> {
        let mut printed = String::new();
        let reading = async {
            while let Some(line) = self.output.next_line().await? {
                if let Some(status) = line.strip_prefix(END) {
                    return Ok(status == "0");
                }
                printed.push_str(&line);
                printed.push('\n');
            }
            bail!("a command failed")
        };
        let ended = tokio::time::timeout(PATIENCE, reading).await;
        let ended = ended.unwrap_or_else(|_| Err(eyre!("it does not end")));
        match ended {
            Ok(is_good) => Ok((printed, is_good)),
            Err(error) => Err(error.wrap_err(printed)),
        }
    }

    fn with_ports(&self, text: &str) -> String {
        let (mut whole, mut rest) = (String::new(), text);
        while let Some(start) = rest.find(|letter: char| letter.is_ascii_alphanumeric()) {
            let (before, behind) = rest.split_at(start);
            let end = behind.find(|letter: char| !letter.is_ascii_alphanumeric());
            let (word, behind) = behind.split_at(end.unwrap_or(behind.len()));
            whole.push_str(before);
            whole.push_str(free(&self.ports, word));
            rest = behind;
        }
        whole + rest
    }
}

/// The port that stands for one that documents name; other words as they are.
fn free<'a>(ports: &'a [(&'static str, String)], word: &'a str) -> &'a str {
    let found = ports.iter().find(|(port, _)| *port == word);
    found.map_or(word, |(_, free)| free.as_str())
}

impl Drop for Walk {
    /// What runs in the background is in the shell's group.
    fn drop(&mut self) {
        if let Some(group) = self.shell.id() {
            let mut kill = std::process::Command::new("kill");
            // Nobody is left to tell when it fails.
            kill.args(["-KILL", "--", &format!("-{group}")])
                .status()
                .ok();
        }
    }
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

async fn free_ports() -> eyre::Result<Vec<(&'static str, String)>> {
    // All are held until all are known, so that none comes twice.
    let mut held = Vec::new();
    for port in PORTS {
        held.push((port, TcpListener::bind("127.0.0.1:0").await?));
    }
    held.into_iter()
        .map(|(port, listener)| Ok((port, listener.local_addr()?.port().to_string())))
        .collect()
}

/// A shell that finds the programs, and whose programs take the free ports where no flag says one. Batches are sealed sooner than a person
/// would wait for.
fn command(folder: &Path, ports: &[(&'static str, String)]) -> eyre::Result<Command> {
    let contracts = root().join("contracts").canonicalize()?;
    let built = program("rollmill")?;
    let built = built.parent().ok_or_else(|| eyre!("no folder"))?;
    let tools = contracts.join("node_modules/.bin");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{}:{path}", built.display(), tools.display());
    let port = |name| free(ports, name);
    let at = |name| format!("127.0.0.1:{}", port(name));
    let mut command = Command::new("bash");
    command
        .current_dir(folder)
        .env("PATH", path)
        .env("FOUNDRY_SOLC", contracts.join("solc-wasm"))
        .env("FOUNDRY_OFFLINE", "true")
        .env("ROLLMILL_L1_PORT", port("8545"))
        .env("ROLLMILL_L2_PORT", port("9545"))
        .env("ROLLMILL_COORDINATOR_PORT", port("9650"))
        .env("ROLLMILL_L2_LISTEN", at("9545"))
        .env("ROLLMILL_COORDINATOR_LISTEN", at("9650"))
        .env("ROLLMILL_NO_DASHBOARD", "true")
        .env("ROLLMILL_BATCH_AGE", "1")
        .env("ROLLMILL_L2_RPC", format!("http://{}", at("9545")))
        .env("ROLLMILL_COORDINATOR", format!("http://{}", at("9650")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    Ok(command)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn blocks_have_what_is_shown_below_them() {
        let text = "```sh\na\nb\n```\n\n```text\nc\n```\nwords\n```text\nd\n```\n```toml x/y.toml\nz = 1\n```\n```sh again\ne\n```\n```rust,no_run\n```\n";
        let found: Vec<_> = blocks(text)
            .into_iter()
            .map(|block| (block.kind, block.code, block.shown))
            .collect();
        let of = |kind, code: &str, shown: &str| (kind, code.to_owned(), shown.to_owned());
        assert_eq!(
            found,
            [
                of(Kind::Typed, "a\nb", "c"),
                of(Kind::Other, "d", ""),
                of(Kind::File("x/y.toml".to_owned()), "z = 1", ""),
                of(Kind::Again, "e", ""),
                of(Kind::Other, "", ""),
            ]
        );
    }

    #[test]
    fn lines_are_compared_but_for_what_differs() {
        for (shown, line, is_same) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a…", "ab", true),
            ("…b", "ab", true),
            ("a…b…c", "a1b2c", true),
            ("a…b…c", "a1c2b", false),
            ("a…b", "a1b2", false),
        ] {
            assert_eq!(is_shown(shown, line), is_same, "{shown} {line}");
        }
        assert_eq!(missing("a\nc", "a\nb\nc\n"), None);
        assert_eq!(missing("c\na", "a\nb\nc\n"), Some("a"));
    }

    #[tokio::test]
    async fn a_command_that_fails_or_prints_something_else_is_told() {
        let mut walk = Walk::new().await.unwrap();
        walk.typed("x=1\nprintf $x", "1").await.unwrap();
        walk.typed("echo $x", "1").await.unwrap();
        let other = walk.typed("echo 2", "3").await.unwrap_err();
        assert_eq!(other.to_string(), "it does not print `3`:\n2\n\n");
        walk.again("x=$((x + 1)); echo $x; test $x = 4", "4")
            .await
            .unwrap();
        walk.background("echo ready; exec sleep 1000", "ready")
            .await
            .unwrap();
        let failed = walk
            .typed("echo before; false\necho behind", "")
            .await
            .unwrap_err();
        assert_eq!(failed.to_string(), "before\n");
    }
}
