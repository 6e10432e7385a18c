//! Measures of fairness and of delay.

/// Jain's index of shares: 1 when all are equal, 1/n when one has everything. 0 for no shares.
pub fn jain(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    if squares == 0.0 {
        0.0
    } else {
        sum * sum / (shares.len() as f64 * squares)
    }
}

/// Jain's index of `gain / size`, each weighted by its size: how equally a unit of capacity is paid. One per unit of capacity, so that
/// a hundred tiny rollers with the luck of few draws do not outvote the network.
pub fn jain_weighted(gain: &[f64], size: &[f64]) -> f64 {
    let total: f64 = size.iter().sum();
    let sum: f64 = gain.iter().sum();
    let squares: f64 = gain
        .iter()
        .zip(size)
        .filter(|(_, size)| **size > 0.0)
        .map(|(gain, size)| gain * gain / size)
        .sum();
    if squares == 0.0 {
        0.0
    } else {
        sum * sum / (total * squares)
    }
}

/// Gini coefficient: 0 when all are equal, towards 1 when one has everything.
pub fn gini(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let sum: f64 = sorted.iter().sum();
    if sum == 0.0 {
        return 0.0;
    }
    let n = sorted.len() as f64;
    let ranked: f64 = sorted
        .iter()
        .zip(1u32..)
        .map(|(value, rank)| value * f64::from(rank))
        .sum();
    2.0 * ranked / (n * sum) - (n + 1.0) / n
}

/// Ranks from 1, equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let equal = order[from..]
            .iter()
            .take_while(|i| values[**i] == values[order[from]])
            .count();
        let mean = from as f64 + (equal as f64 + 1.0) / 2.0;
        order[from..from + equal]
            .iter()
            .for_each(|i| ranks[*i] = mean);
        from += equal;
    }
    ranks
}

/// Pearson's correlation; 0 when one side does not vary.
pub fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let cross: f64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| (a - mean_a) * (b - mean_b))
        .sum();
    let spread =
        |values: &[f64], mean: f64| values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
    let scale = (spread(a, mean_a) * spread(b, mean_b)).sqrt();
    if scale > 0.0 { cross / scale } else { 0.0 }
}

/// Spearman's rank correlation.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    pearson(&ranks(a), &ranks(b))
}

/// The value below which `share` of all lie (nearest rank); 0 for none.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (share * sorted.len() as f64).ceil() as usize;
    sorted
        .get(at.saturating_sub(1).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}

/// Arithmetic mean; 0 for none.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        0.0
    } else {
        values.iter().sum::<f64>() / values.len() as f64
    }
}

/// Standard error of the mean; 0 for fewer than two.
pub fn standard_error(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    let n = values.len() as f64;
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    (squares / (n - 1.0) / n).sqrt()
}

/// Half width of the 95 % interval of a mean over `n` values, in standard errors: Student's t.
pub fn t95(n: usize) -> f64 {
    match n {
        0..=2 => 12.71,
        3 => 4.30,
        4 => 3.18,
        5 => 2.78,
        6 => 2.57,
        7 => 2.45,
        8 => 2.36,
        9..=12 => 2.31,
        13..=20 => 2.18,
        _ => 2.09,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn indexes_at_their_ends() {
        assert!(close(jain(&[2.0, 2.0, 2.0]), 1.0));
        assert!(close(jain(&[1.0, 0.0, 0.0, 0.0]), 0.25));
        assert!(close(jain_weighted(&[1.0, 9.0], &[1.0, 9.0]), 1.0));
        assert!(jain_weighted(&[2.0, 9.0], &[1.0, 9.0]) > jain(&[2.0, 1.0]));
        assert!(close(gini(&[5.0, 5.0]), 0.0));
        assert!(close(gini(&[0.0, 0.0, 0.0, 8.0]), 0.75));
    }

    #[test]
    fn correlation_is_of_ranks_and_ties_share_theirs() {
        assert!(close(
            spearman(&[1.0, 2.0, 3.0], &[1.0, 10.0, 1_000.0]),
            1.0
        ));
        assert!(close(spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), -1.0));
        assert_eq!(ranks(&[7.0, 1.0, 7.0]), [2.5, 1.0, 2.5]);
        assert!(close(spearman(&[1.0, 1.0], &[1.0, 2.0]), 0.0));
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert!(close(percentile(&values, 0.5), 50.0));
        assert!(close(percentile(&values, 0.99), 99.0));
        assert!(close(percentile(&[], 0.5), 0.0));
    }
}
