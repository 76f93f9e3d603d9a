//! Why each scene goes as it does, in some twenty lines.
//!
//! *Promises*: every explanation names the functions that are responsible, where they stand.
//! Its lines are broken anew when it is shown; an empty line ends a paragraph.
//! *Leaves out*: what was measured (`lab/scenes/sentence.rs`).
//!
//! `[gil/rules/machine.rs timed_out]` stands for the file and line of a function; `lab/scenes/source.rs` fills
//! it in.

/// Why `convoy` goes as it does.
pub(crate) const CONVOY: &str = "\
The echo thread drops the lock around each call that may block, as CPython does:
[gil/lock/token.rs detach]. The thread that computes never blocks. So each time
the echo thread comes back from a call, it finds the lock taken.

Under an interval policy it must then wait a whole interval, 5 ms, before it may even
ask: [gil/rules/machine.rs timed_out]. The holder sees the request at its next
checkpoint, [gil/lock/token.rs look], and goes: [gil/rules/machine.rs drops].
The echo thread holds the lock for some microseconds, reads or writes, and stands at
the end of the queue again. One interval for each call that lets the other one in:
that is the toll. No time is wasted in a convoy: all of it goes to the thread that
computes, and nobody waits for that one's answer.

Under a counting policy the holder drops the lock every 101 ticks, some microseconds,
[gil/rules/ticker.rs tick], so the echo thread has a chance soon: [gil/lock/token.rs check].

Python 3 got this on the day the new lock came (bpo-7946, 2010), and has it still. The
remedies: a shorter sys.setswitchinterval, which costs switches; a priority for
threads that block, `--policy priority`, [gil/rules/machine.rs goes_before_holder];
or to compute in another process.
";

/// Why `battle` goes as it does.
pub(crate) const BATTLE: &str = "\
Both threads only compute, `while n > 0: n -= 1`, [lab/scenes/bytecode.rs countdown], so
one lock can at best let them take turns: 1.00 times. What that costs depends on which
thread wakes which, and when.

python-2: every 101 ticks the holder drops the lock and takes it again at once, with
nothing in between: [gil/rules/ticker.rs tick], [gil/lock/token.rs check]. The drop wakes
the sleeper, [gil/rules/machine.rs drops]; on a second core it takes microseconds to wake
up, finds the lock taken again, and goes back to sleep: a failed take, [gil/rules/machine.rs woken]. Two system calls for nothing, tens of thousands of
times a second. Beazley showed it in 2009: two threads on two cores took twice as long
as one. CPython 2.7 on Linux still does it.

It takes an idle core. Where other programs have the cores, the woken thread queues
behind them and the holder goes on undisturbed: the sentence on a real run says how long
a woken thread waited for its core. On a busy machine give the scene precedence, as root:
`chrt -r 1 singletrack gil battle`; or leave the machine out: `--simulate 4`. On one core
there is no fight: `taskset -c 0`, `--simulate 1`.

python-2-linux: the same rule over a semaphore. The dropper wakes the sleeper after it has
released the mutex, and not before: [gil/lock/global_lock.rs leave]. That matters where a
wake-up is quicker than the signal that starts it; with the usual simulated costs it is
not, and the two pictures are the same.

python-3.2: no ticks. The sleeper asks after 5 ms, [gil/rules/machine.rs timed_out],
and the holder, having dropped the lock, sleeps until another thread has had it:
[gil/lock/thread_state.rs part]. So there is a switch every 5 ms and no fight.
";

/// Why `race` goes as it does.
pub(crate) const RACE: &str = "\
`x += 1` is three steps: load x, add, store x. The lock protects each step, not the
three together: [lab/scenes/bytecode.rs increment].

Until 3.9 a thread could lose the lock before any instruction: by the count of ticks,
[gil/rules/ticker.rs tick], or because another one had asked, [gil/lock/token.rs look].
If that is between its load and its store, the others count on for a turn;
then it comes back and stores what it had loaded plus one. Their whole turn is lost:
not one update, but all that were made in it.

From 3.10 on the request is read at a loop's jump back and at calls only:
[gil/rules/policy.rs at]. Between load and store of `x += 1` there is neither. So the
updates seem to be safe, and programs have come to rely on it.

They are not. Put a call in between, as in `x += f(1)`, and the lock can change hands
there: [lab/scenes/bytecode.rs increment_by_call]. The language promises nothing: it never
has. Use a threading.Lock.
";

/// Why `starvation` goes as it does.
pub(crate) const STARVATION: &str = "\
Nobody in this scene blocks, so a thread runs only when another is made to stop.

no-force: the one that is asked drops the lock and takes it back before the sleeper
has woken up. The request is withdrawn, [gil/rules/machine.rs drops], the sleeper starts
to wait for a new interval, [gil/rules/machine.rs woken], and may lose again; nothing
bounds how often.

python-3.10: whoever is asked stays away until another thread has had the lock:
[gil/lock/thread_state.rs part]. But which one? Whoever comes first. And every switch
makes all who wait start a new interval, for it would be unjust to ask a new holder
because the old one was slow: [gil/rules/machine.rs timed_out]. With many threads the
wait of one is a matter of luck.

fair: the lock is put into the hands of the one that has waited longest, while it
sleeps: [gil/rules/machine.rs grants_next]. The interval counts from when the holder got the
lock: [gil/rules/machine.rs until]. So nobody waits longer than all the others' turns:
(threads - 1) x (interval + the time to a checkpoint). It is the only rule here with a
bound. The price is that each switch waits for a sleeper to wake up, with the lock
lying idle in its hands.
";

/// Why `no-force` goes as it does.
pub(crate) const NO_FORCE: &str = "\
Both policies let a waiter ask after 5 ms: [gil/rules/machine.rs timed_out].
They differ in what the one does that is asked.

no-force: it drops the lock, which wakes the sleeper, and wants it back at once:
[gil/lock/thread_state.rs yield_lock]. A wake-up takes some 10 to 50 microseconds,
taking a free lock some nanoseconds. So where each has a core the dropper often wins;
the sleeper wakes up to a taken lock, [gil/rules/machine.rs woken], and begins to wait for
another interval. The switch was asked for, granted, and did not happen. Where they
share a core it is for the kernel to say who goes first: a scheduler that prefers the
one that was woken hides the fault. Run it twice, once with a busy machine.

python-3.2: having dropped the lock, it sleeps until somebody else has had it:
[gil/rules/machine.rs takes] ends that sleep, [gil/lock/thread_state.rs part] does it. In CPython it
is a #define, FORCE_SWITCHING, and a second condition variable, switch_cond. No Python
was ever released without it.

One trap is in it. If the waiter that asked gives up, the dropper would wait for a
switch that nobody is left to make (gh-96387): so a waiter that leaves takes its
request along, [gil/rules/machine.rs gives_up].
";

/// Why `signal-storm` goes as it does.
pub(crate) const SIGNAL_STORM: &str = "\
A signal's C handler only leaves a note. The Python handler is a call that waits, and that
only the main thread may make: [gil/rules/pending.rs begins].

Here the main thread is blocked, as in join() of Python 2, which nothing wakes. The
other two find the note at their checks, and may do nothing about it.

python-2: a note that is still there after a check means: check again at the very next
tick, [gil/lock/token.rs check]. So each of them drops the lock and takes it back, not every
101 ticks but every tick. Ctrl-C does nothing, save that the program runs slower. When
the main thread comes back, it makes the call at its first check,
[gil/lock/thread_state.rs make_pending_calls], and the storm is over.

python-3.2: the note is shown only to a thread that may act on it: [gil/lock/global_lock.rs settle]
raises the flag when the holder is the main thread. The others never look. (CPython
3.12 let all threads of the main interpreter see pending calls again, for a while; 3.13
gave each thread a word of its own.)

What is left for ever to wait is left: [gil/rules/pending.rs add] refuses the 32nd call.
Since 3.2, join() and lock.acquire() can be interrupted, which was the real cure.
";

/// Why `per-interpreter` goes as it does.
pub(crate) const PER_INTERPRETER: &str = "\
PEP 684, Python 3.12: each interpreter of a process can have a lock of its own. In
CPython the interpreter's state has a pointer to a lock; it is either the main one's
or its own. Here it is as simple: two interpreters are two values of GlobalLock,
[lab/scenes/scopes.rs per_interpreter].

The picture is drawn from two recordings, so for once two lanes have the GIL at the
same time, and no strip names the one owner. They are two GILs, and nobody asks for the
other. Each thread takes the lock
it had last by one atomic operation, [gil/lock/state_word.rs take], and if it is asked for
nothing, a checkpoint costs one read, [gil/lock/token.rs look].

The price is that nothing may be shared. A value that belongs to one lock cannot be
reached with the token of another: [gil/lock/cell.rs try_get] compares them and refuses,
which is a check that C code in CPython does not have; there, every module had to move
its globals first. What must cross is sent, as bytes, through a channel that checks both
ends: here cpu 1 sends a number now and then, [gil/lock/cell.rs send], and cpu 2 decodes a
number of its own from the bytes, [gil/lock/cell.rs recv]. Whoever waits for the other side
has dropped its lock meanwhile: those are the short gaps in the lanes. An end that is
shown the token of the other lock refuses it; the scene tries that once. With processes it
is the same, with more memory.

What you see of a speed-up depends on the cores that were free: two at best, or a little
more where turns under one lock had their price.
";

/// Why `free-threaded` goes as it does.
pub(crate) const FREE_THREADED: &str = "\
PEP 703, Python 3.13 and later, built without a GIL: both threads run at the same time,
in one interpreter, on the same values. A thread still says when it may be disturbed.
It attaches to run and detaches to block: each is one atomic operation, on a word that is
the thread's own, [gil/free_threading/attached.rs FreeThreading::attach], [gil/free_threading/attached.rs Attached::detach]. A lock has one
such word for all, which goes from core to core; here none does.

No lock protects a value any more: a GilCell has no meaning. Each account is an atomic; in
CPython each object has a small mutex. That keeps one value whole, not two of them:
between taking from one account and giving to the other, [lab/scenes/scopes.rs transfer_until],
the sum is wrong, and whoever looks sees it: [lab/scenes/scopes.rs is_torn].

To see all values as they belong together, the collector stops the world. It shuts every
thread's word, [gil/free_threading/scope.rs shuts_all], and so learns who runs. A
thread that runs finds its word shut at its next checkpoint, [gil/free_threading/attached.rs checkpoint],
and parks: [gil/free_threading/world.rs parks]. One that blocks is not waited for, but kept out
when it comes back, [gil/free_threading/world.rs attaches]. The last one to park wakes the collector.
No checkpoint is between the two halves of a transfer: so the sum is right in every stop.

When the world starts, those that were parked run at once, before anybody can stop it
again: [gil/free_threading/world.rs starts]. CPython stops the world to collect garbage, to fork,
and to change what all threads read without a lock. The price is that every stop waits for
the slowest thread to come to a checkpoint, all others with it; and one that has no core
comes to none, until the kernel gives it one.
";
