//! Every schedule of a Python program that a version's switch points allow.
//!
//! ```text
//!   policies ── which points it looks at
//!   moves ───── which thread goes on; schedules as text
//!   worlds ──── one step of one thread, from one world to the next
//!   conflicts   which steps nobody else can notice;  lookahead: told from an instruction
//!   changes ─── what a step changed, to go back and forth
//!   fingerprint a world as a number, the same for equal worlds;  contents: of an object
//!   graph ───── the worlds that were reached, each once
//!   outcome ─── what a run came to;  exploration: all that was found, and the limits
//!   search ──── all worlds that can be reached, by fewest switches first ──▶ outcomes
//!   cycles ──── loops that nothing ends, threads that wait for ever
//!   sampling ── by chance, where all are too many
//!   replay ──── one schedule again, with what each line read and wrote
//!   story ───── in two columns, and the sentence that says why
//! ```
//!
//! # Guarantees
//!
//! * *Can go wrong*: there is a schedule that the policy allows; it is shown, and replayed.
//! * *Cannot go wrong*, and nothing more is said: all schedules were tried, up to those that differ in
//!   the order of steps that cannot notice each other. It holds for this program with these numbers,
//!   not for more threads or more rounds; and for what the version does, not for what Python
//!   promises.
//! * *Not all was tried*: a limit was hit, and is named. What was found is right, and there may be
//!   more. Then schedules are sampled, and it is said how many, and what that is worth. The limits are
//!   memory (1 GB, if nothing else is asked for), 20 million instructions of a thread that is alone,
//!   5 million without a switch point, and those that were asked for.
//! * *Cut*: a loop went round as often as was asked for, or a step took all instructions that were
//!   allowed. Nothing is said of what comes behind it.
//! * *Fewest switches* counts how often a thread has to go that could have gone on. A thread that waits
//!   or ends costs nothing.
//! * Tasks of one event loop, shown as threads, run in turn, and only an `await` that waits lets another one run. The
//!   explorer tries every order of those that are ready; asyncio's own, first come, first served, is
//!   one of them, and the one in which a program runs by itself. Callbacks of `call_soon` keep theirs.
//! * Sleeping takes no time, and any limit of a wait may pass or not: every order is tried, also those
//!   that a clock makes unlikely. Of up to 8 numbers of chance (`random.choice`, `randint`,
//!   `randrange`) each is tried; otherwise one sequence is used, and that is said. A finaliser is
//!   never run.
//! * Without a global lock, what C does item by item without the object's lock (`sum`, `max`, `any`,
//!   `in` on a list, a copy of a view) is as many steps. What holds that lock is one step, also where
//!   CPython says that a reader without it may see the middle: `insert`, `pop(i)`, `sort`.
//! * *Wrong* is what no order of whole threads gives, an exception that ends a thread, a deadlock, a
//!   loop that nothing can end, and a thread that can wait for ever while others go on (each of which
//!   gets its turn).

pub mod changes;
pub mod conflicts;
pub(crate) mod contents;
pub mod cycles;
pub mod exploration;
pub mod fingerprint;
pub mod graph;
pub mod lookahead;
pub mod moves;
pub mod outcome;
pub mod policies;
pub mod replay;
pub mod sampling;
pub mod search;
pub mod story;
pub mod worlds;
