//! `ir-sim`: simulated platforms and load for servers of this machine.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ir_sim::load::{self, LoadAsk, LoadPlan, Report};
use ir_sim::soak::{self, SoakPlan};
use ir_sim::{Behaviour, Dialect, PictureFormat, PictureSpec, Sim, SimConfig, Strictness, bytes_from_text, make_picture};
use tokio::signal::unix::{SignalKind, signal};

/// Simulated platforms, and load for servers of this machine
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a simulated platform on 127.0.0.1 until interrupted
    Serve(Box<Serve>),
    /// Load a server of this machine and report throughput, latency and what it used
    Load(Box<Load>),
    /// Load two gateways for hours while platforms fail and one gateway is killed, and tell whether everything held
    Soak(Soak),
    /// Print a Markdown table of reports written by `load --json`, one per line
    Table {
        /// File with the reports
        file: PathBuf,
    },
}

#[derive(Args)]
struct Serve {
    /// Whose protocol is spoken: open-ai, ark, gitee, model-scope, pollinations, silicon-flow, bed, chat or gradio
    #[arg(long, default_value = "open-ai")]
    dialect: Dialect,
    /// Port; 0 lets the system choose
    #[arg(long, default_value_t = 9100)]
    port: u16,
    /// Key that is accepted (repeatable); without any, every key is
    #[arg(long = "key")]
    keys: Vec<String>,
    /// Model that exists (repeatable); without any, every name does
    #[arg(long = "model")]
    models: Vec<String>,
    /// Exact size of the pictures, for instance 4MB
    #[arg(long, value_parser = bytes_from_text)]
    picture_bytes: Option<u64>,
    /// Format of the pictures: png or jpeg
    #[arg(long, default_value = "png", value_parser = format)]
    format: PictureFormat,
    /// Width and height of the pictures, when the request names none
    #[arg(long, default_value_t = 1024)]
    side: u32,
    /// Ignore the size in requests
    #[arg(long)]
    fixed_size: bool,
    /// Silence before every answer, in ms
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// Default behaviour in directives, for instance "drip=1000/20"
    #[arg(long, default_value = "", value_parser = Behaviour::from_directives)]
    default: Behaviour,
    /// Do not obey directives in prompts
    #[arg(long)]
    ignore_prompts: bool,
    /// Refuse `response_format`, as GPT image models do
    #[arg(long)]
    refuse_response_format: bool,
    /// Refuse files of the type application/octet-stream, as some relays do
    #[arg(long)]
    refuse_octet_stream: bool,
    /// Do not hash uploaded files for the ledger
    #[arg(long)]
    no_hash: bool,
}

#[derive(Args)]
struct Load {
    /// Where to; a loopback address
    #[arg(long)]
    url: http::Uri,
    /// Bearer token
    #[arg(long, value_parser = token)]
    key: Option<String>,
    /// Requests under way at a time
    #[arg(long, default_value_t = 1)]
    callers: usize,
    /// Requests in all
    #[arg(long, default_value_t = 100)]
    requests: u64,
    /// Requests per second, whether earlier ones were answered or not; without it, a caller asks as soon as it was answered
    #[arg(long)]
    rate: Option<f64>,
    /// Requests before the measurement
    #[arg(long, default_value_t = 0)]
    warm_up: u64,
    /// Seconds after which the run is ended
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// JSON document to send; {seq} becomes the number of the request
    #[arg(long, default_value = r#"{"prompt":"load {seq}","model":"gpt-image-2","n":1,"response_format":"b64_json"}"#)]
    body: String,
    /// Send a form with a PNG of this size instead, for instance 20MB
    #[arg(long, value_parser = bytes_from_text, conflicts_with = "body")]
    edit_file_bytes: Option<u64>,
    /// Field of the form as name=value (repeatable)
    #[arg(long = "field", value_parser = field, requires = "edit_file_bytes")]
    fields: Vec<(String, String)>,
    /// Process to measure (repeatable: sums are reported)
    #[arg(long = "pid")]
    pids: Vec<u32>,
    /// Throw answers away without counting their pictures
    #[arg(long)]
    discard: bool,
    /// Name of the server in tables; `direct` is what others are compared with
    #[arg(long, default_value = "server")]
    label: String,
    /// Name of the load in tables
    #[arg(long, default_value = "load")]
    scenario: String,
    /// Print one line of JSON instead of a summary
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Soak {
    /// The gateway's binary
    #[arg(long)]
    binary: PathBuf,
    /// Folder for data, logs and samples
    #[arg(long)]
    folder: PathBuf,
    /// Length in hours; 0.05 is three minutes
    #[arg(long, default_value_t = 1.0)]
    hours: f64,
    /// Requests per second, to both gateways together
    #[arg(long, default_value_t = 12.0)]
    rate: f64,
    /// Seconds between two kills, on average
    #[arg(long, default_value_t = 180)]
    kill_every: u64,
    /// Of all chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(serve) => serve.run().await,
        Command::Load(load) => load.run().await,
        Command::Soak(soak) => soak.run().await,
        Command::Table { file } => table(&file),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            // If even this cannot be written there is nobody to tell.
            let _ = writeln!(io::stderr(), "ir-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Serve {
    async fn run(self) -> io::Result<ExitCode> {
        let delay = Duration::from_millis(self.delay_ms);
        let mut default = self.default;
        default.delay_before_headers = default.delay_before_headers.max(delay);
        let picture = PictureSpec {
            bytes: self.picture_bytes,
            format: self.format,
            width: self.side,
            height: self.side,
            follow_size: !self.fixed_size,
        };
        let sim = Sim::start(SimConfig {
            dialect: self.dialect,
            port: self.port,
            keys: (!self.keys.is_empty()).then_some(self.keys),
            models: self.models,
            picture,
            default,
            obey_prompts: !self.ignore_prompts,
            strict: Strictness { response_format: self.refuse_response_format, octet_stream: self.refuse_octet_stream },
            hash_files: !self.no_hash,
            ..SimConfig::default()
        })
        .await?;
        let url = sim.url();
        let mut out = io::stdout();
        writeln!(out, "simulated {} platform at {url}", self.dialect)?;
        for path in self.dialect.paths() {
            writeln!(out, "  {path}")?;
        }
        writeln!(
            out,
            "  directives in prompts: [sim status=429 retry-after=2], [sim delay=5000], [sim cut=mid], [sim html], [sim n=2 url]"
        )?;
        writeln!(out, "  control: GET, DELETE {url}/_sim/ledger; POST {url}/_sim/script")?;
        out.flush()?;
        tokio::signal::ctrl_c().await?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Load {
    async fn run(self) -> io::Result<ExitCode> {
        let ask = match self.edit_file_bytes {
            None => LoadAsk::Json(self.body),
            Some(bytes) => {
                let mut fields = self.fields;
                if !fields.iter().any(|(name, _)| name == "prompt") {
                    fields.push(("prompt".into(), "make it night".into()));
                }
                LoadAsk::Upload { fields, file: make_picture(PictureSpec::exactly(bytes), 0)? }
            }
        };
        let report = load::run(LoadPlan {
            label: self.label,
            scenario: self.scenario,
            url: self.url,
            key: self.key,
            callers: self.callers,
            requests: self.requests,
            rate: self.rate,
            warm_up: self.warm_up,
            limit: Duration::from_secs(self.seconds),
            ask,
            count_pictures: !self.discard,
            pids: self.pids,
        })
        .await?;
        let text = if self.json { serde_json::to_string(&report)? + "\n" } else { report.to_string() };
        io::stdout().write_all(text.as_bytes())?;
        // Errors do not fail the run: a table of a failing server is a result too.
        Ok(ExitCode::SUCCESS)
    }
}

impl Soak {
    async fn run(self) -> io::Result<ExitCode> {
        if !(0.0..=1_000.0).contains(&self.hours) || !(0.1..=1_000.0).contains(&self.rate) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "at most 1000 hours, 0.1 to 1000 requests per second"));
        }
        let plan = SoakPlan {
            binary: self.binary.canonicalize()?,
            folder: self.folder,
            time: Duration::from_secs_f64(self.hours * 3600.0),
            rate: self.rate,
            kill_every: Duration::from_secs(self.kill_every.max(5)),
            seed: self.seed,
        };
        let (mut out, mut end) = (io::stdout(), signal(SignalKind::terminate())?);
        let held = tokio::select! {
            held = soak::run(plan, &mut out) => held?,
            // Whoever stops it stops its gateways.
            _ = end.recv() => return Err(io::Error::new(io::ErrorKind::Interrupted, "asked to stop")),
            interrupted = tokio::signal::ctrl_c() => return Err(interrupted.err().unwrap_or_else(|| io::ErrorKind::Interrupted.into())),
        };
        Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn table(file: &PathBuf) -> io::Result<ExitCode> {
    let text = fs::read_to_string(file)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let reports = lines.map(serde_json::from_str::<Report>).collect::<Result<Vec<_>, _>>()?;
    io::stdout().write_all(load::table(&reports).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn format(name: &str) -> Result<PictureFormat, String> {
    match name {
        "png" => Ok(PictureFormat::Png),
        "jpeg" => Ok(PictureFormat::Jpeg),
        _ => Err("png or jpeg".into()),
    }
}

fn token(key: &str) -> Result<String, String> {
    http::HeaderValue::try_from(key).map(|_| key.to_owned()).map_err(|error| error.to_string())
}

fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("name=value is expected")?;
    Ok((name.to_owned(), value.to_owned()))
}
