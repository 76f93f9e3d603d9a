//! What a schedule does, drawn: a column for each thread, time going down.
//!
//! *Assumes*: a terminal of 80 columns for two threads.
//! *Promises*: plain text; long stretches are cut in the middle, and say so.
//! *Leaves out*: colours.
//!
//! ```text
//!        thread 1: increment()      thread 2: increment()
//!    1   LOAD_GLOBAL x       = 0
//!    2                              LOAD_GLOBAL x       = 0
//! ```

use crate::vm::program::Program;
use crate::vm::replay::Event;

/// The least width of a thread's column.
const WIDTH: usize = 30;
/// Of a longer stretch only the ends are shown.
const LONG: usize = 14;
const ENDS: usize = 5;

/// Draws what happened.
pub fn columns(program: &Program, events: &[Event]) -> String {
    let heads: Vec<String> = (0..program.threads.len()).map(|at| head(program, at)).collect();
    let width = heads.iter().map(|head| head.chars().count() + 3).max().unwrap_or(0).max(WIDTH);
    let mut text = String::from("       ");
    for head in &heads {
        text += &format!("{head:<width$}");
    }
    let mut text = text.trim_end().to_owned() + "\n";
    let mut number = 1;
    for stretch in events.chunk_by(|a, b| a.thread == b.thread) {
        for (at, event) in stretch.iter().enumerate() {
            let left = stretch.len() - at;
            let indent = " ".repeat(width * event.thread);
            if stretch.len() > LONG && at == ENDS {
                let more = stretch.len() - 2 * ENDS;
                text += &format!("    ⋮  {indent}({more} more instructions)\n");
            }
            if stretch.len() <= LONG || at < ENDS || left <= ENDS {
                text += format!("{number:>5}  {indent}{}", cell(event)).trim_end();
                text.push('\n');
            }
            number += 1;
        }
    }
    text
}

fn head(program: &Program, thread: usize) -> String {
    let start = &program.threads[thread];
    let name = program.functions.get(usize::from(start.function)).map_or("?", |f| &f.name);
    let arguments: Vec<String> = start.arguments.iter().map(i64::to_string).collect();
    format!("thread {}: {name}({})", thread + 1, arguments.join(", "))
}

fn cell(event: &Event) -> String {
    match event.value {
        None => event.text.clone(),
        Some(value) => format!("{:<20}= {value}", event.text),
    }
}
