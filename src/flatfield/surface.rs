//! A smooth surface through values on a grid: a polynomial in x and y, by least squares.

/// Legendre polynomials of a total order, on a field that reaches from −1 to 1 along both axes: Σ c_ab P_a(x) P_b(y), a + b ≤
/// order. Over a full grid they are all but orthogonal, so the normal equations are well conditioned.
#[derive(Clone, Debug)]
pub struct Surface {
    order: usize,
    /// By `b`, then `a`.
    coefficients: Vec<f64>,
}

/// A value at a place, both coordinates from −1 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub x: f64,
    pub y: f64,
    pub value: f64,
}

/// A residual this many times the median one has half a say; further out, less (Cauchy weights).
const OUTLIER: f64 = 4.0;
/// What is left of a diagonal element where nothing is known of a term but rounding.
const SINGULAR: f64 = 1e-10;
/// Repetitions of the weighted fit.
const ROUNDS: usize = 4;

impl Surface {
    /// The surface of `order` nearest to `known`, of which outliers have little say; `None` when they are too few to tell.
    pub fn through(known: &[Known], order: usize) -> Option<Self> {
        let terms = (order + 1) * (order + 2) / 2;
        if known.len() < 2 * terms {
            return None;
        }
        let rows: Vec<Vec<f64>> = known.iter().map(|k| basis(order, k.x, k.y)).collect();
        let mut weights = vec![1.0; known.len()];
        let mut surface = None;
        for _ in 0..ROUNDS {
            let coefficients = least_squares(&rows, known, &weights)?;
            let residual = |(row, k): (&Vec<f64>, &Known)| (dot(row, &coefficients) - k.value).abs();
            let residuals: Vec<f64> = rows.iter().zip(known).map(residual).collect();
            let scale = OUTLIER * median(residuals.clone()).max(f64::MIN_POSITIVE);
            weights = residuals.iter().map(|r| 1.0 / (1.0 + (r / scale).powi(2))).collect();
            surface = Some(Self { order, coefficients });
        }
        surface
    }

    /// The value at (`x`, `y`).
    pub fn at(&self, x: f64, y: f64) -> f64 {
        dot(&basis(self.order, x, y), &self.coefficients)
    }

    /// The values of `width` × `height` pixels that fill −1 to 1 along both axes, at their centres.
    pub fn pixels(&self, width: u32, height: u32) -> Vec<f64> {
        let columns: Vec<_> = (0..width).map(|x| legendre(self.order, centre(x, width))).collect();
        let row = |y| {
            let along_y = legendre(self.order, centre(y, height));
            // Collapsed along y: one coefficient for each order of x.
            let mut along_x = vec![0.0; self.order + 1];
            for ((b, a), c) in orders(self.order).zip(&self.coefficients) {
                along_x[a] += c * along_y[b];
            }
            columns.iter().map(move |column| dot(column, &along_x)).collect::<Vec<_>>()
        };
        (0..height).flat_map(row).collect()
    }
}

/// Where the centre of pixel `i` of `length` lies, from −1 to 1.
pub fn centre(i: u32, length: u32) -> f64 {
    (2.0 * f64::from(i) + 1.0) / f64::from(length) - 1.0
}

fn orders(order: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..=order).flat_map(move |b| (0..=order - b).map(move |a| (b, a)))
}

fn basis(order: usize, x: f64, y: f64) -> Vec<f64> {
    let (along_x, along_y) = (legendre(order, x), legendre(order, y));
    orders(order).map(|(b, a)| along_x[a] * along_y[b]).collect()
}

/// P₀(x) … of Bonnet's recursion.
fn legendre(order: usize, x: f64) -> Vec<f64> {
    let mut values = vec![1.0, x];
    for n in 1..order {
        let n_f = n as f64;
        values.push(((2.0 * n_f + 1.0) * x * values[n] - n_f * values[n - 1]) / (n_f + 1.0));
    }
    values.truncate(order + 1);
    values
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The middle value; of an even number, the upper of the two.
pub fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Minimises Σ weight (row · c − value)² through the normal equations and Cholesky's factor; `None` when they are singular.
fn least_squares(rows: &[Vec<f64>], known: &[Known], weights: &[f64]) -> Option<Vec<f64>> {
    let n = rows[0].len();
    let (mut normal, mut right) = (vec![0.0; n * n], vec![0.0; n]);
    for ((row, k), weight) in rows.iter().zip(known).zip(weights) {
        for i in 0..n {
            right[i] += weight * row[i] * k.value;
            for j in 0..=i {
                normal[i * n + j] += weight * row[i] * row[j];
            }
        }
    }
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| normal[i * n + k] * normal[j * n + k]).sum();
            let rest = normal[i * n + j] - sum;
            if i == j && rest <= SINGULAR * normal[i * n + i] {
                return None;
            }
            normal[i * n + j] = if i == j { rest.sqrt() } else { rest / normal[j * n + j] };
        }
    }
    for i in 0..n {
        let sum: f64 = (0..i).map(|k| normal[i * n + k] * right[k]).sum();
        right[i] = (right[i] - sum) / normal[i * n + i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| normal[k * n + i] * right[k]).sum();
        right[i] = (right[i] - sum) / normal[i * n + i];
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(value: impl Fn(f64, f64) -> f64) -> Vec<Known> {
        let places = (0..20).flat_map(|y| (0..24).map(move |x| (centre(x, 24), centre(y, 20))));
        places.map(|(x, y)| Known { x, y, value: value(x, y) }).collect()
    }

    fn cubic(x: f64, y: f64) -> f64 {
        1.0 - 0.3 * x * x + 0.1 * y - 0.2 * x * y * y + 0.05 * y * y * y
    }

    #[test]
    fn a_polynomial_is_found_again_whatever_a_few_outliers_say() {
        let mut known = grid(cubic);
        for order in [3, 4, 6] {
            let surface = Surface::through(&known, order).unwrap();
            let pixels = surface.pixels(9, 7);
            for (i, pixel) in pixels.iter().enumerate() {
                let (x, y) = (centre(i as u32 % 9, 9), centre(i as u32 / 9, 7));
                assert!((pixel - cubic(x, y)).abs() < 1e-9, "order {order} at {x}, {y}");
                assert!((pixel - surface.at(x, y)).abs() < 1e-12);
            }
        }
        known.iter_mut().step_by(23).for_each(|k| k.value += 3.0);
        let surface = Surface::through(&known, 3).unwrap();
        let worst = grid(cubic).iter().map(|k| (surface.at(k.x, k.y) - k.value).abs()).fold(0.0, f64::max);
        // Least squares alone would be off by the mean of the outliers, 0.13.
        assert!(worst < 1e-3, "{worst}");
    }

    #[test]
    fn too_few_values_tell_nothing() {
        assert!(Surface::through(&grid(cubic)[..5], 2).is_none());
        let on_a_line: Vec<_> = grid(cubic).into_iter().take(24).collect();
        assert!(Surface::through(&on_a_line, 2).is_none(), "nothing is known along y");
    }
}
