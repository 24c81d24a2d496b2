//! Torture: what Transom promises holds whatever breaks around it. Each fault is a file here and prints what it counted.
//!
//! `cargo test --test torture` is the short form; `make torture` the long one. Both say by which seed they drew their
//! moments: `TORTURE_SEED=… make torture` draws the same again.
#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod backends;
mod clock;
mod disk;
mod kills;
mod ledger;
mod load;
mod outage;
mod partitions;
mod repeats;
mod scale;
mod sends;
