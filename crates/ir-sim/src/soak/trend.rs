//! Whether a series of measurements grows.

/// The straight line through some points that lies closest to them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trend {
    /// Growth per unit of time.
    pub(super) slope: f64,
    /// The slope's standard error, if the points were independent of each other.
    pub(super) error: f64,
}

/// Fits a line. `None` for fewer than three points, or for points of one moment.
pub(super) fn trend(points: &[(f64, f64)]) -> Option<Trend> {
    let count = points.len() as f64;
    if points.len() < 3 {
        return None;
    }
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if spread <= 0.0 {
        return None;
    }
    let slope = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>() / spread;
    let left: f64 = points.iter().map(|point| (point.1 - y - slope * (point.0 - x)).powi(2)).sum();
    Some(Trend { slope, error: (left / (count - 2.0) / spread).sqrt() })
}

/// The middle of some values; 0 of none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let line: Vec<(f64, f64)> = (0..100).map(|x| (f64::from(x), 3.0 + 0.5 * f64::from(x))).collect();
        let found = trend(&line).expect("enough points");
        assert!((found.slope - 0.5).abs() < 1e-9 && found.error < 1e-9, "{found:?}");
        let noisy: Vec<(f64, f64)> = (0..100).map(|x| (f64::from(x), if x % 2 == 0 { 1.0 } else { -1.0 })).collect();
        let found = trend(&noisy).expect("enough points");
        assert!(found.slope.abs() < 2.0 * found.error, "{found:?}");
        assert_eq!((trend(&line[..2]), trend(&[(1.0, 1.0); 5])), (None, None));
        assert_eq!((median(vec![3.0, 1.0, 2.0]), median(Vec::new())), (2.0, 0.0));
    }
}
