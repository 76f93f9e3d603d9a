//! A small bytecode machine whose instructions are the lock's ticks.
//!
//! # Why `x += 1` loses updates in Python 2.7 and 3.9, and not in 3.10
//!
//! `x += 1` looks like one thing. To the interpreter it is four:
//!
//! ```text
//!   LOAD_GLOBAL  x       read x
//!   LOAD_CONST   1
//!   ADD                  the sum is on this thread's own stack
//!   STORE_GLOBAL x       write x
//! ```
//!
//! The global lock makes each *instruction* atomic, not the four together. Let two threads do
//! this, with `x = 0` (`examples/programs/increment.gil`), and let the first be
//! left after its first instruction:
//!
//! ```text
//!        thread 1: increment()         thread 2: increment()
//!     1  LOAD_GLOBAL x       = 0
//!     2                                LOAD_GLOBAL x       = 0
//!     3                                LOAD_CONST 1
//!     4                                ADD
//!     5                                STORE_GLOBAL x      = 1
//!     6                                LOAD_CONST 0
//!     7                                RETURN_VALUE
//!     8  LOAD_CONST 1
//!     9  ADD
//!    10  STORE_GLOBAL x      = 1
//!    11  LOAD_CONST 0
//!    12  RETURN_VALUE
//! → x = 1
//! ```
//!
//! Thread 1 read 0 in line 1. It still has that 0 on its stack in line 9, though x is 1 by then.
//! What thread 2 did is lost. Two switches are enough.
//!
//! **Can a thread be left there?** That is what the policy says, and the Pythons differ.
//!
//! * *2.7* counts instructions, and drops the lock at every 101st. It does not count its
//!   cheapest ones, `LOAD_CONST` among them. So the cut may fall after `LOAD_GLOBAL`, `ADD` or
//!   `STORE_GLOBAL`, and the first two lose an update.
//! * *3.2 to 3.9* drop the lock when a waiter asks, which it does after 5 ms. They look for a
//!   request at the top of the loop that runs instructions: between any two. The same cuts are
//!   open, they only come less often.
//! * *3.10* (bpo-29988) looks only where a loop jumps back and where a call begins or ends.
//!   There is neither between the load and the store. All schedules come to `x = 2`.
//!
//! **So is `x += 1` safe now?** No. Nothing promises where 3.10 looks, and `x += one()`
//! (`increment_call.gil`) has a call between load and store: there it looks, and the
//! update is lost again. What is safe is a lock of the program's own around all four.
//!
//! Type it, and change the policy:
//!
//! ```text
//!   singletrack explore examples/programs/increment.gil --policy python-2
//!   singletrack explore examples/programs/increment.gil --policy python-3.10
//!   singletrack explore examples/programs/increment.gil --policy python-3.10 --schedule 1x1,2x6,1x5
//! ```
//!
//! The last one asks 3.10 for the schedule that loses in 2.7, and is told which instruction
//! forbids it.
//!
//! # How it is built
//!
//! ```text
//!   text ──▶ assembler ──▶ program ──▶ verifier ──▶ Verified: cannot go wrong
//!                                                       │
//!                   thread: the one match ◀─────────────┤
//!                     ▲             ▲                   │
//!           run: real threads,   world: coroutines ◀── explorer: every schedule
//!           a real Gil           on one thread     ◀── shortest: the fewest switches
//!                                                  ◀── replay: this one ──▶ columns
//! ```
//!
//! Both worlds run the same instructions ([`thread`](thread::Thread)) and ask the same question
//! after each ([`Op::look`](program::Op::look)). So what a real run comes to must be among what
//! the explorer lists; `tests/vm_explorer.rs` holds it to that, under every preset.
//!
//! # The files
//!
//! ```text
//!   assembler        From text to a program
//!   disassembler     From a program to text: as it is written, and as Python's `dis` would show it
//!   explorer         Every schedule that a policy allows, and what the program comes to under each
//!   program          The instructions, and what each means to the lock
//!   real_threads     A program on real threads, under a real lock
//!   replay           A schedule: which thread runs for how many instructions, then which
//!   shortest         What a program may come to: the outcomes of running its threads one after the other
//!   thread           The locks of a program: who has which, and who waits for ever
//!   verifier         Which programs can run: a verified one cannot go wrong
//!   world            All threads of a program as coroutines: one is run, for a step, then another
//! ```

pub mod assembler;
pub mod disassembler;
pub mod explorer;
pub mod program;
pub mod real_threads;
pub mod replay;
pub mod schedule;

pub mod thread;
pub mod verifier;
pub mod world;
