//! The Redis protocol, RESP2: requests out of bytes, answers into bytes. Pure.
//!
//! *Promises*: a request is read whole or not at all, wherever the bytes were cut; garbage is an
//! error, and no length that a client names is believed before its bytes are there.

/// The longest request in all, and the most parts it may have: a client cannot make this server
/// keep more than that.
pub const MOST_BYTES: usize = 64 << 20;
const MOST_PARTS: usize = 1 << 16;

/// What bytes are no request. The connection ends with it.
#[derive(Debug, PartialEq, Eq)]
pub struct ProtocolError(pub &'static str);

/// The first request in `bytes`: its parts, and how many bytes it took. `None`: more must come.
pub fn parse<'a>(
    bytes: &'a [u8],
    parts: &mut Vec<&'a [u8]>,
) -> Result<Option<usize>, ProtocolError> {
    parts.clear();
    let found = match bytes.first() {
        None => return Ok(None),
        Some(b'*') => parse_array(bytes, parts)?,
        Some(_) => line(bytes, 0)?.map(|(line, after)| {
            parts.extend(line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()));
            after
        }),
    };
    if found.is_none() && bytes.len() > MOST_BYTES {
        return Err(ProtocolError("the request is too long"));
    }
    Ok(found)
}

fn parse_array<'a>(
    bytes: &'a [u8],
    parts: &mut Vec<&'a [u8]>,
) -> Result<Option<usize>, ProtocolError> {
    let Some((count, mut at)) = number(bytes, 1)? else { return Ok(None) };
    if count > MOST_PARTS {
        return Err(ProtocolError("invalid multibulk length"));
    }
    for _ in 0..count {
        match bytes.get(at) {
            None => return Ok(None),
            Some(b'$') => {}
            Some(_) => return Err(ProtocolError("expected '$'")),
        }
        let Some((length, start)) = number(bytes, at + 1)? else { return Ok(None) };
        if length > MOST_BYTES {
            return Err(ProtocolError("invalid bulk length"));
        }
        let end = start + length;
        let Some(part) = bytes.get(start..end) else { return Ok(None) };
        match bytes.get(end..end + 2) {
            None => return Ok(None),
            Some(b"\r\n") => {}
            Some(_) => return Err(ProtocolError("a string is longer than its length")),
        }
        parts.push(part);
        at = end + 2;
    }
    Ok(Some(at))
}

/// The line that begins at `from`, without its end, and where the next one begins.
fn line(bytes: &[u8], from: usize) -> Result<Option<(&[u8], usize)>, ProtocolError> {
    let rest = &bytes[from.min(bytes.len())..];
    let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
        return match rest.len() {
            0..=65_536 => Ok(None),
            _ => Err(ProtocolError("too big inline request")),
        };
    };
    let line = &rest[..length];
    Ok(Some((line.strip_suffix(b"\r").unwrap_or(line), from + length + 1)))
}

fn number(bytes: &[u8], from: usize) -> Result<Option<(usize, usize)>, ProtocolError> {
    let (mut value, mut at) = (0_usize, from);
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        let shifted =
            value.checked_mul(10).and_then(|value| value.checked_add((digit - b'0').into()));
        value = shifted.ok_or(ProtocolError("invalid length"))?;
        at += 1;
    }
    match bytes.get(at..at + 2) {
        Some(b"\r\n") if at > from => Ok(Some((value, at + 2))),
        None if bytes.get(at).is_none_or(|byte| *byte == b'\r') => Ok(None),
        _ => Err(ProtocolError("invalid length")),
    }
}

/// `+OK`.
pub fn ok(out: &mut Vec<u8>) {
    out.extend_from_slice(b"+OK\r\n");
}

/// A line of text.
pub fn status(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(format!("+{text}\r\n").as_bytes());
}

/// An error, in one line.
pub fn error(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(format!("-ERR {text}\r\n").as_bytes());
}

/// A number.
pub fn integer(out: &mut Vec<u8>, value: i64) {
    out.push(b':');
    decimal(out, value);
    out.extend_from_slice(b"\r\n");
}

/// A string of bytes, or none.
pub fn bulk(out: &mut Vec<u8>, value: Option<&[u8]>) {
    let Some(value) = value else { return out.extend_from_slice(b"$-1\r\n") };
    out.push(b'$');
    decimal(out, value.len() as i64);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The head of an array of so many.
pub fn array(out: &mut Vec<u8>, length: usize) {
    out.push(b'*');
    decimal(out, length as i64);
    out.extend_from_slice(b"\r\n");
}

/// A number in decimal, without the detour through a `String`: one for every answer.
fn decimal(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    let (mut digits, mut first, mut rest) = ([0; 20], 20, value.unsigned_abs());
    while first == 20 || rest > 0 {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts, and how many bytes they took.
    type Parsed = (Vec<Vec<u8>>, usize);

    fn parsed(bytes: &[u8]) -> Result<Option<Parsed>, ProtocolError> {
        let mut parts = Vec::new();
        let end = parse(bytes, &mut parts)?;
        Ok(end.map(|end| (parts.iter().map(|part| part.to_vec()).collect(), end)))
    }

    #[test]
    fn a_request_is_whole_only_with_its_last_byte() {
        let request = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\r\n\r\n\r\nrest";
        let end = request.len() - 4;
        for cut in 0..end {
            assert_eq!(parsed(&request[..cut]), Ok(None), "{cut}");
        }
        let parts = vec![b"SET".to_vec(), b"k".to_vec(), b"\r\n\r\n".to_vec()];
        assert_eq!(parsed(request), Ok(Some((parts, end))));
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for value in [0, 7, 10, -1, 65_536, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            integer(&mut out, value);
            assert_eq!(out, format!(":{value}\r\n").into_bytes());
        }
    }

    #[test]
    fn words_in_a_line_are_a_request_too() {
        let parts = vec![b"PING".to_vec(), b"x".to_vec()];
        assert_eq!(parsed(b"PING  x\r\nPING"), Ok(Some((parts, 9))));
        assert_eq!(parsed(b"\r\n"), Ok(Some((vec![], 2))));
    }

    #[test]
    fn garbage_is_an_error_and_takes_no_memory() {
        assert!(parsed(b"*99999999999\r\n").is_err());
        assert!(parsed(b"*2\r\n$99999999999999\r\n").is_err());
        assert!(parsed(b"*1\r\n$-1\r\n").is_err());
        assert!(parsed(b"*\r\n").is_err());
        assert!(parsed(b"*1x\r\n").is_err());
        assert!(parsed(b"*1\r\n#3\r\n").is_err());
        assert!(parsed(b"*1\r\n$1\r\nab\r\n").is_err());
        assert!(parsed(&vec![b'x'; 70_000]).is_err());
    }
}
