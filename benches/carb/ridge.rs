//! Least squares with a penalty on the weights: fits what signs add to a confidence.

/// Rows of signs (0 or 1) and what they should sum to: the mean, and each sign's weight above it.
pub(crate) fn fit(rows: &[(Vec<f64>, f64)], penalty: f64) -> (f64, Vec<f64>) {
    let size = rows.first().map_or(0, |row| row.0.len());
    let mean = rows.iter().map(|row| row.1).sum::<f64>() / rows.len().max(1) as f64;
    let mut matrix = vec![vec![0.0; size + 1]; size];
    for (signs, wanted) in rows {
        let seen: Vec<usize> = (0..size).filter(|sign| signs[*sign] > 0.0).collect();
        for &row in &seen {
            for &column in &seen {
                matrix[row][column] += 1.0;
            }
            matrix[row][size] += wanted - mean;
        }
    }
    for (at, row) in matrix.iter_mut().enumerate() {
        row[at] += penalty;
    }
    (mean, solved(matrix))
}

/// Gaussian elimination of a positive matrix with its right side as last column.
fn solved(mut matrix: Vec<Vec<f64>>) -> Vec<f64> {
    let size = matrix.len();
    for pivot in 0..size {
        let leading = matrix[pivot].clone();
        for row in matrix.iter_mut().skip(pivot + 1) {
            let factor = row[pivot] / leading[pivot];
            for (cell, lead) in row.iter_mut().zip(&leading).skip(pivot) {
                *cell -= factor * lead;
            }
        }
    }
    let mut weights = vec![0.0; size];
    for at in (0..size).rev() {
        let known: f64 = (at + 1..size).map(|column| matrix[at][column] * weights[column]).sum();
        weights[at] = (matrix[at][size] - known) / matrix[at][at];
    }
    weights
}
