//! Option parsing as the C library's `getopt` does it, which stops at the first word that is no
//! option.
//!
//! Parsers from the shelf take `-q=k` for the key `k`; here, as for postmap, it is the key `=k`.

/// An option, as it was found on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opt<'a> {
    /// A letter, and its argument if it takes one.
    Short(u8, Option<&'a [u8]>),
}

/// A word that is no option that there is, or lacks what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptError {
    /// There is no such letter.
    Unknown(u8),
    /// Nothing follows a letter that takes an argument.
    MissingArgument(u8),
}

impl OptError {
    /// The C library's words for it, without the program's name.
    pub fn message(&self) -> Vec<u8> {
        match self {
            OptError::Unknown(letter) => [b"invalid option -- '", &[*letter][..], b"'"].concat(),
            OptError::MissingArgument(letter) => {
                [b"option requires an argument -- '", &[*letter][..], b"'"].concat()
            }
        }
    }
}

/// Iterator over the options of a command line.
///
/// It is over at the first `None` or error; asking on would take the operands for options.
#[derive(Clone, Debug)]
pub struct Getopt<'a> {
    short: &'static str,
    words: &'a [Vec<u8>],
    /// What is left of a word with several letters.
    letters: &'a [u8],
}

impl<'a> Getopt<'a> {
    /// Parses `words`, which do not include the program's name. `short` has the letters; a colon
    /// behind one means that it takes an argument.
    pub fn new(short: &'static str, words: &'a [Vec<u8>]) -> Getopt<'a> {
        Getopt { short, words, letters: b"" }
    }

    /// The words behind the options, once the iterator has ended.
    pub fn operands(&self) -> &'a [Vec<u8>] {
        self.words
    }

    fn next_word(&mut self) -> Option<&'a [u8]> {
        let (word, rest) = self.words.split_first()?;
        self.words = rest;
        Some(word)
    }

    fn short(&mut self, letter: u8) -> Result<Opt<'a>, OptError> {
        let known = self.short.bytes().position(|known| known == letter && known != b':');
        let takes_argument = match known {
            Some(at) => self.short.as_bytes().get(at + 1) == Some(&b':'),
            None => return Err(OptError::Unknown(letter)),
        };
        if !takes_argument {
            return Ok(Opt::Short(letter, None));
        }
        let argument = match std::mem::take(&mut self.letters) {
            b"" => self.next_word().ok_or(OptError::MissingArgument(letter))?,
            attached => attached,
        };
        Ok(Opt::Short(letter, Some(argument)))
    }
}

impl<'a> Iterator for Getopt<'a> {
    type Item = Result<Opt<'a>, OptError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.letters.is_empty() {
            let (word, rest) = self.words.split_first()?;
            let letters = word.strip_prefix(b"-").filter(|letters| !letters.is_empty())?;
            self.words = rest;
            if letters == b"-" {
                return None;
            }
            // A long option is a row of letters to the C library, the first a dash.
            self.letters = letters;
        }
        let (letter, letters) = self.letters.split_first()?;
        self.letters = letters;
        Some(self.short(*letter))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &[&str]) -> Vec<Vec<u8>> {
        line.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    /// What the parser makes of a line: options up to the end or an error, and the operands.
    fn parsed(line: &[&str]) -> String {
        let words = words(line);
        let mut getopt = Getopt::new("abq:", &words);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut parts = Vec::new();
        for option in getopt.by_ref() {
            parts.push(match option {
                Ok(Opt::Short(letter, None)) => text(&[letter]),
                Ok(Opt::Short(letter, Some(argument))) => {
                    format!("{}<{}>", text(&[letter]), text(argument))
                }
                Err(error) => return [parts, vec![text(&error.message())]].concat().join(" "),
            });
        }
        parts.push("|".to_owned());
        parts.extend(getopt.operands().iter().map(|word| text(word)));
        parts.join(" ")
    }

    #[test]
    fn lines() {
        #[rustfmt::skip]
        let cases: &[(&[&str], &str)] = &[
            (&[], "|"),
            (&["-a", "m"], "a | m"),
            (&["-ab", "-b", "m", "n"], "a b b | m n"),
            (&["m", "-a"], "| m -a"),
            (&["-a", "--", "-b"], "a | -b"),
            (&["-a", "-", "-b"], "a | - -b"),
            (&["", "-a"], "|  -a"),
            (&["-q", "k", "m"], "q<k> | m"),
            (&["-qk", "m"], "q<k> | m"),
            (&["-q=k"], "q<=k> |"),
            (&["-aqk", "-b"], "a q<k> b |"),
            (&["-q", "-a"], "q<-a> |"),
            (&["-q", "--", "m"], "q<--> | m"),
            (&["-q", "", "m"], "q<> | m"),
            (&["-aq"], "a option requires an argument -- 'q'"),
            (&["-aD", "-b"], "a invalid option -- 'D'"),
            (&["-:"], "invalid option -- ':'"),
            (&["--foo"], "invalid option -- '-'"),
            (&["---"], "invalid option -- '-'"),
        ];
        for (line, expected) in cases {
            assert_eq!(parsed(line), *expected, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn any_line_ends(line in prop::collection::vec("[-abqD:= ]{0,4}|--x=?", 0..6)) {
            let words: Vec<Vec<u8>> = line.into_iter().map(String::into_bytes).collect();
            let mut getopt = Getopt::new("abq:", &words);
            let letters: usize = words.iter().map(Vec::len).sum();
            let options = getopt.by_ref().take_while(Result::is_ok).count();
            prop_assert!(options <= letters);
            prop_assert!(words.ends_with(getopt.operands()));
        }
    }
}
