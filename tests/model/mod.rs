//! Models: lists of operations applied to the real thing and to something simple beside it.
//! Property tests make the lists and shrink them; fuzz targets read them from bytes.
#![allow(dead_code)] // each test and each fuzz target uses its own part

pub mod backends;
pub mod orders;
pub mod queue;
pub mod reader;
pub mod registry;
pub mod streams;
pub mod sync;
pub mod tasks;
pub mod timers;
pub mod world;
