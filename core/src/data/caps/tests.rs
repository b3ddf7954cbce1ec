use super::*;
use std::fs;
use tempfile::TempDir;

const T1: &str = "space-MNI152NLin2009cSym_desc-Crop_res-1x1x1_T1w.nii.gz";
const FULL: &str = "space-MNI152NLin2009cSym_res-1x1x1_T1w.nii.gz";

/// A CAPS with these files below `subjects`; a name that ends in `/` makes a folder.
fn caps(files: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("subjects")).unwrap();
    for name in files {
        let path = root.path().join("subjects").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::write(path, "x").unwrap();
        }
    }
    root
}

fn session(ids: &str) -> Session {
    let (participant, session) = ids.split_once(' ').unwrap();
    Session {
        cohort: SINGLE.to_owned(),
        participant: participant.to_owned(),
        session: session.to_owned(),
        row: 2,
    }
}

fn t1() -> Preprocessing {
    Preprocessing::T1Linear { use_uncropped_image: false }
}

fn custom(pattern: &str) -> Preprocessing {
    Preprocessing::Custom { custom_suffix: None, pattern: Some(pattern.to_owned()) }
}

/// The files found, or the error, as text below the CAPS.
fn find(root: &Path, preprocessing: &Preprocessing, sessions: &[&str]) -> String {
    let sessions: Vec<_> = sessions.iter().map(|ids| session(ids)).collect();
    let shown = match Caps::open(root).and_then(|caps| caps.find(&sessions, preprocessing)) {
        Ok(found) => {
            let files = found.files.iter().map(|file| format!("{}\n", file.display()));
            let warnings = found.warnings.iter().map(|warning| format!("{warning}\n"));
            files.chain(warnings).collect::<String>().trim_end().to_owned()
        }
        Err(error) => error.to_string(),
    };
    shown.replace(&format!("{}/subjects", root.display()), "SUBJECTS")
}

#[track_caller]
fn check(files: &[&str], preprocessing: &Preprocessing, sessions: &[&str], expected: &str) {
    let root = caps(files);
    assert_eq!(find(root.path(), preprocessing, sessions), expected);
}

#[track_caller]
fn check_open(files: &[&str], open: &str, parts: &[&str]) {
    let root = tempfile::tempdir().unwrap();
    for name in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    let error = Caps::open(&root.path().join(open)).unwrap_err();
    let shown = error.to_string().replace(&root.path().display().to_string(), "DIR");
    for part in parts {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
}

#[test]
fn images_are_found_by_name_wherever_they_lie() {
    check(
        &[
            &format!("sub-A/ses-1/t1_linear/sub-A_ses-1_{T1}"),
            &format!("sub-A/ses-1/t1_linear/sub-A_ses-1_{FULL}"),
            &format!("sub-A/ses-1/deeplearning_prepare_data/sub-A_ses-1_{T1}"),
            &format!("sub-B/ses-1/t1-linear/deep/er/SUB-B_{}", T1.to_uppercase()),
            "sub-B/ses-1/t1-linear/sub-B.mat",
        ],
        &t1(),
        &["sub-B ses-1", "sub-A ses-1", "sub-B ses-1"],
        &format!(
            "SUBJECTS/sub-B/ses-1/t1-linear/deep/er/SUB-B_{big}\n\
             SUBJECTS/sub-A/ses-1/t1_linear/sub-A_ses-1_{T1}\n\
             SUBJECTS/sub-B/ses-1/t1-linear/deep/er/SUB-B_{big}",
            big = T1.to_uppercase()
        ),
    );
}

#[test]
fn other_preprocessings() {
    let pet = "sub-A_trc-18FFDG_space-MNI152NLin2009cSym_desc-Crop_res-1x1x1_suvr-pons_pet.nii.gz";
    let files = [&format!("sub-A/ses-1/pet_linear/{pet}"), "sub-A/ses-1/x/y/brain_probability.nii"];
    let preprocessing = Preprocessing::PetLinear {
        tracer: "18ffdg".to_owned(),
        suvr_reference_region: "Pons".to_owned(),
        use_uncropped_image: false,
    };
    let expected = format!("SUBJECTS/sub-A/ses-1/pet_linear/{pet}");
    check(&files, &preprocessing, &["sub-A ses-1"], &expected);
    let suffix = Preprocessing::Custom {
        custom_suffix: Some("_probability.nii.gz".to_owned()),
        pattern: None,
    };
    let expected = "SUBJECTS/sub-A/ses-1/x/y/brain_probability.nii";
    check(&files, &suffix, &["sub-A ses-1"], expected);
    check(&files, &custom("x/**/*.nii"), &["sub-A ses-1"], expected);
    check(
        &files,
        &custom(""),
        &["sub-A ses-1"],
        "E0104: a file name or a path below the session was expected, not \"\"\n  at option \"pattern\"",
    );
}

#[test]
fn of_a_compressed_and_a_plain_image_the_compressed_one_is_meant() {
    let plain = T1.replace(".gz", "");
    let both = [&format!("sub-A/ses-1/a_{T1}"), &format!("sub-A/ses-1/a_{plain}")];
    let both = both.map(String::as_str);
    check(&both, &t1(), &["sub-A ses-1"], &format!("SUBJECTS/sub-A/ses-1/a_{T1}"));
    check(&both[1..], &t1(), &["sub-A ses-1"], &format!("SUBJECTS/sub-A/ses-1/a_{plain}"));
}

#[test]
fn everything_missing_is_told_at_once_with_advice() {
    check(
        &[
            &format!("sub-001/ses-M006/t1_linear/a_{FULL}"),
            "sub-001/ses-M012/notes.txt",
            "sub-002/ses-M000/pet.nii.gz",
            "sub-003/",
        ],
        &t1(),
        &[
            "sub-1 ses-M006",
            "sub-01B ses-M006",
            "sub-001 ses-M06",
            "sub-001 ses-M018",
            "sub-001 ses-M006",
            "sub-001 ses-M012",
            "sub-002 ses-M000",
            "sub-003 ses-M000",
        ],
        "E0306: the participant has no folder in subjects/\n  at sub-1 ses-M006: SUBJECTS\n  \
         help: sub-001 is there: ids are never rewritten, so write it the same way in both places\n\
         E0306: the participant has no folder in subjects/\n  at sub-01B ses-M006: SUBJECTS\n  \
         help: the nearest id that is there is sub-001\n\
         E0306: the session has no folder; there are ses-M006, ses-M012\n  \
         at sub-001 ses-M06: SUBJECTS/sub-001\n  \
         help: ses-M006 is there: ids are never rewritten, so write it the same way in both places\n\
         E0306: the session has no folder; there are ses-M006, ses-M012\n  \
         at sub-001 ses-M018: SUBJECTS/sub-001\n  \
         help: check the id, or leave the session out of the table\n\
         E0306: no file matches *space-MNI152NLin2009cSym_desc-Crop_res-1x1x1_T1w.nii.gz; the images \
         there are t1_linear/a_space-MNI152NLin2009cSym_res-1x1x1_T1w.nii.gz\n  \
         at sub-001 ses-M006: SUBJECTS/sub-001/ses-M006\n  \
         help: it is there with use_uncropped_image: true\n\
         E0306: no file matches *space-MNI152NLin2009cSym_desc-Crop_res-1x1x1_T1w.nii.gz; there are \
         no images\n  at sub-001 ses-M012: SUBJECTS/sub-001/ses-M012\n  \
         help: check that t1-linear of Clinica ran for this session\n\
         E0306: no file matches *space-MNI152NLin2009cSym_desc-Crop_res-1x1x1_T1w.nii.gz; the images \
         there are pet.nii.gz\n  at sub-002 ses-M000: SUBJECTS/sub-002/ses-M000\n  \
         help: check that t1-linear of Clinica ran for this session\n\
         E0306: the session has no folder; there are none\n  at sub-003 ses-M000: SUBJECTS/sub-003\n  \
         help: check the id, or leave the session out of the table",
    );
}

#[test]
fn several_matches_are_listed_but_of_runs_the_last_is_taken() {
    let ids = ["sub-A ses-1"];
    check(
        &["sub-A/ses-1/anat/a_run-1_T1w.nii.gz", "sub-A/ses-1/anat/a_run-2_T1w.nii.gz"],
        &custom("*_T1w.nii.gz"),
        &ids,
        "SUBJECTS/sub-A/ses-1/anat/a_run-2_T1w.nii.gz\n\
         E0307: the last of several runs is taken, not anat/a_run-1_T1w.nii.gz\n  \
         at sub-A ses-1: SUBJECTS/sub-A/ses-1/anat/a_run-2_T1w.nii.gz\n  \
         help: move surplus runs away, or ask for one with a pattern",
    );
    check(
        &["sub-A/ses-1/x/a_T1w.nii.gz", "sub-A/ses-1/anat/a_T1w.nii.gz"],
        &custom("*_T1w.nii.gz"),
        &ids,
        "E0307: several files match *_T1w.nii.gz: anat/a_T1w.nii.gz, x/a_T1w.nii.gz\n  \
         at sub-A ses-1: SUBJECTS/sub-A/ses-1\n  \
         help: make the pattern more precise, or move the surplus files away",
    );
}

#[test]
fn a_folder_that_is_no_caps_is_said_to_be_what_it_is() {
    check_open(&[], "absent", &["E0301"]);
    check_open(&["file"], "file", &["E0311", "this is a file"]);
    check_open(&["a.txt"], "", &["E0311", "no folder subjects/; found a.txt", "subjects/sub-X"]);
    let bids = ["sub-1/ses-1/anat/a.nii", "sub-2/ses-1/anat/a.nii", "dataset_description.json"];
    check_open(&bids, "", &["E0311", "looks like a BIDS folder: sub-1, sub-2"]);
    let inside = ["caps/subjects/sub-1/ses-1/a.nii", "caps/masks/a"];
    check_open(&inside, "caps/subjects", &["the subjects/ folder inside", "give DIR/caps"]);
    check_open(&inside, "caps/masks", &["no folder subjects/", "give DIR/caps"]);
    check_open(&inside, "", &["no folder subjects/; found caps", "give DIR/caps"]);
    let stray = ["subjects/sub-1/a", "sub-2/a"];
    check_open(&stray, "", &["beside subjects/ instead of in it: sub-2", "move them"]);
    check_open(&["subjects"], "", &["E0311", "no folder subjects/; found subjects"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;
    let root = caps(&["sub-A/ses-1/a/x.txt", "sub-A/ses-1/b/y.txt", "sub-B/"]);
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join(format!("i_{T1}")), "x").unwrap();
    let subjects = root.path().join("subjects");
    let session = subjects.join("sub-A/ses-1");
    symlink("..", session.join("a/up")).unwrap();
    symlink("../a", session.join("b/to_a")).unwrap();
    symlink("../b", session.join("a/to_b")).unwrap();
    symlink(&session, session.join("self")).unwrap();
    symlink(root.path(), session.join("root")).unwrap();
    symlink(elsewhere.path(), session.join("t1_linear")).unwrap();
    // A participant's folder may be a link as well, and a session may be another's.
    symlink(&session, subjects.join("sub-B/ses-1")).unwrap();
    symlink(subjects.join("sub-A"), subjects.join("sub-C")).unwrap();
    assert_eq!(
        find(root.path(), &t1(), &["sub-A ses-1", "sub-B ses-1", "sub-C ses-1"]),
        ["A", "B", "C"].map(|id| format!("SUBJECTS/sub-{id}/ses-1/t1_linear/i_{T1}")).join("\n")
    );
    // Both folders that link to each other are seen from both sides, once.
    let Listing::Files { files, dangling } = list(root.path(), "sub-A", "ses-1", Kind::Images)
    else {
        panic!("it is there")
    };
    assert!(dangling.is_empty());
    let t1 = format!("t1_linear/i_{T1}");
    assert_eq!(files, ["a/to_b/y.txt", "a/x.txt", "b/to_a/x.txt", "b/y.txt", &t1]);
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_is_told_apart_from_a_missing_image() {
    let root = caps(&["sub-A/ses-1/"]);
    let link = root.path().join(format!("subjects/sub-A/ses-1/a_{T1}"));
    std::os::unix::fs::symlink(".git/annex/objects/x", link).unwrap();
    assert_eq!(
        find(root.path(), &t1(), &["sub-A ses-1"]),
        format!(
            "E0306: the file is a link to one that is not there\n  \
             at sub-A ses-1: SUBJECTS/sub-A/ses-1/a_{T1}\n  \
             help: fetch its content, for example with `datalad get`"
        )
    );
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_listed_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let root = caps(&["sub-A/ses-1/anat/a.nii", "sub-B/ses-1/a.nii"]);
    let folder = root.path().join("subjects/sub-A/ses-1/anat");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).unwrap();
    // Root may list everything.
    if fs::read_dir(&folder).is_ok() {
        return;
    }
    let shown = find(root.path(), &custom("a.nii"), &["sub-A ses-1", "sub-B ses-1"]);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(shown.starts_with("E0302: cannot list the folder\n  at SUBJECTS/sub-A/ses-1/anat"));
}

#[test]
fn a_file_where_a_session_should_be_is_no_session() {
    check(
        &["sub-A/ses-1"],
        &t1(),
        &["sub-A ses-1"],
        "E0306: the session has no folder; there are none\n  at sub-A ses-1: SUBJECTS/sub-A\n  \
         help: check the id, or leave the session out of the table",
    );
}

#[test]
fn folders_are_listed_once() {
    let root = caps(&[&format!("sub-A/ses-1/t1_linear/a_{T1}")]);
    let caps = Caps::open(root.path()).unwrap();
    let sessions = [session("sub-A ses-1")];
    let found = caps.find(&sessions, &t1()).unwrap();
    fs::remove_dir_all(root.path().join("subjects/sub-A")).unwrap();
    assert_eq!(caps.find(&sessions, &t1()).unwrap(), found);
}

#[test]
fn tensors_of_whole_images_stand_in_for_them() {
    let tensor = T1.replace(".nii.gz", ".pt");
    let below = "deeplearning_prepare_data/image_based/t1_linear";
    let root = caps(&[
        &format!("sub-A/ses-1/{below}/sub-A_ses-1_{tensor}"),
        &format!("sub-B/ses-1/t1_linear/sub-B_ses-1_{T1}"),
    ]);
    let caps = Caps::open(root.path()).unwrap();
    let (a, b) = (session("sub-A ses-1"), session("sub-B ses-1"));
    let found = caps.find_tensors(std::slice::from_ref(&a), &t1()).unwrap();
    assert!(found.files[0].ends_with(format!("{below}/sub-A_ses-1_{tensor}")));
    let name = format!("sub-A_ses-1_{T1}");
    let named = caps.tensor_path(&a, &t1(), &name, TensorOf::Image).unwrap();
    assert_eq!(named, found.files[0]);
    let error = caps.find_tensors(&[a, b], &t1()).unwrap_err();
    assert_eq!((error.problems().len(), error.code()), (1, Code::BadTensor));
}

#[test]
fn masks_are_found_by_region() {
    let names = [
        "tpl-X_desc-Crop_res-1x1x1_roi-left_mask.nii.gz",
        "tpl-X_desc-Crop_res-1x1x1_roi-right_mask.nii.gz",
        "tpl-X_desc-Crop_atlas-B_res-1x1x1_roi-right_mask.nii",
        "tpl-X_res-1x1x1_roi-whole_mask.nii.gz",
        "notes.txt",
    ];
    let root = caps(&[]);
    let folder = root.path().join("masks/tpl-X");
    fs::create_dir_all(&folder).unwrap();
    for name in names {
        fs::write(folder.join(name), "").unwrap();
    }
    let caps = Caps::open(root.path()).unwrap();
    let find = |preprocessing: &Preprocessing, template: &str, regions: &[&str]| {
        let regions: Vec<_> = regions.iter().copied().map(str::to_owned).collect();
        let options = MaskOptions {
            roi_custom_template: Some(template.to_owned()),
            ..MaskOptions::default()
        };
        match caps.find_masks(&regions, preprocessing, &options) {
            Ok(paths) => {
                let names = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap());
                names.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string().replace(&root.path().display().to_string(), "DIR"),
        }
    };
    // Of the two masks of the right region the alphabetically first is taken.
    assert_eq!(find(&t1(), "X", &["right", "left"]), format!("{} {}", names[2], names[0]));
    assert_eq!(find(&custom("*"), "X", &["whole"]), names[3]);
    let uncropped = Preprocessing::T1Linear { use_uncropped_image: true };
    assert_eq!(find(&uncropped, "X", &["whole"]), names[3]);
    assert!(find(&uncropped, "X", &["left"]).contains(&format!("the region has {}", names[0])));
    assert_eq!(
        find(&t1(), "X", &["lfet", "whole"]),
        "E0312: no mask *res-1x1x1*_roi-lfet_mask.nii* with _desc-Crop_; \
         the regions there are left, right; did you mean \"left\"?\n  at DIR/masks/tpl-X\n\
         E0312: no mask *res-1x1x1*_roi-whole_mask.nii* with _desc-Crop_; \
         the region has tpl-X_res-1x1x1_roi-whole_mask.nii.gz\n  at DIR/masks/tpl-X\n  \
         help: draw the mask on the grid of the images, or choose use_uncropped_image to fit"
    );
    let absent = find(&t1(), "", &["left"]);
    assert!(absent.contains("masks/tpl-MNI152NLin2009cSym") && absent.contains("there are tpl-X"));
    assert!(find(&custom("*"), "", &["left"]).starts_with("E0105: regions of custom images need"));
}

#[test]
fn the_shared_caps_reads() {
    let Some(shared) = crate::shared_data::shared_data() else { return };
    let caps = Caps::open(&shared.join("caps")).unwrap();
    let sessions = caps.sessions().unwrap();
    assert_eq!(sessions.len(), 40);
    let found = caps.find(&sessions, &t1()).unwrap();
    assert_eq!((found.files.len(), found.warnings.len()), (40, 0));
    let regions = ["leftBox".to_owned(), "rightBox".to_owned()];
    let masks = caps.find_masks(&regions, &t1(), &MaskOptions::default()).unwrap();
    // ClinicaDL wrote the tensors of the first two.
    let first = &sessions[0];
    assert_eq!(caps.find_tensors(&sessions[..2], &t1()).unwrap().files.len(), 2);
    let image = found.files[0].file_name().unwrap().to_str().unwrap();
    for part in [TensorOf::Image, TensorOf::Patch { size: 32, stride: 32, index: 3 }] {
        let path = caps.tensor_path(first, &t1(), image, part).unwrap();
        assert!(path.is_file(), "{}", path.display());
    }
    let roi = TensorOf::Roi { mask: &masks[0], uncropped: false };
    let name = tensor_name(image, roi).unwrap();
    assert!(name.ends_with("_desc-CropRoi_res-1x1x1_roi-leftBox_T1w.pt"), "{name}");
}
