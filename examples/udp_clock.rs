//! What time is it over there? A clock that is asked over UDP.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/aio/net/udp.rs
//!
//! Question: an answer takes time to arrive, so it is late; how late? Prediction: at most the
//! round trip. So ask several times, believe the quickest answer, and state the error, as
//! Cristian's algorithm does (1989).
//!
//!     cargo run --example udp_clock                            # both sides, in one process
//!     cargo run --example udp_clock -- --serve 127.0.0.1:3737
//!     cargo run --example udp_clock -- --ask 127.0.0.1:3737
//!
//! CI:
//!
//! In one process both clocks are the same, so the error is known, and checked. The clock
//! ignores every third question, because UDP may lose messages and clients must cope.

mod common;

use common::measured;
use common::options::Options;
use singletrack::aio::UdpSocket;
use singletrack::aio::{TimedOut, wait_for};
use singletrack::{EventLoop, create_task};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime};

const PATIENCE: Duration = Duration::from_millis(20);

fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970")
}

/// Answers each question, a number of its own, with that number and the time.
async fn serve(socket: UdpSocket, deaf_at: u64) -> io::Result<()> {
    let mut question = [0; 8];
    let mut asked = 0;
    loop {
        let (length, client) = socket.recv_from(&mut question).await?;
        asked += 1;
        if length == 8 && asked % deaf_at != 0 {
            let time = (now().as_nanos() as u64).to_be_bytes();
            socket.send_to(&[question, time].concat(), client).await?;
        }
    }
}

/// The answer to question `number`; older ones that come late are thrown away.
async fn answer(socket: &UdpSocket, number: u64) -> io::Result<Duration> {
    let mut message = [0; 16];
    loop {
        let length = socket.recv(&mut message).await?;
        let (which, time) = message.split_at(8);
        if length == 16 && which == number.to_be_bytes() {
            let time: [u8; 8] = time.try_into().expect("eight are left");
            return Ok(Duration::from_nanos(u64::from_be_bytes(time)));
        }
    }
}

/// Asks ten times. Gives their clock minus ours in seconds, the error, and the lost answers.
async fn ask(server: SocketAddr) -> io::Result<(f64, f64, u32)> {
    let any = match server.is_ipv4() {
        true => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        false => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.connect(server)?;
    let (mut best, mut lost) = ((0.0, f64::INFINITY), 0);
    for number in 0..10u64 {
        let sent = now();
        socket.send(&number.to_be_bytes()).await?;
        match wait_for(answer(&socket, number), Some(PATIENCE)).await {
            Err(TimedOut) => lost += 1, // and what comes late is thrown away by the next
            Ok(theirs) => {
                let (theirs, sent, got) = (theirs?.as_secs_f64(), sent.as_secs_f64(), now());
                let error = (got.as_secs_f64() - sent) / 2.0;
                if error < best.1 {
                    best = (theirs - (sent + error), error);
                }
            }
        }
    }
    Ok((best.0, best.1, lost))
}

fn main() -> io::Result<()> {
    let options = Options::read(&["--serve ADDRESS:PORT", "--ask ADDRESS:PORT"]);
    let address = |name: &str| {
        let text = options.text(name)?;
        Some(text.parse::<SocketAddr>().unwrap_or_else(|_| options.refuse(text)))
    };
    EventLoop::new()?.run_until_complete(async {
        let (server, alone) = match (address("--serve"), address("--ask")) {
            (Some(at), _) => return serve(UdpSocket::bind(at)?, u64::MAX).await,
            (None, Some(server)) => (server, false),
            (None, None) => {
                let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
                let server = socket.local_addr()?;
                drop(create_task(serve(socket, 3)));
                (server, true)
            }
        };
        let asked = ask(server).await;
        let (offset, error, lost) =
            asked.map_err(|e| io::Error::new(e.kind(), format!("no clock at {server}: {e}")))?;
        if lost == 10 {
            println!("no answer from {server}, ten times");
            return Ok(());
        }
        if alone {
            // A microsecond more: seconds since 1970 leave so little room in a float.
            assert!(offset.abs() <= error + 1e-6, "the same clock must agree with itself");
            assert!(lost >= 3, "every third question is ignored");
        }
        measured(format_args!(
            "Their clock is {offset:+.6} s from ours, give or take {error:.6} s; {lost} of 10 answers \
             never came."
        ));
        Ok(())
    })
}
