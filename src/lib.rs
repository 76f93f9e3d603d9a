//! Three kinds of concurrency, built from system calls up, to be read, run and raced.
//!
//! * the **event loop**: a hand-written reactor on `mio`, tasks, wakers, timers (*asyncio*);
//! * the **switched threads**: [`GlobalLock`](gil::lock::GlobalLock), an emulator of CPython's
//!   interpreter lock over real OS threads (*threading*);
//! * the **process pool**: forked workers behind `libc` pipes (*multiprocessing*);
//!
//! and over all three one [`Future`](concurrent::future::Future) and one
//! [`Executor`](concurrent::executor::Executor) (*concurrent.futures*).
//!
//! # The floors
//!
//! A file may import only files printed above it. So this list is the layering, the reading
//! order and the table of contents at once; `tests/floors.rs` enforces it. A fuzz target runs what
//! is marked `[fuzz]`.
//!
//! ```text
//! words
//!   base/sync.rs               the locks two threads meet at: parking_lot's, or a model's
//!   base/error.rs              why a job has no value
//!   base/id.rs                 loop, generation and index in one word
//!   base/slab.rs               slots whose stale keys open nothing
//!   base/random.rs             numbers that are the same for the same seed
//!   base/arrivals.rs           what has arrived and nobody has looked at
//!   base/wire.rs               what may cross a pipe, and how it is encoded
//!   base/sys/errno.rs          how a system call says that it failed
//!   base/sys/poll.rs           unsafe: ppoll
//!   base/sys/pipe.rs           unsafe: pipe2, read, writev
//!   base/sys/rights.rs         unsafe: descriptors handed over a Unix socket
//!   base/sys/packet.rs         unsafe: sockets of whole messages, and memory that travels
//!   base/sys/process.rs        unsafe: fork, wait, pidfds, signals
//!   base/sys/usage.rs          unsafe: wait4, a thread's CPU clock
//!   base/sys/socket.rs         unsafe: a listening socket with options
//!   base/sys/signal.rs         unsafe: a handler that notes and rings
//!   base/sys/affinity.rs       unsafe: which cores a thread may run on
//!   base/sys/interrupt.rs      unsafe: SIGINT as an exit code
//!   base/sys/memory.rs         unsafe: pages from the kernel, huge ones too
//!   base/arena.rs              unsafe: memory for the tasks of one thread
//! futures
//!   concurrent/state.rs        the five states of a future and the steps between them [fuzz]
//!   concurrent/home.rs         which pool or loop this thread works for
//!   concurrent/oneshot.rs      the cell that a promise and its future share [fuzz]
//!   concurrent/future.rs       Promise and Future: set a result, wait for it [fuzz]
//!   concurrent/waiting.rs      waiting for several futures: wait, as_completed
//!   concurrent/executor.rs     Executor: submit, map, shutdown
//! the event loop
//!   event_loop/timers.rs       deadlines in order: a heap that can cancel [fuzz]
//!   event_loop/inbox.rs        what other threads ask of a loop, and the door [fuzz]
//!   selector/event.rs          the Selector trait: news, a bell, a clock
//!   selector/mio.rs            epoll through mio, timeouts to the nanosecond [fuzz]
//!   selector/polling.rs        unsafe: epoll through polling, one shot at a time [fuzz]
//!   selector/scripted.rs       virtual time and scripted news, for tests
//!   event_loop/reactor.rs      sources: what is ready, and who waits [fuzz]
//!   task/state.rs              five states and every legal step between them [fuzz]
//!   task/self_wake.rs          a task that wakes itself while it runs [fuzz]
//!   task/error.rs              why a task has no value
//!   task/stage.rs              unsafe: a future that becomes its output, in place [fuzz]
//!   task/cell.rs               unsafe: a task in one block, and a pointer to it in one word [fuzz]
//!   task/notes.rs              names and done callbacks, for those that have any
//!   task/budget.rs             how much a task may do before the others get a turn
//!   event_loop/debug.rs        debug mode: which step held the loop for too long?
//!   task/ready.rs              slots, and the queue of what is ready [fuzz]
//!   event_loop/attached.rs     what upper floors keep with a loop
//!   event_loop/core.rs         all the state of a loop; which loop am I in?
//!   event_loop/obey.rs         what other threads ask of a loop, carried out
//!   task/waker.rs              unsafe: a waker that is a number [fuzz]
//!   task/join.rs               the handle of a task [fuzz]
//!   task/scheduler.rs          a task's life: spawned, run, dropped [fuzz]
//!   task/eager.rs              a task whose first step runs inside its spawn
//!   event_loop/ended.rs        a run that ended without its future's output
//!   event_loop/run.rs          the loop: a turn on one page [fuzz]
//!   event_loop/close.rs        closing a loop: what goes, in which order
//!   event_loop/settings.rs     what may be set, and its defaults
//!   event_loop/yielding.rs     giving the others a turn
//!   event_loop/calls.rs        callbacks, now or at a time
//!   event_loop/remote.rs       a loop, seen from another thread
//!   aio/time.rs                sleep
//!   aio/source.rs              from a system call to a future
//!   aio/readiness.rs           waiting for somebody else's descriptor
//!   aio/byte_stream.rs         what TCP, Unix streams and pipes have in common
//!   aio/net.rs                 TCP
//!   aio/tasks.rs               who am I, who else is there, who is done?
//!   aio/awaiting.rs            who awaits several tasks at once
//!   aio/task_tree.rs           who awaits whom, and what for
//!   aio/context.rs             values that belong to a task
//!   aio/waiters.rs             a line of waiters: first come, first served [fuzz]
//!   aio/gate.rs                waiting at a gate: the one future under all of them
//!   aio/semaphore.rs           permits, handed out in order [fuzz]
//!   aio/lock.rs                one task at a time
//!   aio/event.rs               a flag to wait for
//!   aio/condition.rs           waiting for a change to what a lock protects
//!   aio/barrier.rs             waiting for each other
//!   aio/store.rs               what a queue keeps its items in
//!   aio/queue.rs               a store between two lots of permits
//!   aio/unix.rs                Unix sockets: streams, their listener, datagrams
//!   aio/udp.rs                 UDP
//!   aio/pipe.rs                pipes
//!   aio/read_buffer.rs         what has arrived and is not yet read
//!   aio/write_queue.rs         what is to be written, and two watermarks
//!   aio/notify.rs              tasks that look again after each change
//!   aio/writer.rs              StreamWriter: write, drain, close
//!   aio/streams.rs             StreamReader: read_exactly, read_until, readline
//!   aio/futures_io.rs          feature futures-io: other people's traits
//!   aio/server.rs              start_server: one task a connection
//!   aio/signal_listeners.rs    who listens to which signal, on the one loop that does
//!   aio/signals.rs             signals as callbacks and as streams
//!   aio/watch.rs               callbacks for descriptors: add_reader, add_writer
//!   aio/subprocess.rs          child processes with pipes on the loop
//!   aio/children.rs            several tasks awaited at once: which is done next?
//!   aio/combine.rs             gather, wait, as_completed, shield
//!   aio/timeout.rs             time limits
//!   aio/task_group.rs          tasks that end together
//! the lock
//!   gil/policy.rs              when the lock changes hands, as data
//!   gil/ticker.rs              the count-down to the next check
//!   gil/verdict.rs             what a thread is told, and why
//!   gil/error.rs               why a thread cannot run, in words
//!   gil/waiters.rs             who waits, in what order, and who has asked
//!   gil/classes.rs             who blocks and who computes: Beazley's two classes
//!   gil/machine.rs             who holds the lock and who has it next: every rule
//!   gil/check.rs               what must hold for the pure lock, whatever happens [fuzz]
//!   gil/counters.rs            how often each thing happened
//!   gil/histogram.rs           how long things took, in buckets that double
//!   gil/record.rs              what happened and when: the events, and the states between
//!   gil/script.rs              what a simulated thread does: acts and rounds
//!   gil/costs.rs               what a machine charges for a wake-up, a switch, a visit
//!   gil/cores.rs               simulated cores, and which thread is on which
//!   gil/actor.rs               a simulated thread: where it stands in its script
//!   gil/timeline.rs            simulated threads on cores, as virtual time goes by
//!   gil/outcome.rs             what became of a simulation
//!   gil/simulator.rs           the lock's rules on so many cores, in virtual time
//!   gil/ring.rs                the last events of one thread
//!   gil/observer.rs            the clock of a lock, and what is watched
//!   gil/diary.rs               what is written down about one thread
//!   gil/shelf.rs               the diaries of all threads that use one lock
//!   gil/pending.rs             calls that only the main thread may make
//!   gil/door.rs                the fast way in and out: one atomic word
//!   gil/own.rs                 what a thread keeps for each lock it has used
//!   gil/seat.rs                what a lock keeps of each thread that has used it
//!   gil/lock.rs                the lock: real threads sleep and wake as the machine says
//!   gil/interval.rs            how long a thread may run, changed while it runs
//!   gil/thread_state.rs        one thread's dealings with one lock: take, drop, yield
//!   gil/watch.rs               what can be seen from outside: counters, a recording
//!   gil/interrupts.rs          what others may ask of a thread at its next check
//!   gil/token.rs               the proof that a thread holds the lock
//!   gil/ensure.rs              for code that does not know whether its thread has the lock
//!   gil/cell.rs                unsafe: a value that only the holder can reach
//!   gil/channel.rs             the way for values from one interpreter to another
//!   gil/worker.rs              threads that run under the lock and block without it
//!   gil/world.rs               threads without a lock, and one that stops the others: every rule [fuzz]
//!   gil/free_threading.rs      threads in parallel, and a door for each to keep them out
//!   gil/member.rs              one thread's dealings with it: attach, detach, park, stop
//!   gil/attached.rs            the proof that a thread is attached; that no other is
//! the machine
//!   vm/op.rs                   the instructions, and what each means to the lock
//!   vm/program.rs              functions, names, threads: plain data
//!   vm/verifier.rs             which programs can run: a verified one cannot go wrong
//!   vm/assembler.rs            from text to a program [fuzz]
//!   vm/disassembler.rs         from a program to text, and in the look of `dis`
//!   vm/locks.rs                a program's own locks: who waits for ever
//!   vm/thread.rs               frames, and the one match that runs an instruction
//!   vm/run.rs                  a program on real threads, under a real lock
//!   vm/world.rs                all threads as coroutines, run step by step
//!   vm/schedule.rs             which thread runs for how many instructions
//!   vm/replay.rs               a schedule, carried out
//!   vm/columns.rs              what happened, drawn: a column for each thread
//!   vm/serial.rs               what comes of running thread after thread
//!   vm/shortest.rs             the fewest switches to each outcome
//!   vm/explorer.rs             every schedule that a policy allows
//!   vm/check.rs                what must hold for any bytes [fuzz]
//! processes
//!   process/frame.rs           a stream of bytes cut into messages [fuzz]
//!   process/descriptor.rs      a descriptor as an argument of a new process
//!   process/call.rs            unsafe: an address back into a function, and its argument
//!   process/worker.rs          what a worker process does all its life
//!   process/hooks.rs           what is to be done around every fork of a worker
//!   process/spares.rs          workers forked ahead of being asked for
//!   process/forkserver.rs      what the nursery process does all its life
//!   process/nursery.rs         the fork server: one thread, forked first
//!   process/child.rs           a process for one function: start, watch, end
//!   process/error.rs           why a value cannot pass from process to process
//!   process/pipe.rs            values through a pipe, one way or both
//!   process/slots.rs           how many more values a queue may hold
//!   process/queue.rs           values among many processes, without a lock
//!   process/account.rs         what becomes of jobs, and how many of each
//!   process/roster.rs          one worker in the pool's books
//!   process/workforce.rs       all workers: who has room, who is late, who is one too many
//!   process/births.rs          when the next worker may be forked
//!   process/dispatcher.rs      which job is where, and what must happen next [fuzz]
//!   process/hearing.rs         what a worker says, taken into the books [fuzz]
//!   process/listening.rs       whose turn it is to read a worker's replies
//!   process/options.rs         what can be chosen for a job, and for a map
//!   process/parcel.rs          a job's frame and promise, whatever its type
//!   process/desk.rs            books and request pipes under one lock
//!   process/shared.rs          how a worker is heard, by the supervisor or by a caller
//!   process/supervisor.rs      the thread that hears workers out, reaps and replaces them
//!   process/builder.rs         what a pool of processes should be like
//!   process/pool.rs            ProcessPool: submit, limits, retries, kill, resize, shutdown
//!   process/chunk.rs           many items in one job
//!   process/imap.rs            a stream of results, a window of jobs at a time
//!   process/multiprocessing.rs Pool: apply, map, imap and their kin
//! executors
//!   concurrent/crew.rs         who works, who searches, who sleeps: when to wake and to hire
//!   concurrent/job.rs          a closure, in one allocation with its result
//!   concurrent/hall.rs         where jobs wait for workers, and workers for jobs
//!   concurrent/threads.rs      ThreadPoolExecutor: jobs on threads that share memory
//!   concurrent/gil_threads.rs  GilThreadPoolExecutor: jobs that hold a global lock
//!   concurrent/processes.rs    the process pool as an Executor
//!   concurrent/bridge.rs       jobs for tasks, and futures for threads
//!   aio/lookup.rs              names to addresses, on a thread
//!   aio/run.rs                 run: a loop for one main task, from start to close
//! the lab
//!   lab/failure.rs             why a comparison ended without a result, in one line
//!   lab/context.rs             the verbs of a job: compute, send, wait, read
//!   lab/http.rs                one GET over plain TCP, as bytes
//!   lab/workload.rs            the jobs, each written once
//!   lab/tally.rs               the queue that lanes take jobs from, and their account
//!   lab/blocking.rs            jobs on a thread that simply blocks
//!   lab/threads.rs             the models that are one thread a lane
//!   lab/loops.rs               jobs as tasks of an event loop
//!   lab/processes.rs           jobs, or their computations, in a pool of processes
//!   lab/server.rs              the server that answers as late as it is asked to
//!   lab/model.rs               the eight models, by name
//!   lab/stats.rs               medians, extremes, percentiles
//!   lab/verdict.rs             who won, by how much, and what the rule of thumb says
//!   lab/cases.rs               what is compared, and how much of it
//!   lab/run.rs                 a plan under a model, in this process
//!   lab/result.rs              what the rounds of a model come to
//!   lab/measure.rs             work in a child process, and what the kernel charged for it
//!   lab/race.rs                every model in every round, in another order each time
//!   lab/table.rs               the comparison for people
//!   lab/json.rs                the comparison for machines
//!   lab/progress.rs            one status line with an estimate
//!   lab/bytecode.rs            loops with the checkpoints of CPython's bytecode
//!   lab/lanes.rs               a recording drawn in characters
//!   lab/trace.rs               a recording as a trace file
//!   lab/flat_recording.rs      a recording that crosses a pipe
//!   lab/profile.rs             a recording in figures, thread by thread
//!   lab/echo.rs                an echo server thread, its peer, and threads beside it
//!   lab/stage.rs               what happens in each scene
//!   lab/scopes.rs              the scenes with a lock each, and with none
//!   lab/simulated.rs           the same on simulated cores
//!   lab/calibration.rs         what this machine charges for wake-ups and switches
//!   lab/parity.rs              the simulator beside the real lock
//!   lab/source.rs              where in this source a function stands
//!   lab/explanation.rs         why each scene goes as it does
//!   lab/sentence.rs            what was measured in each scene
//!   lab/scene.rs               the scenes: what runs, and under which policies
//!   lab/scene_report.rs        a scene for people and for machines
//!   lab/ccbench.rs             latency and bandwidth over UDP, in ccbench's manner
//!   lab/python.rs              real interpreters: which there are, and one at work
//!   lab/subject.rs             what both sides of a comparison can be asked
//!   lab/preset.rs              the emulator's side of it
//!   lab/fidelity.rs            interpreter and preset, side by side
//!   lab/gil_cli.rs             what `singletrack gil` is asked for
//!   lab/gil_command.rs         `singletrack gil`: a scene under each policy
//!   lab/program_file.rs        a program of the machine, read from a file
//!   lab/explore_cli.rs         what `explore` and `dis` are asked for
//!   lab/explore.rs             what was explored, for people and for machines
//!   lab/cli.rs                 what the command line asks for
//! roof
//!   main.rs                    the `singletrack` command
//! ```
//!
//! # Words
//!
//! A file is a *page*, a group of them a *floor*. A *pure* page has rules and nothing else: no
//! system call, no thread, and time comes in as a number. Its *shell* is the page that binds it to
//! the system. The other words are asyncio's where asyncio has one, else tokio's and mio's, else
//! CPython's; these may need a line:
//!
//! | here | is | elsewhere |
//! | --- | --- | --- |
//! | turn | one pass of an event loop | asyncio's `_run_once` |
//! | bell | what wakes a selector from another thread | mio's `Waker`, asyncio's self-pipe |
//! | door | an atomic word that spares most callers a mutex or a system call | a fast path |
//! | root | the future given to `run_until_complete`: polled as a task is, but none | asyncio makes a task of it |
//! | step | one of the eight parts of a turn; of a task: one poll of its future | asyncio's `__step` |
//! | block, stage | the memory of a task; the part of it that is first the future, then its output | tokio's `Cell`, `Stage` |
//! | gate, line | what tasks wait at: the rules of a lock, an event, a queue; those who wait | |
//! | desk | a mutex that is held for one decision, and the pure rules behind it | |
//! | seat, bed | what a lock keeps of a thread; the condition variable it sleeps on | |
//! | diary, shelf | what one thread counted, measured and recorded; those of all threads | |
//! | tick, checkpoint | an instruction; one at which a drop request is read | the eval breaker |
//! | attach, detach | take the lock for a thread; drop it around what blocks | `Py_BEGIN_ALLOW_THREADS` |
//! | hand-off | who has a dropped lock next | `FORCE_SWITCHING` is one |
//! | nursery | a process of one thread that forks all others | fork server, zygote |
//! | spare | a worker forked ahead of being asked for | |
//! | reap | collect a dead process, so that it is no zombie | `waitpid` |
//! | home, household | the pool or loop that a thread works for, and its rules for waiting | |
//! | onlooker | a task that looks again after each change | a waiter of a condition |
//! | frame | one message with its length in front | |
//! | promise | the side that sets a future's result | CPython's future has both sides |
//! | job, lane | a submitted call; in the lab, whatever takes jobs one after another | |
//!
//! # Unsafe
//!
//! `unsafe` is denied outside these files: `base/sys/*.rs` (system calls), `base/arena.rs` (memory
//! cut into blocks), `selector/polling.rs` (its `add` wants a promise), `task/stage.rs` (a future
//! and its output in the same bytes), `task/cell.rs` (a pointer that has forgotten the type),
//! `task/waker.rs` (a number for a pointer), `gil/cell.rs` (a value behind a token) and
//! `process/call.rs` (an address for a function).
#![deny(unsafe_code)]

pub mod aio;
pub mod base;
pub mod concurrent;
pub mod event_loop;
pub mod gil;
#[cfg(feature = "cli")]
pub mod lab;
pub mod process;
pub mod selector;
pub mod task;
pub mod vm;

/// The README's code runs as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

#[doc = include_str!("tricks.md")]
pub mod tricks {}

pub use aio::run::run;
pub use event_loop::run::{EventLoop, create_task};
pub use event_loop::yielding::yield_now;
