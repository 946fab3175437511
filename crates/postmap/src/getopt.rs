//! Option parsing as the C library's `getopt` does it, which stops at the first word that is no option.
//!
//! Parsers from the shelf take `-q=k` for the key `k`; here, as for postmap, it is the key `=k`.

/// An option, as it was found on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opt<'a> {
    /// A letter, and its argument if it takes one.
    Short(u8, Option<&'a [u8]>),
    /// A long option by its name, and its argument if it takes one.
    Long(&'static str, Option<&'a [u8]>),
}

/// A long option: what Postfix does not have.
#[derive(Clone, Copy, Debug)]
pub struct Long {
    /// The name behind the two dashes.
    pub name: &'static str,
    /// Whether it takes an argument: `--name=argument` or `--name argument`.
    pub takes_argument: bool,
}

/// A word that is no option that there is, or lacks what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptError {
    /// There is no such letter.
    Unknown(u8),
    /// Nothing follows a letter that takes an argument.
    MissingArgument(u8),
    /// Nothing follows a long option that takes an argument.
    MissingLongArgument(&'static str),
    /// A long option that takes none has an argument.
    UnexpectedArgument(&'static str),
}

impl OptError {
    /// The C library's words for it, without the program's name.
    pub fn message(&self) -> Vec<u8> {
        match self {
            OptError::Unknown(letter) => [b"invalid option -- '", &[*letter][..], b"'"].concat(),
            OptError::MissingArgument(letter) => {
                [b"option requires an argument -- '", &[*letter][..], b"'"].concat()
            }
            OptError::MissingLongArgument(name) => {
                format!("option '--{name}' requires an argument").into_bytes()
            }
            OptError::UnexpectedArgument(name) => {
                format!("option '--{name}' doesn't allow an argument").into_bytes()
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
    long: &'static [Long],
    words: &'a [Vec<u8>],
    /// What is left of a word with several letters.
    letters: &'a [u8],
}

impl<'a> Getopt<'a> {
    /// Parses `words`, which do not include the program's name. `short` has the letters; a colon behind
    /// one means that it takes an argument.
    pub fn new(short: &'static str, long: &'static [Long], words: &'a [Vec<u8>]) -> Getopt<'a> {
        Getopt { short, long, words, letters: b"" }
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

    /// The long option that `word` is, `name` or `name=argument`. None if there is none of that name.
    fn long(&mut self, word: &'a [u8]) -> Option<Result<Opt<'a>, OptError>> {
        let mut parts = word.splitn(2, |byte| *byte == b'=');
        let (name, attached) = (parts.next()?, parts.next());
        let Long { name, takes_argument } =
            *self.long.iter().find(|long| long.name.as_bytes() == name)?;
        Some(match (takes_argument, attached) {
            (false, None) => Ok(Opt::Long(name, None)),
            (false, Some(_)) => Err(OptError::UnexpectedArgument(name)),
            (true, attached) => match attached.or_else(|| self.next_word()) {
                Some(argument) => Ok(Opt::Long(name, Some(argument))),
                None => Err(OptError::MissingLongArgument(name)),
            },
        })
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
            if let Some(option) = letters.strip_prefix(b"-").and_then(|word| self.long(word)) {
                return Some(option);
            }
            // A long option that there is not is a row of letters to the C library, the first a dash.
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

    const LONG: &[Long] = &[
        Long { name: "quick", takes_argument: false },
        Long { name: "level", takes_argument: true },
    ];

    fn words(line: &[&str]) -> Vec<Vec<u8>> {
        line.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    /// What the parser makes of a line: options up to the end or an error, and the operands.
    fn parsed(line: &[&str]) -> String {
        let words = words(line);
        let mut getopt = Getopt::new("abq:", LONG, &words);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut parts = Vec::new();
        for option in getopt.by_ref() {
            parts.push(match option {
                Ok(Opt::Short(letter, None)) => text(&[letter]),
                Ok(Opt::Short(letter, Some(argument))) => {
                    format!("{}<{}>", text(&[letter]), text(argument))
                }
                Ok(Opt::Long(name, None)) => name.to_owned(),
                Ok(Opt::Long(name, Some(argument))) => format!("{name}<{}>", text(argument)),
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
            (&["--quick", "m"], "quick | m"),
            (&["--level=3", "m"], "level<3> | m"),
            (&["--level=", "m"], "level<> | m"),
            (&["--level=a=b"], "level<a=b> |"),
            (&["--level", "3", "m"], "level<3> | m"),
            (&["--level"], "option '--level' requires an argument"),
            (&["--quick=1"], "option '--quick' doesn't allow an argument"),
            (&["--foo"], "invalid option -- '-'"),
            (&["--qui"], "invalid option -- '-'"),
            (&["---"], "invalid option -- '-'"),
        ];
        for (line, expected) in cases {
            assert_eq!(parsed(line), *expected, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn any_line_ends(line in prop::collection::vec("[-abqD:= ]{0,4}|--(quick|level|x)=?", 0..6)) {
            let words: Vec<Vec<u8>> = line.into_iter().map(String::into_bytes).collect();
            let mut getopt = Getopt::new("abq:", LONG, &words);
            let letters: usize = words.iter().map(Vec::len).sum();
            let options = getopt.by_ref().take_while(Result::is_ok).count();
            prop_assert!(options <= letters);
            prop_assert!(words.ends_with(getopt.operands()));
        }
    }
}
