//! A browser without a window, driven by our own WebSocket client over its DevTools protocol.
//!
//! *Promises*: a page that throws, or writes an error to its console, fails [`Browser::close`]; the
//! browser and its folder are gone afterwards.

use crate::{AnyError, http, program};
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use futures_util::StreamExt;
use serde_json::{Value, json};
use singletrack::aio::{Child, TcpStream, sleep, spawn, wait_for};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long a page may take for what is waited for.
const PATIENCE: Duration = Duration::from_secs(25);

pub struct Browser {
    process: Child,
    socket: WebSocketStream<TcpStream>,
    folder: PathBuf,
    asked: u64,
    /// What the page threw or wrote to its console as an error.
    complaints: Vec<String>,
}

impl Browser {
    /// A browser that shows this page; `None` if this machine has none.
    pub async fn open(url: &str) -> Result<Option<Browser>, AnyError> {
        let Some(chromium) = program("chromium").or_else(|| program("google-chrome")) else {
            return Ok(None);
        };
        let folder = std::env::temp_dir().join(format!("singletrack-page-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let mut process = spawn(
            Command::new(chromium)
                .args(["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"])
                .args(["--window-size=1100,900", "about:blank"])
                .arg(format!("--user-data-dir={}", folder.display()))
                .stdin(Stdio::null())
                .stderr(Stdio::null()),
        )?;
        process.kill_on_drop(true);
        let socket = wait_for(connect(&folder), Some(PATIENCE)).await??;
        let mut browser = Browser { process, socket, folder, asked: 0, complaints: Vec::new() };
        for domain in ["Runtime", "Log", "Page"] {
            browser.call(&format!("{domain}.enable"), json!({})).await?;
        }
        browser.call("Page.navigate", json!({ "url": url })).await?;
        browser.until("document.readyState === 'complete'").await?;
        Ok(Some(browser))
    }

    /// Calls a method of the protocol; notes what the page complains of meanwhile.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value, AnyError> {
        self.asked += 1;
        let request = json!({ "id": self.asked, "method": method, "params": params });
        self.socket.send(Message::text(request.to_string())).await?;
        loop {
            let next = wait_for(self.socket.next(), Some(PATIENCE)).await?;
            let message = next.ok_or("the browser has hung up")??.into_text()?;
            let message: Value = serde_json::from_str(message.as_str())?;
            if message["id"] == self.asked {
                return match message.get("error") {
                    Some(error) => Err(format!("{method}: {error}").into()),
                    None => Ok(message["result"].clone()),
                };
            }
            let (event, what) = (&message["method"], &message["params"]);
            let complains = event == "Runtime.exceptionThrown"
                || event == "Runtime.consoleAPICalled" && what["type"] == "error"
                || event == "Log.entryAdded" && what["entry"]["level"] == "error";
            // A browser asks every site for an icon.
            if complains && !what.to_string().contains("favicon.ico") {
                self.complaints.push(what.to_string());
            }
        }
    }

    /// The value of a JavaScript expression in the page.
    pub async fn evaluate(&mut self, expression: &str) -> Result<Value, AnyError> {
        let params = json!({ "expression": expression, "returnByValue": true });
        let result = self.call("Runtime.evaluate", params).await?;
        match result.get("exceptionDetails") {
            Some(thrown) => Err(format!("{expression}: {thrown}").into()),
            None => Ok(result["result"]["value"].clone()),
        }
    }

    /// Waits until the expression is true.
    pub async fn until(&mut self, expression: &str) -> Result<(), AnyError> {
        for _ in 0..PATIENCE.as_millis() / 50 {
            if self.evaluate(expression).await? == Value::Bool(true) {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err(format!("this did not come true: {expression}").into())
    }

    /// Writes what one would see to a file, as PNG in base 64.
    pub async fn screenshot(&mut self, file: &Path) -> Result<(), AnyError> {
        let picture = self.call("Page.captureScreenshot", json!({})).await?;
        Ok(std::fs::write(file, picture["data"].as_str().unwrap_or_default())?)
    }

    /// Ends the browser. An error if the page has complained.
    pub async fn close(mut self) -> Result<(), AnyError> {
        self.process.kill()?;
        self.process.wait().await?;
        let _ = std::fs::remove_dir_all(&self.folder); // its children may still write there
        match self.complaints.is_empty() {
            true => Ok(()),
            false => Err(format!("the page complains: {}", self.complaints.join("\n")).into()),
        }
    }
}

/// A connection to the first page of the browser that keeps its port in `folder`.
async fn connect(folder: &Path) -> Result<WebSocketStream<TcpStream>, AnyError> {
    loop {
        sleep(Duration::from_millis(20)).await;
        let Ok(text) = std::fs::read_to_string(folder.join("DevToolsActivePort")) else { continue };
        let Some(Ok(port)) = text.lines().next().map(str::parse::<u16>) else { continue };
        let address = ([127, 0, 0, 1], port).into();
        let (_, pages) = http::ask(address, http::request("GET", "/json/list", "")).await?;
        let Ok(pages) = serde_json::from_slice::<Value>(&pages) else { continue }; // too early
        let page = pages.as_array().into_iter().flatten().find(|page| page["type"] == "page");
        let Some(Some(url)) = page.map(|page| page["webSocketDebuggerUrl"].as_str()) else {
            continue;
        };
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        let url = format!("ws://{address}/{path}");
        let stream = TcpStream::connect(address).await?;
        return Ok(async_tungstenite::client_async(url, stream).await?.0);
    }
}
