//! Data inside a page: JSON that no text in it can end.
//!
//! *Promises*: it is JSON still, and has none of the characters with which HTML or a script could be
//! left.
//! *Leaves out*: where it stands (`src/lab/page/shell.html`).

use serde_json::Value;

/// The value as JSON for a `<script type="application/json">`.
///
/// ```
/// use serde_json::json;
/// use singletrack::lab::page::embed::embed;
///
/// let text = embed(&json!({"a": "</script>"}));
/// assert_eq!(text, r#"{"a":"\u003c/script\u003e"}"#);
/// ```
pub fn embed(value: &Value) -> String {
    let mut text = String::new();
    // These can only stand inside strings of JSON, where they may be spelled so.
    for c in value.to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                text += &format!("\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text
}
