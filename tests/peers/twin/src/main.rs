//! `http_hyper` on tokio's current-thread runtime: `peers-twin PORT`.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::time::Duration;
use tokio::net::TcpListener;

const LIMIT: usize = 1 << 20;

async fn plain(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => (StatusCode::OK, Bytes::from_static(b"Hello, World!")),
        (&Method::POST, "/echo") => {
            match Limited::new(request.into_body(), LIMIT).collect().await {
                Ok(body) => (StatusCode::OK, body.to_bytes()),
                Err(_) => (StatusCode::PAYLOAD_TOO_LARGE, Bytes::new()),
            }
        }
        _ => (StatusCode::NOT_FOUND, Bytes::new()),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    Ok(response)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|word| word.parse::<u16>().ok());
    let listener = TcpListener::bind(("127.0.0.1", port.unwrap_or(8081))).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let mut server = auto::Builder::new(TokioExecutor::new());
            server
                .http1()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(10))
                .pipeline_flush(true);
            server.http2().timer(TokioTimer::new());
            if let Err(error) =
                server.serve_connection(TokioIo::new(stream), service_fn(plain)).await
            {
                eprintln!("a connection ended: {error}");
            }
        });
    }
}
