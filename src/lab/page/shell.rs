//! The shell of a page: a template's text inside head and styles.
//!
//! *Promises*: whatever stands between braces in a template is escaped, data is embedded; a page needs
//! nothing but itself.
//! *Leaves out*: what a page says.
//!
//! A state of a thread has the same colour everywhere, and a hatch where colour alone would say it
//! (Okabe and Ito's colours, which those who see fewer colours can tell apart).

use crate::lab::page::embed::embed;
use crate::lab::page::markup::Element;
use crate::lab::report::failure::Failure;
use crate::lab::report::whole_file::WholeFile;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};
use std::io::Write;
use std::path::Path;

/// What a page is made of besides its own template.
const PARTS: [(&str, &str); 4] = [
    ("shell.html", include_str!("shell.html")),
    ("palette.css", include_str!("palette.css")),
    ("hatches.svg", include_str!("hatches.svg")),
    ("cursor.js", include_str!("cursor.js")),
];
/// What a page may weigh.
pub const MOST_BYTES: usize = 300 * 1024;

/// What a page is made of.
#[derive(Debug)]
pub struct Content<'a> {
    /// What the template knows as `data`.
    pub view: &'a serde_json::Value,
    /// What is in the page for its own script, and for other programs.
    pub data: &'a serde_json::Value,
    /// What the template knows as `pictures`, and puts in as it is.
    pub pictures: &'a [Element],
}

/// A page: `template` extends `shell.html`, and knows `data`. Title and description are the head's.
///
/// # Errors
/// If the template is none: a fault of this crate.
pub fn render(
    template: &str,
    title: &str,
    description: &str,
    data: &serde_json::Value,
) -> Result<String, Failure> {
    render_with(template, title, description, &Content { view: data, data, pictures: &[] })
}

/// A page with pictures, whose data need not be all that it says.
///
/// # Errors
/// If the template is none: a fault of this crate.
pub fn render_with(
    template: &str,
    title: &str,
    description: &str,
    content: &Content<'_>,
) -> Result<String, Failure> {
    let failed = |e: minijinja::Error| {
        Failure::new("the page", format!("{e:#}"), "this is a bug; please report it")
    };
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, text) in PARTS {
        environment.add_template(name, text).map_err(failed)?;
    }
    environment.add_template("page.html", template).map_err(failed)?;
    let page = environment.get_template("page.html").map_err(failed)?;
    let json = Value::from_safe_string(embed(content.data));
    let markup = |picture: &Element| Value::from_safe_string(picture.to_string());
    let pictures: Vec<Value> = content.pictures.iter().map(markup).collect();
    page.render(context! {
        title, description, json, pictures, data => Value::from(Serde(content.view)),
        version => env!("CARGO_PKG_VERSION"),
    })
    .map_err(failed)
}

/// The finest page that weighs no more than [`MOST_BYTES`]: `draw` is asked for grade 0, and for coarser
/// ones while they are too heavy; the last is the page in any case.
///
/// # Errors
/// What `draw` reports.
pub fn light_enough(
    last: u32,
    mut draw: impl FnMut(u32) -> Result<String, Failure>,
) -> Result<String, Failure> {
    let mut page = draw(0)?;
    for grade in 1..=last {
        if page.len() <= MOST_BYTES {
            break;
        }
        page = draw(grade)?;
    }
    Ok(page)
}

/// Writes a page, whole or not at all.
///
/// # Errors
/// If that is not possible.
pub fn write(path: &Path, page: &str) -> Result<(), Failure> {
    let written = WholeFile::create(path).and_then(|mut file| {
        file.write_all(page.as_bytes())?;
        file.finish()
    });
    written.map_err(|e| Failure::io(path.display().to_string(), &e, "name another file"))
}
