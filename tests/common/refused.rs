//! What a program that is refused is told.

use singletrack::python::run::program;

/// The text is refused at this place, in one line that says this.
pub fn refused(text: &str, at: &str, says: &str) {
    let refusal = program(text).expect_err(text);
    assert_eq!(refusal.at.to_string(), at, "{text}: {refusal}");
    assert!(refusal.text.contains(says), "{text}: {refusal}");
    assert!(!refusal.text.contains('\n'), "{text}: {refusal}");
}
