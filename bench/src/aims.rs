//! What we want to be true, as ratios of what was measured in the same round.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::contestant::Contestant::{
    self, FloorStore, Js, JsNormalize, Refuse, Transom, TransomNormalize, WhatsappApiJs,
};
use crate::measure::{Cell, Measured, median, spread};
use crate::workload::Workload::{
    self, Batch100, Batch1000, History, MalformedSignature, Text, WrongSignature,
};

/// What is compared.
#[derive(Clone, Copy)]
enum What {
    Rate,
    Cpu,
}

/// A ratio: its name, the two cells, what of them, and what it should be.
type Aim = (
    &'static str,
    (Workload, Contestant),
    (Workload, Contestant),
    What,
    &'static str,
);

#[rustfmt::skip]
const AIMS: [Aim; 15] = [
    ("rate without storing, 1 KB: Transom / js", (Text, TransomNormalize), (Text, JsNormalize), What::Rate, "≥ 1"),
    ("rate without storing, 1 KB: Transom / whatsapp-api-js", (Text, TransomNormalize), (Text, WhatsappApiJs), What::Rate, "≥ 1.5"),
    ("rate without storing, 100 updates: Transom / js", (Batch100, TransomNormalize), (Batch100, JsNormalize), What::Rate, "≥ 1.2"),
    ("rate without storing, 3 MB: Transom / js", (History, TransomNormalize), (History, JsNormalize), What::Rate, "≥ 1.2"),
    ("CPU without storing, 1 KB: Transom / js", (Text, TransomNormalize), (Text, JsNormalize), What::Cpu, "≤ 1"),
    ("CPU without storing, 100 updates: Transom / js", (Batch100, TransomNormalize), (Batch100, JsNormalize), What::Cpu, "≤ 0.83"),
    ("CPU without storing, 3 MB: Transom / js", (History, TransomNormalize), (History, JsNormalize), What::Cpu, "≤ 0.83"),
    ("time to store one message: Transom / floor", (Text, FloorStore), (Text, Transom), What::Rate, "≤ 1.3"),
    ("time to store one message: Transom / js", (Text, Js), (Text, Transom), What::Rate, ""),
    ("time to store 1,000 updates: Transom / its one message", (Text, Transom), (Batch1000, Transom), What::Rate, "≤ 10"),
    ("time to store 1,000 updates: Transom / js", (Batch1000, Js), (Batch1000, Transom), What::Rate, ""),
    ("rate of refusing, malformed header: Transom / a Worker that refuses all", (MalformedSignature, Transom), (MalformedSignature, Refuse), What::Rate, "≥ 0.8"),
    ("rate of refusing, malformed header: Transom / js", (MalformedSignature, Transom), (MalformedSignature, Js), What::Rate, "≥ 1"),
    ("rate of refusing, wrong signature: Transom / a Worker that refuses all", (WrongSignature, Transom), (WrongSignature, Refuse), What::Rate, "≥ 0.8"),
    ("rate of refusing, wrong signature: Transom / js", (WrongSignature, Transom), (WrongSignature, Js), What::Rate, "≥ 1"),
];

/// The table of aims.
pub(crate) fn table(measured: &BTreeMap<Cell, Measured>) -> String {
    let mut out = String::from(
        "| ratio, median of the rounds | measured | spread | aim |\n|---|---:|---:|---:|\n",
    );
    for (name, one, other, what, aim) in AIMS {
        let (Some(one), Some(other)) = (measured.get(&one), measured.get(&other)) else {
            continue;
        };
        let pairs = match what {
            What::Rate => one.rates.iter().zip(&other.rates),
            What::Cpu => one.cpu.iter().zip(&other.cpu),
        };
        let ratios: Vec<f64> = pairs.map(|(one, other)| one / other).collect();
        let (least, most) = spread(&ratios);
        let ratio = median(&ratios);
        writeln!(
            out,
            "| {name} | {ratio:.2} | {least:.2}–{most:.2} | {aim} |"
        )
        .unwrap();
    }
    if let Some(history) = measured.get(&(History, TransomNormalize)) {
        let (least, most) = spread(&history.cpu);
        writeln!(
            out,
            "| CPU of a 3 MB body without storing, in ms | {:.0} | {:.0}–{:.0} | < 10 |",
            median(&history.cpu) / 1e3,
            least / 1e3,
            most / 1e3
        )
        .unwrap();
    }
    out
}
