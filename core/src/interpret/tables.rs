//! The tables of an interpretation.

use super::records::Records;
use super::regions::Row;
use crate::data::table::write_tsv;
use crate::error::Result;
use crate::maps::write_sessions;

impl Records<'_> {
    /// # Errors
    /// What the disk says.
    pub(super) fn write_tables(&self, of_means: &[(String, Row)]) -> Result<()> {
        let source = &self.work.group.source;
        let several = source.images.several_cohorts();
        let cohort = |image: usize| several.then(|| source.images.session(image).cohort.clone());
        let columns = |own: &[&'static str]| -> Vec<&'static str> {
            several.then_some("cohort").into_iter().chain(own.iter().copied()).collect()
        };
        let id = format!("{}_id", source.parts.mode());
        let sums =
            self.parts.iter().flat_map(|(_, parts)| parts).any(|part| part.baseline.is_some());
        let mut own = vec![id.as_str(), "target", "score"];
        if sums {
            own.extend(["baseline_score", "map_sum", "completeness_gap"]);
        }
        let all: Vec<&str> = several.then_some("cohort").into_iter().chain(own).collect();
        let rows = self.parts.iter().flat_map(|(member, parts)| {
            parts.iter().map(move |part| {
                let mut row: Vec<String> = cohort(member.image).into_iter().collect();
                let target = self.work.opened.classes.get(part.target).cloned();
                row.push(source.parts.id(part.part).to_string());
                row.push(target.unwrap_or_else(|| part.target.to_string()));
                row.push(part.score.to_string());
                if let (Some(baseline), Some(gap)) = (part.baseline, part.gap()) {
                    row.extend([baseline, part.sum, gap].map(|value| value.to_string()));
                }
                (source.images.session(member.image), row)
            })
        });
        write_sessions(&self.folder.join("scores.tsv"), &all, rows)?;
        if self.work.asked.randomise {
            let rows = self.similar.iter().map(|(image, similar)| {
                let similar = similar.map_or_else(|| "n/a".into(), |value| value.to_string());
                (
                    source.images.session(*image),
                    cohort(*image).into_iter().chain([similar]).collect(),
                )
            });
            write_sessions(&self.folder.join("randomised.tsv"), &columns(&["correlation"]), rows)?;
        }
        if self.work.atlas.is_some() {
            let rows = self.regions.iter().flat_map(|(image, rows)| {
                rows.iter().map(move |row| {
                    let cells = cohort(*image).into_iter().chain(row.cells()).collect();
                    (source.images.session(*image), cells)
                })
            });
            write_sessions(&self.folder.join("regions.tsv"), &columns(&Row::COLUMNS), rows)?;
            let columns: Vec<&str> = ["map"].into_iter().chain(Row::COLUMNS).collect();
            let rows = of_means.iter().map(|(stem, row)| {
                [stem.clone()].into_iter().chain(row.cells()).collect::<Vec<_>>()
            });
            write_tsv(&self.folder.join("mean_regions.tsv"), &columns, rows)?;
        }
        if !self.drawn.is_empty() {
            let columns = ["picture", "strongest_color", "not_shown_below", "black", "white"];
            let rows = self.drawn.iter().map(|(stem, drawn)| {
                let numbers =
                    [drawn.scale.limit, drawn.scale.threshold, drawn.window[0], drawn.window[1]];
                let name = [format!("{stem}.png")];
                name.into_iter().chain(numbers.map(|n| n.to_string())).collect::<Vec<_>>()
            });
            write_tsv(&self.folder.join("pictures/scales.tsv"), &columns, rows)?;
        }
        Ok(())
    }
}
