use serde_json::Value;

use super::*;

/// Small tables, and what ClinicaDL makes of them: `tests/fixtures/make_tsvtools.py`.
pub(crate) fn fixture() -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/tsvtools.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// Writes the files of a part of the fixture into a folder.
pub(crate) fn unpack(files: &Value, folder: &Path) {
    for (name, text) in files.as_object().unwrap() {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text.as_str().unwrap()).unwrap();
    }
}

/// The cells of a table by row and column name; numbers are read, so that `70` is `70.0`.
pub(crate) fn cells(text: &str) -> Vec<BTreeMap<String, String>> {
    let table = Table::parse(Path::new("t.tsv"), text.as_bytes()).unwrap();
    let cell = |row, column| match table.text(row, column).unwrap_or_default() {
        text if text.parse::<f64>().is_ok() => text.parse::<f64>().unwrap().to_string(),
        text => text.to_owned(),
    };
    let row = |row| {
        let columns = table.columns().iter().enumerate();
        columns.map(|(i, name)| (name.clone(), cell(row, i))).collect()
    };
    (0..table.len()).map(row).collect()
}

struct Study {
    folder: tempfile::TempDir,
}

impl Study {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        unpack(&fixture()["given"], folder.path());
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn labelling(&self) -> Labelling {
        Labelling {
            merged: self.path("merged.tsv"),
            output: self.path("labels.tsv"),
            diagnoses: Vec::new(),
            modality: Some("t1w".into()),
            missing_mods: self.path("missing_mods"),
            variables: Vec::new(),
            restriction: None,
            keep_smc: false,
            remove_unique_session: false,
        }
    }
}

/// A labelling gives what ClinicaDL gives.
#[track_caller]
fn check(name: &str, change: impl Fn(&Study, &mut Labelling)) -> Labels {
    let study = Study::new();
    let mut labelling = study.labelling();
    change(&study, &mut labelling);
    let done = labels(&labelling).unwrap();
    let found = std::fs::read_to_string(&labelling.output).unwrap();
    assert_eq!(cells(&found), cells(fixture()["labels"][name].as_str().unwrap()));
    done
}

#[test]
fn labels_are_those_of_clinicadl() {
    let done = check("all", |_, _| ());
    let steps: Vec<(&str, usize, usize)> =
        done.steps.iter().map(|step| (&*step.left, step.sessions, step.participants)).collect();
    let expected = [
        ("in the table", 15, 7),
        ("named by their month (ses-M012)", 14, 7),
        ("without SMC at baseline", 13, 6),
        ("with a diagnosis", 11, 6),
        ("with t1w", 10, 6),
    ];
    assert_eq!(steps, expected);
    assert_eq!(
        done.diagnoses,
        BTreeMap::from([("AD", 5), ("CN", 4), ("MCI", 1)].map(|(d, n)| (d.into(), n)))
    );
    assert_eq!(
        done.notes,
        ["3 sessions had no diagnosis; it was filled in where the ones before and after agree"]
    );
    check("two", |_, labelling| {
        labelling.diagnoses = vec!["AD".into(), "CN".into()];
        labelling.variables = vec!["site".into()];
        labelling.remove_unique_session = true;
    });
    check("restricted", |study, labelling| {
        labelling.restriction = Some(study.path("restriction.tsv"));
        labelling.keep_smc = true;
    });
}

/// Refused with this code and these words, and nothing is written.
#[track_caller]
fn refused(code: Code, words: &str, change: impl Fn(&Study, &mut Labelling)) {
    let study = Study::new();
    let mut labelling = study.labelling();
    change(&study, &mut labelling);
    let error = labels(&labelling).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(!study.path("labels.tsv").exists() && !study.path("labels.json").exists());
}

#[test]
fn what_cannot_be_labelled_is_refused() {
    refused(Code::EmptySelection, "no session has the diagnosis \"DA\"", |_, labelling| {
        labelling.diagnoses = vec!["AD".into(), "DA".into()];
    });
    refused(Code::MissingColumn, "\"t1\"", |_, labelling| labelling.modality = Some("t1".into()));
    refused(Code::FileNotFound, "--modality none", |study, labelling| {
        labelling.missing_mods = study.path("absent");
    });
    refused(Code::MissingColumn, "\"sight\"", |_, labelling| {
        labelling.variables = vec!["sight".into()]
    });
    refused(Code::EmptySelection, "7 of AD, MCI, 0 with flair", |_, labelling| {
        labelling.modality = Some("flair".into());
        labelling.diagnoses = vec!["AD".into(), "MCI".into()];
    });
    refused(Code::BadValue, "row 3, column \"adni_diagnosis_change\"", |study, _| {
        let file = study.path("merged.tsv");
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replace("71\tF\t\tCN\t\t", "71\tF\t\tCN\t12\t");
        std::fs::write(file, text).unwrap();
    });
    refused(Code::BadValue, "column \"t1w\"", |study, _| {
        let file = study.path("missing_mods/missing_mods_ses-M006.tsv");
        std::fs::write(file, "participant_id\tt1w\nsub-B\tyes\n").unwrap();
    });
}

/// Without a modality no table of missing ones is needed; columns are told that are called otherwise.
#[test]
fn columns_that_are_called_otherwise_are_told() {
    let study = Study::new();
    let file = study.path("other.tsv");
    let text = "participant_id\tsession_id\tstage\tage_at_scan\tSEX\tdx1\n\
                sub-1\tses-M06\t3\t70\tF\tCN\nsub-1\tses-M000\t3\t69\tF\tCN\n";
    std::fs::write(&file, text).unwrap();
    let labelling = Labelling {
        merged: file,
        modality: None,
        missing_mods: study.path("absent"),
        ..study.labelling()
    };
    let done = labels(&labelling).unwrap();
    assert_eq!(
        done.notes,
        ["age is taken from the column \"age_at_scan\"", "sex is taken from the column \"SEX\""]
    );
    let found = std::fs::read_to_string(&labelling.output).unwrap();
    assert_eq!(
        found,
        "participant_id\tsession_id\tage\tsex\tdiagnosis\n\
         sub-1\tses-M000\t69\tF\tCN\nsub-1\tses-M06\t70\tF\tCN\n"
    );
    let record: Value =
        serde_json::from_slice(&std::fs::read(study.path("labels.json")).unwrap()).unwrap();
    assert_eq!(record["merged_tsv"], "other.tsv");
    assert_eq!(record["modality"], Value::Null);
    assert_eq!(labels(&labelling).unwrap_err().code(), Code::OutputInUse);
}
