//! A small bytecode machine whose instructions are the lock's ticks.
//!
//! # Why `x += 1` loses updates in Python 2.7 and 3.9, and not in 3.10 and later
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
//! this, with `x = 0` (`examples/programs/increment.gil`), and let the first be interrupted after
//! its first instruction:
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
//! The update of thread 2 is lost. Two switches are enough.
//!
//! **Can a thread be interrupted there?** That is what the policy says, and the Pythons differ.
//!
//! * *2.7* counts instructions, and drops the lock at every 101st. It does not count its
//!   cheapest ones, `LOAD_CONST` among them. So a switch may come after `LOAD_GLOBAL`, `ADD` or
//!   `STORE_GLOBAL`, and the first two lose an update.
//! * *3.2 to 3.9* drop the lock when a waiter requests it, which it does after 5 ms. CPython reads
//!   the request at the top of the loop that runs instructions, and its cheapest instructions skip
//!   that place, as in 2.7. Here the request is read after every instruction; `vm/op.rs` says
//!   why no program can tell the difference. The same switches are possible as in 2.7, they only
//!   come less often.
//! * *3.10* (bpo-29988) reads the request only where a loop jumps back, where a jump is taken, and
//!   where a call begins or ends. There is neither between the load and the store. All schedules end
//!   with `x = 2`.
//! * *3.11 to 3.14* read it in fewer places still: not where a jump leads forward, where a Python
//!   function returns, or after a fast call such as `len(t)`. `gil/rules/switch_point.rs` has the
//!   table, and `singletrack dis FILE --policy 3.9 3.10 3.12` marks the places.
//!
//! **So is `x += 1` safe now?** No. Nothing promises where the request is read, and `x += one()`
//! (`increment_call.gil`) has a call between load and store: there it is read, and the update is
//! lost again. `x = g() + 1` (`increment_return.gil`) loses in 3.10 and not in 3.11. Without the
//! lock (3.13t) all of them lose. What is safe is a lock of the program's own around all four.
//!
//! Type it, and change the policy:
//!
//! ```text
//!   singletrack explore examples/programs/increment.gil --policy python-2
//!   singletrack explore examples/programs/increment.gil --policy python-3.10
//!   singletrack explore examples/programs/increment.gil --policy python-3.10 --schedule 1x1,2x6,1x5
//! ```
//!
//! The last one asks 3.10 for the schedule that loses the update in 2.7. It is refused, and the
//! message names the instruction after which 3.10 allows no switch.
//!
//! # The files
//!
//! ```text
//!   text ──▶ lexemes ─▶ assembler ──▶ program ──▶ verifier ──▶ Verified: it cannot go wrong
//!              └─▶ expect_parser ──▶ expect│ op
//!        ◀──── disassembler ◀──────────────┘ │
//!                                            │ its table: after which instruction each policy
//!                                            ▼ allows a switch
//!                  thread: the frames of a thread, and the one `match` that executes
//!                    ▲  └─ sync: locks, events, conditions, semaphores
//!                    │             world: all threads as coroutines, step by step
//!          real_threads            ▲  └─ access: which steps are independent
//!          GilThreads under a      │                ▲                  ▲
//!          real lock          explorer           replay            schedule
//!                             every schedule     this schedule,    its text; the serial
//!                             that a policy      and a drawing     outcomes; the fewest
//!                             allows, within     of it             switches
//!                             limits
//! ```
//!
//! Real threads and the explorer execute the same instructions
//! ([`Thread::execute`](thread::Thread::execute)) and read the same table after each
//! ([`Op::point_check`](op::Op::point_check)). So the outcome of a real run must be among
//! those that the explorer lists; `tests/vm_explorer.rs` checks that under every preset
//! (`real_threads_come_only_to_what_was_explored`).
//!
//! Read `program`, `op` and `thread` first: they are the machine. Then `sync`, and `real_threads`, or
//! `world` and `explorer`. What is about text and soundness can wait.
//!
//! # How to add an instruction
//!
//! The compiler finds the places whose `match` is exhaustive; the text says where it does not.
//!
//! 1. `op.rs`: a variant of `Op`, a row of `OPCODES` at the same index, and an arm of
//!    `Op::parts`. The row decides where the lock may change hands: Python 2 does not count
//!    `FAST` instructions, it counts the others, and each policy has its set of switch points
//!    (`gil/rules/switch_point.rs`). An operand of a new kind is also a variant of `Operand`. If
//!    the lock is dropped around the instruction, `Op::blocks` must say so.
//! 2. `thread.rs`: an arm of `Thread::execute`. If the instruction asks something new of the code
//!    that runs the threads, add a variant of `Effect`, and an arm of `Runner::run_thread` in
//!    `real_threads.rs`.
//! 3. `verifier.rs`: an arm of `depth_after` (how many numbers it pops and pushes). If it jumps:
//!    `successors` and the direction in `check_number`; both have a default arm, so the compiler
//!    does not ask. A new operand: `check_number`.
//! 4. `access.rs`: if the instruction touches what threads share, `Access::of` must say so, or the
//!    explorer's reduction loses outcomes. If it can wait: `Thread::waits_for`, for which the
//!    compiler does not ask; if it has two steps, `Thread::synchronise` shows how.
//! 5. `assembler.rs` and `disassembler.rs` read names and operands from the table. Only a new
//!    operand (`Assembler::operand`, [`operand`](disassembler::operand)) or a new jump (`labels`)
//!    concerns them. `replay.rs` shows what came of it (`note`).
//! 6. `tests/common/vm_check.rs`: the naive interpreter (`naive`) ignores names that it does not
//!    know, so it needs an arm; and `Builder::statement` writes programs that use the instruction,
//!    for the property tests and the fuzz targets `vm_verify_run` and `assembler_text`.
//! 7. `tests/vm_machine.rs`: a row of `each_instruction_does_what_it_says`. If the verifier can
//!    refuse it in a new way: `what_cannot_run_is_refused_with_its_line` in
//!    `tests/vm_assembler.rs`. `every_opcode_is_itself` there finds a row at a wrong index.
//!
//! The properties of this folder are proved again there: V1 (a verified program never panics or
//! leaves its stack), V2 (ticks depend only on program and input), V3 (what is private does not
//! depend on the schedule) and V4 (fuel bounds the run) in `tests/vm_machine.rs`, V5 (text and
//! program, there and back) in `tests/vm_assembler.rs`.

pub mod access;
pub mod assembler;
pub mod disassembler;
pub mod expect;
pub(crate) mod expect_parser;
pub mod explorer;
pub mod lexemes;
pub mod limits;
pub mod op;
pub mod program;
pub mod real_threads;
pub mod replay;
pub mod schedule;
pub mod sync;
pub mod thread;
pub mod verifier;
pub mod world;
