//! What commands say: results on standard output, everything else on standard error.

use ir_model::Fault;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// A line of the result. A closed pipe (`| head`) is not an error.
pub(crate) fn line(text: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A line about the result.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Says why a command failed.
pub(crate) fn fail(why: &str, code: u8) -> ExitCode {
    note(format_args!("img-router: {why}"));
    ExitCode::from(code)
}

/// Says why a command failed, from a fault of the gateway.
pub(crate) fn fail_with(fault: &Fault) -> ExitCode {
    let message =
        fault.message.as_ref().map_or_else(|| format!("the drawing failed: {}", fault.class.name()), |message| message.en.clone());
    let more = fault.upstream.as_deref().or(fault.detail.as_deref()).map(|text| format!(" ({text})")).unwrap_or_default();
    fail(&format!("{message}{more}"), 1)
}

/// Columns padded to their widest cell.
pub(crate) fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> =
        (0..columns).map(|i| rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.chars().count()).max().unwrap_or(0)).collect();
    for row in rows {
        let mut text = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
        }
        line(text.trim_end());
    }
}
