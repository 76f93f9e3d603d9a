//! Live lanes of threads under the interpreter lock, in a browser, with a slider for the interval.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/gil/stats/record.rs
//!
//! Question: packets arrive every 10 ms, and one thread handles them while two others compute. What
//! does the switch interval do to the packets? Prediction: the thread waits an interval for the
//! lock after each call that blocks; beyond some milliseconds the packets queue up.
//!
//!     cargo run --release --bin dashboard      # then open the address
//!
//! The loop's own thread sends what is seen, and never takes the lock. Threads compute only while
//! somebody looks.
//! CI: --check

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use futures_util::StreamExt;
use serde_json::Value;
use singletrack::aio::{Either, TcpStream, create_task, interval, race, wait_for};
use singletrack_real::chromium::Browser;
use singletrack_real::scene::{REFRESH, Scene, Watcher, arrivals};
use singletrack_real::{AnyError, arguments, listen, page, run, serve, threads};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const PAGE: &str = include_str!("dashboard.html");

async fn connection(mut stream: TcpStream, scene: Arc<Scene>) -> Result<(), AnyError> {
    let asked = page::head(&mut stream).await?;
    match (asked.first.as_str(), asked.websocket_key) {
        ("GET /ws HTTP/1.1", Some(key)) => show(page::upgrade(stream, &key).await?, scene).await,
        ("GET / HTTP/1.1", _) => page::answer(&mut stream, "200 OK", PAGE).await,
        _ => page::answer(&mut stream, "404 Not Found", "").await,
    }
}

/// Sends a picture at every tick, and takes the interval that the slider says, in microseconds.
async fn show(mut socket: WebSocketStream<TcpStream>, scene: Arc<Scene>) -> Result<(), AnyError> {
    let _watcher = Watcher::new(&scene);
    let mut clock = interval(REFRESH);
    loop {
        match race(socket.next(), clock.tick()).await {
            Either::First(Some(Ok(Message::Text(text)))) => {
                let micros = text.parse::<u64>().map_err(|_| "the slider sent no number")?;
                let interval = Duration::from_micros(micros.clamp(100, 100_000));
                scene.lock.set_switch_interval(interval)?;
            }
            Either::First(Some(Ok(_))) => {}
            Either::First(Some(Err(error))) => return Err(error.into()),
            Either::First(None) => return Ok(()),
            Either::Second(_) => socket.send(Message::text(scene.picture().to_string())).await?,
        }
    }
}

fn main() -> Result<(), AnyError> {
    let given = arguments(8080, "");
    let (scene, packets) = Scene::start()?;
    run(async move {
        let (listener, address) = listen("http", given.port)?;
        drop(create_task(arrivals(Arc::clone(&scene), packets)));
        let serving = create_task(serve(listener, move |s| connection(s, Arc::clone(&scene))));
        if given.check { check(address).await } else { Ok(serving.await?) }
    })
}

/// A client hears pictures; a browser draws them, and its slider makes packets wait.
async fn check(address: SocketAddr) -> Result<(), AnyError> {
    let stream = TcpStream::connect(address).await?;
    let (mut socket, _) =
        async_tungstenite::client_async(format!("ws://{address}/ws"), stream).await?;
    let three_lanes = async {
        loop {
            let message = socket.next().await.ok_or("the server has hung up")??;
            let picture: Value = serde_json::from_str(message.into_text()?.as_str())?;
            if picture["lanes"].as_array().is_some_and(|lanes| lanes.len() == 3) {
                return Ok::<_, AnyError>(());
            }
        }
    };
    wait_for(three_lanes, Some(Duration::from_secs(20))).await??;
    socket.close(None).await?;
    println!("pictures of three threads came; {} threads", threads());
    let Some(mut browser) = Browser::open(&format!("http://{address}/")).await? else {
        println!("SKIPPED: the page in a browser: no chromium here");
        return Ok(());
    };
    let queue = "Number(document.querySelector('#queue').textContent)";
    browser.until("document.querySelectorAll('#lanes rect').length > 10").await?;
    browser.evaluate("slide(50)").await?;
    browser.until("shown.interval === 50").await?;
    browser.until(&format!("{queue} > 20")).await?;
    look(&mut browser, "dashboard-50ms.b64").await?;
    browser.evaluate("slide(0.5)").await?;
    browser.until(&format!("shown.interval === 0.5 && {queue} < 5")).await?;
    look(&mut browser, "dashboard-0.5ms.b64").await?;
    browser.close().await?;
    println!("a browser drew them; at 50 ms the queue grew, at 0.5 ms it was empty again");
    Ok(())
}

/// Leaves a picture in the folder `SCREENSHOTS`, if there is such a variable.
async fn look(browser: &mut Browser, name: &str) -> Result<(), AnyError> {
    match std::env::var_os("SCREENSHOTS").map(PathBuf::from) {
        Some(folder) => browser.screenshot(&folder.join(name)).await,
        None => Ok(()),
    }
}
