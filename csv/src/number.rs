//! Parsing the number in a field.

use std::str::from_utf8;

use dashu_int::IBig;

use super::Problem;

/// The largest exponent of ten of a decimal number, and the largest number of digits after its
/// point.
pub const LARGEST_EXPONENT: i64 = 10_000;

/// This many decimal digits always fit an i64.
const SHORT: usize = 18;

/// How numbers are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// The decimal point.
    pub decimal: u8,
    /// The separator of groups of three digits before it.
    pub thousands: Option<u8>,
    /// Texts for a missing value, besides an empty field.
    pub nulls: Vec<Vec<u8>>,
    /// Whether numbers are decimals, `digits * 10^exponent`, rather than integers and float64.
    pub decimals: bool,
}

impl Default for Format {
    fn default() -> Format {
        Format { decimal: b'.', thousands: None, nulls: Vec::new(), decimals: false }
    }
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A missing value: the field is empty, or one of `Format::nulls`.
    Null,
    /// An integer: digits with neither point nor exponent.
    Integer(i64),
    /// An integer beyond 64 bits.
    Wide(IBig),
    /// The float64 nearest to the decimal number.
    Float(f64),
    /// `digits * 10^exponent`, exactly as written.
    Decimal(i64, i32),
    /// The same with digits beyond 64 bits.
    WideDecimal(IBig, i32),
}

/// The field without surrounding blanks.
pub fn trimmed(mut field: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = field {
        field = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = field {
        field = rest;
    }
    field
}

/// Whether the field, without surrounding blanks, stands for a missing value.
pub fn is_null(field: &[u8], format: &Format) -> bool {
    field.is_empty() || format.nulls.iter().any(|null| null == field)
}

/// Parses the number in a field.
///
/// A number is an optional sign, ASCII digits with at most one decimal point, and an optional
/// exponent; or `inf`, `infinity` or `nan` in any case. Surrounding spaces and tabs are ignored.
///
/// # Errors
///
/// `Problem::NotANumber`, or that a number is out of range.
pub fn parse(field: &[u8], format: &Format) -> Result<Value, Problem> {
    let field = trimmed(field);
    if is_null(field, format) {
        return Ok(Value::Null);
    }
    if format.decimal == b'.' && format.thousands.is_none() {
        return convert(field, format.decimals);
    }
    convert(&plain(field, format).ok_or(Problem::NotANumber)?, format.decimals)
}

/// The number with a point and without group separators; `None` if a group does not have three
/// digits.
fn plain(field: &[u8], format: &Format) -> Option<Vec<u8>> {
    let signs = field.iter().take_while(|&&byte| byte == b'+' || byte == b'-').count();
    let (sign, field) = field.split_at(signs);
    let end = field
        .iter()
        .position(|&byte| !byte.is_ascii_digit() && Some(byte) != format.thousands)
        .unwrap_or(field.len());
    let (whole, rest) = field.split_at(end);
    let mut text = sign.to_vec();
    match format.thousands {
        Some(thousands) if whole.contains(&thousands) => {
            let mut groups = whole.split(|&byte| byte == thousands);
            let first = groups.next().unwrap_or_default();
            if !(1..=3).contains(&first.len()) {
                return None;
            }
            text.extend(first);
            for group in groups {
                if group.len() != 3 {
                    return None;
                }
                text.extend(group);
            }
        }
        _ => text.extend(whole),
    }
    for &byte in rest {
        text.push(match byte {
            _ if byte == format.decimal => b'.',
            b'.' => return None,
            _ => byte,
        });
    }
    Some(text)
}

/// Parses a number in the notation of Python and Rust.
fn convert(text: &[u8], decimals: bool) -> Result<Value, Problem> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let whole = digits(unsigned);
    let mut rest = &unsigned[whole..];
    let mut fraction = 0;
    let point = rest.first() == Some(&b'.');
    if point {
        fraction = digits(&rest[1..]);
        rest = &rest[1 + fraction..];
    }
    if whole + fraction == 0 {
        if point
            || !["inf", "infinity", "nan"]
                .iter()
                .any(|word| rest.eq_ignore_ascii_case(word.as_bytes()))
        {
            return Err(Problem::NotANumber);
        }
        return if decimals { Err(Problem::NotFinite) } else { float(text).map(Value::Float) };
    }
    let exponent = match rest {
        [] => None,
        [b'e' | b'E', rest @ ..] => Some(exponent(rest).ok_or(Problem::NotANumber)?),
        _ => return Err(Problem::NotANumber),
    };
    if decimals {
        let exponent = exponent.unwrap_or(0);
        let last = exponent.saturating_sub(fraction as i64);
        if exponent.abs() > LARGEST_EXPONENT || last.abs() > LARGEST_EXPONENT {
            return Err(Problem::BeyondDecimal);
        }
        let fractional = if point { &unsigned[whole + 1..whole + 1 + fraction] } else { &[] };
        let all = [&unsigned[..whole], fractional].concat();
        return Ok(match integer(&all, negative) {
            Value::Wide(digits) => Value::WideDecimal(digits, last as i32),
            Value::Integer(digits) => Value::Decimal(digits, last as i32),
            other => other,
        });
    }
    if !point && exponent.is_none() {
        return Ok(integer(&unsigned[..whole], negative));
    }
    let value = float(text)?;
    if value.is_infinite() { Err(Problem::BeyondFloat) } else { Ok(Value::Float(value)) }
}

/// The number of digits at the beginning of the text.
fn digits(text: &[u8]) -> usize {
    text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
}

/// An exponent; one beyond 64 bits is replaced by a large one of its sign.
fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if text.is_empty() || digits(text) < text.len() {
        return None;
    }
    let size = text
        .iter()
        .fold(0i64, |size, digit| size.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    Some(if negative { -size } else { size })
}

fn integer(digits: &[u8], negative: bool) -> Value {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    let digits = &digits[zeros..];
    if digits.len() <= SHORT {
        let size = digits.iter().fold(0i64, |size, digit| size * 10 + i64::from(digit - b'0'));
        return Value::Integer(if negative { -size } else { size });
    }
    let text = from_utf8(digits).expect("digits are ASCII");
    let size = IBig::from_str_radix(text, 10).expect("digits are an integer");
    let value = if negative { -size } else { size };
    match i64::try_from(&value) {
        Ok(value) => Value::Integer(value),
        Err(_) => Value::Wide(value),
    }
}

/// The nearest float64. The standard library accepts this notation and rounds correctly.
fn float(text: &[u8]) -> Result<f64, Problem> {
    from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Problem::NotANumber)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Value, Problem> {
        parse(text.as_bytes(), &Format::default())
    }

    fn with(decimal: u8, thousands: Option<u8>) -> Format {
        Format { decimal, thousands, ..Format::default() }
    }

    #[test]
    fn integers_keep_all_digits() {
        assert_eq!(read("  +0012\t"), Ok(Value::Integer(12)));
        assert_eq!(read("-9223372036854775808"), Ok(Value::Integer(i64::MIN)));
        assert_eq!(read("9223372036854775808"), Ok(Value::Wide(IBig::from(1u64 << 63))));
        assert_eq!(read("-0"), Ok(Value::Integer(0)));
        let long = format!("1{}", "0".repeat(400));
        assert_eq!(read(&long), Ok(Value::Wide(IBig::from(10).pow(400))));
    }

    #[test]
    fn others_are_the_nearest_float() {
        for text in
            ["0.1", "5.", ".5", "5e0", "1E-400", "1.7976931348623157e308", "+9007199254740993.0"]
        {
            assert_eq!(read(text), Ok(Value::Float(text.parse().unwrap())), "{text}");
        }
        assert_eq!(read("-Infinity"), Ok(Value::Float(f64::NEG_INFINITY)));
        assert!(matches!(read("NaN"), Ok(Value::Float(x)) if x.is_nan()));
        assert_eq!(read("1e400"), Err(Problem::BeyondFloat));
        assert_eq!(read("0e99999999999999999999"), Ok(Value::Float(0.0)));
    }

    #[test]
    fn nothing_else_is_a_number() {
        for text in [
            "1_000", "0x10", "1,5", "1e", "e5", ".", "+", "--1", "1 2", "٣", "1.2.3", "infin",
            "1e+", "NA", "1f", "+-1", ".inf", "inf.", "1e5.0", "\u{a0}1", "nan0",
        ] {
            assert_eq!(read(text), Err(Problem::NotANumber), "{text}");
        }
    }

    #[test]
    fn nulls_are_empty_or_named() {
        let format = Format { nulls: vec![b"NA".to_vec(), b"nan".to_vec()], ..Format::default() };
        for text in ["", " \t", "NA", " nan "] {
            assert_eq!(parse(text.as_bytes(), &format), Ok(Value::Null));
        }
        assert_eq!(parse(b"na", &format), Err(Problem::NotANumber));
    }

    #[test]
    fn groups_have_three_digits() {
        let format = with(b'.', Some(b','));
        assert_eq!(parse(b"-1,234,567", &format), Ok(Value::Integer(-1_234_567)));
        assert_eq!(parse(b"1,234.5e1", &format), Ok(Value::Float(12345.0)));
        assert_eq!(parse(b"1234", &format), Ok(Value::Integer(1234)));
        for text in
            ["1,5", "1234,567", ",123", "1,", "1,,234", "1,2345", "1.234,567", "+ 1", "1e1,000"]
        {
            assert_eq!(parse(text.as_bytes(), &format), Err(Problem::NotANumber), "{text}");
        }
        let german = with(b',', Some(b'.'));
        assert_eq!(parse(b"1.234,5", &german), Ok(Value::Float(1234.5)));
        assert_eq!(parse(b"1.5", &german), Err(Problem::NotANumber));
        assert_eq!(parse(b"1.5", &with(b',', None)), Err(Problem::NotANumber));
        assert_eq!(parse(b"1,5,5", &with(b',', None)), Err(Problem::NotANumber));
        assert_eq!(parse(b"inf", &german), Ok(Value::Float(f64::INFINITY)));
    }

    #[test]
    fn decimals_keep_digits_and_scale() {
        let format = Format { decimals: true, ..Format::default() };
        let read = |text: &str| parse(text.as_bytes(), &format);
        assert_eq!(read("1.10"), Ok(Value::Decimal(110, -2)));
        assert_eq!(read("-2e3"), Ok(Value::Decimal(-2, 3)));
        assert_eq!(read("0.0000000000000000000000001"), Ok(Value::Decimal(1, -25)));
        let long = "12345678901234567890.5";
        assert_eq!(read(long), Ok(Value::WideDecimal(IBig::from(123456789012345678905u128), -1)));
        assert_eq!(read("1e10001"), Err(Problem::BeyondDecimal));
        assert_eq!(read("1.0e10001"), Err(Problem::BeyondDecimal));
        assert_eq!(read("1.5e-10000"), Err(Problem::BeyondDecimal));
        assert_eq!(read("nan"), Err(Problem::NotFinite));
        assert_eq!(read("x"), Err(Problem::NotANumber));
    }

    proptest! {
        #[test]
        fn agrees_with_the_standard_library(text in "[ +-]?[0-9]{0,25}[.]?[0-9]{0,20}([eE][+-]?[0-9]{0,4})?") {
            let expected = text.trim_matches(' ').parse::<f64>();
            match read(&text) {
                Ok(Value::Null) => prop_assert!(text.trim_matches(' ').is_empty()),
                Ok(Value::Float(value)) => prop_assert_eq!(Ok(value), expected),
                Ok(Value::Integer(value)) => {
                    prop_assert_eq!(Ok(i128::from(value)), text.trim_matches(' ').parse::<i128>());
                }
                Ok(Value::Wide(value)) => {
                    let digits = value.to_string().replace('-', "");
                    prop_assert_eq!(&digits, text.trim_matches(' ').trim_start_matches(['+', '-', '0']));
                    prop_assert_eq!(value < IBig::from(0), text.contains('-'));
                }
                Ok(other) => prop_assert!(false, "{:?}", other),
                Err(Problem::BeyondFloat) => prop_assert!(expected.unwrap().is_infinite()),
                Err(_) => prop_assert!(expected.is_err()),
            }
        }

        #[test]
        fn never_panics(text in "\\PC{0,12}", decimal in any::<u8>(), thousands in any::<Option<u8>>(), decimals: bool) {
            let _ = parse(text.as_bytes(), &Format { decimal, thousands, nulls: vec![], decimals });
        }
    }
}
