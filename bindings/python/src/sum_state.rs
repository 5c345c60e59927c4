//! The sums in an `ExactSum`, with their shape.

use std::borrow::Cow;
use std::sync::Arc;

use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::calls::check_memory;
use super::ndarray::{Number, numpy};
use crate::raised;
use mypackage::sum::{self as exact, Accumulator, Cells};

#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) shape: Vec<usize>,
    pub(super) numbers: Numbers,
    pub(super) cells: Cells,
}

/// Which numbers were added: each of these includes those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Numbers {
    Integers,
    Reals,
    /// Each sum has a real and an imaginary part, stored side by side.
    Complex,
}

impl Numbers {
    pub(super) fn of(number: Number) -> Numbers {
        match number {
            Number { complex: true, .. } => Numbers::Complex,
            Number { part, .. } if part.is_floating() => Numbers::Reals,
            _ => Numbers::Integers,
        }
    }

    /// The kind in the serialised form.
    fn code(self) -> u8 {
        match self {
            Numbers::Integers => exact::INTEGERS,
            Numbers::Reals => exact::REALS,
            Numbers::Complex => exact::COMPLEX,
        }
    }

    fn from_code(code: u8) -> Option<Numbers> {
        [Numbers::Integers, Numbers::Reals, Numbers::Complex]
            .into_iter()
            .find(|numbers| numbers.code() == code)
    }
}

/// By value: an integer equals a real number.
impl PartialEq for State {
    fn eq(&self, other: &State) -> bool {
        (&self.shape, self.complex(), &self.cells) == (&other.shape, other.complex(), &other.cells)
    }
}

impl State {
    pub(super) fn complex(&self) -> bool {
        self.numbers == Numbers::Complex
    }

    /// How many cells a sum has.
    pub(super) fn parts(&self) -> usize {
        if self.complex() { 2 } else { 1 }
    }

    pub(super) fn size(&self) -> usize {
        self.shape.iter().product()
    }

    pub(super) fn make_complex(&mut self) {
        if !self.complex() {
            self.numbers = Numbers::Complex;
            self.cells = self.cells.with_zeros();
        }
    }

    /// Merges others of the same shape; on an error nothing is changed.
    pub(super) fn merge(
        this: &mut Arc<State>,
        mut others: Vec<Arc<State>>,
    ) -> mypackage::Result<()> {
        let numbers = others.iter().map(|other| other.numbers).fold(this.numbers, Ord::max);
        if numbers == Numbers::Complex {
            for state in others.iter_mut().filter(|state| !state.complex()) {
                Arc::make_mut(state).make_complex();
            }
        }
        let cells: Vec<&Cells> = others.iter().map(|other| &other.cells).collect();
        let becomes_complex = numbers == Numbers::Complex && !this.complex();
        match Arc::get_mut(this) {
            Some(state) if !becomes_complex => {
                state.cells.merge(&cells)?;
                state.numbers = numbers;
            }
            // Shared states are only read, without a copy.
            _ if !becomes_complex => {
                let (shape, cells) = (this.shape.clone(), this.cells.merged(&cells)?);
                *this = Arc::new(State { shape, numbers, cells });
            }
            _ => {
                let mut state = (**this).clone();
                state.make_complex();
                state.cells.merge(&cells)?;
                *this = Arc::new(state);
            }
        }
        Ok(())
    }

    /// The serialised form; the parts of complex sums are a last axis.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut shape = self.shape.clone();
        shape.extend(self.complex().then_some(2));
        exact::encode(self.numbers.code(), &shape, &self.cells)
    }

    pub(super) fn from_bytes(data: &[u8]) -> PyResult<State> {
        let (kind, mut shape, cells) = exact::decode(data).map_err(raised)?;
        match Numbers::from_code(kind) {
            Some(numbers) if numbers != Numbers::Complex || shape.pop() == Some(2) => {
                Ok(State { shape, numbers, cells })
            }
            _ => Err(PyValueError::new_err(format!(
                "these bytes are not an exact sum: kind {kind} is unknown to this release"
            ))),
        }
    }

    pub(super) fn negate(&mut self) {
        self.cells.negate();
    }

    /// The number of values in each sum.
    pub(super) fn counts(&self) -> impl Iterator<Item = i64> {
        self.cells.counts().step_by(self.parts())
    }

    /// The sums at some positions, in an array of a given shape.
    pub(super) fn taken(&self, places: &[usize], shape: Vec<usize>) -> PyResult<State> {
        let parts = self.parts();
        let cells = places.iter().flat_map(|&place| place * parts..(place + 1) * parts);
        let sums = cells.map(|cell| self.cells.get(cell).into_owned());
        let cells = gathered(places.len() * parts, sums)?;
        Ok(State { shape, numbers: self.numbers, cells })
    }

    /// The positions of the sums, as an integer array that NumPy can index.
    pub(super) fn places<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let places = numpy(py)?.call_method1("arange", (self.size(),))?;
        places.call_method1("reshape", (PyTuple::new(py, &self.shape)?,))
    }

    /// The sums whose positions are in an array.
    pub(super) fn at(&self, places: &Bound<'_, PyAny>) -> PyResult<State> {
        let numpy = numpy(places.py())?;
        let array = numpy.call_method1("asarray", (places,))?;
        let shape: Vec<usize> = array.getattr("shape")?.extract()?;
        self.taken(&flat(&array)?, shape)
    }

    /// Each sum multiplied by an integer.
    pub(super) fn times(&self, factor: i64) -> PyResult<State> {
        let mut beyond = false;
        let product = |cell: Cow<'_, Accumulator>| {
            let product = cell.times(factor);
            beyond |= product.is_none();
            product.unwrap_or_default()
        };
        let cells = gathered(self.cells.len(), self.cells.iter().map(product))?;
        if beyond {
            return Err(PyOverflowError::new_err(format!(
                "ExactSum: a sum times {factor} is beyond what a sum can be"
            )));
        }
        Ok(State { shape: self.shape.clone(), numbers: self.numbers, cells })
    }
}

/// Which numbers were added to any of these; if complex ones, all sums become complex.
pub(super) fn made_alike(states: &mut [Arc<State>]) -> Numbers {
    let numbers = states.iter().map(|state| state.numbers).fold(Numbers::Integers, Ord::max);
    if numbers == Numbers::Complex {
        states.iter_mut().for_each(|state| Arc::make_mut(state).make_complex());
    }
    numbers
}

/// The positions in an array of integers, in C order.
pub(super) fn flat(places: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    let places = places.call_method0("ravel")?.call_method0("tolist")?;
    check_memory(places.len()?, size_of::<usize>(), "indices")?;
    places.extract()
}

/// Refuses more sums than there is memory for.
pub(super) fn check_sums(sums: usize) -> PyResult<()> {
    check_memory(sums, 17, "exact sums")
}

/// As `check_sums`, for operations that need each sum as a separate value.
pub(super) fn check_single_sums(sums: usize) -> PyResult<()> {
    check_memory(sums, 17 + size_of::<Accumulator>(), "exact sums")
}

/// A number of sums, if there is memory for them.
pub(super) fn gathered(count: usize, sums: impl Iterator<Item = Accumulator>) -> PyResult<Cells> {
    check_single_sums(count)?;
    Ok(sums.collect())
}
