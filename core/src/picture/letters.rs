//! The letters L and R, five by seven pixels.

use image::{Rgb, RgbImage};

const L: [&str; 7] = ["#....", "#....", "#....", "#....", "#....", "#....", "#####"];
const R: [&str; 7] = ["####.", "#...#", "#...#", "####.", "#.#..", "#..#.", "#...#"];

/// Pictures that are narrower have no letters.
const NARROWEST: u32 = 60;

/// Writes L into the lower left corner and R into the lower right one.
pub(super) fn sides(picture: &mut RgbImage) {
    let (width, height) = picture.dimensions();
    // Larger pictures have larger letters.
    let size = (width / 160).max(1);
    if width < NARROWEST || height < 12 * size {
        return;
    }
    let y = height - 9 * size;
    write(picture, &L, [2 * size, y], size);
    write(picture, &R, [width - 7 * size, y], size);
}

fn write(picture: &mut RgbImage, letter: &[&str; 7], [left, top]: [u32; 2], size: u32) {
    for (y, row) in (0..).zip(letter) {
        for (x, _) in (0..).zip(row.bytes()).filter(|(_, mark)| *mark == b'#') {
            for pixel in 0..size * size {
                let (dx, dy) = (pixel % size, pixel / size);
                picture.put_pixel(left + x * size + dx, top + y * size + dy, Rgb([255; 3]));
            }
        }
    }
}
