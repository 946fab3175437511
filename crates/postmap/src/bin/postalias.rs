//! `postalias`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    postmap::main(postmap::Tool::Postalias)
}
