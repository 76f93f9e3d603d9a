//! Values: small copies, and numbers of objects in a heap.
//!
//! ```text
//!   any      a value: None · bool · int · float · a string's number · an object's number
//!                                            │                   │
//!   strings  every text once ◀───────────────┘                   │
//!   heap     slots of objects: list, dict, function, … ◀─────────┘
//!   table    the entries of a dict or a set, in the order of insertion; hash: of its keys
//!   object   what is in a slot; types: the built-in ones by name
//!   frame    a call: what a thread has many of, and a generator one
//!   asyncio  coroutines, futures, tasks, event loops
//! ```

pub mod any;
pub mod asyncio;
pub mod frame;
pub mod hash;
pub mod heap;
pub mod object;
pub mod strings;
pub mod table;
pub mod types;
