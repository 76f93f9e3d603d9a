//! The `redis` crate's client over a connection of our loop, against a server of our own or Redis.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/interop/tokio_io.rs
//!
//! Question: the crate knows two runtimes by name, and ours is none of them. Can it be used?
//! Prediction: yes, in part. Its multiplexed connection takes any stream and gives back a future that
//! drives it; what makes connections or sets limits by itself (`Client::get_multiplexed_async_connection`,
//! `ConnectionManager`, a response timeout) calls tokio by name, and panics here.
//!
//!     cargo run --release --bin resp_kv        # or: redis-server --port 6380
//!     cargo run --release --bin redis_client -- --port 6380
//!
//! CI: --check

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig, IntoConnectionInfo};
use singletrack::aio::{TcpStream, create_task, gather, sleep, spawn, wait_for};
use singletrack_real::kv::{Store, connection};
use singletrack_real::{AnyError, arguments, listen, program, run, serve, threads};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

/// How long an answer may take. The crate's own limit needs tokio's clock; `wait_for` is ours.
const LIMIT: Duration = Duration::from_secs(10);

/// A client. A task of the loop carries its bytes.
async fn connect(address: SocketAddr) -> Result<MultiplexedConnection, AnyError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let info = format!("redis://{address}/").into_connection_info()?;
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let connecting = MultiplexedConnection::new_with_config(info.redis_settings(), stream, config);
    let (client, driver) = wait_for(connecting, Some(LIMIT)).await??;
    drop(create_task(driver));
    Ok(client)
}

/// The same questions to any server: what it answers.
async fn work(address: SocketAddr) -> Result<Vec<String>, AnyError> {
    let mut client = connect(address).await?;
    let mut said = Vec::new();
    let _: () = redis::cmd("FLUSHDB").query_async(&mut client).await?;
    let _: () = client.set("name", b"two\r\nlines\0".as_slice()).await?;
    let value: Vec<u8> = client.get("name").await?;
    said.push(format!("{:?}", String::from_utf8_lossy(&value)));
    let nothing: Option<String> = client.get("nothing").await?;
    said.push(format!("{nothing:?}"));
    let wrong = client.incr::<_, _, i64>("name", 1).await.expect_err("it is no number");
    said.push(wrong.detail().unwrap_or_default().to_owned());

    // A thousand tasks on one connection, each with an answer of its own.
    let counts = gather((0..1000).map(|n: i64| {
        let mut client = client.clone();
        create_task(async move {
            let _: () = client.set(format!("key{n}"), n).await?;
            let value: i64 = client.get(format!("key{n}")).await?;
            assert_eq!(value, n);
            client.incr::<_, _, i64>("count", 1).await
        })
    }))
    .await?;
    let mut counts = counts.into_iter().collect::<Result<Vec<i64>, _>>()?;
    counts.sort();
    assert!(counts.iter().copied().eq(1..=1000));

    let mut pipe = redis::pipe();
    pipe.get("count").del("count").exists("count");
    let answers: (i64, i64, i64) = pipe.query_async(&mut client).await?;
    said.push(format!("{answers:?}"));
    let size: i64 = redis::cmd("DBSIZE").query_async(&mut client).await?;
    said.push(size.to_string());
    Ok(said)
}

fn main() -> Result<(), AnyError> {
    let given = arguments(6380, "");
    run(async move {
        if given.check {
            return check().await;
        }
        let address = ([127, 0, 0, 1], given.port).into();
        let said = work(address).await.map_err(|error| {
            format!("{address}: {error}. `cargo run --release --bin resp_kv` starts a server there")
        })?;
        println!("{}\n{} thread(s)", said.join("\n"), threads());
        Ok(())
    })
}

async fn check() -> Result<(), AnyError> {
    let (listener, address) = listen("redis", 0)?;
    let store = Store::default();
    drop(create_task(serve(listener, move |s| connection(s, Rc::clone(&store)))));
    let ours = work(address).await?;
    println!("our server and the crate agree; {} thread", threads());
    match real_server(&ours).await? {
        true => println!("and Redis gives the same {} answers", ours.len()),
        false => println!("SKIPPED: no redis-server here: apt install redis-server"),
    }
    Ok(())
}

/// Asks a real server, which is killed in the middle of a question; `false` if there is none.
async fn real_server(ours: &[String]) -> Result<bool, AnyError> {
    let Some(redis) = program("redis-server") else { return Ok(false) };
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut server = spawn(
        Command::new(redis)
            .args(["--port", &port.to_string(), "--save", "", "--bind", "127.0.0.1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null()),
    )?;
    server.kill_on_drop(true);
    while TcpStream::connect(address).await.is_err() {
        if let Some(status) = server.try_wait()? {
            return Err(format!("redis-server ended at once: {status}").into());
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(ours, work(address).await?, "Redis disagrees");
    let mut client = connect(address).await?;
    let waits = create_task(async move {
        redis::cmd("BLPOP").arg("never").arg(0).query_async::<redis::Value>(&mut client).await
    });
    sleep(Duration::from_millis(50)).await;
    server.kill()?;
    server.wait().await?;
    let error = wait_for(waits, Some(LIMIT)).await??.expect_err("its server is dead");
    println!("a question whose server was killed: {error}");
    Ok(true)
}
