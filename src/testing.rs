//! Numbers for the unit tests.

/// A sequence that looks random and is always the same.
pub(super) fn pseudo_random(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let x = (state ^ state >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x ^ x >> 32
    }
}

/// `spread` binades around `centre`, both signs.
pub(super) fn numbers(count: usize, centre: i32, spread: u64, seed: u64) -> Vec<f64> {
    let mut next = pseudo_random(seed);
    let number = |bits: u64, exponent: i32| {
        let field = (exponent + 1023).clamp(0, 2046) as u64;
        f64::from_bits(bits & !(0x7ff << 52) | field << 52)
    };
    (0..count)
        .map(|_| {
            let bits = next();
            let shift = if spread == 0 { 0 } else { (next() % spread) as i32 - spread as i32 / 2 };
            number(bits, centre + shift)
        })
        .collect()
}
