//! Fitting weights: so that what answers a question stands before what does not.
//!
//! Loss of a case (an answer p of a question, and passages n that do not answer it): ln(1 + Σ exp(s(n) - s(p)) / SOFTEN),
//! s = Σ weight·feature; about 0 while fewer than SOFTEN passages are better, as suits the share of answers among the first
//! ten. Convex; with a small ridge on standardised features its minimum is unique. Newton's method with damping
//! (Levenberg and Marquardt). Deterministic: no randomness, and sums in the order of the cases.
//! Cost: passages × features² a step, about ten steps.

/// How many better passages hardly matter.
pub(crate) const SOFTEN: f64 = 5.0;
const RIDGE: f64 = 2.0;
const STEPS_MAX: usize = 30;
/// A step that wins less than this part of the loss is the last.
const ENOUGH: f64 = 1e-6;

/// An answer, by the features by which each passage that does not answer is ahead of it.
pub(crate) struct Case {
    pub ahead: Vec<Vec<f64>>,
    /// What it counts: one over the number of answers that the question has.
    pub weight: f64,
}

/// The weights that fit the cases best; those of features that are off are 0.
pub(crate) fn fit(cases: &[Case], on: &[bool]) -> Vec<f64> {
    let columns: Vec<usize> = (0..on.len()).filter(|&at| on[at]).collect();
    let scale = deviations(cases, &columns);
    let scaled: Vec<Case> = cases.iter().map(|case| standardised(case, &columns, &scale)).collect();
    let mut weights = vec![0.0; columns.len()];
    let mut damping = 0.1;
    let mut now = loss(&scaled, &weights);
    for _ in 0..STEPS_MAX {
        let (slope, curve) = derivatives(&scaled, &weights);
        let before = now;
        for _ in 0..8 {
            let step = solve(damped(&curve, damping), &slope);
            let tried: Vec<f64> = weights.iter().zip(step).map(|(weight, step)| weight - step).collect();
            let reached = loss(&scaled, &tried);
            if reached < now {
                (weights, now) = (tried, reached);
                damping *= 0.1;
                break;
            }
            damping *= 10.0;
        }
        if before - now < ENOUGH * before {
            break;
        }
    }
    let mut all = vec![0.0; on.len()];
    for (at, column) in columns.iter().enumerate() {
        all[*column] = weights[at] / scale[at];
    }
    all
}

/// The root mean square of each feature's differences.
fn deviations(cases: &[Case], columns: &[usize]) -> Vec<f64> {
    let rows = || cases.iter().flat_map(|case| &case.ahead);
    let count = rows().count().max(1) as f64;
    let of = |column: &usize| (rows().map(|row| row[*column].powi(2)).sum::<f64>() / count).sqrt().max(1e-9);
    columns.iter().map(of).collect()
}

fn standardised(case: &Case, columns: &[usize], scale: &[f64]) -> Case {
    let of = |row: &Vec<f64>| columns.iter().zip(scale).map(|(column, scale)| row[*column] / scale).collect();
    Case { ahead: case.ahead.iter().map(of).collect(), weight: case.weight }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// exp(s(n) - s(p)) / SOFTEN of each passage; what would overflow is cut.
fn ahead(case: &Case, weights: &[f64]) -> Vec<f64> {
    case.ahead.iter().map(|row| dot(row, weights).min(300.0).exp() / SOFTEN).collect()
}

/// The loss of all cases, with the ridge.
fn loss(cases: &[Case], weights: &[f64]) -> f64 {
    let of = |case: &Case| case.weight * (1.0 + ahead(case, weights).iter().sum::<f64>()).ln();
    cases.iter().map(of).sum::<f64>() + RIDGE / 2.0 * dot(weights, weights)
}

/// First and second derivatives of the loss.
fn derivatives(cases: &[Case], weights: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let size = weights.len();
    let mut slope: Vec<f64> = weights.iter().map(|weight| RIDGE * weight).collect();
    let mut curve = damped(&vec![vec![0.0; size]; size], RIDGE);
    for case in cases {
        let ahead = ahead(case, weights);
        let whole = 1.0 + ahead.iter().sum::<f64>();
        let mut mean = vec![0.0; size];
        for (row, ahead) in case.ahead.iter().zip(ahead) {
            let part = ahead / whole;
            for a in 0..size {
                mean[a] += part * row[a];
                // What hardly counts is left out of the curve, which need not be exact.
                let factor = if part > 1e-5 { case.weight * part * row[a] } else { continue };
                curve[a].iter_mut().zip(row).for_each(|(sum, value)| *sum += factor * value);
            }
        }
        for a in 0..size {
            slope[a] += case.weight * mean[a];
            (0..size).for_each(|b| curve[a][b] -= case.weight * mean[a] * mean[b]);
        }
    }
    (slope, curve)
}

fn damped(curve: &[Vec<f64>], damping: f64) -> Vec<Vec<f64>> {
    let mut curve = curve.to_vec();
    for (at, row) in curve.iter_mut().enumerate() {
        row[at] += damping * (1.0 + row[at]);
    }
    curve
}

/// The solution of a symmetric positive system, by Cholesky's decomposition.
fn solve(mut matrix: Vec<Vec<f64>>, right: &[f64]) -> Vec<f64> {
    let size = right.len();
    for i in 0..size {
        for j in 0..=i {
            let sum = matrix[i][j] - (0..j).map(|k| matrix[i][k] * matrix[j][k]).sum::<f64>();
            matrix[i][j] = if i == j { sum.max(1e-12).sqrt() } else { sum / matrix[j][j] };
        }
    }
    let mut solution = right.to_vec();
    for i in 0..size {
        let known: f64 = (0..i).map(|k| matrix[i][k] * solution[k]).sum();
        solution[i] = (solution[i] - known) / matrix[i][i];
    }
    for i in (0..size).rev() {
        let known: f64 = (i + 1..size).map(|k| matrix[k][i] * solution[k]).sum();
        solution[i] = (solution[i] - known) / matrix[i][i];
    }
    solution
}
