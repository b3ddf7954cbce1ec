//! The examples in Rust do what they say.

use std::path::Path;
use std::process::{Command, Output};

use neurhai_core::data::phantom::{PhantomOptions, generate};
use neurhai_core::data::table::Table;

use crate::{Place, said};

fn run(program: &str, folder: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    output
}

fn table(folder: &Path, name: &str) -> Table {
    Table::read(&folder.join("split-0/best-loss/validation").join(name)).unwrap()
}

#[test]
fn the_core_alone_trains_from_rust() {
    let folder = tempfile::tempdir().unwrap();
    // As large as a patch of the example.
    let options = PhantomOptions {
        participants_per_class: 4,
        image_size: [32, 32, 32],
        ..PhantomOptions::default()
    };
    let made = generate(&folder.path().join("data"), &options).unwrap();
    let (caps, splits) = (made.caps.display().to_string(), made.splits.display().to_string());
    for (mode, epochs) in [("image", 10), ("patch", 3)] {
        let program = env!("CARGO_BIN_EXE_example-train");
        let output = run(program, folder.path(), &[&caps, &splits, mode, mode]);
        let text = said(&output);
        assert_eq!(text.matches("EpochEnded").count(), epochs, "{text}");
        assert!(text.contains("balanced accuracy Some("), "{text}");
        assert!(folder.path().join(mode).join("split-0/best-BA/model.safetensors").is_file());
    }
}

/// The architecture and the vote are the embedding program's own, and so are the lines it prints.
#[test]
fn another_program_runs_a_script_against_its_own_catalog() {
    let place = Place::new();
    let program = env!("CARGO_BIN_EXE_example-embed");
    let output = run(program, place.path(), &["out"]);
    let text = said(&output);
    assert!(text.contains("epoch 0: validation loss") && text.contains("epoch 1:"), "{text}");
    assert!(text.contains("written to out/maps"), "{text}");
    assert!(text.contains("best by  validation"), "{text}");

    // By the vote an image has the scores of one of its patches.
    let maps = place.path().join("out/maps");
    let images = table(&maps, "validation_image_level_prediction.tsv");
    let parts = table(&maps, "validation_patch_level_prediction.tsv");
    let scores = |table: &Table, row: usize| -> [f64; 2] {
        let number = |column| table.number(row, table.column(column).unwrap()).unwrap().unwrap();
        [number("proba0"), number("proba1")]
    };
    for row in 0..images.len() {
        let image = scores(&images, row);
        let certain = |scores: &[f64; 2]| scores[0].max(scores[1]);
        let mine = |part: &usize| {
            parts.text(*part, parts.column("participant_id").unwrap())
                == images.text(row, images.column("participant_id").unwrap())
        };
        let best = (0..parts.len()).filter(mine).map(|part| scores(&parts, part));
        let best = best.max_by(|a, b| certain(a).total_cmp(&certain(b))).unwrap();
        assert_eq!(image, best);
    }
}
