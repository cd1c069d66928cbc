//! What the command line takes.

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;
use std::process::ExitCode;

/// One OpenAI-compatible endpoint in front of many image platforms.
///
/// Settings come from the environment, then from data/runtime-config.json, then from defaults;
/// `img-router check` shows each with its source. The data folder is $IMG_ROUTER_DATA_DIR (./data).
#[derive(Debug, Parser)]
#[command(name = "img-router", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  Try it without any key or network:
    IMG_ROUTER_DEMO=1 img-router serve
    img-router generate \"a lighthouse at dusk\" --demo -o pictures

  Put it in front of an OpenAI-compatible platform:
    img-router keys add NewApi --base-url https://api.example.com/v1 sk-…
    IMG_ROUTER_SYSTEM_MODES_BACKEND=true IMG_ROUTER_GLOBAL_ACCESS_KEY=choose-a-long-one img-router serve

  Ask it from a client: base URL http://localhost:10001/v1, the key that you chose.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway (what happens without a command).
    Serve,
    /// Show every setting in force, where it comes from, and what is wrong with the configuration.
    Check(CheckArgs),
    /// Draw pictures from a prompt and save them as files.
    Generate(GenerateArgs),
    /// Rebuild the gallery's index from the pictures in the data folder and the metadata beside them.
    ///
    /// Nothing that is listed changes; whole pictures that are not listed are added.
    Reindex,
    /// Manage the pools of platform keys.
    Keys(KeysArgs),
    /// Replace the master key that secrets are sealed with. The gateway must be stopped.
    ///
    /// The new key is the one of $IMG_ROUTER_NEW_SECRET_KEY; without that, a random one in the data
    /// folder's secret.key. Platform keys and settings stay as they are.
    RotateMasterKey,
    /// Manage the keys of callers in backend mode.
    ClientKeys(ClientKeysArgs),
    /// Ask a running gateway whether it is ready: exit code 0 or 1. For containers and scripts.
    Healthcheck(HealthcheckArgs),
    /// Print a completion script for a shell, for example: img-router completions bash > /etc/bash_completion.d/img-router
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Show only what is not at its default.
    #[arg(long)]
    pub(crate) changed: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// What to draw.
    pub(crate) prompt: String,
    /// How many pictures (1 to 16).
    #[arg(short = 'n', default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(crate) count: u32,
    /// The folder to save them in.
    #[arg(short = 'o', long = "out", default_value = ".")]
    pub(crate) out: PathBuf,
    /// The model; `auto` lets the gateway choose.
    #[arg(long, default_value = "auto")]
    pub(crate) model: String,
    /// The size: 1024x1024, 16:9, 2K or auto.
    #[arg(long, default_value = "auto")]
    pub(crate) size: String,
    /// Same prompt and seed, same picture, where the platform honours it.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Pictures to edit or blend.
    #[arg(short = 'i', long = "image")]
    pub(crate) images: Vec<PathBuf>,
    /// Draw with the built-in renderer, without keys or network.
    #[arg(long)]
    pub(crate) demo: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub(crate) action: KeysAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysAction {
    /// Add keys to a platform's pool. Keys already there are counted and left alone.
    Add(AddArgs),
    /// List the keys, masked, with their health.
    List {
        /// Only those of this platform.
        platform: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Import keys, one per line or comma-separated, from a file or from standard input (`-`).
    Import {
        /// The platform.
        platform: String,
        /// The file.
        file: PathBuf,
        /// The address that the keys belong to, where it is not the platform's own.
        #[arg(long)]
        base_url: Option<String>,
    },
    /// Print the keys of a platform in full, for a backup. Only here, on the host: no page or
    /// address of the gateway ever shows a key.
    Export {
        /// The platform.
        platform: String,
    },
    /// Switch a key on again and forget its failures.
    Enable {
        /// The key's id, from `keys list`.
        id: String,
    },
    /// Switch a key off.
    Disable {
        /// The key's id, from `keys list`.
        id: String,
    },
    /// Delete a key.
    Delete {
        /// The key's id, from `keys list`.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ClientKeysArgs {
    #[command(subcommand)]
    pub(crate) action: ClientKeysAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClientKeysAction {
    /// Make a key for a caller, and print it: this is the only time that it is shown.
    Add(ClientKeyArgs),
    /// List the keys with their use, masked.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete a key: nobody is let in with it any more.
    Delete {
        /// The key's id, from `client-keys list`.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ClientKeyArgs {
    /// Who or what uses it.
    pub(crate) name: String,
    /// Models that it may draw with, as callers name them (repeatable); without any, all.
    #[arg(long = "model")]
    pub(crate) models: Vec<String>,
    /// Requests in any minute.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) per_minute: Option<u32>,
    /// Requests drawing at once.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) concurrent: Option<u32>,
    /// Days until it expires.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) days: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The platform, for example NewApi.
    pub(crate) platform: String,
    /// The keys. Without any, one is read from standard input, which keeps it out of the shell's history.
    pub(crate) keys: Vec<String>,
    /// The address that the keys belong to, where it is not the platform's own.
    #[arg(long)]
    pub(crate) base_url: Option<String>,
    /// Models that the keys may be used for (repeatable); without any, all.
    #[arg(long = "model")]
    pub(crate) models: Vec<String>,
    /// What to call them.
    #[arg(long, default_value = "")]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct HealthcheckArgs {
    /// The gateway's address; without it, the port of the settings on this machine.
    #[arg(long)]
    pub(crate) url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: Shell,
}

/// Prints a completion script.
pub(crate) fn completions(args: &CompletionsArgs) -> ExitCode {
    clap_complete::generate(args.shell, &mut Cli::command(), "img-router", &mut std::io::stdout());
    ExitCode::SUCCESS
}
