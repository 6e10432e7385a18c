//! What a program would be told by its flags, its environment and its configuration file together: every setting of a verb with its value
//! and where that comes from. Nothing is done with them here.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::Path,
};

use clap::{Arg, ArgMatches, Command, parser::ValueSource};
use serde::Serialize;

use crate::{ConfigError, ConfigFile, Finding, columns, outln, say_findings};

/// Arguments of a program's verb `config check`.
#[derive(Clone, Debug, clap::Args)]
pub struct CheckArgs {
    /// The verb whose settings are checked [default: the one that runs for ever].
    verb: Option<String>,
    /// Flags that it would be called with, behind `--`.
    #[arg(last = true, value_name = "FLAG")]
    flags: Vec<OsString>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Where a setting has its value from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// The command line.
    Flag,
    /// This environment variable.
    Environment(String),
    /// The configuration file.
    File,
    /// The program.
    Default,
    /// It has none.
    Nowhere,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment(variable) => f.write_str(variable),
            Self::File => f.write_str("file"),
            Self::Default => f.write_str("default"),
            Self::Nowhere => f.write_str("not set"),
        }
    }
}

/// A setting of a verb.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Name of the flag and of the field.
    pub name: String,
    /// Its value; empty where there is none.
    pub value: String,
    /// Where that comes from.
    pub origin: Origin,
}

/// Nothing can be run with these settings; whoever wrote them must correct them.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The configuration file cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The flags, fields and variables do not go together, or one is missing or of another form.
    #[error(transparent)]
    Refused(#[from] clap::Error),
    /// There is no such verb with settings.
    #[error("`{0}` has no settings")]
    Verb(String),
}

/// The settings of a verb.
#[derive(Debug)]
pub struct Checked {
    /// The verb.
    pub verb: String,
    /// In the order of its flags.
    pub settings: Vec<Setting>,
    /// What the program would be called with.
    pub matches: ArgMatches,
}

impl CheckArgs {
    /// What a verb, or `default` if none is named, would be told. `file` is the configuration file that the program was called with.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn settings(
        &self,
        config: &ConfigFile,
        command: Command,
        (default, file): (&str, Option<&Path>),
    ) -> Result<Checked, SettingsError> {
        let verb = self.verb.as_deref().unwrap_or(default).to_owned();
        if !config.verbs.contains(&verb.as_str()) {
            return Err(SettingsError::Verb(verb));
        }
        let mut line = vec![OsString::from(command.get_name()), OsString::from(&verb)];
        if let Some(file) = file {
            line.extend([OsString::from("--config"), file.into()]);
        }
        line.extend(self.flags.iter().cloned());
        let fields = config.fields(&line)?;
        let fields = fields.map(|(_, fields)| fields).unwrap_or_default();
        let command = config.apply(command, &line)?;
        let called = command.find_subcommand(&verb).cloned();
        let matches = command.try_get_matches_from(line)?;
        let (Some(called), Some((_, given))) = (called, matches.subcommand()) else {
            return Err(SettingsError::Verb(verb));
        };
        let flags = called
            .get_arguments()
            .filter(|flag| flag.get_long().is_some());
        let settings = flags.map(|flag| setting(flag, given, |name| fields.contains_key(name)));
        Ok(Checked {
            verb,
            settings: settings.collect(),
            matches,
        })
    }

    /// Prints settings and findings.
    pub fn say(&self, settings: &[Setting], findings: &[Finding]) {
        if self.json {
            let all = serde_json::json!({ "settings": settings, "findings": findings });
            outln!("{all:#}");
            return;
        }
        let rows = settings.iter();
        let rows: Vec<Vec<String>> = rows
            .map(|setting| {
                let Setting {
                    name,
                    value,
                    origin,
                } = setting;
                vec![name.clone(), value.clone(), origin.to_string()]
            })
            .collect();
        for line in columns(&rows) {
            outln!("{line}");
        }
        say_findings(findings);
    }
}

fn setting(flag: &Arg, given: &ArgMatches, is_in_file: impl Fn(&str) -> bool) -> Setting {
    let name = flag.get_long().unwrap_or_default().to_owned();
    let id = flag.get_id().as_str();
    let variable = flag.get_env().unwrap_or_default();
    let origin = match given.value_source(id) {
        Some(ValueSource::CommandLine) => Origin::Flag,
        Some(ValueSource::EnvVariable) => Origin::Environment(text(variable)),
        Some(_) if is_in_file(&name) => Origin::File,
        Some(_) => Origin::Default,
        None => Origin::Nowhere,
    };
    let values = given.get_raw(id).into_iter().flatten();
    let values: Vec<String> = values.map(text).collect();
    Setting {
        name,
        value: values.join(", "),
        origin,
    }
}

fn text(value: &OsStr) -> String {
    value.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::ArgAction;

    use super::*;
    use crate::chain;

    const FILE: ConfigFile = ConfigFile {
        variable: "ROLLMILL_NO_SUCH_CONFIG",
        verbs: &["node"],
        tables: &["law"],
    };

    fn command() -> Command {
        let flag = |name: &'static str| Arg::new(name).long(name);
        let node = Command::new("node")
            .arg(flag("data-dir").required(true))
            .arg(flag("batch-age").default_value("15"))
            // Set wherever tests run.
            .arg(flag("home").env("PATH"))
            .arg(flag("listen"))
            .arg(flag("derive").action(ArgAction::SetTrue));
        let config = Arg::new("config").long("config").global(true);
        Command::new("rollmill").subcommand(node).arg(config)
    }

    fn checked(file: &str, verb: Option<&str>, flags: &[&str]) -> Result<Vec<Setting>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rollmill.toml");
        std::fs::write(&path, file).unwrap();
        let args = CheckArgs {
            verb: verb.map(str::to_owned),
            flags: flags.iter().map(OsString::from).collect(),
            json: false,
        };
        let checked = args.settings(&FILE, command(), ("node", Some(&path)));
        let checked = checked.map_err(|error| chain(&error).to_string())?;
        Ok(checked.settings)
    }

    #[test]
    fn each_setting_tells_where_its_value_comes_from() {
        let file = "data-dir = \"/data\"\nbatch-age = 60\n[law]\nk = 3";
        let settings = checked(file, None, &["--listen", "here"]).unwrap();
        let of = |name: &str| {
            let found = settings.iter().find(|setting| setting.name == name);
            let found = found.unwrap();
            (found.value.clone(), found.origin.clone())
        };
        assert_eq!(of("data-dir"), ("/data".to_owned(), Origin::File));
        assert_eq!(of("batch-age"), ("60".to_owned(), Origin::File));
        assert_eq!(of("listen"), ("here".to_owned(), Origin::Flag));
        assert_eq!(of("derive"), ("false".to_owned(), Origin::Default));
        assert_eq!(of("home").1, Origin::Environment("PATH".to_owned()));

        let settings = checked("data-dir = \"/\"", Some("node"), &["--batch-age=7"]).unwrap();
        let unset = settings.iter().find(|setting| setting.name == "listen");
        assert_eq!(unset.unwrap().origin, Origin::Nowhere);
        let flag = settings.iter().find(|setting| setting.name == "batch-age");
        assert_eq!(
            (&*flag.unwrap().value, &flag.unwrap().origin),
            ("7", &Origin::Flag)
        );
    }

    #[test]
    fn what_no_verb_could_be_called_with_is_refused() {
        for (file, verb, part) in [
            ("", None, "--data-dir"),
            ("data-dri = 1", None, "there is no setting `data-dri`"),
            ("", Some("deploy"), "`deploy` has no settings"),
        ] {
            let refused = checked(file, verb, &[]).unwrap_err();
            assert!(refused.contains(part), "{part}: {refused}");
        }
    }
}
