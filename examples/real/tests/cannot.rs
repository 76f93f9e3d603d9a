//! What calls a runtime by its name: it panics, and says what it missed. Named by the page
//! `src/interop/what_runs.md`.

use redis::AsyncCommands;
use singletrack::aio::block_on;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tower::{Service, ServiceExt};

const SOON: Duration = Duration::from_millis(1);

/// This panics on our loop for want of tokio's.
fn wants_tokio<T>(future: impl Future<Output = T>) {
    let outcome = catch_unwind(AssertUnwindSafe(|| block_on(future)));
    let panic = outcome.err().expect("it ran");
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).expect("a message");
    assert!(text.contains("Tokio 1.x runtime"), "{text}");
}

#[test]
fn tokio_spawn_panics() {
    wants_tokio(async { drop(tokio::spawn(async {})) });
    wants_tokio(async { drop(tokio::task::spawn_blocking(|| ())) });
}

#[test]
fn tokio_time_panics() {
    wants_tokio(async { tokio::time::sleep(SOON).await });
    wants_tokio(async { tokio::time::timeout(SOON, std::future::pending::<()>()).await });
}

#[test]
fn tokio_net_panics() {
    let there = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = there.local_addr().unwrap();
    wants_tokio(async move { tokio::net::TcpStream::connect(address).await });
    wants_tokio(async { tokio::net::TcpListener::bind("127.0.0.1:0").await });
}

#[test]
fn towers_timeout_panics() {
    wants_tokio(async {
        let service = tower::service_fn(|()| async { Ok::<_, tower::BoxError>(()) });
        let mut service = tower::timeout::Timeout::new(service, SOON);
        service.ready().await?.call(()).await
    });
}

#[test]
fn the_redis_crates_own_connections_panic() {
    let there = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/", there.local_addr().unwrap());
    wants_tokio(async move {
        let client = redis::Client::open(url)?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        connection.get::<_, Option<String>>("key").await
    });
}
