//! A page over TLS: rustls between our streams and HTTP, with a certificate made at the start.
//!
//! Level: 2 of 3. Minutes: 5. Read: examples/real/src/tls.rs
//!
//! Question: does a state machine that reads a record here, half a record there, and writes while it
//! should read, live on our streams? Prediction: yes, if a read that has nothing says so and wakes
//! later; and each failure can say what it was.
//!
//!     cargo run --release --bin tls             # it prints the curl command that trusts it
//!
//! CI: --check

use futures_util::{AsyncReadExt, AsyncWriteExt};
use singletrack::aio::{TcpStream, create_task};
use singletrack_real::tls::{Authority, connect, connection};
use singletrack_real::{AnyError, arguments, listen, page, run, serve, threads};
use std::net::SocketAddr;

fn main() -> Result<(), AnyError> {
    let given = arguments(8443, "");
    run(async move {
        let authority = Authority::new("singletrack")?;
        if given.check {
            return check(authority).await;
        }
        let address = server(&authority, &["localhost"], 2999, given.port)?;
        let file = std::env::temp_dir().join("singletrack-authority.pem");
        std::fs::write(&file, authority.pem())?;
        println!("curl --cacert {} https://localhost:{}/", file.display(), address.port());
        std::future::pending().await
    })
}

/// A server whose certificate is for these names and good until that year.
fn server(
    authority: &Authority,
    names: &[&str],
    until: i32,
    port: u16,
) -> Result<SocketAddr, AnyError> {
    let (listener, address) = listen("https", port)?;
    let acceptor = authority.acceptor(names, until)?;
    drop(create_task(serve(listener, move |stream| connection(stream, acceptor.clone()))));
    Ok(address)
}

/// What is said of a server, or the page that it shows.
async fn ask(client: &Authority, name: &str, address: SocketAddr) -> Result<String, AnyError> {
    let mut stream = connect(&client.connector()?, name, address).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    let mut page = String::new();
    stream.read_to_string(&mut page).await?;
    Ok(page)
}

async fn fails(asked: impl Future<Output = Result<String, AnyError>>, why: &str) {
    let said = asked.await.expect_err(why).to_string();
    assert!(said.contains(why), "`{said}` does not say `{why}`");
    println!("  {said}");
}

async fn check(authority: Authority) -> Result<(), AnyError> {
    let good = server(&authority, &["localhost", "127.0.0.1"], 2999, 0)?;
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let connector = authority.connector();
            create_task(async move {
                let mut stream = connect(&connector?, "127.0.0.1", good).await?;
                stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await?;
                let mut page = String::new();
                stream.read_to_string(&mut page).await?;
                Ok::<_, AnyError>(page)
            })
        })
        .collect();
    for task in asked {
        assert!(task.await??.contains("TLSv1_3"));
    }
    println!("20 clients saw the page; and of servers that are not what they should be is said:");
    fails(ask(&authority, "example.org", good), "not valid for name").await;
    fails(ask(&Authority::new("another")?, "localhost", good), "signed by nobody").await;
    let old = server(&authority, &["localhost"], 2001, 0)?;
    fails(ask(&authority, "localhost", old), "expired").await;
    let (plain, address) = listen("http", 0)?;
    drop(create_task(serve(plain, |mut stream| async move {
        page::answer(&mut stream, "400 Bad Request", "this is HTTP").await
    })));
    fails(ask(&authority, "localhost", address), "not TLS").await;
    let (deaf, address) = listen("tcp", 0)?;
    drop(create_task(serve(deaf, |_| async { Ok(()) })));
    fails(ask(&authority, "localhost", address), "hung up").await;
    let nobody = listen("tcp", 0)?.1; // the listener is closed
    fails(ask(&authority, "localhost", nobody), "refused").await;

    // A client that speaks plain HTTP to the TLS server, and one that leaves: theirs alone.
    let mut stream = TcpStream::connect(good).await?;
    AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.1\r\n\r\n").await?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert_eq!(answer.first(), Some(&21), "a TLS alert");
    drop(TcpStream::connect(good).await?);
    assert!(ask(&authority, "localhost", good).await?.contains("TLSv1_3"));
    println!("the good server still answers; {} thread", threads());
    Ok(())
}
