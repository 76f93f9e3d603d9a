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
    let Some((digits, after)) = line(bytes, from)? else { return Ok(None) };
    let value = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
    value.map(|value| Some((value, after))).ok_or(ProtocolError("invalid length"))
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
    out.extend_from_slice(format!(":{value}\r\n").as_bytes());
}

/// A string of bytes, or none.
pub fn bulk(out: &mut Vec<u8>, value: Option<&[u8]>) {
    let Some(value) = value else { return out.extend_from_slice(b"$-1\r\n") };
    out.extend_from_slice(format!("${}\r\n", value.len()).as_bytes());
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The head of an array of so many.
pub fn array(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(format!("*{length}\r\n").as_bytes());
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
        assert!(parsed(b"*1\r\n#3\r\n").is_err());
        assert!(parsed(b"*1\r\n$1\r\nab\r\n").is_err());
        assert!(parsed(&vec![b'x'; 70_000]).is_err());
    }
}
