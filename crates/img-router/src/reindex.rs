//! `img-router reindex`

use crate::out;
use ir_server::Gateway;
use ir_settings::Env;
use std::process::ExitCode;

pub(crate) async fn run() -> ExitCode {
    let gateway = match Gateway::open(Env::from_process()).await {
        Ok(gateway) => gateway,
        Err(error) => return out::fail(&error.to_string(), error.exit_code()),
    };
    let store = gateway.engine.store().clone();
    match ir_engine::reindex(gateway.engine.pictures(), &store).await {
        Ok(done) => {
            out::line(format_args!(
                "{} pictures found, {} added to the index, {} damaged files left alone, {} leftovers removed",
                done.found, done.added, done.damaged, done.removed
            ));
            store.close().await;
            ExitCode::SUCCESS
        }
        Err(error) => out::fail(&error.to_string(), 74),
    }
}
