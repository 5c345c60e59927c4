//! The types of elements.

/// The type of an array's elements, or of each part of complex ones.
///
/// ```
/// use mypackage::sum::{Dtype, View};
///
/// assert_eq!(View::of(&[1i16, -3]).dtype(), Dtype::I16);
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

/// Calls a function that is generic over [`super::element::Native`] with the type that holds the
/// elements of a [`Dtype`].
macro_rules! by_native {
    ($dtype:expr, $function:ident($($argument:expr),* $(,)?)) => {
        match $dtype {
            $crate::array::dtype::Dtype::I8 => $function::<i8>($($argument),*),
            $crate::array::dtype::Dtype::I16 => $function::<i16>($($argument),*),
            $crate::array::dtype::Dtype::I32 => $function::<i32>($($argument),*),
            $crate::array::dtype::Dtype::I64 => $function::<i64>($($argument),*),
            $crate::array::dtype::Dtype::Bool | $crate::array::dtype::Dtype::U8 => {
                $function::<u8>($($argument),*)
            }
            $crate::array::dtype::Dtype::U16 => $function::<u16>($($argument),*),
            $crate::array::dtype::Dtype::U32 => $function::<u32>($($argument),*),
            $crate::array::dtype::Dtype::U64 => $function::<u64>($($argument),*),
            $crate::array::dtype::Dtype::F16 | $crate::array::dtype::Dtype::F32 => {
                $function::<f32>($($argument),*)
            }
            $crate::array::dtype::Dtype::F64 => $function::<f64>($($argument),*),
        }
    };
}

pub(crate) use by_native;

/// As [`by_native!`], with fewer types: narrow integers are read as wider ones, for functions whose
/// speed for them matters less than the machine code of kernels of their own.
macro_rules! by_wide {
    ($dtype:expr, $function:ident($($argument:expr),* $(,)?)) => {{
        use $crate::array::dtype::Dtype;
        match $dtype {
            Dtype::Bool | Dtype::I8 | Dtype::U8 | Dtype::I16 | Dtype::U16 | Dtype::I32 => {
                $function::<i32>($($argument),*)
            }
            Dtype::U32 | Dtype::I64 => $function::<i64>($($argument),*),
            Dtype::U64 => $function::<u64>($($argument),*),
            Dtype::F16 | Dtype::F32 => $function::<f32>($($argument),*),
            Dtype::F64 => $function::<f64>($($argument),*),
        }
    }};
}

pub(crate) use by_wide;

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
