//! Faults of input, with their places.

use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::record::record;
use crate::value::Tuple;

record! {
    /// A place in a file.
    struct Place {
        /// The file.
        file: PathBuf,
        /// The line, the first is 1; 0 where the whole file is meant.
        line: usize,
        /// The column in characters, the first is 1; 0 where the whole file is meant.
        column: usize,
        /// The bytes that are meant.
        span: ByteRange,
        /// The place as a JSON pointer, where the file has such places.
        pointer: Option<String>,
        /// What is said about the place.
        label: Option<String>,
    }
}

record! {
    /// A range of bytes.
    struct ByteRange {
        /// The first byte.
        start: usize,
        /// The byte behind the last one.
        end: usize,
    }
}

record! {
    /// One fault of an input.
    struct Fault {
        /// Stable name of the kind of fault.
        code: String,
        /// `error`, `warning` or `note`.
        severity: String,
        /// What was found and what was expected.
        message: String,
        /// Where; the first is the place itself, others explain it.
        places: Tuple<Place>,
        /// What is worth knowing.
        notes: Tuple<String>,
        /// What to do about it.
        help: Option<String>,
    }
}

impl Place {
    /// A file as a whole.
    pub(crate) fn file(path: &Path) -> Self {
        Self {
            file: path.to_owned(),
            line: 0,
            column: 0,
            span: ByteRange { start: 0, end: 0 },
            pointer: None,
            label: None,
        }
    }

    /// `FILE:LINE:COLUMN`.
    pub(crate) fn words(&self) -> String {
        if self.line == 0 {
            return self.file.display().to_string();
        }
        format!("{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

#[pymethods]
impl Place {
    fn __str__(&self) -> String {
        self.words()
    }
}

#[pymethods]
impl Fault {
    /// The place itself, where there is one.
    #[getter]
    fn place(&self) -> Option<Place> {
        self.places.0.first().cloned()
    }

    fn __str__(&self) -> String {
        match self.places.0.first() {
            Some(place) => format!("{}: {}: {}", place.words(), self.severity, self.message),
            None => format!("{}: {}", self.severity, self.message),
        }
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Place>()?;
    module.add_class::<ByteRange>()?;
    module.add_class::<Fault>()
}
