//! `img-router check`

use crate::cli::CheckArgs;
use crate::out;
use ir_settings::{Env, SettingsFile, Source};
use std::process::ExitCode;
use std::sync::Arc;

pub(crate) fn run(args: &CheckArgs) -> ExitCode {
    let file = match SettingsFile::open(Env::from_process(), Arc::new(ir_server::OsDice)) {
        Ok(file) => file,
        Err(error) => return out::fail(&error.to_string(), 78),
    };
    let effective = file.current();
    let rows: Vec<_> = effective.rows.iter().filter(|row| !args.changed || !matches!(row.source, Source::Default)).collect();
    if args.json {
        let list: Vec<_> =
            rows.iter().map(|row| serde_json::json!({ "path": row.path, "value": row.value, "source": row.source.to_string() })).collect();
        let problems: Vec<_> = effective.problems.iter().map(|p| serde_json::json!({ "path": p.path, "message": p.message })).collect();
        out::line(serde_json::json!({ "dataDir": file.data_dir().display().to_string(), "settings": list, "problems": problems }));
    } else {
        out::line(format_args!("data folder: {}\n", file.data_dir().display()));
        let mut table = vec![vec!["SETTING".to_owned(), "VALUE".to_owned(), "SOURCE".to_owned()]];
        table.extend(rows.iter().map(|row| vec![row.path.clone(), row.value.clone(), row.source.to_string()]));
        out::table(&table);
        for problem in &effective.problems {
            out::note(format_args!("note: {}: {}", problem.path, problem.message));
        }
    }
    ExitCode::SUCCESS
}
