//! Values: small copies, and numbers of objects in a heap.
//!
//! ```text
//!   Value    None · bool · int · float · a string's number · an object's number
//!                                            │                   │
//!   Strings  every text once ◀───────────────┘                   │
//!   Heap     slots of objects: list, dict, function, … ◀─────────┘
//!   Table    the entries of a dict or a set, in the order of insertion
//! ```

pub mod heap;
pub mod object;
pub mod strings;
pub mod table;
pub mod types;
pub mod value;
