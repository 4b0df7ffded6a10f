use super::*;

const LIMITS: Limits = Limits {
    fft_length: 2048,
    volume_bytes: 128 << 20,
    plane_bytes: 1 << 30,
    memory_bytes: 4 << 30,
    cache_bytes: 32 << 20,
};

fn request(width: u32, height: u32) -> GridRequest {
    GridRequest {
        output: Rect::new(0, 0, width, height),
        planes: 1,
        psf: Zyx::new(1, 65, 65),
        halo: 16,
        halo_z: 5,
        scale: 1,
        chunk: 256,
        core: None,
        lanes: 2,
        otfs: 1,
        pair_bytes_per_voxel: 40,
        folded_bytes_per_voxel: None,
        bytes_per_row: 8,
        samples: 1,
        limits: LIMITS,
    }
}

#[test]
fn cores_cover_the_output_once() {
    for (width, height) in [(1, 1), (255, 257), (256, 256), (4000, 3001)] {
        let request = request(width, height);
        let grid = request.choose().unwrap();
        let mut seen = vec![0_u8; width as usize * height as usize];
        for core in grid.cores(request.output) {
            for y in core.y..core.bottom() {
                for x in core.x..core.right() {
                    seen[(y * i64::from(width) + x) as usize] += 1;
                }
            }
        }
        assert_eq!(seen.iter().position(|&n| n != 1), None, "{width} × {height}");
    }
}

#[test]
fn a_small_image_is_one_tile_without_halo() {
    let grid = request(300, 200).choose().unwrap();
    assert_eq!(grid.core, Zyx::new(1, 200, 300));
    assert_eq!(grid.padded, grid.core);
    assert_eq!(grid.fft, Zyx::new(1, 270, 375));
}

#[test]
fn tiles_of_a_large_image_waste_little_and_stay_in_the_limits() {
    let request = request(40_000, 30_000);
    let grid = request.choose().unwrap();
    let ratio = f64::from(grid.fft.x * grid.fft.y) / f64::from(grid.core.x * grid.core.y);
    assert!(ratio < 1.2, "{grid:?} spends {ratio}");
    assert!(grid.fft.x <= LIMITS.fft_length && grid.core.x.is_multiple_of(256));
    assert!(grid.padded.x + request.psf.x - 1 <= grid.fft.x, "Bertero's boundaries need the margin");
}

#[test]
fn a_group_is_as_large_as_the_cache_and_no_limit_is_passed() {
    let lanes = |side, core, change: &dyn Fn(&mut Limits)| {
        let mut request = request(side, side);
        request.core = Some(core);
        change(&mut request.limits);
        let grid = request.choose().unwrap();
        let bytes = u64::from(request.lanes_on(&grid) / 2) * grid.fft.count() as u64 * 40;
        assert!(request.lanes_on(&grid) == 2 || bytes <= request.limits.cache_bytes);
        (grid.fft.x, request.lanes_on(&grid))
    };
    // A pair of 360² takes 4.9 MiB, one of 625² 14.9 MiB.
    assert_eq!(lanes(20_000, 256, &|_| ()), (360, 12));
    assert_eq!(lanes(20_000, 512, &|_| ()), (625, 4));
    assert_eq!(lanes(20_000, 1792, &|_| ()), (1890, 2));
    assert_eq!(lanes(600, 256, &|_| ()), (360, 8), "9 tiles");
    assert_eq!(lanes(20_000, 256, &|limits| limits.cache_bytes = 0), (360, 2));
    assert_eq!(lanes(20_000, 256, &|limits| limits.volume_bytes = 3 << 20), (360, 6));
    // 5.2 MB a pair and 1.0 MB for the OTF.
    assert_eq!(lanes(20_000, 256, &|limits| limits.memory_bytes = 12 << 20), (360, 4));
}

#[test]
fn spectra_of_half_the_bytes_leave_room_for_more_tiles() {
    let request = GridRequest { core: Some(256), ..request(20_000, 20_000) };
    let half = GridRequest { pair_bytes_per_voxel: 36, ..request };
    let grid = half.choose().unwrap();
    assert_eq!(grid, request.choose().unwrap());
    // Observed, weight and two estimates; the spectrum; the OTF.
    let pixels = 360 * 360;
    assert_eq!((request.volume_bytes(&grid), half.volume_bytes(&grid)), (48 * pixels, 44 * pixels));
    assert_eq!((request.lanes_on(&grid), half.lanes_on(&grid)), (12, 14));
}

#[test]
fn a_tile_that_may_be_alone_is_larger_where_memory_is_short() {
    let mut request = request(3000, 2000);
    (request.planes, request.psf, request.halo) = (40, Zyx::new(79, 129, 129), 150);
    request.limits = Limits { volume_bytes: u64::MAX, memory_bytes: 3 << 30, ..LIMITS };
    let pair = request.choose().unwrap();
    let folds = GridRequest { folded_bytes_per_voxel: Some(24), ..request };
    let alone = folds.choose().unwrap();
    assert_eq!((request.lanes_on(&pair), folds.lanes_on(&alone)), (2, 1));
    assert!(alone.core.x > pair.core.x, "{alone:?} and {pair:?}");
    assert!(folds.work(&alone) < request.work(&pair), "{} and {}", folds.work(&alone), request.work(&pair));
    let bytes = GridRequest { lanes: 1, ..folds }.volume_bytes(&alone);
    assert_eq!(bytes, alone.fft.count() as u64 * (24 + 8));
    assert!(bytes <= folds.limits.memory_bytes);
    let roomy = Limits { memory_bytes: 1 << 40, ..request.limits };
    let folds = GridRequest { limits: roomy, ..folds };
    assert_eq!(folds.lanes_on(&folds.choose().unwrap()), 2, "a pair takes less time than two alone");
}

#[test]
fn a_stack_is_cut_in_z_only_where_it_must_be() {
    let mut request = request(300, 200);
    (request.planes, request.psf) = (101, Zyx::new(9, 33, 33));
    let whole = request.choose().unwrap();
    assert_eq!((whole.core, whole.padded), (Zyx::new(101, 200, 300), Zyx::new(101, 200, 300)));
    request.limits.memory_bytes = request.volume_bytes(&whole) / 2;
    request.core = Some(300);
    let cut = request.choose().unwrap();
    assert!(cut.core.z < 101 && cut.padded.z == cut.core.z + 10, "{cut:?}");
    assert!(cut.fft.z >= cut.padded.z + 8, "{cut:?}: Bertero's boundaries need the margin");
    let mut next = 0;
    for (z, planes) in cut.depths(101) {
        assert_eq!(z, next);
        next += planes;
    }
    assert_eq!(next, 101);
}

#[test]
fn what_does_not_fit_says_what_it_needs() {
    let mut request = request(40_000, 30_000);
    request.limits.memory_bytes = 1 << 20;
    assert!(matches!(request.choose(), Err(Error::Limit { .. })));
    request.core = Some(4096);
    let message = request.choose().unwrap_err().to_string();
    assert!(message.starts_with("--tile") && message.contains("4200"), "{message}");
}
