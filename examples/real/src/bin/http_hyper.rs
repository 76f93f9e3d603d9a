//! hyper's HTTP/1 and HTTP/2 server on one thread of our loop, plain or under axum.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/interop/hyper.rs
//!
//! Question: does the HTTP library that half of the ecosystem stands on run, unmodified, on a loop
//! that one can read in an evening? Prediction: yes, with one thread, since it asks for two traits,
//! an executor and a clock.
//!
//!     cargo run --release --bin http_hyper [-- --axum]
//!     curl -d hello http://127.0.0.1:8080/echo
//!     curl --http2-prior-knowledge http://127.0.0.1:8080/
//!     curl http://127.0.0.1:8080/metrics
//!
//! CI: --check

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::service::TowerToHyperService;
use singletrack::aio::create_task;
use singletrack_real::http::{ask, ask_together, request, serve_connection};
use singletrack_real::{AnyError, arguments, listen, run, serve, threads};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// The longest body that is echoed.
const LIMIT: usize = 1 << 20;

static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// What Prometheus would collect.
fn metrics() -> String {
    format!(
        "# TYPE http_requests_total counter\nhttp_requests_total {}\n\
         # TYPE process_threads gauge\nprocess_threads {}\n",
        REQUESTS.load(Ordering::Relaxed),
        threads()
    )
}

async fn plain(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    REQUESTS.fetch_add(1, Ordering::Relaxed);
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => (StatusCode::OK, Bytes::from_static(b"Hello, World!")),
        (&Method::GET, "/metrics") => (StatusCode::OK, metrics().into()),
        (&Method::POST, "/echo") => {
            match Limited::new(request.into_body(), LIMIT).collect().await {
                Ok(body) => (StatusCode::OK, body.to_bytes()),
                Err(error) if error.is::<LengthLimitError>() => {
                    (StatusCode::PAYLOAD_TOO_LARGE, format!("at most {LIMIT} bytes\n").into())
                }
                Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n").into()),
            }
        }
        (_, "/" | "/metrics" | "/echo") => (StatusCode::METHOD_NOT_ALLOWED, Bytes::new()),
        _ => (StatusCode::NOT_FOUND, Bytes::new()),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    Ok(response)
}

/// The same under axum. Its handlers must be `Send`, though nothing is sent.
fn router() -> Router {
    let count = || REQUESTS.fetch_add(1, Ordering::Relaxed);
    Router::new()
        .route(
            "/",
            get(move || async move {
                count();
                "Hello, World!"
            }),
        )
        .route(
            "/metrics",
            get(move || async move {
                count();
                metrics()
            }),
        )
        .route(
            "/echo",
            post(move |body: Bytes| async move {
                count();
                body
            }),
        )
        .layer(axum::extract::DefaultBodyLimit::max(LIMIT))
}

fn main() -> Result<(), AnyError> {
    let given = arguments(8080, "--axum");
    run(async move {
        let (listener, address) = listen("http", given.port)?;
        let serving = if given.extra {
            let router = TowerToHyperService::new(router());
            create_task(serve(listener, move |stream| serve_connection(stream, router.clone())))
        } else {
            create_task(serve(listener, |stream| serve_connection(stream, service_fn(plain))))
        };
        if given.check { check(address).await } else { Ok(serving.await?) }
    })
}

async fn check(address: SocketAddr) -> Result<(), AnyError> {
    let (status, body) = ask(address, request("GET", "/", "")).await?;
    assert_eq!((status, &body[..]), (StatusCode::OK, &b"Hello, World!"[..]));
    let big = vec![b'x'; LIMIT];
    assert_eq!(ask(address, request("POST", "/echo", big.clone())).await?.1, big);
    let (status, _) = ask(address, request("POST", "/echo", vec![0; LIMIT + 1])).await?;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(ask(address, request("GET", "/nothing", "")).await?.0, StatusCode::NOT_FOUND);

    let bodies: Vec<String> = (0..100).map(|n| format!("stream {n}")).collect();
    let all = bodies.iter().map(|body| request("POST", "/echo", body.clone())).collect();
    let answers = ask_together(address, all).await?;
    assert!(answers.iter().map(|(_, body)| body).eq(bodies.iter().map(String::as_bytes)));

    let (_, counted) = ask(address, request("GET", "/metrics", "")).await?;
    let counted = String::from_utf8(counted.to_vec())?;
    assert!(counted.contains("process_threads 1\n"), "{counted}");
    println!("HTTP/1 and HTTP/2 answered rightly; 100 streams on one connection, 1 thread");
    Ok(())
}
