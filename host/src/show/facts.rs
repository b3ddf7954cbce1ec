//! What an image is.

use neurhai_core::verify::Facts;

use super::columns;

/// A line for each fact; the affine by rows.
pub fn facts(facts: &Facts) -> String {
    let by = |values: &[String]| values.join(" × ");
    let number = |value: f64| format!("{}", (value * 1e6).round() / 1e6);
    let mut stored = facts.datatype.to_string();
    if let Some((slope, intercept)) = facts.scaling {
        stored += &format!(", read as {slope} · stored + {intercept}");
    }
    let mut rows = vec![
        vec!["shape".into(), by(&facts.shape.map(|n| n.to_string()))],
        vec!["spacing".into(), format!("{} mm", by(&facts.spacing_mm.map(number)))],
        vec!["orientation".into(), facts.orientation.clone()],
        vec!["datatype".into(), stored],
        vec![
            "range".into(),
            facts
                .range
                .map_or("no voxel is finite".into(), |(low, high)| format!("{low} … {high}")),
        ],
    ];
    if facts.not_finite > 0 {
        rows.push(vec!["NaN or infinite".into(), format!("{} voxels", facts.not_finite)]);
    }
    let affine: Vec<Vec<String>> =
        facts.affine[..3].iter().map(|row| row.map(number).to_vec()).collect();
    for (i, line) in columns(&affine, 0).lines().enumerate() {
        rows.push(vec![if i == 0 { "affine".into() } else { String::new() }, line.into()]);
    }
    rows.push(vec!["voxels".into(), format!("BLAKE3 {}", facts.voxels_blake3)]);
    columns(&rows, 2)
}
