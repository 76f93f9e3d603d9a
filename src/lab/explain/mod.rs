//! `singletrack explain`: eight faults of concurrent programs, each on a page of its own.
//!
//! ```text
//!   request      what the command line asks for: a topic, or the list of them
//!     │
//!     ▼
//!   Topic::ALL   which topics there are, at the foot of this page
//!     ├─ contention   convoy, battle, starvation: one lock, and who has it
//!     ├─ waking       thundering herd, lost wake-up: who is woken, and when
//!     ├─ queues       back-pressure, head-of-line blocking: who waits behind whom
//!     └─ forks        fork and locks: what a copied process cannot have
//!     │  all are made of
//!     ▼
//!   topic        what a topic is, and how it is found by its words
//!   page         runs the scene that shows it, and prints the page
//! ```
//! To read: the topic that you came for; then [`page`].
//!
//! # How to add a topic
//!
//! 1. Write a `const` [`topic::Topic`] in the file of its kind, with `explain!`
//!    (`lab/scenes/explanation.rs`): 12 to 24 lines of 80 characters, and two places in this crate
//!    at the least. The lines answer: what is it, where does it come from, how is it seen, what helps?
//! 2. Add a line to `Topic::ALL`. `tests/explain_cli.rs` then looks up every place, reads every
//!    command that it proposes, and counts its lines.

pub mod contention;
pub mod forks;
pub mod page;
pub mod queues;
pub mod request;
pub mod topic;
pub mod waking;

use topic::Topic;

impl Topic {
    /// All topics, in the order in which the list names them.
    pub const ALL: [&Topic; 8] = [
        &contention::CONVOY,
        &contention::BATTLE,
        &contention::STARVATION,
        &waking::THUNDERING_HERD,
        &waking::LOST_WAKE_UP,
        &queues::BACK_PRESSURE,
        &queues::HEAD_OF_LINE_BLOCKING,
        &forks::FORK_AND_LOCKS,
    ];
}
