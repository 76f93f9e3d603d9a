//! What is asked for on the command line.

use crate::workload::{Reach, WORKLOADS};
use std::path::PathBuf;

/// Which workloads, how far, and what is made of it.
#[derive(Debug)]
pub struct Request {
    /// None is all.
    pub names: Vec<String>,
    pub reach: Reach,
    pub html: Option<PathBuf>,
    pub json: bool,
    pub write: bool,
}

impl Request {
    /// # Errors
    /// One line that names what is wrong, and what could be said.
    pub fn parse(words: &[String]) -> Result<Request, String> {
        let mut request = Request {
            names: Vec::new(),
            reach: Reach::Usual,
            html: None,
            json: false,
            write: false,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => request.reach = Reach::Quick,
                "--all" => request.reach = Reach::All,
                "--json" => request.json = true,
                "--write" => request.write = true,
                "--html" => match words.next() {
                    Some(path) => request.html = Some(path.into()),
                    None => return Err("--html: say which file: --html growth.html".to_owned()),
                },
                name if WORKLOADS.iter().any(|workload| workload.name == name) => {
                    request.names.push(name.to_owned());
                }
                other => {
                    let names: Vec<&str> = WORKLOADS.iter().map(|workload| workload.name).collect();
                    return Err(format!(
                        "{other:?} is none of --quick, --all, --json, --html FILE, --write, {}",
                        names.join(", ")
                    ));
                }
            }
        }
        Ok(request)
    }

    /// The command that asks for it.
    pub fn command(&self) -> String {
        let reach = match self.reach {
            Reach::Quick => Some("--quick"),
            Reach::Usual => None,
            Reach::All => Some("--all"),
        };
        let words = reach.into_iter().chain(self.names.iter().map(String::as_str));
        let words: Vec<&str> = words.collect();
        let dashes = if words.is_empty() { "" } else { " -- " };
        format!("cargo bench --bench growth{dashes}{}", words.join(" "))
    }
}
