//! Where a program prints to, and what it reads.
//!
//! *Promises*: what is printed is written in the order in which it was printed: line by line to a
//! terminal, else in blocks, and all of it at the end; a thread writes without the global lock.
//! *Leaves out*: stderr's order beside stdout's, where both are files, as in CPython.

use crate::base::sync::{Mutex, MutexGuard};
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::sync::Arc;

/// How much is kept before it is written, unless it goes to a terminal.
const BLOCK: usize = 8192;

/// Three streams.
#[derive(Clone)]
pub struct Streams {
    out: Arc<Mutex<Box<dyn Write + Send>>>,
    err: Arc<Mutex<Box<dyn Write + Send>>>,
    input: Arc<Mutex<Box<dyn BufRead + Send>>>,
    by_line: bool,
}

impl Streams {
    /// Streams of the caller's.
    ///
    /// ```
    /// use singletrack::python::run::streams::Streams;
    ///
    /// let streams = Streams::new(std::io::sink(), std::io::sink(), &b"a line\nanother"[..]);
    /// assert_eq!(streams.read_line().unwrap(), Some("a line".to_owned()));
    /// assert_eq!(streams.read_line().unwrap(), Some("another".to_owned()));
    /// assert_eq!(streams.read_line().unwrap(), None);
    /// ```
    pub fn new(
        out: impl Write + Send + 'static,
        err: impl Write + Send + 'static,
        input: impl BufRead + Send + 'static,
    ) -> Streams {
        Streams {
            out: Arc::new(Mutex::new(Box::new(out))),
            err: Arc::new(Mutex::new(Box::new(err))),
            input: Arc::new(Mutex::new(Box::new(input))),
            by_line: false,
        }
    }

    /// Those of the process.
    pub fn of_process() -> Streams {
        let by_line = io::stdout().is_terminal();
        let input = BufReader::new(io::stdin());
        Streams { by_line, ..Streams::new(io::stdout(), io::stderr(), input) }
    }

    /// Those of a process beside others: each line is written whole, as soon as it is there.
    pub(crate) fn by_line() -> Streams {
        Streams { by_line: true, ..Streams::of_process() }
    }

    /// Whether so much has to be written now.
    pub(crate) fn is_due(&self, text: &str) -> bool {
        text.len() >= BLOCK || (self.by_line && text.contains('\n'))
    }

    /// Stdout, for this thread alone. To be asked for with the global lock held, so that what was
    /// printed first is written first.
    pub(crate) fn out(&self) -> MutexGuard<'_, Box<dyn Write + Send>> {
        self.out.lock()
    }

    /// Writes to stderr. If that is closed, nobody can be told.
    pub(crate) fn complain(&self, text: &str) {
        let mut err = self.err.lock();
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }

    /// A line of stdin without its end; `None` after the last one.
    ///
    /// # Errors
    /// What reading reports; also if it is no UTF-8.
    pub fn read_line(&self) -> io::Result<Option<String>> {
        let mut line = String::new();
        if self.input.lock().read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.strip_suffix('\n').map_or(line.as_str(), |line| line);
        Ok(Some(line.strip_suffix('\r').unwrap_or(line).to_owned()))
    }
}

/// Writes all of it, and has it arrive.
pub(crate) fn write_out(out: &mut (dyn Write + Send), text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.flush()
}
