//! Help: the same order for every command, completions for shells, and the page for `man`.
//!
//! *Promises*: `--help` says what a command does, shows examples, and then lists options and exit
//! codes; `-h` is short and says where the examples are. Whoever writes a command only gives it a text
//! `after_help` (or `after_long_help`) with a paragraph that begins with `Examples:`. Pure.
//! *Leaves out*: the texts, which stand where the arguments are.
//!
//! ```text
//!   after_help: Examples: …  ─┬─ -h       about · usage · options · where there is more
//!               the rest      ├─ --help   about · examples · usage · options · the rest · exit codes
//!                             └─ man      the same, of all commands
//! ```

use crate::lab::report::failure::Failure;
use clap::builder::StyledStr;
use clap::{Args, Command};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use std::io;

const EXAMPLES: &str = "Examples:";
const EXIT_CODES: &str = "Exit codes:";
/// Those of a command that says nothing of its own.
const USUAL_EXIT_CODES: &str = "\
Exit codes: 0 done, 1 the work failed, 2 usage, 130 interrupted (SIGINT), 143 ended (SIGTERM), 141 \
the reader of its output has gone.";
const TEMPLATE: &str =
    "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";
/// In fewer columns an option's text begins in a line of its own.
const ROOMY: usize = 60;

/// For the end of `completions --help`.
pub const COMPLETIONS: &str = "\
Examples:
  singletrack completions bash > singletrack.bash      then, in ~/.bashrc: source singletrack.bash
  singletrack completions zsh > _singletrack           in a directory of $fpath
  singletrack completions fish > singletrack.fish      in ~/.config/fish/completions";

/// For the end of `man --help`.
pub const MAN: &str = "\
Examples:
  singletrack man > singletrack.1                      then: man -l singletrack.1
  singletrack man | man -l -";

/// The arguments of `singletrack completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// For which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl CompletionsArgs {
    /// What the shell is to read.
    pub fn text(&self, mut command: Command) -> String {
        let (name, mut bytes) = (command.get_name().to_owned(), Vec::new());
        generate(self.shell, &mut command, name, &mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A command as its reader meets it: examples first, exit codes last, and lines for a page of `width`.
pub fn shaped(command: Command, width: usize) -> Command {
    named(command, "", width)
}

fn named(command: Command, within: &str, width: usize) -> Command {
    let name = format!("{within}{}", command.get_name());
    let (examples, rest) = parts(&command);
    let rest = match rest.contains(EXIT_CODES) {
        true => rest,
        false => format!("{rest}\n\n{USUAL_EXIT_CODES}").trim_start().to_owned(),
    };
    let more = match examples.is_empty() {
        true => format!("More: {name} --help"),
        false => format!("More, with examples: {name} --help"),
    };
    let below = format!("{name} ");
    let command = command.mut_subcommands(|sub| named(sub, &below, width));
    let command = match examples.is_empty() {
        true => command,
        false => command.before_long_help(examples),
    };
    command
        .mut_args(|arg| {
            // So that `--jobs -1` is told what --jobs may be.
            let takes_values = arg.get_action().takes_values();
            if takes_values { arg.allow_negative_numbers(true) } else { arg }
        })
        .help_template(TEMPLATE)
        .next_line_help(width < ROOMY)
        .after_help(more)
        .after_long_help(flowed(&rest))
}

/// The paragraph of examples, and the paragraphs about everything else.
fn parts(command: &Command) -> (String, String) {
    let text = command.get_after_long_help().or(command.get_after_help());
    let text = text.map(StyledStr::to_string).unwrap_or_default();
    let paragraphs = || text.split("\n\n");
    let is_examples = |paragraph: &&str| paragraph.starts_with(EXAMPLES);
    let rest: Vec<&str> = paragraphs().filter(|paragraph| !is_examples(paragraph)).collect();
    (paragraphs().find(is_examples).unwrap_or_default().to_owned(), rest.join("\n\n"))
}

/// The same text with each paragraph of prose in one line, for whoever shows it to break.
fn flowed(text: &str) -> String {
    let mut flowed = String::new();
    let mut prose = false;
    for line in text.lines() {
        let is_prose = !line.is_empty() && !line.starts_with(' ');
        if !flowed.is_empty() {
            flowed.push(if prose && is_prose { ' ' } else { '\n' });
        }
        flowed += line;
        prose = is_prose;
    }
    flowed
}

/// One page for `man`: the command, and a section for each of its commands.
///
/// # Errors
/// None that is known: it is written to memory.
pub fn manual(command: &Command) -> Result<String, Failure> {
    let failed = |e: io::Error| Failure::io("the page", &e, "run it again");
    let section = |man: &Man, mut bytes: Vec<u8>| -> io::Result<String> {
        man.render_synopsis_section(&mut bytes)?;
        man.render_description_section(&mut bytes)?;
        man.render_options_section(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let (man, mut head) = (Man::new(command.clone()), Vec::new());
    man.render_title(&mut head).map_err(failed)?;
    man.render_name_section(&mut head).map_err(failed)?;
    let mut page = section(&man, head).map_err(failed)?;
    page += &format!(".SH EXAMPLES\n{}", verbatim(&parts(command).0));
    let mut below = Vec::new();
    all_below(command, command.get_name(), &mut below);
    for (name, sub) in below {
        let man = Man::new(sub.clone().bin_name(name.clone()));
        let text = section(&man, Vec::new()).map_err(failed)?.replace(".SH ", ".SS ");
        let (examples, rest) = parts(sub);
        page += &format!(".SH \"{}\"\n{text}{}", name.to_uppercase(), verbatim(&examples));
        page += &verbatim(&rest);
    }
    page += &format!(".SH \"EXIT CODES\"\n{}", verbatim(USUAL_EXIT_CODES));
    Ok(page.chars().map(|c| if c.is_ascii() { c.to_string() } else { spelled(c) }).collect())
}

/// A letter as every roff reads it, whatever it takes its input for.
fn spelled(c: char) -> String {
    format!("\\[u{:04X}]", u32::from(c))
}

/// A command's commands, each after the one it belongs to.
fn all_below<'a>(command: &'a Command, name: &str, found: &mut Vec<(String, &'a Command)>) {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let name = format!("{name} {}", sub.get_name());
        found.push((name.clone(), sub));
        all_below(sub, &name, found);
    }
}

/// Lines that stay as they are.
fn verbatim(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let line = |line: &str| {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        // A dot or a quote at a line's beginning would be a request.
        if line.starts_with(['.', '\'']) { format!("\\&{line}\n") } else { line + "\n" }
    };
    let lines: String = text.lines().map(line).collect();
    format!(".PP\n.nf\n{lines}.fi\n")
}
