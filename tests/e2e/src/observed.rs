//! What programs tell Prometheus, and what dashboard and alerts ask for.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use eyre::{OptionExt, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A file of `deploy`.
pub fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy")
        .join(name)
}

/// `GET PATH`: the status and the body.
pub async fn get(url: &str, path: &str) -> eyre::Result<(u16, String)> {
    let host = url.strip_prefix("http://").ok_or_eyre("no http")?;
    let mut stream = TcpStream::connect(host).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_eyre("no answer")?;
    let status = head.split(' ').nth(1).ok_or_eyre("no status")?;
    Ok((status.parse()?, body.to_owned()))
}

/// What was told in one answer of `/metrics`.
#[derive(Clone, Debug, Default)]
pub struct Told {
    samples: BTreeMap<String, f64>,
}

impl Told {
    /// Asks a program; fails if something that it tells has no help or no unit.
    pub async fn by(url: &str) -> eyre::Result<Self> {
        let (status, text) = get(url, "/metrics").await?;
        ensure!(status == 200, "/metrics answers {status}");
        Self::read(&text)
    }

    /// Reads OpenMetrics, as far as our programs write it.
    fn read(text: &str) -> eyre::Result<Self> {
        ensure!(text.ends_with("# EOF\n"), "it does not end");
        let (mut kinds, mut helped, mut units) =
            (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let mut samples = BTreeMap::new();
        for line in text.lines() {
            let mut words = line.splitn(4, ' ');
            let head = (words.next(), words.next());
            match (head, words.next(), words.next()) {
                ((Some("#"), Some("TYPE")), Some(name), Some(kind)) => {
                    kinds.insert(name, kind);
                }
                ((Some("#"), Some("HELP")), Some(name), Some(help)) if help.len() > 5 => {
                    helped.insert(name);
                }
                ((Some("#"), Some("UNIT")), Some(name), Some(unit)) => {
                    units.insert(name, unit);
                }
                ((Some("#"), _), _, _) => {}
                _ => {
                    let (sample, value) = line.rsplit_once(' ').ok_or_eyre("no value")?;
                    samples.insert(sample.to_owned(), value.parse()?);
                }
            }
        }
        for (name, kind) in kinds {
            ensure!(helped.contains(name), "{name} has no help");
            let unit = units.get(name);
            let has_unit = unit.is_some_and(|unit| name.ends_with(&format!("_{unit}")));
            ensure!(kind == "info" || has_unit, "{name} has no unit");
        }
        Ok(Self { samples })
    }

    /// The value of a sample, with its labels.
    pub fn value(&self, sample: &str) -> Option<f64> {
        self.samples.get(sample).copied()
    }

    /// Names of all samples, without labels.
    pub fn names(&self) -> BTreeSet<&str> {
        let names = self.samples.keys();
        names
            .filter_map(|sample| sample.split('{').next())
            .collect()
    }
}

/// Our metrics that a text with queries names.
pub fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("rollmill_")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const TOLD: &str = "# HELP rollmill_eaten_cakes Cakes that are gone.\n# TYPE rollmill_eaten_cakes counter\n\
                        # UNIT rollmill_eaten_cakes cakes\nrollmill_eaten_cakes_total{kind=\"a b\"} 2\n# EOF\n";

    #[test]
    fn what_has_no_help_or_no_unit_is_refused() {
        let told = Told::read(TOLD).unwrap();
        let sample = "rollmill_eaten_cakes_total{kind=\"a b\"}";
        assert_eq!(told.value(sample), Some(2.0));
        assert_eq!(told.names(), ["rollmill_eaten_cakes_total"].into());
        for line in ["# HELP", "# UNIT"] {
            let lines = TOLD.lines().filter(|text| !text.starts_with(line));
            let without: String = lines.map(|line| format!("{line}\n")).collect();
            assert!(Told::read(&without).is_err(), "{line}");
        }
    }

    #[test]
    fn names_are_read_from_queries() {
        let query = "sum by (of) (rate(rollmill_a_total{of=\"b\"}[5m])) > rollmill_c - up{job=\"rollmill\"}";
        assert_eq!(named(query), ["rollmill_a_total", "rollmill_c"].into());
    }
}
