//! What a topic is: a fault by its name, why it comes, where this crate answers it, what shows it.
//!
//! *Promises*: words find a topic however they are written, and never one of two.
//! *Leaves out*: the topics, which stand in the files of their kinds, and their list, [`Topic::ALL`]
//! (`lab/explain/mod.rs`).

use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::report::failure::Failure;
use crate::lab::report::nearest::or_nearest;
use crate::lab::scenes::explanation::Piece;
use crate::lab::scenes::scene::Scene;

/// A topic. Two are equal if they have the same name.
#[derive(Debug)]
pub struct Topic {
    /// Its name: `lost wake-up`.
    pub name: &'static str,
    /// What it is, in half a sentence.
    pub title: &'static str,
    /// What shows it in a moment, if anything does.
    pub shown_by: Option<ShownBy>,
    /// What it is, where it comes from, how it is seen, what helps.
    pub text: &'static [Piece],
    /// Commands that show more of it.
    pub next: &'static [&'static str],
}

/// What can be run to see a fault.
#[derive(Debug, Clone, Copy)]
pub enum ShownBy {
    /// This scene, under this policy: its lanes.
    Scene(&'static Scene, SwitchPolicy),
    /// This program of the bytecode machine: every interleaving, and the one that goes wrong.
    Program {
        /// Its file, from the crate's root.
        path: &'static str,
        /// All that stands in it.
        text: &'static str,
        /// When its threads may switch.
        policy: SwitchPolicy,
    },
}

impl PartialEq for Topic {
    fn eq(&self, other: &Topic) -> bool {
        self.name == other.name
    }
}

impl Topic {
    /// The topic of these words, or the only one that begins with them: case, hyphens and spaces do
    /// not matter.
    ///
    /// ```
    /// use singletrack::lab::explain::topic::Topic;
    ///
    /// assert_eq!(Topic::from_words("Lost-Wakeup").unwrap().name, "lost wake-up");
    /// assert_eq!(Topic::from_words("fork").unwrap().name, "fork and locks");
    /// assert!(Topic::from_words("weather").is_err());
    /// ```
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn from_words(words: &str) -> Result<&'static Topic, Failure> {
        let wanted = plain(words);
        let fits = |topic: &&&Topic| plain(topic.name).starts_with(&wanted);
        let exact = Topic::ALL.into_iter().find(|topic| plain(topic.name) == wanted);
        let mut begun = Topic::ALL.iter().filter(fits);
        match (exact, begun.next(), begun.next()) {
            (Some(topic), ..) => Ok(topic),
            (None, Some(topic), None) if !wanted.is_empty() => Ok(topic),
            _ => {
                let remedy = or_nearest(words, &Topic::ALL.map(|topic| topic.name));
                Err(Failure::new(format!("explain {words}"), "there is no such topic", remedy))
            }
        }
    }
}

fn plain(words: &str) -> String {
    words.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
