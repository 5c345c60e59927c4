//! Exact moments: variances, standard deviations, norms, covariances and correlations.
//!
//! Each is the exact rational number, or its root, rounded once. `docs/numerics.md` states and
//! proves this.
//!
//! - `dyadic`: exact numbers, and correctly rounded quotients and roots of them.
//! - `ddof`, `moment`: the result from exact sums. `finish`: the result from sums with error
//!   bounds, where these decide it.
//! - `block`: the arithmetic for adjacent numbers; `run` puts blocks together, `narrow` those of
//!   float32 numbers, `integers` those of integers. `fixed`: exact sums of any numbers. `partial`:
//!   the state of one result.
//! - `reduction`: along any axes; `columns` and `short_rows` compute many results at once. `lines`:
//!   complex and weighted numbers; `weights` has the sums of the latter.
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
mod moment;
mod narrow;
mod partial;
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
pub use moment::{Answer, Measure, Moment, Remark, Sums};
pub use reduction::{Along, Sink, moment_of_all, moments_along};
pub use weights::Fault;
