//! The fields of format strings.
//!
//! *Promises*: fields as Python's grammar has them: a name, a path of attributes and items, a
//! conversion, a specification that may have fields itself; those without a name are numbered.
//! *Leaves out*: what a specification means (`python/machine/spec.rs`).

/// Literal texts, and the fields behind them.
pub(crate) type Fields<'a> = Vec<(String, Option<Field<'a>>)>;

/// Which value a field shows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which<'a> {
    Number(usize),
    Name(&'a str),
}

/// One field of a format string.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    /// The value that its path begins at.
    pub which: Which<'a>,
    /// The attributes and items (`true`) behind the name.
    pub path: Vec<(bool, &'a str)>,
    /// `r`, `s`, `a`, or nothing.
    pub conversion: &'a str,
    /// What is behind the colon.
    pub spec: Fields<'a>,
}

/// How the fields of a text are numbered.
#[derive(Debug, Default)]
struct Numbers {
    next: usize,
    is_manual: bool,
}

/// The fields of a text; or what is wrong.
pub(crate) fn fields(text: &str) -> Result<Fields<'_>, String> {
    Numbers::default().fields(text, 0)
}

impl Numbers {
    fn fields<'a>(&mut self, text: &'a str, depth: usize) -> Result<Fields<'a>, String> {
        if depth > 1 && text.contains('{') {
            return Err("Max string recursion exceeded".to_owned());
        }
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
                return Err("Single '}' encountered in format string".to_owned());
            }
            let end = closing(rest).ok_or_else(|| unclosed(rest))?;
            out.push((std::mem::take(&mut literal), Some(self.field(&rest[..end], depth)?)));
            rest = &rest[end + 1..];
        }
        literal.push_str(rest);
        out.push((literal, None));
        Ok(out)
    }

    fn field<'a>(&mut self, text: &'a str, depth: usize) -> Result<Field<'a>, String> {
        let (head, conversion, spec) = parts(text)?;
        let end = head.find(['.', '[']).unwrap_or(head.len());
        let (name, rest) = head.split_at(end);
        let which = self.which(name)?;
        Ok(Field { which, path: path(rest)?, conversion, spec: self.fields(spec, depth + 1)? })
    }

    fn which<'a>(&mut self, name: &'a str) -> Result<Which<'a>, String> {
        let number = match name.is_empty() {
            true => None,
            false if !name.bytes().all(|c| c.is_ascii_digit()) => return Ok(Which::Name(name)),
            false => Some(name.parse().map_err(|_| "Too many decimal digits in format string")?),
        };
        let (automatic, manual) = ("automatic field numbering", "manual field specification");
        match number {
            Some(_) if self.next > 0 => Err(format!("cannot switch from {automatic} to {manual}")),
            Some(number) => {
                self.is_manual = true;
                Ok(Which::Number(number))
            }
            None if self.is_manual => Err(format!("cannot switch from {manual} to {automatic}")),
            None => {
                self.next += 1;
                Ok(Which::Number(self.next - 1))
            }
        }
    }
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

/// What Python says to a field that does not end.
fn unclosed(text: &str) -> String {
    let why = match text.find([':', '!']) {
        _ if text.is_empty() => "Single '{' encountered in format string",
        Some(at) if text[at..].starts_with('!') => "unmatched '{' in format spec",
        _ => "expected '}' before end of string",
    };
    why.to_owned()
}

/// The name and path of a field, its conversion and its specification.
fn parts(text: &str) -> Result<(&str, &str, &str), String> {
    let split = text.find([':', '!', '[']).unwrap_or(text.len());
    // What stands in brackets is a key, whatever it is.
    let split = match text[split..].starts_with('[') {
        true => {
            let from = text.rfind(']').unwrap_or(split);
            text[from..].find([':', '!']).map_or(text.len(), |at| from + at)
        }
        false => split,
    };
    let (head, tail) = text.split_at(split);
    let Some(tail) = tail.strip_prefix('!') else {
        return Ok((head, "", tail.strip_prefix(':').unwrap_or("")));
    };
    let (conversion, spec) = tail.split_once(':').unwrap_or((tail, ""));
    match conversion {
        "r" | "s" | "a" => Ok((head, conversion, spec)),
        "" => Err("unmatched '{' in format spec".to_owned()),
        other if other.chars().count() == 1 => Err(format!("Unknown conversion specifier {other}")),
        _ => Err("expected ':' after conversion specifier".to_owned()),
    }
}

/// The attributes and items behind the name of a field.
fn path(text: &str) -> Result<Vec<(bool, &str)>, String> {
    let (mut path, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (is_item, part) = if let Some(tail) = rest.strip_prefix('[') {
            let (part, tail) = tail.split_once(']').ok_or("Missing ']' in format string")?;
            rest = tail;
            (true, part)
        } else if let Some(tail) = rest.strip_prefix('.') {
            let (part, tail) = tail.split_at(tail.find(['.', '[']).unwrap_or(tail.len()));
            rest = tail;
            (false, part)
        } else {
            let why = "Only '.' or '[' may follow ']' in format field specifier";
            return Err(why.to_owned());
        };
        if part.is_empty() {
            return Err("Empty attribute in format string".to_owned());
        }
        path.push((is_item, part));
    }
    Ok(path)
}
