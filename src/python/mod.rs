//! Python in: source text as programs of the explorer.

pub mod code;
pub mod explore;
pub mod front;
pub mod library;
pub mod machine;
pub mod run;
pub mod value;
