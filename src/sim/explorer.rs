//! The exploration of a program: every order, or as many as are asked for; and the first that fails.
//!
//! *Assumes*: the program does the same whenever it is given the same choices. One that is seen not to
//! is a failure of its own, [`RunEnd::Misfit`].
//! *Promises*: the same program and settings try the same orders. A failure comes with an order that
//! replays it, shrunk until no deviation can be left out (or until that has taken two million steps),
//! and with the story of that run.
//! *Leaves out*: memory orders and threads: loom's and shuttle's field.
//!
//! ```text
//!   by deviations   fifo, then all orders with one deviation, with two, …     (the default)
//!   at random       one order a draw, by a seed
//!   exhaustive      all, depth first; with `only_shared` those that differ    (sleep sets)
//!        │
//!        ▼ the first that fails
//!   shrink ─▶ the same failure by fewer deviations ─▶ run it once more, and tell its story
//! ```

use crate::base::random::SplitMix64;
use crate::sim::frontier::Frontier;
use crate::sim::guide::{Draw, Follow, Guide, Walk};
use crate::sim::order::{Order, shrink};
use crate::sim::program::Sim;
use crate::sim::sleep_sets::SleepSets;
use crate::sim::stage::RunEnd;
use crate::sim::story::{Story, Tell};
use crate::sim::trial::{Trial, run};
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::rc::Rc;

/// How a program is explored.
///
/// ```
/// use singletrack::sim::Explorer;
/// use singletrack::task::budget::yield_now;
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// // Two tasks read a balance, wait, and write it back.
/// let failing = Explorer::new().explore(|sim| async move {
///     let balance = Rc::new(Cell::new(100));
///     let deposit = |name| {
///         let balance = Rc::clone(&balance);
///         sim.spawn(name, async move {
///             let read = balance.get();
///             yield_now().await;
///             balance.set(read + 10);
///         })
///     };
///     for task in [deposit("alice"), deposit("bob")] {
///         task.await.unwrap();
///     }
///     assert_eq!(balance.get(), 120);
/// });
/// let failing = failing.unwrap_err();
/// assert_eq!(failing.order.to_string(), "fifo"); // already the event loop's own order
/// assert!(failing.to_string().contains("alice"));
/// ```
#[derive(Debug, Clone)]
pub struct Explorer {
    search: Search,
    most_orders: usize,
    most_steps: u64,
}

#[derive(Debug, Clone)]
enum Search {
    ByDeviations(usize),
    Random(u64),
    Exhaustive { only_shared: bool },
    Replay(Order),
}

/// A program that has not failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explored {
    /// How many orders were run to their end.
    pub orders: usize,
    /// Whether these are all that there are, but for those that only repeat others. A bound that has
    /// left any out, of orders or of [deviations](Explorer::deviations), makes it false; so does a search
    /// at random, and a replay.
    pub complete: bool,
    /// How many runs were cut, since they only repeated others.
    pub repeated: usize,
}

/// An order in which a program fails.
#[derive(Debug, Clone)]
pub struct Failing {
    /// It replays the failure.
    pub order: Order,
    /// How the run ends.
    pub end: RunEnd,
    /// What happens in it.
    pub story: Story,
    /// How many orders did not fail before this one was found.
    pub passed: usize,
}

impl Default for Explorer {
    fn default() -> Explorer {
        Explorer::new()
    }
}

impl Explorer {
    /// By deviations, at most 10,000 orders of 100,000 steps each.
    pub fn new() -> Explorer {
        let search = Search::ByDeviations(usize::MAX);
        Explorer { search, most_orders: 10_000, most_steps: 100_000 }
    }

    /// At most so many orders.
    #[must_use]
    pub fn orders(self, most: usize) -> Explorer {
        Explorer { most_orders: most, ..self }
    }

    /// A run that takes more steps than this counts as one that never ends.
    #[must_use]
    pub fn steps(self, most: u64) -> Explorer {
        Explorer { most_steps: most, ..self }
    }

    /// Only orders with at most so many deviations from the event loop's own: most faults need one
    /// or two (Musuvathi and Qadeer, "Iterative Context Bounding", 2007).
    #[must_use]
    pub fn deviations(self, most: usize) -> Explorer {
        Explorer { search: Search::ByDeviations(most), ..self }
    }

    /// Orders drawn at random, as many as [`orders`](Self::orders) says. One seed draws the same each
    /// time; two draw different ones.
    #[must_use]
    pub fn random(self, seed: u64) -> Explorer {
        Explorer { search: Search::Random(seed), ..self }
    }

    /// All orders, depth first.
    #[must_use]
    pub fn exhaustive(self) -> Explorer {
        Explorer { search: Search::Exhaustive { only_shared: false }, ..self }
    }

    /// All orders but those that only swap steps that have nothing to do with each other. *This is a
    /// promise of the program's*: its tasks share nothing but what [`Sim::shared`] has given them, and
    /// pass no guard of it to another task.
    ///
    /// Seen without that: who is woken, made, cancelled or dropped by a step; whatever is done with the
    /// handle of a task; the members and errors of a task group; and time that passes. A task that has
    /// used a shared thing or a handle counts as its user to the end, since it may hold a guard.
    /// *Not seen*, and so not to be shared: a cell or a reference that is cloned out of a shared thing,
    /// a thread-local or static value, the two ends of a connection, and what the loop says of its tasks
    /// ([`all_tasks`](crate::aio::all_tasks)). Nor is a future seen that goes by the order in which those
    /// inside of it are woken, such as futures' `FuturesUnordered`, unless these are handles of tasks.
    /// Without this setting, [`exhaustive`](Self::exhaustive) needs no promise.
    #[must_use]
    pub fn only_shared(self) -> Explorer {
        Explorer { search: Search::Exhaustive { only_shared: true }, ..self }
    }

    /// This order alone. Where the program has changed so much that the order no longer fits it, that
    /// is a failure too: what did not happen has not been tried.
    ///
    /// # Panics
    /// If the text is none.
    #[must_use]
    pub fn replay(self, order: &str) -> Explorer {
        let order = order.parse().unwrap_or_else(|why| panic!("{why}"));
        Explorer { search: Search::Replay(order), ..self }
    }

    /// Runs the program in one order after the other, each time from its beginning. Panics of its
    /// tasks are caught, and not printed.
    ///
    /// # Errors
    /// The first order in which it fails: by a panic, awaited or not; because all wait for ever;
    /// because it takes too many steps; or because it does not keep to the order that it is run in.
    pub fn explore<P, F>(&self, program: P) -> Result<Explored, Box<Failing>>
    where
        P: Fn(Sim) -> F,
        F: Future,
    {
        let mut explored = Explored { orders: 0, complete: false, repeated: 0 };
        let mut guides = Guides::new(&self.search, self.most_orders);
        loop {
            let Some(guide) = guides.next() else {
                explored.complete = guides.are_complete();
                return Ok(explored);
            };
            if explored.orders + explored.repeated >= self.most_orders {
                return Ok(explored);
            }
            let trial = run(&program, guide, self.most_steps, Tell::Nothing);
            match trial.end {
                RunEnd::Done => explored.orders += 1,
                RunEnd::Repeats => explored.repeated += 1,
                _ => return Err(Box::new(self.failing(&program, trial, explored.orders))),
            }
            guides.ran(&trial);
        }
    }

    /// The same failure by fewer deviations, with its story.
    fn failing<P, F>(&self, program: &P, trial: Trial, passed: usize) -> Failing
    where
        P: Fn(Sim) -> F,
        F: Future,
    {
        // A run that takes much longer has not failed in the same way.
        let most_steps = self.most_steps.min(2 * trial.steps + 100);
        let again = |order: &Order, tell| {
            run(program, Box::new(Follow::new(order.clone())), most_steps, tell)
        };
        let order = match (&self.search, &trial.end) {
            (Search::Replay(order), _) => order.clone(),
            (_, RunEnd::Misfit(_)) => order_of(&trial),
            _ => {
                let mut left = MOST_SHRINKING;
                shrink(order_of(&trial), |order| {
                    let tried = (left > 0).then(|| again(order, Tell::Nothing));
                    left = left.saturating_sub(tried.as_ref().map_or(0, |tried| tried.steps));
                    tried.is_some_and(|tried| is_same(&tried.end, &trial.end))
                })
            }
        };
        let tell = if trial.steps > MOST_LINES { Tell::Steps } else { Tell::Lines };
        let mut told = again(&order, tell);
        let story = told.story.take().unwrap_or_default();
        match trial.end {
            end @ RunEnd::Misfit(_) => Failing { order, end, story, passed },
            end if is_alike(&end, &told.end) => {
                // What was not there to be chosen is no part of the order.
                Failing { order: order_of(&told), end: told.end, story, passed }
            }
            end => {
                let why = format!("the same choices end once so: {end}; and once so: {}", told.end);
                Failing { order, end: RunEnd::Misfit(why), story, passed }
            }
        }
    }
}

/// So many steps may be spent on shrinking an order.
const MOST_SHRINKING: u64 = 2_000_000;

/// In a run of more steps than this, the lines of awaits are not looked for.
const MOST_LINES: u64 = 5_000;

/// What was chosen in it.
fn order_of(trial: &Trial) -> Order {
    Order::new(trial.choices.iter().map(|(chosen, _)| *chosen).collect())
}

/// Failures of one kind count as the same.
fn is_same(one: &RunEnd, other: &RunEnd) -> bool {
    match (one, other) {
        (RunEnd::Panicked { message, .. }, RunEnd::Panicked { message: other, .. }) => {
            // Numbers in it may differ from order to order.
            let kind =
                |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
            kind(message) == kind(other)
        }
        _ => is_alike(one, other),
    }
}

fn is_alike(one: &RunEnd, other: &RunEnd) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// The guides of one run after the other.
enum Guides {
    Frontier(Frontier, Option<Order>),
    /// It gives each run its seed.
    Random(SplitMix64),
    SleepSets {
        sets: Rc<RefCell<SleepSets>>,
        begun: bool,
        only_shared: bool,
    },
    Once(Option<Order>),
}

impl Guides {
    fn new(search: &Search, most_orders: usize) -> Guides {
        match search {
            Search::ByDeviations(most) => Guides::Frontier(Frontier::new(*most, most_orders), None),
            Search::Random(seed) => Guides::Random(SplitMix64::new(*seed)),
            Search::Exhaustive { only_shared } => {
                let sets = Rc::default();
                Guides::SleepSets { sets, begun: false, only_shared: *only_shared }
            }
            Search::Replay(order) => Guides::Once(Some(order.clone())),
        }
    }

    fn next(&mut self) -> Option<Box<dyn Guide>> {
        Some(match self {
            Guides::Frontier(frontier, running) => {
                let order = frontier.pop()?;
                *running = Some(order.clone());
                Box::new(Follow::new(order))
            }
            Guides::Random(seeds) => Box::new(Draw::new(seeds.next_u64())),
            Guides::SleepSets { sets, begun, only_shared } => {
                if std::mem::replace(begun, true) && !sets.borrow_mut().next_run() {
                    return None;
                }
                Box::new(Walk::new(Rc::clone(sets), *only_shared))
            }
            Guides::Once(order) => Box::new(Follow::new(order.take()?)),
        })
    }

    fn ran(&mut self, trial: &Trial) {
        if let Guides::Frontier(frontier, running) = self
            && let Some(order) = running.take()
        {
            let candidates: Vec<u32> = trial.choices.iter().map(|(_, of)| *of).collect();
            frontier.ran(order, &candidates);
        }
    }

    /// Whether all orders have been tried, now that there is none to come.
    fn are_complete(&self) -> bool {
        match self {
            Guides::Frontier(frontier, _) => !frontier.has_left_out(),
            Guides::SleepSets { .. } => true,
            Guides::Random(_) | Guides::Once(_) => false,
        }
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failing { order, end, story, passed } = self;
        writeln!(f, "{end}")?;
        let deviations = match order.deviations() {
            0 => "the event loop's own order".to_owned(),
            1 => "one choice out of turn".to_owned(),
            more => format!("{more} choices out of turn"),
        };
        writeln!(f, "order `{order}`, {deviations}, after {passed} that do not fail:\n\n{story}")?;
        match end {
            RunEnd::Misfit(_) => f.write_str("explore the program anew"),
            _ => write!(f, "to replay it: Explorer::new().replay(\"{order}\")"),
        }
    }
}

impl std::error::Error for Failing {}

/// Explores a program as [`Explorer::new`] does.
///
/// # Panics
/// If it fails in any of these orders; the message is the failing order and its story.
///
/// ```
/// use singletrack::aio::Queue;
/// use std::rc::Rc;
///
/// singletrack::sim::explore(|sim| async move {
///     let queue = Rc::new(Queue::new(1));
///     let puts = Rc::clone(&queue);
///     let producer = sim.spawn("producer", async move {
///         for item in 0..3 {
///             puts.put(item).await.unwrap();
///         }
///     });
///     for item in 0..3 {
///         assert_eq!(queue.get().await.unwrap(), item);
///     }
///     producer.await.unwrap();
/// });
/// ```
pub fn explore<P, F>(program: P)
where
    P: Fn(Sim) -> F,
    F: Future,
{
    if let Err(failing) = Explorer::new().explore(program) {
        panic!("{failing}");
    }
}
