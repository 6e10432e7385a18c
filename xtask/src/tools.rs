//! Running other programs: where the repository is, and commands that fail with a sentence.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use eyre::{WrapErr, bail, eyre};

/// The repository's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the repository's root")
        .to_path_buf()
}

/// A command that will run in `dir`, relative to the repository's root.
pub fn command(program: &str, args: &[&str], dir: &str) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root().join(dir));
    command
}

/// Prints the command line, runs it and fails unless it exits with 0.
pub fn run(mut command: Command) -> eyre::Result<()> {
    let line = line(&command);
    eprintln!("+ {line}");
    let status = command.status().wrap_err_with(|| cannot_start(&line))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs the command quietly and returns what it printed on standard output.
pub fn output(mut command: Command) -> eyre::Result<String> {
    let line = line(&command);
    let output = command.output().wrap_err_with(|| cannot_start(&line))?;
    if !output.status.success() {
        bail!(
            "`{line}` failed: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Builds everything as `cargo xtask test` does, so that there is nothing left to do behind it.
pub fn build_all() -> eyre::Result<()> {
    let build = ["build", "--workspace", "--all-targets", "--locked"];
    run(command(&cargo(), &build, "."))
}

/// Writes a page that a chore makes; or checks that it is there already, as it would be written.
pub fn page(file: &str, text: &str, is_checked: bool, chore: &str) -> eyre::Result<()> {
    let path = root().join(file);
    if is_checked {
        let committed = fs::read_to_string(&path).unwrap_or_default();
        if committed != text {
            bail!("{file} is not what the code says: run `{chore}`");
        }
        return Ok(());
    }
    fs::write(&path, text).wrap_err_with(|| format!("writing {file}"))
}

/// Installs the npm packages that the lock file in `dir` names, unless that was done already.
pub fn npm_install(dir: &str) -> eyre::Result<()> {
    let folder = root().join(dir);
    let lock = fs::read(folder.join("package-lock.json"))?;
    let stamp = folder.join("node_modules/.installed-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    run(command("npm", &arguments, dir))
        .wrap_err_with(|| format!("{dir} needs node (20 or later) and npm"))?;
    fs::write(stamp, lock)?;
    Ok(())
}

/// Where cargo puts what it builds here.
pub fn target_dir() -> eyre::Result<PathBuf> {
    let args = ["metadata", "--no-deps", "--format-version", "1", "--locked"];
    let metadata = output(command(&cargo(), &args, "."))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let path = metadata["target_directory"].as_str();
    Ok(path
        .ok_or_else(|| eyre!("cargo names no target folder"))?
        .into())
}

/// Format, lints and tests of a workspace of its own in `dir`: of these packages, or of all. It is built in `target` below the target folder,
/// because its versions and features are its own, too.
pub fn check_workspace(dir: &str, target: &str, packages: &[&str]) -> eyre::Result<()> {
    let target = target_dir()?.join(target);
    let packages: Vec<&str> = packages
        .iter()
        .flat_map(|package| ["-p", *package])
        .collect();
    let lints = ["--all-targets", "--", "-D", "warnings"];
    for args in [
        vec!["fmt", "--all", "--check"],
        [&["clippy", "--locked"][..], &packages, &lints].concat(),
        [&["test", "--locked"][..], &packages].concat(),
    ] {
        let mut command = command(&cargo(), &args, dir);
        command.env("CARGO_TARGET_DIR", &target);
        run(command)?;
    }
    Ok(())
}

/// Cargo, as the process that runs this chore found it.
pub fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}

fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}

fn cannot_start(line: &str) -> String {
    format!("cannot start `{line}`: is the program installed?")
}
