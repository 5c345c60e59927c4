//! When to try a cheaper kernel again that has failed.

/// The number of blocks for which a kernel that failed too often is not tried.
pub(crate) const PATIENCE: u32 = 64;
/// The points that a failure costs; every block earns one.
const FAILURE: u32 = 8;
/// With more points than this, a kernel is given up.
const ENOUGH: u32 = 20;

/// Whether a kernel is given up for now, after frequent failures.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hysteresis {
    points: u32,
    /// The number of blocks until the kernel is tried again.
    wait: u32,
}

impl Hysteresis {
    /// For a kernel that is given up at once if it fails on the first block.
    pub fn strict() -> Hysteresis {
        Hysteresis { points: ENOUGH + 1 - FAILURE, wait: 0 }
    }

    pub fn is_given_up(self) -> bool {
        self.wait > 0
    }

    /// Records that a block was added, by any kernel.
    pub fn next(&mut self) {
        self.points = self.points.saturating_sub(1);
        self.wait = self.wait.saturating_sub(1);
    }

    /// Records a failure; returns whether the kernel is now given up.
    pub fn fail(&mut self) -> bool {
        self.points += FAILURE;
        let is_enough = self.points > ENOUGH;
        if is_enough {
            self.points = FAILURE;
            self.give_up_for(PATIENCE);
        }
        is_enough
    }

    pub fn give_up_for(&mut self, blocks: u32) {
        self.wait = blocks;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_failures_are_borne() {
        let mut kernel = Hysteresis::default();
        for _ in 0..100 {
            assert!(!kernel.fail());
            (0..FAILURE).for_each(|_| kernel.next());
        }
        assert!(!kernel.is_given_up());
        assert!(!kernel.fail() && !kernel.fail() && kernel.fail());
        for _ in 0..PATIENCE {
            assert!(kernel.is_given_up());
            kernel.next();
        }
        assert!(!kernel.is_given_up());
    }

    #[test]
    fn the_first_failure_may_be_enough() {
        assert!(Hysteresis::strict().fail());
        let mut kernel = Hysteresis::strict();
        kernel.next();
        assert!(!kernel.fail());
    }
}
