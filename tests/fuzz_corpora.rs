//! The seeds of the fuzz targets, replayed on any toolchain: what was found once stays found.

mod common;
mod model;
#[path = "common/seeds.rs"]
mod seeds;

fn replay(target: &str, check: fn(&[u8])) {
    for (name, seed) in seeds::seeds(target) {
        println!("{target}: {name}"); // shown when it fails
        check(&seed);
    }
}

#[test]
fn every_seed_passes() {
    let _dog = common::watchdog("every_seed_passes", 60);
    replay("task_ops", model::tasks::check_bytes);
    replay("timer_ops", model::timers::check_bytes);
    replay("registry_ops", model::registry::check_bytes);
    replay("sync_prims", model::sync::check_bytes);
    replay("backend_diff", model::backends::check_bytes);
    replay("world_ops", model::world::check_bytes);
}
