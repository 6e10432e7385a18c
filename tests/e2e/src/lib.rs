//! End-to-end tests drive the real processes; see `tests/`.
