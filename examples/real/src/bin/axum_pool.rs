//! axum handlers whose work runs in forked processes.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/process/pool/process_pool.rs
//!
//! Question: a handler calls code that aborts the process. Which requests are lost? Prediction:
//! that one, which gets a 500 that says so. The server, every other request and the next one live
//! on, since the work was another process's.
//!
//!     cargo run --release --bin axum_pool
//!     curl http://127.0.0.1:8080/fib/32
//!     curl -i http://127.0.0.1:8080/abort
//!
//! CI: --check

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use hyper_util::service::TowerToHyperService;
use singletrack::aio::create_task;
use singletrack::futures::JobError;
use singletrack::process::{ForkServer, ProcessPool};
use singletrack_real::http::{ask, request, serve_connection};
use singletrack_real::{AnyError, arguments, listen, run, serve, threads};
use std::net::SocketAddr;
use std::sync::Arc;

const WORKERS: usize = 2;

fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

/// What no `catch_unwind` helps against.
fn abort((): ()) -> u64 {
    std::process::abort()
}

fn panics((): ()) -> u64 {
    panic!("this job never works")
}

type Answer = Result<String, (StatusCode, String)>;

/// A job's end as an answer: what it came to, or a 500 that says what happened to it.
fn answer(outcome: Result<u64, JobError>) -> Answer {
    outcome
        .map(|value| format!("{value}\n"))
        .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")))
}

async fn computes(State(pool): State<Arc<ProcessPool>>, Path(n): Path<u64>) -> Answer {
    if n > 45 {
        return Err((StatusCode::BAD_REQUEST, "fib of more than 45 takes too long\n".to_owned()));
    }
    answer(pool.submit(fib, n).await)
}

async fn aborts(State(pool): State<Arc<ProcessPool>>) -> Answer {
    answer(pool.submit(abort, ()).await)
}

async fn panicking(State(pool): State<Arc<ProcessPool>>) -> Answer {
    answer(pool.submit(panics, ()).await)
}

fn main() -> Result<(), AnyError> {
    let given = arguments(8080, "");
    // Before any thread: workers are forked from this process as it is now.
    let fork_server = ForkServer::start()?;
    let pool = Arc::new(ProcessPool::new(&fork_server, WORKERS)?);
    let router = Router::new()
        .route("/fib/{n}", get(computes))
        .route("/abort", get(aborts))
        .route("/panic", get(panicking))
        .with_state(pool);
    let router = TowerToHyperService::new(router);
    run(async move {
        let (listener, address) = listen("http", given.port)?;
        let serving =
            create_task(serve(listener, move |stream| serve_connection(stream, router.clone())));
        if given.check { check(address).await } else { Ok(serving.await?) }
    })
}

/// Forty requests at once, of which every fourth takes its worker down.
async fn check(address: SocketAddr) -> Result<(), AnyError> {
    let path = |n: u64| match n % 4 {
        0 => "/abort".to_owned(),
        _ => format!("/fib/{}", n % 20),
    };
    let asked: Vec<_> = (0..40)
        .map(|n| create_task(async move { ask(address, request("GET", &path(n), "")).await }))
        .collect();
    let (mut right, mut lost) = (0, 0);
    for (n, task) in (0..40).zip(asked) {
        let (status, body) = task.await??;
        let body = String::from_utf8(body.to_vec())?;
        match n % 4 {
            0 => {
                assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
                assert!(body.contains("signal 6") || body.contains("SIGABRT"), "{body}");
                lost += 1;
            }
            _ => {
                assert_eq!((status, body), (StatusCode::OK, format!("{}\n", fib(n % 20))));
                right += 1;
            }
        }
    }
    let (status, body) = ask(address, request("GET", "/panic", "")).await?;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(std::str::from_utf8(&body)?.contains("this job never works"));
    println!(
        "{right} answers right, {lost} said that their worker was lost; {} threads",
        threads()
    );
    Ok(())
}
