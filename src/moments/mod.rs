//! Exact moments: variances, standard deviations, norms, covariances and correlations.
//!
//! Each is the exact rational number, or its root, rounded once. `docs/numerics.md` states what is
//! promised, and why it is kept.
//!
//! - `dyadic`: exact numbers, and the one rounding of their quotients and roots.
//! - `ddof`, `question`: what is asked of exact sums, and the answer. `finish`: the answer from sums that
//!   are known to within bounds, where it is certain.
//! - `block`: the arithmetic for adjacent numbers; `run` puts blocks together, `narrow` those of
//!   float32 numbers, `integers` those of integers. `fixed`: exact sums of any numbers. `partial`: all
//!   that is known of one result.
//! - `reduction`: along any axes; `columns` and `short_rows` have many results at once. `lines`: of complex
//!   numbers, and of those with weights, whose sums are in `weights`.
//! - `groups`: exact sums of products by label; `by_label`: variances by label, most of them certified.
//! - `covariance`: matrices of covariances and correlations; `tiles` multiplies most of them,
//!   `weighted` those with weights.

mod block;
mod by_label;
mod columns;
mod covariance;
mod ddof;
mod dyadic;
mod finish;
mod fixed;
mod groups;
mod integers;
mod lines;
mod narrow;
mod partial;
mod question;
mod reduction;
mod run;
mod short_rows;
#[cfg(test)]
mod tests;
mod tiles;
mod weighted;
mod weights;

pub use by_label::moments_by_label;
pub use covariance::{CovarianceRequest, Covariances, Variable, covariance};
pub use ddof::{Ddof, Ratio};
pub use finish::Pair;
pub use groups::add_products_by_label;
pub use lines::weighted_moments_along;
pub use question::{Answer, Measure, Question, Remark, Sums};
pub use reduction::{Along, Sink, moment_of_all, moments_along};
pub use weights::Fault;
