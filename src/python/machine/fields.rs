//! The fields of format strings.
//!
//! *Promises*: fields as Python's grammar has them: a name, a path of attributes and items, a
//! conversion, a specification that may have fields itself.
//! *Leaves out*: what a specification means (`python/machine/format.rs`).

/// One field of a format string.
pub(crate) struct Field<'a> {
    /// Its name or number, or nothing for the next one.
    pub name: &'a str,
    /// The attributes and items (`true`) behind the name.
    pub path: Vec<(bool, &'a str)>,
    /// `r`, `s`, or nothing.
    pub conversion: &'a str,
    /// What is behind the colon.
    pub spec: &'a str,
}

/// A literal text, and the field behind it; or what is wrong.
pub(crate) fn fields(text: &str) -> Result<Vec<(String, Option<Field<'_>>)>, &'static str> {
    let (mut out, mut literal, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if rest.starts_with(brace) {
            literal.push_str(brace);
            rest = &rest[1..];
            continue;
        }
        if brace == "}" {
            return Err("Single '}' encountered in format string");
        }
        let Some(end) = closing(rest) else {
            return Err(match rest.is_empty() {
                true => "Single '{' encountered in format string",
                false => "expected '}' before end of string",
            });
        };
        out.push((std::mem::take(&mut literal), Some(field(&rest[..end]))));
        rest = &rest[end + 1..];
    }
    literal.push_str(rest);
    out.push((literal, None));
    Ok(out)
}

fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn field(text: &str) -> Field<'_> {
    let split = text.find([':', '!']).unwrap_or(text.len());
    let (head, tail) = text.split_at(split);
    let (conversion, spec) = match tail.strip_prefix('!') {
        Some(tail) => tail.split_once(':').unwrap_or((tail, "")),
        None => ("", tail.strip_prefix(':').unwrap_or("")),
    };
    let end = head.find(['.', '[']).unwrap_or(head.len());
    let (name, mut rest) = head.split_at(end);
    let mut path = Vec::new();
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix('[') {
            let (part, tail) = tail.split_once(']').unwrap_or((tail, ""));
            path.push((true, part));
            rest = tail;
        } else {
            let tail = rest.strip_prefix('.').unwrap_or(rest);
            let end = tail.find(['.', '[']).unwrap_or(tail.len());
            path.push((false, &tail[..end]));
            rest = &tail[end..];
        }
    }
    Field { name, path, conversion, spec }
}
