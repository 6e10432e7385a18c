//! `cargo xtask clients`: the libraries and tools that people use, as they come from npm, against both layers of a devnet; and the page
//! that a node serves, its scripts alone and in a browser.

use std::{env, path::PathBuf};

use crate::tools;

/// The viem actions and the tests with all clients.
const DIR: &str = "sdk/ts";
/// The page that a node serves.
const DASHBOARD: &str = "bin/rollmill/dashboard";
/// What the browser is called, from system to system.
const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Builds the programs where needed and runs every script of the package that tests something.
pub fn run() -> eyre::Result<()> {
    tools::build_all()?;
    // cast and forge come with the contracts.
    tools::npm_install("contracts")?;
    tools::npm_install(DIR)?;
    tools::run(tools::command("node", &["--test"], DASHBOARD))?;
    let target = tools::target_dir()?;
    let npm = |script| {
        let mut npm = tools::command("npm", &["run", script], DIR);
        npm.env("ROLLMILL_BIN", target.join("debug/rollmill"));
        npm
    };
    for script in ["test", "e2e", "clients"] {
        tools::run(npm(script))?;
    }
    let Some(chromium) = chromium() else {
        eprintln!("chromium is not installed: the dashboard's pages are not tried");
        return Ok(());
    };
    let mut pages = npm("dashboard");
    pages.env("CHROMIUM", chromium);
    pages.env("ROLLMILL_SCREENSHOTS", target.join("dashboard"));
    tools::run(pages)
}

/// The browser that `CHROMIUM` names, or one that is installed.
fn chromium() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let all = CHROMIUM.iter();
    let mut places = all.flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.find(|place| place.is_file())
}
