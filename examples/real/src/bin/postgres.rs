//! SQL by tokio-postgres, over a connection of our loop.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/interop/tokio_io.rs
//!
//! Question: does a database client that was written for tokio need tokio? Prediction: no: it is
//! given a connection, and asks for two traits.
//!
//!     sudo apt install postgresql
//!     PATH=$PATH:$(echo /usr/lib/postgresql/*/bin)        # not as root:
//!     initdb -D /tmp/pg -A trust -U postgres && postgres -D /tmp/pg -k /tmp -p 5433
//!     cargo run --release --bin postgres -- --port 5433
//!
//! `--check` starts a server of its own, asks psql the same, and kills it in the middle of a query.
//! CI: --check

use singletrack::aio::{Child, TcpStream, create_task, gather, sleep, spawn, wait_for};
use singletrack_real::postgres_server::Server;
use singletrack_real::{AnyError, arguments, program, run, threads};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

/// How long a dead server may go unnoticed.
const LIMIT: Duration = Duration::from_secs(10);

const SUMS: &str = "SELECT n % 3, sum(n)::bigint FROM generate_series(1, 1000) AS n GROUP BY 1 \
                    ORDER BY 1";

/// A client of the server at this address. A task of the loop carries its bytes.
async fn connect(address: SocketAddr) -> Result<Client, AnyError> {
    let stream = TcpStream::connect(address).await?;
    let mut config = Config::new();
    config.user("postgres").dbname("postgres");
    let (client, connection) = config.connect_raw(stream, NoTls).await?;
    drop(create_task(async move {
        if let Err(error) = connection.await {
            eprintln!("the connection ended: {error}");
        }
    }));
    Ok(client)
}

/// The sums, in psql's form.
async fn sums(client: &Client) -> Result<String, AnyError> {
    let rows = client.query(SUMS, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| format!("{}|{}\n", row.get::<_, i32>(0), row.get::<_, i64>(1)))
        .collect())
}

/// Rows in, rows out; a hundred questions on one connection before the first answer.
async fn work(client: &Rc<Client>) -> Result<(), AnyError> {
    client.batch_execute("CREATE TEMP TABLE squares (n int PRIMARY KEY, square int)").await?;
    let insert = client.prepare("INSERT INTO squares VALUES ($1, $2)").await?;
    let inserts = (0..100).map(|n: i32| {
        let (client, insert) = (Rc::clone(client), insert.clone());
        create_task(async move { client.execute(&insert, &[&n, &(n * n)]).await })
    });
    for inserted in gather(inserts).await? {
        assert_eq!(inserted?, 1);
    }
    let row = client.query_one("SELECT count(*), sum(square)::bigint FROM squares", &[]).await?;
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (100, 328_350));
    let twice = client.execute(&insert, &[&1, &1]).await.expect_err("the key is taken");
    assert_eq!(twice.code(), Some(&SqlState::UNIQUE_VIOLATION));
    Ok(())
}

fn main() -> Result<(), AnyError> {
    let given = arguments(5433, "");
    run(async move {
        if given.check {
            return check().await;
        }
        let address = ([127, 0, 0, 1], given.port).into();
        let client = connect(address).await.map_err(|error| {
            format!("no PostgreSQL at {address}: {error}. The first lines of this file start one")
        })?;
        let client = Rc::new(client);
        work(&client).await?;
        let row = client.query_one("SELECT version()", &[]).await?;
        println!("{}\n{}{} thread(s)", row.get::<_, &str>(0), sums(&client).await?, threads());
        Ok(())
    })
}

/// What psql says to the same question, without decorations.
async fn by_psql(address: SocketAddr) -> Result<Option<String>, AnyError> {
    let Some(psql) = program("psql") else { return Ok(None) };
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut child: Child = spawn(
        Command::new(psql)
            .args(["-h", &host, "-p", &port, "-U", "postgres", "-X", "-A", "-t", "-c", SUMS])
            .stdin(Stdio::null())
            .stdout(Stdio::piped()),
    )?;
    let output = child.communicate(b"").await?;
    Ok(Some(String::from_utf8(output.stdout)?))
}

async fn check() -> Result<(), AnyError> {
    let Some(mut server) = Server::start().await? else {
        println!("SKIPPED: no PostgreSQL here: apt install postgresql");
        return Ok(());
    };
    let client = loop {
        match connect(server.address).await {
            Ok(client) => break Rc::new(client),
            Err(error) if starting(&error) => sleep(Duration::from_millis(50)).await,
            Err(error) => return Err(error),
        }
    };
    work(&client).await?;
    let ours = sums(&client).await?;
    match by_psql(server.address).await? {
        Some(psql) => assert_eq!(ours, psql, "psql disagrees"),
        None => println!("SKIPPED: psql is not here to agree"),
    }
    let asleep = create_task({
        let client = Rc::clone(&client);
        async move { client.batch_execute("SELECT pg_sleep(60)").await }
    });
    while client_count(server.address).await? == 0 {
        sleep(Duration::from_millis(20)).await;
    }
    server.kill().await?;
    let error = wait_for(asleep, Some(LIMIT)).await??.expect_err("its server is dead");
    println!("a query whose server was killed: {error}");
    let after = wait_for(client.query("SELECT 1", &[]), Some(LIMIT)).await?;
    println!("the next one: {}", after.expect_err("the connection is gone"));
    let refused = connect(server.address).await.err().ok_or("a dead server answers")?;
    println!("and a new client: {refused}; {} thread", threads());
    Ok(())
}

/// Whether the server says that it is not ready yet.
fn starting(error: &AnyError) -> bool {
    let error = error.downcast_ref::<tokio_postgres::Error>();
    error.and_then(tokio_postgres::Error::code) == Some(&SqlState::CANNOT_CONNECT_NOW)
}

/// How many clients sleep inside the server.
async fn client_count(address: SocketAddr) -> Result<i64, AnyError> {
    let asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    Ok(connect(address).await?.query_one(asked, &[]).await?.get(0))
}
