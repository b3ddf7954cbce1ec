//! What every file of an experiment folder is: the one table that says it.

use crate::data::pattern::Glob;

/// Whether a file is the same whenever the same is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The same script on the same data and machine gives the same bytes.
    Same,
    /// It says when and where, too.
    Apart,
}

use Kept::{Apart, Same};

/// Paths within the folder, those of folders with a `/` at the end; what is in angle brackets stands
/// for any name, and what is in square brackets may be missing. Of several that fit the first counts.
const TABLE: &[(&str, &str, Kept)] = &[
    (
        "maps.json",
        "parameters in ClinicaDL's words, all options, the plugins and scripts used",
        Apart,
    ),
    ("network.json", "the network's layers and their options: it is built again from them", Same),
    ("script.rhai", "the script that was run", Same),
    ("scripts/", "the scripts that were loaded, as they lay to each other", Same),
    ("scripts/<…>", "a script that was loaded", Same),
    ("environment.txt", "versions, machine, device and threads", Apart),
    ("information.log", "the date, the folder, and the network's layers to read", Apart),
    ("manifest.json", "the hash of everything that was read and written", Apart),
    ("metrics_over_splits.tsv", "every metric over the splits: mean, deviation, interval", Same),
    ("report.html", "the report: one page with results, curves and warnings", Apart),
    (".lock", "keeps a second writer out", Apart),
    (".track.lock", "keeps a second sender to a tracking server out", Apart),
    ("<…>/hashes.tsv", "the hashes of what a prediction or interpretation left here", Same),
    ("<…>/models.tsv", "the hashes of the weights that made what lies here", Same),
    ("clinicadl_<name>", "what ClinicaDL wrote, before it was imported", Same),
    ("groups/", "who is in which set", Same),
    ("groups/inputs.tsv", "every image that was read, where it lay, and its hash", Apart),
    (
        "groups/sources.tsv",
        "other files that were read, with their hashes: tables, masks, tensors, weights",
        Apart,
    ),
    ("groups/train+validation.tsv", "everybody who was trained or validated on", Same),
    ("groups/<group>/", "a set of sessions", Same),
    ("groups/<group>/split-<k>/", "that of a split", Same),
    ("groups/<group>/[split-<k>/]data.tsv", "its sessions, with their labels", Same),
    ("groups/<group>/[split-<k>/]maps.json", "the CAPS that they are from", Apart),
    ("groups/<group>/inputs.tsv", "its images, where they lay, and their hashes", Apart),
    (
        "groups/<group>/split-<k>/leaked.tsv",
        "whom the network had learned from before, as allowed",
        Same,
    ),
    ("split-<k>/", "a split: its training and its best models", Same),
    (
        "split-<k>/transfer.json",
        "the weights that training began with, and which tensor went where",
        Same,
    ),
    (
        "split-<k>/[network-<n>_]last.safetensors",
        "where training ended, with the optimiser's moments",
        Same,
    ),
    ("split-<k>/tmp/", "where training stands, until the split is finished", Apart),
    ("split-<k>/tmp/[network-<n>_]checkpoint.safetensors", "what training goes on from", Apart),
    ("split-<k>/tmp/<name>.pth.tar", "what ClinicaDL goes on from", Apart),
    ("split-<k>/all_models/", "ClinicaDL's models of all epochs", Same),
    ("split-<k>/all_models/<name>", "the model of an epoch", Same),
    ("split-<k>/training_logs/", "how training went", Same),
    ("split-<k>/training_logs/network-<n>/", "how that of a network went", Same),
    (
        "split-<k>/training_logs/[network-<n>/]training.tsv",
        "all metrics on both sets, at every evaluation",
        Same,
    ),
    (
        "split-<k>/training_logs/[network-<n>/]metrics.jsonl",
        "the same for programs: a line of JSON per set and evaluation",
        Same,
    ),
    (
        "split-<k>/training_logs/[network-<n>/]times.tsv",
        "when each evaluation was done, and the seconds since the one before",
        Apart,
    ),
    (
        "split-<k>/training_logs/[network-<n>/]fingerprints.tsv",
        "what each epoch did, as hashes: order, augmentation, weights",
        Same,
    ),
    ("split-<k>/training_logs/[network-<n>/]augmentation/", "what transforms drew", Same),
    (
        "split-<k>/training_logs/[network-<n>/]augmentation/epoch-<e>.tsv",
        "what each drew for each image in an epoch",
        Same,
    ),
    ("split-<k>/training_logs/[network-<n>/]tensorboard/", "the same for TensorBoard", Apart),
    ("split-<k>/training_logs/[network-<n>/]tensorboard/<set>/", "the curves of a set", Apart),
    (
        "split-<k>/training_logs/[network-<n>/]tensorboard/<set>/events<…>",
        "the values, step by step",
        Apart,
    ),
    ("split-<k>/best-<metric>/", "the model with the best validation score of a metric", Same),
    ("split-<k>/best-<metric>/[network-<n>_]model.safetensors", "its weights", Same),
    (
        "split-<k>/best-<metric>/[network-<n>_]model.pth.tar",
        "its weights, as ClinicaDL keeps them",
        Same,
    ),
    (
        "split-<k>/best-<metric>/vote_weights.tsv",
        "the score of each part in validation, and what its vote weighs",
        Same,
    ),
    (
        "split-<k>/best-<metric>/vote_fitted.tsv",
        "what the vote learned from the validation set",
        Same,
    ),
    ("split-<k>/best-<metric>/<group>/", "what it says about a set", Same),
    (
        "split-<k>/best-<metric>/<group>/description.log",
        "where the set came from, and how many are in it",
        Apart,
    ),
    (
        "split-<k>/best-<metric>/<group>/<name>_prediction.tsv",
        "its predictions: part by part, or of whole images",
        Same,
    ),
    (
        "split-<k>/best-<metric>/<group>/<name>_metrics.tsv",
        "how right they are, with bootstrap intervals",
        Same,
    ),
    (
        "split-<k>/best-<metric>/<group>/<name>_metrics_per_cohort.tsv",
        "the metrics of each cohort",
        Same,
    ),
    (
        "split-<k>/best-<metric>/<group>/<name>_metrics_per_network.tsv",
        "the metrics of each network",
        Same,
    ),
    (
        "split-<k>/best-<metric>/<group>/tensors/",
        "what went into the network and came out, as tensors",
        Same,
    ),
    ("split-<k>/best-<metric>/<group>/tensors/<…>", "a tensor", Same),
    ("split-<k>/best-<metric>/<group>/nifti_images/", "the same as images", Same),
    ("split-<k>/best-<metric>/<group>/nifti_images/<…>", "an image", Same),
    (
        "split-<k>/best-<metric>/<group>/latent_tensors/",
        "the latent representation of each image",
        Same,
    ),
    ("split-<k>/best-<metric>/<group>/latent_tensors/<…>", "a tensor", Same),
    ("split-<k>/best-<metric>/<group>/interpret-<name>/", "what its decisions rest on", Same),
    (
        "split-<k>/best-<metric>/<group>/interpret-<name>/<…>",
        "a map, of a participant or the mean of the set",
        Same,
    ),
    ("ensemble/", "what the models of all splits say together", Same),
    ("ensemble/best-<metric>/", "those that are the best by a metric", Same),
    ("ensemble/best-<metric>/<group>/", "what they say together about a set", Same),
    (
        "ensemble/best-<metric>/<group>/description.log",
        "where the set came from, and how many are in it",
        Apart,
    ),
    ("ensemble/best-<metric>/<group>/<name>_prediction.tsv", "the mean of their predictions", Same),
    ("ensemble/best-<metric>/<group>/<name>_metrics.tsv", "how right it is", Same),
    (
        "ensemble/best-<metric>/<group>/<name>_metrics_per_cohort.tsv",
        "the metrics of each cohort",
        Same,
    ),
    ("profiler/", "ClinicaDL's profile of a training", Apart),
    ("profiler/<…>", "a part of that profile", Apart),
    (
        "<…>/.neurhai-<process>-<n>.tmp",
        "left by a writer that was killed; host resume removes it",
        Apart,
    ),
    (
        ".neurhai-<process>-<n>.tmp",
        "left by a writer that was killed; host resume removes it",
        Apart,
    ),
];

/// What a file or folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// In a few words.
    pub text: &'static str,
    /// Whether it is the same whenever the same is done.
    pub kept: Kept,
}

/// The table, ready to look paths up in.
pub struct Meanings(Vec<(Glob, Meaning)>);

impl Meanings {
    /// The meanings of this version.
    #[allow(clippy::new_without_default, reason = "there is nothing to choose")]
    pub fn new() -> Self {
        let patterns = TABLE.iter().flat_map(|(pattern, text, kept)| {
            let meaning = Meaning { text, kept: *kept };
            spelled(pattern).into_iter().map(move |pattern| (Glob::new(&pattern), meaning))
        });
        Self(patterns.collect())
    }

    /// What a path within an experiment folder is, with `/` between names, and at the end of a
    /// folder's; nothing for what no command of this program writes there.
    pub fn of(&self, path: &str) -> Option<Meaning> {
        let path = format!("./{path}");
        self.0.iter().find(|(glob, _)| glob.matches(&path)).map(|(_, meaning)| *meaning)
    }
}

/// The globs of a pattern: with and without what may be missing, and as experiments of ClinicaDL before
/// 1.0 call splits.
fn spelled(pattern: &str) -> Vec<String> {
    let variants = match (pattern.find('['), pattern.find(']')) {
        (Some(open), Some(close)) => {
            let (before, inner, after) =
                (&pattern[..open], &pattern[open + 1..close], &pattern[close + 1..]);
            vec![format!("{before}{after}"), format!("{before}{inner}{after}")]
        }
        _ => vec![pattern.to_owned()],
    };
    let folds = variants.iter().filter(|variant| variant.contains("split-"));
    let folds: Vec<String> = folds.map(|variant| variant.replace("split-", "fold-")).collect();
    variants.into_iter().chain(folds).map(|variant| format!("./{}", glob(&variant))).collect()
}

fn glob(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('<') {
        let (name, after) = after.split_once('>').unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(if name == "…" { "**" } else { "*" });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_meaning() {
        let meanings = Meanings::new();
        let text = |path| meanings.of(path).map_or("", |meaning| meaning.text);
        assert!(text("maps.json").starts_with("parameters"));
        assert!(text("groups/train/split-3/maps.json").starts_with("the CAPS"));
        assert!(text("groups/test/data.tsv").starts_with("its sessions"));
        assert_eq!(text("split-0/best-BA/network-12_model.safetensors"), "its weights");
        assert_eq!(text("fold-0/best-BA/model.pth.tar"), "its weights, as ClinicaDL keeps them");
        assert_eq!(text("scripts/lib/blocks.rhai"), "a script that was loaded");
        assert!(text("split-0/training_logs/network-1/training.tsv").starts_with("all metrics"));
        for unknown in
            ["notes.txt", "split-0", "split-0/x", "groups/train/x/y/data.tsv", "a/maps.json"]
        {
            assert_eq!(meanings.of(unknown), None, "{unknown}");
        }
        // Every line of the table can be met with.
        for (pattern, text, _) in TABLE {
            let path = pattern.replace(['<', '>', '[', ']'], "").replace('…', "x");
            assert_eq!(meanings.of(&path).unwrap().text, *text, "{pattern}");
        }
    }
}
