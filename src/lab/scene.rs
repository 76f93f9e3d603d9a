//! The scenes that `singletrack gil` shows: what runs, under which policies, and why it goes
//! as it does.
//!
//! *Assumes*: nothing.
//! *Promises*: every explanation names the functions that are responsible, where they stand.
//! *Leaves out*: running and drawing.
//!
//! In an explanation `[gil/machine.rs timed_out]` stands for the file and line of a function;
//! `lab/source.rs` fills it in.

use crate::gil::policy::SwitchPolicy;
use crate::lab::echo::Places;
use crate::lab::failure::Failure;
use crate::lab::lanes::Words;
use crate::lab::scopes;
use crate::lab::simulated::{self, Setting};
use crate::lab::stage::{self, Figures, Take};
use std::time::Duration;

/// What can be had instead of a simulation that cannot.
pub const SIMULATED: &str = "leave it out, or name convoy, battle, starvation or no-force";

/// A scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// An echo server thread beside a thread that computes.
    Convoy,
    /// Two threads that compute, against one.
    Battle,
    /// Four threads that do `x += 1`.
    Race,
    /// Three threads that compute, and the longest wait of any.
    Starvation,
    /// Drops on request with and without a forced switch.
    NoForce,
    /// Threads that compute after a signal that only the main thread may handle.
    SignalStorm,
    /// Two threads under one lock, and each under its own.
    PerInterpreter,
    /// Two threads without a lock, and one that stops the world.
    FreeThreaded,
}

impl Scene {
    /// All of them.
    pub const ALL: [Scene; 8] = [
        Scene::Convoy,
        Scene::Battle,
        Scene::Race,
        Scene::Starvation,
        Scene::NoForce,
        Scene::SignalStorm,
        Scene::PerInterpreter,
        Scene::FreeThreaded,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Scene::Convoy => "convoy",
            Scene::Battle => "battle",
            Scene::Race => "race",
            Scene::Starvation => "starvation",
            Scene::NoForce => "no-force",
            Scene::SignalStorm => "signal-storm",
            Scene::PerInterpreter => "per-interpreter",
            Scene::FreeThreaded => "free-threaded",
        }
    }

    /// The scene of this name.
    ///
    /// # Errors
    /// A line that names the scenes there are.
    pub fn from_name(name: &str) -> Result<Scene, Failure> {
        let found = Scene::ALL.into_iter().find(|scene| scene.name() == name);
        found.ok_or_else(|| {
            let known = Scene::ALL.map(Scene::name).join(", ");
            Failure::new(format!("gil {name}"), "there is no such scene", format!("name {known}"))
        })
    }

    /// What happens in it.
    pub fn title(self) -> &'static str {
        match self {
            Scene::Convoy => "an echo server thread beside a thread that computes",
            Scene::Battle => "two threads that compute, against one",
            Scene::Race => "four threads that do `x += 1` on one variable",
            Scene::Starvation => "three threads that compute, and never block",
            Scene::NoForce => "two threads that compute, with and without a forced switch",
            Scene::SignalStorm => "two threads that compute, after Ctrl-C, main blocked in join()",
            Scene::PerInterpreter => "two threads that compute, in one interpreter and in two",
            Scene::FreeThreaded => "two threads without a lock, and one that stops the world",
        }
    }

    /// What the states of its threads are called.
    pub fn words(self) -> Words {
        if self == Scene::FreeThreaded { Words::NO_LOCK } else { Words::LOCK }
    }

    /// What is drawn, under this policy.
    pub fn caption(self, policy: SwitchPolicy) -> String {
        match self {
            Scene::FreeThreaded => format!("no lock, beside {policy}"),
            _ => policy.to_string(),
        }
    }

    /// The policies to show it under, if none is named.
    pub fn policies(self) -> Vec<SwitchPolicy> {
        match self {
            Scene::Convoy => vec![SwitchPolicy::PYTHON_2_LINUX, SwitchPolicy::PYTHON_3_10],
            Scene::Battle => {
                vec![SwitchPolicy::PYTHON_2, SwitchPolicy::PYTHON_2_LINUX, SwitchPolicy::PYTHON_3_2]
            }
            Scene::Race => {
                vec![SwitchPolicy::PYTHON_2, SwitchPolicy::PYTHON_3_2, SwitchPolicy::PYTHON_3_10]
            }
            Scene::Starvation => {
                vec![SwitchPolicy::NO_FORCE, SwitchPolicy::PYTHON_3_10, SwitchPolicy::FAIR]
            }
            Scene::NoForce => vec![SwitchPolicy::NO_FORCE, SwitchPolicy::PYTHON_3_2],
            Scene::SignalStorm => vec![SwitchPolicy::PYTHON_2_LINUX, SwitchPolicy::PYTHON_3_2],
            Scene::PerInterpreter | Scene::FreeThreaded => vec![SwitchPolicy::PYTHON_3_13],
        }
    }

    /// Runs it once, for about this long.
    ///
    /// # Errors
    /// If a process, a thread or a socket cannot be had.
    pub fn run(self, policy: SwitchPolicy, time: Duration) -> Result<Take, Failure> {
        let take = match self {
            Scene::Convoy => Places::find().and_then(|places| stage::convoy(policy, time, &places)),
            Scene::Battle => stage::battle(policy, time),
            Scene::Race => stage::race(policy, time),
            Scene::Starvation => stage::starvation(policy, time),
            Scene::NoForce => stage::no_force(policy, time),
            Scene::SignalStorm => stage::signal_storm(policy, time),
            Scene::PerInterpreter => scopes::per_interpreter(policy, time),
            Scene::FreeThreaded => scopes::free_threaded(policy, time),
        };
        take.map_err(|failure| failure.within(&format!("{} under {policy}", self.name())))
    }

    /// Why it cannot be run on simulated cores, if it cannot.
    pub fn cannot_be_simulated(self) -> Option<&'static str> {
        match self {
            Scene::Convoy | Scene::Battle | Scene::Starvation | Scene::NoForce => None,
            Scene::Race => Some("simulated threads share no variable"),
            Scene::SignalStorm => Some("simulated threads get no signals"),
            Scene::PerInterpreter | Scene::FreeThreaded => Some("the simulator has one lock"),
        }
    }

    /// Runs it on simulated cores, for so much virtual time.
    ///
    /// # Errors
    /// If it cannot be simulated, or there is no such machine.
    pub fn simulate(
        self,
        policy: SwitchPolicy,
        time: Duration,
        on: &Setting,
    ) -> Result<Take, Failure> {
        match self {
            Scene::Convoy => simulated::convoy(policy, time, on),
            Scene::Battle => simulated::battle(policy, time, on),
            Scene::Starvation => simulated::starvation(policy, time, on),
            Scene::NoForce => simulated::no_force(policy, time, on),
            Scene::Race | Scene::SignalStorm | Scene::PerInterpreter | Scene::FreeThreaded => {
                let why = self.cannot_be_simulated().unwrap_or_default();
                Err(Failure::new(format!("gil {} --simulate", self.name()), why, SIMULATED))
            }
        }
    }

    /// What was measured, in one sentence.
    pub fn sentence(self, figures: &Figures) -> String {
        let get = |name: &str| figures.get(name).copied().unwrap_or(f64::NAN);
        match self {
            Scene::Convoy => format!(
                "A request takes {} beside a thread that computes and {} without it: the toll is \
                 {} a request, and {:.0} requests a second instead of {:.0}.",
                time(get("beside_us")),
                time(get("idle_us")),
                time(get("toll_us").max(0.0)),
                get("beside_requests_per_s"),
                get("idle_requests_per_s"),
            ),
            Scene::Battle => {
                let waited = match figures.get("core_wait_us") {
                    Some(&us) => format!("; a woken thread waited {} for a core", time(us)),
                    None => String::new(),
                };
                format!(
                    "Two threads take {:.2} times as long as one after the other would: {:.0} \
                     switches, {:.0} failed takes and {:.0} sleeps a second{waited}.",
                    get("times_as_long"),
                    get("switches_per_s"),
                    get("failed_takes_per_s"),
                    get("sleeps_per_s"),
                )
            }
            Scene::Race => format!(
                "{:.0} of {:.0} updates were lost, at {:.0} switches a second.",
                get("lost"),
                get("increments"),
                get("switches_per_s"),
            ),
            Scene::Starvation => format!(
                "The longest wait was {:.1} ms; the threads had {:.0} % to {:.0} % of the work \
                 done, where a third each would be fair.",
                get("longest_wait_ms"),
                100.0 * get("smallest_share"),
                100.0 * get("largest_share"),
            ),
            Scene::NoForce => format!(
                "{:.0} % of {:.0} drops on request a second led to a switch; each of the others \
                 cost two threads a visit to the lock and changed nothing.",
                100.0 * get("handed_over"),
                get("forced_drops_per_s"),
            ),
            Scene::SignalStorm => format!(
                "After the signal the threads that compute ran {:.1} times slower, and dropped \
                 the lock {:.0} times a second instead of {:.0}; the signal was handled {}.",
                get("times_slower"),
                get("drops_per_s_after"),
                get("drops_per_s_before"),
                match get("handled_while_main_was_blocked") > 0.0 {
                    true => "at once",
                    false => "when the main thread was back, and no sooner",
                },
            ),
            Scene::PerInterpreter => format!(
                "With a lock each the two threads did {:.2} times the work they did under one, \
                 and {:.0} of {:.0} values crossed from one interpreter to the other.",
                get("speed_up"),
                get("values_received"),
                get("values_sent"),
            ),
            Scene::FreeThreaded => format!(
                "Without a lock the two threads did {:.2} times the work they did under one. {:.0} \
                 times the world was stopped, {} after it was asked for (at worst {}). Of {:.0} \
                 looks at moving accounts {:.0} saw a wrong sum; of those in a stopped world, \
                 {:.0}.",
                get("speed_up"),
                get("stops"),
                time(get("to_stop_us_p50")),
                time(get("to_stop_us_max")),
                get("peeks"),
                get("torn_while_running"),
                get("torn_when_stopped"),
            ),
        }
    }

    /// Why it goes as it does, in some twenty lines.
    pub fn explanation(self) -> &'static str {
        match self {
            Scene::Convoy => CONVOY,
            Scene::Battle => BATTLE,
            Scene::Race => RACE,
            Scene::Starvation => STARVATION,
            Scene::NoForce => NO_FORCE,
            Scene::SignalStorm => SIGNAL_STORM,
            Scene::PerInterpreter => scopes::PER_INTERPRETER,
            Scene::FreeThreaded => scopes::FREE_THREADED,
        }
    }
}

fn time(micros: f64) -> String {
    if micros >= 1000.0 { format!("{:.2} ms", micros / 1e3) } else { format!("{micros:.0} us") }
}

const CONVOY: &str = "\
The echo thread drops the lock around each call that may block, as CPython does:
  [gil/token.rs detach]. The thread that computes never blocks. So each time
the echo thread comes back from a call, it finds the lock taken.

Under an interval policy it must then wait a whole interval, 5 ms, before it may even
ask: [gil/machine.rs timed_out]. The holder sees the request at its next
checkpoint, [gil/token.rs look], and goes: [gil/machine.rs drops].
The echo thread holds the lock for some microseconds, reads or writes, and stands at
the end of the queue again. One interval for each call that lets the other one in:
that is the toll. No time is wasted in a convoy: all of it goes to the thread that
computes, and nobody waits for that one's answer.

Under a counting policy the holder drops the lock every 101 ticks, some microseconds,
[gil/ticker.rs tick], so the echo thread has a chance soon: [gil/token.rs check].

Python 3 got this on the day the new lock came (bpo-7946, 2010), and has it still. The
remedies: a shorter sys.setswitchinterval, which costs switches; a priority for
threads that block, `--policy priority`, [gil/machine.rs goes_before_holder];
or to compute in another process.
";

const BATTLE: &str = "\
Both threads only compute, so one lock can at best let them take turns: 1.00 times.
What it costs to take turns depends on who wakes whom, and when.

python-2: every 101 ticks the holder drops the lock and takes it again at once, with
nothing in between: [gil/ticker.rs tick], [gil/token.rs check]. The drop
wakes the sleeper, [gil/machine.rs drops]; on a second core it really wakes
up, needs some microseconds for it, finds the lock taken again, and goes back to
sleep: a failed take, [gil/machine.rs woken]. Two system calls for nothing, tens of
thousands of times a second. Beazley showed it in 2009: two threads on two cores took
twice as long as one. CPython 2.7 does the same on Linux to this day.

It takes a core that idles. Where other programs have the cores, the one that was woken
queues behind them, the holder goes on undisturbed, and the fight is off: the sentence
on a real run says how long a woken thread waited for its core. To see the fight on a
busy machine, give it precedence, as root: `chrt -r 1 singletrack gil battle`; or leave
the machine out: `--simulate 4`. On one core there is none: `taskset -c 0`, `--simulate 1`.

python-2-linux: the same rule over a semaphore. The sleeper is woken after the
dropper has let go of everything, not while it holds the mutex: [gil/lock.rs leave].

python-3.2: no ticks. The sleeper asks after 5 ms, [gil/machine.rs timed_out],
and the holder, once it has gone, sleeps until the other one has really had the lock:
[gil/thread_state.rs part]. So there is a switch every 5 ms and no fight.

The loop is [lab/bytecode.rs countdown]: `while n > 0: n -= 1`.
";

const RACE: &str = "\
`x += 1` is three steps: load x, add, store x. The lock protects each step, not the
three together: [lab/bytecode.rs increment].

Until 3.9 a thread could lose the lock before any instruction: by the count of ticks,
[gil/ticker.rs tick], or because another one had asked, [gil/token.rs look].
If that is between its load and its store, the others count on for a turn;
then it comes back and stores what it had loaded plus one. Their whole turn is lost:
not one update, but all that were made in it.

From 3.10 on the request is read at a loop's jump back and at calls only:
[gil/policy.rs at]. Between load and store of `x += 1` there is neither. So the
updates seem to be safe, and programs have come to rely on it.

They are not. Put a call in between, as in `x += f(1)`, and the lock can change hands
there: [lab/bytecode.rs increment_by_call]. The language promises nothing: it never
has. Use a threading.Lock.
";

const STARVATION: &str = "\
Nobody in this scene blocks, so a thread runs only when another is made to stop.

no-force: the one that is asked drops the lock and takes it back before the sleeper
has woken up. The request is withdrawn, [gil/machine.rs drops], the sleeper starts
to wait for a new interval, [gil/machine.rs woken], and may lose again; nothing
bounds how often.

python-3.10: whoever is asked stays away until another thread has had the lock:
[gil/thread_state.rs part]. But which one? Whoever comes first. And every switch
makes all who wait start a new interval, for it would be unjust to ask a new holder
because the old one was slow: [gil/machine.rs timed_out]. With many threads the
wait of one is a matter of luck.

fair: the lock is put into the hands of the one that has waited longest, while it
sleeps: [gil/machine.rs grants_next]. The interval counts from when the holder got the
lock: [gil/machine.rs until]. So nobody waits longer than all the others' turns:
(threads - 1) x (interval + the time to a checkpoint). It is the only rule here with a
bound. The price is that each switch waits for a sleeper to wake up, with the lock
lying idle in its hands.
";

const NO_FORCE: &str = "\
Both policies let a waiter ask after 5 ms: [gil/machine.rs timed_out].
They differ in what the one does that is asked.

no-force: it drops the lock, which wakes the sleeper, and wants it back at once:
[gil/thread_state.rs yield_lock]. A wake-up takes some 10 to 50 microseconds,
taking a free lock some nanoseconds. So where each has a core the dropper often wins;
the sleeper wakes up to a taken lock, [gil/machine.rs woken], and begins to wait for
another interval. The switch was asked for, granted, and did not happen. Where they
share a core it is for the kernel to say who goes first: a scheduler that prefers the
one that was woken hides the fault. Run it twice, once with a busy machine.

python-3.2: having dropped the lock, it sleeps until somebody else has had it:
[gil/machine.rs takes] ends that sleep, [gil/thread_state.rs part] does it. In CPython it
is a #define, FORCE_SWITCHING, and a second condition variable, switch_cond. No Python
was ever released without it.

One trap is in it. If the waiter that asked gives up, the dropper would wait for a
switch that nobody is left to make (gh-96387): so a waiter that leaves takes its
request along, [gil/machine.rs gives_up].
";

const SIGNAL_STORM: &str = "\
A signal's C handler only leaves a note. The Python handler is a call that waits, and that
only the main thread may make: [gil/pending.rs begins].

Here the main thread is blocked, as in join() of Python 2, which nothing wakes. The
other two find the note at their checks, and may do nothing about it.

python-2: a note that is still there after a check means: check again at the very next
tick, [gil/token.rs check]. So each of them drops the lock and takes it back, not every
101 ticks but every tick. Ctrl-C does nothing, save that the program runs slower. When
the main thread comes back, it makes the call at its first check,
[gil/interrupts.rs make_pending_calls], and the storm is over.

python-3.2: the note is shown only to a thread that may act on it: [gil/lock.rs settle]
raises the flag when the holder is the main thread. The others never look. (CPython
3.12 let all threads of the main interpreter see pending calls again, for a while; 3.13
gave each thread a word of its own.)

What is left for ever to wait is left: [gil/pending.rs add] refuses the 32nd call.
Since 3.2, join() and lock.acquire() can be interrupted, which was the real cure.
";
