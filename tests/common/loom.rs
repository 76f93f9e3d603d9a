//! What the loom models share.

/// Every interleaving of `body` with at most so many switches that no thread asked for: most bugs
/// need two or three.
pub fn model(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(body);
}
