//! As much of HTTP/1.1 as one GET over plain TCP takes. Pure.
//!
//! *Assumes*: one request a connection (`Connection: close`), so the answer ends with the stream.
//! *Promises*: nothing that a server sends can make it panic; `https` is refused with a reason.
//! *Leaves out*: TLS, redirects, compression, and sending anything but GET.

use crate::lab::report::failure::Failure;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `http://host[:port][/path]`, taken apart.
///
/// ```
/// use singletrack::lab::compare::http::Url;
///
/// let url = Url::parse("http://localhost:8000/a?b=c#here").unwrap();
/// assert_eq!((url.host(), url.port(), url.target()), ("localhost", 8000, "/a?b=c"));
/// assert!(Url::parse("https://localhost/").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url {
    text: String,
    host: String,
    port: u16,
    target: String,
}

impl Url {
    /// Reads a URL.
    ///
    /// # Errors
    /// A failure that quotes the text and says what was expected.
    pub fn parse(text: &str) -> Result<Url, Failure> {
        let wrong = |why: &str| Failure::new(text, why, "write http://host[:port]/path");
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => {
                let remedy = "give an http:// URL, or put a TLS proxy in front";
                return Err(Failure::new(text, "https is not spoken here", remedy));
            }
            Some((scheme, _)) => return Err(wrong(&format!("{scheme} is not spoken here"))),
            None => return Err(wrong("this is no URL")),
        };
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(wrong("a URL holds no spaces or control characters"));
        }
        let rest = rest.split('#').next().unwrap_or(rest);
        let cut = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(cut);
        if authority.contains('@') {
            return Err(wrong("user names and passwords are not sent"));
        }
        let (host, port) = host_and_port(authority).ok_or_else(|| wrong("its port is no port"))?;
        if host.is_empty() {
            return Err(wrong("it names no host"));
        }
        let slash = if target.starts_with('/') { "" } else { "/" };
        let target = format!("{slash}{target}");
        Ok(Url { text: text.to_owned(), host: host.to_owned(), port, target })
    }

    /// The host, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 80 if none was given.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, as they go into the request line.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The bytes of the GET request.
    pub fn request(&self) -> Vec<u8> {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        let port = if self.port == 80 { String::new() } else { format!(":{}", self.port) };
        format!(
            "GET {} HTTP/1.1\r\nHost: {host}{port}\r\nConnection: close\r\n\
             User-Agent: singletrack\r\nAccept: */*\r\n\r\n",
            self.target
        )
        .into_bytes()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`; `None` if the port is none.
fn host_and_port(authority: &str) -> Option<(&str, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    match port {
        None => Some((host, 80)),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some((host, digits.parse().ok().filter(|&port| port != 0)?))
        }
        Some(_) => None,
    }
}

/// The body of a whole answer, as it was before it was chunked.
///
/// # Errors
/// Says what is wrong with the answer: not HTTP, not a success, cut short.
///
/// ```
/// use singletrack::lab::compare::http::body;
///
/// assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap(), b"hi");
/// assert!(body(b"HTTP/1.1 404 Not Found\r\n\r\n").unwrap_err().contains("404"));
/// ```
pub fn body(answer: &[u8]) -> Result<Vec<u8>, String> {
    let end = answer
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .ok_or("the answer is no HTTP, or was cut off in its head")?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let body = &answer[end + 4..];
    let mut lines = head.split("\r\n");
    check_status(lines.next().unwrap_or_default())?;
    let mut length = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            return unchunk(body).ok_or_else(|| "its chunks are cut off or malformed".to_owned());
        }
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.parse::<usize>().map_err(|_| "its Content-Length is no number")?);
        }
    }
    match length {
        None => Ok(body.to_vec()),
        Some(length) if length <= body.len() => Ok(body[..length].to_vec()),
        Some(length) => Err(format!("{} of {length} body bytes came", body.len())),
    }
}

/// Accepts `HTTP/1.x 2yy …` only: an error page hashes well but is no result.
fn check_status(line: &str) -> Result<(), String> {
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.split_once(' '));
    match status {
        Some((_, status)) if status.starts_with('2') => Ok(()),
        Some((_, status)) => Err(format!("the server answered {}", status.trim_end())),
        None => Err("the answer is no HTTP/1".to_owned()),
    }
}

/// Chunks (`size in hex [;extension] CRLF bytes CRLF`, ended by a chunk of size 0) joined.
fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|w| w == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let digits = line.split(';').next()?.trim();
        let size = usize::from_str_radix(digits, 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}
