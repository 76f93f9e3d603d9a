//! The curves as one page of HTML, in the lab's shell.

use crate::report::{Growth, digits, document, remarks};
use serde_json::{Value, json};
use singletrack::lab::page::axis::Scale;
use singletrack::lab::page::curves::{Axis, Chart, Curve as Line, chart};
use singletrack::lab::page::markup::Element;
use singletrack::lab::page::shell::{Content, render_with};
use singletrack::lab::report::failure::Failure;

const TEMPLATE: &str = include_str!("growth.html");

/// The page.
///
/// # Errors
/// If the template is none: a fault of this crate.
pub fn html(all: &[Growth], command: &str, machine: &str) -> Result<String, Failure> {
    let pictures: Vec<Element> = all.iter().map(|growth| chart(&picture(growth))).collect();
    let sections: Vec<Value> = all.iter().map(section).collect();
    let view = json!({"sections": sections, "remarks": remarks(all), "command": command,
                      "machine": machine});
    let content = Content { view: &view, data: &document(all), pictures: &pictures };
    render_with(TEMPLATE, "How cost grows", "What a unit costs, by how many there are", &content)
}

fn section(growth: &Growth) -> Value {
    let curve = |curve: &crate::curve::Curve| {
        let fit = curve.fits()[0];
        json!({
            "name": curve.name,
            "steep": curve.is_steep(),
            "law": curve.law.name(),
            "exponent": fit.map_or("-".to_owned(), |fit| format!("{:.3}", fit.exponent)),
            "error": fit.filter(|f| f.error.is_finite()).map(|fit| format!("{:.3}", fit.error)),
            "bytes": curve.per_unit().filter(|unit| unit.2 > 0.0).map(|unit| digits(unit.2)),
        })
    };
    let curves: Vec<Value> = growth.curves.iter().map(curve).collect();
    let workload = growth.workload;
    json!({"name": workload.name, "note": workload.note, "unit": workload.unit, "curves": curves})
}

/// What a unit costs, by how many there are: a line for each side.
fn picture(growth: &Growth) -> Chart {
    let line = |curve: &crate::curve::Curve| Line {
        name: curve.name.clone(),
        points: curve.samples().map(|s| (s.units, s.seconds * 1e9 / s.units)).collect(),
    };
    let curves: Vec<Line> = growth.curves.iter().map(line).collect();
    let all = || curves.iter().flat_map(|line| line.points.iter());
    let x = Scale::ratios(all().map(|point| point.0));
    let y = Scale::even(all().map(|point| point.1));
    let marks = |scale: &Scale| scale.marks().into_iter().map(|m| (m, digits(m))).collect();
    let ends = |line: &Line| Some((*line.points.first()?, *line.points.last()?));
    let said = curves.iter().filter_map(|line| {
        let ((few, first), (many, last)) = ends(line)?;
        let [few, first, many, last] = [few, first, many, last].map(digits);
        Some(format!("{}: {first} ns each for {few}, {last} ns each for {many}.", line.name))
    });
    let unit = growth.workload.unit;
    Chart {
        title: format!("What a {unit} costs: {}", growth.workload.name),
        words: said.collect::<Vec<_>>().join(" "),
        x: Axis { scale: x, marks: marks(&x), name: format!("how many: {unit}s") },
        y: Axis { scale: y, marks: marks(&y), name: "ns each".to_owned() },
        curves,
        rules: Vec::new(),
        bends: Vec::new(),
        joined: true,
        star: None,
    }
}
