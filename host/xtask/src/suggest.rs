//! The nearest known name to a mistyped one.

/// The candidate within a third of the name's letters (at least one slip, a swap counts as two), or none.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let (slips, candidate) =
        candidates.map(|candidate| (distance(name, candidate), candidate)).min()?;
    (slips <= (name.chars().count() / 3).max(1)).then_some(candidate)
}

/// The number of letters to insert, delete or replace (Levenshtein), one row of the table at a time.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for j in 0..b.len() {
            let replaced = diagonal + usize::from(letter != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        for (a, b, slips) in [
            ("", "", 0),
            ("test", "test", 0),
            ("tset", "test", 2),
            ("demo", "dem", 1),
            ("x", "", 1),
        ] {
            assert_eq!(distance(a, b), slips, "{a} {b}");
        }
    }

    #[test]
    fn only_near_names_are_suggested() {
        let names = ["libtorch", "demo", "test"];
        assert_eq!(nearest("tests", names.into_iter()), Some("test"));
        assert_eq!(nearest("libtroch", names.into_iter()), Some("libtorch"));
        assert_eq!(nearest("package", names.into_iter()), None);
    }
}
