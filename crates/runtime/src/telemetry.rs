//! Tracing: one line per event for people, or JSON for machines, on standard error. Colours are for terminals only, and when
//! nobody reads standard error any more, nothing is said and the process goes on.

use std::{
    io::{self, IsTerminal},
    str::FromStr,
};

use tracing_subscriber::{EnvFilter, filter::ParseError, fmt, util::TryInitError};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

use crate::status_line::AboveStatusLine;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line per event.
    #[default]
    Human,
    /// One JSON object per event.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err("the log format is `human` or `json`"),
        }
    }
}

/// Tracing could not be set up; stop and tell the operator.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not in the form `level` or `target=level,...`.
    #[error("bad log filter")]
    Filter(#[from] ParseError),
    /// A subscriber is installed already.
    #[error("tracing is set up already")]
    Installed(#[from] TryInitError),
}

/// Installs the process-wide subscriber. `RUST_LOG`, where set, wins over `default_filter`
/// (for example `info,rollmill=debug`).
pub fn init_tracing(format: LogFormat, default_filter: &str) -> Result<(), TelemetryError> {
    let directives =
        std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| default_filter.to_owned());
    let filter = EnvFilter::try_new(directives)?;
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Human => registry
            .with(
                fmt::layer()
                    .with_writer(AboveStatusLine::default)
                    .with_ansi(has_colours())
                    .log_internal_errors(false)
                    .with_target(false)
                    .compact(),
            )
            .try_init()?,
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(io::stderr)
                    .log_internal_errors(false),
            )
            .try_init()?,
    }
    Ok(())
}

/// On a terminal, unless `NO_COLOR` has a value (<https://no-color.org>).
fn has_colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
