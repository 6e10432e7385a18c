//! One database under the load of a chain's state; prints its figures as JSON, and how far it is on standard error.
//!
//! `rollmill-databases redb|fjall ACCOUNTS BLOCKS DIR`, called by `cargo xtask bench databases`: a process for each database, so that
//! none pays for the other's memory.

mod load;
mod nodes;
mod stores;

use std::{env, path::Path};

use eyre::{bail, eyre};

use crate::stores::{Fjall, Redb};

fn main() -> eyre::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [name, accounts, blocks, dir] = &args[..] else {
        bail!("usage: rollmill-databases redb|fjall ACCOUNTS BLOCKS DIR");
    };
    let (accounts, blocks) = (accounts.parse()?, blocks.parse()?);
    let dir = Path::new(dir);
    let figures = match name.as_str() {
        "redb" => load::measure(Redb::create(dir)?, dir, accounts, blocks),
        "fjall" => load::measure(Fjall::create(dir)?, dir, accounts, blocks),
        _ => Err(eyre!("there is redb, and fjall")),
    };
    println!("{}", figures?);
    Ok(())
}
