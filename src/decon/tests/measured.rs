//! What is measured between two passes: the divergence, which says when to stop, and the changes, which say how far to go.

use super::*;

#[test]
fn the_divergence_is_as_defined_and_projecting_goes_on() {
    for job in [job_2d(), job_3d()] {
        let shape = Zyx::new(job.fft.z.min(8), job.fft.y - 6, job.fft.x - 8);
        let mut images = [image(shape, 0.0, 900.0, 1), image(shape, 100.0, 4000.0, 2)];
        images[0].data[7] = NO_DATA;
        for images in [&[&images[0], &images[1]][..], &[&images[0]]] {
            for method in [Method::Rl, Method::Shb] {
                let job = Job { method, iterations: 6, ..job.clone() };
                let oracle: Vec<_> = images.iter().map(|image| job.with_divergences(image).1).collect();
                let mut backend = CpuBackend::new(&setup(&job, 2), 2).unwrap();
                job.begin_on(&mut backend, 1, images);
                for k in 1..=job.iterations {
                    let actual = backend.project_and_measure().unwrap();
                    let expected: f64 = oracle.iter().map(|all| all[k as usize - 1]).sum();
                    // Blurred is known to 1e-6 of the brightest, and the sum is over all.
                    let error = (actual / expected - 1.0).abs();
                    assert!(error < 1e-5, "{actual} instead of {expected} at {k}: {error:.1e}");
                    backend.back_project().unwrap();
                    let alpha = if method == Method::Rl { 0.0 } else { k as f32 / (k + 3) as f32 };
                    backend.update(alpha).unwrap();
                }
                let plain = job.by_backend(&mut CpuBackend::new(&setup(&job, 2), 2).unwrap(), 1, images);
                assert_eq!(finish_on(&mut backend, images), plain);
            }
        }
    }
}

#[test]
fn the_acceleration_is_as_defined_and_given_to_others_makes_the_same() {
    for job in [job_2d(), job_3d()] {
        let job = Job { method: Method::Ba, ..job };
        let shape = Zyx::new(job.fft.z.min(8), job.fft.y - 6, job.fft.x - 8);
        let mut images = [image(shape, 0.0, 900.0, 1), image(shape, 100.0, 4000.0, 2)];
        images[0].data[7] = NO_DATA;
        for images in [&[&images[0], &images[1]][..], &[&images[0]]] {
            let lanes = images.len() as u32;
            let mut backend = CpuBackend::new(&setup(&job, lanes), 2).unwrap();
            // What a group before left is no change of this one.
            for _ in 0..2 {
                job.begin_on(&mut backend, 1, images);
                let decided =
                    iterate(&mut backend, Method::Ba, &Course::of(job.iterations)).unwrap().unwrap();
                let weights = decided.weights.unwrap();
                // On the same way: a weight that is off by a rounding leads elsewhere, to other weights.
                let expected = job.together(images, Some(&weights)).weights;
                assert_eq!(weights.len(), expected.len());
                assert!(weights[3..].iter().all(|&alpha| alpha > 0.1), "nothing is accelerated: {weights:?}");
                for (k, (actual, expected)) in weights.iter().zip(&expected).enumerate() {
                    let error = (f64::from(*actual) - expected).abs();
                    // Late changes are small: the rounding of an estimate, 7e-6 of it, is some 1 % of them, and 1e-4 of their
                    // squares.
                    assert!(error < 1e-3, "{actual} instead of {expected} after iteration {}", k + 1);
                }
                let measured = finish_on(&mut backend, images);
                job.begin_on(&mut backend, 1, images);
                let course = Course { weights: Some(&weights), ..Course::of(job.iterations) };
                let again = iterate(&mut backend, Method::Ba, &course).unwrap().unwrap();
                assert_eq!(again.weights.as_deref(), Some(&weights[..]));
                assert_eq!(finish_on(&mut backend, images), measured);
            }
            // Where a sample ended early, or had nothing, the others go on as the scaled heavy ball does.
            job.begin_on(&mut backend, 1, images);
            let course = Course { weights: Some(&[]), ..Course::of(5) };
            iterate(&mut backend, Method::Ba, &course).unwrap();
            let unknown = finish_on(&mut backend, images);
            let shb = Job { method: Method::Shb, iterations: 5, ..job.clone() };
            assert_eq!(unknown, shb.by_backend(&mut backend, 1, images));
        }
    }
}

#[test]
fn iterations_stop_where_the_oracle_does() {
    let shape = Zyx::new(1, 34, 40);
    let observed = image(shape, 30.0, 900.0, 1);
    for method in [Method::Rl, Method::Shb] {
        for (change, check_every) in [(0.05, 1), (0.02, 5), (0.004, 5), (1e-12, 7)] {
            let job = Job { method, iterations: 40, ..job_2d() };
            let divergences = job.with_divergences(&observed).1;
            let checks: Vec<_> = divergences.iter().step_by(check_every as usize).collect();
            let change_at =
                |i: usize| (checks[i - 1] - checks[i]).abs() / checks[i - 1] / f64::from(check_every);
            let stop = (1..checks.len()).find(|&i| change_at(i) <= change);
            let expected = stop.map_or(40, |i| i as u32 * check_every);
            let mut backend = CpuBackend::new(&setup(&job, 2), 2).unwrap();
            job.begin_on(&mut backend, 1, &[&observed]);
            let until = Until { change, check_every };
            let course = Course { until: Some(until), ..Course::of(40) };
            let actual = iterate(&mut backend, method, &course).unwrap().unwrap().iterations;
            assert_eq!(actual, expected, "{method:?}, {until:?}");
            // What is there is what so many iterations make.
            let job = Job { iterations: actual, ..job };
            let plain = job.by_backend(&mut CpuBackend::new(&setup(&job, 2), 2).unwrap(), 1, &[&observed]);
            assert_eq!(finish_on(&mut backend, &[&observed]), plain);
        }
    }
}

#[test]
fn a_sample_without_data_does_not_say_that_others_need_no_iterations() {
    let shape = Zyx::new(1, 34, 40);
    let nothing = Image { shape, data: vec![NO_DATA; shape.count()] };
    let job = job_2d();
    let mut backend = CpuBackend::new(&setup(&job, 2), 2).unwrap();
    job.begin_on(&mut backend, 1, &[&nothing]);
    let course = Course { until: Some(Until { change: 0.01, check_every: 5 }), ..Course::of(40) };
    assert_eq!(iterate(&mut backend, Method::Rl, &course).unwrap(), Some(Decided::alone(40)));
}
