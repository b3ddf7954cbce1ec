use std::fmt::Write;

/// Why something could not be done, for the person at the script.
///
/// A text or any error of the standard library's kind becomes one by `?` or `.into()`; the causes
/// of an error are told with it.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A value, or an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// The error with its causes, in one line.
pub(crate) fn tell(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
