//! The tasks of a loop as a tree: which task awaits which, drawn from inside.
//!
//! *Assumes*: a waker of ours is a task's number (`event_loop/waker.rs`). So the task that a
//! task, a timer or a descriptor will wake is known without any bookkeeping.
//! *Promises*: one node a task and one line an edge, however many paths there are; costs
//! nothing until it is asked for, but one entry for each wait for *several* tasks: the entry is
//! valid as long as the wait lives.
//! *Leaves out*: lines of code inside a future; Rust keeps no stack of awaits.
//!
//! ```text
//! └── (T) main
//!     └── (T) crawl                 awaits 2 tasks               src/main.rs:12:9
//!         ├── (T) fetch             sleeps, 0.250 s left         src/main.rs:14:9
//!         └── (T) task 1:2.2        waits to read descriptor 9   src/main.rs:15:9
//! ```
//! A task that several await stands below each of them; what it awaits itself only below the
//! first, so that a ring ends and no drawing is longer than the tasks and their edges. (CPython
//! draws paths, of which there may be exponentially many: gh-156860.) A chain of any length is drawn
//! on a stack of any size; below 64 levels its lines say their level instead of being indented.
//!
//! A wait for several tasks gives each of them a waker of its own, which is no task's number. It
//! registers itself ([`add_to_awaited_by`]):
//!
//! ```text
//!   parent ── gather ──► child          child's joiner = gather's own waker
//!     ▲         │  └───► child
//!     │     Weak│
//!     └─────────┴──── AwaitRegistry: asks the wait for its parent and children, when needed
//! ```
//! Counterparts: `asyncio.future_add_to_awaited_by` of Python 3.14, which keeps a set in each
//! task; `python -m asyncio pstree`, which reads another process's memory and shows coroutine
//! stacks.

use crate::base::id::TaskId;
use crate::event_loop::core::{Core, Due, current, with_current};
use crate::event_loop::lifecycle::EventLoop;
use crate::event_loop::waker::task_of;
use crate::sys::fd::Direction;
use crate::task::state::TaskState;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// What a task is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    /// It is the task that asks.
    Runs,
    /// It is in the ready queue.
    IsReady,
    /// It sleeps; this is the time left.
    Sleeps(Duration),
    /// It waits until this descriptor is ready.
    WaitsFor(i32, Direction),
    /// It awaits these tasks.
    Awaits(Vec<TaskId>),
    /// It waits for a wake that the loop knows nothing of: a lock, a queue, another thread.
    Waits,
}

/// One task.
#[derive(Debug, Clone)]
pub struct TaskNode {
    /// Its number.
    pub id: TaskId,
    /// Its name, or its number in words.
    pub name: String,
    /// What it is doing.
    pub doing: Doing,
    /// The tasks that await it, directly or with others in a `gather`, a `TaskGroup` and so on.
    pub awaited_by: Vec<TaskId>,
    /// Where it was made; known in debug mode.
    pub made_at: Option<&'static Location<'static>>,
}

/// The tasks of one loop at one moment. `Display` draws it.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::{create_named_task, sleep, task_tree};
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let nap = create_named_task("nap", sleep(Duration::from_millis(20)));
///     let draws = singletrack::create_task(async { task_tree().to_string() });
///     let drawing = draws.await.unwrap();
///     assert!(drawing.contains("(T) main"), "{drawing}");
///     assert!(drawing.contains("(T) nap"), "{drawing}");
///     nap.await.unwrap();
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.print_call_graph")]
#[doc(alias = "pstree")]
#[derive(Debug, Clone)]
#[doc(alias = "asyncio.format_call_graph")]
#[doc(alias = "asyncio.capture_call_graph")]
#[doc(alias = "asyncio.FutureCallGraph")]
#[doc(alias = "asyncio.FrameCallGraphEntry")]
pub struct TaskTree {
    root: TaskNode,
    nodes: BTreeMap<u64, TaskNode>,
    /// For each task, the tasks that it awaits.
    below: BTreeMap<u64, Vec<TaskId>>,
}

/// The tasks of the running loop.
///
/// # Panics
/// When called outside a running loop; [`EventLoop::task_tree`] can do without.
pub fn task_tree() -> TaskTree {
    TaskTree::of(&current("task_tree"))
}

impl EventLoop {
    /// As [`task_tree`], whether or not the loop is running.
    pub fn task_tree(&self) -> TaskTree {
        TaskTree::of(&self.core)
    }
}

impl TaskTree {
    fn of(core: &Core) -> TaskTree {
        let tasks = core.ready.borrow().all();
        let mut nodes = BTreeMap::new();
        for task in &tasks {
            let id = task.id();
            let node = TaskNode {
                id,
                name: core.name_of(id),
                doing: Doing::of(task.state()),
                awaited_by: task.joiner().as_ref().and_then(task_of).into_iter().collect(),
                made_at: core.metadata.borrow().made_at(id),
            };
            nodes.insert(id.raw(), node);
        }
        let (id, doing) =
            (core.ready.borrow().root_id(), Doing::of(core.ready.borrow().root_state()));
        let name = "main".to_owned();
        let root = TaskNode { id, name, doing, awaited_by: Vec::new(), made_at: None };
        let mut tree = TaskTree { root, nodes, below: BTreeMap::new() };
        tree.add_timers(core);
        tree.add_descriptors(core);
        tree.add_awaiters(core);
        tree.add_awaited();
        tree
    }

    /// All tasks, without the root future, by number.
    pub fn nodes(&self) -> impl Iterator<Item = &TaskNode> {
        self.nodes.values()
    }

    /// The future that the loop was given to run.
    pub fn root(&self) -> &TaskNode {
        &self.root
    }

    /// Records what an idle task does.
    fn set_doing(&mut self, id: Option<TaskId>, doing: Doing) {
        let node = match id {
            Some(id) if id == self.root.id => Some(&mut self.root),
            Some(id) => self.nodes.get_mut(&id.raw()),
            None => None,
        };
        if let Some(node) = node.filter(|node| node.doing == Doing::Waits) {
            node.doing = doing;
        }
    }

    fn add_timers(&mut self, core: &Core) {
        let now = core.now();
        for (deadline, due) in core.timers.borrow().iter() {
            if let Due::Wake(waker) = due {
                self.set_doing(
                    task_of(waker),
                    Doing::Sleeps(Duration::from_nanos(deadline.saturating_sub(now))),
                );
            }
        }
    }

    fn add_descriptors(&mut self, core: &Core) {
        for (fd, direction, waker) in core.reactor.borrow().waiters() {
            self.set_doing(task_of(waker), Doing::WaitsFor(fd, direction));
        }
    }

    /// Adds the waits for several tasks.
    fn add_awaiters(&mut self, core: &Core) {
        for (awaiter, awaited) in edges(core) {
            if let Some(node) = self.nodes.get_mut(&awaited.raw())
                && !node.awaited_by.contains(&awaiter)
            {
                node.awaited_by.push(awaiter);
            }
        }
    }

    fn add_awaited(&mut self) {
        for node in self.nodes.values() {
            for awaiter in &node.awaited_by {
                self.below.entry(awaiter.raw()).or_default().push(node.id);
            }
        }
        for (awaiter, awaited) in self.below.clone() {
            self.set_doing(Some(TaskId::from_raw(awaiter)), Doing::Awaits(awaited));
        }
    }

    /// The tasks that `awaiter` awaits.
    fn children(&self, awaiter: TaskId) -> Vec<&TaskNode> {
        let ids = self.below.get(&awaiter.raw()).into_iter().flatten();
        ids.map(|id| &self.nodes[&id.raw()]).collect()
    }

    /// The tasks that no living task awaits.
    fn roots(&self) -> Vec<&TaskNode> {
        let known = |id: &TaskId| *id == self.root.id || self.nodes.contains_key(&id.raw());
        self.nodes().filter(|node| !node.awaited_by.iter().any(known)).collect()
    }

    /// In words, with the name of the task that it awaits.
    fn doing_of(&self, node: &TaskNode) -> String {
        match &node.doing {
            Doing::Awaits(tasks) if tasks.len() == 1 => {
                format!("awaits {}", self.nodes[&tasks[0].raw()].name)
            }
            doing => doing.to_string(),
        }
    }

    /// Draws these nodes and all below them. Without recursion: a chain of tasks that await each other
    /// may be longer than any stack.
    fn draw<'a>(
        &'a self,
        f: &mut fmt::Formatter<'_>,
        nodes: Vec<&'a TaskNode>,
        top: Branch,
        drawn: &mut BTreeSet<u64>,
    ) -> fmt::Result {
        let mut ahead = top.below(nodes);
        while let Some((node, branch)) = ahead.pop() {
            let label = format!("{branch}(T) {}", node.name);
            if !drawn.insert(node.id.raw()) {
                writeln!(f, "{label:<34} (see above)")?;
                continue;
            }
            let doing = self.doing_of(node);
            match node.made_at {
                Some(place) => writeln!(f, "{label:<34} {doing:<28} {place}")?,
                None => writeln!(f, "{label:<34} {doing}")?,
            }
            ahead.extend(branch.below(self.children(node.id)));
        }
        Ok(())
    }
}

/// So many levels are drawn as branches. Below them a line begins with the number of its level, or a
/// long chain would be wider than any page, and as large as its length squared.
const DRAWN_LEVELS: usize = 64;

/// What stands in front of a node.
#[derive(Debug, Clone, Default)]
struct Branch {
    level: usize,
    indent: Rc<str>,
    is_last: bool,
}

impl Branch {
    /// Where the loop's own line is.
    fn root() -> Branch {
        Branch { level: 1, indent: Rc::from(""), is_last: true }
    }

    /// The nodes of the next level, the first one on top.
    fn below<'a>(&self, nodes: Vec<&'a TaskNode>) -> Vec<(&'a TaskNode, Branch)> {
        let indent = match (self.level, self.is_last) {
            (0, _) | (DRAWN_LEVELS.., _) => Rc::clone(&self.indent),
            (_, true) => Rc::from(format!("{}    ", self.indent)),
            (_, false) => Rc::from(format!("{}│   ", self.indent)),
        };
        let last = nodes.len().saturating_sub(1);
        let branch = |(at, node)| {
            (
                node,
                Branch { level: self.level + 1, indent: Rc::clone(&indent), is_last: at == last },
            )
        };
        nodes.into_iter().enumerate().map(branch).rev().collect()
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.indent)?;
        match (self.level, self.is_last) {
            (level, _) if level > DRAWN_LEVELS => write!(f, "level {level}: "),
            (_, true) => f.write_str("└── "),
            (_, false) => f.write_str("├── "),
        }
    }
}

impl Doing {
    /// As far as a task's state says.
    fn of(state: TaskState) -> Doing {
        match state {
            TaskState::Running | TaskState::RunningWoken => Doing::Runs,
            TaskState::Queued => Doing::IsReady,
            TaskState::Idle | TaskState::Done => Doing::Waits,
        }
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doing::Runs => write!(f, "runs"),
            Doing::IsReady => write!(f, "is ready"),
            Doing::Sleeps(left) => write!(f, "sleeps, {:.3} s left", left.as_secs_f64()),
            Doing::WaitsFor(fd, Direction::Read) => write!(f, "waits to read descriptor {fd}"),
            Doing::WaitsFor(fd, Direction::Write) => write!(f, "waits to write descriptor {fd}"),
            Doing::Awaits(tasks) if tasks.len() == 1 => write!(f, "awaits {:?}", tasks[0]),
            Doing::Awaits(tasks) => write!(f, "awaits {} tasks", tasks.len()),
            Doing::Waits => write!(f, "waits"),
        }
    }
}

impl fmt::Display for TaskTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut drawn = BTreeSet::new();
        writeln!(f, "└── (T) main")?;
        self.draw(f, self.children(self.root.id), Branch::root(), &mut drawn)?;
        self.draw(f, self.roots(), Branch::default(), &mut drawn)?;
        // Only rings are left: tasks that await each other.
        while let Some(node) = self.nodes().find(|node| !drawn.contains(&node.id.raw())) {
            self.draw(f, vec![node], Branch::default(), &mut drawn)?;
        }
        Ok(())
    }
}

/// A wait for several tasks, on behalf of another.
pub trait Awaits {
    /// The task that will be woken; `None` while it waits for none of them, and if it is
    /// polled through a foreign waker.
    fn awaiter(&self) -> Option<TaskId>;
    /// The tasks it awaits. Those that are done may be among them.
    fn awaited(&self) -> Vec<TaskId>;
}

/// The waits for several tasks on one loop: all that are alive, and some that are not.
#[derive(Default)]
struct AwaitRegistry(RefCell<AwaitEntries>);

#[derive(Default)]
struct AwaitEntries {
    all: Vec<Weak<dyn Awaits>>,
    /// With so many entries the dead ones are removed; never fewer than twice the living.
    prune_at: usize,
}

/// Registers a wait for several tasks with the running loop, for as long as it lives.
#[doc(alias = "asyncio.future_add_to_awaited_by")]
#[doc(alias = "asyncio.future_discard_from_awaited_by")]
pub fn add_to_awaited_by(wait: Weak<dyn Awaits>) {
    with_current(|core| {
        let registry = core.extensions.get::<AwaitRegistry>();
        let mut known = registry.0.borrow_mut();
        if known.all.len() >= known.prune_at {
            known.all.retain(|one| one.strong_count() > 0);
            known.prune_at = 2 * known.all.len() + 8;
        }
        known.all.push(wait);
    });
}

/// The pairs of awaiter and awaited, of all waits for several tasks.
pub fn edges(core: &Core) -> Vec<(TaskId, TaskId)> {
    let registry = core.extensions.get::<AwaitRegistry>();
    let alive: Vec<Rc<dyn Awaits>> =
        registry.0.borrow().all.iter().filter_map(Weak::upgrade).collect();
    let edges_of = |one: &Rc<dyn Awaits>| {
        let awaiter = one.awaiter()?;
        Some(one.awaited().into_iter().map(move |awaited| (awaiter, awaited)))
    };
    alive.iter().filter_map(edges_of).flatten().collect()
}
