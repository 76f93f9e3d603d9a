//! One page of HTML: what all reports that a browser shows have in common.
//!
//! ```text
//!   request   what a command is asked for: a page, a card
//!   shell     head, styles for light, dark and paper, colours of states; a template's text put in it
//!   embed     data as JSON inside the page, for its own script and for whoever wants the numbers
//!   markup    elements; the one place where text is escaped
//!
//!   pictures  lanes    a timeline: who did what, and when
//!             │  └─ density  what is too short for a pixel becomes a shade
//!             bars     how long, where the time goes, and every round as a dot
//!             │  └─ rows     names beside an axis
//!             curves   one number by another, and where it bends
//!                └─ axis     round numbers along an axis
//!             card     one picture in a file of its own
//!             states   their colours, names and shares
//! ```
//! A page is one file: no network, readable without scripts, at most 300 KiB. To add one: a template
//! that extends `shell.html` and fills its blocks `main` and `script` (`cursor.js` moves along steps);
//! [`shell::render`] does the rest.

pub mod axis;
pub mod bars;
pub mod card;
pub mod curves;
pub mod density;
pub mod embed;
pub mod lanes;
pub mod markup;
pub mod request;
pub mod rows;
pub mod shell;
pub mod states;
