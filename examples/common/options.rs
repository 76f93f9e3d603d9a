//! The command line of an example: flags, and options with a value.

use std::ops::RangeInclusive;
use std::str::FromStr;

/// What was given on the command line.
pub struct Options {
    known: &'static [&'static str],
    given: Vec<(&'static str, String)>,
}

impl Options {
    /// Reads the command line. `known` says what there is: `--once` is a flag, `--seed N` has a value.
    /// Any other word ends the program with the usage.
    pub fn read(known: &'static [&'static str]) -> Options {
        let mut options = Options { known, given: Vec::new() };
        let mut words = std::env::args_os().skip(1);
        while let Some(word) = words.next() {
            let shape = known.iter().find(|shape| word == *name(shape));
            let Some(shape) = shape else { options.refuse(&word.display().to_string()) };
            let value = match shape.contains(' ') {
                true => words.next().unwrap_or_default().to_string_lossy().into_owned(),
                false => String::new(),
            };
            options.given.push((name(shape), value));
        }
        options
    }

    /// Whether this flag was given.
    pub fn has(&self, flag: &str) -> bool {
        self.given.iter().any(|(name, _)| *name == flag)
    }

    /// The value of an option, as it was written.
    pub fn text(&self, option: &str) -> Option<&str> {
        self.given.iter().rfind(|(name, _)| *name == option).map(|(_, value)| value.as_str())
    }

    /// The value of an option, which must be in this range; `usual` if it was not given.
    pub fn value<T: FromStr + PartialOrd>(
        &self,
        option: &str,
        range: RangeInclusive<T>,
        usual: T,
    ) -> T {
        let Some(text) = self.text(option) else { return usual };
        match text.parse() {
            Ok(value) if range.contains(&value) => value,
            _ => self.refuse(&format!("{option} {text}")),
        }
    }

    /// `--seed N`.
    pub fn seed(&self) -> u64 {
        self.value("--seed", 0..=u64::MAX, 7)
    }

    /// Ends the program: what was wrong, and what there is.
    pub fn refuse(&self, what: &str) -> ! {
        eprintln!("`{what}`: give nothing, or of these: {}", self.known.join(", "));
        std::process::exit(2);
    }
}

/// `--seed` of `--seed N`.
fn name(shape: &'static str) -> &'static str {
    shape.split(' ').next().unwrap_or(shape)
}
