//! A buffered reader against the whole stream: however it comes in pieces, the answers are those that
//! somebody gives who has all of it before them. First the pure buffer, then the reader of a real socket.

use super::reader::Reader;
use singletrack::aio::streams::buffers::{ReadBuffer, ReadResult};
use singletrack::aio::{StreamError, StreamReader, UnixStream};
use singletrack::{EventLoop, create_task, yield_now};

/// One question to a stream.
#[derive(Debug, Clone)]
pub enum Ask {
    Read(usize),
    Exactly(usize),
    Until(Vec<u8>),
    ToEnd,
}

/// A stream, the pieces in which it comes, and what is asked.
#[derive(Debug, Clone)]
pub struct Case {
    pub stream: Vec<u8>,
    pub cuts: Vec<usize>,
    pub limit: usize,
    pub asks: Vec<Ask>,
}

impl Case {
    /// The pieces; what no cut says comes at once.
    fn pieces(&self) -> Vec<&[u8]> {
        let (mut rest, mut pieces) = (&self.stream[..], Vec::new());
        for cut in &self.cuts {
            let (piece, later) = rest.split_at(rest.len().min(*cut));
            pieces.push(piece);
            rest = later;
        }
        pieces.push(rest);
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }
}

/// What a question takes from the whole of the rest of the stream, and how its error reads.
fn model(rest: &[u8], ask: &Ask, limit: usize) -> (usize, Option<String>) {
    match ask {
        Ask::Read(most) => (rest.len().min(*most), None),
        Ask::ToEnd => (rest.len(), None),
        Ask::Exactly(count) if rest.len() >= *count => (*count, None),
        Ask::Exactly(count) => (rest.len(), Some(format!("partial {} of {count}", rest.len()))),
        Ask::Until(separator) if separator.is_empty() => (0, Some("no separator".to_owned())),
        Ask::Until(separator) => {
            match rest.windows(separator.len()).position(|part| part == separator) {
                Some(at) if at <= limit => (at + separator.len(), None),
                _ if rest.len() >= limit + separator.len() => {
                    (0, Some(format!("overrun {}", limit + 1)))
                }
                _ => (rest.len(), Some(format!("partial {}", rest.len()))),
            }
        }
    }
}

fn put(buffer: &mut ReadBuffer, ask: &Ask, searched: &mut usize) -> ReadResult {
    match ask {
        Ask::Read(most) => buffer.read(*most).map(Ok),
        Ask::ToEnd => buffer.read_to_end().map(Ok),
        Ask::Exactly(count) => buffer.read_exactly(*count),
        Ask::Until(separator) => buffer.read_until(separator, searched),
    }
}

fn error_text(error: StreamError) -> (Vec<u8>, Option<String>) {
    match error {
        StreamError::IncompleteRead { partial, expected: Some(expected) } => {
            let text = format!("partial {} of {expected}", partial.len());
            (partial, Some(text))
        }
        StreamError::IncompleteRead { partial, expected: None } => {
            let text = format!("partial {}", partial.len());
            (partial, Some(text))
        }
        StreamError::LimitOverrun { consumed } => (vec![], Some(format!("overrun {consumed}"))),
        StreamError::Io(e) if e.kind() == std::io::ErrorKind::InvalidInput => {
            (vec![], Some("no separator".to_owned()))
        }
        StreamError::Io(e) => panic!("{e}"),
    }
}

/// Compares an answer with the model's, and takes it from the rest.
fn judge(rest: &mut &[u8], ask: &Ask, limit: usize, answer: Result<Vec<u8>, StreamError>) {
    let (bytes, error) = answer.map_or_else(error_text, |bytes| (bytes, None));
    let (count, expected) = model(rest, ask, limit);
    assert_eq!(error, expected, "{ask:?}");
    if let Ask::Read(_) = ask {
        // What a plain read finds depends on the pieces; that it is next does not.
        assert!(bytes.len() <= count && (!bytes.is_empty() || count == 0));
    } else {
        assert_eq!(bytes.len(), count, "{ask:?}");
    }
    assert_eq!(bytes[..], rest[..bytes.len()]);
    *rest = &rest[bytes.len()..];
}

/// The pure buffer, which gets each piece only when it asks.
pub fn check(case: &Case) {
    let mut buffer = ReadBuffer::new(case.limit);
    let (mut rest, mut pieces) = (&case.stream[..], case.pieces().into_iter());
    for ask in &case.asks {
        let mut searched = 0;
        let answer = loop {
            if let Some(answer) = put(&mut buffer, ask, &mut searched) {
                break answer;
            }
            match pieces.next() {
                None => buffer.feed_eof(),
                Some(piece) => buffer.feed(piece),
            }
        };
        judge(&mut rest, ask, case.limit, answer);
    }
    assert_eq!(buffer.data().len() + pieces.map(<[u8]>::len).sum::<usize>(), rest.len());
}

/// The reader of a socket, into which somebody writes piece by piece.
pub fn check_socket(case: &Case) {
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        let (here, there) = UnixStream::pair().unwrap();
        let pieces: Vec<Vec<u8>> = case.pieces().into_iter().map(<[u8]>::to_vec).collect();
        let writer = create_task(async move {
            for piece in pieces {
                there.write_all(&piece).await.unwrap();
                yield_now().await;
            }
        });
        let mut reader = StreamReader::with_limit(here, case.limit);
        let mut rest = &case.stream[..];
        for ask in &case.asks {
            let answer = match ask {
                Ask::Read(most) => reader.read(*most).await.map_err(StreamError::Io),
                Ask::ToEnd => reader.read_to_end().await.map_err(StreamError::Io),
                Ask::Exactly(count) => reader.read_exactly(*count).await,
                Ask::Until(separator) => reader.read_until(separator).await,
            };
            judge(&mut rest, ask, case.limit, answer);
        }
        // What is left comes as lines: each within the limit, or so much of it is thrown away.
        loop {
            match reader.readline().await {
                Ok(line) if line.is_empty() => break,
                Ok(line) => {
                    let (_, expected) = model(rest, &Ask::Until(b"\n".to_vec()), case.limit);
                    assert!(expected.is_none_or(|text| text.starts_with("partial")));
                    assert!(rest.starts_with(&line) && !line[..line.len() - 1].contains(&b'\n'));
                    rest = &rest[line.len()..];
                }
                Err(StreamError::LimitOverrun { consumed }) => rest = &rest[consumed..],
                Err(error) => panic!("{error}"),
            }
        }
        assert!(rest.is_empty() && reader.at_eof());
        writer.await.unwrap();
    });
}

/// A limit, questions, cuts; what is left of the bytes is the stream.
pub fn check_bytes(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let mut head = || {
        let limit = reader.below(24)?;
        let (asks, cuts) = (reader.below(12)?, reader.below(12)?);
        let asks = (0..asks).map(|_| ask(&mut reader)).collect::<Option<_>>()?;
        let cuts = (0..cuts).map(|_| reader.byte().map(usize::from)).collect::<Option<_>>()?;
        Some((limit, asks, cuts))
    };
    let Some((limit, asks, cuts)) = head() else { return };
    let stream = std::iter::from_fn(|| reader.byte()).take(4096).collect();
    let case = Case { stream, cuts, limit, asks };
    check(&case);
    check_socket(&case);
}

fn ask(reader: &mut Reader) -> Option<Ask> {
    Some(match reader.byte()? % 5 {
        0 => Ask::Read(reader.byte()?.into()),
        1 => Ask::Exactly(reader.byte()?.into()),
        2 => Ask::Until(b"\n".to_vec()),
        3 => {
            let length = reader.below(4)?;
            Ask::Until((0..length).map(|_| reader.byte()).collect::<Option<_>>()?)
        }
        _ => Ask::ToEnd,
    })
}
