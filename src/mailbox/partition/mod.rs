//! A number whose conversations are spread over several mailboxes, its partitions, and a directory which knows in which of
//! them each person is. A person who was met in two of them goes over from one to the other.
//!
//! - [`address`]: which object keeps what
//! - `directory`: in which partition a person is; `joins`: who turned out to be somebody else
//! - `asking`: what the partitions are asked in which persons were before, before anything is stored
//! - `moving`: how one gives a person away and another takes them in; `moved`: what goes over with them
//! - `ceded`: what must not be stored any more where they were before
//! - `holding`: what waits where they are until what came before has been delivered from there

pub mod address;
pub(super) mod asking;
pub(super) mod ceded;
pub(super) mod directory;
pub(super) mod holding;
mod joins;
pub(super) mod moved;
pub(super) mod moving;
