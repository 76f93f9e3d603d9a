//! HTTP by hyper: a server for one connection, and a client for one request.

use crate::AnyError;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper::{Request, Response, StatusCode};
use hyper_util::server::conn::auto;
use singletrack::aio::{TcpStream, create_task};
use singletrack::interop::{LoopExecutor, LoopTimer};
use std::net::SocketAddr;
use std::time::Duration;

/// How long a client may take to send the head of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// Serves one connection, HTTP/1 or 2 by what the client begins with.
pub async fn serve_connection<S, B>(stream: TcpStream, service: S) -> Result<(), AnyError>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Future: 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut server = auto::Builder::new(LoopExecutor);
    server.http1().timer(LoopTimer).header_read_timeout(HEAD_LIMIT).pipeline_flush(true);
    server.http2().timer(LoopTimer);
    server.serve_connection(stream, service).await.map_err(|error| -> AnyError { error })
}

/// One request on a connection of its own: the status and the body of the answer.
pub async fn ask(
    address: SocketAddr,
    mut request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), AnyError> {
    // A whole URL is for proxies; the server's name is in the header.
    *request.uri_mut() = request.uri().path().parse()?;
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    let driver = create_task(connection);
    let answer: Response<Incoming> = sender.send_request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    drop(sender);
    drop(driver); // it ends by itself, now that nothing more is asked
    Ok((status, body))
}

/// The same over HTTP/2, all requests on one connection at once, the answers in their order.
pub async fn ask_together(
    address: SocketAddr,
    requests: Vec<Request<Full<Bytes>>>,
) -> Result<Vec<(StatusCode, Bytes)>, AnyError> {
    let stream = TcpStream::connect(address).await?;
    let (sender, connection) = hyper::client::conn::http2::handshake(LoopExecutor, stream).await?;
    drop(create_task(connection));
    let asked: Vec<_> = requests
        .into_iter()
        .map(|request| {
            let mut sender = sender.clone();
            create_task(async move {
                let answer: Response<Incoming> = sender.send_request(request).await?;
                let status = answer.status();
                Ok::<_, hyper::Error>((status, answer.into_body().collect().await?.to_bytes()))
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in asked {
        answers.push(task.await??);
    }
    Ok(answers)
}

/// A request with a body.
pub fn request(method: &str, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(format!("http://localhost{path}"))
        .header("host", "localhost")
        .body(Full::new(body.into()))
        .expect("a method and a path that are written here")
}
