//! Buffered streams: the pure halves against models, then scenarios 60 and 61 on real pipes.

mod common;
mod model;
use common::{on_real_selectors as run, watchdog};
use model::streams::{Ask, Case, check, check_socket};
use proptest::prelude::*;
use singletrack::aio::streams::buffers::WriteQueue;
use singletrack::aio::{
    DEFAULT_LIMIT, StreamError, StreamReader, StreamWriter, TcpListener, UnixStream, pipe, sleep,
    split, start_server,
};
use singletrack::{EventLoop, create_task, yield_now};
use std::io::{self, ErrorKind, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let separator = proptest::collection::vec(0u8..3, 1..4);
    let ask = prop_oneof![
        (0usize..12).prop_map(Ask::Read),
        (0usize..12).prop_map(Ask::Exactly),
        separator.prop_map(Ask::Until),
        Just(Ask::ToEnd),
    ];
    proptest::collection::vec(ask, 0..20)
}

proptest! {
    /// The model sees the whole stream; the buffer gets it in pieces, each only when it asks.
    #[test]
    fn any_chunking_gives_the_same_answers(
        stream in proptest::collection::vec(0u8..3, 0..80),
        cuts in proptest::collection::vec(1usize..20, 0..30),
        limit in 0usize..20,
        asks in asks(),
    ) {
        check(&Case { stream, cuts, limit, asks });
    }

    /// The same of the reader of a socket; and a separator may be empty, which is refused.
    #[test]
    fn a_real_reader_gives_them_as_well(
        stream in proptest::collection::vec(9u8..12, 0..80),
        cuts in proptest::collection::vec(1usize..20, 0..10),
        limit in 0usize..20,
        asks in asks(),
    ) {
        check_socket(&Case { stream, cuts, limit, asks });
    }

    #[test]
    fn the_queue_keeps_order_and_pauses_in_turn(
        steps in proptest::collection::vec((any::<bool>(), 0usize..40), 0..60),
        high in 0usize..50,
        low in 0usize..50,
    ) {
        let low = low.min(high);
        let mut queue = WriteQueue::new();
        queue.set_limits(Some(high), Some(low)).unwrap();
        let (mut next_in, mut next_out, mut paused) = (0u8, 0u8, false);
        for (push, count) in steps {
            if push {
                let bytes: Vec<u8> = (0..count).map(|i| next_in.wrapping_add(i as u8)).collect();
                next_in = next_in.wrapping_add(count as u8);
                queue.push(&bytes);
            } else {
                let count = count.min(queue.len());
                let all: Vec<u8> = queue.slices().iter().flat_map(|s| s.to_vec()).collect();
                for byte in &all[..count] {
                    prop_assert_eq!(*byte, next_out);
                    next_out = next_out.wrapping_add(1);
                }
                queue.pop(count);
            }
            paused = if paused { queue.len() > low } else { queue.len() > high };
            prop_assert_eq!(queue.paused(), paused);
            let (pauses, resumes) = queue.pauses_and_resumes();
            prop_assert_eq!(pauses - resumes, u64::from(paused));
        }
    }
}

/// Scenario 60.
#[test]
fn stream_limits() {
    let _dog = watchdog("stream_limits", 30);
    run(async || {
        let (receiver, sender) = pipe().unwrap();
        let (mut reader, writer) = (StreamReader::new(receiver), StreamWriter::new(sender));
        // The longest line: its end begins right at the limit.
        writer.write(&vec![b'a'; DEFAULT_LIMIT]).unwrap();
        writer.write(b"\n").unwrap();
        assert_eq!(reader.readline().await.unwrap().len(), DEFAULT_LIMIT + 1);
        // One byte more is too long; so much is thrown away, and the rest is the next line.
        writer.write(&vec![b'b'; DEFAULT_LIMIT + 1]).unwrap();
        writer.write(b"bc\n").unwrap();
        let error = reader.readline().await.unwrap_err();
        assert!(
            matches!(error, StreamError::LimitOverrun { consumed } if consumed == DEFAULT_LIMIT + 1)
        );
        assert_eq!(reader.readline().await.unwrap(), b"bc\n");
        // `read_until` keeps what it could not answer with.
        writer.write(&vec![b'd'; DEFAULT_LIMIT + 2]).unwrap();
        writer.write(b";e").unwrap();
        assert!(matches!(reader.read_until(b";").await, Err(StreamError::LimitOverrun { .. })));
        assert!(matches!(reader.read_until(b";").await, Err(StreamError::LimitOverrun { .. })));
        assert_eq!(
            reader.read_exactly(DEFAULT_LIMIT + 2).await.unwrap(),
            vec![b'd'; DEFAULT_LIMIT + 2]
        );
        assert_eq!(reader.read_until(b";").await.unwrap(), b";");
        // Far beyond twice the limit.
        writer.write(&vec![b'f'; 10 * DEFAULT_LIMIT]).unwrap();
        assert_eq!(
            reader.read_exactly(1 + 10 * DEFAULT_LIMIT).await.unwrap().len(),
            1 + 10 * DEFAULT_LIMIT
        );
        assert!(matches!(reader.read_until(b"").await, Err(StreamError::Io(_))));
    });
}

#[test]
fn the_end_of_a_stream_answers_each_question_in_its_own_way() {
    let _dog = watchdog("ends", 30);
    run(async || {
        let ended = async |bytes: &[u8]| {
            let (receiver, sender) = pipe().unwrap();
            sender.write_all(bytes).await.unwrap();
            StreamReader::new(receiver)
        };
        let mut reader = ended(b"abc").await;
        let Err(StreamError::IncompleteRead { partial, expected }) = reader.read_exactly(5).await
        else {
            panic!("three bytes are not five")
        };
        assert_eq!((&partial[..], expected), (&b"abc"[..], Some(5)));
        assert!(reader.at_eof());
        assert_eq!(reader.read(9).await.unwrap(), b"");
        assert_eq!(reader.read_exactly(0).await.unwrap(), b"");

        let mut reader = ended(b"abc").await;
        let Err(StreamError::IncompleteRead { partial, expected }) = reader.read_until(b"\n").await
        else {
            panic!("there is no line")
        };
        assert_eq!((&partial[..], expected), (&b"abc"[..], None));

        let mut reader = ended(b"a\nbc").await;
        assert_eq!(reader.read(1).await.unwrap(), b"a");
        assert_eq!(reader.read_to_end().await.unwrap(), b"\nbc");
        assert_eq!(reader.readline().await.unwrap(), b"");
        let io_error = io::Error::from(ended(b"x").await.read_exactly(2).await.unwrap_err());
        assert_eq!(io_error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(io_error.to_string(), "the stream ended after 1 of 2 bytes");
    });
}

#[test]
fn a_question_dropped_half_way_has_taken_nothing() {
    let _dog = watchdog("dropped question", 30);
    run(async || {
        let (here, there) = UnixStream::pair().unwrap();
        let (mut reader, _writer) = split(here);
        for byte in b"ab" {
            there.write_all(&[*byte]).await.unwrap();
            let mut question = std::pin::pin!(reader.read_exactly(3));
            for _ in 0..5 {
                assert!(futures_poll(question.as_mut()).await.is_none());
                yield_now().await;
            }
        }
        there.write_all(b"c").await.unwrap();
        assert_eq!(reader.read_exactly(3).await.unwrap(), b"abc");
    });
}

/// One poll.
async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        std::task::Poll::Ready(value) => std::task::Poll::Ready(Some(value)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

/// Scenario 61, on a pipe, which holds 64 KiB.
#[test]
fn watermarks() {
    let _dog = watchdog("watermarks", 30);
    run(async || {
        let (receiver, sender) = pipe().unwrap();
        let writer = StreamWriter::new(sender);
        writer.write(&vec![1; 65536]).unwrap();
        assert_eq!(
            (writer.queued(), writer.pauses_and_resumes()),
            (0, (0, 0)),
            "it all went at once"
        );
        writer.write(&vec![2; 65536]).unwrap();
        writer.drain().await.unwrap(); // the high mark itself does not pause
        assert_eq!((writer.queued(), writer.pauses_and_resumes()), (65536, (0, 0)));
        writer.write(&[3]).unwrap();
        assert_eq!((writer.queued(), writer.pauses_and_resumes()), (65537, (1, 0)));
        let writer = std::rc::Rc::new(writer);
        let drains = [0, 1].map(|_| {
            let writer = std::rc::Rc::clone(&writer);
            create_task(async move { writer.drain().await.map(|()| writer.queued()) })
        });
        let mut room = vec![0; 16384];
        while writer.queued() > 16384 {
            assert!(drains.iter().all(|drain| !drain.done()));
            receiver.read(&mut room).await.unwrap();
            yield_now().await;
        }
        for drain in drains {
            assert!(drain.await.unwrap().unwrap() <= 16384);
        }
        assert_eq!(writer.pauses_and_resumes(), (1, 1));
        // New marks are judged at once.
        while writer.queued() == 0 {
            writer.write(&[4; 4096]).unwrap();
        }
        writer.set_limits(Some(0), None).unwrap();
        assert_eq!(writer.pauses_and_resumes(), (2, 1));
        writer.set_limits(None, Some(65536)).unwrap();
        assert_eq!(writer.pauses_and_resumes(), (2, 2));
        assert_eq!(
            writer.set_limits(Some(1), Some(2)).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    });
}

#[test]
fn close_sends_what_is_queued_and_abort_does_not() {
    let _dog = watchdog("close and abort", 30);
    run(async || {
        for abort in [false, true] {
            let (here, there) = UnixStream::pair().unwrap();
            let (mut here_reader, writer) = split(here);
            let (mut reader, _there) = split(there);
            writer.write(&vec![1; 1 << 20]).unwrap();
            let queued = writer.queued();
            assert!(queued > 0, "a socket does not hold a mebibyte");
            writer.close();
            assert!(writer.is_closing());
            assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
            if abort {
                writer.abort();
            }
            let read = create_task(async move { reader.read_to_end().await.unwrap().len() });
            writer.wait_closed().await.unwrap();
            writer.drain().await.unwrap();
            assert!(writer.stream().is_none());
            assert_eq!(here_reader.read(1).await.unwrap(), b"", "this side, too, is at its end");
            let expect = if abort { (1 << 20) - queued } else { 1 << 20 };
            assert_eq!(read.await.unwrap(), expect);
        }
    });
}

#[test]
fn a_dropped_writer_still_sends_what_it_has_queued() {
    let _dog = watchdog("dropped writer", 30);
    run(async || {
        let (receiver, sender) = pipe().unwrap();
        let writer = StreamWriter::new(sender);
        writer.write(&vec![1; 300_000]).unwrap();
        drop(writer);
        let mut reader = StreamReader::new(receiver);
        assert_eq!(reader.read_to_end().await.unwrap().len(), 300_000);
    });
}

/// Each half of a stream ends its own direction and no other.
#[test]
fn a_dropped_writer_leaves_the_reader_all_that_comes() {
    let _dog = watchdog("dropped writer, live reader", 30);
    run(async || {
        let (here, there) = UnixStream::pair().unwrap();
        there.write_all(b"early\n").await.unwrap();
        let (mut reader, writer) = split(here);
        writer.write(b"bye").unwrap();
        drop(writer);
        let reads = create_task(async move {
            (reader.readline().await.unwrap(), reader.readline().await.unwrap(), reader)
        });
        let (mut far_reader, far_writer) = split(there);
        assert_eq!(far_reader.read_to_end().await.unwrap(), b"bye", "its direction has ended");
        far_writer.write(b"late\n").unwrap();
        let (early, late, reader) = reads.await.unwrap();
        assert_eq!((&early[..], &late[..]), (&b"early\n"[..], &b"late\n"[..]));
        drop(reader);
        assert_eq!(far_writer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe, "both gone");

        // By TCP, with bytes that are still queued when the writer goes.
        let listener = singletrack::aio::TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (mut reader, writer) = singletrack::aio::open_connection(address).await.unwrap();
        let (mut far_reader, far_writer) = split(listener.accept().await.unwrap().0);
        writer.write(&vec![1; 8 << 20]).unwrap();
        assert!(writer.queued() > 0);
        drop(writer);
        assert_eq!(far_reader.read_to_end().await.unwrap().len(), 8 << 20);
        far_writer.write(b"answer").unwrap();
        drop((far_reader, far_writer));
        assert_eq!(reader.read_to_end().await.unwrap(), b"answer");
    });
}

#[test]
fn a_dropped_reader_leaves_the_writer_its_direction() {
    let _dog = watchdog("dropped reader", 30);
    run(async || {
        let (here, there) = UnixStream::pair().unwrap();
        let (reader, writer) = split(here);
        drop(reader);
        writer.write(&vec![1; 1 << 20]).unwrap();
        drop(writer);
        let (mut far_reader, _far_writer) = split(there);
        assert_eq!(far_reader.read_to_end().await.unwrap().len(), 1 << 20);
    });
}

/// A peer that reads no more may still be writing.
#[test]
fn a_writer_that_fails_leaves_the_reader_its_direction() {
    let _dog = watchdog("failed writer", 30);
    run(async || {
        let (here, there) = UnixStream::pair().unwrap();
        let (mut reader, writer) = split(here);
        there.shutdown(std::net::Shutdown::Read).unwrap();
        assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert!(writer.is_closing());
        there.write_all(b"still here\n").await.unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"still here\n");
        // It was not closed, and now it is.
        writer.close();
        assert_eq!(reader.readline().await.unwrap(), b"");
    });
}

#[test]
fn after_write_eof_the_other_direction_goes_on() {
    let _dog = watchdog("write_eof", 30);
    run(async || {
        let (here, there) = UnixStream::pair().unwrap();
        let ((mut reader, writer), (mut far_reader, far_writer)) = (split(here), split(there));
        writer.write(&vec![1; 1 << 20]).unwrap();
        writer.write_eof().unwrap();
        assert!(writer.write(b"x").is_err());
        assert_eq!(far_reader.read_to_end().await.unwrap().len(), 1 << 20);
        far_writer.write(b"answer").unwrap();
        far_writer.close();
        assert_eq!(reader.read_to_end().await.unwrap(), b"answer");
        // The end of a pipe's writing is its close.
        let (mut receiver, sender) = std::io::pipe().unwrap();
        let writer =
            StreamWriter::new(singletrack::aio::PipeWriter::from_fd(sender.into()).unwrap());
        writer.write_eof().unwrap();
        writer.wait_closed().await.unwrap();
        assert_eq!(receiver.read(&mut [0; 8]).unwrap(), 0);
    });
}

#[test]
fn a_lost_stream_is_an_error_for_everybody_who_asks() {
    let _dog = watchdog("lost stream", 30);
    run(async || {
        let (receiver, sender) = pipe().unwrap();
        let writer = std::rc::Rc::new(StreamWriter::new(sender));
        writer.write(&vec![1; 300_000]).unwrap();
        let waits = [0, 1].map(|i| {
            let writer = std::rc::Rc::clone(&writer);
            create_task(async move {
                if i == 0 { writer.drain().await } else { writer.wait_closed().await }
            })
        });
        yield_now().await;
        drop(receiver);
        for wait in waits {
            assert_eq!(wait.await.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
        }
        assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert!(writer.is_closing() && writer.queued() == 0);
    });
}

#[test]
fn an_error_of_a_stream_comes_after_its_bytes_and_stays() {
    let _dog = watchdog("sticky error", 30);
    run(async || {
        let listener = singletrack::aio::TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (mut reader, writer) = singletrack::aio::open_connection(address).await.unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        peer.write_all(b"ab").await.unwrap();
        assert_eq!(reader.read_exactly(1).await.unwrap(), b"a");
        writer.write(b"never read").unwrap();
        sleep(Duration::from_millis(2)).await;
        drop(peer); // with bytes unread: a reset
        sleep(Duration::from_millis(2)).await;
        assert_eq!(reader.read_exactly(1).await.unwrap(), b"b");
        for _ in 0..2 {
            assert_eq!(reader.read(1).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
    });
}

/// The system reports a reset once. A reader that found a clean end then would take a part for the
/// whole.
#[test]
fn a_reset_that_a_write_has_met_is_no_clean_end_to_the_reader() {
    let _dog = watchdog("reset met by a write", 30);
    run(async || {
        let listener = singletrack::aio::TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (mut reader, writer) = singletrack::aio::open_connection(address).await.unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        peer.write_all(b"a part").await.unwrap();
        assert_eq!(reader.read_exactly(2).await.unwrap(), b"a ");
        writer.write(b"never read").unwrap();
        sleep(Duration::from_millis(2)).await;
        drop(peer); // with bytes unread: a reset
        while writer.write(b"x").is_ok() {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(reader.read_exactly(4).await.unwrap(), b"part");
        for _ in 0..2 {
            assert_eq!(reader.read_to_end().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
    });
}

/// Between two runs, or on another loop, a stream cannot be used. That is the caller's mistake,
/// not the stream's end.
#[test]
fn a_stream_used_away_from_its_loop_says_so_and_stays_whole() {
    let (home, abroad) = (EventLoop::new().unwrap(), EventLoop::new().unwrap());
    let (mut reader, writer) = home.run_until_complete(async {
        let (reader, sender) = pipe().unwrap();
        (StreamReader::new(reader), StreamWriter::new(sender))
    });
    assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::NotConnected);
    abroad.run_until_complete(async {
        let error = writer.write(b"x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let error = reader.read(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    });
    home.run_until_complete(async {
        writer.write(b"whole\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"whole\n");
        // What is queued is kept as well.
        writer.write(&vec![7; 100_000]).unwrap();
    });
    writer.write(b"x").unwrap_err();
    home.run_until_complete(async {
        assert_eq!(reader.read_exactly(100_000).await.unwrap(), vec![7; 100_000]);
        writer.drain().await.unwrap();
    });
}

/// Counts how many copies of it are kept somewhere.
struct Kept;

impl Wake for Kept {
    fn wake(self: Arc<Self>) {}
}

/// Shows T14.
/// T14, and nothing is left behind: an idle server may be asked a million times.
#[test]
fn a_wait_that_is_dropped_or_moved_leaves_no_waker_behind() {
    run(async || {
        let (_reader, sender) = pipe().unwrap();
        let writer = StreamWriter::new(sender);
        writer.write(&[0; 200_000]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let server = start_server(listener, async |_, _| ());
        let waits: [Pin<Box<dyn Future<Output = ()> + '_>>; 4] = [
            Box::pin(async { writer.drain().await.unwrap() }),
            Box::pin(async { writer.wait_closed().await.unwrap() }),
            Box::pin(server.wait_closed()),
            Box::pin(server.serve_forever()),
        ];
        for mut wait in waits {
            let bells = [Arc::new(Kept), Arc::new(Kept)];
            for bell in &bells {
                let waker = Waker::from(Arc::clone(bell));
                assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            }
            assert_eq!(bells.each_ref().map(Arc::strong_count), [1, 2], "the last one is kept");
            drop(wait);
            assert_eq!(Arc::strong_count(&bells[1]), 1, "and goes with its wait");
        }
    });
}
