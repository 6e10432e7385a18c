//! `cargo xtask clients`: the libraries and tools that people use, as they come from npm, against both layers of a devnet.

use crate::tools;

/// The viem actions and the tests with all clients.
const DIR: &str = "sdk/ts";

/// Builds the programs where needed and runs every script of the package that tests something.
pub fn run() -> eyre::Result<()> {
    let build = ["build", "--workspace", "--all-targets", "--locked"];
    tools::run(tools::command(&tools::cargo(), &build, "."))?;
    // cast and forge come with the contracts.
    tools::npm_install("contracts")?;
    tools::npm_install(DIR)?;
    let program = tools::target_dir()?.join("debug/rollmill");
    for script in ["test", "e2e", "clients"] {
        let mut npm = tools::command("npm", &["run", script], DIR);
        npm.env("ROLLMILL_BIN", &program);
        tools::run(npm)?;
    }
    Ok(())
}
