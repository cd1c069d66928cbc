//! `img-router rotate-master-key`

use crate::out;
use ir_server::Gateway;
use ir_settings::{Env, NewMasterKey};
use std::process::ExitCode;

pub(crate) async fn run() -> ExitCode {
    // Opened whole: the old key must be the right one, and nobody else may be on the folder.
    let gateway = match Gateway::open(Env::from_process()).await {
        Ok(gateway) => gateway,
        Err(error) => return out::fail(&error.to_string(), error.exit_code()),
    };
    let settings = &gateway.settings;
    let folder = settings.data_dir().display();
    let code = match settings.rotate_master_key() {
        Ok(NewMasterKey::Environment) => {
            out::line("The master key is the one of IMG_ROUTER_NEW_SECRET_KEY now: start the gateway with it as IMG_ROUTER_SECRET_KEY.");
            ExitCode::SUCCESS
        }
        Ok(NewMasterKey::File) => {
            out::line(format_args!(
                "The master key is the one in {folder}/secret.key now: start the gateway without IMG_ROUTER_SECRET_KEY."
            ));
            ExitCode::SUCCESS
        }
        Err(error) => out::fail(&error.to_string(), 78),
    };
    if code == ExitCode::SUCCESS {
        out::line(format_args!("{folder}/secret.check belongs to it: back up both, or the variable and secret.check."));
    }
    gateway.engine.store().close().await;
    code
}
