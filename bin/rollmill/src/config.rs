//! The configuration file: TOML, one field for each flag of `rollmill deploy`, `rollmill node` and `rollmill fees`, with the flag's name. One
//! file serves them all; each takes the fields that it has flags for. A flag wins over its environment variable, that over the field, and the
//! field over the default.
//!
//! ```toml
//! l1-rpc = "http://127.0.0.1:8545"
//! deployment = "deployment.json"
//! data-dir = "node"
//! batch-age = 60
//! ```
//!
//! A field becomes the default of its flag: so there is nothing to keep in step. Secrets have no flag and thus no field. The law of a rollup
//! that is to be deployed has tables of its own ([`Numbers`]).

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::Command;
use eyre::{WrapErr, bail};
use toml::{Table, Value};

#[cfg(doc)]
use crate::settings::Numbers;
use crate::settings::TABLES;

/// Verbs that read the file.
const VERBS: [&str; 3] = ["deploy", "node", "fees"];
/// The flag that names the file, and its variable.
const FLAG: &str = "--config";
const VARIABLE: &str = "ROLLMILL_CONFIG";

/// `command` with the fields of the configuration file, if `arguments` or the environment name one.
pub fn with_file(command: Command, arguments: &[OsString]) -> eyre::Result<Command> {
    let Some(path) = named(arguments).or_else(|| std::env::var_os(VARIABLE).map(PathBuf::from))
    else {
        return Ok(command);
    };
    let wrong = || format!("cannot use the configuration file {}", path.display());
    let fields = read(&path).wrap_err_with(wrong)?;
    let mut fields = fields.iter();
    let done = fields.try_fold(command, |command, (name, value)| {
        if TABLES.contains(&name.as_str()) {
            return Ok(command);
        }
        with_field(command, name, value)
    });
    done.wrap_err_with(wrong)
}

/// The file that the command line names. Only its place is needed here; clap reads the command line afterwards.
fn named(arguments: &[OsString]) -> Option<PathBuf> {
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == FLAG {
            return arguments.next().map(PathBuf::from);
        }
        let value = argument.to_str().and_then(|text| text.strip_prefix(FLAG));
        if let Some(path) = value.and_then(|value| value.strip_prefix('=')) {
            return Some(path.into());
        }
    }
    None
}

fn read(path: &Path) -> eyre::Result<Table> {
    Ok(std::fs::read_to_string(path)?.parse()?)
}

/// Makes a field the default of the flag that has its name, in every verb that has it.
fn with_field(mut command: Command, name: &str, value: &Value) -> eyre::Result<Command> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        _ => bail!("`{name}` is no text, number or truth value"),
    };
    // It is kept until the process ends, as all of its settings are.
    let text: &'static str = text.leak();
    let mut known = false;
    for verb in VERBS {
        let flag = command.find_subcommand(verb).and_then(|verb| {
            let mut flags = verb.get_arguments();
            flags.find(|flag| flag.get_long() == Some(name))
        });
        let Some(id) = flag.map(|flag| flag.get_id().clone()) else {
            continue;
        };
        known = true;
        command = command.mut_subcommand(verb, |verb| {
            verb.mut_arg(id, |flag| flag.required(false).default_value(text))
        });
    }
    if !known {
        bail!("there is no setting `{name}`");
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::{Arg, ArgAction, ArgMatches};

    use super::*;

    fn command() -> Command {
        let flag = |name: &'static str| Arg::new(name).long(name);
        let node = Command::new("node")
            .arg(flag("data-dir").required(true))
            .arg(flag("batch-age").default_value("15"))
            .arg(flag("derive").action(ArgAction::SetTrue));
        let deploy = Command::new("deploy").arg(flag("data-dir").required(true));
        let audit = Command::new("audit").arg(flag("log"));
        Command::new("rollmill").subcommands([node, deploy, audit])
    }

    fn parsed(file: &str, line: &str) -> eyre::Result<ArgMatches> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("rollmill.toml");
        std::fs::write(&path, file)?;
        let line = line.replace("FILE", path.to_str().unwrap());
        let line: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let global = Arg::new("config").long("config").global(true);
        let command = with_file(command().arg(global), &line)?;
        Ok(command.try_get_matches_from(line)?)
    }

    #[test]
    fn flags_win_over_fields_and_fields_over_defaults() {
        let file = "data-dir = \"/data\"\nbatch-age = 60\nderive = true\n[law]\nk = 3";
        let matches = parsed(file, "rollmill node --config FILE").unwrap();
        let (_, node) = matches.subcommand().unwrap();
        let text = |name: &str| node.get_one::<String>(name).unwrap().clone();
        assert_eq!(
            (text("data-dir").as_str(), text("batch-age").as_str()),
            ("/data", "60")
        );
        assert!(node.get_flag("derive"));

        let matches = parsed(file, "rollmill node --config=FILE --batch-age 7").unwrap();
        let (_, node) = matches.subcommand().unwrap();
        assert_eq!(node.get_one::<String>("batch-age").unwrap(), "7");

        // The same file for another verb, which has only one of the flags.
        let matches = parsed(file, "rollmill deploy --config FILE").unwrap();
        let (_, deploy) = matches.subcommand().unwrap();
        assert_eq!(deploy.get_one::<String>("data-dir").unwrap(), "/data");
        assert!(parsed("batch-age = 60", "rollmill node --config FILE").is_err());
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        let refusal = |file: &str| {
            let error = parsed(file, "rollmill node --config FILE").unwrap_err();
            format!("{error:#}")
        };
        // A flag of a verb that has no part in it, a word that nobody knows, a table.
        for file in ["log = \"x\"", "batch-aeg = 60", "data-dir = \"/\"\n[node]"] {
            let sentence = refusal(file);
            assert!(sentence.starts_with("cannot use the configuration file"));
            let named = ["`log`", "`batch-aeg`", "`node`"];
            assert!(
                named.iter().any(|name| sentence.contains(name)),
                "{sentence}"
            );
        }
        assert!(refusal("data-dir = ").contains("cannot use the configuration file"));
    }
}
