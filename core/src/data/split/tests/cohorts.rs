//! Splits of several cohorts, which a table names.

use super::*;

const NORTH: [(&str, &str); 2] = [("north/train.tsv", TRAIN), ("north/validation.tsv", VALIDATION)];

/// The same ids with other diagnoses.
fn south() -> [(&'static str, String); 2] {
    [("south/train.tsv", TRAIN), ("south/validation.tsv", VALIDATION)]
        .map(|(name, text)| (name, text.replace("AD", "MCI")))
}

/// Reads split 0 of `table` beside the two cohorts, and gives the split with its warnings, or the
/// error, as text.
fn read(table: &str, options: &SplitOptions) -> String {
    let south = south();
    let south = south.iter().map(|(name, text)| (*name, text.as_str()));
    let files: Vec<_> = NORTH.into_iter().chain(south).chain([("splits.tsv", table)]).collect();
    let folder = folder(&files);
    let file = folder.path().join("splits.tsv");
    match Splits::open(&file).and_then(|splits| splits.read(0, options)) {
        Ok(split) => {
            let warnings = split.warnings.iter().map(|warning| format!("\nwarning: {warning}"));
            let of = |rows: &[Row]| {
                let mut names: Vec<_> = rows.iter().map(|row| row.session.cohort.clone()).collect();
                names.dedup();
                names.join(", ")
            };
            let cohorts = format!("\n{} | {}", of(&split.train), of(&split.validation));
            show(&split) + &cohorts + &warnings.collect::<String>()
        }
        Err(error) => error.to_string().replace(&folder.path().display().to_string(), "DIR"),
    }
}

#[test]
fn each_gives_its_diagnoses_in_the_order_of_the_table() {
    // The same ids in two cohorts are two people, so nobody leaks from one into the other.
    assert_eq!(
        read("cohort\tpath\nsouth\tsouth\nnorth\t./north\n", &class(None)),
        "splits.tsv: 2 sub-A ses-M000=2, 3 sub-B ses-M000=1, 4 sub-B ses-M012=1, \
         2 sub-A ses-M000=0, 3 sub-B ses-M000=1, 4 sub-B ses-M012=1\n\
         splits.tsv: 2 sub-C ses-M000=1, 3 sub-D ses-M000=2, 2 sub-C ses-M000=1, 3 sub-D ses-M000=0\n\
         AD,CN,MCI [1, 4, 1] [1, 2, 1]\nsouth, north | south, north"
    );
    // Of the classes that are wanted each cohort has those that its line names, an empty cell all.
    assert_eq!(
        read(
            "cohort\tpath\tdiagnoses\nnorth\tnorth\t\nsouth\tsouth\tMCI\n",
            &class(Some(&["AD", "CN"]))
        ),
        "splits.tsv: 2 sub-A ses-M000=0, 3 sub-B ses-M000=1, 4 sub-B ses-M012=1\n\
         splits.tsv: 2 sub-C ses-M000=1, 3 sub-D ses-M000=0\n\
         AD,CN [1, 2] [1, 1]\nnorth | north\n\
         warning: cohort \"south\" is left out of split 0: none of its sessions has what is asked for"
    );
    assert_eq!(
        read("cohort\tpath\tdiagnoses\nnorth\tnorth\tAD, CN\nsouth\tsouth\t CN ,\n", &class(None)),
        "splits.tsv: 2 sub-A ses-M000=0, 3 sub-B ses-M000=1, 4 sub-B ses-M012=1, \
         3 sub-B ses-M000=1, 4 sub-B ses-M012=1\n\
         splits.tsv: 2 sub-C ses-M000=1, 3 sub-D ses-M000=0, 2 sub-C ses-M000=1\n\
         AD,CN [1, 4] [1, 2]\nnorth, south | north, south"
    );
}

#[test]
fn wanted_classes_must_be_in_some_cohort_and_diagnoses_in_their_own() {
    assert_eq!(
        read(
            "cohort\tpath\tdiagnoses\nnorth\tnorth\tAD,CN\nsouth\tsouth\tCN\n",
            &class(Some(&["AD", "MCI", "SCD"]))
        ),
        "E0409: no session has \"MCI\" in column \"diagnosis\"; there are AD (2), CN (6)\n  \
         at DIR/splits.tsv\n  \
         help: the diagnoses that are used: AD, CN of cohort \"north\"; CN of cohort \"south\"\n\
         E0409: no session has \"SCD\" in column \"diagnosis\"; there are AD (2), CN (6)\n  \
         at DIR/splits.tsv\n  \
         help: the diagnoses that are used: AD, CN of cohort \"north\"; CN of cohort \"south\""
    );
    assert_eq!(
        read("cohort\tpath\tdiagnoses\nnorth\tnorth\tAd\nsouth\tsouth\t\n", &class(None)),
        "E0409: no session has \"Ad\" in column \"diagnosis\"; there are AD (2), CN (3); did you \
         mean \"AD\"?\n  at DIR/splits.tsv, row 2"
    );
    let shown = read(
        "cohort\tpath\tdiagnoses\nnorth\tnorth\t71.5\n",
        &SplitOptions { target: Target::Number { column: "age".to_owned() }, ..class(None) },
    );
    assert!(shown.contains("no session has \"71.5\" in column \"diagnosis\""), "{shown}");
    // Both cohorts are empty where nothing that is selected is there.
    let age = SplitOptions {
        select: Some(Selection { column: "age".into(), values: vec!["71.5".into()] }),
        ..SplitOptions::default()
    };
    let refused = read("cohort\tpath\nnorth\tnorth\nsouth\tsouth\n", &age);
    assert_eq!(
        refused,
        "E0409: no row is left after selection\n  at DIR/splits.tsv\n  \
         help: both sides of a split need at least one session"
    );
}

#[test]
fn everything_wrong_with_the_table_is_told_at_once() {
    let refused = |table: &str, parts: &[&str]| {
        let shown = read(table, &class(None));
        assert_eq!(shown.matches("\n  at ").count(), parts.len(), "{shown}");
        parts.iter().for_each(|part| assert!(shown.contains(part), "{part:?} is not in\n{shown}"));
    };
    refused(
        "name\tfolder\nnorth\tnorth\n",
        &["there is no column \"cohort\"", "there is no column \"path\""],
    );
    refused("cohort\tpath\n", &["E0409: the table has a header but no cohorts"]);
    refused(
        "cohort\tpath\nnorth\tnorth\nnorth\tsouth\nsingle\tsouth\nsouth\t\n",
        &[
            "E0403: cohort \"north\" is in row 2 already\n  at DIR/splits.tsv, row 3",
            "E0408: a cohort cannot be called \"single\"",
            "E0404: the cell is empty\n  at DIR/splits.tsv, row 5, column \"path\"",
        ],
    );
    refused(
        "cohort\tpath\nnorth\tnorht\nsouth\tsouth/train.tsv\n",
        &[
            "E0301: the splits of cohort \"north\", DIR/norht: cannot open the folder of splits\n  \
             at DIR/splits.tsv, row 2",
            "E0406: the splits of cohort \"south\", DIR/south/train.tsv: a folder of splits was \
             expected, this is a file\n  at DIR/splits.tsv, row 3",
        ],
    );
}

#[test]
fn all_cohorts_are_split_in_the_same_way() {
    let fold = |cohort: &str, k: usize| {
        [("train", TRAIN), ("validation", VALIDATION)]
            .map(|(side, text)| (format!("{cohort}/split-{k}/{side}.tsv"), text))
    };
    let mut files: Vec<_> = [fold("a", 0), fold("a", 1), fold("b", 0), fold("b", 2)].concat();
    files.extend(NORTH.map(|(name, text)| (name.to_owned(), text)));
    let table = |rows: &str| ("splits.tsv".to_owned(), format!("cohort\tpath\n{rows}"));
    let read = |rows: &str| {
        let (name, text) = table(rows);
        let all = files.iter().map(|(name, text)| (name.as_str(), *text));
        let folder = folder(&all.chain([(name.as_str(), text.as_str())]).collect::<Vec<_>>());
        let splits = Splits::open(&folder.path().join("splits.tsv"))?;
        let all = splits.read_all(&splits.indices(), &class(None))?;
        Ok::<_, Error>((splits.single(), all.len()))
    };
    assert_eq!(read("x\ta\ny\ta\n").unwrap(), (false, 2));
    assert_eq!(read("x\tnorth\n").unwrap(), (true, 1));
    let error = read("x\ta\ny\tb\n").unwrap_err();
    let told: Vec<_> = error.problems().iter().map(|problem| problem.message.clone()).collect();
    assert_eq!(
        told,
        [
            "cohort \"y\" has no split 1; there are 0, 2",
            "cohort \"x\" has no split 2; there are 0, 1"
        ]
    );
    assert_eq!(error.problems()[0].help.as_deref(), Some("all cohorts have these: split: [0]"));
    let error = read("x\ta\nn\tnorth\n").unwrap_err();
    let expected = "cohort \"x\" has folds, but cohort \"n\" a single split";
    assert_eq!(error.problems()[0].message, expected);
}

#[test]
fn a_participant_on_both_sides_is_named_with_the_cohort() {
    let both = VALIDATION.replace("sub-C", "sub-B");
    let files = [
        ("splits.tsv", "cohort\tpath\nnorth\tnorth\nsouth\tsouth\n"),
        NORTH[0],
        NORTH[1],
        ("south/train.tsv", TRAIN),
        ("south/validation.tsv", &both),
    ];
    let folder = folder(&files);
    let splits = Splits::open(&folder.path().join("splits.tsv")).unwrap();
    let error = splits.read(0, &class(None)).unwrap_err();
    assert_eq!(error.problems().len(), 1);
    let message =
        "on both sides of the split: sub-B of cohort south (row 3 of train, 2 of validation)";
    assert_eq!(error.problems()[0].message, message);
    let allowed = SplitOptions { allow_leakage: true, ..class(None) };
    let leaked = splits.read(0, &allowed).unwrap().leaked;
    assert_eq!(leaked, [Person { cohort: "south".into(), participant: "sub-B".into() }]);
}
