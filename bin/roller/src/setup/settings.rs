//! The settings file that `roller setup` writes, and what comes next.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, U256};
use eyre::WrapErr;
use rollmill_roller_api::ProofKind;
use toml::{Table, Value};

use super::keys::Keys;
use crate::{prover::ProverArgs, words};

/// Everything that was chosen.
#[derive(Clone, Debug)]
pub struct Settings {
    /// JSON-RPC of L1.
    pub l1_rpc: String,
    /// The coordinator.
    pub coordinator: String,
    /// The deployment file.
    pub deployment: PathBuf,
    /// Kind of proofs.
    pub proofs: ProofKind,
    /// Who is paid, if it is not the owner.
    pub payout: Option<Address>,
    /// Stake, SCR-wei.
    pub stake_wei: U256,
    /// Proofs at once.
    pub capacity: u32,
    /// What proving may use.
    pub prover: ProverArgs,
    /// The file with the keystores' password.
    pub password_file: Option<PathBuf>,
    /// Who owns and signs.
    pub keys: Keys,
}

impl Settings {
    /// Writes the file, where there is none. Folders for what the verbs keep are named below `folder`.
    pub fn write(&self, folder: &Path, file: &Path) -> eyre::Result<()> {
        let text = format!(
            "# Settings of a roller, for every verb: `roller VERB --config {}`. Each is the flag of its name.\n\n{}",
            file.display(),
            self.fields(folder)
        );
        let mut options = File::options();
        let options = options.write(true).create_new(true);
        options
            .open(file)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())
                    .and_then(|()| file.sync_all())
            })
            .wrap_err_with(|| format!("cannot write {}", file.display()))
    }

    fn fields(&self, folder: &Path) -> Table {
        let path = |path: &Path| Some(path.display().to_string());
        let number = |number: usize| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let keys = &self.keys;
        let texts = [
            ("l1-rpc", Some(self.l1_rpc.clone())),
            ("coordinator", Some(self.coordinator.clone())),
            ("deployment", path(&self.deployment)),
            ("proofs", Some(self.proofs.to_string())),
            ("owner-key-file", keys.owner_file.as_deref().and_then(path)),
            ("owner-data-dir", path(&folder.join("owner"))),
            ("roller", Some(keys.owner.to_string())),
            ("signer-key-file", path(&keys.signer_file)),
            ("signer", Some(keys.signer.to_string())),
            ("roller-data-dir", path(&folder.join("data"))),
            ("payout", self.payout.map(|payout| payout.to_string())),
            ("amount", Some(words::amount(self.stake_wei))),
            (
                "password-file",
                self.password_file.as_deref().and_then(path),
            ),
        ];
        let texts = texts
            .into_iter()
            .filter_map(|(name, text)| Some((name, Value::String(text?))));
        let numbers = [
            ("capacity", Some(self.capacity as usize)),
            ("threads", self.prover.threads),
            ("segment-memory-mib", self.prover.segment_memory_mib),
        ];
        let numbers = numbers
            .into_iter()
            .filter_map(|(name, value)| Some((name, number(value?))));
        texts
            .chain(numbers)
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// What is left to a person.
    pub fn next(&self, file: &Path) -> Vec<String> {
        let Keys {
            owner,
            owner_file,
            signer,
            ..
        } = &self.keys;
        let stake = words::amount(self.stake_wei);
        let file = file.display();
        let staking = match owner_file {
            Some(_) => format!("roller stake --config {file}"),
            None => format!(
                "roller stake --signer {signer} --amount {stake} --capacity {} --l1-rpc URL --deployment FILE --owner-key-file FILE \
                 --owner-data-dir FOLDER    (where the owner's key is)",
                self.capacity
            ),
        };
        vec![
            String::new(),
            format!(
                "next: give the owner {owner} {stake} SCR and some ether for gas, the signer {signer} a little ether; then"
            ),
            format!("  {staking}"),
            format!("  roller run --config {file}"),
            format!("and when in doubt: roller doctor --config {file}"),
        ]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{ffi::OsString, fs};

    use clap::CommandFactory;

    use super::*;
    use crate::{Cli, config::CONFIG, registry::scr};

    fn settings() -> Settings {
        Settings {
            l1_rpc: "http://127.0.0.1:1".to_owned(),
            coordinator: "http://127.0.0.1:2".to_owned(),
            deployment: "/d.json".into(),
            proofs: ProofKind::Mock,
            payout: Some(Address::repeat_byte(3)),
            stake_wei: scr(1_000),
            capacity: 2,
            prover: ProverArgs {
                threads: Some(4),
                segment_memory_mib: None,
            },
            password_file: Some("/word".into()),
            keys: Keys {
                owner: Address::repeat_byte(1),
                owner_file: Some("/owner.json".into()),
                signer: Address::repeat_byte(2),
                signer_file: "/signer.json".into(),
            },
        }
    }

    #[test]
    fn every_verb_takes_the_file_and_needs_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("roller.toml");
        settings().write(folder.path(), &file).unwrap();
        for verb in [
            "run",
            "stake",
            "unbond",
            "withdraw",
            "set-signer",
            "set-payout",
            "claim",
            "defend",
            "bench",
            "status",
            "doctor",
            "setup",
        ] {
            let line = ["roller", verb, "--config", file.to_str().unwrap()];
            let line = line.map(OsString::from);
            let command = CONFIG.apply(Cli::command(), &line).unwrap();
            let matches = command.try_get_matches_from(line);
            assert!(matches.is_ok(), "{verb}: {}", matches.unwrap_err());
        }
    }

    #[test]
    fn a_file_that_is_there_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("roller.toml");
        fs::write(&file, "threads = 1\n").unwrap();
        assert!(settings().write(folder.path(), &file).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "threads = 1\n");
    }

    #[test]
    fn an_owner_elsewhere_is_told_the_whole_command() {
        let here = settings().next(Path::new("f"));
        assert_eq!(here[2], "  roller stake --config f");
        let mut elsewhere = settings();
        elsewhere.keys.owner_file = None;
        let said = elsewhere.next(Path::new("f")).join("\n");
        assert!(said.contains("--amount 1000 --capacity 2"), "{said}");
        assert!(
            !elsewhere
                .fields(Path::new("/"))
                .contains_key("owner-key-file")
        );
    }
}
