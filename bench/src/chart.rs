//! The chart: requests a second, as bars beside each other, each workload against the fastest in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::contestant::Contestant;
use crate::measure::{Cell, Measured, median};
use crate::workload::Workload;

const BAR: usize = 14;
const GAP: usize = 14;
const LEFT: usize = 230;
const WIDTH: usize = 420;

/// Who is in the chart, and in which colour.
const SHOWN: [(Contestant, &str); 6] = [
    (Contestant::Transom, "#b7410e"),
    (Contestant::Js, "#5b7fa3"),
    (Contestant::FloorStore, "#c3cdd6"),
    (Contestant::TransomNormalize, "#e0894f"),
    (Contestant::JsNormalize, "#93b1cd"),
    (Contestant::WhatsappApiJs, "#7a9a6b"),
];

/// The chart as SVG.
pub(crate) fn svg(measured: &BTreeMap<Cell, Measured>) -> String {
    let mut bars = String::new();
    let mut y = 30;
    for workload in Workload::ALL {
        let rates: Vec<(Contestant, &str, f64)> = SHOWN
            .into_iter()
            .filter_map(|(contestant, colour)| {
                let rate = median(&measured.get(&(workload, contestant))?.rates);
                Some((contestant, colour, rate))
            })
            .collect();
        let most = rates.iter().map(|(_, _, rate)| *rate).fold(0.0, f64::max);
        if most == 0.0 {
            continue;
        }
        let title = workload.title();
        writeln!(
            bars,
            r#"<text x="0" y="{}" font-weight="bold">{title}</text>"#,
            y - 5
        )
        .unwrap();
        for (contestant, colour, rate) in rates {
            let width = rate / most * WIDTH as f64;
            let name = contestant.title();
            let text = y + BAR - 3;
            writeln!(
                bars,
                r#"<text x="{}" y="{text}" text-anchor="end">{name}</text><rect x="{LEFT}" y="{y}" width="{width:.1}" height="{}" fill="{colour}"/><text x="{:.1}" y="{text}">{rate:.0}</text>"#,
                LEFT - 8,
                BAR - 2,
                LEFT as f64 + width + 6.0,
            )
            .unwrap();
            y += BAR;
        }
        y += GAP + BAR;
    }
    let (width, height) = (LEFT + WIDTH + 80, y);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif" font-size="11" fill="#222">
<rect width="100%" height="100%" fill="#fff"/>
<text x="{LEFT}" y="14" font-weight="bold">Requests a second at saturation (longer is better)</text>
{bars}</svg>
"##
    )
}
