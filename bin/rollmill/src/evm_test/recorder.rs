//! Cases as they ran, for a program that runs them elsewhere: `cargo xtask guest fixtures` runs them in the zkVM.
//!
//! A file of records: the name's length and the name, the case's length and the case ([`rollmill_stf::case`]), its verdict; lengths are
//! little-endian 32-bit numbers.

use alloy::primitives::{B256, Bytes};
use rollmill_stf::{
    Rules,
    case::{Case, Event},
};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    sync::Mutex,
};

/// [`Recorder::record`], of a case whose name is known.
pub(super) type Record<'a> = &'a dyn Fn(&dyn Fn() -> (Case, B256)) -> Result<(), String>;

/// Writes what was run, if that was asked for.
#[derive(Default)]
pub(super) struct Recorder(Option<Mutex<BufWriter<File>>>);

impl Recorder {
    /// Records to this file, which is made anew.
    pub(super) fn create(file: &Path) -> io::Result<Self> {
        Ok(Self(Some(Mutex::new(BufWriter::new(File::create(file)?)))))
    }

    /// Records a case and its verdict, on which the runs with state and without agree.
    pub(super) fn record(&self, name: &str, case: &dyn Fn() -> (Case, B256)) -> Result<(), String> {
        let Some(file) = &self.0 else {
            return Ok(());
        };
        let (case, verdict) = case();
        let mut bytes = Vec::new();
        case.encode(&mut bytes);
        let length = |bytes: &[u8]| {
            let length = u32::try_from(bytes.len()).expect("no case is longer than 4 GiB");
            length.to_le_bytes()
        };
        let name = name.as_bytes();
        let record = [&length(name), name, &length(&bytes), &bytes, &verdict.0].concat();
        let mut file = file.lock().expect("no worker panics while it writes");
        file.write_all(&record)
            .map_err(|error| format!("cannot record the case: {error}"))
    }

    /// Writes what is left to write.
    pub(super) fn finish(self) -> io::Result<()> {
        match self.0 {
            Some(file) => file
                .into_inner()
                .expect("no worker panics while it writes")
                .flush(),
            None => Ok(()),
        }
    }
}

/// A case under Ethereum's rules, which all fixtures have.
pub(super) fn recorded_case(rules: &Rules, witness: Bytes, event: Event) -> Case {
    let Rules::Ethereum(rules) = rules else {
        unreachable!("no fixture is the rollup's")
    };
    Case {
        rules: rules.clone(),
        witness,
        event,
    }
}
