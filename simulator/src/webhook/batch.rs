//! The same updates in other webhooks, as Meta is free to batch and order them.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::{Update, Webhook};

/// The same updates in the same order, split into webhooks of 1 to `most` each, at places that follow from `seed`.
pub fn rebatch(updates: &[Update], most: usize, seed: u64) -> Vec<Webhook> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut webhooks = Vec::new();
    let mut rest = updates;
    while !rest.is_empty() {
        let size = random.random_range(1..=most.max(1)).min(rest.len());
        let (batch, after) = rest.split_at(size);
        webhooks.push(Webhook::of(batch.iter().cloned()));
        rest = after;
    }
    webhooks
}

/// The same things in another order, which follows from `seed`.
pub fn shuffled<T: Clone>(things: &[T], seed: u64) -> Vec<T> {
    let mut things = things.to_vec();
    things.shuffle(&mut StdRng::seed_from_u64(seed));
    things
}
