//! Reading the numbers of an `.npy` file.
//!
//! Written by hand, since crates for this depend on big integers and parsers of Python literals,
//! while only two fields of one line are needed. The format is NumPy's NEP 1 (Kern 2007).

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum NpyError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Format(String),
}

/// The number format of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    F32 { swapped: bool },
    F64 { swapped: bool },
}

/// An open file, positioned at its first number.
#[derive(Debug)]
pub(super) struct NpyFile<R> {
    file: R,
    layout: Layout,
    pub count: usize,
}

/// A file with a longer header counts as damaged; NumPy writes one line.
const LONGEST_HEADER: usize = 1 << 16;

impl NpyFile<BufReader<File>> {
    pub fn open(path: &Path) -> Result<Self, NpyError> {
        // Checked before opening, since opening a pipe would wait for its writer.
        let metadata = path.metadata()?;
        if !metadata.is_file() {
            return Err(NpyError::Format("not a regular file".into()));
        }
        NpyFile::new(BufReader::with_capacity(1 << 16, File::open(path)?), metadata.len())
    }
}

impl<R: Read> NpyFile<R> {
    /// Reads the header of a file of `length` bytes.
    fn new(mut file: R, length: u64) -> Result<Self, NpyError> {
        let format = |what: &str| NpyError::Format(format!("not a readable .npy file: {what}"));
        let mut start = [0; 8];
        let short = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => format("it ends within its header"),
            _ => error.into(),
        };
        file.read_exact(&mut start).map_err(short)?;
        let [b'\x93', b'N', b'U', b'M', b'P', b'Y', version, _] = start else {
            return Err(format("it does not begin with \\x93NUMPY"));
        };
        let mut size = [0; 4];
        let size_bytes = if version == 1 { 2 } else { 4 };
        file.read_exact(&mut size[..size_bytes]).map_err(short)?;
        let header_length = u32::from_le_bytes(size) as usize;
        if !(1..=3).contains(&version) || header_length > LONGEST_HEADER {
            return Err(format(&format!(
                "version {version} with a header of {header_length} bytes"
            )));
        }
        let mut header = vec![0; header_length];
        file.read_exact(&mut header).map_err(short)?;
        let header = String::from_utf8_lossy(&header);
        let layout = layout(&header).ok_or_else(|| {
            let dtype = field(&header, "descr").unwrap_or("missing");
            NpyError::Format(format!(
                "the numbers must be float64 or float32, but the file's header is of dtype \
                 {dtype:.40}; save array.astype(float)"
            ))
        })?;
        let count = count(&header).ok_or_else(|| format("it has no shape"))?;
        let begin = 8 + size_bytes + header_length;
        let promised = (count as u64).checked_mul(layout.size() as u64);
        if promised.is_none_or(|promised| promised > length.saturating_sub(begin as u64)) {
            return Err(format(&format!(
                "it ends before the {count} numbers that its shape promises"
            )));
        }
        Ok(NpyFile { file, layout, count })
    }

    /// The next numbers, in the order of the file, widened to binary64.
    pub fn read(&mut self, into: &mut [f64]) -> Result<(), NpyError> {
        match self.layout {
            Layout::F64 { swapped } => self.read_as(into, swapped, f64::from_le_bytes),
            Layout::F32 { swapped } => {
                self.read_as(into, swapped, |bytes| f32::from_le_bytes(bytes).into())
            }
        }
    }

    fn read_as<const N: usize>(
        &mut self,
        into: &mut [f64],
        swapped: bool,
        number: impl Fn([u8; N]) -> f64,
    ) -> Result<(), NpyError> {
        let mut buffer = [[0; N]; 128];
        for into in into.chunks_mut(buffer.len()) {
            let buffer = &mut buffer[..into.len()];
            self.file.read_exact(buffer.as_flattened_mut())?;
            for (into, bytes) in into.iter_mut().zip(buffer) {
                if swapped {
                    bytes.reverse();
                }
                *into = number(*bytes);
            }
        }
        Ok(())
    }
}

impl Layout {
    fn size(self) -> usize {
        match self {
            Layout::F32 { .. } => 4,
            Layout::F64 { .. } => 8,
        }
    }
}

/// What follows `'name':` in the header, which is the repr of a Python dict.
fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = header.split_once(&format!("'{name}':"))?;
    Some(after.trim())
}

fn layout(header: &str) -> Option<Layout> {
    let text = field(header, "descr")?;
    Some(match text.strip_prefix('\'')?.split_once('\'')?.0 {
        "<f8" => Layout::F64 { swapped: false },
        ">f8" => Layout::F64 { swapped: true },
        "<f4" => Layout::F32 { swapped: false },
        ">f4" => Layout::F32 { swapped: true },
        _ => return None,
    })
}

/// The product of the lengths in the shape.
fn count(header: &str) -> Option<usize> {
    let (shape, _) = field(header, "shape")?.strip_prefix('(')?.split_once(')')?;
    let mut lengths = shape.split(',').map(str::trim).filter(|length| !length.is_empty());
    lengths.try_fold(1usize, |count, length| count.checked_mul(length.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(dtype: &str, shape: &str, body: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.as_bytes());
        file.extend(body);
        file
    }

    fn numbers(file: &[u8]) -> Result<Vec<f64>, NpyError> {
        let mut opened = NpyFile::new(file, file.len() as u64)?;
        let mut numbers = vec![0.0; opened.count];
        opened.read(&mut numbers)?;
        Ok(numbers)
    }

    #[test]
    fn dtypes_and_shapes() {
        let pair: Vec<u8> = [0.1f64, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(numbers(&file("'<f8'", "(2,)", &pair)).unwrap(), [0.1, -2.0]);
        assert_eq!(numbers(&file("'<f8'", "(1, 2, 1)", &pair)).unwrap(), [0.1, -2.0]);
        assert_eq!(numbers(&file("'<f8'", "()", &pair[..8])).unwrap(), [0.1]);
        assert!(numbers(&file("'<f8'", "(0, 5)", &[])).unwrap().is_empty());
        assert_eq!(
            numbers(&file("'>f4'", "(1,)", &0.1f32.to_be_bytes())).unwrap(),
            [f64::from(0.1f32)]
        );
    }

    #[test]
    fn damaged_files_are_refused() {
        let whole = file("'<f8'", "(1,)", &[0; 8]);
        for length in 0..whole.len() {
            assert!(numbers(&whole[..length]).is_err(), "{length}");
        }
        for (dtype, shape) in [
            ("'<i8'", "(1,)"),
            ("[('a', '<f8')]", "(1,)"),
            ("'<f8'", "(99999999999, 99999999999)"),
            ("'<f8'", "(2305843009213693952,)"),
            ("'<f8'", "(-1,)"),
            ("'<f8'", "1"),
        ] {
            assert!(numbers(&file(dtype, shape, &[0; 8])).is_err(), "{dtype} {shape}");
        }
    }
}
