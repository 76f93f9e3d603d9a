//! A format specification, and numbers laid out as it says.
//!
//! *Promises*: as in Python: fill, alignment, sign, width, grouping, precision and type; what Python
//! refuses is refused with its words.
//! *Leaves out*: where a specification comes from (`python/machine/format.rs`, `percent.rs`).

use crate::python::machine::text::float_text;

/// The most digits behind a point, and the widest field.
const MOST_DIGITS: usize = 10_000;
const WIDEST: usize = 1 << 20;

/// A format specification.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spec {
    pub(crate) fill: Option<char>,
    pub(crate) align: Option<char>,
    pub(crate) sign: Option<char>,
    /// `z`: what is rounded to zero has no sign.
    pub(crate) plain_zero: bool,
    /// `#`.
    pub(crate) alternate: bool,
    /// `0` before the width: numbers are filled behind their sign.
    pub(crate) zeros: bool,
    pub(crate) width: usize,
    pub(crate) group: Option<char>,
    pub(crate) precision: Option<usize>,
    pub(crate) kind: Option<char>,
}

/// Takes a character off the front, if it is one of these.
fn take(rest: &mut &str, wanted: &str) -> Option<char> {
    let c = rest.chars().next().filter(|c| wanted.contains(*c))?;
    *rest = &rest[c.len_utf8()..];
    Some(c)
}

fn take_number(rest: &mut &str, most: usize) -> Result<Option<usize>, &'static str> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, behind) = rest.split_at(end);
    *rest = behind;
    if digits.is_empty() {
        return Ok(None);
    }
    let number = digits.parse().ok().filter(|number| *number <= most);
    number.map(Some).ok_or("Too many decimal digits in format string")
}

impl Spec {
    /// Reads a specification; or what is wrong with it, with no words for what is none at all.
    pub(crate) fn parse(text: &str) -> Result<Spec, &'static str> {
        let (mut spec, mut rest) = (Spec::default(), text);
        let mut chars = text.chars();
        let first = chars.next();
        if chars.next().is_some_and(|c| "<>^=".contains(c)) {
            spec.fill = first;
            rest = &rest[first.map_or(0, char::len_utf8)..];
        }
        spec.align = take(&mut rest, "<>^=");
        spec.sign = take(&mut rest, "+- ");
        spec.plain_zero = take(&mut rest, "z").is_some();
        spec.alternate = take(&mut rest, "#").is_some();
        if spec.fill.is_none() && take(&mut rest, "0").is_some() {
            (spec.fill, spec.zeros) = (Some('0'), true);
        }
        spec.width = take_number(&mut rest, WIDEST)?.unwrap_or(0);
        spec.group = take(&mut rest, ",_");
        if take(&mut rest, ",_").is_some_and(|second| Some(second) != spec.group) {
            return Err("Cannot specify both ',' and '_'.");
        }
        if take(&mut rest, ".").is_some() {
            let digits = take_number(&mut rest, MOST_DIGITS)?;
            spec.precision = Some(digits.ok_or("Format specifier missing precision")?);
        }
        spec.kind = rest.chars().next();
        match rest.chars().count() {
            0 | 1 => Ok(spec),
            _ => Err(""),
        }
    }

    /// What Python says to a grouping that goes not with the type; `otherwise` if none is given.
    fn check_group(&self, otherwise: char) -> Result<(), String> {
        let Some(group) = self.group else { return Ok(()) };
        let kind = self.kind.unwrap_or(otherwise);
        let fits = "deEfFgG%".contains(kind) || group == '_' && "boxX".contains(kind);
        match fits {
            true => Ok(()),
            false => Err(format!("Cannot specify '{group}' with '{kind}'.")),
        }
    }

    /// A text.
    pub(crate) fn text(&self, text: &str) -> Result<String, String> {
        self.check_group('s')?;
        let what = match (self.sign, self.align) {
            (Some(' '), _) => "Space",
            (Some(_), _) => "Sign",
            _ if self.plain_zero => "Negative zero coercion (z)",
            _ if self.alternate => "Alternate form (#)",
            (_, Some('=')) => "'=' alignment",
            _ => {
                let cut = self.precision.unwrap_or(usize::MAX);
                let text: String = text.chars().take(cut).collect();
                return Ok(self.filled("", &text, self.align.unwrap_or('<')));
            }
        };
        Err(format!("{what} not allowed in string format specifier"))
    }

    fn filled(&self, front: &str, text: &str, align: char) -> String {
        let missing = self.width.saturating_sub(front.chars().count() + text.chars().count());
        let fill = |count: usize| self.fill.unwrap_or(' ').to_string().repeat(count);
        match align {
            '<' => format!("{front}{text}{}", fill(missing)),
            '^' => {
                format!("{}{front}{text}{}", fill(missing / 2), fill(missing - missing / 2))
            }
            '=' => format!("{front}{}{text}", fill(missing)),
            _ => format!("{}{front}{text}", fill(missing)),
        }
    }

    /// A number of these digits, with what stands before and behind them.
    fn number(&self, negative: bool, prefix: &str, digits: &str, behind: &str) -> String {
        let sign = match (negative, self.sign) {
            (true, _) => "-",
            (false, Some('+')) => "+",
            (false, Some(' ')) => " ",
            (false, _) => "",
        };
        let front = format!("{sign}{prefix}");
        let align = self.align.unwrap_or(if self.zeros { '=' } else { '>' });
        let least = match (align, self.fill) {
            ('=', Some('0')) => self.width.saturating_sub(front.len() + behind.len()),
            _ => 0,
        };
        let size = if self.kind.is_some_and(|kind| "boxX".contains(kind)) { 4 } else { 3 };
        let digits = grouped(digits, self.group, size, least);
        self.filled(&front, &format!("{digits}{behind}"), align)
    }

    /// An int, with so many digits at least; `None` if it has no such type.
    pub(crate) fn int(&self, int: i64, least: usize) -> Option<Result<String, String>> {
        let size = int.unsigned_abs();
        let (digits, prefix) = match self.kind {
            None | Some('d' | 'n') => (size.to_string(), ""),
            Some('x') => (format!("{size:x}"), "0x"),
            Some('X') => (format!("{size:X}"), "0X"),
            Some('b') => (format!("{size:b}"), "0b"),
            Some('o') => (format!("{size:o}"), "0o"),
            Some('c') => (String::new(), ""),
            Some(_) => return None,
        };
        let refused = match self.kind {
            _ if self.precision.is_some() => "Precision not allowed in integer format specifier",
            _ if self.plain_zero => {
                "Negative zero coercion (z) not allowed in integer format specifier"
            }
            Some('c') if self.sign.is_some() => {
                "Sign not allowed with integer format specifier 'c'"
            }
            Some('c') if self.alternate => {
                "Alternate form (#) not allowed with integer format specifier 'c'"
            }
            _ => "",
        };
        if let Err(why) = self.check_group('d') {
            return Some(Err(why));
        }
        if !refused.is_empty() {
            return Some(Err(refused.to_owned()));
        }
        let digits = format!("{digits:0>least$}");
        let prefix = if self.alternate { prefix } else { "" };
        Some(Ok(match self.kind {
            Some('c') => {
                let c = u32::try_from(int).ok().and_then(char::from_u32)?;
                self.number(false, "", "", &c.to_string())
            }
            _ => self.number(int < 0, prefix, &digits, ""),
        }))
    }

    /// A float; `None` if it has no such type.
    pub(crate) fn float(&self, float: f64) -> Option<Result<String, String>> {
        let precision = self.precision.unwrap_or(6);
        let kind = self.kind.map(|kind| kind.to_ascii_lowercase());
        let size = float.abs() * if kind == Some('%') { 100.0 } else { 1.0 };
        let mut text = match (kind, self.precision) {
            (Some('f' | 'e' | 'g' | 'n' | '%') | None, _) if !size.is_finite() => float_text(size),
            (Some('f' | '%'), _) => pointed(format!("{size:.precision$}"), self.alternate),
            (Some('e'), _) => scientific(size, precision, self.alternate),
            (Some('g' | 'n'), _) => general(size, precision, self.alternate, false),
            (None, Some(precision)) => general(size, precision, self.alternate, true),
            (None, None) => pointed(float_text(size), self.alternate),
            _ => return None,
        };
        if self.kind != Some('%') && self.kind.is_some_and(char::is_uppercase) {
            text = text.to_uppercase();
        }
        if let Err(why) = self.check_group('g') {
            return Some(Err(why));
        }
        let is_zero = !text.contains(|c: char| ('1'..='9').contains(&c)) && size.is_finite();
        let negative = float.is_sign_negative() && !float.is_nan();
        if kind == Some('%') {
            text.push('%');
        }
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, behind) = text.split_at(end);
        Some(Ok(self.number(negative && !(self.plain_zero && is_zero), "", digits, behind)))
    }
}

/// Digits in groups, with zeros before them so that they take this width at least.
fn grouped(digits: &str, group: Option<char>, size: usize, least: usize) -> String {
    if digits.is_empty() {
        return String::new();
    }
    let mut count = digits.len();
    while count + group.map_or(0, |_| (count - 1) / size) < least {
        count += 1;
    }
    let mut out = String::new();
    for (at, c) in format!("{digits:0>count$}").chars().enumerate() {
        if at > 0 && (count - at).is_multiple_of(size) {
            out.extend(group);
        }
        out.push(c);
    }
    out
}

/// With a point behind its digits, if it has to have one.
fn pointed(text: String, alternate: bool) -> String {
    if !alternate || text.contains('.') {
        return text;
    }
    let (digits, exponent) = text.split_at(text.find('e').unwrap_or(text.len()));
    format!("{digits}.{exponent}")
}

fn scientific(float: f64, precision: usize, alternate: bool) -> String {
    let text = format!("{float:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", pointed(digits.to_owned(), alternate), exponent.abs())
}

/// The shorter one of two forms. If `dot`, it must not look like an int.
fn general(float: f64, precision: usize, alternate: bool, dot: bool) -> String {
    let precision = precision.max(1);
    let text = format!("{float:.*e}", precision - 1);
    let exponent: i32 = text.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    let trim = |text: String| match text.contains('.') && !alternate {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => pointed(text, alternate),
    };
    let digits = i32::try_from(precision).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= digits - i32::from(dot) {
        let text = scientific(float, precision - 1, alternate);
        let (digits, rest) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{rest}", trim(digits.to_owned()));
    }
    let places = usize::try_from(digits - 1 - exponent).unwrap_or(0);
    let text = trim(format!("{float:.places$}"));
    if dot && !text.contains('.') { format!("{text}.0") } else { text }
}
