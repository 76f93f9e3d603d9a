//! The examples as text for people, or as JSON.
//!
//! *Promises*: no line is wider than the page; the JSON fields below, always all of them.
//! *Leaves out*: writing it anywhere (`main.rs`).
//!
//! ```text
//! {schema_version,
//!  examples:  [{name, chapter, file, title, level, minutes, read, question, prediction, command}],
//!  groups:    [{name, title, folder, level, minutes, read, programs: [{name, file, question, command}]}],
//!  exercises: [{number, name, floor, title, task, look, hint, command}]}
//! ```

use crate::lab::compare::output::SCHEMA_VERSION;
use crate::lab::examples::exercise::Exercise;
use crate::lab::examples::header::Header;
use crate::lab::examples::request::{ExamplesRequest, Shown};
use crate::lab::examples::shelf::{CHAPTERS, Chapter, Example, GROUPS, Group, Named};
use crate::lab::report::terminal::{narrowed, wrap};
use serde_json::{Value, json};

/// What was asked for, on a page of this width.
pub fn examples(request: &ExamplesRequest, width: usize) -> String {
    let ExamplesRequest { shown, json, ascii } = request;
    let page = Sheet { width, ascii: *ascii };
    let text = match shown {
        _ if *json => return format!("{:#}\n", document(shown)),
        Shown::All => page.list(),
        Shown::One(Named::One(example)) => page.one(example),
        Shown::One(Named::Group(group)) => page.group(group),
        Shown::Exercises => page.exercises(),
    };
    if *ascii { plain(&text) } else { text }
}

struct Sheet {
    width: usize,
    ascii: bool,
}

impl Sheet {
    /// A paragraph, indented. One that fits keeps its columns.
    fn indented(&self, indent: usize, text: &str) -> String {
        if indent + text.chars().count() <= self.width {
            return format!("{:indent$}{text}\n", "");
        }
        let lines = wrap(text, self.width.saturating_sub(indent));
        lines.lines().map(|line| format!("{:indent$}{line}\n", "")).collect()
    }

    /// Level, minutes and what to read.
    fn shelf_line(&self, header: &Header) -> String {
        let stars = Header::stars(header.level, self.ascii);
        format!("{stars}  {} min  read {}", header.minutes, header.read)
    }

    fn list(&self) -> String {
        let mut text = wrap("Examples, in the order in which to read them.", self.width);
        let mut number = 0;
        for chapter in CHAPTERS {
            text += &format!("\n{}", wrap(chapter.title, self.width));
            for Example { name, header, .. } in chapter.examples() {
                number += 1;
                text += &self
                    .indented(2, &format!("{number:>2} {name:20} {}", self.shelf_line(&header)));
                text += &self.indented(5, &header.question);
                text += &self.indented(5, &format!("$ {}", header.command));
            }
        }
        text += &format!(
            "\n{}",
            wrap("Programs for the command itself, a group at a time", self.width)
        );
        for group in GROUPS {
            let header = Header {
                level: group.level,
                minutes: group.minutes,
                read: group.read.to_owned(),
                ..Header::default()
            };
            text += &self.indented(5, &format!("{:20} {}", group.name, self.shelf_line(&header)));
            text += &self.indented(5, &format!("{}: {}", group.title, group.programs().count()));
            text += &self.indented(5, &format!("$ singletrack examples {}", group.name));
        }
        let more = "More of each: singletrack examples NAME. To do something yourself: singletrack \
                    examples --exercises";
        text + "\n" + &wrap(more, self.width)
    }

    /// What an example says of itself, and how to run it.
    fn one(&self, example: &Example) -> String {
        let mut text =
            self.indented(0, &format!("{}  {}", example.path, self.shelf_line(&example.header)));
        text.push('\n');
        for (drawn, lines) in runs(example.text) {
            text += &match (drawn, lines[..] == [""]) {
                (true, _) => narrowed(&(lines.join("\n") + "\n"), self.width),
                (false, false) => wrap(&lines.join(" "), self.width),
                (false, true) if text.ends_with("\n\n") => String::new(),
                (false, true) => "\n".to_owned(),
            };
        }
        text.truncate(text.trim_end().len());
        text + "\n\nRun it\n" + &self.indented(2, &format!("$ {}", example.header.command))
    }

    fn group(&self, group: &Group) -> String {
        let mut text = wrap(group.title, self.width) + "\n";
        for Example { name, header, .. } in group.programs() {
            text += &self.indented(2, name);
            if !header.question.is_empty() {
                text += &self.indented(4, &header.question);
            }
            text += &self.indented(4, &format!("$ {}", header.command));
        }
        text
    }

    fn exercises(&self) -> String {
        let how = "Exercises: write into tests/exercises/reader.rs what is missing there, and have it \
                   checked. The solutions are beside it, in solutions.rs.";
        let mut text = wrap(how, self.width);
        for exercise in Exercise::all() {
            let Exercise { number, floor, title, task, look, hint, .. } = &exercise;
            text += &format!("\n{}", self.indented(0, &format!("{number:>2} {title} ({floor})")));
            for line in [task, &format!("Look: {look}"), &format!("Hint: {hint}")] {
                text += &self.indented(3, line);
            }
            text += &self.indented(3, &format!("$ {}", exercise.command()));
        }
        text
    }
}

/// What the page says in its own way: the shelf's line, and how CI runs it.
fn is_of_the_shelf(line: &str) -> bool {
    line.starts_with("Level: ") || line.starts_with("CI:")
}

/// The text in paragraphs, empty lines between them, and what keeps its lines (`true`): it stands in a
/// fence, or begins with a space.
fn runs(text: &str) -> Vec<(bool, Vec<&str>)> {
    let (mut runs, mut fenced): (Vec<(bool, Vec<&str>)>, bool) = (Vec::new(), false);
    for line in text.lines().filter(|line| !is_of_the_shelf(line)) {
        let is_fence = line.starts_with("```");
        let drawn = fenced || is_fence || line.starts_with(' ');
        fenced ^= is_fence;
        match runs.last_mut() {
            Some((true, run)) if drawn => run.push(line),
            Some((false, run)) if !drawn && !line.is_empty() && run[..] != [""] => run.push(line),
            _ => runs.push((drawn, vec![line])),
        }
    }
    runs
}

/// The text, with its drawings, in ASCII.
fn plain(text: &str) -> String {
    let letter = |c: char| match c {
        c if c.is_ascii() => c,
        '─' | '━' | '┄' | '═' => '-',
        '│' | '┃' => '|',
        '▶' | '→' | '►' => '>',
        '◀' | '←' => '<',
        '…' => '.',
        '▓' | '█' => '#',
        '░' | '▒' => ':',
        _ => '+',
    };
    text.chars().map(letter).collect()
}

fn document(shown: &Shown) -> Value {
    let all = matches!(shown, Shown::All);
    let chapters =
        || CHAPTERS.iter().flat_map(|chapter| chapter.examples().map(move |e| (chapter, e)));
    let (mut examples, mut groups) = (Vec::new(), Vec::new());
    match shown {
        Shown::All => {
            examples =
                chapters().map(|(chapter, example)| object(Some(chapter), &example)).collect();
            groups = GROUPS.iter().map(group_object).collect();
        }
        Shown::One(Named::One(example)) => {
            let chapter = chapters().find(|(_, other)| other == &**example);
            examples.push(object(chapter.map(|(chapter, _)| chapter), example));
        }
        Shown::One(Named::Group(group)) => groups.push(group_object(group)),
        Shown::Exercises => {}
    }
    let exercises = if all || *shown == Shown::Exercises { Exercise::all() } else { Vec::new() };
    json!({
        "schema_version": SCHEMA_VERSION,
        "examples": examples,
        "groups": groups,
        "exercises": exercises.iter().map(exercise_object).collect::<Vec<_>>(),
    })
}

fn object(chapter: Option<&Chapter>, example: &Example) -> Value {
    let Example { name, path, header, .. } = example;
    json!({
        "name": name,
        "chapter": chapter.map(|chapter| chapter.title),
        "file": path,
        "title": header.title,
        "level": header.level,
        "minutes": header.minutes,
        "read": header.read,
        "question": header.question,
        "prediction": header.prediction,
        "command": header.command,
    })
}

fn group_object(group: &Group) -> Value {
    let program = |Example { name, path, header, .. }: Example| json!({ "name": name, "file": path, "question": header.question, "command": header.command });
    json!({
        "name": group.name,
        "title": group.title,
        "folder": group.folder,
        "level": group.level,
        "minutes": group.minutes,
        "read": group.read,
        "programs": group.programs().map(program).collect::<Vec<_>>(),
    })
}

fn exercise_object(exercise: &Exercise) -> Value {
    json!({
        "number": exercise.number,
        "name": exercise.name,
        "floor": exercise.floor,
        "title": exercise.title,
        "task": exercise.task,
        "look": exercise.look,
        "hint": exercise.hint,
        "command": exercise.command(),
    })
}
