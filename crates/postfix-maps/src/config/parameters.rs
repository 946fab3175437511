//! The file: `name = value` lines.

use std::collections::HashMap;

use postfix_map_text::{Diagnostic, DiagnosticKind, before_nul, logical_lines};

use super::ConfigProblem;
use super::scan::{is_space, split_assignment};

/// Parameters by name, with their values as written.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    values: HashMap<Vec<u8>, Vec<u8>>,
}

impl Parameters {
    pub(super) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.values.get(name).map(Vec::as_slice)
    }

    /// Sets a parameter, and returns the value that it had before.
    pub(super) fn set(&mut self, name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        self.values.insert(name.to_vec(), value.to_vec())
    }

    /// Adds the parameters that `source` sets, the text of the file called `file`. What is to be
    /// warned of goes to `warnings`.
    ///
    /// # Errors
    ///
    /// [`ConfigProblem::Syntax`] at the first line that is not `name = value`.
    pub(super) fn read(
        &mut self,
        file: &[u8],
        source: &[u8],
        warnings: &mut Vec<Vec<u8>>,
    ) -> Result<(), ConfigProblem> {
        for line in logical_lines(source) {
            if line.text.first().is_some_and(|byte| is_space(*byte)) {
                let kind = DiagnosticKind::LeadingWhitespace;
                warnings.push(Diagnostic::new(kind, line).message(file));
                continue;
            }
            // A NUL ends the line for Postfix.
            let text = before_nul(&line.text);
            let first = line.lines.first;
            let (name, value) = split_assignment(text).map_err(|what| ConfigProblem::Syntax {
                file: file.to_vec(),
                line: first,
                what,
                text: text.to_vec(),
            })?;
            match self.set(name, value) {
                Some(earlier) if earlier != value => {
                    let place = format!(", line {first}: overriding earlier entry: ");
                    warnings.push([file, place.as_bytes(), name, b"=", &earlier].concat());
                }
                _ => {}
            }
        }
        Ok(())
    }
}
