//! Process plumbing, the same for every rollmill process.
//!
//! Model: a process is a set of named tasks under one [`Shutdown`] token.
//! - A signal, or a task that ends by itself, cancels the token; every loop listens to it.
//! - A task that ends while the process is meant to run is a failure, and the process ends with that task's name
//!   ([`Tasks::join`]); there are no silent half-alive processes.
//! - Time is read at the edge through [`Clock`] and handed down as an argument.
//! - [`metrics`]: what it measures of itself, and whether it is well, for its operator.
//! - [`retry`] waits in a fixed geometric sequence, without jitter, so that a test sees what production does.

mod blocking;
mod clock;
mod completions;
mod config;
mod disk;
mod findings;
pub mod metrics;
mod output;
mod prompt;
mod ready;
mod retry;
mod settings;
mod shutdown;
mod status_line;
mod tasks;
mod telemetry;
pub mod traces;

pub use blocking::blocking;
pub use clock::Clock;
pub use completions::Completions;
pub use config::{ConfigError, ConfigFile};
pub use disk::free_bytes;
pub use findings::{Finding, Verdict, good, judged, note, say_findings, wrong, wrongs};
pub use output::{chain, columns, complain, counted, print_line, span};
pub use prompt::{ask, ask_secret};
pub use ready::{ReadyError, ReadyFile};
pub use retry::{Backoff, RetryError, retry};
pub use settings::{CheckArgs, Checked, Origin, Setting, SettingsError};
pub use shutdown::Shutdown;
pub use status_line::{has_status_line, show_status_line};
pub use tasks::{BoxError, TaskError, Tasks};
pub use telemetry::{LogFormat, TelemetryError, init_tracing};
