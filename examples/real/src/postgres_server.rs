//! A PostgreSQL server of one's own, in a folder of its own, as long as this is alive.
//!
//! *Promises*: it listens on a port that the system chose; when this is dropped, the server and its
//! folder are gone.
//!
//! The server refuses to run as root, so root starts it as `nobody`.

use crate::{AnyError, program};
use singletrack::aio::{Child, TcpStream, sleep, spawn};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The user `nobody`, and the group without members.
const NOBODY: u32 = 65534;

pub struct Server {
    process: Child,
    folder: PathBuf,
    pub address: SocketAddr,
}

impl Server {
    /// `None` if there is no PostgreSQL on this machine.
    pub async fn start() -> Result<Option<Server>, AnyError> {
        let (Some(initdb), Some(postgres)) = (program("initdb"), program("postgres")) else {
            return Ok(None);
        };
        let folder = std::env::temp_dir().join(format!("singletrack-pg-{}", std::process::id()));
        let data = folder.join("data");
        std::fs::create_dir_all(&folder)?;
        let root = std::fs::metadata("/proc/self").is_ok_and(|me| is_root(&me));
        if root {
            std::os::unix::fs::chown(&folder, Some(NOBODY), Some(NOBODY))?;
        }
        let command = |program: PathBuf| {
            let mut command = Command::new(program);
            command.arg("-D").arg(&data).stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(Stdio::null()).current_dir(&folder);
            if root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        let made =
            spawn(command(initdb).args(["-A", "trust", "-U", "postgres", "-N"]))?.wait().await?;
        if !made.success() {
            return Err(format!("initdb: {made}").into());
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let sockets = format!("unix_socket_directories={}", folder.display());
        let mut process = spawn(
            command(postgres)
                .args(["-p", &port.to_string(), "-c", "fsync=off", "-c", &sockets])
                .args(["-c", "listen_addresses=127.0.0.1"]),
        )?;
        process.kill_on_drop(true);
        let mut server = Server { process, folder, address: ([127, 0, 0, 1], port).into() };
        while TcpStream::connect(server.address).await.is_err() {
            if let Some(status) = server.process.try_wait()? {
                return Err(format!("the server ended at once: {status}").into());
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(Some(server))
    }

    /// Ends the server in the middle of whatever it does.
    pub async fn kill(&mut self) -> Result<(), AnyError> {
        self.process.send_signal(libc::SIGQUIT)?; // its children too, without goodbye
        self.process.wait().await?;
        Ok(())
    }
}

fn is_root(me: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(me) == 0
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.send_signal(libc::SIGQUIT);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
