//! The name that somebody meant who has written another.
//!
//! *Promises*: a suggestion is so near that one slip of the fingers or two may lie between; else there
//! is none. Pure.
//!
//! ```text
//!   e v e n t - l o p      one letter is missing:     distance 1  ──▶ event-loop
//!   c o n v y o            two have changed places:   distance 2  ──▶ convoy
//! ```

/// The nearest of these names, if one is near.
///
/// ```
/// use singletrack::lab::report::nearest::nearest;
///
/// assert_eq!(nearest("convy", &["battle", "convoy"]), Some("convoy"));
/// assert_eq!(nearest("peace", &["battle", "convoy"]), None);
/// ```
pub fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let apart = |name: &&str| distance(&word, name);
    let near = names.iter().filter(|name| 3 * apart(name) <= name.chars().count().max(3));
    near.min_by_key(|name| apart(name)).copied()
}

/// What to do about a name that is not there: `name convoy, which is near, or battle`.
///
/// ```
/// use singletrack::lab::report::nearest::or_nearest;
///
/// assert_eq!(or_nearest("convy", &["battle", "convoy"]), "did you mean convoy? Name battle or convoy");
/// assert_eq!(or_nearest("peace", &["battle", "convoy"]), "name battle or convoy");
/// ```
pub fn or_nearest(word: &str, names: &[&str]) -> String {
    let list = match names {
        [] => return "there are none".to_owned(),
        [only] => (*only).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    };
    match nearest(word, names) {
        Some(name) => format!("did you mean {name}? Name {list}"),
        None => format!("name {list}"),
    }
}

/// How many letters must be put in, left out or changed to come from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut before = row[0];
        row[0] = line + 1;
        for (at, other) in to.iter().enumerate() {
            let changed = before + usize::from(letter != *other);
            before = row[at + 1];
            row[at + 1] = changed.min(before + 1).min(row[at] + 1);
        }
    }
    row[to.len()]
}
