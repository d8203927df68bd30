//! `evidence reproduce uci DIR`: a published table, computed again on its own splits.

use super::super::error::CliError;
use super::super::{Common, line};
use clap::Args;
use evidence::reproduce::{NoiseModel, SetScores, read_set, run as run_set, sets};
use std::path::PathBuf;

/// Flags of `evidence reproduce uci`.
#[derive(Debug, Args)]
#[command(
    after_help = "DIR is a set (data.txt, index_features.txt, index_target.txt, index_train_K.txt, index_test_K.txt) or a folder of such \
                  sets. The prior's scale and the noise model are chosen on a fifth of each training part, by the same rule for every \
                  set; test rows are only scored.\n\nExample:\n  evidence reproduce uci uci --set wine-quality-red"
)]
pub(super) struct UciArguments {
    /// A set, or a folder of sets
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only the set of this name
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// Only the first K splits
    #[arg(long, value_name = "K", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    splits: u16,
    /// Divides the length of every training by N, for a quick look
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    hurry: u16,
}

pub(super) fn run(arguments: &UciArguments, common: &Common) -> Result<(), CliError> {
    let folders = sets(&arguments.folder, arguments.set.as_deref())?;
    let mut all = Vec::new();
    if !common.json {
        line(&format_args!(
            "{:<20} {:<18} {:>16} {:>18} {:>9} {:>9}",
            "set", "method", "test RMSE", "log-density", "90 % in", "seconds"
        ))?;
    }
    for folder in folders {
        let set = read_set(&folder, arguments.splits.into())?;
        let scores = run_set(&set, common.threads.into(), arguments.hurry.into())?;
        if !common.json {
            print(&scores)?;
        }
        all.push(scores);
    }
    if common.json {
        line(&serde_json::to_string_pretty(&all).expect("scores are text and numbers"))?;
    }
    Ok(())
}

fn print(scores: &SetScores) -> Result<(), CliError> {
    let (rmse, rmse_error) = scores.mean(|score| score.rmse);
    let (density, density_error) = scores.mean(|score| score.log_density);
    let (coverage, _) = scores.mean(|score| 100.0 * score.coverage);
    let with_error = |value: f64, error: f64, digits: usize| {
        if error.is_nan() {
            format!("{value:.digits$}")
        } else {
            format!("{value:.digits$} ± {error:.digits$}")
        }
    };
    line(&format_args!(
        "{:<20} {:<18} {:>16} {:>18} {coverage:>7.1} % {:>9.1}",
        scores.set,
        "this, mean field",
        with_error(rmse, rmse_error, 4),
        with_error(density, density_error, 4),
        scores.seconds
    ))?;
    for row in &scores.published {
        let (rmse, density) = (format!("{:.2}", row.rmse), format!("{:.2}", row.log_density));
        line(&format_args!("{:<20} {:<18} {rmse:>16} {density:>18}", "", row.method))?;
    }
    let predicted =
        scores.splits.iter().filter(|s| s.choice.noise == NoiseModel::Predicted).count();
    let count = |scale: f64| scores.splits.iter().filter(|s| s.choice.prior_scale == scale).count();
    let mut scales: Vec<f64> = scores.splits.iter().map(|score| score.choice.prior_scale).collect();
    scales.sort_by(f64::total_cmp);
    scales.dedup();
    let scales: Vec<String> =
        scales.into_iter().map(|scale| format!("{scale} in {}", count(scale))).collect();
    line(&format_args!(
        "{:<20} {} splits of {} rows; chosen on training rows: prior scale {}; noise predicted in {predicted}",
        "",
        scores.splits.len(),
        scores.rows,
        scales.join(", ")
    ))
    .map_err(CliError::from)
}
