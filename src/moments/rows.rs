//! Moments of rows of adjacent numbers, of any type.

#![allow(unsafe_code)] // Whoever asks promises readable memory.

use super::finish::Pair;
use super::partial::{Element, Partial, Worker};
use super::question::{Answer, Question, Remark};
use crate::cpu::{self, Isa};
use crate::environment;
use crate::exact::round::Format;
use crate::interrupt::Interrupt;
use crate::sum::Dtype;
use crate::threads;

/// Numbers that are staged at once.
const BLOCK: usize = 2048;

/// Numbers from which on a row is shared out among threads, and at most so many at once.
const PARALLEL_FROM: usize = 1 << 18;
const PART: usize = 1 << 21;

/// Rows of adjacent numbers, one result each.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The type of the numbers, or of the parts of complex ones.
    pub dtype: Dtype,
    /// Whether numbers are complex.
    pub complex: bool,
    /// Where the numbers are: native, aligned.
    pub data: *const u8,
    /// For each number a byte that is 0 if it is left out.
    pub mask: Option<*const u8>,
    /// The number of results.
    pub rows: usize,
    /// The numbers of each.
    pub length: usize,
    /// What is asked.
    pub question: &'a Question,
    /// A mean for each result, both parts, to be used in place of the numbers' own.
    pub means: Option<&'a [[Pair; 2]]>,
    /// What results are rounded to; `None` for integers.
    pub format: Option<Format>,
}

// SAFETY: the pointers are only read, under the promise of `moments`'s caller.
unsafe impl Sync for Request<'_> {}

/// What takes the results, from any thread, in any order.
pub trait Sink: Sync {
    /// The bits of a result in the format that was asked for.
    fn put(&self, index: usize, bits: u64, remark: Remark);
    /// A result rounded to an integer, or a float where that is none.
    fn put_integer(&self, index: usize, answer: Answer<Result<i128, f64>>);
}

/// Calls the sink for each row.
///
/// # Safety
/// The numbers and the mask must be readable during the call.
pub unsafe fn moments(request: &Request<'_>, sink: &dyn Sink) {
    match request.dtype {
        Dtype::Bool => run::<Truth>(request, sink),
        Dtype::I8 => run::<i8>(request, sink),
        Dtype::I16 => run::<i16>(request, sink),
        Dtype::I32 => run::<i32>(request, sink),
        Dtype::I64 => run::<i64>(request, sink),
        Dtype::U8 => run::<u8>(request, sink),
        Dtype::U16 => run::<u16>(request, sink),
        Dtype::U32 => run::<u32>(request, sink),
        Dtype::U64 => run::<u64>(request, sink),
        Dtype::F16 => run::<Half>(request, sink),
        Dtype::F32 => run::<f32>(request, sink),
        Dtype::F64 => run::<f64>(request, sink),
    }
}

fn run<O: Operand>(request: &Request<'_>, sink: &dyn Sink) {
    let isa = cpu::isa();
    let Request { rows, length, .. } = *request;
    let size = rows * length;
    let interrupt = Interrupt::of_call(size);
    let alone = size < PARALLEL_FROM || threads::get() == 1 && !interrupt.is_possible();
    if alone || length < PART {
        // (Few enough at a time to be given up soon.)
        let share = if alone { rows } else { rows.div_ceil(4 * threads::get()) };
        let most = if interrupt.is_possible() { PART / length.max(1) } else { rows };
        threads::split(rows, share.min(most).max(1), |ranges| {
            let mut reader = Reader::<O>::new(isa, request);
            for row in ranges.take_while(|_| !interrupt.is_set()).flatten() {
                reader.row(row, sink);
            }
        });
        return;
    }
    let share = length.div_ceil(4 * threads::get()).min(PART).next_multiple_of(BLOCK);
    for row in 0..rows {
        for exactly in [request.needs_exact(), true] {
            let partials = threads::split(length, share, |ranges| {
                let mut reader = Reader::<O>::new(isa, request);
                reader.worker.exactly(exactly, request.format);
                let mut all = Partial::default();
                for range in ranges.take_while(|_| !interrupt.is_set()) {
                    let mut part = Partial::default();
                    reader.add(row, range, &mut part);
                    all.merge(part, request.parts());
                }
                all
            });
            let mut all = Partial::default();
            for partial in partials {
                all.merge(partial, request.parts());
            }
            if interrupt.is_set() {
                return;
            }
            let worker = Worker::new(isa, request.question, request.parts(), request.format);
            if request.put(row, all, &worker, exactly, sink) {
                break;
            }
        }
    }
}

impl Request<'_> {
    fn parts(&self) -> usize {
        if self.complex { 2 } else { 1 }
    }

    /// Whether results need exact sums at once.
    fn needs_exact(&self) -> bool {
        // (Kernels do arithmetic in the environment that they find.)
        self.means.is_some() || self.format.is_none() || !environment::is_default()
    }

    /// Puts a result; `false` if it is uncertain, and must be found exactly.
    fn put(
        &self,
        row: usize,
        mut partial: Partial,
        worker: &Worker,
        exactly: bool,
        sink: &dyn Sink,
    ) -> bool {
        if !exactly && !self.needs_exact() {
            let format = self.format.expect("integers need exact sums");
            let Some(bits) = partial.round(worker, self.question, format) else {
                return false;
            };
            sink.put(row, bits, Remark::None);
            return true;
        }
        let sums = partial.into_exact().expect("sums were asked to be exact");
        let mean = self.means.map(|means| means[row]);
        match self.format {
            Some(format) => {
                let Answer { value, remark } = self.question.round(&sums, mean, format);
                sink.put(row, value, remark);
            }
            None => sink.put_integer(row, self.question.round_to_integer(&sums, mean)),
        }
        true
    }
}

/// An element as it lies in memory.
trait Operand: Copy + 'static {
    /// A number that holds it exactly.
    type Value: Element;
    /// Whether it is such a number already.
    const IS_VALUE: bool;
    fn value(self) -> Self::Value;
}

macro_rules! operand {
    ($($type:ty),*) => {$(
        impl Operand for $type {
            type Value = $type;
            const IS_VALUE: bool = true;
            #[inline(always)]
            fn value(self) -> $type {
                self
            }
        }
    )*};
}

operand!(f64, f32, i64, u64, i32, u32, i16, u16, i8, u8);

/// A truth value; any byte but 0 is true.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Truth(u8);

impl Operand for Truth {
    type Value = u8;
    const IS_VALUE: bool = false;
    #[inline(always)]
    fn value(self) -> u8 {
        u8::from(self.0 != 0)
    }
}

/// The bits of a binary16 number.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Half(u16);

impl Operand for Half {
    type Value = f32;
    const IS_VALUE: bool = false;
    #[inline(always)]
    fn value(self) -> f32 {
        widen(self.0)
    }
}

/// binary16 to binary32.
#[inline(always)]
pub(super) fn widen(bits: u16) -> f32 {
    // 2^112 times the number whose fields are those of the half; an infinity or NaN again.
    let magnitude =
        f32::from_bits(u32::from(bits & 0x7fff) << 13) * f32::from_bits((112 + 127) << 23);
    let special = f32::from_bits(magnitude.to_bits() | 0xff << 23);
    let magnitude = if bits & 0x7c00 == 0x7c00 { special } else { magnitude };
    f32::from_bits(magnitude.to_bits() | u32::from(bits & 0x8000) << 16)
}

struct Reader<'a, O: Operand> {
    request: &'a Request<'a>,
    worker: Worker,
    stage: Vec<O::Value>,
}

impl<'a, O: Operand> Reader<'a, O> {
    fn new(isa: Isa, request: &'a Request<'a>) -> Self {
        let format = if request.needs_exact() { None } else { request.format };
        let worker = Worker::new(isa, request.question, request.parts(), format);
        Reader { request, worker, stage: Vec::new() }
    }

    fn row(&mut self, row: usize, sink: &dyn Sink) {
        let request = self.request;
        for exactly in [false, true] {
            if exactly {
                self.worker.exactly(true, request.format);
            }
            let mut partial = Partial::default();
            self.add(row, 0..request.length, &mut partial);
            if request.put(row, partial, &self.worker, exactly, sink) {
                break;
            }
        }
        self.worker.exactly(request.needs_exact(), request.format);
    }

    /// Adds numbers of a row.
    fn add(&mut self, row: usize, range: std::ops::Range<usize>, into: &mut Partial) {
        let (request, parts) = (self.request, self.request.parts());
        let first = row * request.length + range.start;
        let count = range.len();
        // SAFETY: the promise of `moments`'s caller.
        let elements = unsafe {
            let data = request.data.cast::<O>().add(first * parts);
            std::slice::from_raw_parts(data, count * parts)
        };
        // SAFETY: as above.
        let mask =
            request.mask.map(|mask| unsafe { std::slice::from_raw_parts(mask.add(first), count) });
        if O::IS_VALUE && mask.is_none() {
            // SAFETY: the two types are the same one.
            let values = unsafe {
                std::slice::from_raw_parts(elements.as_ptr().cast::<O::Value>(), elements.len())
            };
            return O::Value::add(values, &mut self.worker, into);
        }
        for (at, elements) in elements.chunks(BLOCK).enumerate() {
            self.stage.clear();
            self.stage.extend(elements.iter().map(|element| element.value()));
            match mask {
                None => O::Value::add(&self.stage, &mut self.worker, into),
                Some(mask) => {
                    let start = at * (BLOCK / parts);
                    let mask = &mask[start..start + elements.len() / parts];
                    O::Value::add_selected(&self.stage, mask, &mut self.worker, into);
                }
            }
        }
    }
}
