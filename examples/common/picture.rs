//! Pictures of numbers: characters, and a file.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

/// Writes a PPM file: a colour for each number, black for `depth`.
pub fn write_picture(path: &str, picture: &[Vec<u32>], depth: u32) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "P6 {} {} 255", picture[0].len(), picture.len())?;
    for steps in picture.iter().flatten() {
        let part = |times: u32| (steps * times % 256) as u8 * u8::from(*steps < depth);
        file.write_all(&[part(3), part(5), part(9)])?;
    }
    Ok(file.flush()?)
}

/// Prints some twenty rows of seventy points.
pub fn draw(picture: &[Vec<u32>], depth: u32) {
    let (rows, columns) = (picture.len().div_ceil(20), picture[0].len().div_ceil(70));
    for row in picture.iter().step_by(rows) {
        let shade = |steps: &u32| match steps {
            steps if *steps == depth => '#',
            0..4 => ' ',
            4..8 => '.',
            _ => '+',
        };
        println!("{}", row.iter().step_by(columns).map(shade).collect::<String>().trim_end());
    }
}
