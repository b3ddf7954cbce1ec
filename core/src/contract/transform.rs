use super::{Findings, required};
use crate::catalog::TransformEntry;
use crate::random::Random;
use crate::shape::show;

pub(super) fn check(entry: &TransformEntry, findings: &mut Findings) {
    findings.help(&entry.info.help);
    findings.unknown_option(&entry.info.options, |given| entry.options(given));
    let given = required(&entry.info.options);
    let Some(options) = findings.ok("options that fit", entry.options(&given)) else { return };
    for shape in [vec![1, 9, 8, 7], vec![1, 9, 8]] {
        let mut voxels = vec![0f32; shape.iter().product::<i64>() as usize];
        Random::new(3, "contract", &[]).fill_uniform(&mut voxels, 1.0);
        let apply = |seed| entry.apply(voxels.clone(), &shape, &options, seed);
        for seed in [0, 1] {
            let what = format!("an image of {}", show(&shape));
            let Some(first) = findings.ok(&what, apply(seed)) else { return };
            findings.that("finite voxels", first.iter().all(|voxel| voxel.is_finite()));
            let again = apply(seed).is_ok_and(|again| again == first);
            findings.that("the same image for the same seed", again);
            let twice = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| apply(seed))).collect();
                threads.into_iter().all(|t| matches!(t.join(), Ok(Ok(found)) if found == first))
            });
            findings.that("the same image on two threads at once", twice);
        }
    }
}
