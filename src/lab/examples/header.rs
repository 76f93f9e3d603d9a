//! What an example says of itself: level, minutes, what to read, question, prediction, command.
//!
//! *Promises*: whatever the text, no panic; what it does not say is empty, or 0.
//! *Leaves out*: where the text comes from (`lab/examples/shelf.rs`).
//!
//! ```text
//!   A title.
//!
//!   Level: 2 of 3. Minutes: 5. Read: src/gil/rules/machine.rs
//!
//!   Question: what is it? Prediction: this.
//!
//!       cargo run --example convoy       # the first of these is the command
//! ```

/// What an example's opening comment says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// Its first line.
    pub title: String,
    /// 1 to 3.
    pub level: u8,
    /// How long it takes to read and run.
    pub minutes: u8,
    /// The file to read with it.
    pub read: String,
    /// What is asked.
    pub question: String,
    /// What is expected.
    pub prediction: String,
    /// How to run it.
    pub command: String,
}

impl Header {
    /// Reads the text of an opening comment, without its comment marks.
    ///
    /// ```
    /// use singletrack::lab::examples::header::Header;
    ///
    /// let header = Header::of(
    ///     "A clock.\n\nLevel: 2 of 3. Minutes: 5. Read: src/clock.rs\n\n\
    ///      Question: what time\nis it? Prediction: late.\n\n    cargo run   # now\n",
    /// );
    /// assert_eq!((header.title.as_str(), header.level, header.minutes), ("A clock.", 2, 5));
    /// assert_eq!((header.read.as_str(), header.command.as_str()), ("src/clock.rs", "cargo run"));
    /// assert_eq!(header.question, "What time is it?");
    /// assert_eq!(header.prediction, "Late.");
    /// ```
    pub fn of(text: &str) -> Header {
        let paragraphs = || text.split("\n\n").filter(|part| !part.trim().is_empty());
        let asked = joined(paragraphs().find(|part| part.starts_with("Question: ")).unwrap_or(""));
        let asked = asked.strip_prefix("Question: ").unwrap_or("");
        let (question, prediction) = asked.split_once(" Prediction: ").unwrap_or((asked, ""));
        let shelf = text.lines().find(|line| line.starts_with("Level: ")).unwrap_or("");
        let field = |name: &str| {
            let rest = shelf.split(name).nth(1).unwrap_or("");
            rest.split(". ").next().unwrap_or("").trim()
        };
        let number = |name| {
            let word = field(name).split(' ').next().unwrap_or("");
            word.trim_end_matches('.').parse().unwrap_or(0)
        };
        let mut indented = text.lines().filter_map(|line| line.strip_prefix("    "));
        let command = indented.find(|line| line.starts_with("cargo run")).unwrap_or("");
        Header {
            title: joined(paragraphs().next().unwrap_or("")),
            level: number("Level: "),
            minutes: number("Minutes: "),
            read: field("Read: ").to_owned(),
            question: capital(question),
            prediction: capital(prediction),
            command: command.split("  #").next().unwrap_or("").trim().to_owned(),
        }
    }

    /// `●●○`, or `**-` in ASCII.
    pub fn stars(level: u8, ascii: bool) -> String {
        let (full, hollow) = if ascii { ('*', '-') } else { ('●', '○') };
        (1..=3).map(|at| if at <= level { full } else { hollow }).collect()
    }
}

/// The lines of a paragraph as one.
pub(crate) fn joined(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// With a capital letter in front; but `SIGTERM` and `fork()` begin as they are written.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
