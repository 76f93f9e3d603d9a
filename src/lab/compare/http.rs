//! An HTTP/1.1 answer, read piece by piece as it comes. Pure.
//!
//! *Assumes*: one request a connection (`Connection: close`).
//! *Promises*: nothing that a server sends can make it panic or take unbounded memory; an answer
//! ends where it says so (`Content-Length`, the last chunk), and with the stream only if it says
//! nothing; however its bytes are cut into pieces, the same comes of them.
//! *Leaves out*: compression; requests (`lab/compare/url.rs`); following a redirect
//! (`lab/compare/trial.rs`, `lab/compare/job.rs`).
//!
//! ```text
//!   Status ─▶ Header … ─┬─▶ Left(n) ─────────────────────────────▶ Done
//!      ▲         │      ├─▶ ChunkSize ─▶ Chunk(n) ─▶ ChunkEnd ┐
//!      └── 1xx ──┘      │      ▲└─ 0 ─▶ Trailer … ─▶ Done     │
//!                       │      └──────────────────────────────┘
//!                       └─▶ UntilClose ─ end of the stream
//! ```

/// A whole answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    code: u16,
    reason: String,
    location: Option<String>,
    body: Vec<u8>,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This is the page.
    Page(Vec<u8>),
    /// The page is there.
    Elsewhere(String),
}

impl Answer {
    /// What it means: 2xx is a page, 3xx with a `Location` leads elsewhere.
    ///
    /// # Errors
    /// All else: an error page hashes well but is no result. Says what the server answered.
    pub fn outcome(self) -> Result<Outcome, String> {
        match (self.code, self.location) {
            (200..=299, _) => Ok(Outcome::Page(self.body)),
            (301 | 302 | 303 | 307 | 308, Some(location)) => Ok(Outcome::Elsewhere(location)),
            (code, _) => Err(format!("the server answered {code} {}", self.reason).trim().into()),
        }
    }
}

/// Which part of an answer the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Status,
    Header,
    /// So many bytes of the body are left.
    Left(u64),
    ChunkSize,
    /// So many bytes of the chunk are left.
    Chunk(u64),
    ChunkEnd,
    Trailer,
    UntilClose,
    Done,
}

/// Reads an answer, piece by piece as it comes.
///
/// ```
/// use singletrack::lab::compare::http::{AnswerReader, Outcome};
///
/// let mut reader = AnswerReader::new(100);
/// assert_eq!(reader.feed(b"HTTP/1.1 200 OK\r\nContent-Le"), Ok(false));
/// assert_eq!(reader.feed(b"ngth: 2\r\n\r\nhi"), Ok(true), "it is whole");
/// assert_eq!(reader.end().unwrap().outcome(), Ok(Outcome::Page(b"hi".to_vec())));
/// ```
#[derive(Debug)]
pub struct AnswerReader {
    part: Part,
    answer: Answer,
    line: Vec<u8>,
    /// Bytes of lines so far.
    lines: usize,
    length: Option<u64>,
    chunked: bool,
    limit: usize,
}

/// Bytes that all lines of an answer may have together: status, headers, sizes of chunks. A
/// server that chops its page into single bytes gets along with it for a while.
const LINES: usize = 1 << 20;

impl AnswerReader {
    /// A reader that takes in a body of `limit` bytes at the most.
    pub fn new(limit: usize) -> AnswerReader {
        AnswerReader {
            part: Part::Status,
            answer: Answer::default(),
            line: Vec::new(),
            lines: 0,
            length: None,
            chunked: false,
            limit,
        }
    }

    /// Takes the next bytes of the stream; true when the answer is whole. What comes after its end
    /// is not looked at.
    ///
    /// # Errors
    /// Says what is wrong with the answer: not HTTP/1, malformed, too long.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<bool, String> {
        while !bytes.is_empty() && self.part != Part::Done {
            bytes = match self.part {
                Part::Left(left) => self.take(bytes, left, Part::Left, Part::Done)?,
                Part::Chunk(left) => self.take(bytes, left, Part::Chunk, Part::ChunkEnd)?,
                Part::UntilClose => {
                    self.take(bytes, u64::MAX, |_| Part::UntilClose, Part::UntilClose)?
                }
                _ => self.collect(bytes)?,
            };
        }
        Ok(self.part == Part::Done)
    }

    /// The stream has ended, or the answer is whole.
    ///
    /// # Errors
    /// If the answer is not.
    pub fn end(self) -> Result<Answer, String> {
        match self.part {
            Part::Done | Part::UntilClose => Ok(self.answer),
            Part::Status if self.lines == 0 => Err("the server closed without an answer".into()),
            Part::Status | Part::Header => {
                Err("the answer is no HTTP, or was cut off in its head".into())
            }
            Part::Left(left) => {
                let got = self.answer.body.len() as u64;
                Err(format!("{got} of {} body bytes came", got + left))
            }
            _ => Err("its chunks were cut off".into()),
        }
    }

    /// Takes at most `left` bytes of the body; the rest is for the next part.
    fn take<'a>(
        &mut self,
        bytes: &'a [u8],
        left: u64,
        go_on: impl Fn(u64) -> Part,
        next: Part,
    ) -> Result<&'a [u8], String> {
        let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let (taken, rest) = bytes.split_at(count);
        self.room_for(taken.len() as u64)?;
        self.answer.body.extend_from_slice(taken);
        let left = left - taken.len() as u64;
        self.part = if left == 0 { next } else { go_on(left) };
        Ok(rest)
    }

    fn room_for(&self, more: u64) -> Result<(), String> {
        match more <= (self.limit - self.answer.body.len()) as u64 {
            true => Ok(()),
            false => Err(format!("the page is longer than {} bytes", self.limit)),
        }
    }

    /// Collects a line, and looks at it when it is whole. It ends with LF, and mostly CR before
    /// that.
    fn collect<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], String> {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let (piece, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        self.lines += piece.len();
        if self.lines > LINES {
            return Err("its head or the sizes of its chunks do not end".into());
        }
        self.line.extend_from_slice(piece);
        if end.is_some() {
            let line = std::mem::take(&mut self.line);
            let text = String::from_utf8_lossy(&line);
            self.part = self.look_at(text.trim_end_matches(['\r', '\n']))?;
        } else if self.part == Part::Status && !could_be_http(&self.line) {
            return Err("the answer is no HTTP/1".into());
        }
        Ok(rest)
    }

    fn look_at(&mut self, line: &str) -> Result<Part, String> {
        match self.part {
            Part::Status => self.status(line),
            Part::Header if line.is_empty() => self.body_begins(),
            Part::Header => self.header(line).map(|()| Part::Header),
            Part::ChunkSize => match chunk_size(line)? {
                0 => Ok(Part::Trailer),
                size => self.room_for(size).map(|()| Part::Chunk(size)),
            },
            Part::ChunkEnd if line.is_empty() => Ok(Part::ChunkSize),
            Part::ChunkEnd => Err("its chunks are malformed".into()),
            Part::Trailer if line.is_empty() => Ok(Part::Done),
            part => Ok(part),
        }
    }

    fn status(&mut self, line: &str) -> Result<Part, String> {
        let rest = line.strip_prefix("HTTP/1.").and_then(|rest| rest.split_once(' '));
        let (_, status) = rest.ok_or("the answer is no HTTP/1")?;
        let (code, reason) = status.split_once(' ').unwrap_or((status, ""));
        let digits = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
        let code = code.parse().ok().filter(|_| digits).ok_or("its status is no number")?;
        self.answer = Answer { code, reason: reason.to_owned(), ..Answer::default() };
        (self.length, self.chunked) = (None, false);
        Ok(Part::Header)
    }

    fn header(&mut self, line: &str) -> Result<(), String> {
        let Some((name, value)) = line.split_once(':') else { return Ok(()) };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "location" => self.answer.location = Some(value.to_owned()),
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => self.chunked = true,
            "transfer-encoding" => return Err(format!("Transfer-Encoding {value} is not read")),
            "content-length" => {
                for value in value.split(',') {
                    let length = whole_number(value.trim(), 10)
                        .ok_or("its Content-Length is no number, or too large")?;
                    if self.length.is_some_and(|other| other != length) {
                        return Err("it has two Content-Lengths".into());
                    }
                    self.length = Some(length);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The head has ended.
    fn body_begins(&mut self) -> Result<Part, String> {
        match (self.answer.code, self.length) {
            (100..=199, _) => Ok(Part::Status),
            (204 | 304, _) => Ok(Part::Done),
            _ if self.chunked => Ok(Part::ChunkSize),
            (_, Some(0)) => Ok(Part::Done),
            (_, Some(length)) => self.room_for(length).map(|()| Part::Left(length)),
            (_, None) => Ok(Part::UntilClose),
        }
    }
}

/// Whether a line that is not whole can still become `HTTP/1.x …`.
fn could_be_http(line: &[u8]) -> bool {
    line.iter().zip(b"HTTP/1.").all(|(a, b)| a == b)
}

/// `size in hex [;extension]`.
fn chunk_size(line: &str) -> Result<u64, String> {
    let digits = line.split(';').next().unwrap_or_default().trim();
    whole_number(digits, 16).ok_or_else(|| "its chunks are malformed".to_owned())
}

/// Digits only: a sign, which `from_str_radix` would take, is no part of a number here.
fn whole_number(digits: &str, radix: u32) -> Option<u64> {
    let only_digits = digits.chars().all(|c| c.is_digit(radix));
    u64::from_str_radix(digits, radix).ok().filter(|_| only_digits)
}
