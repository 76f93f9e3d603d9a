//! What holds for any words on the command line.
//!
//! *Promises*: the fuzz target `command_line` and the replay of its seeds check the same. Files are only
//! touched in a folder of its own, which becomes the current one; a word with a `/` is left out.

use singletrack::lab::cli::{CliError, parse};
use singletrack::lab::timeline::timeline::Timeline;
use singletrack::lab::timeline::trace::write_trace;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Once;

/// What there is for the words to name.
const FILES: [(&str, &str); 4] = [
    ("a.py", "import threading\nx = 0\ndef f():\n    global x\n    x += 1\nf()\nprint(x)\n"),
    ("a.gil", "global x\nthread f\ndef f():\n LOAD_GLOBAL x\n RETURN_VALUE\n"),
    ("spin.gil", "thread f\ndef f():\nagain:\n JUMP_BACKWARD again\n"),
    ("a.steps", "cpu 2ms\nio 20ms\n"),
];

fn in_a_folder_of_files() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let folder = std::env::temp_dir().join("singletrack-words");
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in FILES {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let mut trace = Vec::new();
        write_trace(&mut trace, &Timeline::default()).unwrap();
        std::fs::write(folder.join("a.json"), trace).unwrap();
        std::env::set_current_dir(folder).unwrap();
    });
}

/// A line for each word. They make a request, ask for a text, or are refused in one line.
pub fn check_any_words(input: &[u8]) {
    in_a_folder_of_files();
    let words = input.split(|byte| *byte == b'\n').filter(|word| !word.contains(&b'/'));
    let words = words.map(|word| OsString::from_vec(word.to_vec()));
    match parse(["singletrack".into()].into_iter().chain(words.take(20))) {
        Ok(request) => assert!(!format!("{request:?}").is_empty()),
        Err(CliError::Help(text)) => assert!(!text.is_empty()),
        Err(CliError::Usage(line)) => {
            assert!(!line.is_empty() && !line.chars().any(char::is_control), "{line:?}");
        }
    }
}
