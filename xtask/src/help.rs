//! `cargo xtask help`: `docs/reference` has what `--help` of each program says, for all of its verbs.

use std::path::Path;

use crate::tools;

/// Programs of which there is a page.
const PROGRAMS: [&str; 3] = ["rollmill", "roller", "sim"];
/// Where the pages are.
const FOLDER: &str = "docs/reference";
/// Environment variables of the programs: clap shows their values.
const VARIABLES: &str = "ROLLMILL_";

/// Options.
#[derive(clap::Args)]
pub struct Args {
    /// Compare with the committed pages instead of writing them.
    #[arg(long)]
    check: bool,
}

/// Writes the pages, or checks them.
pub fn run(args: &Args) -> eyre::Result<()> {
    tools::build_all()?;
    let programs = tools::target_dir()?.join("debug");
    for program in PROGRAMS {
        let text = page(&programs, program)?;
        let file = format!("{FOLDER}/{program}.md");
        tools::page(&file, &text, args.check, "cargo xtask help")?;
    }
    Ok(())
}

/// The same as `cargo xtask help --check`.
pub fn check() -> eyre::Result<()> {
    run(&Args { check: true })
}

/// The page of a program: one section for each of its verbs.
fn page(programs: &Path, program: &str) -> eyre::Result<String> {
    let mut text = format!(
        "# {program}\n\nWhat `{program} --help` says, and each verb's. `cargo xtask help` writes this page.\n"
    );
    // Depth first, in the order in which the verbs are listed.
    let mut open = vec![program.to_owned()];
    while let Some(call) = open.pop() {
        let help = help(programs, &call)?;
        text.push_str(&format!("\n## {call}\n\n```text\n{help}```\n"));
        let verbs = verbs(&help).into_iter().rev();
        open.extend(verbs.map(|verb| format!("{call} {verb}")));
    }
    Ok(text)
}

/// What `--help` says behind these words.
fn help(programs: &Path, call: &str) -> eyre::Result<String> {
    let mut words: Vec<&str> = call.split(' ').collect();
    let program = programs.join(words.remove(0));
    words.push("--help");
    let mut command = tools::command(&program.to_string_lossy(), &words, ".");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(VARIABLES) {
            command.env_remove(name);
        }
    }
    let said = tools::output(command)?;
    let lines = said.lines().map(str::trim_end);
    Ok(lines.map(|line| format!("{line}\n")).collect())
}

/// The verbs that a help text lists.
fn verbs(help: &str) -> Vec<&str> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| {
        // What a verb is said to do may go on in lines that are indented further.
        let line = line
            .strip_prefix("  ")
            .filter(|line| !line.starts_with(' '))?;
        line.split_whitespace().next()
    });
    names.filter(|name| *name != "help").collect()
}

#[test]
fn verbs_are_read_from_a_help_text() {
    let help = "Mills.\n\nUsage: mill <COMMAND>\n\nCommands:\n  grind  Grind\n         finely\n  sift   Sift\n  \
                help   Print this\n\nOptions:\n  -h, --help  Print help\n";
    assert_eq!(verbs(help), ["grind", "sift"]);
    assert_eq!(verbs("Usage: mill\n\nOptions:\n  -h\n"), [""; 0]);
}
