//! The `img-router` command.

mod arenas;
mod check;
mod cli;
mod client_keys;
mod generate;
mod healthcheck;
mod keys;
mod out;
mod reindex;
mod rotate;
mod serve;

use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let command = cli.command.unwrap_or(Command::Serve);
    if matches!(command, Command::Serve) {
        arenas::bound();
    }
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(96).thread_stack_size(1024 * 1024).build() {
            Ok(runtime) => runtime,
            Err(error) => return out::fail(&format!("no runtime could be started: {error}"), 71),
        };
    let code = runtime.block_on(async {
        match command {
            Command::Serve => serve::run().await,
            Command::Check(args) => check::run(&args),
            Command::Generate(args) => generate::run(args).await,
            Command::Reindex => reindex::run().await,
            Command::RotateMasterKey => rotate::run().await,
            Command::Keys(args) => keys::run(args).await,
            Command::ClientKeys(args) => client_keys::run(args).await,
            Command::Healthcheck(args) => healthcheck::run(&args).await,
            Command::Completions(args) => cli::completions(&args),
        }
    });
    // A blocking write to a hung disk must not keep a finished command from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    code
}
