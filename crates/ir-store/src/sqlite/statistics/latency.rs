//! Latencies as buckets of a fixed scale: exact up to 16 ms, from there on each an eighth wide. Rows
//! in the database hold their numbers, so the scale never changes.

/// The scale covers an hour, the longest deadline of a request: its last bucket begins after that, at
/// 66 minutes, and has no end.
const LONGEST: u64 = 3_600_000;

/// How many buckets there are.
const COUNT: usize = {
    let (mut bound, mut count) = (0, 1);
    while bound < LONGEST {
        bound = after(bound);
        count += 1;
    }
    count
};

/// Where each bucket begins, in milliseconds.
const BOUNDS: [u64; COUNT] = {
    let mut bounds = [0; COUNT];
    let mut n = 1;
    while n < COUNT {
        bounds[n] = after(bounds[n - 1]);
        n += 1;
    }
    bounds
};

const fn after(bound: u64) -> u64 {
    bound + if bound < 8 { 1 } else { bound / 8 }
}

/// The bucket of a latency in milliseconds.
pub(super) fn bucket(ms: u64) -> u8 {
    let after = BOUNDS.partition_point(|bound| *bound <= ms);
    u8::try_from(after - 1).expect("there are fewer than 256 buckets, and the first begins at 0")
}

/// The latency below which `percent` of a hundred requests are, given how many are in which bucket, in
/// the order of buckets. Within a bucket they are taken to lie evenly.
pub(super) fn percentile(buckets: &[(u8, u64)], percent: u64) -> Option<u64> {
    let all: u64 = buckets.iter().map(|(_, count)| count).sum();
    let rank = all.saturating_mul(percent).div_ceil(100);
    let mut before = 0;
    for (bucket, count) in buckets {
        if rank > 0 && rank <= before + count {
            let from = BOUNDS.get(usize::from(*bucket)).copied().unwrap_or(LONGEST);
            let to = BOUNDS.get(usize::from(*bucket) + 1).copied().unwrap_or(from);
            let within = u128::from(to - from) * u128::from(2 * (rank - before) - 1) / u128::from(2 * count);
            return Some(from + u64::try_from(within).unwrap_or(0));
        }
        before += count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_as_rows_in_databases_have_it() {
        assert_eq!(COUNT, 124);
        assert_eq!(BOUNDS[..20], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22]);
        assert_eq!((BOUNDS[COUNT - 2], BOUNDS[COUNT - 1]), (3_523_798, 3_964_272));
        for (n, bound) in (0..).zip(BOUNDS) {
            assert_eq!(bucket(bound), n);
            assert_eq!(bucket(bound.saturating_sub(1)), if n == 0 { 0 } else { n - 1 });
        }
        assert_eq!(usize::from(bucket(u64::MAX)), COUNT - 1);
    }

    #[test]
    fn percentiles_lie_in_the_bucket_of_their_rank() {
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(percentile(&[(7, 1)], 1), Some(7));
        assert_eq!(percentile(&[(7, 1)], 99), Some(7));
        assert_eq!(percentile(&[(0, 1), (12, 1)], 50), Some(0));
        assert_eq!(percentile(&[(0, 1), (12, 1)], 51), Some(12));
        let (wide, last) = (bucket(1000), bucket(u64::MAX));
        let (from, to) = (BOUNDS[usize::from(wide)], BOUNDS[usize::from(wide) + 1]);
        assert_eq!(percentile(&[(wide, 100)], 1), Some(from + (to - from) / 200));
        assert_eq!(percentile(&[(wide, 100)], 99), Some(from + (to - from) * 197 / 200));
        assert_eq!(percentile(&[(last, 3)], 95), Some(BOUNDS[usize::from(last)]));
    }
}
