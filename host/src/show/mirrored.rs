//! The layers of an autoencoder, encoder and decoder side by side.

use std::fmt::Write;
use std::ops::Range;

use neurhai_core::catalog::Catalog;
use neurhai_core::network::{LayerRow, Plan};
use neurhai_core::shape::show;
use neurhai_core::transpose::pairs;

use super::{amount, bytes, columns, grouped, row_call};

/// How wide a table may be, in letters.
const WIDTH: usize = 120;
/// Between the two sides.
const GAP: &str = " │ ";

/// The table, with its totals; nothing where the decoder does not go back the encoder's way. Layers
/// of the encoder are read from top to bottom; beside each block stands what undoes it.
pub(super) fn table(catalog: &Catalog, plan: &Plan) -> Option<String> {
    let pairs = pairs(catalog, plan)?;
    let side = |name: &str| vec![["", name, "output", "weights"].map(String::from).to_vec()];
    let (mut left, mut right) = (side("encoder"), side("decoder"));
    let input = ["", "input", &show(&plan.input), ""].map(String::from);
    left.push(input.to_vec());
    right.push(Vec::new());
    for pair in pairs {
        left.extend(cells(catalog, &plan.rows[pair.encoder]));
        right.extend(cells(catalog, &plan.rows[pair.decoder]));
        let lines = left.len().max(right.len());
        left.resize(lines, Vec::new());
        right.resize(lines, Vec::new());
    }
    fit(&mut left, &mut right);
    let (left, right) = (columns(&left, 3), columns(&right, 3));
    let widest = left.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for (left, right) in left.lines().zip(right.lines()) {
        let space = " ".repeat(widest - left.chars().count());
        let _ = writeln!(out, "{}", format!("{left}{space}{GAP}{right}").trim_end());
    }
    let of = |part: &str| {
        let rows = plan.rows.iter().filter(|row| row.depth == 0 && row.path.starts_with(part));
        grouped(rows.map(|row| row.parameters).sum::<i64>() as u64)
    };
    let _ = writeln!(
        out,
        "total  {} parameters: {} of the encoder, {} of the decoder",
        grouped(plan.parameters() as u64),
        of("encoder."),
        of("decoder.")
    );
    let _ = writeln!(
        out,
        "       {} multiply–adds, {} of memory, output {}",
        amount(plan.multiply_adds()),
        bytes(plan.activation_bytes() as u64),
        show(&plan.output)
    );
    Some(out)
}

/// A line for each layer: its place in its part, how it is called, its output and its weights.
fn cells(catalog: &Catalog, rows: &[LayerRow]) -> Vec<Vec<String>> {
    let line = |row: &LayerRow| {
        let place = row.path.split_once('.').map_or(row.path.as_str(), |(_, place)| place);
        let weights =
            if row.parameters > 0 { grouped(row.parameters as u64) } else { String::new() };
        // That a pooling keeps positions shows in what stands beside it.
        let mut plainer = row.clone();
        plainer.options.remove("return_indices");
        let call = plain(&row_call(catalog, &plainer));
        vec![place.to_owned(), call, show(&row.output), weights]
    };
    rows.iter().map(line).collect()
}

/// The call without the signs around its named options, which is shorter.
fn plain(call: &str) -> String {
    match call.strip_suffix(" })").and_then(|call| call.split_once("#{ ")) {
        Some((before, named)) => format!("{before}{named})"),
        None => call.to_owned(),
    }
}

/// Cuts calls where both sides together would be too wide.
fn fit(left: &mut [Vec<String>], right: &mut [Vec<String>]) {
    let widest = |rows: &[Vec<String>], columns: Range<usize>| -> usize {
        let widest =
            |i: usize| rows.iter().filter_map(|row| Some(row.get(i)?.chars().count())).max();
        columns.filter_map(widest).sum()
    };
    let gaps = 2 * 3 * 2 + GAP.chars().count();
    let rest: usize =
        [&*left, &*right].map(|rows| widest(rows, 0..1) + widest(rows, 2..4)).iter().sum();
    let room = WIDTH.saturating_sub(gaps + rest);
    let (a, b) = (widest(left, 1..2), widest(right, 1..2));
    if a + b <= room {
        return;
    }
    // The wider side gives way first.
    let half = room / 2;
    let limits = if a < half {
        (a, room - a)
    } else if b < half {
        (room - b, b)
    } else {
        (half, room - half)
    };
    for (rows, limit) in [(left, limits.0), (right, limits.1)] {
        for call in rows.iter_mut().filter_map(|row| row.get_mut(1)) {
            if call.chars().count() > limit {
                let kept: String = call.chars().take(limit.saturating_sub(1)).collect();
                *call = format!("{kept}…");
            }
        }
    }
}
