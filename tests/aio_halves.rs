//! A stream taken apart into its directions, looked into, tried, and given back to std; and how much
//! room the buffers of the two directions keep.

mod common;
use common::{on_real_selectors, watchdog};
use singletrack::aio::streams::buffers::{ReadBuffer, WriteQueue};
use singletrack::aio::{StreamWriter, TcpListener, TcpStream, UnixStream, gather, pipe};
use singletrack::{create_task, yield_now};
use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::rc::Rc;

async fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

#[test]
fn a_task_reads_and_another_writes_each_with_its_half() {
    let _dog = watchdog("halves", 30);
    on_real_selectors(async || {
        const SIZE: usize = 1 << 20;
        let (here, there) = connected().await;
        let both = [here, there].map(|stream| {
            let (reader, writer) = stream.into_split();
            let sends = create_task(async move {
                writer.write_all(&vec![7; SIZE]).await.unwrap();
                0
            });
            let reads = create_task(async move {
                let (mut buffer, mut total) = (vec![0; 9000], 0);
                loop {
                    match reader.read(&mut buffer).await.unwrap() {
                        0 => return total,
                        got => total += got,
                    }
                }
            });
            [sends, reads]
        });
        let sums = gather(both.into_iter().flatten()).await.unwrap();
        assert_eq!(sums, [0, SIZE, 0, SIZE], "each writer's drop ended its direction");
    });
}

#[test]
fn halves_of_one_stream_are_it_again_and_others_come_back_as_they_were() {
    on_real_selectors(async || {
        let (here, there) = UnixStream::pair().unwrap();
        let (reader, writer) = here.into_split();
        let (other_reader, other_writer) = there.into_split();
        let error = reader.reunite(other_writer).unwrap_err();
        assert!(error.to_string().contains("two streams"), "{error}");
        let (reader, other_writer) = (error.0, error.1);
        let here = reader.reunite(writer).unwrap();
        let there = other_reader.reunite(other_writer).unwrap();
        here.write_all(b"hi").await.unwrap();
        let mut word = [0; 2];
        there.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"hi", "nothing was shut down on the way");
    });
}

#[test]
fn what_is_looked_at_stays_and_what_is_tried_does_not_wait() {
    on_real_selectors(async || {
        let (here, there) = connected().await;
        let mut word = [0; 8];
        let nothing = here.try_read(&mut word).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        there.write_all(b"peek").await.unwrap();
        assert_eq!(here.peek(&mut word).await.unwrap(), 4);
        assert_eq!(here.peek(&mut word[..2]).await.unwrap(), 2);
        assert_eq!(here.try_read(&mut word).unwrap(), 4);
        assert_eq!(&word[..4], b"peek");
        drop(there);
        assert_eq!(here.peek(&mut word).await.unwrap(), 0, "the end can be seen");
        assert_eq!(here.try_read(&mut word).unwrap(), 0);
    });
}

#[test]
fn a_stream_that_came_from_std_goes_back_as_it_came() {
    on_real_selectors(async || {
        let (mut mine, yours) = std::os::unix::net::UnixStream::pair().unwrap();
        let stream = UnixStream::from_std(yours).unwrap();
        stream.write_all(b"a").await.unwrap();
        let mut yours = stream.into_std().unwrap();
        let mut byte = [0; 1];
        mine.read_exact(&mut byte).unwrap();
        let writes = std::thread::spawn(move || mine.write_all(b"b").unwrap());
        yours.read_exact(&mut byte).unwrap(); // blocks, and is no WouldBlock
        writes.join().unwrap();
        assert_eq!(&byte, b"b");
    });
}

#[test]
fn a_read_buffer_makes_room_as_reads_fill_it_and_keeps_no_more_for_what_is_read() {
    const LEAST: usize = 4096;
    let mut buffer = ReadBuffer::new(64);
    for (filled, room) in [(100, LEAST), (LEAST, LEAST), (2 * LEAST, 2 * LEAST), (9, 4 * LEAST)] {
        assert_eq!(buffer.room().len(), room);
        buffer.filled(filled);
        buffer.skip(filled);
    }
    for _ in 0..6 {
        let room = buffer.room().len();
        buffer.filled(room);
        buffer.skip(room);
    }
    assert_eq!(buffer.room().len(), 16 * LEAST, "it is doubled up to 64 KiB");

    // The same where something is left unread.
    let mut buffer = ReadBuffer::new(64);
    buffer.feed(b"x");
    let room = buffer.room().len();
    buffer.filled(room);
    assert_eq!(buffer.room().len(), 2 * LEAST);

    // A reader that is always one byte behind: what it has read gives way to what comes.
    let mut buffer = ReadBuffer::new(64);
    buffer.feed(b"x");
    for round in 0..500 {
        buffer.feed(&[round as u8; 1000]);
        buffer.skip(1000);
    }
    assert_eq!(buffer.data(), [499_usize as u8]);
    assert!(format!("{buffer:?}").len() < 100_000, "it has grown with what was read");
    assert!(!buffer.has_ended() && !buffer.at_eof());
    buffer.feed_eof();
    assert!(buffer.has_ended() && !buffer.at_eof(), "there is a byte left");
    buffer.skip(1);
    assert!(buffer.at_eof());
    assert!(!ReadBuffer::new(64).at_eof(), "an empty one may be filled");
}

#[test]
fn a_mark_that_is_left_out_follows_from_the_other() {
    let judged = |high, low| {
        let mut queue = WriteQueue::new();
        queue.set_limits(high, low).unwrap();
        queue.push(&[0; 1000]);
        let at_1000 = queue.paused();
        queue.push(&[0]);
        let above = queue.paused();
        queue.pop(1001 - 251);
        let at_251 = queue.paused();
        queue.pop(1);
        [at_1000, above, at_251, queue.paused()]
    };
    assert_eq!(judged(Some(1000), None), [false, true, true, false]);
    assert_eq!(judged(None, Some(250)), [false, true, true, false]);
}

/// On a pipe, which holds 64 KiB: what is written beyond is queued.
#[test]
fn whoever_waits_for_a_queue_is_woken_by_what_it_waits_for() {
    let _dog = watchdog("waits for a queue", 30);
    on_real_selectors(async || {
        const HOLDS: usize = 64 * 1024;
        let (receiver, sender) = pipe().unwrap();
        let writer = Rc::new(StreamWriter::new(sender));
        let read = async |mut count: usize| {
            while count > 0 {
                count -= receiver.read(&mut vec![0; count]).await.unwrap();
            }
        };
        let waits = |how: u8| {
            let writer = Rc::clone(&writer);
            create_task(async move {
                match how {
                    0 => poll_fn(|cx| writer.poll_sent(cx)).await.unwrap(),
                    1 => writer.drain().await.unwrap(),
                    _ => writer.wait_closed().await.unwrap(),
                }
            })
        };
        // Until all is sent, which the queue's marks have no part in.
        writer.write(&vec![1; HOLDS + 1000]).unwrap();
        let sent = waits(0);
        yield_now().await;
        assert!(!sent.done());
        assert_eq!(writer.pauses_and_resumes(), (0, 0));
        read(HOLDS + 1000).await;
        sent.await.unwrap();
        // Until the high mark is far away.
        writer.write(&vec![2; HOLDS]).unwrap();
        writer.write(&vec![3; HOLDS + 1]).unwrap();
        let drained = waits(1);
        yield_now().await;
        assert!(!drained.done());
        writer.set_limits(None, Some(2 * HOLDS)).unwrap();
        drained.await.unwrap();
        // Until the low mark is reached, while there is more to send.
        writer.set_limits(Some(HOLDS), Some(HOLDS / 2)).unwrap();
        let drained = waits(1);
        yield_now().await;
        assert!(!drained.done());
        read(HOLDS / 2 + 4096).await;
        drained.await.unwrap();
        assert!(writer.queued() > 0);
        // Until it is closed, which it is when all is sent.
        let closed = waits(2);
        writer.close();
        yield_now().await;
        assert!(!closed.done());
        read(2 * HOLDS + 1 - (HOLDS / 2 + 4096)).await;
        closed.await.unwrap();
    });
}
