//! From the rows of texts laid end to end to one vector a text: the mean of its rows, of length one. Linear in the
//! rows.

/// What a length is never below, so that a vector of zeros stays one.
const LENGTH_MIN: f32 = 1e-12;

/// The mean of each text's rows, scaled to length one.
pub(super) fn means(rows: &[f32], lengths: &[usize], width: usize) -> Vec<Vec<f32>> {
    let mut rest = rows;
    let mut one = |&length: &usize| {
        let (text, after) = rest.split_at(length * width);
        rest = after;
        mean(text, width)
    };
    lengths.iter().map(&mut one).collect()
}

fn mean(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sum = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    // The mean's direction is the sum's.
    let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt().max(LENGTH_MIN);
    sum.iter_mut().for_each(|x| *x /= length);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_its_own_mean() {
        let rows = [3.0, 0.0, 5.0, 0.0, 0.0, -2.0, 1.0, 1.0, 2.0, 2.0, 0.0, 0.0];
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let vectors = means(&rows, &[2, 1, 2, 1], 2);
        assert_eq!(vectors[..2], [[1.0, 0.0], [0.0, -1.0]]);
        assert!(vectors[2].iter().all(|x| (x - half).abs() < 1e-6));
        assert_eq!(vectors[3], [0.0, 0.0]);
    }
}
