//! Completions of a program's verbs and flags for the user's shell.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::outln;

/// Arguments of a program's verb `completions`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Completions {
    /// The shell that will read what is printed.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Prints the script for the program with these arguments.
    pub fn print<C: CommandFactory>(self) {
        outln!("{}", self.script::<C>().trim_end());
    }

    fn script<C: CommandFactory>(self) -> String {
        let mut command = C::command();
        let name = command.get_name().to_owned();
        let mut script = Vec::new();
        generate(self.shell, &mut command, name, &mut script);
        String::from_utf8_lossy(&script).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "mill")]
    struct Program {
        /// How fine.
        #[arg(long)]
        grain: bool,
    }

    #[test]
    fn each_shell_learns_the_flags() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = Completions { shell }.script::<Program>();
            assert!(script.contains("mill"), "{shell}");
            assert!(script.contains("grain"), "{shell}");
        }
    }
}
