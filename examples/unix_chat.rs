//! A chat room at a Unix socket: what one says, all others hear.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/aio/streams/server.rs
//!
//! Question: many tasks write to many streams; who locks them? Prediction: nobody. They share
//! one thread and give it up only at `await`, and `write` does not await.
//!
//!     cargo run --example unix_chat
//!     cargo run --example unix_chat -- --path /tmp/chat     # then, elsewhere: nc -U /tmp/chat
//!
//! CI:
//!
//! Without a path it brings three guests of its own and checks that each hears every line of the
//! other two, in the order in which its speaker said them.

mod common;

use common::measured;
use common::options::Options;
use singletrack::aio::StreamWriter;
use singletrack::aio::UnixListener;
use singletrack::aio::sleep;
use singletrack::aio::start_server;
use singletrack::aio::{StreamReader, open_unix_connection};
use singletrack::{EventLoop, create_task};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

const GUESTS: usize = 3;
const LINES: usize = 50;

/// Everybody who is here, by a number given at the door.
#[derive(Default)]
struct Room {
    guests: BTreeMap<u32, StreamWriter<UnixStream>>,
    next: u32,
}

impl Room {
    /// Writes a line to all but its speaker. A guest who does not listen is shown out.
    fn tell_others(&mut self, speaker: u32, line: &[u8]) {
        self.guests.retain(|guest, writer| {
            *guest == speaker || (writer.write(line).is_ok() && writer.queued() < 1 << 20)
        });
    }
}

/// One guest, from the door to the door.
async fn guest(
    room: Rc<RefCell<Room>>,
    mut reader: StreamReader<UnixStream>,
    writer: StreamWriter<UnixStream>,
) {
    let number = room.borrow().next;
    room.borrow_mut().next += 1;
    room.borrow_mut().guests.insert(number, writer);
    while let Ok(line) = reader.readline().await
        && line.ends_with(b"\n")
    {
        let said = [format!("{number}: ").as_bytes(), &line].concat();
        room.borrow_mut().tell_others(number, &said);
    }
    room.borrow_mut().guests.remove(&number);
}

/// Says its lines and listens to those of all others; returns what it heard.
async fn visit(path: PathBuf, room: Rc<RefCell<Room>>, name: usize) -> io::Result<Vec<String>> {
    let (mut reader, writer) = open_unix_connection(&path).await?;
    while room.borrow().guests.len() < GUESTS {
        sleep(Duration::from_millis(1)).await; // until all are here
    }
    for i in 0..LINES {
        writer.write(format!("{name} says {i}\n").as_bytes())?;
        writer.drain().await?;
    }
    let mut heard = Vec::new();
    while heard.len() < (GUESTS - 1) * LINES {
        heard.push(String::from_utf8_lossy(&reader.readline().await?).into_owned());
    }
    Ok(heard)
}

/// How many lines the three have heard.
async fn three_guests(path: &Path, room: &Rc<RefCell<Room>>) -> io::Result<usize> {
    let mut lines = 0;
    let visit = |name| create_task(visit(path.to_owned(), Rc::clone(room), name));
    let visits = [0, 1, 2].map(visit);
    for (me, visit) in visits.into_iter().enumerate() {
        let heard = visit.await.expect("no guest panics")?;
        for other in (0..GUESTS).filter(|other| *other != me) {
            let theirs = heard.iter().filter(|line| line.contains(&format!("{other} says")));
            for (i, line) in theirs.enumerate() {
                assert!(line.ends_with(&format!("{other} says {i}\n")), "out of order: {line}");
            }
        }
        println!("guest {me} heard {} lines", heard.len());
        lines += heard.len();
    }
    Ok(lines)
}

fn main() -> io::Result<()> {
    let own = std::env::temp_dir().join(format!("unix_chat-{}", std::process::id()));
    let options = Options::read(&["--path PATH"]);
    let path = options.text("--path").map_or(own, PathBuf::from);
    let once = options.text("--path").is_none();
    EventLoop::new()?.run_until_complete(async {
        let room = Rc::new(RefCell::new(Room::default()));
        let inner = Rc::clone(&room);
        let server = start_server(UnixListener::bind(&path)?, async move |reader, writer| {
            guest(Rc::clone(&inner), reader, writer).await;
        });
        println!("a room at {}; enter with: nc -U {0}", path.display());
        if !once {
            server.serve_forever().await;
        }
        let heard = three_guests(&path, &room).await?;
        assert_eq!(heard, GUESTS * (GUESTS - 1) * LINES);
        server.close();
        server.wait_closed().await;
        assert!(!path.exists(), "the room's door is gone");
        measured(format_args!(
            "{GUESTS} guests said {LINES} lines each and heard {heard} in all, every speaker's in order, \
             without a lock."
        ));
        Ok(())
    })
}
