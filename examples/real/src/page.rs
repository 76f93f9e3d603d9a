//! HTTP/1.1 by hand, as far as a page needs it: the head of a request, an answer, and the way from
//! there to a WebSocket.
//!
//! *Promises*: a client that sends too much, too slowly or half of it is an error within
//! [`HEAD_LIMIT`], and costs at most [`HEAD_MOST`] bytes.

use crate::AnyError;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::handshake::derive_accept_key;
use async_tungstenite::tungstenite::protocol::Role;
use futures_util::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use singletrack::aio::{TcpStream, wait_for};
use std::time::Duration;

/// The longest head of a request, and how long a client may take for it.
pub const HEAD_MOST: usize = 16 * 1024;
pub const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// What a client asks for.
pub struct Head {
    /// `GET / HTTP/1.1`.
    pub first: String,
    /// The key, if it asks for a WebSocket.
    pub websocket_key: Option<String>,
}

/// Reads the head of a request.
pub async fn head<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Head, AnyError> {
    let bytes = wait_for(read_head(stream), Some(HEAD_LIMIT)).await??;
    let text = String::from_utf8(bytes)?;
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let websocket_key = lines.filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    });
    Ok(Head { first, websocket_key })
}

async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, AnyError> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).await?;
        if count == 0 || head.len() > HEAD_MOST {
            return Err("the head of a request is cut off, or too long".into());
        }
        head.extend_from_slice(&piece[..count]);
    }
    Ok(head)
}

/// Answers with a page, after which the connection ends.
pub async fn answer<S>(stream: &mut S, status: &str, body: &str) -> Result<(), AnyError>
where
    S: AsyncWrite + Unpin,
{
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await?;
    Ok(stream.close().await?)
}

/// Agrees to a WebSocket.
pub async fn upgrade(
    mut stream: TcpStream,
    key: &str,
) -> Result<WebSocketStream<TcpStream>, AnyError> {
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await?;
    Ok(WebSocketStream::from_raw_socket(stream, Role::Server, None).await)
}
