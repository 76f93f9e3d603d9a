//! The table of results, on the screen and in `README.md`.

use crate::verdict::Verdict;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// How the cells of one scenario and one call ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often the call is made without a fault; 0 for a limit.
    pub calls: u32,
    pub success: u32,
    pub documented: u32,
    pub argued: u32,
    pub wrong: u32,
}

/// Tallies by scenario and call, in the order of both.
#[derive(Debug, Default)]
pub struct Table(BTreeMap<(usize, usize), ((&'static str, &'static str), Tally)>);

impl Table {
    /// One more cell. `place`: the numbers of scenario and call.
    pub fn add(
        &mut self,
        place: (usize, usize),
        names: (&'static str, &'static str),
        calls: u32,
        verdict: &Verdict,
    ) {
        let (_, tally) = self.0.entry(place).or_insert((names, Tally::default()));
        tally.calls = calls;
        *match verdict {
            Verdict::Success => &mut tally.success,
            Verdict::Documented => &mut tally.documented,
            Verdict::Argued(_) => &mut tally.argued,
            Verdict::Wrong(_) => &mut tally.wrong,
        } += 1;
    }

    pub fn total(&self) -> Tally {
        self.0.values().fold(Tally::default(), |sum, (_, one)| Tally {
            calls: sum.calls + one.calls,
            success: sum.success + one.success,
            documented: sum.documented + one.documented,
            argued: sum.argued + one.argued,
            wrong: sum.wrong + one.wrong,
        })
    }

    /// A row for each scenario and call.
    fn rows(&self) -> Vec<String> {
        let row = |((scenario, call), tally): &((&str, &str), Tally)| {
            let Tally { calls, success, documented, argued, wrong } = tally;
            let cells = success + documented + argued + wrong;
            let calls = if *calls == 0 { "".to_owned() } else { calls.to_string() };
            format!(
                "| {scenario} | {call} | {calls} | {cells} | {success} | {documented} | {argued} | {wrong} |"
            )
        };
        self.0.values().map(row).collect()
    }

    /// Writes the rows into `README.md`, in place of those of the same scenarios.
    pub fn bless(&self) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fault_matrix/README.md");
        let text = fs::read_to_string(&path).expect("the README of the matrix");
        let (head, rest) = text.split_once(BEGIN).expect("where the table begins");
        let (old, tail) = rest.split_once(END).expect("where the table ends");
        let scenario = |row: &str| row.split(" | ").next().unwrap_or_default().to_owned();
        let new = self.rows();
        let ours: Vec<String> = new.iter().map(|row| scenario(row)).collect();
        let is_kept = |row: &&str| row.starts_with("| ") && !ours.contains(&scenario(row));
        let kept = old.lines().filter(is_kept).map(str::to_owned);
        let kept = kept.filter(|row| !row.starts_with("| scenario") && !row.starts_with("| ---"));
        let mut rows: Vec<String> = kept.chain(new).collect();
        let names: Vec<&str> = crate::SCENARIOS.iter().map(|scenario| scenario.name).collect();
        rows.sort_by_key(|row| {
            let name = scenario(row);
            names.iter().position(|known| name.trim_start_matches("| ") == *known)
        });
        let table = format!("{BEGIN}\n{HEAD}{}\n{END}", rows.join("\n"));
        fs::write(path, format!("{head}{table}{tail}")).expect("the README can be written");
    }
}

const BEGIN: &str = "<!-- table -->";
const END: &str = "<!-- end of the table -->";
const HEAD: &str = "\
| scenario | what fails | calls | cells | success | documented error | argued | wrong |
| --- | --- | --- | --- | --- | --- | --- | --- |
";
