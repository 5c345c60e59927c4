//! Exact moments: variances, standard deviations, norms, covariances and correlations.
//!
//! Each is the exact rational number, or its root, rounded once. `docs/numerics.md` states what is
//! promised, and why it is kept.
//!
//! - `dyadic`: exact numbers, and the one rounding of their quotients and roots.
//! - `covariance`: matrices of covariances and correlations; `tiles` multiplies most of them,
//!   `weighted` those with weights.

mod covariance;
mod dyadic;
mod tiles;
mod weighted;

pub use covariance::{CovarianceRequest, Covariances, Variable, covariance};
