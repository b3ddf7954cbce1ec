//! The bytes of an image file, inflated where they are compressed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::bad;
use crate::{Error, Place, Result};

/// The bytes of one file, read from front to back.
pub(super) struct Source<'a> {
    path: &'a Path,
    stream: Stream,
    /// The length of the file.
    length: u64,
    /// The bytes taken so far.
    taken: u64,
}

enum Stream {
    Plain(BufReader<File>),
    // Members may follow one another, as block compressors write them. `None` is never seen: it
    // stands there while one decoder hands the file to the next.
    Gzip(Option<Box<GzDecoder<BufReader<File>>>>),
}

/// Deflate turns at most this many bytes into one.
const DEFLATE_LIMIT: u64 = 1032;

impl<'a> Source<'a> {
    /// Opens the file, and sees from its first bytes whether it is compressed.
    pub(super) fn open(path: &'a Path, buffer: usize) -> Result<Self> {
        let io = |error| Error::io(path, "read the image", &error);
        let metadata = std::fs::metadata(path).map_err(io)?;
        // A pipe would block for ever, and a folder fails later with a stranger message.
        if !metadata.is_file() {
            let what = if metadata.is_dir() { "a folder" } else { "neither file nor folder" };
            return Err(bad(format!("an image was expected, but this is {what}"))
                .at(Place::File(path.into()))
                .help("give the path of a .nii or .nii.gz file"));
        }
        let mut file = BufReader::with_capacity(buffer, File::open(path).map_err(io)?);
        let compressed = file.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
        let stream = if compressed {
            Stream::Gzip(Some(Box::new(GzDecoder::new(file))))
        } else {
            Stream::Plain(file)
        };
        Ok(Self { path, stream, length: metadata.len(), taken: 0 })
    }

    /// The most bytes the file can hold, uncompressed. Asked before memory is taken, so that no
    /// header makes us take more than the file can fill.
    pub(super) fn most(&self) -> u64 {
        match self.stream {
            Stream::Plain(_) => self.length,
            Stream::Gzip(_) => self.length.saturating_mul(DEFLATE_LIMIT),
        }
    }

    /// The length of the file as it lies on the disk.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Fills `buffer` as far as the file reaches, and gives the number of bytes.
    pub(super) fn fill_up_to(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.stream.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        self.taken += filled as u64;
        Ok(filled)
    }

    /// Fills the whole of `buffer`; `expected` is how many bytes the file should hold in all.
    pub(super) fn fill(&mut self, buffer: &mut [u8], expected: u64) -> Result<()> {
        if self.fill_up_to(buffer)? == buffer.len() {
            return Ok(());
        }
        Err(bad(format!("the image is cut short: {expected} bytes expected, {} found", self.taken))
            .help(COPY_AGAIN))
    }

    /// Goes on to byte `at`, counted from the front.
    pub(super) fn skip_to(&mut self, at: u64, expected: u64) -> Result<()> {
        let mut scratch = [0; 4096];
        while self.taken < at {
            let step = (at - self.taken).min(scratch.len() as u64) as usize;
            self.fill(&mut scratch[..step], expected)?;
        }
        Ok(())
    }

    /// Reads to the end, so that the checksum is verified, and sees that only padding is left.
    pub(super) fn finish(mut self) -> Result<()> {
        let expected = self.taken;
        let mut scratch = [0; 4096];
        loop {
            let n = self.fill_up_to(&mut scratch)?;
            if n == 0 {
                return Ok(());
            }
            let padding = scratch[..n].iter().all(|byte| *byte == 0);
            if !padding || self.taken - expected > PADDING_LIMIT {
                return Err(bad(format!(
                    "the file goes on after the {expected} bytes that its header describes"
                ))
                .help(
                    "the header and the voxels do not belong together, or the file was written \
                     over a longer one: write it again",
                ));
            }
        }
    }

    fn failed(&self, error: &io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                bad("the compressed file is cut short").because(error).help(COPY_AGAIN)
            }
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                bad("the compressed file is damaged").because(error).help(COPY_AGAIN)
            }
            _ => Error::io(self.path, "read the image", error),
        }
    }
}

/// Some tools fill the last block of a file with zeros; anything longer is no padding.
const PADDING_LIMIT: u64 = 1 << 20;

const COPY_AGAIN: &str = "copy the file again from its source, and compare the sizes";

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let slot = match self {
            Self::Plain(file) => return file.read(buffer),
            Self::Gzip(slot) => slot,
        };
        loop {
            let Some(decoder) = slot else { return Ok(0) };
            let n = decoder.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let file = decoder.get_mut();
            match next_byte(file)? {
                None => return Ok(0),
                Some(0x1f) => {}
                Some(_) => {
                    let what = "what follows the compressed part is not gzip";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                }
            }
            *slot = slot.take().map(|decoder| Box::new(GzDecoder::new(decoder.into_inner())));
        }
    }
}

/// Passes over zeros, with which gzip files may be padded, and looks at what comes next.
fn next_byte(file: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let bytes = file.fill_buf()?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let next = bytes.get(zeros).copied();
        if zeros == 0 {
            return Ok(next);
        }
        file.consume(zeros);
    }
}
