//! (to come)
pub mod sql;
#[cfg(test)]
pub(crate) mod native;
