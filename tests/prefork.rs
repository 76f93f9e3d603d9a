//! Drives the pre-fork server of the example: a crash, a reload under load, a graceful stop.

#[path = "process_pool/jobs.rs"]
#[allow(dead_code)]
mod jobs;
#[path = "process_pool/runner.rs"]
#[allow(dead_code)]
mod runner;
#[path = "../examples/prefork_server.rs"]
mod server;

use jobs::signal;
use runner::{Test, children, eventually, is_alive};
use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Lines, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

const SIZE: usize = 3;

const TESTS: &[Test<()>] = &[
    ("all_workers_accept_from_one_socket", all_workers_accept_from_one_socket),
    ("a_killed_worker_is_replaced", a_killed_worker_is_replaced),
    ("a_reload_turns_nobody_away", a_reload_turns_nobody_away),
    ("a_stop_finishes_what_was_begun", a_stop_finishes_what_was_begun),
    ("ctrl_c_finishes_what_was_begun", ctrl_c_finishes_what_was_begun),
    ("a_stop_of_the_group_finishes_what_was_begun", a_stop_of_the_group_finishes_what_was_begun),
    (
        "workers_that_a_stop_of_the_group_has_ended_are_not_replaced",
        workers_that_a_stop_of_the_group_has_ended_are_not_replaced,
    ),
    ("a_hang_up_of_the_group_is_a_reload", a_hang_up_of_the_group_is_a_reload),
    ("a_server_that_nobody_reads_goes_on", a_server_that_nobody_reads_goes_on),
    ("workers_die_with_a_killed_supervisor", workers_die_with_a_killed_supervisor),
];

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--serve") {
        // SAFETY: the call takes a number. A server that nobody stops ends by SIGALRM.
        unsafe { libc::alarm(60) };
        return server::run(SIZE, 0, |_| ()).expect("the server fails");
    }
    std::process::exit(runner::run(TESTS, &(), std::process::id()));
}

/// The lines that the server prints.
type Output = Lines<BufReader<ChildStdout>>;

/// The server in a process of its own, the leader of a group of its own, as a shell has it.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Server {
        // What it says is read, so that it never waits for a reader.
        Server::start_heard_by(|output| drop(thread::spawn(move || output.for_each(drop))))
    }

    fn start_heard_by(listener: impl FnOnce(Output)) -> Server {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--serve").stdout(Stdio::piped()).process_group(0);
        let mut process = command.spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = output.next().unwrap().unwrap(); // serving ADDRESS from process PID
        let address = line.split(' ').nth(1).unwrap().parse().unwrap();
        listener(output);
        let server = Server { process, address };
        eventually("all workers accept", || server.workers().len() == SIZE);
        server
    }

    /// Which workers answer: asks until each has had its chance.
    fn workers(&self) -> BTreeSet<u32> {
        (0..40).filter_map(|_| self.ask("who").ok()).map(|answer| answer.pid).collect()
    }

    fn ask(&self, text: &str) -> io::Result<Answer> {
        Client::connect(self.address)?.ask(text)
    }

    fn send(&self, number: i32) {
        assert!(signal(self.process.id(), number));
    }

    /// To all its processes, as a terminal sends it.
    fn send_to_group(&self, number: i32) {
        // SAFETY: `kill` takes two numbers. The group is that of a child not yet waited for.
        assert_eq!(unsafe { libc::kill(-(self.process.id() as i32), number) }, 0);
    }

    /// All its processes: the fork server and the workers.
    fn descendants(&self) -> Vec<u32> {
        let pids = |parent| {
            let lines = children(parent).into_iter();
            lines.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect::<Vec<u32>>()
        };
        let fork_server = pids(self.process.id());
        fork_server
            .iter()
            .flat_map(|fork_server| pids(*fork_server))
            .chain(fork_server.clone())
            .collect()
    }

    fn stop(mut self) {
        let all = self.descendants();
        self.send(libc::SIGTERM);
        assert!(self.process.wait().unwrap().success());
        eventually("all processes are gone", || !all.iter().any(|pid| is_alive(*pid)));
    }
}

struct Client {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
struct Answer {
    generation: u32,
    pid: u32,
    text: String,
}

impl Client {
    fn connect(address: SocketAddr) -> io::Result<Client> {
        Ok(Client { stream: BufReader::new(TcpStream::connect(address)?) })
    }

    fn ask(&mut self, text: &str) -> io::Result<Answer> {
        self.stream.get_mut().write_all(format!("{text}\n").as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut words = line.trim_end().splitn(3, ' ');
        let mut number = || words.next().unwrap().parse().unwrap();
        let (generation, pid) = (number(), number());
        Ok(Answer { generation, pid, text: words.next().unwrap().to_owned() })
    }
}

fn all_workers_accept_from_one_socket(_: &()) {
    let server = Server::start();
    let mut clients: Vec<_> = (0..20).map(|_| Client::connect(server.address).unwrap()).collect();
    for (i, client) in clients.iter_mut().enumerate() {
        let first = client.ask(&format!("hello {i}")).unwrap();
        assert_eq!((first.generation, first.text), (1, format!("hello {i}")));
        assert_eq!(client.ask("again").unwrap().pid, first.pid, "a connection stays");
    }
    drop(clients);
    server.stop();
}

fn a_killed_worker_is_replaced(_: &()) {
    let server = Server::start();
    let mut clients: Vec<_> = (0..30).map(|_| Client::connect(server.address).unwrap()).collect();
    let homes: Vec<u32> = clients.iter_mut().map(|client| client.ask("who").unwrap().pid).collect();
    let victim = homes[0];
    assert!(signal(victim, libc::SIGKILL));
    for (client, home) in clients.iter_mut().zip(&homes) {
        // Who was with another worker notices nothing.
        assert_eq!(client.ask("still there?").is_ok(), *home != victim);
    }
    eventually("it is replaced", || server.workers().len() == SIZE);
    assert!(!server.workers().contains(&victim));
    assert!(!is_alive(victim));
    drop(clients);
    server.stop();
}

/// A connection to a worker of this generation. Old ones may accept a moment longer.
fn connect_to(server: &Server, generation: u32) -> Client {
    loop {
        let mut client = Client::connect(server.address).unwrap();
        if client.ask("who").unwrap().generation == generation {
            return client;
        }
    }
}

fn a_reload_turns_nobody_away(_: &()) {
    let server = Server::start();
    let old = server.workers();
    let over = AtomicBool::new(false);
    let mut patient = connect_to(&server, 1);
    let asked = thread::scope(|scope| {
        let visitors: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut generations = Vec::new();
                    while !over.load(Ordering::SeqCst) {
                        generations.push(server.ask("hello").expect("turned away").generation);
                    }
                    generations
                })
            })
            .collect();
        for generation in 2..=4 {
            // A connection of the old generation is served to its end.
            patient.stream.get_mut().write_all(b"slow\n").unwrap();
            thread::sleep(std::time::Duration::from_millis(20)); // it has been read by then
            server.send(libc::SIGHUP);
            eventually("the new generation answers", || {
                server.ask("who").is_ok_and(|answer| answer.generation == generation)
            });
            assert_eq!(patient.answer().unwrap().generation, generation - 1);
            patient = connect_to(&server, generation);
        }
        over.store(true, Ordering::SeqCst);
        visitors.into_iter().flat_map(|visitor| visitor.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(asked.len() > 100 && asked.contains(&1) && asked.contains(&4), "{}", asked.len());
    eventually("the old ones have gone", || !old.iter().any(|pid| is_alive(*pid)));
    eventually("there are as many as before", || server.workers().len() == SIZE);
    drop(patient);
    server.stop();
}

/// Has the server stopped in this way while it is at work.
fn finishes_what_was_begun(stop: impl FnOnce(&Server)) {
    let mut server = Server::start();
    let mut client = Client::connect(server.address).unwrap();
    client.ask("hello").unwrap();
    client.stream.get_mut().write_all(b"slow\n").unwrap();
    thread::sleep(std::time::Duration::from_millis(20)); // it has been read by then
    let all = server.descendants();
    assert_eq!(all.len(), SIZE + 1);
    stop(&server);
    assert_eq!(client.answer().unwrap().text, "slow");
    drop(client);
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
    assert!(server.ask("hello").is_err(), "nobody listens any more");
    eventually("all processes are gone", || !all.iter().any(|pid| is_alive(*pid)));
}

fn a_stop_finishes_what_was_begun(_: &()) {
    finishes_what_was_begun(|server| server.send(libc::SIGTERM));
}

fn ctrl_c_finishes_what_was_begun(_: &()) {
    finishes_what_was_begun(|server| server.send_to_group(libc::SIGINT));
}

fn a_stop_of_the_group_finishes_what_was_begun(_: &()) {
    finishes_what_was_begun(|server| server.send_to_group(libc::SIGTERM));
}

/// The workers hear of the stop as soon as the supervisor does, and may be gone before it looks.
fn workers_that_a_stop_of_the_group_has_ended_are_not_replaced(_: &()) {
    let (heard, said) = mpsc::channel();
    let listen = |output: Output| {
        thread::spawn(move || output.for_each(|line| heard.send(line.unwrap()).unwrap()));
    };
    let mut server = Server::start_heard_by(listen);
    server.send_to_group(libc::SIGTERM);
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
    let hired = said.iter().filter(|line| line.ends_with("accepts")).count();
    assert_eq!(hired, SIZE);
}

/// What the kernel sends when the terminal is closed.
fn a_hang_up_of_the_group_is_a_reload(_: &()) {
    let server = Server::start();
    let mut client = connect_to(&server, 1);
    client.stream.get_mut().write_all(b"slow\n").unwrap();
    thread::sleep(std::time::Duration::from_millis(20)); // it has been read by then
    server.send_to_group(libc::SIGHUP);
    assert_eq!(client.answer().unwrap().generation, 1, "it finishes its work");
    drop(connect_to(&server, 2));
    drop(client);
    server.stop();
}

fn a_server_that_nobody_reads_goes_on(_: &()) {
    let server = Server::start_heard_by(drop);
    server.send(libc::SIGHUP);
    drop(connect_to(&server, 2));
    server.stop();
}

fn workers_die_with_a_killed_supervisor(_: &()) {
    let mut server = Server::start();
    let all = server.descendants();
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    eventually("all processes are gone", || !all.iter().any(|pid| is_alive(*pid)));
}
