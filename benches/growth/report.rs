//! The curves as a table for a terminal, as a page of Markdown, and as JSON.

use crate::curve::{Curve, MOST};
use crate::fit::Fit;
use crate::workload::Workload;
use serde_json::{Value, json};

/// A workload's curves: ours, and the peer's.
pub struct Growth {
    pub workload: &'static Workload,
    pub curves: Vec<Curve>,
}

const HEAD: [&str; 9] = [
    "what grows",
    "of",
    "largest",
    "law",
    "exponent",
    "last hundredfold",
    "ns each at first",
    "ns each at last",
    "bytes each",
];

/// A number with three digits, and separators of thousands.
pub fn digits(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.*}", if value < 10.0 { 2 } else { 1 });
    }
    let (plain, mut text) = (format!("{value:.0}"), String::new());
    for (at, digit) in plain.chars().enumerate() {
        if at > 0 && (plain.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn exponent(fit: Option<Fit>) -> String {
    match fit {
        None => "-".to_owned(),
        Some(fit) if fit.error.is_infinite() => format!("{:.3}", fit.exponent),
        Some(fit) => format!("{:.3} ± {:.3}", fit.exponent, fit.error),
    }
}

fn row(growth: &Growth, curve: &Curve) -> Vec<String> {
    let largest = curve.last().map_or("-".to_owned(), |last| digits(last.units));
    let [all, late] = curve.fits().map(exponent);
    let per_unit = curve.per_unit();
    let shown = |of: fn((f64, f64, f64)) -> f64| {
        per_unit.map(of).filter(|n| *n > 0.0).map_or("-".to_owned(), digits)
    };
    let name = growth.workload.name.to_owned();
    let (law, first) = (curve.law.name().to_owned(), shown(|all| all.0));
    let rest = [late, first, shown(|all| all.1), shown(|all| all.2)];
    [name, curve.name.clone(), largest, law, all].into_iter().chain(rest).collect()
}

fn rows(all: &[Growth]) -> Vec<Vec<String>> {
    let of = |growth| move |curve| row(growth, curve);
    all.iter().flat_map(|growth| growth.curves.iter().map(of(growth))).collect()
}

/// In words: which are too steep, and what was left out.
pub fn remarks(all: &[Growth]) -> Vec<String> {
    let mut remarks = Vec::new();
    for growth in all {
        for curve in &growth.curves {
            let name = format!("{} of {}", growth.workload.name, curve.name);
            if curve.is_steep() {
                remarks.push(format!("{name} grows faster than {}^{MOST}", curve.law.name()));
            }
            if let Some((size, why)) = curve.left_out().next() {
                remarks.push(format!("{name}: not at {}: {why}", digits(size as f64)));
            }
        }
    }
    remarks
}

/// Columns, as wide as they need be.
pub fn table(all: &[Growth]) -> String {
    let rows = rows(all);
    let head = HEAD.map(str::to_owned).to_vec();
    let width = |at: usize| {
        rows.iter().chain([&head]).map(|row| row[at].chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(at, (cell, width))| match at {
            0 | 1 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    [&head].into_iter().chain(&rows).map(line).collect()
}

/// The same for a page of Markdown.
pub fn markdown(all: &[Growth]) -> String {
    let line = |row: &[String]| format!("| {} |\n", row.join(" | "));
    let rule = format!("|---|---|{}\n", "--:|".repeat(HEAD.len() - 2));
    let rows: String = rows(all).iter().map(|row| line(row)).collect();
    line(&HEAD.map(str::to_owned)) + &rule + &rows
}

/// Every point.
pub fn document(all: &[Growth]) -> Value {
    let fit = |fit: Option<Fit>| {
        fit.map(|fit| {
            let error = fit.error.is_finite().then_some(fit.error);
            json!({"exponent": fit.exponent, "error": error})
        })
    };
    let curve = |curve: &Curve| {
        let [all, late] = curve.fits().map(fit);
        let points = curve.points.iter().map(|(size, point)| match point {
            Ok(s) => json!({"size": size, "units": s.units, "cpu_s": s.seconds, "bytes": s.bytes}),
            Err(why) => json!({"size": size, "left_out": why}),
        });
        let points: Vec<Value> = points.collect();
        json!({"of": curve.name, "law": curve.law.name(), "fit": all,
               "last_hundredfold": late, "points": points})
    };
    let growth = |growth: &Growth| {
        let curves: Vec<Value> = growth.curves.iter().map(curve).collect();
        let workload = growth.workload;
        json!({"name": workload.name, "unit": workload.unit, "note": workload.note, "curves": curves})
    };
    Value::Array(all.iter().map(growth).collect())
}
