//! What a check found out, as text.

use std::fmt::Write;
use std::path::Path;

use neurhai_core::catalog::Catalog;
use neurhai_core::shape::show;
use neurhai_core::train::CheckReport;

use super::{amount, bytes, columns, duration, grouped, rows_table, transfer_table};

/// What would run: data, classes and counts, network, time and memory.
pub fn check_report(catalog: &Catalog, report: &CheckReport) -> String {
    let mut out = String::new();
    let parts = match report.parts {
        1 => "one per image".into(),
        n => format!("{n} per image"),
    };
    let mut facts = vec![
        ["device".into(), report.device.clone()],
        ["input".into(), format!("{} ({}, {parts})", show(&report.input), report.mode)],
        [
            "network".into(),
            format!(
                "{}: {} parameters, {} multiply–adds per sample",
                report.architecture,
                grouped(report.parameters as u64),
                amount(report.multiply_adds)
            ),
        ],
        ["memory".into(), format!("about {} while training", bytes(report.memory_bytes as u64))],
        [
            "time".into(),
            format!(
                "{} per batch, {} updates and about {} per epoch, {} epochs at most: about {} per split",
                duration(report.seconds_per_batch),
                report.updates_per_epoch,
                duration(report.seconds_per_epoch),
                report.epochs,
                duration(report.seconds_per_epoch * report.epochs as f64)
            ),
        ],
    ];
    if report.frozen > 0 {
        let frozen = grouped(report.frozen as u64);
        facts.push(["frozen".into(), format!("{frozen} of the parameters stay as they are")]);
    }
    for split in &report.splits {
        let counts = report.classes.iter().zip(split.train.iter().zip(&split.validation));
        let mut counts: Vec<_> = counts.map(|(name, (t, v))| format!("{name} {t} + {v}")).collect();
        if let ([], [train], [validation]) = (&counts[..], &split.train[..], &split.validation[..])
        {
            counts.push(format!("{train} + {validation}"));
        }
        let cohorts = split.cohorts.iter().map(|(name, t, v)| format!("{name} {t} + {v}"));
        let cohorts = match &cohorts.collect::<Vec<_>>()[..] {
            [] => String::new(),
            cohorts => format!(" ({})", cohorts.join(", ")),
        };
        facts.push([
            format!("split {}", split.split),
            format!("{}{cohorts} images for training + validation", counts.join(", ")),
        ]);
    }
    out.push_str(&rows_table(catalog, &report.layers));
    out.push('\n');
    if let Some(transfer) = &report.transfer {
        out.push_str(&transfer_table(transfer));
        out.push('\n');
    }
    let facts: Vec<Vec<String>> = facts.into_iter().map(Vec::from).collect();
    out.push_str(&columns(&facts, 2));
    for warning in &report.warnings {
        let _ = writeln!(out, "warning: {warning}");
    }
    if !report.findings.is_empty() {
        let _ = write!(out, "\n{}", super::findings(&report.findings, Path::new("")));
    }
    out.trim_end().to_owned()
}
