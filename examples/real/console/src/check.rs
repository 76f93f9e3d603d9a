//! Asks the console's server what a console would, and asserts what it says of our tasks.

use console_api::field::{Name, Value};
use console_api::instrument::InstrumentRequest;
use console_api::instrument::instrument_client::InstrumentClient;
use console_api::tasks::{Stats, Task};
use std::collections::HashMap;
use std::time::Duration;

/// How long the tasks are watched.
const WATCHED: Duration = Duration::from_secs(2);

/// What is known of the tasks, by the numbers of their spans.
#[derive(Default)]
struct Known {
    names: HashMap<u64, String>,
    stats: HashMap<u64, Stats>,
}

impl Known {
    fn note(&mut self, task: &Task) {
        let is_name = |name: &Option<Name>| *name == Some(Name::StrName("task.name".to_owned()));
        let field = task.fields.iter().find(|field| is_name(&field.name));
        if let (Some(id), Some(Value::StrVal(name))) =
            (task.id, field.and_then(|f| f.value.clone()))
        {
            self.names.insert(id.id, name);
        }
    }
}

/// Connects to the server, watches its updates for a while, and asserts what was in them.
pub fn ask(port: u16) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let known = runtime.map_err(|e| e.to_string())?.block_on(watch(port))?;
    let named = |name: &str| known.names.iter().find(|(_, known)| known.as_str() == name);
    for (name, fewest) in [("main", 1), ("ticks", 10), ("echo", 10), ("waits for a thread", 4)] {
        let (id, _) = named(name).ok_or_else(|| format!("no task `{name}`: {:?}", known.names))?;
        let stats = &known.stats[id];
        let polls = stats.poll_stats.as_ref().map_or(0, |polls| polls.polls);
        println!("{name}: {polls} polls, {} wakes", stats.wakes);
        assert!(polls >= fewest, "{name}: {stats:?}");
        assert!(stats.wakes + 1 >= polls && stats.dropped_at.is_none(), "{name}: {stats:?}");
    }
    let of = |name: &str| named(name).map(|(id, _)| &known.stats[id]).expect("it is there");
    let lost = of("forgetful");
    assert_eq!(lost.waker_clones, lost.waker_drops, "it has no waker: {lost:?}");
    let echo = of("echo");
    assert!(echo.waker_clones > echo.waker_drops, "somebody has one of it: {echo:?}");
    let asks = of("impatient");
    assert!(2 * asks.self_wakes > asks.wakes, "it mostly wakes itself: {asks:?}");
    println!("the console sees {} tasks", known.names.len());
    Ok(())
}

async fn watch(port: u16) -> Result<Known, String> {
    let address = format!("http://127.0.0.1:{port}");
    let mut client = None;
    for _ in 0..100 {
        client = InstrumentClient::connect(address.clone()).await.ok();
        if client.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut client = client.ok_or_else(|| format!("nothing listens at {address}"))?;
    let updates = client.watch_updates(InstrumentRequest {}).await.map_err(|e| e.to_string())?;
    let (mut updates, mut known) = (updates.into_inner(), Known::default());
    let watched = async {
        while let Some(update) = updates.message().await.map_err(|e| e.to_string())? {
            let Some(tasks) = update.task_update else { continue };
            tasks.new_tasks.iter().for_each(|task| known.note(task));
            known.stats.extend(tasks.stats_update);
        }
        Ok::<(), String>(())
    };
    match tokio::time::timeout(WATCHED, watched).await {
        Ok(Ok(())) => Err("the server ended".to_owned()),
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(known),
    }
}
