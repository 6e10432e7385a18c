//! Supervision: named tasks, and a process that ends when one of them does.

use std::{collections::HashMap, error::Error, future::Future, time::Duration};

use tokio::task::{Id, JoinError, JoinSet};

use crate::Shutdown;

/// Any error of a task.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// How long tasks may take to end after the shutdown begins; what is left then is aborted.
/// Generous to one database write or one RPC call, short for a person who pressed Ctrl-C.
const GRACE: Duration = Duration::from_secs(10);

/// Why the process ends although nobody asked it to.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A task returned an error.
    #[error("task {name} failed")]
    Failed {
        /// The task's name.
        name: &'static str,
        /// Its error.
        #[source]
        source: BoxError,
    },
    /// A task returned although the process is meant to run.
    #[error("task {name} ended by itself")]
    Ended {
        /// The task's name.
        name: &'static str,
    },
    /// A task panicked.
    #[error("task {name} panicked: {message}")]
    Panicked {
        /// The task's name.
        name: &'static str,
        /// The panic's message.
        message: String,
    },
    /// A task did not listen to the shutdown.
    #[error("task {name} did not end in time and was aborted")]
    Stuck {
        /// The task's name.
        name: &'static str,
    },
}

/// The tasks of a process.
#[derive(Debug)]
pub struct Tasks {
    shutdown: Shutdown,
    set: JoinSet<Result<(), BoxError>>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    /// No tasks yet, under `shutdown`.
    pub fn new(shutdown: Shutdown) -> Self {
        Self {
            shutdown,
            set: JoinSet::new(),
            names: HashMap::new(),
        }
    }

    /// The token that the tasks listen to.
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Starts `task`. It must end soon after the shutdown begins, and not before.
    pub fn spawn<E>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) where
        E: Into<BoxError> + 'static,
    {
        let handle = self
            .set
            .spawn(async move { task.await.map_err(Into::into) });
        self.names.insert(handle.id(), name);
    }

    /// Runs until the shutdown begins or a task ends, then ends all of them. The first failure is returned.
    pub async fn join(mut self) -> Result<(), TaskError> {
        let mut outcome = Ok(());
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                ended = self.set.join_next_with_id() => match ended {
                    None => break,
                    Some(ended) => {
                        // A task that ends because the shutdown began in this instant is no failure.
                        let orderly = self.shutdown.is_cancelled();
                        outcome = self.outcome(ended, orderly);
                        if outcome.is_err() {
                            self.shutdown.cancel();
                            break;
                        }
                    }
                },
            }
        }
        let rest = self.drain().await;
        outcome.and(rest)
    }

    async fn drain(&mut self) -> Result<(), TaskError> {
        let deadline = tokio::time::Instant::now() + GRACE;
        let mut outcome = Ok(());
        while let Ok(Some(ended)) =
            tokio::time::timeout_at(deadline, self.set.join_next_with_id()).await
        {
            let result = self.outcome(ended, true);
            if let Err(error) = &result {
                tracing::error!(error = error as &dyn Error, "while shutting down");
            }
            outcome = outcome.and(result);
        }
        if let Some(name) = self.names.values().next().copied() {
            self.set.abort_all();
            outcome = outcome.and(Err(TaskError::Stuck { name }));
        }
        outcome
    }

    fn outcome(
        &mut self,
        ended: Result<(Id, Result<(), BoxError>), JoinError>,
        orderly: bool,
    ) -> Result<(), TaskError> {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let name = self
            .names
            .remove(&id)
            .expect("every task is named when it is spawned");
        match ended {
            Ok((_, Ok(()))) if orderly => Ok(()),
            Ok((_, Ok(()))) => Err(TaskError::Ended { name }),
            Ok((_, Err(source))) => Err(TaskError::Failed { name, source }),
            Err(error) if error.is_panic() => Err(TaskError::Panicked {
                name,
                message: panic_message(error),
            }),
            Err(_) => Err(TaskError::Stuck { name }),
        }
    }
}

fn panic_message(error: JoinError) -> String {
    match error.into_panic().downcast::<String>() {
        Ok(message) => *message,
        Err(other) => other
            .downcast::<&'static str>()
            .map_or("no message".into(), |m| (*m).into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::{convert::Infallible, future::pending, io};

    use super::{TaskError, Tasks};
    use crate::Shutdown;

    fn with_listener() -> Tasks {
        let mut tasks = Tasks::new(Shutdown::new());
        let shutdown = tasks.shutdown().clone();
        tasks.spawn("listener", async move {
            shutdown.cancelled().await;
            Ok::<_, Infallible>(())
        });
        tasks
    }

    #[tokio::test]
    async fn a_failing_task_ends_the_process_with_its_name() {
        let mut tasks = with_listener();
        tasks.spawn("broken", async {
            Err::<(), _>(io::Error::other("no disk"))
        });
        assert!(matches!(
            tasks.join().await,
            Err(TaskError::Failed { name: "broken", .. })
        ));
    }

    #[tokio::test]
    async fn a_task_that_returns_or_panics_ends_the_process() {
        let mut tasks = with_listener();
        tasks.spawn("quiet", async { Ok::<_, Infallible>(()) });
        assert!(matches!(
            tasks.join().await,
            Err(TaskError::Ended { name: "quiet" })
        ));

        let mut tasks = with_listener();
        tasks.spawn::<Infallible>("loud", async { panic!("boom {}", 1) });
        let error = tasks.join().await.unwrap_err();
        assert_eq!(error.to_string(), "task loud panicked: boom 1");
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_is_orderly_and_a_deaf_task_is_named() {
        let tasks = with_listener();
        tasks.shutdown().cancel();
        tasks.join().await.unwrap();

        let mut tasks = with_listener();
        tasks.spawn("deaf", pending::<Result<(), Infallible>>());
        tasks.shutdown().cancel();
        assert!(matches!(
            tasks.join().await,
            Err(TaskError::Stuck { name: "deaf" })
        ));
    }
}
