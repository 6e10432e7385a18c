//! Work that blocks, off the runtime's threads.

use std::panic::resume_unwind;

use tokio::task::spawn_blocking;

/// Runs `work` on a thread for blocking work. A panic of it goes on here.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|panic| resume_unwind(panic.into_panic()))
}

#[cfg(test)]
mod tests {
    use super::blocking;

    #[tokio::test]
    async fn its_answer_comes_back() {
        assert_eq!(blocking(|| 7).await, 7);
    }

    #[tokio::test]
    #[should_panic(expected = "its own words")]
    async fn its_panic_goes_on() {
        blocking(|| panic!("its own words")).await
    }
}
