//! A chat by WebSocket: a page in a browser, tungstenite in the middle, our loop below.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/interop/futures_io.rs
//!
//! Question: what does a browser need of a runtime? Prediction: nothing that it could notice: the
//! protocol is async-tungstenite's, over the traits of `futures-io`.
//!
//!     cargo run --release --bin websocket      # then open the address in two windows
//!
//! What one window says, all hear, and the server adds how many are there.
//! CI: --check

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use futures_util::StreamExt;
use singletrack::aio::{Queue, TcpStream, create_task};
use singletrack_real::chromium::Browser;
use singletrack_real::{AnyError, arguments, listen, page, run, serve, threads};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

const PAGE: &str = include_str!("websocket.html");

/// How many messages wait for a slow reader before it is let go.
const BACKLOG: usize = 256;

/// Who is there: what is to be said to each.
#[derive(Default)]
struct Room {
    members: BTreeMap<u64, Rc<Queue<String>>>,
    last: u64,
}

impl Room {
    /// Says it to all. Whoever does not keep up leaves the room.
    fn say(&mut self, text: &str) {
        self.members.retain(|_, member| member.put_nowait(text.to_owned()).is_ok());
    }
}

async fn connection(mut stream: TcpStream, room: Rc<RefCell<Room>>) -> Result<(), AnyError> {
    let asked = page::head(&mut stream).await?;
    match (asked.first.as_str(), asked.websocket_key) {
        ("GET /ws HTTP/1.1", Some(key)) => chat(page::upgrade(stream, &key).await?, room).await,
        ("GET / HTTP/1.1", _) => page::answer(&mut stream, "200 OK", PAGE).await,
        _ => page::answer(&mut stream, "404 Not Found", "").await,
    }
}

/// One member of the room, until it leaves: one task reads, another writes.
async fn chat(socket: WebSocketStream<TcpStream>, room: Rc<RefCell<Room>>) -> Result<(), AnyError> {
    let (mut sink, mut messages) = socket.split();
    let queue = Rc::new(Queue::new(BACKLOG));
    let id = {
        let mut room = room.borrow_mut();
        room.last += 1;
        let id = room.last;
        room.members.insert(id, Rc::clone(&queue));
        let count = room.members.len();
        room.say(&format!("{count} here"));
        id
    };
    let outgoing = Rc::clone(&queue);
    let writing = create_task(async move {
        while let Ok(text) = outgoing.get().await {
            if sink.send(Message::text(text)).await.is_err() {
                break;
            }
        }
        let _ = sink.close(None).await;
    });
    let mut ended = Ok(());
    while let Some(message) = messages.next().await {
        match message {
            Ok(Message::Text(text)) => room.borrow_mut().say(&format!("{id} says {text}")),
            Ok(Message::Close(_)) => break,
            Ok(_) => {}
            Err(error) => {
                ended = Err(error.into());
                break;
            }
        }
    }
    room.borrow_mut().members.remove(&id);
    queue.shutdown(true);
    let _ = writing.await;
    ended
}

fn main() -> Result<(), AnyError> {
    let given = arguments(8080, "");
    run(async move {
        let (listener, address) = listen("http", given.port)?;
        let room = Rc::new(RefCell::new(Room::default()));
        let serving = create_task(serve(listener, move |s| connection(s, Rc::clone(&room))));
        if given.check { check(address).await } else { Ok(serving.await?) }
    })
}

/// A client, as the page is one.
async fn join(address: SocketAddr) -> Result<WebSocketStream<TcpStream>, AnyError> {
    let stream = TcpStream::connect(address).await?;
    let (socket, _) = async_tungstenite::client_async(format!("ws://{address}/ws"), stream).await?;
    Ok(socket)
}

async fn hears(socket: &mut WebSocketStream<TcpStream>, text: &str) -> Result<(), AnyError> {
    let message = socket.next().await.ok_or("the server has hung up")??;
    assert_eq!(message.into_text()?.as_str(), text);
    Ok(())
}

async fn check(address: SocketAddr) -> Result<(), AnyError> {
    let mut first = join(address).await?;
    hears(&mut first, "1 here").await?;
    let mut second = join(address).await?;
    hears(&mut first, "2 here").await?;
    hears(&mut second, "2 here").await?;
    first.send(Message::text("hello")).await?;
    hears(&mut first, "1 says hello").await?;
    hears(&mut second, "1 says hello").await?;
    first.close(None).await?;
    while first.next().await.is_some() {} // until the server has answered the goodbye
    second.send(Message::text("alone?")).await?;
    hears(&mut second, "2 says alone?").await?;
    println!("two members heard each other, and one the silence; {} thread", threads());
    second.close(None).await?;
    browse(address).await
}

/// The page in a browser: it connects, what is typed comes back, and nothing is complained of.
async fn browse(address: SocketAddr) -> Result<(), AnyError> {
    let Some(mut browser) = Browser::open(&format!("http://{address}/")).await? else {
        println!("SKIPPED: the page in a browser: no chromium here");
        return Ok(());
    };
    browser.until("document.querySelector('#state').textContent === 'connected'").await?;
    let say = "document.querySelector('input').value = 'a <b>browser</b>';
               document.querySelector('form').requestSubmit()";
    browser.evaluate(say).await?;
    browser.until("/says a <b>browser/.test(document.querySelector('#log').textContent)").await?;
    browser.close().await?;
    println!("a browser connected and heard itself");
    Ok(())
}
