//! A local Meta.
