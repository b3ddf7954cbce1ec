use super::*;
use crate::volume::Affine;

const RAS: Affine =
    [[1.0, 0.0, 0.0, -10.0], [0.0, 1.0, 0.0, -20.0], [0.0, 0.0, 1.0, -30.0], [0.0, 0.0, 0.0, 1.0]];

/// A volume of 2×3×4 whose voxel `[x, y, z]` holds `100·x + 10·y + z`.
fn voxels() -> Vec<f32> {
    let places = (0..24).map(|i| [i / 12, i / 4 % 3, i % 4]);
    places.map(|[x, y, z]| (100 * x + 10 * y + z) as f32).collect()
}

fn rows(cut: &Cut, voxels: &[f32]) -> Vec<Vec<f32>> {
    let values: Vec<f32> = cut.values(voxels).unwrap().collect();
    values.chunks(cut.width()).map(<[f32]>::to_vec).collect()
}

#[test]
fn left_is_left_and_anterior_and_superior_are_up() {
    let cut = |plane, index| Cut::new([2, 3, 4], &RAS, plane, index).unwrap();
    let axial = cut(Plane::Axial, 3);
    assert_eq!(rows(&axial, &voxels()), [[23.0, 123.0], [13.0, 113.0], [3.0, 103.0]]);
    assert_eq!(axial.mm(), -27.0);
    let coronal = cut(Plane::Coronal, 1);
    let expected = [[13.0, 113.0], [12.0, 112.0], [11.0, 111.0], [10.0, 110.0]];
    assert_eq!(rows(&coronal, &voxels()), expected);
    assert_eq!(coronal.mm(), -19.0);
    let sagittal = cut(Plane::Sagittal, 1);
    let expected = [[103., 113., 123.], [102., 112., 122.], [101., 111., 121.], [100., 110., 120.]];
    assert_eq!(rows(&sagittal, &voxels()), expected);
    assert_eq!(sagittal.mm(), -9.0);
}

/// The same head stored with its axes in another order and direction gives the same picture.
#[test]
fn the_picture_does_not_depend_on_how_the_file_stores_the_image() {
    // File axes: superior to inferior, right to left, posterior to anterior.
    let mut stored = Vec::new();
    for z in (0..4).rev() {
        for x in (0..2).rev() {
            stored.extend((0..3).map(|y| (100 * x + 10 * y + z) as f32));
        }
    }
    // A little oblique, which does not change which axis is nearest.
    let affine = [
        [0.1, -1.0, 0.0, -9.0],
        [0.0, 0.1, 1.0, -20.0],
        [-1.0, 0.0, 0.1, -27.0],
        [0.0, 0.0, 0.0, 1.0],
    ];
    for (plane, index, of_stored) in [
        (Plane::Axial, 3, 0),
        (Plane::Axial, 0, 3),
        (Plane::Coronal, 2, 2),
        (Plane::Sagittal, 0, 1),
    ] {
        let straight = Cut::new([2, 3, 4], &RAS, plane, index).unwrap();
        let other = Cut::new([4, 2, 3], &affine, plane, of_stored).unwrap();
        assert_eq!(rows(&straight, &voxels()), rows(&other, &stored), "{plane:?}");
    }
    assert_eq!(Plane::ALL.map(|plane| plane.file_axis(&affine).unwrap()), [1, 2, 0]);
}

#[test]
fn pixels_are_square_in_millimetres() {
    let mut affine = RAS;
    affine[2][2] = 2.5;
    let cut = Cut::new([2, 3, 4], &affine, Plane::Coronal, 0).unwrap();
    assert_eq!([cut.width(), cut.height()], [2, 10]);
    // Row 0 is the highest; each voxel fills two or three rows.
    let left: Vec<f32> = rows(&cut, &voxels()).iter().map(|row| row[0]).collect();
    assert_eq!(left, [3., 3., 3., 2., 2., 1., 1., 1., 0., 0.]);
    assert_eq!(Cut::new([2, 3, 4], &affine, Plane::Axial, 1).unwrap().mm(), -27.5);
}

#[test]
fn what_has_no_direction_or_no_such_slice_is_an_error() {
    let mut flat = RAS;
    flat[0][0] = 0.0;
    assert_eq!(Cut::new([2, 3, 4], &flat, Plane::Axial, 0).unwrap_err().code(), Code::BadImage);
    assert!(Cut::new([2, 3, 4], &RAS, Plane::Axial, 4).is_err());
    let cut = Cut::new([2, 3, 4], &RAS, Plane::Axial, 3).unwrap();
    assert!(Picture::slice(&[0.0; 23], &cut, [0.0, 1.0]).is_err());
    let small = Picture::slice(&voxels(), &cut, [0.0, 1.0]).unwrap().scaled(2);
    assert!(small.overlay(&voxels(), &cut, &Scale::of(Colors::Diverging, &[1.0])).is_err());
}

fn pixels(picture: &Picture) -> Vec<[u8; 3]> {
    let [width, height] = picture.size();
    (0..width * height).map(|i| picture.pixel(i % width, i / width).unwrap()).collect()
}

#[test]
fn anatomy_is_grey_within_the_window() {
    let cut = Cut::new([1, 1, 5], &RAS, Plane::Coronal, 0).unwrap();
    let picture = Picture::slice(&[f32::NAN, 1.0, 2.0, 2.5, 9.0], &cut, [1.0, 3.0]).unwrap();
    // From the top: 9 is white, 2.5 is ¾ of 255 (191.25), 2 is half (127.5, rounded up).
    let grey = |value: u8| [value; 3];
    assert_eq!(pixels(&picture), [255, 191, 128, 0, 0].map(grey));
}

/// The colours of a spline through the published ones may be off by one.
#[track_caller]
fn near(found: [u8; 3], expected: [u8; 3]) {
    let all = found.iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) <= 1);
    assert!(all, "{found:?}, expected {expected:?}");
}

#[test]
fn maps_are_coloured_alike_on_both_sides_of_0_and_clear_where_small() {
    let scale = Scale { colors: Colors::Diverging, limit: 4.0, threshold: 0.5 };
    // The ends of ColorBrewer's RdBu with 11 classes.
    for (value, color) in [(4.0, [103, 0, 31]), (90.0, [103, 0, 31]), (-4.0, [5, 48, 97])] {
        let (found, opacity) = scale.color(value);
        assert_eq!(opacity, 0.9);
        near(found, color);
    }
    assert!((scale.color(1.0).1 - 0.45).abs() < 1e-6);
    for clear in [0.0, 0.4, -0.4, f32::NAN] {
        assert_eq!(scale.color(clear).1, 0.0, "{clear}");
    }
    let sequential = Scale { colors: Colors::Sequential, ..scale };
    // The last of matplotlib's plasma.
    near(sequential.color(4.0).0, [240, 249, 33]);
    assert_eq!(sequential.color(-4.0).1, 0.0);

    let cut = Cut::new([1, 1, 3], &RAS, Plane::Coronal, 0).unwrap();
    let anatomy = Picture::slice(&[0.0, 1.0, 2.0], &cut, [0.0, 2.0]).unwrap();
    let picture = anatomy.overlay(&[0.1, 4.0, -4.0], &cut, &scale).unwrap();
    // 0.1·128 + 0.9·[103, 0, 31], and 0.1·255 + 0.9·[5, 48, 97].
    let expected = [[30, 69, 113], [106, 13, 41], [0, 0, 0]];
    pixels(&picture).into_iter().zip(expected).for_each(|(found, color)| near(found, color));
}

#[test]
fn limits_ignore_single_voxels_and_zeros() {
    let mut values = vec![0.0; 1000];
    values.extend((1..=1000).map(|i| if i % 2 == 0 { i as f32 } else { -(i as f32) }));
    values.push(f32::INFINITY);
    let scale = Scale::of(Colors::Diverging, &values);
    // The value at place round(0.995·999) of 1 … 1000.
    assert_eq!((scale.limit, scale.threshold), (995.0, 49.75));
    assert_eq!(Scale::of(Colors::Diverging, &[0.0, f32::NAN]).limit, 1.0);
    assert_eq!(window(&(0..=200).map(|i| i as f32).collect::<Vec<_>>()), [2.0, 199.0]);
    assert_eq!(window(&[]), [0.0, 1.0]);
}

#[test]
fn pictures_change_in_size_stand_in_rows_and_are_read_back() {
    let cut = Cut::new([2, 3, 4], &RAS, Plane::Axial, 0).unwrap();
    let small = Picture::slice(&voxels(), &cut, [0.0, 120.0]).unwrap();
    let large = small.clone().scaled(7);
    assert_eq!(large.size(), [4, 6]);
    assert_eq!(large.pixel(3, 1), small.pixel(1, 0));
    assert_eq!(large.pixel(0, 5), small.pixel(0, 2));
    assert_eq!(large.clone().scaled(3).size(), [2, 3]);
    let row = Picture::row(&[small.clone(), large.clone()], 1);
    assert_eq!(row.size(), [7, 6]);
    assert_eq!((row.pixel(0, 0), row.pixel(0, 1)), (Some([0; 3]), small.pixel(0, 0)));
    assert_eq!((row.pixel(2, 3), row.pixel(3, 0)), (Some([0; 3]), large.pixel(0, 0)));
    let read = image::load_from_memory(&row.png().unwrap()).unwrap();
    assert_eq!(read.color(), image::ColorType::L8);
    assert_eq!(read.to_rgb8(), row.0);
    let scale = Scale::of(Colors::Diverging, &[100.0]);
    let colored = small.overlay(&voxels(), &cut, &scale).unwrap();
    let black = Picture(RgbImage::new(2, 3));
    let half = colored.clone().faded(&black);
    assert_eq!(half.pixel(1, 2).unwrap()[0], colored.pixel(1, 2).unwrap()[0] / 2);
    let read = image::load_from_memory(&colored.png().unwrap()).unwrap();
    assert_eq!((read.color(), read.to_rgb8()), (image::ColorType::Rgb8, colored.0));
}

#[test]
fn letters_stand_at_their_sides_where_there_is_room() {
    let cut = Cut::new([60, 60, 1], &RAS, Plane::Axial, 0).unwrap();
    let black = Picture::slice(&[0.0; 3600], &cut, [0.0, 1.0]).unwrap();
    assert_eq!(black.clone().lettered(Plane::Sagittal), black);
    let white = |picture: &Picture| {
        let count = |from: usize, to: usize| {
            let all = (from..to).flat_map(|x| (0..60).map(move |y| (x, y)));
            all.filter(|(x, y)| picture.pixel(*x, *y) == Some([255; 3])).count()
        };
        [count(0, 30), count(30, 60)]
    };
    // An L is 6 + 5 pixels; an R 4 + 2 + 2 + 4 + 2 + 2 + 2.
    assert_eq!(white(&black.clone().lettered(Plane::Axial)), [11, 18]);
    let narrow = black.scaled(30);
    assert_eq!(narrow.clone().lettered(Plane::Axial), narrow);
}
