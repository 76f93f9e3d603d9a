//! asyncio programs run for real: with sockets whose other end is no Python, under Ctrl-C, and with
//! more tasks than a machine should have threads.
#![cfg(feature = "python")]

#[path = "common/kept.rs"]
mod kept;

use kept::Kept;
use singletrack::gil::SwitchPolicy;
use singletrack::python::run::{Ending, RealRan, RealRun, Streams, program};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than any of these programs takes on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first line that was printed, once it is whole.
fn first_line(kept: &Kept) -> String {
    let began = Instant::now();
    while !kept.text().contains('\n') {
        assert!(began.elapsed() < PATIENCE, "nothing was printed");
        thread::sleep(Duration::from_millis(5));
    }
    kept.text().lines().next().unwrap().to_owned()
}

struct Running {
    out: Kept,
    err: Kept,
    thread: JoinHandle<RealRan>,
    interrupt: mpsc::Sender<()>,
}

/// Starts a program; it is interrupted when it takes too long.
fn start(text: &str) -> Running {
    let (out, err) = (Kept::default(), Kept::default());
    let streams = Streams::new(out.clone(), err.clone(), io::empty());
    let compiled = program(text).unwrap_or_else(|refusal| panic!("{refusal}"));
    let run = RealRun::new(&compiled, SwitchPolicy::PYTHON_3_13.into()).streams(streams);
    let (interrupt, interrupted) = mpsc::channel();
    let thread = thread::spawn(move || {
        let began = Instant::now();
        run.run(|| interrupted.try_recv().is_ok() || began.elapsed() > PATIENCE).unwrap()
    });
    Running { out, err, thread, interrupt }
}

impl Running {
    /// What it has printed, after an end without a fault.
    fn printed(self) -> String {
        let ran = self.thread.join().unwrap();
        assert_eq!((ran.ending, self.err.text().as_str()), (Ending::Finished(0), ""));
        self.out.text()
    }
}

#[test]
fn a_program_talks_to_a_server_that_is_none_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
            stream.write_all(format!("you said {line}").as_bytes()).unwrap();
        }
    });
    let running = start(&format!(
        "import asyncio\nasync def ask(n):\n    \
         reader, writer = await asyncio.open_connection('127.0.0.1', {port})\n    \
         writer.write(b'number %d\\n'.replace(b'%d', str(n).encode()))\n    \
         await writer.drain()\n    answer = await reader.read()\n    writer.close()\n    \
         await writer.wait_closed()\n    return answer\nasync def main():\n    \
         print(await asyncio.gather(*[ask(n) for n in range(3)]))\nasyncio.run(main())\n"
    ));
    let expected = "[b'you said number 0\\n', b'you said number 1\\n', b'you said number 2\\n']\n";
    assert_eq!(running.printed(), expected);
    server.join().unwrap();
}

#[test]
fn a_program_serves_clients_that_are_none_of_its_own() {
    let running = start(
        "import asyncio\nasync def handle(reader, writer):\n    size = 0\n    \
         while data := await reader.read(1000):\n        size += len(data)\n    \
         writer.write(str(size).encode())\n    writer.close()\n    await writer.wait_closed()\n    \
         print('served', size)\n    done.release()\nasync def main():\n    global done\n    \
         done = asyncio.Semaphore(0)\n    \
         server = await asyncio.start_server(handle, '127.0.0.1', 0)\n    \
         print(server.sockets[0].getsockname()[1], flush=True)\n    async with server:\n        \
         for _ in range(3):\n            await done.acquire()\nasyncio.run(main())\n",
    );
    let port: u16 = first_line(&running.out).parse().unwrap();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(&[b'x'; 300_000]).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "300000");
    }
    let printed = running.printed();
    assert_eq!(printed.lines().skip(1).collect::<Vec<_>>(), ["served 300000"; 3]);
}

#[test]
fn nobody_listens_is_an_exception() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let running = start(&format!(
        "import asyncio\nasync def main():\n    try:\n        \
         await asyncio.open_connection('127.0.0.1', {port})\n    \
         except ConnectionRefusedError as e:\n        print(e)\nasyncio.run(main())\n"
    ));
    let expected = format!("[Errno 111] Connect call failed ('127.0.0.1', {port})\n");
    assert_eq!(running.printed(), expected);
}

#[test]
fn ctrl_c_cancels_the_tasks_and_is_a_keyboard_interrupt() {
    let running = start(
        "import asyncio\nasync def main():\n    try:\n        print('waits', flush=True)\n        \
         await asyncio.sleep(1000)\n    finally:\n        print('cleaned up')\ntry:\n    \
         asyncio.run(main())\nexcept KeyboardInterrupt:\n    print('interrupted')\n",
    );
    assert_eq!(first_line(&running.out), "waits");
    running.interrupt.send(()).unwrap();
    assert_eq!(running.printed(), "waits\ncleaned up\ninterrupted\n");
}

#[test]
fn a_loop_that_nothing_can_end_is_a_deadlock_and_names_the_line() {
    let running = start(
        "import asyncio\nasync def main():\n    await asyncio.Event().wait()\nasyncio.run(main())\n",
    );
    let ending = running.thread.join().unwrap().ending;
    let Ending::Deadlock(waits) = ending else { panic!("{ending:?}") };
    assert!(waits.iter().any(|wait| wait.ends_with("in line 3")), "{waits:?}");
}

#[test]
fn thousands_of_tasks_need_no_threads_of_their_own() {
    let running = start(
        "import asyncio\nasync def work(n):\n    await asyncio.sleep(0.001)\n    return n\n\
         async def main():\n    print(sum(await asyncio.gather(*[work(n) for n in range(3000)])))\n\
         asyncio.run(main())\n",
    );
    assert_eq!(running.printed(), format!("{}\n", 2999 * 3000 / 2));
}
