//! Which instruction set the kernels use.
//!
//! Every kernel is one plain Rust body, compiled once per instruction set by `dispatch!` and
//! chosen at run time. The choice changes the speed, never the result.

use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::tuning::tuning;

/// An instruction set that kernels are compiled for and that this processor has.
///
/// It can only be obtained by detection, so holding an `Isa` proves that its kernels may run.
///
/// ```
/// use mypackage::cpu::Isa;
///
/// assert_eq!(Isa::BASELINE, Isa::available()[0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Isa(Level);

/// The levels of [`Isa`], in ascending order of capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// What the compile target guarantees: SSE2 on x86-64, NEON on AArch64.
    Baseline,
    /// AVX2 with FMA, BMI1/2, LZCNT and F16C (x86-64-v3).
    Avx2,
    /// AVX-512 F, BW, DQ, VL and CD (x86-64-v4).
    Avx512,
}

impl Level {
    const ALL: [Level; 3] = [Level::Baseline, Level::Avx2, Level::Avx512];

    fn name(self) -> &'static str {
        match self {
            Level::Baseline => "baseline",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }

    /// The instruction set, if this processor has it.
    fn detect(self) -> Option<Isa> {
        let is_available = match self {
            Level::Baseline => true,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("lzcnt")
                    && is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => {
                Level::Avx2.detect().is_some()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512cd")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        };
        is_available.then_some(Isa(self))
    }
}

impl Isa {
    /// The level that every processor has.
    pub const BASELINE: Isa = Isa(Level::Baseline);

    /// Its level.
    #[inline(always)]
    pub(crate) fn level(self) -> Level {
        self.0
    }

    /// The name used by `MYPACKAGE_ISA` and `show_config`.
    ///
    /// ```
    /// assert_eq!(mypackage::cpu::Isa::BASELINE.name(), "baseline");
    /// ```
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The number of binary64 lanes of a vector register.
    pub(crate) fn lanes(self) -> usize {
        match self.0 {
            Level::Baseline => 2,
            Level::Avx2 => 4,
            Level::Avx512 => 8,
        }
    }

    /// The level for kernels that mostly convert to wider numbers.
    pub(crate) fn of_conversions(self) -> Isa {
        // (A processor supports all levels below its own.)
        if tuning().converts_in_512_bits { self } else { Isa(self.0.min(Level::Avx2)) }
    }

    /// The instruction sets of this processor, lowest first.
    ///
    /// ```
    /// use mypackage::cpu::{self, Isa};
    ///
    /// assert_eq!(Isa::available()[0], Isa::BASELINE);
    /// assert!(Isa::available().contains(&cpu::isa()));
    /// ```
    pub fn available() -> Vec<Isa> {
        Level::ALL.into_iter().filter_map(Level::detect).collect()
    }

    /// Parses a value of `MYPACKAGE_ISA`.
    ///
    /// ```
    /// use mypackage::cpu::Isa;
    ///
    /// assert_eq!(Isa::parse("Baseline"), Ok(Isa::BASELINE));
    /// assert!(Isa::parse("mmx").unwrap_err().to_string().contains("choose one of baseline, avx2"));
    /// ```
    ///
    /// # Errors
    /// [`Error::Value`] for an unknown name and for one that this processor lacks.
    pub fn parse(name: &str) -> Result<Isa> {
        let level =
            Level::ALL.into_iter().find(|level| level.name() == name.trim().to_ascii_lowercase());
        let Some(level) = level else {
            let names = Level::ALL.map(Level::name).join(", ");
            return Err(Error::Value(format!(
                "MYPACKAGE_ISA={name:?} is not an instruction set; choose one of {names}"
            )));
        };
        level.detect().ok_or_else(|| {
            let names: Vec<_> = Isa::available().into_iter().map(Isa::name).collect();
            Error::Value(format!(
                "MYPACKAGE_ISA={name:?} is not available on this processor, which has {}",
                names.join(", ")
            ))
        })
    }
}

static ACTIVE: OnceLock<Isa> = OnceLock::new();

/// Reads `MYPACKAGE_ISA` and fixes the instruction set for the lifetime of the process.
///
/// ```
/// let isa = mypackage::cpu::initialise()?;
/// assert_eq!(isa, mypackage::cpu::isa());
/// # Ok::<(), mypackage::Error>(())
/// ```
///
/// # Errors
/// [`Error::Value`] if the variable names an unknown or unavailable instruction set.
pub fn initialise() -> Result<Isa> {
    if let Some(&isa) = ACTIVE.get() {
        return Ok(isa);
    }
    let isa = match std::env::var("MYPACKAGE_ISA") {
        Ok(name) if !name.trim().is_empty() => Isa::parse(&name)?,
        _ => best(),
    };
    Ok(*ACTIVE.get_or_init(|| isa))
}

/// The instruction set in use. An interface that can report errors calls [`initialise`] first; without
/// it, an invalid `MYPACKAGE_ISA` is ignored.
///
/// ```
/// let isa = mypackage::cpu::isa();
/// println!("kernels use {}", isa.name());
/// assert!(mypackage::cpu::Isa::available().contains(&isa));
/// ```
#[inline]
pub fn isa() -> Isa {
    *ACTIVE.get_or_init(|| {
        std::env::var("MYPACKAGE_ISA")
            .ok()
            .and_then(|name| Isa::parse(&name).ok())
            .unwrap_or_else(best)
    })
}

fn best() -> Isa {
    *Isa::available().last().expect("the baseline is always available")
}

/// Whether the processor is one of AMD's.
#[inline(always)]
pub(crate) fn made_by_amd() -> bool {
    static AMD: OnceLock<bool> = OnceLock::new();
    *AMD.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        {
            // SAFETY: every x86-64 processor has the instruction. (Newer Rust knows.)
            #[allow(unsafe_code, unused_unsafe)]
            let maker = unsafe { std::arch::x86_64::__cpuid(0) };
            [maker.ebx, maker.edx, maker.ecx].map(u32::to_le_bytes).concat() == b"AuthenticAMD"
        }
        #[cfg(not(target_arch = "x86_64"))]
        false
    })
}

/// Compiles a kernel body once per instruction set and defines a function that calls the version
/// for the [`Isa`] given as its first argument.
///
/// The body is an `#[inline(always)]` function; the wrappers differ only in their target features
/// and in the constant `W`, the binary64 lanes of a vector register, which the body's path may use
/// as a const argument. Generic parameters are named twice: declared, then passed on.
///
/// ```ignore
/// #[inline(always)]
/// fn add_body<T: Copy, const W: usize>(x: &[T]) -> f64 { ... }
/// dispatch! { pub(crate) fn add[T: Copy][T](x: &[T]) -> f64 = add_body::<T, {W}> }
/// let total = add(cpu::isa(), &values);
/// ```
macro_rules! dispatch {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident
     $([$($generic:tt)*][$($argument:tt)*])?
     ($($parameter:ident: $type:ty),* $(,)?) $(-> $result:ty)? = $($body:tt)*) => {
        $(#[$attribute])*
        #[inline]
        #[allow(clippy::too_many_arguments, unsafe_code)]
        $visibility fn $name $(<$($generic)*>)? (isa: $crate::cpu::Isa, $($parameter: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,f16c")]
                fn avx2 $(<$($generic)*>)? ($($parameter: $type),*) $(-> $result)? {
                    #[allow(dead_code)]
                    const W: usize = 4;
                    $($body)*($($parameter),*)
                }
                #[target_feature(
                    enable = "avx2,fma,bmi1,bmi2,lzcnt,f16c,avx512f,avx512bw,avx512cd,avx512dq,avx512vl"
                )]
                fn avx512 $(<$($generic)*>)? ($($parameter: $type),*) $(-> $result)? {
                    #[allow(dead_code)]
                    const W: usize = 8;
                    $($body)*($($parameter),*)
                }
                match isa.level() {
                    // SAFETY: an `Isa` comes from detection alone.
                    $crate::cpu::Level::Avx2 => return unsafe { avx2 $(::<$($argument)*>)? ($($parameter),*) },
                    // SAFETY: as above.
                    $crate::cpu::Level::Avx512 => return unsafe { avx512 $(::<$($argument)*>)? ($($parameter),*) },
                    $crate::cpu::Level::Baseline => {}
                }
            }
            #[inline(never)]
            fn baseline $(<$($generic)*>)? ($($parameter: $type),*) $(-> $result)? {
                #[allow(dead_code)]
                const W: usize = 2;
                $($body)*($($parameter),*)
            }
            let _ = isa;
            baseline $(::<$($argument)*>)? ($($parameter),*)
        }
    };
}
pub(crate) use dispatch;

/// As [`dispatch!`], for bodies that are generic over a token ([`crate::simd::Simd`]), their first
/// type parameter, and take it as their first argument.
///
/// ```ignore
/// #[inline(always)]
/// fn add_body<S: Simd, T: Copy>(simd: S, x: &[T]) -> f64 { ... }
/// vectorized! { pub(crate) fn add[T: Copy][T](x: &[T]) -> f64 = add_body }
/// let total = add(cpu::isa(), &values);
/// ```
///
/// After `add_body{W}`, the body's second parameter is the lanes of the token's vectors, which are the size
/// of its arrays.
macro_rules! vectorized {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident
     [$($generic:tt)*][$($argument:tt)*]
     ($($parameter:ident: $type:ty),* $(,)?) $(-> $result:ty)? = $body:ident $({$width:ident})?) => {
        $(#[$attribute])*
        #[inline]
        #[allow(clippy::too_many_arguments, unsafe_code)]
        $visibility fn $name<$($generic)*>(isa: $crate::cpu::Isa, $($parameter: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,f16c")]
                fn avx2<$($generic)*>($($parameter: $type),*) $(-> $result)? {
                    // SAFETY: this function is called where the processor has the instruction set.
                    let token = unsafe { $crate::simd::Avx2::new() };
                    $(const $width: usize = 4;)?
                    $body::<$crate::simd::Avx2, $({ $width },)? $($argument)*>(token, $($parameter),*)
                }
                #[target_feature(
                    enable = "avx2,fma,bmi1,bmi2,lzcnt,f16c,avx512f,avx512bw,avx512cd,avx512dq,avx512vl"
                )]
                fn avx512<$($generic)*>($($parameter: $type),*) $(-> $result)? {
                    // SAFETY: as above.
                    let token = unsafe { $crate::simd::Avx512::new() };
                    $(const $width: usize = 8;)?
                    $body::<$crate::simd::Avx512, $({ $width },)? $($argument)*>(token, $($parameter),*)
                }
                match isa.level() {
                    // SAFETY: an `Isa` comes from detection alone.
                    $crate::cpu::Level::Avx2 => return unsafe { avx2::<$($argument)*>($($parameter),*) },
                    // SAFETY: as above.
                    $crate::cpu::Level::Avx512 => return unsafe { avx512::<$($argument)*>($($parameter),*) },
                    $crate::cpu::Level::Baseline => {}
                }
            }
            #[inline(never)]
            fn baseline<$($generic)*>($($parameter: $type),*) $(-> $result)? {
                $(const $width: usize = 2;)?
                $body::<$crate::simd::Portable<2>, $({ $width },)? $($argument)*>($crate::simd::Portable, $($parameter),*)
            }
            let _ = isa;
            baseline::<$($argument)*>($($parameter),*)
        }
    };
}
pub(crate) use vectorized;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back() {
        for isa in Isa::available() {
            assert_eq!(Isa::parse(isa.name()), Ok(isa));
        }
    }

    #[test]
    fn unknown_names_are_refused_with_the_choices() {
        let message = Isa::parse("mmx").unwrap_err().to_string();
        assert!(message.contains("mmx") && message.contains("baseline, avx2, avx512"), "{message}");
    }
}
