//! Every text once: a string is a number, and two equal strings are the same number.
//!
//! *Promises*: equal texts have equal numbers, in all worlds of a run; their memory is counted.
//! *Leaves out*: forgetting a text. A program that makes texts for ever is stopped by the count.

use crate::python::value::hash::Quick;
use std::collections::HashMap;
use std::sync::Arc;

/// The number of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StrId(pub u32);

#[derive(Debug)]
struct Text {
    text: Arc<str>,
    /// Each character is a byte.
    ascii: bool,
}

/// All texts.
///
/// ```
/// use singletrack::python::value::strings::Strings;
///
/// let mut strings = Strings::default();
/// let a = strings.intern("spam");
/// assert_eq!(strings.intern("spam"), a);
/// assert_eq!(&*strings.get(a), "spam");
/// ```
#[derive(Debug, Default)]
pub struct Strings {
    texts: Vec<Text>,
    numbers: HashMap<Arc<str>, u32, Quick>,
    bytes: usize,
    /// The numbers of texts of one ASCII character, by that.
    ones: Vec<Option<StrId>>,
}

impl Strings {
    /// The number of a text.
    pub fn intern(&mut self, text: &str) -> StrId {
        if let Some(number) = self.numbers.get(text) {
            return StrId(*number);
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let text: Arc<str> = Arc::from(text);
        self.bytes += text.len() + 48;
        self.texts.push(Text { text: Arc::clone(&text), ascii: text.is_ascii() });
        self.numbers.insert(text, number);
        StrId(number)
    }

    /// The number of the text of one ASCII character.
    pub fn one(&mut self, character: u8) -> StrId {
        let at = usize::from(character & 0x7f);
        if self.ones.is_empty() {
            self.ones.resize(128, None);
        }
        if let Some(id) = self.ones[at] {
            return id;
        }
        let id = self.intern(char::from(character & 0x7f).encode_utf8(&mut [0; 4]));
        self.ones[at] = Some(id);
        id
    }

    /// The number of a text that there is.
    pub fn find(&self, text: &str) -> Option<StrId> {
        self.numbers.get(text).map(|number| StrId(*number))
    }

    /// The text of a number.
    pub fn get(&self, id: StrId) -> Arc<str> {
        self.texts.get(id.0 as usize).map_or_else(|| Arc::from(""), |text| Arc::clone(&text.text))
    }

    /// The text of a number, borrowed.
    pub fn text(&self, id: StrId) -> &str {
        self.texts.get(id.0 as usize).map_or("", |text| &text.text)
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The text of a number, if each of its characters is a byte.
    pub fn ascii(&self, id: StrId) -> Option<&str> {
        let text = self.texts.get(id.0 as usize)?;
        text.ascii.then_some(&*text.text)
    }

    /// How many characters a text has.
    pub fn length(&self, id: StrId) -> usize {
        match self.ascii(id) {
            Some(text) => text.len(),
            None => self.text(id).chars().count(),
        }
    }

    /// How much memory all texts have, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
