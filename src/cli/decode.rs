//! `evidence decode RUN --data CODES`: the row of each code, in the data's units.

use super::answer::{RowsArguments, write};
use super::error::CliError;
use super::kind::Ask;
use super::{Common, trained};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::train::data::{Chunks, Column, ReadOptions};
use ndarray::Array2;

pub(super) fn run(arguments: &RowsArguments, common: &Common) -> Result<(), CliError> {
    let trained = trained::open(&arguments.run)?;
    let (code, data) = (trained.code(), arguments.table.file.as_path());
    let plain = Ask::plain(trained.schema(), trained.seed());
    with_threads(common.threads.into(), || {
        write(arguments.answer.out.as_deref(), common, |writer| {
            let mut first = 0_u64;
            for frame in Chunks::open(data, &arguments.table.reading(ReadOptions::default()))? {
                let frame = frame?;
                let mut codes = Array2::zeros((frame.rows(), code.len()));
                for (j, name) in code.iter().enumerate() {
                    let Some(Column::Numbers(numbers)) = frame.column(name) else {
                        return Err(CliError::Data(format!(
                            "{}: codes have the columns of numbers {}, as `evidence encode` writes them; \"{name}\" is missing",
                            data.display(),
                            code.join(", ")
                        )));
                    };
                    if let Some(row) = numbers.iter().position(|x| x.abs() > f64::from(f32::MAX)) {
                        return Err(CliError::Data(format!(
                            "{}: row {}, counted from 0, column \"{name}\": {:?} is larger than any number in single precision",
                            data.display(),
                            frame.number(row),
                            numbers[row]
                        )));
                    }
                    codes.column_mut(j).iter_mut().zip(numbers).for_each(|(to, &x)| *to = x as f32);
                }
                let ask = Ask { first, mean: true, ..plain.clone() };
                writer.table(&trained.decode(codes.view(), &ask)?)?;
                first += frame.rows() as u64;
            }
            if first == 0 {
                let path = data.display();
                return Err(CliError::Data(format!("{path}: there are no codes to decode")));
            }
            Ok(())
        })
    })
}
