//! Which layers of an autoencoder's decoder undo which of its encoder.

use std::ops::Range;

use super::derive::{PARTS, head};
use crate::catalog::Catalog;
use crate::network::Plan;

/// Rows of a plan that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// A layer of the encoder with those that follow it, and all layers within them.
    pub encoder: Range<usize>,
    /// The layers of the decoder that undo them; where there are several, in their order.
    pub decoder: Range<usize>,
}

/// The blocks of the encoder, in order, with what undoes them; nothing where the network is no
/// autoencoder, or its decoder does not come back the way the encoder went.
pub fn pairs(catalog: &Catalog, plan: &Plan) -> Option<Vec<Pair>> {
    if !plan.spec.is_autoencoder() {
        return None;
    }
    let [encoder, decoder] = PARTS.map(|part| blocks(catalog, plan, part));
    let one_to_one = encoder.len() == decoder.len();
    let mut undoing = decoder.into_iter().peekable();
    let mut pairs = Vec::new();
    for block in encoder.into_iter().rev() {
        let wanted = &plan.rows[block.start].input;
        let begins_with_head = head(catalog, &plan.rows[block.start]);
        let mut range: Option<Range<usize>> = None;
        while let Some(next) = undoing.next_if(|_| {
            let done = range.as_ref().is_some_and(|range| output(plan, range) == wanted);
            if one_to_one { range.is_none() } else { !done }
        }) {
            range = Some(range.map_or(next.start, |range| range.start)..next.end);
        }
        let restored = range.as_ref().is_some_and(|range| output(plan, range) == wanted);
        if begins_with_head && !restored {
            return None;
        }
        let decoder = range.unwrap_or(0..0);
        pairs.push(Pair { encoder: block, decoder });
    }
    pairs.reverse();
    undoing.next().is_none().then_some(pairs)
}

/// The shape behind rows of the plan.
fn output<'p>(plan: &'p Plan, range: &Range<usize>) -> &'p [i64] {
    let last = plan.rows[range.clone()].iter().rfind(|row| row.depth == 0);
    last.map_or(&[], |row| &row.output)
}

/// The rows of a part, cut before each layer that follows no other.
fn blocks(catalog: &Catalog, plan: &Plan, part: &str) -> Vec<Range<usize>> {
    let mut blocks: Vec<Range<usize>> = Vec::new();
    for (i, row) in plan.rows.iter().enumerate() {
        if row.path.split('.').next() != Some(part) {
            continue;
        }
        match blocks.last_mut() {
            Some(block) if row.depth > 0 || !head(catalog, row) => block.end = i + 1,
            _ => blocks.push(i..i + 1),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::network::{LayerSpec, NetworkSpec, PartSpec};

    fn found(encoder: Value, decoder: Value) -> Option<Vec<Pair>> {
        let part = |name: &str, layers: Value| PartSpec {
            name: name.into(),
            layers: LayerSpec::list(&layers).unwrap(),
        };
        let parts = vec![part("encoder", encoder), part("decoder", decoder)];
        let spec = NetworkSpec { architecture: "own".into(), parts };
        let catalog = Catalog::built_in().unwrap();
        pairs(&catalog, &Plan::new(spec, &[1, 9, 9], &catalog).unwrap())
    }

    fn pair(encoder: Range<usize>, decoder: Range<usize>) -> Pair {
        Pair { encoder, decoder }
    }

    #[test]
    fn blocks_stand_beside_what_undoes_them() {
        let conv =
            |channels: i64| json!({"kind": "conv", "out_channels": channels, "kernel_size": 3});
        let back = |channels: i64| json!({"kind": "conv_transpose", "out_channels": channels, "kernel_size": 3});
        let same = json!({"kind": "sequential", "layers": ["relu"]});
        let encoder = json!([conv(4), "relu", same, conv(8), "batch_norm"]);
        let pairs = found(encoder.clone(), json!([back(4), same, "elu", back(1), "relu"]));
        // Rows: conv, relu, sequential with its relu, conv, batch_norm; then the decoder's.
        assert_eq!(pairs.unwrap(), [pair(0..2, 10..12), pair(2..4, 7..10), pair(4..6, 6..7)]);
        // Several layers undo the last: those up to the shape it had.
        let several = json!([{"kind": "upsample", "size": 9}, conv(4), same, back(1)]);
        let pairs = found(encoder.clone(), several);
        assert_eq!(pairs.unwrap(), [pair(0..2, 10..11), pair(2..4, 8..10), pair(4..6, 6..8)]);
        // Another way back, and one that is too short.
        assert_eq!(found(encoder.clone(), json!([back(5), same, back(1), "relu"])), None);
        assert_eq!(found(encoder, json!([back(4), same])), None);
    }
}
