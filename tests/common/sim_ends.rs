//! What a simulated program says at its end, over all orders that a search tries.

use singletrack::sim::{Explorer, Sim};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::Future;

/// What it says, or that some order fails; `None` if there are more orders than anyone wants to wait
/// for.
pub fn ends<T: Ord, F: Future<Output = T>>(
    explorer: Explorer,
    program: impl Fn(Sim) -> F,
) -> Option<Result<BTreeSet<T>, ()>> {
    let said = RefCell::new(BTreeSet::new());
    let explored = explorer.explore(|sim| {
        let (said, program) = (&said, program(sim));
        async move {
            let heard = program.await;
            said.borrow_mut().insert(heard);
        }
    });
    match explored {
        Ok(explored) => explored.complete.then(|| Ok(said.into_inner())),
        Err(_) => Some(Err(())),
    }
}

/// All that the plain search hears, which the reduced one has to hear too.
pub fn both_hear<T: Ord + std::fmt::Debug, F: Future<Output = T>>(
    program: impl Fn(Sim) -> F,
    all: impl IntoIterator<Item = T>,
) {
    let all = Some(Ok(all.into_iter().collect()));
    assert_eq!(ends(Explorer::new().exhaustive(), &program), all);
    assert_eq!(ends(Explorer::new().only_shared(), &program), all);
}
