//! Records: a request as JSON bytes in, an answer or a typed error as a JSON string out.

use std::convert::Infallible;
use std::ffi::{CString, c_char};
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::export::export;
use super::foreign::Text;
use super::npy::{NpyError, NpyFile};
use super::status::{Failure, Outcome, Status};
use mypackage::sum::{Summary, summarize};
use mypackage::{environment, hello};

/// The longest request in bytes; more numbers belong in a file.
const LONGEST: usize = 16 << 20;

/// What can be wrong with a request.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error("the request has {0} bytes, more than {LONGEST}; name an .npy file instead of values")]
    TooLarge(usize),
    #[error("the request is not JSON: {0}")]
    Syntax(serde_json::Error),
    #[error("the request is not such a record: {0}")]
    Shape(serde_json::Error),
    #[error("{0}")]
    Value(String),
    #[error("{path}: {cause}")]
    File { path: String, cause: NpyError },
}

impl RecordError {
    /// The error's name in the record, and C's status for it.
    fn kind(&self) -> (&'static str, Status) {
        match self {
            RecordError::TooLarge(_) => ("too_large", Status::Value),
            RecordError::Syntax(_) => ("syntax", Status::Value),
            RecordError::Shape(_) => ("type", Status::Type),
            RecordError::Value(_) => ("value", Status::Value),
            RecordError::File { cause: NpyError::Format(_), .. } => ("value", Status::Value),
            RecordError::File { cause: NpyError::Io(cause), .. } => match cause.kind() {
                std::io::ErrorKind::NotFound => ("not_found", Status::Io),
                _ => ("io", Status::Io),
            },
        }
    }
}

impl From<serde_json::Error> for RecordError {
    fn from(error: serde_json::Error) -> RecordError {
        match error.classify() {
            serde_json::error::Category::Data => RecordError::Shape(error),
            _ => RecordError::Syntax(error),
        }
    }
}

/// The record of an error.
#[derive(Serialize)]
struct ErrorRecord {
    error: ErrorBody,
}

#[derive(Serialize)]
struct ErrorBody {
    kind: &'static str,
    message: String,
}

/// Answers one request: parse, compute, serialise.
fn exchange<Request: for<'a> Deserialize<'a>, Answer: Serialize>(
    request: &[u8],
    answer: Text<'_>,
    compute: impl FnOnce(Request) -> Result<Answer, RecordError>,
) -> Outcome {
    if environment::has_traps() {
        // Parsing and writing numbers uses floating-point arithmetic.
        return Err(Failure { status: Status::Value, message: environment::HAS_TRAPS.into() });
    }
    let outcome = parse(request).and_then(compute);
    let (text, result) = match outcome {
        Ok(record) => (serde_json::to_string(&record), Ok(())),
        Err(error) => {
            let (kind, status) = error.kind();
            let message = error.to_string();
            let failure = Failure { status, message: message.clone() };
            let record = ErrorRecord { error: ErrorBody { kind, message } };
            (serde_json::to_string(&record), Err(failure))
        }
    };
    let text = text.expect("a record of strings and numbers serialises");
    answer.put(CString::new(text).expect("JSON escapes nulls"))?;
    result
}

fn parse<Request: for<'a> Deserialize<'a>>(request: &[u8]) -> Result<Request, RecordError> {
    if request.len() > LONGEST {
        return Err(RecordError::TooLarge(request.len()));
    }
    Ok(serde_json::from_slice(request)?)
}

export! {
    void fn mypackage_string_free(string: *mut c_char) where (owned: OwnedText) {
        drop(owned);
        Ok(())
    }
}

/// Who is greeted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    name: String,
    age: i64,
}

/// The answer to a person.
#[derive(Serialize)]
struct Greeting {
    person: Person,
    message: String,
}

fn greet(person: Person) -> Result<Greeting, RecordError> {
    if person.age < 0 {
        let message = format!("age must not be negative, but {}'s is {}", person.name, person.age);
        return Err(RecordError::Value(message));
    }
    let message = hello::greet(&person.name);
    Ok(Greeting { person, message })
}

export! {
    fn mypackage_greet(request: *const c_char, length: usize, answer: *mut *mut c_char)
    where (answer: Text, request: Bytes[length]) {
        exchange(request, answer, greet)
    }
}

/// What is summarised: exactly one of these.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SummaryRequest {
    path: Option<PathBuf>,
    values: Option<Vec<Number>>,
}

/// A binary64 number; those that are not finite are strings in JSON.
struct Number(f64);

const NOT_FINITE: [(&str, f64); 3] =
    [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Number;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a number, \"NaN\", \"Infinity\" or \"-Infinity\"")
            }

            fn visit_f64<E: de::Error>(self, x: f64) -> Result<Number, E> {
                Ok(Number(x))
            }

            fn visit_i64<E: de::Error>(self, x: i64) -> Result<Number, E> {
                Ok(Number(x as f64))
            }

            fn visit_u64<E: de::Error>(self, x: u64) -> Result<Number, E> {
                Ok(Number(x as f64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                let known = NOT_FINITE.iter().find(|(name, _)| *name == text);
                known
                    .map(|&(_, x)| Number(x))
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match NOT_FINITE.iter().find(|(_, x)| x.total_cmp(&self.0).is_eq()) {
            Some((name, _)) => serializer.serialize_str(name),
            None if self.0.is_nan() => serializer.serialize_str("NaN"),
            None => serializer.serialize_f64(self.0),
        }
    }
}

fn number<S: Serializer>(x: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Number(*x).serialize(serializer)
}

fn number_or_null<S: Serializer>(x: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    x.map(Number).serialize(serializer)
}

/// The answer to a [`SummaryRequest`]; serde checks that its fields are those of the kernel's type.
#[derive(Serialize)]
#[serde(remote = "Summary")]
struct SummaryRecord {
    count: usize,
    nan_count: usize,
    #[serde(serialize_with = "number")]
    sum: f64,
    #[serde(serialize_with = "number")]
    mean: f64,
    #[serde(serialize_with = "number_or_null")]
    min: Option<f64>,
    #[serde(serialize_with = "number_or_null")]
    max: Option<f64>,
    #[serde(serialize_with = "number_or_null")]
    condition_number: Option<f64>,
    #[serde(serialize_with = "number")]
    naive_sum: f64,
    naive_ulps: Option<u64>,
    #[serde(serialize_with = "number")]
    pairwise_sum: f64,
    pairwise_ulps: Option<u64>,
}

/// A [`Summary`] that serialises.
#[derive(Serialize)]
#[serde(transparent)]
struct SummaryAnswer(#[serde(with = "SummaryRecord")] Summary);

fn answer_summary(request: SummaryRequest) -> Result<SummaryAnswer, RecordError> {
    let summary = match request {
        SummaryRequest { path: Some(path), values: None } => {
            let failed = |cause| RecordError::File { path: path.display().to_string(), cause };
            let mut file = NpyFile::open(&path).map_err(failed)?;
            summarize(file.count, |into| file.read(into)).map_err(failed)?
        }
        SummaryRequest { path: None, values: Some(values) } => {
            let mut values = values.iter();
            let Ok(summary) = summarize::<Infallible>(values.len(), |into| {
                for (number, value) in into.iter_mut().zip(&mut values) {
                    *number = value.0;
                }
                Ok(())
            });
            summary
        }
        _ => {
            let message = "name either the path of an .npy file or values, one of the two";
            return Err(RecordError::Value(message.into()));
        }
    };
    Ok(SummaryAnswer(summary))
}

export! {
    fn mypackage_summarize(request: *const c_char, length: usize, answer: *mut *mut c_char)
    where (answer: Text, request: Bytes[length]) {
        exchange(request, answer, answer_summary)
    }
}
