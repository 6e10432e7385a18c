//! The configuration file of a program: TOML, one field for each flag of its verbs, with the flag's name. One file serves all of them; each
//! takes the fields that it has flags for, and so do the verbs below it (`fees set`). A flag wins over its environment variable, that over
//! the field, and the field over the default.
//!
//! ```toml
//! l1-rpc = "http://127.0.0.1:8545"
//! deployment = "deployment.json"
//! batch-age = 60
//! ```
//!
//! A field becomes the default of its flag: so there is nothing to keep in step. Secrets have no flag and thus no field.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Command, CommandFactory, FromArgMatches};
use toml::{Table, Value};

/// The flag that names the file.
const FLAG: &str = "--config";

/// Where a program's configuration file is named, and who reads it. The program has a flag `--config FILE` of its own.
#[derive(Clone, Copy, Debug)]
pub struct ConfigFile {
    /// The environment variable that names the file where `--config` does not.
    pub variable: &'static str,
    /// Verbs whose flags it sets.
    pub verbs: &'static [&'static str],
    /// Tables that something else reads.
    pub tables: &'static [&'static str],
}

/// The configuration file cannot be used; whoever wrote it must correct it.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the configuration file {}", path.display())]
pub struct ConfigError {
    path: PathBuf,
    source: Wrong,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    #[error("there is no setting `{0}`")]
    Unknown(String),
    #[error("`{0}` is no text, number or truth value")]
    Form(String),
}

impl ConfigFile {
    /// The command line over the environment over the configuration file. What clap refuses, it says and exits itself.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse<C: CommandFactory + FromArgMatches>(&self) -> Result<C, ConfigError> {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let command = self.apply(C::command(), &arguments)?;
        let matches = command.get_matches_from(arguments);
        Ok(C::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()))
    }

    /// `command` with the fields of the file, if `arguments` or the environment name one.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn apply(&self, command: Command, arguments: &[OsString]) -> Result<Command, ConfigError> {
        let Some((path, fields)) = self.fields(arguments)? else {
            return Ok(command);
        };
        let mut fields = fields.iter();
        let done = fields.try_fold(command, |command, (name, value)| {
            self.with_field(command, name, value)
        });
        done.map_err(|source| ConfigError { path, source })
    }

    /// The file that `arguments` or the environment name, and its fields; `None` if they name none.
    pub(crate) fn fields(
        &self,
        arguments: &[OsString],
    ) -> Result<Option<(PathBuf, Table)>, ConfigError> {
        let in_environment = || std::env::var_os(self.variable).map(PathBuf::from);
        let Some(path) = named(arguments).or_else(in_environment) else {
            return Ok(None);
        };
        match read(&path) {
            Ok(mut fields) => {
                fields.retain(|name, _| !self.tables.contains(&name));
                Ok(Some((path, fields)))
            }
            Err(source) => Err(ConfigError { path, source }),
        }
    }

    /// Makes a field the default of the flag that has its name, in every verb that has it, and in the verbs below.
    fn with_field(&self, command: Command, name: &str, value: &Value) -> Result<Command, Wrong> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Boolean(flag) => flag.to_string(),
            _ => return Err(Wrong::Form(name.to_owned())),
        };
        // It is kept until the process ends, as all of its settings are.
        let text: &'static str = text.leak();
        let mut known = false;
        let command = command.mut_subcommands(|verb| {
            if self.verbs.contains(&verb.get_name()) {
                with_default(verb, name, text, &mut known)
            } else {
                verb
            }
        });
        if !known {
            return Err(Wrong::Unknown(name.to_owned()));
        }
        Ok(command)
    }
}

/// A verb whose flag of this name, and those of the verbs below it, have this default; `known` becomes true if there is one.
fn with_default(verb: Command, name: &str, text: &'static str, known: &mut bool) -> Command {
    let flag = verb
        .get_arguments()
        .find(|flag| flag.get_long() == Some(name));
    let id = flag.map(|flag| flag.get_id().clone());
    let verb = match id {
        Some(id) => {
            *known = true;
            verb.mut_arg(id, |flag| flag.required(false).default_value(text))
        }
        None => verb,
    };
    verb.mut_subcommands(|below| with_default(below, name, text, known))
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

fn read(path: &Path) -> Result<Table, Wrong> {
    Ok(fs::read_to_string(path)?.parse()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::{Arg, ArgAction, ArgMatches};

    use super::*;
    use crate::chain;

    const FILE: ConfigFile = ConfigFile {
        variable: "ROLLMILL_NO_SUCH_CONFIG",
        verbs: &["deploy", "node", "fees"],
        tables: &["law", "contracts"],
    };

    fn command() -> Command {
        let flag = |name: &'static str| Arg::new(name).long(name);
        let node = Command::new("node")
            .arg(flag("data-dir").required(true))
            .arg(flag("batch-age").default_value("15"))
            .arg(flag("derive").action(ArgAction::SetTrue));
        let deploy = Command::new("deploy").arg(flag("data-dir").required(true));
        let audit = Command::new("audit").arg(flag("log"));
        let set = Command::new("set").arg(flag("data-wei").required(true));
        let fees = Command::new("fees").subcommand(set);
        Command::new("rollmill").subcommands([node, deploy, fees, audit])
    }

    /// What a line leads to with this file; a refusal as a sentence.
    fn parsed(file: &str, line: &str) -> Result<ArgMatches, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rollmill.toml");
        fs::write(&path, file).unwrap();
        let line = line.replace("FILE", path.to_str().unwrap());
        let line: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let global = Arg::new("config").long("config").global(true);
        let command = FILE.apply(command().arg(global), &line);
        let command = command.map_err(|error| chain(&error).to_string())?;
        let matches = command.try_get_matches_from(line);
        matches.map_err(|error| error.to_string())
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
    fn a_field_is_also_a_setting_of_the_verbs_below() {
        let given = |line| {
            let matches = parsed("data-wei = 7", line).unwrap();
            let (_, fees) = matches.subcommand().unwrap();
            let (_, set) = fees.subcommand().unwrap();
            set.get_one::<String>("data-wei").unwrap().clone()
        };
        assert_eq!(given("rollmill fees set --config FILE"), "7");
        assert_eq!(given("rollmill fees --config FILE set --data-wei 8"), "8");
        // Of a verb without settings they are none.
        assert!(parsed("log = \"x\"", "rollmill fees set --config FILE").is_err());
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        let refusal = |file: &str| parsed(file, "rollmill node --config FILE").unwrap_err();
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
        let missing = parsed("", "rollmill node --config FILE.none").unwrap_err();
        assert!(missing.contains("toml.none"), "{missing}");
    }
}
