//! A strict reader of the little XML that pictures are made of: elements, attributes, texts.

/// An element.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Node {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    /// Its own text, without that of its children.
    pub text: String,
    pub children: Vec<Node>,
}

#[allow(dead_code)]
impl Node {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// All text in it, a line an element.
    pub fn all_text(&self) -> String {
        let below = self.children.iter().map(Node::all_text);
        [self.text.clone()].into_iter().chain(below).collect::<Vec<_>>().join("\n")
    }
}

/// Whether XML 1.0 can hold it, and HTML keeps it (which takes C1 controls for something else).
pub fn allowed(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => true,
        '\0'..' ' | '\u{7f}'..'\u{a0}' | '\u{fffe}' | '\u{ffff}' => false,
        _ => true,
    }
}

/// What a picture can keep of a text.
#[allow(dead_code)]
pub fn kept(text: &str) -> String {
    text.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect()
}

/// The one element of a text, or the first fault.
pub fn parse(text: &str) -> Result<Node, String> {
    let mut rest = text;
    if rest.starts_with("<?xml") {
        rest = rest.split_once("?>").ok_or("no end of the declaration")?.1.trim_start();
    }
    let root = element(&mut rest)?;
    match rest.trim().is_empty() {
        true => Ok(root),
        false => Err(format!("more than one element: {rest:.40}")),
    }
}

fn element(rest: &mut &str) -> Result<Node, String> {
    expect(rest, "<")?;
    let mut node = Node { name: name(rest)?, ..Node::default() };
    loop {
        *rest = rest.trim_start();
        if rest.starts_with("/>") {
            expect(rest, "/>")?;
            return Ok(node);
        }
        if rest.starts_with('>') {
            break;
        }
        let key = name(rest)?;
        expect(rest, "=\"")?;
        let end = rest.find('"').ok_or("no end of an attribute")?;
        let value = unescape(&rest[..end])?;
        if node.attributes.iter().any(|(own, _)| *own == key) {
            return Err(format!("{key} twice"));
        }
        node.attributes.push((key, value));
        *rest = &rest[end + 1..];
    }
    expect(rest, ">")?;
    loop {
        let end = rest.find('<').ok_or(format!("<{}> has no end", node.name))?;
        node.text += &unescape(&rest[..end])?;
        *rest = &rest[end..];
        if rest.starts_with("</") {
            expect(rest, "</")?;
            let own = node.name.clone();
            expect(rest, &own)?;
            expect(rest, ">")?;
            return Ok(node);
        }
        node.children.push(element(rest)?);
    }
}

fn expect(rest: &mut &str, what: &str) -> Result<(), String> {
    *rest = rest.strip_prefix(what).ok_or_else(|| format!("{what} expected at {rest:.40}"))?;
    Ok(())
}

fn name(rest: &mut &str) -> Result<String, String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == ':';
    let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
    let name = rest[..end].to_owned();
    *rest = &rest[end..];
    if name.is_empty() { Err(format!("a name expected at {rest:.40}")) } else { Ok(name) }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain += &rest[..at];
        let (reference, after) = rest[at + 1..].split_once(';').ok_or("& alone")?;
        plain.push(match reference {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            other => {
                let code = other.strip_prefix('#').and_then(|number| number.parse().ok());
                code.and_then(char::from_u32).ok_or(format!("&{other}; is not known"))?
            }
        });
        rest = after;
    }
    plain += rest;
    match plain.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(format!("{c:?} is not allowed")),
        None if text.contains('>') => Err("a > that is not escaped".to_owned()),
        None => Ok(plain),
    }
}
