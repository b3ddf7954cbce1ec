//! The table of what each epoch did.

use super::Maps;
use crate::data::table::write_tsv;
use crate::error::Result;
use crate::train::fingerprint::Fingerprint;

const COLUMNS: [&str; 5] = ["epoch", "order", "augmentation", "weights_before", "weights_after"];

impl Maps {
    /// Writes the fingerprints of a network's epochs.
    pub(crate) fn write_fingerprints(
        &self,
        split: usize,
        network: Option<usize>,
        rows: &[Fingerprint],
    ) -> Result<()> {
        let rows = rows.iter().map(|row| {
            let Fingerprint { epoch, order, augmentation, weights_before, weights_after } = row;
            let epoch = epoch.to_string();
            [&epoch, order, augmentation, weights_before, weights_after].map(String::clone)
        });
        write_tsv(&self.logs(split, network).join("fingerprints.tsv"), &COLUMNS, rows)
    }
}
