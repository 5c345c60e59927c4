//! Sums and means over axes, exact and rounded, against one addition after another: any dtype, shape,
//! strides, axes and mask.

#![no_main]

use std::collections::BTreeMap;
use std::sync::Mutex;

use libfuzzer_sys::fuzz_target;
use mypackage::sum::{
    Accumulator, Axis, Dtype, Format, Input, Rounding, Sink, View, collect, sum_into,
};

const DTYPES: [(Dtype, usize); 12] = [
    (Dtype::F64, 8),
    (Dtype::F32, 4),
    (Dtype::F16, 2),
    (Dtype::Bool, 1),
    (Dtype::I8, 1),
    (Dtype::U8, 1),
    (Dtype::I16, 2),
    (Dtype::U16, 2),
    (Dtype::I32, 4),
    (Dtype::U32, 4),
    (Dtype::I64, 8),
    (Dtype::U64, 8),
];

/// Half precision as double, by its definition.
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let magnitude = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + mantissa) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// Adds the element of these bytes, of native or the other order.
fn add(total: &mut Accumulator, dtype: Dtype, bytes: &[u8], swapped: bool, skip_nan: bool) {
    let mut wide = [0; 8];
    for (index, &byte) in bytes.iter().enumerate() {
        wide[if swapped { bytes.len() - 1 - index } else { index }] = byte;
    }
    let bits = u64::from_le_bytes(wide);
    let mut integer = |value: i128| {
        // Each half is a float64, and the sum counts one number.
        total.add_f64((value >> 32) as f64 * 2f64.powi(32));
        total.add_scaled(value & 0xffff_ffff, 0);
    };
    match dtype {
        Dtype::Bool => integer(i128::from(bits != 0)),
        Dtype::I8 => integer((bits as i8).into()),
        Dtype::U8 | Dtype::U16 | Dtype::U32 | Dtype::U64 => integer(bits.into()),
        Dtype::I16 => integer((bits as i16).into()),
        Dtype::I32 => integer((bits as i32).into()),
        Dtype::I64 => integer((bits as i64).into()),
        floating => {
            let x = match floating {
                Dtype::F64 => f64::from_bits(bits),
                Dtype::F32 => f32::from_bits(bits as u32).into(),
                _ => half(bits as u16),
            };
            if !(skip_nan && x.is_nan()) {
                total.add_f64(x);
            }
        }
    }
}

/// Results rounded once, as bits.
struct Rounded {
    rounding: Rounding,
    bits: Mutex<BTreeMap<usize, u64>>,
}

impl Sink for Rounded {
    fn rounding(&self) -> Option<Rounding> {
        Some(self.rounding)
    }

    fn put(&self, index: usize, sum: &Accumulator) {
        self.put_rounded(index, round(sum, self.rounding));
    }

    fn put_rounded(&self, index: usize, bits: u64) {
        let before = self.bits.lock().unwrap().insert(index, bits);
        assert!(before.is_none_or(|before| before == bits), "another result at {index}");
    }
}

/// As the accumulator does it alone.
fn round(sum: &Accumulator, Rounding { format, mean }: Rounding) -> u64 {
    sum.round_quotient(if mean { sum.count() } else { 1 }, format)
}

/// Whether two results are the same number, or both are none.
fn agree(bits: u64, expected: u64, format: Format) -> bool {
    let is_nan = |bits: u64| match format {
        Format::F64 => f64::from_bits(bits).is_nan(),
        _ => f32::from_bits(bits as u32).is_nan(),
    };
    bits == expected || is_nan(bits) && is_nan(expected)
}

fuzz_target!(|data: &[u8]| {
    let [kind, flags, ndim, rest @ ..] = data else { return };
    let (dtype, size) = DTYPES[usize::from(*kind) % DTYPES.len()];
    let ndim = usize::from(ndim % 5);
    let Some((layout, elements)) = rest.split_at_checked(2 * ndim) else { return };
    let has = |bit: u8| flags >> bit & 1 == 1;
    let (swapped, masked, skip_nan) = (has(0) && size > 1, has(1), has(2) && dtype.is_floating());
    if elements.is_empty() {
        return;
    }
    // Elements from somewhere in these bytes, at strides of any size and sign within them.
    let (mut least, mut most, mut count) = (0isize, 0isize, 1usize);
    let (mut axes, mut reduced) = (Vec::new(), Vec::new());
    for pair in layout.chunks(2) {
        let length = [0, 1, 2, 3, 5, 8, 17, 64, 300][usize::from(pair[0] >> 4) % 9];
        count = count.saturating_mul(length);
        let stride =
            (isize::from(pair[1] as i8)) * if pair[0] & 1 == 1 { size as isize } else { 1 };
        let span = stride * (length.max(1) as isize - 1);
        (least, most) = (least + span.min(0), most + span.max(0));
        axes.push(Axis { size: length, stride });
        reduced.push(pair[0] & 2 != 0);
    }
    if count > 60_000 {
        return;
    }
    let bytes: Vec<u8> =
        elements.iter().copied().cycle().take((most - least) as usize + size).collect();
    let mask: Vec<u8> = bytes.iter().map(|byte| byte >> 3 & 1).collect();
    let origin = -least as usize;
    let view = |dtype, swapped, bytes: &[u8]| {
        // SAFETY: all elements lie within the bytes.
        unsafe { View::new(dtype, swapped, bytes[origin..].as_ptr(), axes.clone()) }
    };
    let input = Input {
        view: view(dtype, swapped, &bytes),
        mask: masked.then(|| view(Dtype::Bool, false, &mask)),
        skip_nan,
    };

    let kept = axes.iter().zip(&reduced).filter(|&(_, &reduced)| !reduced);
    let results: usize = kept.map(|(axis, _)| axis.size).product();
    let mut expected: Vec<Accumulator> = (0..results).map(|_| Accumulator::new()).collect();
    for number in 0..count {
        let (mut rest, mut offset, mut result, mut weight) = (number, 0isize, 0, 1);
        for (axis, &reduced) in axes.iter().zip(&reduced).rev() {
            let place = rest % axis.size;
            rest /= axis.size;
            offset += place as isize * axis.stride;
            if !reduced {
                result += place * weight;
                weight *= axis.size;
            }
        }
        let at = (origin as isize + offset) as usize;
        if !masked || mask[at] != 0 {
            add(&mut expected[result], dtype, &bytes[at..at + size], swapped, skip_nan);
        }
    }
    let cells = collect(&input, &reduced);
    assert!(cells.iter().zip(&expected).all(|(cell, sum)| *cell == *sum), "{input:?}");
    for format in [Format::F64, Format::F32] {
        for mean in [false, true] {
            let sink = Rounded { rounding: Rounding { format, mean }, bits: Mutex::default() };
            sum_into(&input, &reduced, &sink);
            let bits = sink.bits.into_inner().unwrap();
            assert!(bits.keys().copied().eq(0..results));
            for (&bits, sum) in bits.values().zip(&expected) {
                let expected = round(sum, sink.rounding);
                assert!(agree(bits, expected, format), "{:?} {input:?}", sink.rounding);
            }
        }
    }
});
