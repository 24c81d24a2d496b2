//! Finds words in what people write, whatever the case, with or without accents.
//!
//! Small tables of its own in place of Unicode's, which would be a tenth of the WASM: they know the alphabets of the
//! languages that are written most, and take all else as it is.

mod expression;
mod fold;
mod words;

pub use expression::Expression;
pub use fold::folded;
pub use words::{Phrases, without_pictograms, words};
