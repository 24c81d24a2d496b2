//! Waiting for several things at once, or for one and no longer than for some time.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use futures_util::future::{Either, maybe_done, select};
use worker::{Delay, Result};

/// The result of calls to objects, or an error if they take longer than this.
pub(crate) async fn within<T>(
    budget: Duration,
    calls: impl Future<Output = Result<T>>,
) -> Result<T> {
    match select(pin!(calls), pin!(Delay::from(budget))).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => Err("an object did not answer in time".into()),
    }
}

/// What all of these give, in their order.
///
/// `futures_util::future::join_all` is made for thousands of futures, and compiled again for each kind of them: that
/// would be a fiftieth of the WASM. Here there are at most as many as an invocation may make calls, so that all can be
/// polled whenever one has moved on.
pub(crate) async fn side_by_side<T>(
    futures: impl IntoIterator<Item = impl Future<Output = T>>,
) -> Vec<T> {
    let futures = futures.into_iter();
    let mut all: Vec<_> = futures.map(|one| Box::pin(maybe_done(one))).collect();
    poll_fn(|context| {
        let mut answer = Poll::Ready(());
        for one in &mut all {
            if one.as_mut().poll(context).is_pending() {
                answer = Poll::Pending;
            }
        }
        answer
    })
    .await;
    let outputs = all.iter_mut().map(|one| one.as_mut().take_output());
    outputs.flatten().collect()
}

/// Like [`side_by_side`] for what may fail: waits for all, then gives the first error.
pub(crate) async fn try_side_by_side<T>(
    futures: impl IntoIterator<Item = impl Future<Output = Result<T>>>,
) -> Result<Vec<T>> {
    side_by_side(futures).await.into_iter().collect()
}
