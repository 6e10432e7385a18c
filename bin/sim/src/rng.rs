//! Randomness from a seed: SplitMix64, and the distributions that worlds need.
//!
//! A crate would bring five more; this is the generator that others are seeded with, and a simulation needs no better.

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The stream `name` of a seed: streams of one seed are independent, so that a change in one part of a world leaves the
    /// others as they were.
    pub fn stream(seed: u64, name: &str) -> Self {
        let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let name = name.bytes().fold(0xcbf2_9ce4_8422_2325, fold);
        let mut rng = Self(seed ^ name.rotate_left(17));
        rng.next();
        rng
    }

    /// The next 64 bits.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in (0, 1).
    pub fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Standard normal (Box-Muller).
    pub fn normal(&mut self) -> f64 {
        let (radius, angle) = (self.uniform(), self.uniform());
        (-2.0 * radius.ln()).sqrt() * (2.0 * std::f64::consts::PI * angle).cos()
    }

    /// Log-normal with this median.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// Exponential with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.uniform().ln()
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let draw = |seed, name: &str| Rng::stream(seed, name).next();
        assert_eq!(draw(1, "load"), draw(1, "load"));
        assert_ne!(draw(1, "load"), draw(1, "fleet"));
        assert_ne!(draw(1, "load"), draw(2, "load"));
    }

    #[test]
    fn distributions_have_their_moments() {
        let mut rng = Rng::stream(7, "moments");
        let mean = |draws: Vec<f64>| draws.iter().sum::<f64>() / draws.len() as f64;
        let normals: Vec<f64> = (0..20_000).map(|_| rng.normal()).collect();
        assert!(mean(normals.clone()).abs() < 0.03);
        assert!((mean(normals.iter().map(|x| x * x).collect()) - 1.0).abs() < 0.05);
        assert!((mean((0..20_000).map(|_| rng.exponential(3.0)).collect()) - 3.0).abs() < 0.1);
        let below = (0..20_000)
            .filter(|_| rng.log_normal(5.0, 1.0) < 5.0)
            .count();
        assert!(below.abs_diff(10_000) < 300);
    }
}
