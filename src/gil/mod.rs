//! Switched threads: real threads of which one runs at a time, as under CPython's GIL.

pub mod machine;
pub mod policy;
pub mod ticker;
pub mod verdict;
