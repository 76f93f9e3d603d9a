//! A server in a process of its own, so that its memory and threads are its own.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// This program as a server, which ends with this value.
pub struct Server(Child, pub SocketAddr);

impl Server {
    /// Runs this program with `--serve WAY`; it prints its address first.
    pub fn start(way: &str) -> Result<Server, Box<dyn Error>> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(["--serve", way]).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("it is piped")?).read_line(&mut line)?;
        Ok(Server(child, line.trim().parse()?))
    }

    /// A number of `/proc/PID/FILE`.
    pub fn number(&self, file: &str, field: &str) -> Result<u64, Box<dyn Error>> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.0.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix(field)).ok_or("no such field")?;
        Ok(line.split_whitespace().next().ok_or("no number")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}
