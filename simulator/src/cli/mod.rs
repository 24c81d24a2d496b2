//! The commands. Each gives back what went wrong as a plain sentence.

pub(crate) mod demo;
pub(crate) mod dev;
pub(crate) mod lines;
pub(crate) mod print;
pub(crate) mod send;
pub(crate) mod statuses;
pub(crate) mod verify;
