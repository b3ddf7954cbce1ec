use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use neurhai_core::cache::{Volumes, clear};
use neurhai_core::data::images::{Images, NotFinite};
use neurhai_core::data::loader::{Loader, Sample, Source};
use neurhai_core::data::options::specs;
use neurhai_core::data::part;
use neurhai_core::data::participants::Session;
use neurhai_core::options::Options;
use neurhai_core::volume;
use serde_json::json;

use crate::{Result, compare, shared_data};

pub(crate) fn run() -> Result<()> {
    let Some(shared) = shared_data() else {
        println!("  left out: there is no ../shared/data");
        return Ok(());
    };
    let folder = shared.join("full_size");
    let file = std::fs::read_dir(&folder)?.next().ok_or("full_size is empty")??.path();
    decode(&file)?;
    disk(&file)?;
    loader(&file)
}

/// One full-size image from the cache on disk, its hash and checksum included, against decoding it; and
/// what it costs to put it there.
fn disk(file: &Path) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("neurhai-bench-cache-{}", std::process::id()));
    let get = |disk: bool| -> Result<f64> {
        let visit = Session {
            cohort: "single".into(),
            participant: "sub-0".into(),
            session: "ses-M000".into(),
            row: 0,
        };
        let cache = disk.then(|| Volumes::new(&folder, 1 << 40));
        let images = Images::new(vec![(visit, file.into())], NotFinite::Refuse, 0).kept_in(cache);
        let start = Instant::now();
        images.get(0)?;
        // Every run writes the hashes of its images down.
        images.hashes()?;
        Ok(start.elapsed().as_secs_f64())
    };
    let (mut plain, mut kept, mut found) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..21 {
        if folder.exists() {
            clear(&folder)?;
        }
        let times = [get(false)?, get(true)?, get(true)?];
        if round > 0 {
            plain.push(times[0]);
            kept.push(times[1]);
            found.push(times[2]);
        }
    }
    compare("from the cache on disk", &found, ("decode and hash", &plain), "≤ 0.3");
    compare("decode, hash and keep on disk", &kept, ("decode and hash", &plain), "≤ 1.5");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Decoding, scaling, transposing and the range of one full-size image, against inflating it alone.
fn decode(file: &Path) -> Result<()> {
    let (mut ours, mut inflate) = (Vec::new(), Vec::new());
    for round in 0..31 {
        let start = Instant::now();
        let volume = volume::read(file)?;
        let decoded = start.elapsed().as_secs_f64();
        let size = volume.voxels.len() * 4 + 352;
        drop(volume);
        let start = Instant::now();
        let packed = std::fs::read(file)?;
        let mut raw = Vec::with_capacity(size);
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut raw)?;
        let inflated = start.elapsed().as_secs_f64();
        if round > 0 {
            ours.push(decoded);
            inflate.push(inflated);
        }
    }
    compare("decode and normalise 169×208×179", &ours, ("inflate alone", &inflate), "≤ 1.3");
    Ok(())
}

/// Volumes per second into a model that does nothing, by the number of loader threads.
fn loader(file: &Path) -> Result<()> {
    let given = json!({ "caps": "x" });
    let options = Options::check(&specs(), given.as_object().ok_or("a map")?, "data")?;
    let shape = volume::read_header(file)?.shape;
    let visit = |i| Session {
        cohort: "single".into(),
        participant: format!("sub-{i}"),
        session: "ses-M000".into(),
        row: 0,
    };
    let run = |threads: usize| -> Result<f64> {
        let sessions = (0..16).map(|i| (visit(i), file.to_path_buf())).collect();
        let source = Source {
            images: Arc::new(Images::new(sessions, NotFinite::Refuse, 0)),
            parts: Arc::from(part::parts(&options, shape, None, vec![])?),
            normalize: true,
            tensors: Arc::from([]),
            augment: None,
        };
        let batches = (0..8).map(|i| vec![sample(2 * i), sample(2 * i + 1)]).collect();
        let start = Instant::now();
        for batch in Loader::new(source, batches, threads) {
            batch?;
        }
        Ok(start.elapsed().as_secs_f64() / 16.0)
    };
    let (mut two, mut one) = (Vec::new(), Vec::new());
    run(2)?;
    for _ in 0..5 {
        two.push(run(2)?);
        one.push(run(1)?);
    }
    compare(
        "loader, 2 threads, per volume",
        &two,
        ("1 thread", &one),
        "≤ 0.588 (1.7 × the volumes)",
    );
    Ok(())
}

fn sample(image: usize) -> Sample {
    Sample::new(image, 0)
}
