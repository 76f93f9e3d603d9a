//! The shelf: which example stands where, in the order in which to read them.
//!
//! *Promises*: an example is found by its name, and by its path.
//! *Leaves out*: what an example says of itself: `headers.txt`, a copy of its opening comment.

use crate::lab::examples::header::Header;
use crate::lab::report::failure::Failure;

/// The opening comment of every example, each after a line `== PATH`.
const HEADERS: &str = include_str!("headers.txt");

/// Where the packages are that have other people's software in them.
const REAL: &str = "examples/real";

/// Examples that belong together.
#[derive(Debug)]
pub struct Chapter {
    /// What they have in common.
    pub title: &'static str,
    /// Where they are.
    pub folder: &'static str,
    /// Their names, in order.
    pub names: &'static [&'static str],
}

/// The chapters, in order.
pub const CHAPTERS: &[Chapter] = &[
    Chapter {
        title: "The article: its five programs, and its advice",
        folder: "examples",
        names: &[
            "threads_sleep",
            "processes_sleep",
            "pool_map",
            "futures_thread_pool",
            "asyncio_dates",
            "choose",
        ],
    },
    Chapter {
        title: "Why it is so",
        folder: "examples",
        names: &["t1_t2_t3", "convoy", "ccbench", "echo_c10k"],
    },
    Chapter {
        title: "It is real: other people's software on the loop",
        folder: "examples/real/src/bin",
        names: &[
            "http_hyper",
            "resp_kv",
            "tls",
            "postgres",
            "redis_client",
            "axum_pool",
            "websocket",
            "autobahn",
            "console",
        ],
    },
    Chapter { title: "To play with", folder: "examples", names: &["mandelbrot", "fork_hazard"] },
    Chapter {
        title: "To watch and to film",
        folder: "examples/real/src/bin",
        names: &["dashboard"],
    },
    Chapter {
        title: "One part each: tasks, streams, processes",
        folder: "examples",
        names: &[
            "producer_consumer",
            "rate_limiter",
            "task_group",
            "every_order",
            "echo_server",
            "unix_chat",
            "udp_clock",
            "subprocess_pipeline",
            "graceful_shutdown",
            "copy_on_write",
            "prefork_server",
            "kill_storm",
        ],
    },
];

/// Programs that the command itself runs or explores, a question each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// What they have in common.
    pub title: &'static str,
    /// The folder.
    pub folder: &'static str,
    /// Others that belong here.
    pub also: &'static [&'static str],
    /// 1 to 3.
    pub level: u8,
    /// For each of them.
    pub minutes: u8,
    /// The file to read with them.
    pub read: &'static str,
    /// How to run one, whose path is at `FILE`.
    pub command: &'static str,
}

/// The groups, in order.
pub const GROUPS: &[Group] = &[
    Group {
        name: "article",
        title: "The article's five programs as they are printed, run as Python",
        folder: "examples/article",
        also: &[],
        level: 1,
        minutes: 2,
        read: "src/python/run/real.rs",
        command: "singletrack run FILE",
    },
    Group {
        name: "levels",
        title: "Twelve levels in which you are the scheduler",
        folder: "examples/levels",
        also: &[],
        level: 1,
        minutes: 3,
        read: "src/lab/play/game.rs",
        command: "singletrack explore --play FILE",
    },
    Group {
        name: "questions",
        title: "What people ask about threads in Python, a program each",
        folder: "examples/questions",
        also: &["examples/race.py"],
        level: 2,
        minutes: 3,
        read: "src/python/explore/search.rs",
        command: "singletrack explore FILE --policy all",
    },
    Group {
        name: "programs",
        title: "Small programs of a bytecode machine",
        folder: "examples/programs",
        also: &[],
        level: 2,
        minutes: 5,
        read: "src/vm/explorer.rs",
        command: "singletrack explore FILE --policy python-3.10",
    },
];

/// An example, or one of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Its name.
    pub name: &'static str,
    /// Its file, from the crate's root.
    pub path: &'static str,
    /// Its opening comment.
    pub text: &'static str,
    /// What that says; of a program of a group only title and question, the rest is the group's.
    pub header: Header,
}

/// All that has a header, by its path.
fn headers() -> impl Iterator<Item = (&'static str, &'static str)> {
    let parts = HEADERS.split("== ").skip(1);
    parts.map(|part| {
        part.split_once('\n').map_or((part, ""), |(path, text)| (path, text.trim_end()))
    })
}

fn file_name(path: &'static str) -> &'static str {
    path.rsplit('/').next().unwrap_or(path)
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Chapter {
    /// Where an example of this chapter can be: a file, or a package of its own.
    pub fn paths(&self, name: &str) -> [String; 2] {
        [format!("{}/{name}.rs", self.folder), format!("{REAL}/{name}/src/main.rs")]
    }

    /// Its examples, in order.
    pub fn examples(&self) -> impl Iterator<Item = Example> {
        self.names.iter().filter_map(|&name| {
            let paths = self.paths(name);
            let is_it = |(path, _): &(&'static str, _)| paths.iter().any(|own| own == path);
            let (path, text) = headers().find(is_it)?;
            let mut header = Header::of(text);
            if path.starts_with(REAL) {
                // It is not in this package.
                let (folder, what) = match path.ends_with("/src/main.rs") {
                    true => (format!("{REAL}/{name}"), String::new()),
                    false => (REAL.to_owned(), format!(" --bin {name}")),
                };
                header.command = format!("cd {folder} && cargo run --release{what}");
            }
            Some(Example { name, path, text, header })
        })
    }
}

impl Group {
    /// Its programs, in the order of their names.
    pub fn programs(&self) -> impl Iterator<Item = Example> {
        let of_here = |(path, _): &(&'static str, _)| {
            folder_of(path) == self.folder || self.also.contains(path)
        };
        headers().filter(of_here).map(|(path, text)| {
            let first = Header::of(text).title;
            let question = text.lines().find_map(|line| line.strip_prefix("Question: "));
            // The article's programs begin with where they come from, and ask nothing.
            let asked = if first.starts_with("From ") { String::new() } else { first.clone() };
            let question = question.map_or(asked, str::to_owned);
            let command = self.command.replace("FILE", path);
            let (level, minutes, read) = (self.level, self.minutes, self.read.to_owned());
            let header = Header {
                title: first,
                question,
                command,
                level,
                minutes,
                read,
                ..Header::default()
            };
            Example { name: file_name(path), path, text, header }
        })
    }
}

/// What a word means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// One example, or one program of a group.
    One(Box<Example>),
    /// A group.
    Group(&'static Group),
}

/// The example or group of this name or path.
///
/// ```
/// use singletrack::lab::examples::shelf::{Named, find};
///
/// let Ok(Named::One(example)) = find("examples/convoy.rs") else { panic!() };
/// assert_eq!(example.name, "convoy");
/// assert!(matches!(find("questions"), Ok(Named::Group(_))));
/// assert!(find("nothing").is_err());
/// ```
///
/// # Errors
/// If there is none.
pub fn find(word: &str) -> Result<Named, Failure> {
    let word = word.trim_end_matches('/');
    let fits = |example: &Example| {
        let stem = file_name(example.path).split('.').next().unwrap_or("");
        [example.path, example.name, stem].contains(&word)
    };
    if let Some(example) = CHAPTERS.iter().flat_map(Chapter::examples).find(fits) {
        return Ok(Named::One(Box::new(example)));
    }
    if let Some(group) = GROUPS.iter().find(|group| [group.name, group.folder].contains(&word)) {
        return Ok(Named::Group(group));
    }
    let program = GROUPS.iter().flat_map(Group::programs).find(fits);
    program.map(|program| Named::One(Box::new(program))).ok_or_else(|| {
        let remedy = "`singletrack examples` lists them";
        Failure::new(format!("examples {word}"), "there is no such example", remedy)
    })
}
