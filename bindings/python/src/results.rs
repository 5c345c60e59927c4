//! Exact sums as results for NumPy: rounding, writing and warnings.

use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyTuple};

use super::arguments::as_dtype;
use super::calls::detached;
use super::modules::{errors, exceptions};
use super::ndarray::{self, Number, SharedArray, numpy};
use mypackage::sum::{self as exact, Accumulator, Cells, Dtype, Format, PairSlice, Rounding, Sink};

/// A function whose results are rounded exact sums or quotients of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    /// The name in messages.
    pub name: &'static str,
    pub kind: Kind,
    pub skip_nan: bool,
    /// What messages suggest where a result does not fit its dtype.
    pub advice: &'static str,
}

/// What is computed from the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sum,
    /// The sum divided by the count.
    Mean,
    SumOfSquares,
}

const OBJECT: &str = "dtype=object for Python ints";
pub(super) const FLOAT: &str = "dtype=float64 for a float";

pub(super) const SUM: Operation = Operation::sum("sum");
pub(super) const NANSUM: Operation = Operation { skip_nan: true, ..Operation::sum("nansum") };
pub(super) const MEAN: Operation = Operation::mean("mean");
pub(super) const NANMEAN: Operation = Operation { skip_nan: true, ..Operation::mean("nanmean") };
pub(super) const SUM_OF_SQUARES: Operation =
    Operation { kind: Kind::SumOfSquares, ..Operation::sum("sum_of_squares") };
pub(super) const GROUP_SUM: Operation = Operation::sum("group_sum");
pub(super) const GROUP_MEAN: Operation = Operation::mean("group_mean");
pub(super) const VECDOT: Operation =
    Operation { advice: "arguments of dtype=object for Python ints", ..Operation::sum("vecdot") };

impl Operation {
    pub const fn sum(name: &'static str) -> Operation {
        Operation { name, kind: Kind::Sum, skip_nan: false, advice: OBJECT }
    }

    pub const fn mean(name: &'static str) -> Operation {
        Operation { name, kind: Kind::Mean, skip_nan: false, advice: FLOAT }
    }

    /// Whether a sum is divided by its count.
    pub fn is_mean(self) -> bool {
        self.kind == Kind::Mean
    }

    /// The default dtype of the results.
    pub fn default_target(self, number: Number) -> Number {
        match self.kind {
            Kind::Sum => number.of_sum(),
            Kind::Mean => number.of_mean(),
            Kind::SumOfSquares => number.of_sum().real(),
        }
    }

    /// The same for elements of a type: floating-point numbers cannot be summed to Python ints.
    pub fn of(self, number: Number) -> Operation {
        if number.part.is_floating() { Operation { advice: FLOAT, ..self } } else { self }
    }

    /// The operation of a function that passes exact sums from Python.
    pub fn called(name: &str) -> Option<Operation> {
        let grouped = ["group_nansum", "group_count"].map(Operation::sum);
        [SUM, NANSUM, MEAN, NANMEAN, GROUP_SUM, GROUP_MEAN, VECDOT]
            .into_iter()
            .chain(grouped)
            .chain([Operation::mean("group_nanmean")])
            .find(|operation| operation.name == name)
    }
}

/// The type of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Number(Number),
    /// Python ints.
    Object,
}

impl Target {
    pub fn is_complex(self) -> bool {
        matches!(self, Target::Number(Number { complex: true, .. }))
    }

    pub fn choose(
        operation: Operation,
        number: Number,
        dtype: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Target> {
        let Some(dtype) = dtype else {
            return Ok(Target::Number(operation.default_target(number)));
        };
        let py = dtype.py();
        let dtype = as_dtype(&dtype)?;
        let target = match dtype.getattr("char")?.extract::<char>()? {
            'O' if !number.part.is_floating() && !operation.is_mean() => Target::Object,
            _ => match Number::from_type_number(dtype.getattr("num")?.extract()?) {
                Some(number) => Target::Number(number),
                None => {
                    return Err(PyTypeError::new_err(format!(
                        "{}: the exact result of {} elements cannot be given as dtype={dtype}; choose \
                         bool, an integer, float16, float32, float64, complex64, complex128, or object \
                         for sums of integers",
                        operation.name,
                        number.name()
                    )));
                }
            },
        };
        if number.complex && !target.is_complex() && operation.kind != Kind::SumOfSquares {
            let warning = exceptions(py)?.getattr("ComplexWarning")?;
            PyErr::warn(
                py,
                &warning,
                c"Casting complex values to real discards the imaginary part",
                1,
            )?;
        }
        Ok(target)
    }
}

/// The single result of an operation, with a fast path if there is nothing to report.
#[inline]
pub(super) fn single_result<'py>(
    py: Python<'py>,
    operation: Operation,
    number: Number,
    total: &Accumulator,
) -> PyResult<Bound<'py, PyAny>> {
    let target = operation.default_target(number);
    let divisor = if operation.is_mean() { total.count() } else { 1 };
    let bits = match format(target.part) {
        Some(format) => Some(total.round_quotient(divisor, format))
            .filter(|bits| bits & format.infinity() != format.infinity()),
        None => (total.to_integer(divisor))
            .filter(|integer| integer_range(target.part).contains(integer))
            .map(|integer| integer as u64),
    };
    let Some(bits) = bits else {
        let writer = Writer::new(py, operation, Target::Number(target), None, &[], 1)?;
        writer.put(0, total);
        return writer.finish(py);
    };
    rounded_result(py, target, bits)
}

/// The single result of an operation on plain floating-point numbers, rounded already.
#[inline]
pub(super) fn rounded_result<'py>(
    py: Python<'py>,
    target: Number,
    bits: u64,
) -> PyResult<Bound<'py, PyAny>> {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&first_bytes(bits, target.part.size()));
    ndarray::scalar(py, &bytes, target)
}

/// The bytes of a number; those beyond its size are meaningless.
#[inline]
pub(super) fn first_bytes(bits: u64, size: usize) -> [u8; 8] {
    let first = if cfg!(target_endian = "little") { bits } else { bits << (64 - 8 * size) };
    first.to_ne_bytes()
}

/// The format of floating-point results.
pub(super) fn format(part: Dtype) -> Option<Format> {
    match part {
        Dtype::F64 => Some(Format::F64),
        Dtype::F32 => Some(Format::F32),
        Dtype::F16 => Some(Format::F16),
        _ => None,
    }
}

/// The range of an integer type or bool.
pub(super) fn integer_range(part: Dtype) -> RangeInclusive<i128> {
    let bits = 8 * part.size() as u32;
    match part {
        Dtype::Bool => 0..=1,
        Dtype::U8 | Dtype::U16 | Dtype::U32 | Dtype::U64 => 0..=(1i128 << bits) - 1,
        _ => -(1i128 << (bits - 1))..=(1i128 << (bits - 1)) - 1,
    }
}

fn is_infinite(sum: &Accumulator) -> bool {
    !sum.is_finite() && sum.to_f64().is_infinite()
}

/// Status bits: for an invalid operation, and for a result beyond the range of its dtype.
pub(super) const INVALID: u8 = 2;
pub(super) const OVERFLOW: u8 = 4;
/// The status bit for the mean of no numbers.
const EMPTY: u8 = 8;

/// Rounds the sums into the result, from any thread, and records errors.
pub(super) struct Writer {
    operation: Operation,
    target: Target,
    initial: Option<[Accumulator; 2]>,
    /// The number of parts of a result: 2 for complex sums.
    parts: usize,
    /// The distance in numbers from one part of a result to the next.
    spacing: usize,
    place: Place,
    status: AtomicU8,
    misfit: Mutex<Option<(usize, String)>>,
    integers: Mutex<Vec<(usize, Accumulator)>>,
}

enum Place {
    /// The parts of one number.
    Scalar([AtomicU64; 2]),
    Array(SharedArray),
    Objects(Vec<usize>),
}

impl Sink for Writer {
    fn rounding(&self) -> Option<Rounding> {
        match self.target {
            Target::Number(number) if self.initial.is_none() => {
                Some(Rounding { format: format(number.part)?, mean: self.operation.is_mean() })
            }
            _ => None,
        }
    }

    fn put_rounded(&self, index: usize, bits: u64) {
        self.write(index, bits);
    }

    fn put(&self, index: usize, sum: &Accumulator) {
        self.put_counted(index, sum, sum.count());
    }

    fn put_pairs(&self, index: usize, step: usize, pairs: PairSlice<'_>, count: i64) {
        let divisor = if self.operation.is_mean() { count } else { 1 };
        let isa = mypackage::cpu::isa();
        // Counts of this size are floats exactly.
        let part = match self.target {
            Target::Number(number) if self.initial.is_none() && (1..1 << 53).contains(&divisor) => {
                number.part
            }
            _ => Dtype::Bool,
        };
        let divisor = divisor as f64;
        for first in (0..pairs.len()).step_by(ROUNDED) {
            let taken = ROUNDED.min(pairs.len() - first);
            let some = pairs.range(first..first + taken);
            let at = |result: usize| index + (first + result) * step;
            // NaNs and infinities are rounded elsewhere.
            let put = |result: usize| {
                self.put(at(result), &some.accumulator(result, count));
            };
            match part {
                Dtype::F64 => {
                    let mut rounded = [0.0; ROUNDED];
                    exact::round_f64(isa, some, divisor, &mut rounded[..taken]);
                    self.write_all(
                        at(0),
                        step,
                        &rounded[..taken],
                        f64::is_finite,
                        f64::to_bits,
                        put,
                    );
                }
                Dtype::F32 => {
                    let mut rounded = [0.0; ROUNDED];
                    exact::round_f32(isa, some, divisor, &mut rounded[..taken]);
                    let bits = |x: f32| x.to_bits().into();
                    self.write_all(at(0), step, &rounded[..taken], f32::is_finite, bits, put);
                }
                Dtype::I64 if divisor == 1.0 => {
                    for result in 0..taken {
                        match some.integer(result) {
                            Some(sum) => self.write(at(result), sum as u64),
                            None => put(result),
                        }
                    }
                }
                _ => (0..taken).for_each(put),
            }
        }
    }
}

/// How many results are rounded at once.
const ROUNDED: usize = 256;

impl Writer {
    pub fn new(
        py: Python<'_>,
        operation: Operation,
        target: Target,
        initial: Option<[Accumulator; 2]>,
        shape: &[usize],
        results: usize,
    ) -> PyResult<Writer> {
        let (place, spacing, parts) = match target {
            Target::Object => (Place::Objects(shape.to_vec()), 0, 1),
            Target::Number(number) => {
                let cells: usize = shape.iter().product();
                // A complex target for real elements: only the real parts are written; the
                // imaginary ones stay 0.
                let parts = if number.complex && results == 2 * cells { 2 } else { 1 };
                let spacing = if number.complex { 2 / parts } else { 1 };
                let place = if shape.is_empty() {
                    Place::Scalar(Default::default())
                } else {
                    Place::Array(SharedArray::new(py, shape, number, spacing > 1)?)
                };
                (place, spacing, parts)
            }
        };
        Ok(Writer {
            operation,
            target,
            initial,
            parts,
            spacing,
            place,
            status: AtomicU8::new(0),
            misfit: Mutex::new(None),
            integers: Mutex::new(Vec::new()),
        })
    }

    /// Writes a result, given the number of summands.
    pub fn put_counted(&self, index: usize, sum: &Accumulator, count: i64) {
        let with_initial;
        let sum = match &self.initial {
            None => sum,
            Some(initial) => {
                let mut all = sum.clone();
                all.merge(&initial[index % self.parts]);
                with_initial = all;
                &with_initial
            }
        };
        let divisor = if self.operation.is_mean() { count } else { 1 };
        if self.operation.is_mean() && divisor == 0 {
            self.raise(EMPTY);
        } else if sum.is_invalid() {
            self.raise(INVALID);
        }
        match self.target {
            Target::Object => {
                let mut integers = self.integers.lock().expect("no panic while locked");
                integers.push((index, sum.clone()));
            }
            Target::Number(number) => {
                let Some(format) = format(number.part) else {
                    return self.put_integer(index, sum, divisor, number.part);
                };
                let bits = sum.round_quotient(divisor, format);
                if bits & format.infinity() == format.infinity() && sum.is_finite() && divisor != 0
                {
                    self.raise(OVERFLOW);
                }
                self.write(index, bits);
            }
        }
    }

    /// Writes a floating-point quotient of two sums.
    pub fn put_quotient(&self, index: usize, sum: &Accumulator, divisor: &Accumulator) {
        let Target::Number(number) = self.target else {
            unreachable!("quotients are floating-point numbers")
        };
        let Some(format) = format(number.part) else {
            unreachable!("quotients are floating-point numbers")
        };
        let bits = sum.divide(divisor, format);
        if sum.is_invalid() || divisor.is_invalid() || is_infinite(sum) && is_infinite(divisor) {
            self.raise(INVALID);
        } else if bits & format.infinity() == format.infinity()
            && sum.is_finite()
            && divisor.is_finite()
        {
            self.raise(OVERFLOW);
        }
        self.write(index, bits);
    }

    fn put_integer(&self, index: usize, sum: &Accumulator, divisor: i64, part: Dtype) {
        match sum.to_integer(divisor) {
            Some(integer) if integer_range(part).contains(&integer) => {
                self.write(index, integer as u64);
            }
            Some(integer) => self.record_misfit(index, format!("the exact result {integer}")),
            None => {
                let result = f64::from_bits(sum.round_quotient(divisor, Format::F64));
                self.record_misfit(index, format!("the result {result}"));
            }
        }
    }

    #[inline]
    fn write(&self, index: usize, bits: u64) {
        let slot = index * self.spacing;
        match &self.place {
            Place::Array(array) => array.slots().set(slot, bits),
            Place::Scalar(parts) => parts[slot].store(bits, Ordering::Relaxed),
            Place::Objects(_) => {}
        }
    }

    /// Writes the finite numbers as results `index, index + step, ...`; the positions of others are
    /// passed to `put`.
    fn write_all<T: Copy>(
        &self,
        index: usize,
        step: usize,
        numbers: &[T],
        is_finite: impl Fn(T) -> bool,
        bits: impl Fn(T) -> u64,
        put: impl Fn(usize),
    ) {
        if let Place::Array(array) = &self.place
            && numbers.iter().fold(true, |all, &x| all & is_finite(x))
        {
            let (first, step) = (index * self.spacing, step * self.spacing);
            return array.slots().set_all(first, step, numbers.iter().map(|&x| bits(x)));
        }
        for (result, &number) in numbers.iter().enumerate() {
            if is_finite(number) {
                self.write(index + result * step, bits(number));
            } else {
                put(result);
            }
        }
    }

    fn raise(&self, status: u8) {
        self.status.fetch_or(status, Ordering::Relaxed);
    }

    /// Records the first result that does not fit.
    fn record_misfit(&self, index: usize, what: String) {
        let mut misfit = self.misfit.lock().expect("no panic while locked");
        if misfit.as_ref().is_none_or(|&(first, _)| index < first) {
            *misfit = Some((index, what));
        }
    }

    pub fn finish(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let name = self.operation.name;
        if let Some((index, what)) = self.misfit.into_inner().expect("no panic while locked") {
            let place = match &self.place {
                Place::Scalar(_) => String::new(),
                Place::Objects(shape) if shape.is_empty() => String::new(),
                _ => format!(" (result {index} in C order)"),
            };
            let (dtype, advice) = match self.target {
                Target::Number(number) => (number.name(), self.operation.advice),
                Target::Object => ("a Python int", FLOAT),
            };
            return Err(PyOverflowError::new_err(format!(
                "{name}: {what} does not fit {dtype}{place}; use {advice}"
            )));
        }
        let status = self.status.into_inner();
        if status != 0 {
            let errors = errors(py)?;
            for (flag, report) in [
                (EMPTY, "report_empty"),
                (INVALID, "report_invalid"),
                (OVERFLOW, "report_overflow"),
            ] {
                if status & flag != 0 {
                    errors.call_method1(report, (name,))?;
                }
            }
        }
        match (self.place, self.target) {
            (Place::Scalar(parts), Target::Number(number)) => {
                let (mut bytes, size) = ([0; 16], number.part.size());
                for (place, part) in bytes.chunks_exact_mut(size).zip(parts) {
                    place.copy_from_slice(&first_bytes(part.into_inner(), size)[..size]);
                }
                ndarray::scalar(py, &bytes, number)
            }
            (Place::Array(array), _) => Ok(array.into_object(py)),
            (Place::Objects(shape), _) => {
                let mut integers = self.integers.into_inner().expect("no panic while locked");
                integers.sort_unstable_by_key(|(index, _)| *index);
                if shape.is_empty() {
                    let sum = integers.pop().map_or_else(Accumulator::new, |(_, sum)| sum);
                    return python_int(py, &sum);
                }
                let flat = numpy(py)?.call_method1("empty", (integers.len(), "O"))?;
                for (index, sum) in integers {
                    flat.set_item(index, python_int(py, &sum)?)?;
                }
                flat.call_method1("reshape", (PyTuple::new(py, shape)?,))
            }
            (Place::Scalar(_), Target::Object) => unreachable!("objects have a place of their own"),
        }
    }
}

/// A sum of integers as a Python int.
fn python_int<'py>(py: Python<'py>, sum: &Accumulator) -> PyResult<Bound<'py, PyAny>> {
    if let Some(integer) = sum.to_integer(1) {
        return Ok(integer.into_pyobject(py)?.into_any());
    }
    let Some((negative, bytes, exponent)) = sum.to_parts() else {
        unreachable!("sums of integers are finite")
    };
    let int = py.get_type::<PyInt>();
    let magnitude = int.call_method1("from_bytes", (PyBytes::new(py, &bytes), "little"))?;
    let magnitude =
        if exponent < 0 { magnitude.rshift(-exponent)? } else { magnitude.lshift(exponent)? };
    if negative { magnitude.neg() } else { Ok(magnitude) }
}

/// Rounds existing sums, like `sum` or `mean` of numbers of a dtype.
pub(super) fn round_all<'py>(
    py: Python<'py>,
    operation: Operation,
    number: Number,
    dtype: Option<Bound<'py, PyAny>>,
    shape: &[usize],
    cells: &Cells,
) -> PyResult<Bound<'py, PyAny>> {
    let target = Target::choose(operation, number, dtype)?;
    let real_parts = number.complex && !target.is_complex();
    let results = if real_parts { cells.len() / 2 } else { cells.len() };
    let writer = Writer::new(py, operation, target, None, shape, results)?;
    detached(py, cells.len(), || {
        if real_parts {
            for (index, cell) in cells.iter().step_by(2).enumerate() {
                writer.put(index, &cell);
            }
        } else {
            cells.put(operation.is_mean(), &writer);
        }
    });
    writer.finish(py)
}
