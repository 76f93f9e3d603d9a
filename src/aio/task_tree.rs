//! Who awaits whom: the tasks of a loop as a tree, printable from inside the program.
//!
//! *Assumes*: that a waker of ours is a task's number. So whoever is to be woken by a task, a
//! timer or a descriptor is known without keeping any books.
//! *Promises*: one node a task, whatever the edges; costs nothing until it is asked for.
//! *Leaves out*: lines of code inside a future; Rust keeps no stack of awaits.
//!
//! ```text
//! └── (T) main
//!     ├── (T) fetch                 sleeps, 0.250 s left         src/main.rs:14:9
//!     └── (T) task 1:2.2            waits to read descriptor 9   src/main.rs:15:9
//! ```
//! Counterpart: `python -m asyncio pstree` of Python 3.14, which reads another process's
//! memory and shows coroutine stacks.

use crate::base::id::TaskId;
use crate::event_loop::core::{Core, Due, current};
use crate::event_loop::reactor::Direction;
use crate::event_loop::run::EventLoop;
use crate::task::state::State;
use crate::task::waker::task_of;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::Location;
use std::task::Waker;
use std::time::Duration;

/// What a task is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    /// It is the one that asks.
    Runs,
    /// It stands in the ready queue.
    IsReady,
    /// Its timer has so long to go.
    Sleeps(Duration),
    /// It waits for news of this descriptor.
    WaitsFor(i32, Direction),
    /// It awaits these tasks.
    Awaits(Vec<TaskId>),
    /// It waits for a wake that the loop knows nothing of: a lock, a queue, another thread.
    Waits,
}

/// One task.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its number.
    pub id: TaskId,
    /// Its name, or its number in words.
    pub name: String,
    /// What it is doing.
    pub doing: Doing,
    /// Who awaits it, if anybody.
    pub awaited_by: Option<TaskId>,
    /// Where it was made; known in debug mode.
    pub made_at: Option<&'static Location<'static>>,
}

/// The tasks of one loop at one moment. `Display` draws it.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::task_tree::task_tree;
/// use singletrack::aio::tasks::create_named_task;
/// use singletrack::aio::time::sleep;
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let nap = create_named_task("nap", sleep(Duration::from_millis(20)));
///     let look = singletrack::create_task(async { task_tree().to_string() });
///     let drawing = look.await.unwrap();
///     assert!(drawing.contains("(T) main"), "{drawing}");
///     assert!(drawing.contains("(T) nap"), "{drawing}");
///     nap.await.unwrap();
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.print_call_graph")]
#[doc(alias = "pstree")]
#[derive(Debug, Clone)]
pub struct TaskTree {
    root: TaskId,
    nodes: BTreeMap<u64, Node>,
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
            let id = core.ready.borrow().id_of(task.key());
            let doing = match task.state() {
                State::Running | State::RunningWoken => Doing::Runs,
                State::Queued => Doing::IsReady,
                State::Idle | State::Done => Doing::Waits,
            };
            let node = Node {
                id,
                name: core.name_of(id),
                doing,
                awaited_by: task.joiner().as_ref().and_then(task_of),
                made_at: core.notes.borrow().made_at(id),
            };
            nodes.insert(id.raw(), node);
        }
        let mut tree = TaskTree { root: core.ready.borrow().root_id(), nodes };
        tree.note_timers(core);
        tree.note_descriptors(core);
        tree.note_awaited();
        tree
    }

    /// All tasks, without the root future, by number.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// Notes what an idle task does.
    fn note(&mut self, waker: &Waker, doing: Doing) {
        if let Some(node) = task_of(waker).and_then(|id| self.nodes.get_mut(&id.raw()))
            && node.doing == Doing::Waits
        {
            node.doing = doing;
        }
    }

    fn note_timers(&mut self, core: &Core) {
        let now = core.now();
        for (deadline, due) in core.timers.borrow().iter() {
            if let Due::Wake(waker) = due {
                self.note(waker, Doing::Sleeps(Duration::from_nanos(deadline.saturating_sub(now))));
            }
        }
    }

    fn note_descriptors(&mut self, core: &Core) {
        for (fd, direction, waker) in core.reactor.borrow().waiters() {
            self.note(waker, Doing::WaitsFor(fd, direction));
        }
    }

    fn note_awaited(&mut self) {
        let edges: Vec<_> = self.nodes().map(|node| (node.awaited_by, node.id)).collect();
        for (awaiter, awaited) in edges {
            let Some(node) = awaiter.and_then(|id| self.nodes.get_mut(&id.raw())) else { continue };
            match &mut node.doing {
                Doing::Awaits(tasks) => tasks.push(awaited),
                doing @ Doing::Waits => *doing = Doing::Awaits(vec![awaited]),
                _ => {}
            }
        }
    }

    /// Those whom `awaiter` awaits; `None`: those whom no task awaits.
    fn children(&self, awaiter: Option<TaskId>) -> Vec<&Node> {
        let known = |id: &TaskId| *id == self.root || self.nodes.contains_key(&id.raw());
        self.nodes().filter(|node| node.awaited_by.filter(known) == awaiter).collect()
    }

    fn draw(
        &self,
        f: &mut fmt::Formatter<'_>,
        nodes: &[&Node],
        indent: &str,
        drawn: &mut BTreeSet<u64>,
    ) -> fmt::Result {
        for (i, node) in nodes.iter().enumerate() {
            // Tasks that await each other in a ring hang below nobody; each is drawn once.
            if !drawn.insert(node.id.raw()) {
                continue;
            }
            let (branch, below) = if i + 1 == nodes.len() {
                ("└── ", "    ")
            } else {
                ("├── ", "│   ")
            };
            let label = format!("{indent}{branch}(T) {}", node.name);
            write!(f, "{label:<34} {:<28}", node.doing.to_string())?;
            match node.made_at {
                Some(place) => writeln!(f, " {place}")?,
                None => writeln!(f)?,
            }
            let children = self.children(Some(node.id));
            self.draw(f, &children, &format!("{indent}{below}"), drawn)?;
        }
        Ok(())
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
        self.draw(f, &self.children(Some(self.root)), "    ", &mut drawn)?;
        self.draw(f, &self.children(None), "", &mut drawn)?;
        // Only rings are left.
        let rings: Vec<_> = self.nodes().filter(|n| !drawn.contains(&n.id.raw())).collect();
        self.draw(f, &rings, "", &mut drawn)
    }
}
