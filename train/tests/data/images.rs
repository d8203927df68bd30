//! Folders of images: what is in them comes out, and what is wrong with them is said.

use crate::bytes::{gzip, idx};
use evidence_autodiff::Noise;
use evidence_train::data::{ImagePart, Images, binarised};
use ndarray::Array2;
use std::path::Path;

const U8: u8 = 0x08;

/// Three images of 2 × 3 pixels and their labels.
fn good() -> [(String, Vec<u8>); 4] {
    let pixels: Vec<u8> = (0..18).map(|i| i * 15).collect();
    let images = idx(U8, &[3, 2, 3], &pixels);
    let labels = idx(U8, &[3], &[7, 0, 2]);
    let name = |part: &str, of: &str| format!("{part}-{of}-ubyte");
    [
        (name("train", "images-idx3"), images.clone()),
        (name("train", "labels-idx1"), labels.clone()),
        (name("t10k", "images-idx3"), images),
        (name("t10k", "labels-idx1"), labels),
    ]
}

fn write(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

#[test]
fn images_come_out_as_they_went_in_plain_or_packed() {
    for packed in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let files =
            good().map(
                |(name, bytes)| {
                    if packed { (format!("{name}.gz"), gzip(&bytes)) } else { (name, bytes) }
                },
            );
        write(folder.path(), &files);
        let (training, test) = Images::read_both(folder.path()).unwrap();
        assert_eq!(training, test);
        assert_eq!((training.shape, training.classes()), ((2, 3), 8));
        assert_eq!(training.labels, [7, 0, 2]);
        let expected = Array2::from_shape_fn((3, 6), |(i, j)| (6 * i + j) as f32 * 15.0 / 255.0);
        assert!((&training.pixels - &expected).iter().all(|e| e.abs() < 1e-7));
        let some = training.select(&[2, 0]);
        assert_eq!((some.labels, some.pixels.row(1)), (vec![2, 7], training.pixels.row(0)));
    }
}

#[test]
fn what_is_wrong_with_a_folder_is_said() {
    let labels = |bytes: Vec<u8>| (1, bytes);
    let images = |bytes: Vec<u8>| (0, bytes);
    let mut cut = good()[0].1.clone();
    cut.truncate(cut.len() - 4);
    let mut corrupt = gzip(&good()[0].1);
    let middle = corrupt.len() / 2;
    corrupt[middle] ^= 0x55;
    let cases: [((usize, Vec<u8>), &str); 8] = [
        (images(cut), "idx3-ubyte: "),
        (images(corrupt), "idx3-ubyte: "),
        (images(b"PK\x03\x04 nothing".to_vec()), "idx3-ubyte: "),
        (
            images(idx(U8, &[3, 6], &[0; 18])),
            "holds 6 columns, \"column 0\" to \"column 5\", not images: three axes",
        ),
        (images(idx(U8, &[2, 2, 3], &[0; 12])), "3 labels for 2 images"),
        (images(idx(0x0b, &[3, 2, 3], &[1; 36])), "image 0: 257 is not a pixel from 0 to 255"),
        (labels(idx(U8, &[3, 1, 2], &[0; 6])), "not labels: one axis"),
        (labels(idx(0x09, &[3], &[0, 1, 0xff])), "image 2: -1 is not a label from 0 to 255"),
    ];
    for ((file, bytes), said) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut files = good();
        files[file].1 = bytes;
        write(folder.path(), &files);
        let error = Images::read(folder.path(), ImagePart::Training).unwrap_err().to_string();
        assert!(error.contains(said), "{error} does not say {said}");
        assert!(Images::read(folder.path(), ImagePart::Test).is_ok());
    }
    let folder = tempfile::tempdir().unwrap();
    let mut files = good();
    files[2].1 = idx(U8, &[3, 3, 2], &[0; 18]);
    write(folder.path(), &files);
    let error = Images::read_both(folder.path()).unwrap_err().to_string();
    assert!(error.contains("images of (3, 2) pixels") && error.contains("(2, 3)"), "{error}");
    std::fs::remove_file(folder.path().join("train-labels-idx1-ubyte")).unwrap();
    let error = Images::read(folder.path(), ImagePart::Training).unwrap_err().to_string();
    assert!(error.contains("has neither \"train-labels-idx1-ubyte\""), "{error}");
}

#[test]
fn binarised_pixels_are_white_as_often_as_they_are_bright() {
    let (n, greys) = (4000, [0.0_f32, 0.2, 0.5, 0.9, 1.0]);
    let pixels =
        Array2::from_shape_fn((2, 5), |(i, j)| if i == 0 { greys[j] } else { greys[4 - j] });
    let rows: Vec<usize> = (0..n).map(|i| i % 2).collect();
    let drawn = binarised(&pixels, &rows, Noise::new(3));
    assert!(drawn.iter().all(|x| *x == 0.0 || *x == 1.0));
    for (j, grey) in greys.into_iter().enumerate() {
        let white = rows.iter().zip(drawn.outer_iter());
        let white: f32 = white.filter(|(row, _)| **row == 0).map(|(_, image)| image[j]).sum();
        let (share, half) = (white / (n / 2) as f32, (n / 2) as f32);
        assert!(
            (share - grey).abs() <= 4.0 * (grey * (1.0 - grey) / half).sqrt(),
            "{grey}: {share}"
        );
    }
    assert_eq!(drawn, binarised(&pixels, &rows, Noise::new(3)));
    assert_ne!(drawn, binarised(&pixels, &rows, Noise::new(4)));
}
