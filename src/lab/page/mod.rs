//! One page of HTML: what all reports that a browser shows have in common.
//!
//! ```text
//!   shell   head, styles for light, dark and paper, colours of states; a template's text put in it
//!   embed   data as JSON inside the page, for its own script and for whoever wants the numbers
//! ```
//! A page is one file: no network, readable without scripts, at most 300 KiB. To add one: a template
//! that extends `shell.html` and fills its blocks `main` and `script`; [`shell::render`] does the rest.

pub mod embed;
pub mod shell;
