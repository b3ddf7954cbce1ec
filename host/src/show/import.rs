//! What was imported.

use neurhai_core::import::{Imported, ImportedModel};

use super::{columns, grouped};

/// The models of an imported experiment, and where it lies.
pub fn imported(imported: &Imported) -> String {
    let many = imported.models.iter().any(|model| model.network.is_some());
    let head = ["split", "best by", "network", "epoch", "tensors", "numbers"].map(String::from);
    let row = |model: &ImportedModel| {
        [
            model.split.to_string(),
            model.metric.clone(),
            model.network.map_or_else(String::new, |number| number.to_string()),
            // People count epochs from 1.
            model.epoch.map_or_else(|| "unknown".into(), |epoch| (epoch + 1).to_string()),
            model.tensors.to_string(),
            grouped(model.values as u64),
        ]
    };
    let mut rows = vec![head];
    rows.extend(imported.models.iter().map(row));
    let shown = rows.into_iter().map(|row| {
        let cells = row.into_iter().enumerate().filter(|(i, _)| many || *i != 2);
        cells.map(|(_, cell)| cell).collect()
    });
    let shown: Vec<Vec<String>> = shown.collect();
    let right = if many { 3 } else { 2 };
    format!(
        "{}{} of ClinicaDL imported into {}",
        columns(&shown, right),
        imported.architecture,
        imported.maps.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_numbered_where_there_are_several() {
        let model = |split, network, epoch| ImportedModel {
            split,
            metric: "loss".into(),
            network,
            epoch,
            tensors: 41,
            values: 302_152,
        };
        let show = |models| {
            imported(&Imported {
                maps: "new".into(),
                architecture: "Conv4_FC3".into(),
                models,
                notes: Vec::new(),
            })
        };
        let one = "\
split  best by  epoch  tensors  numbers
0      loss         3       41  302 152
1      loss     unknown     41  302 152
Conv4_FC3 of ClinicaDL imported into new";
        let found = show(vec![model(0, None, Some(2)), model(1, None, None)]);
        let words = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
        assert_eq!(words(&found), words(one), "\n{found}");
        let found = show(vec![model(0, Some(0), Some(2)), model(0, Some(1), Some(2))]);
        assert!(found.contains("split  best by  network  epoch"), "{found}");
        assert!(found.contains("\n0      loss     1            3       41  302 152\n"), "{found}");
    }
}
