//! What a program tells people.
//!
//! Rules:
//! - Results go to standard output by [`outln!`](crate::outln). Whoever reads it may stop (`| head`); then the program ends as one that the system's SIGPIPE ends,
//!   and does not panic.
//! - An error's own text never holds its cause: whoever prints it joins the causes, with [`chain`].

use std::{
    error::Error,
    fmt,
    io::{self, Write},
    process::exit,
};

/// 128 and the number of SIGPIPE: what a shell shows of a program that the signal has ended.
const STATUS_BROKEN_PIPE: i32 = 141;

/// Prints a line to standard output like `println!`; when nobody reads it any more, the process ends with status 141.
#[macro_export]
macro_rules! outln {
    ($($text:tt)*) => {
        $crate::print_line(format_args!($($text)*))
    };
}

/// What [`outln!`](crate::outln) calls.
pub fn print_line(line: fmt::Arguments<'_>) {
    let Err(error) = writeln!(io::stdout(), "{line}") else {
        return;
    };
    if error.kind() == io::ErrorKind::BrokenPipe {
        exit(STATUS_BROKEN_PIPE);
    }
    complain(format_args!("cannot write to standard output: {error}"));
    exit(1);
}

/// Prints a line to standard error, if anybody reads it.
pub fn complain(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// An error with its causes, joined by colons.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl fmt::Display + 'a {
    fmt::from_fn(move |f| {
        let mut said = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Errors of other libraries may have said it already.
            if !said.ends_with(&text) {
                said.push_str(": ");
                said.push_str(&text);
            }
            cause = error.source();
        }
        f.write_str(&said)
    })
}

/// `1 roller`, `2 rollers`.
pub fn counted(count: impl Into<u64>, what: &str) -> String {
    match count.into() {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

/// A time in the two largest units.
pub fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (size, name) in UNITS {
        if left >= size && parts.len() < 2 {
            parts.push(format!("{} {name}", left / size));
        }
        left %= size;
    }
    if parts.is_empty() {
        return "a moment".to_owned();
    }
    parts.join(" ")
}

/// Rows of cells as lines in which each column is as wide as its widest cell.
pub fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(at) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{chain, columns, counted, span};

    #[derive(Debug, thiserror::Error)]
    enum Failure {
        #[error("cannot open {path}")]
        Open {
            path: &'static str,
            source: io::Error,
        },
        #[error("no chain: {0}")]
        Foreign(#[source] io::Error),
        #[error("cannot start")]
        Start(#[source] Box<Failure>),
    }

    #[test]
    fn causes_are_joined_and_said_once() {
        let cause = || io::Error::other("disk full");
        let open = Failure::Open {
            path: "l2.redb",
            source: cause(),
        };
        assert_eq!(chain(&open).to_string(), "cannot open l2.redb: disk full");
        let start = Failure::Start(Box::new(Failure::Foreign(cause())));
        assert_eq!(
            chain(&start).to_string(),
            "cannot start: no chain: disk full"
        );
    }

    #[test]
    fn times_are_told_in_two_units() {
        assert_eq!(span(0), "a moment");
        assert_eq!(span(59), "59 s");
        assert_eq!(span(3_600), "1 h");
        assert_eq!(span(2 * 86_400 + 3 * 3_600 + 4 * 60), "2 d 3 h");
        assert_eq!(span(61), "1 min 1 s");
    }

    #[test]
    fn one_is_singular() {
        let words = [0u32, 1, 2].map(|count| counted(count, "roller"));
        assert_eq!(words, ["0 rollers", "1 roller", "2 rollers"]);
    }

    #[test]
    fn cells_of_a_column_begin_below_each_other() {
        let rows = [["a", "bb", "c"], ["ä…ä", "b", ""]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(columns(&rows), ["a    bb  c", "ä…ä  b"]);
    }
}
