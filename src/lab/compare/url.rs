//! `http://host[:port][/path]`, and the GET request for it. Pure.
//!
//! *Promises*: no text can make it panic; `https` is refused with a reason.
//! *Leaves out*: TLS, user names, and sending anything but GET.

use crate::lab::report::failure::Failure;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `http://host[:port][/path]`, taken apart.
///
/// ```
/// use singletrack::lab::compare::url::Url;
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

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
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
        format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             User-Agent: singletrack\r\nAccept: */*\r\n\r\n",
            self.target,
            self.authority()
        )
        .into_bytes()
    }

    /// Host and port as they stand in a URL.
    fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        if self.port == 80 { host } else { format!("{host}:{}", self.port) }
    }

    /// Where a `Location` leads that was found here.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    ///
    /// ```
    /// use singletrack::lab::compare::url::Url;
    ///
    /// let here = Url::parse("http://localhost:8000/a/b?c").unwrap();
    /// let to = |location| here.join(location).unwrap().to_string();
    /// assert_eq!(to("../d"), "http://localhost:8000/d");
    /// assert_eq!(to("//example.org"), "http://example.org");
    /// ```
    pub fn join(&self, location: &str) -> Result<Url, Failure> {
        let before = location.split(['/', '?', '#']).next().unwrap_or_default();
        if before.contains(':') {
            return Url::parse(location);
        }
        if location.starts_with("//") {
            return Url::parse(&format!("http:{location}"));
        }
        let path = self.target.split('?').next().unwrap_or_default();
        let target = match location.chars().next() {
            None | Some('#') => self.target.clone(),
            Some('?') => format!("{path}{location}"),
            Some('/') => without_dots(location),
            Some(_) => {
                let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
                without_dots(&format!("{directory}/{location}"))
            }
        };
        Url::parse(&format!("http://{}{target}", self.authority()))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A path without `.` and `..`, which lead nowhere above the root.
fn without_dots(target: &str) -> String {
    let cut = target.find(['?', '#']).unwrap_or(target.len());
    let (path, rest) = target.split_at(cut);
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}{rest}", kept.join("/"))
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
