//! Questions to whoever sits at the terminal. They go to standard error, so that standard output holds results only.

use std::io;

use console::Term;

/// Asks for a line. An empty answer is the default, where there is one.
///
/// # Errors
/// There is no terminal, or it was closed.
pub fn ask(question: &str, default: Option<&str>) -> io::Result<String> {
    let terminal = terminal()?;
    match default {
        Some(default) => terminal.write_str(&format!("{question} [{default}]: "))?,
        None => terminal.write_str(&format!("{question}: "))?,
    }
    let answer = terminal.read_line()?;
    Ok(match (answer.trim(), default) {
        ("", Some(default)) => default.to_owned(),
        (answer, _) => answer.to_owned(),
    })
}

/// Asks for a line that is not shown while it is typed.
///
/// # Errors
/// There is no terminal, or it was closed.
pub fn ask_secret(question: &str) -> io::Result<String> {
    let terminal = terminal()?;
    terminal.write_str(&format!("{question}: "))?;
    terminal.read_secure_line()
}

/// The terminal, if somebody sits there.
fn terminal() -> io::Result<Term> {
    let terminal = Term::stderr();
    if !terminal.is_term() {
        return Err(io::Error::new(
            io::ErrorKind::NotConnected,
            "there is no terminal to ask at",
        ));
    }
    Ok(terminal)
}
