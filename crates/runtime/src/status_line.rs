//! One line at the bottom of the terminal that says how far the work is, replaced as it goes on; the log scrolls above it. Where
//! standard error is no terminal, nothing of it is seen.

use std::{
    io::{self, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

use console::Term;

/// Back to the line's beginning, and nothing in it.
const CLEAR: &[u8] = b"\r\x1b[2K";

/// What stands there now.
static LINE: Mutex<String> = Mutex::new(String::new());

fn line() -> MutexGuard<'static, String> {
    // The value is whole after every assignment.
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether there is a terminal for it.
pub fn has_status_line() -> bool {
    Term::stderr().is_term()
}

/// Shows `text` instead of what stood there; an empty one takes it away.
pub fn show_status_line(text: &str) {
    let terminal = Term::stderr();
    if !terminal.is_term() {
        return;
    }
    let (_, columns) = terminal.size();
    let fits = usize::from(columns).saturating_sub(1);
    let mut shown = line();
    *shown = text.chars().take(fits).collect();
    // Whoever looked may have gone: the work goes on.
    let _ = redraw(&mut io::stderr().lock(), b"", &shown);
}

/// Standard error for the log: what is written comes above the line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AboveStatusLine;

impl Write for AboveStatusLine {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let shown = line();
        let mut stderr = io::stderr().lock();
        if shown.is_empty() {
            return stderr.write(text);
        }
        redraw(&mut stderr, text, &shown)?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Writes `above`, whole lines, in the place of the line, and the line below it.
fn redraw(out: &mut impl Write, above: &[u8], line: &str) -> io::Result<()> {
    out.write_all(CLEAR)?;
    out.write_all(above)?;
    out.write_all(line.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_log_comes_above_the_line() {
        let mut screen = Vec::new();
        redraw(&mut screen, b"", "half").unwrap();
        redraw(&mut screen, b"a warning\n", "half").unwrap();
        redraw(&mut screen, b"", "").unwrap();
        let clear = String::from_utf8_lossy(CLEAR);
        assert_eq!(
            String::from_utf8(screen).unwrap(),
            format!("{clear}half{clear}a warning\nhalf{clear}")
        );
    }
}
