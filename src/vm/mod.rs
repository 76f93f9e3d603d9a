//! A small bytecode machine whose instructions are the lock's ticks.

pub mod assembler;
pub mod check;
pub mod columns;
pub mod disassembler;
pub mod explorer;
pub mod locks;
pub mod op;
pub mod program;
pub mod replay;
pub mod run;
pub mod schedule;
pub mod serial;
pub mod shortest;
pub mod thread;
pub mod verifier;
pub mod world;
