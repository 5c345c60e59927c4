//! An array in memory, and what of it is summed.

#![allow(unsafe_code)] // Addresses that other threads may read.

/// The type of an array's elements.
///
/// ```
/// use mypackage::sum::Dtype;
///
/// let total = unsafe { mypackage::sum::sum_contiguous(Dtype::I16, [1i16, -3].as_ptr().cast(), 2) };
/// assert_eq!(total.unwrap().to_integer(1), Some(-2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Dtype {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
}

/// Calls a function that is generic over [`super::walk::Operand`] with the operand of a [`Dtype`].
macro_rules! by_dtype {
    ($dtype:expr, unsafe $function:ident($($argument:expr),*)) => {
        // SAFETY: argued at the call.
        unsafe { by_dtype!($dtype, $function($($argument),*)) }
    };
    ($dtype:expr, $function:ident($($argument:expr),*)) => {
        match $dtype {
            Dtype::Bool => $function::<$crate::array::walk::Bool>($($argument),*),
            Dtype::I8 => $function::<i8>($($argument),*),
            Dtype::I16 => $function::<i16>($($argument),*),
            Dtype::I32 => $function::<i32>($($argument),*),
            Dtype::I64 => $function::<i64>($($argument),*),
            Dtype::U8 => $function::<u8>($($argument),*),
            Dtype::U16 => $function::<u16>($($argument),*),
            Dtype::U32 => $function::<u32>($($argument),*),
            Dtype::U64 => $function::<u64>($($argument),*),
            Dtype::F16 => $function::<$crate::array::walk::F16>($($argument),*),
            Dtype::F32 => $function::<f32>($($argument),*),
            Dtype::F64 => $function::<f64>($($argument),*),
        }
    };
}

pub(crate) use by_dtype;

impl Dtype {
    /// Bytes of an element.
    ///
    /// ```
    /// use mypackage::sum::Dtype;
    ///
    /// assert_eq!([Dtype::Bool, Dtype::F16, Dtype::U64].map(Dtype::size), [1, 2, 8]);
    /// ```
    pub fn size(self) -> usize {
        match self {
            Dtype::Bool | Dtype::I8 | Dtype::U8 => 1,
            Dtype::I16 | Dtype::U16 | Dtype::F16 => 2,
            Dtype::I32 | Dtype::U32 | Dtype::F32 => 4,
            Dtype::I64 | Dtype::U64 | Dtype::F64 => 8,
        }
    }

    /// Whether elements are floating-point numbers.
    ///
    /// ```
    /// use mypackage::sum::Dtype;
    ///
    /// assert!(Dtype::F16.is_floating() && !Dtype::U64.is_floating());
    /// ```
    pub fn is_floating(self) -> bool {
        matches!(self, Dtype::F16 | Dtype::F32 | Dtype::F64)
    }
}

/// One axis of an array. Strides are in bytes.
///
/// ```
/// use mypackage::sum::Axis;
///
/// // The rows of a matrix of binary64 numbers with three columns, to be summed over.
/// let rows = Axis { size: 2, stride: 3 * 8, mask_stride: 0, reduced: true };
/// assert_eq!(rows.stride, 24);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    /// The number of elements along it.
    pub size: usize,
    /// From one element to the next.
    pub stride: isize,
    /// From one byte of the mask to the next, if there is a mask.
    pub mask_stride: isize,
    /// Whether it is summed over.
    pub reduced: bool,
}

/// An array in memory, and what of it is summed.
///
/// ```
/// use mypackage::sum::{Axis, Dtype, Request, collect_axes};
///
/// let matrix = [[1.0, 1e16, 0.0], [2.0, 1.0, 0.0]];
/// let request = Request {
///     dtype: Dtype::F64,
///     swapped: false,
///     data: matrix.as_ptr().cast(),
///     mask: None,
///     skip_nan: false,
///     axes: vec![
///         Axis { size: 2, stride: 24, mask_stride: 0, reduced: true },
///         Axis { size: 3, stride: 8, mask_stride: 0, reduced: false },
///     ],
/// };
/// // SAFETY: the axes are those of the matrix.
/// let columns = unsafe { collect_axes(&request) };
/// assert_eq!(columns.get(0).to_f64(), 3.0);
/// assert_eq!(columns.get(1).to_integer(1), Some(10_000_000_000_000_001));
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    /// The type of the elements.
    pub dtype: Dtype,
    /// Whether the elements' bytes are in the other than the native order.
    pub swapped: bool,
    /// The first element.
    pub data: *const u8,
    /// The first byte of the mask: elements whose byte is 0 are left out.
    pub mask: Option<*const u8>,
    /// Whether NaNs are left out.
    pub skip_nan: bool,
    /// The axes; the results are in row-major order of those that are not reduced.
    pub axes: Vec<Axis>,
}

// SAFETY: the pointers are only read, by a function whose caller promised that they may be.
unsafe impl Send for Request {}
// SAFETY: as above.
unsafe impl Sync for Request {}

impl Request {
    /// How many sums there are.
    ///
    /// ```
    /// # use mypackage::sum::{Axis, Dtype, Request};
    /// let axis = Axis { size: 5, stride: 0, mask_stride: 0, reduced: false };
    /// let request = Request {
    ///     dtype: Dtype::U8,
    ///     swapped: false,
    ///     data: [7].as_ptr(), // read 15 times: both strides are 0
    ///     mask: None,
    ///     skip_nan: false,
    ///     axes: vec![axis, Axis { size: 3, reduced: true, ..axis }],
    /// };
    /// assert_eq!(request.results(), 5);
    /// ```
    pub fn results(&self) -> usize {
        self.axes.iter().filter(|axis| !axis.reduced).map(|axis| axis.size).product()
    }
}
