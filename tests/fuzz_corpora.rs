//! The seeds of the fuzz targets, replayed on any toolchain: what was found once stays found.

mod common;
mod model;

fn replay(target: &str, check: fn(&[u8])) {
    let dir = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let seeds: Vec<_> = std::fs::read_dir(dir).unwrap().flatten().collect();
    assert!(!seeds.is_empty());
    for seed in seeds {
        println!("{target}: {:?}", seed.file_name()); // shown when it fails
        check(&std::fs::read(seed.path()).unwrap());
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
