use std::fs;

use super::*;

/// Shows a table as text, so that tests are rows of data: `row: cell|cell`, missing cells as `-`.
fn show(result: Result<Table>) -> String {
    match result {
        Ok(table) => {
            let mut lines = vec![table.columns().join("|")];
            for row in 0..table.len() {
                let cells: Vec<_> =
                    (0..table.columns().len()).map(|i| table.text(row, i).unwrap_or("-")).collect();
                lines.push(format!("{}: {}", table.row_number(row), cells.join("|")));
            }
            lines.join("\n")
        }
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(bytes: impl AsRef<[u8]>, expected: &str) {
    assert_eq!(show(Table::parse(Path::new("t.tsv"), bytes.as_ref())), expected);
}

#[track_caller]
fn check_error(bytes: impl AsRef<[u8]>, parts: &[&str]) {
    let text = show(Table::parse(Path::new("t.tsv"), bytes.as_ref()));
    assert!(text.starts_with("E0401"), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn tables_as_programs_write_them() {
    check("a\tb\n1\tx\n", "a|b\n2: 1|x");
    check("a\tb\n1\tx", "a|b\n2: 1|x");
    check("\u{feff}a\tb\r\n1\tx\r\n2\ty\r\n", "a|b\n2: 1|x\n3: 2|y");
    check("a\tb\r1\tx\r", "a|b\n2: 1|x");
    check("a\tb\n", "a|b");
    // pandas' to_csv with its index.
    check("\tparticipant_id\tage\n0\tsub-1\t61.5\n", "|participant_id|age\n2: 0|sub-1|61.5");
    // Two trailing tabs from a spreadsheet give two columns without a name.
    check("a\t\t\n1\t\t\n", "a||\n2: 1|-|-");
}

#[test]
fn cells_are_stripped_and_missing_ones_are_none() {
    check(" a \tb\n  1 \t x y \n", "a|b\n2: 1|x y");
    check("a\tb\tc\td\te\n1\tNaN\tn/a\tN/A\tNA\n", "a|b|c|d|e\n2: 1|-|-|-|-");
    check("a\tb\nna\tNone\n", "a|b\n2: na|None");
}

#[test]
fn quoted_cells_may_hold_tabs_quotes_and_line_ends() {
    check("a\tb\n\"x\ty\"\t\"say \"\"no\"\"\"\n", "a|b\n2: x\ty|say \"no\"");
    check("a\tb\n\"x\ny\"\t1\nz\t2\n", "a|b\n2: x\ny|1\n3: z|2");
    check("a\tb\n5\" scan\t1\n", "a|b\n2: 5\" scan|1");
}

#[test]
fn blank_lines_are_passed_over_but_counted() {
    check("a\tb\n\n1\tx\n\n\n2\ty\n\n", "a|b\n3: 1|x\n6: 2|y");
    check("a\tb\r\n\r\n1\tx\r\n\t\r\n2\ty", "a|b\n3: 1|x\n5: 2|y");
}

#[test]
fn malformed_tables_are_errors_that_say_where() {
    check_error("", &["the table is empty", "t.tsv"]);
    check_error("\n \n\t\n", &["the table is empty"]);
    check_error(
        "a\tb\n1\tx\n2\n3\ty\tz\n",
        &["t.tsv, row 3", "row has 1\n", "t.tsv, row 4", "row has 3\n"],
    );
    check_error("a\tb\ta\n1\tx\t2\n", &["two columns are called \"a\"", "row 1"]);
    check_error("a,b\n1,x\n", &["separated by ','", "tab-separated"]);
    check_error(b"a\tb\nok\t1\nM\xfcller\t2\n", &["not UTF-8", "row 3"]);
    check_error(b"\xff\xfea\0", &["UTF-16"]);
    check_error(b"PK\x03\x04....", &["spreadsheet"]);
    check_error("a\tb\n\"x\t1\ny\t2\n", &["row 2", "quotation mark"]);
    check_error("a\tb\nr1\t1\tx\n", &["row.names = FALSE"]);
}

#[test]
fn a_missing_column_lists_those_there_and_the_nearest() {
    let table = Table::parse(Path::new("t.tsv"), b"\tparticipant_id\tdiagnosis\n").unwrap();
    let error = table.column("diagnose").unwrap_err();
    assert_eq!(
        error.to_string(),
        "E0402: there is no column \"diagnose\"; the columns are participant_id, diagnosis; \
         did you mean \"diagnosis\"?\n  at t.tsv"
    );
    assert_eq!(table.column("diagnosis").unwrap(), 2);
    assert!(table.is_empty());
}

#[test]
fn numbers_are_read_with_their_place() {
    let table =
        Table::parse(Path::new("t.tsv"), b"age\tx\n61.5\t1\n\t1\n61,5\t1\nold\t1\ninf\t1\n");
    let table = table.unwrap();
    assert_eq!(table.number(0, 0).unwrap(), Some(61.5));
    assert_eq!(table.number(1, 0).unwrap(), None);
    assert_eq!(
        table.needed_number(1, 0).unwrap_err().to_string(),
        "E0404: the cell is empty\n  at t.tsv, row 3, column \"age\"\n  \
         help: fill it in, or leave the row out"
    );
    let comma = table.number(2, 0).unwrap_err().to_string();
    assert!(comma.contains("row 4, column \"age\"") && comma.contains("point"), "{comma}");
    assert_eq!(table.number(3, 0).unwrap_err().code(), Code::BadValue);
    assert_eq!(table.number(4, 0).unwrap_err().code(), Code::BadValue);
}

#[test]
fn what_is_written_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.tsv");
    let rows = [["1", "tab\there"], ["say \"x\"", "line\nend"]];
    write_tsv(&path, &["a", "b"], rows).unwrap();
    assert_eq!(show(Table::read(&path)), "a|b\n2: 1|tab\there\n3: say \"x\"|line\nend");
    let plain: [[String; 2]; 1] = [["sub-1".to_owned(), String::new()]];
    write_tsv(&path, &["participant_id", "age"], plain).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "participant_id\tage\nsub-1\t\n");
}

#[test]
fn files_that_cannot_be_read_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let absent = Table::read(&folder.path().join("absent.tsv")).unwrap_err();
    assert_eq!(absent.code(), Code::FileNotFound);
    assert_eq!(Table::read(folder.path()).unwrap_err().code(), Code::FileAccess);
}
