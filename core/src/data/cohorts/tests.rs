use super::*;
use crate::data::participants::Person;
use std::fs;

/// A folder with `cohorts.tsv` and a CAPS for each name, with these images below `subjects`.
fn cohorts(table: &str, files: &[(&str, &[&str])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cohorts.tsv"), table).unwrap();
    for (name, files) in files {
        let subjects = folder.path().join(name).join("subjects");
        fs::create_dir_all(&subjects).unwrap();
        for file in *files {
            let path = subjects.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
    }
    folder
}

fn session(cohort: &str, participant: &str) -> Session {
    let [cohort, participant] = [cohort, participant].map(str::to_owned);
    Session { cohort, participant, session: "ses-1".to_owned(), row: 2 }
}

const TWO: &str = "path\tcohort\na\tA\nb\tB\n";

#[test]
fn images_are_looked_for_in_the_caps_of_their_cohort() {
    let pattern = Preprocessing::Custom { custom_suffix: None, pattern: Some("*.nii".to_owned()) };
    let files: [(&str, &[&str]); 2] =
        [("a", &["sub-1/ses-1/x.nii"]), ("b", &["sub-1/ses-1/y.nii", "sub-2/ses-1/z.nii"])];
    let folder = cohorts(TWO, &files);
    let opened = Cohorts::open(&folder.path().join("cohorts.tsv")).unwrap();
    assert!(opened.several());
    let visits = [session("B", "sub-2"), session("A", "sub-1"), session("B", "sub-1")];
    let found = opened.find(&visits, &pattern).unwrap();
    let expected = [
        "b/subjects/sub-2/ses-1/z.nii",
        "a/subjects/sub-1/ses-1/x.nii",
        "b/subjects/sub-1/ses-1/y.nii",
    ];
    assert_eq!(found.files, expected.map(|file| folder.path().join(file)));
    // A tensor is of the cohort whose CAPS holds it.
    let tensor = "deeplearning_prepare_data/image_based/custom/x.pt";
    let tensor = folder.path().join("b/subjects/sub-1/ses-1").join(tensor);
    fs::create_dir_all(tensor.parent().unwrap()).unwrap();
    fs::write(&tensor, "x").unwrap();
    assert_eq!(opened.find_tensor(&session("B", "sub-1"), &pattern), Some(tensor));
    assert_eq!(opened.find_tensor(&session("A", "sub-1"), &pattern), None);
    // What is missing is told for all cohorts at once.
    let visits = [session("B", "sub-3"), session("A", "sub-2"), session("b", "sub-1")];
    let error = opened.find(&visits, &pattern).unwrap_err();
    let places: Vec<String> =
        error.problems().iter().flat_map(|p| &p.place).map(ToString::to_string).collect();
    assert_eq!(error.problems().len(), 3, "{error}");
    assert!(places[0].starts_with("sub-2 ses-1 of cohort A: "), "{places:?}");
    assert!(places[1].starts_with("sub-3 ses-1 of cohort B: "), "{places:?}");
    assert!(error.to_string().contains("no CAPS is given for cohort \"b\"; did you mean \"B\"?"));
}

#[test]
fn every_caps_of_the_table_is_opened_and_one_alone_is_single() {
    let folder = cohorts("cohort\tpath\nA\ta\nB\tb\nC\ta/subjects\n", &[("a", &[])]);
    let error = Cohorts::open(&folder.path().join("cohorts.tsv")).unwrap_err();
    let shown = error.to_string().replace(&folder.path().display().to_string(), "DIR");
    for part in [
        "E0301: the CAPS of cohort \"B\", DIR/b: cannot open the CAPS\n  at DIR/cohorts.tsv, row 3",
        "E0311: the CAPS of cohort \"C\", DIR/a/subjects: there is no folder subjects/",
        "help: give DIR/a",
    ] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
    let one = Cohorts::open(&folder.path().join("a")).unwrap();
    assert!(!one.several() && one.names().eq([SINGLE]));
}

#[test]
fn cohorts_of_one_folder_share_their_people() {
    let folder = cohorts("cohort\tpath\nA\ta\nB\tb/../a\nC\tb\n", &[("a", &[]), ("b", &[])]);
    let opened = Cohorts::open(&folder.path().join("cohorts.tsv")).unwrap();
    assert!(opened.share("A", "B") && !opened.share("A", "C"));
}

/// The error of files of these cohorts, or nothing.
fn mixed(files: &[(&str, &str)]) -> String {
    let mut by_cohort: Vec<(&str, Vec<&Path>)> = Vec::new();
    for (cohort, file) in files {
        match by_cohort.iter_mut().find(|(name, _)| name == cohort) {
            Some((_, files)) => files.push(Path::new(file)),
            None => by_cohort.push((cohort, vec![Path::new(file)])),
        }
    }
    alike::check(&by_cohort).map_or_else(|error| error.to_string(), |()| String::new())
}

#[test]
fn images_of_different_kinds_are_told_by_their_names() {
    assert_eq!(
        mixed(&[
            ("A", "sub-1_ses-1_run-1_T1w.nii.gz"),
            ("A", "sub-2_ses-1_acq-x_T1w.nii"),
            ("B", "sub-1_ses-1_T1w.nii.gz"),
            ("B", "sub-2_ses-1_FLAIR.nii.gz"),
            ("C", "sub-1_ses-1_t1W.pt"),
        ]),
        "E0314: the cohorts \"A\" and \"B\" hold images of different kinds: the modality is t1w in the \
         one, flair, t1w in the other\n  at sub-2_ses-1_FLAIR.nii.gz\n  \
         help: make the pattern of caps() more precise, or preprocess the cohorts alike"
    );
    let tracer = mixed(&[
        ("A", "sub-1_trc-18FFDG_space-X_suvr-pons_pet.nii.gz"),
        ("B", "sub-1_trc-18FAV45_space-X_suvr-pons2_pet.nii.gz"),
    ]);
    assert_eq!(tracer.matches("E0314").count(), 2, "{tracer}");
    for part in ["the tracer is 18ffdg in the one, 18fav45", "the reference region is pons in the"]
    {
        assert!(tracer.contains(part), "{part:?} is not in\n{tracer}");
    }
    // Names that do not say it are not held against a cohort.
    assert_eq!(mixed(&[("A", "sub-1_space-X_T1w.nii"), ("B", "brain.nii.gz")]), "");
    assert_eq!(
        mixed(&[("A", "sub-1_T1w_segm-graymatter_probability.nii"), ("B", "x_T1w.nii")]),
        ""
    );
}

#[test]
fn the_masks_of_all_cohorts_must_agree() {
    let folder = cohorts(TWO, &[("a", &[]), ("b", &[])]);
    let write = |cohort: &str, region: &str, inside: usize, size: usize| {
        let mut affine: crate::volume::Affine =
            std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
        if (cohort, region) == ("b", "place") {
            affine[0] = [-1.0, 0.0, 0.0, 1.0];
        }
        let masks = folder.path().join(cohort).join("masks/tpl-T");
        fs::create_dir_all(&masks).unwrap();
        let voxels: Vec<f32> = (0..8 * size).map(|i| f32::from(u8::from(i <= inside))).collect();
        let file = masks.join(format!("tpl-T_roi-{region}_mask.nii.gz"));
        crate::volume::write(&file, [2, 4, size], &voxels, &affine).unwrap();
    };
    let opened = Cohorts::open(&folder.path().join("cohorts.tsv")).unwrap();
    let find = |used: &[&str], regions: &[&str]| {
        let regions: Vec<String> = regions.iter().map(|name| (*name).to_owned()).collect();
        let pattern = Preprocessing::Custom { custom_suffix: Some("x".into()), pattern: None };
        let options = MaskOptions { roi_custom_template: Some("T".into()), ..Default::default() };
        opened.find_masks(&used.iter().copied().collect(), &regions, &pattern, &options)
    };
    for cohort in ["a", "b"] {
        write(cohort, "same", 3, 2);
        write(cohort, "voxels", if cohort == "a" { 3 } else { 5 }, 2);
        write(cohort, "place", 3, 2);
        write(cohort, "shape", 3, if cohort == "a" { 2 } else { 3 });
    }
    let found = find(&["A", "B"], &["same"]).unwrap();
    assert!(found[0].starts_with(folder.path().join("a")));
    assert!(find(&["B"], &["voxels"]).unwrap()[0].starts_with(folder.path().join("b")));
    let error = find(&["A", "B"], &["same", "voxels", "place", "shape"]).unwrap_err();
    let messages: Vec<_> = error.problems().iter().map(|p| (p.code, p.message.as_str())).collect();
    let start = "the cohorts \"A\" and \"B\" have different masks of";
    assert_eq!(
        messages,
        [
            (Code::BadMask, &*format!("{start} \"voxels\": they differ in 2 voxels")),
            (Code::BadMask, &*format!("{start} \"place\": they lie in different places")),
            (Code::BadMask, &*format!("{start} \"shape\": they have 2×4×2 and 2×4×3 voxels")),
        ]
    );
    write("a", "lone", 1, 2);
    assert_eq!(find(&["A", "B"], &["lone"]).unwrap_err().code(), Code::BadMask);
}

#[test]
fn people_and_sessions_are_named_with_their_cohort() {
    let visit = session("north", "sub-1");
    assert_eq!(visit.to_string(), "sub-1 ses-1 of cohort north");
    assert_eq!(visit.person().to_string(), "sub-1 of cohort north");
    let Person { cohort, .. } = session(SINGLE, "sub-1").person();
    assert_eq!(cohort, SINGLE);
    assert_eq!(session(SINGLE, "sub-1").to_string(), "sub-1 ses-1");
}
