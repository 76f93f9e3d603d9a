//! `singletrack explore` and `dis`: a program of the bytecode machine, explored.
//!
//! ```text
//!   command line, program file ── request ──▶ ExploreRequest ── output ──▶ text
//!                                                                │   └─ document ──▶ JSON
//!                                                                └─ runs vm/explorer.rs, or
//!                                                                   vm/replay.rs for one schedule
//! ```
//!
//! A file that ends in `.py` is Python, explored under one policy or several:
//!
//! ```text
//!   python ── answers: a policy's outcomes, and which of them are wrong
//!     ├── confirmation ── confirm: real interpreters, each a child ── confirm.py
//!     │        └───────── agreement: what they did beside what was predicted
//!     ├── promise ── what the documentation says of the access that raced
//!     └── listing ─▶ text, python_document ─▶ JSON, html ─▶ a page (`lab/page`)
//! ```
//!
//! What an answer means and what it does not is `guarantees`.
//!
//! Both give an `explored`: a text, and perhaps a failure. Read `request`, then `output`; `document` is the same in JSON. What a schedule is, and how all are
//! tried, is in `vm`, and for Python in `python/explore`.

pub mod agreement;
pub(crate) mod answers;
pub(crate) mod confirm;
pub(crate) mod confirmation;
pub(crate) mod document;
pub mod explored;
pub mod guarantees;
pub(crate) mod html;
pub(crate) mod listing;
pub mod output;
pub(crate) mod promise;
pub mod python;
pub(crate) mod python_document;
pub mod request;
