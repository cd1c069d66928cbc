//! A gateway as a process of its own: started, measured, killed, started again.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::time::{Instant, sleep};

use super::client;
use crate::load::kilobytes;

/// The key of callers and the one of the operator.
pub(super) const CALLER: &str = "soak-caller-key-0123456789";
pub(super) const OPERATOR: &str = "soak-operator-key-0123456789";
/// How long a start or a stop may take on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// One moment of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) rss: u64,
    pub(super) descriptors: usize,
}

#[derive(Debug)]
pub(super) struct Gateway {
    binary: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) port: u16,
    platforms: Vec<String>,
    child: Option<Child>,
    pub(super) born: Instant,
}

impl Gateway {
    /// A data folder with two keys for each platform; the gateway is not started yet.
    pub(super) fn new(binary: &Path, folder: PathBuf, platforms: &[String]) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let gateway = Self { binary: binary.to_owned(), folder, port, platforms: platforms.to_vec(), child: None, born: Instant::now() };
        for (at, platform) in platforms.iter().enumerate() {
            for key in ["first", "second"] {
                let key = format!("sk-soak-{at}-{key}-0123456789abcdef");
                let added = gateway.command(&["keys", "add", "NewApi", "--base-url", platform, &key]).stdout(Stdio::null()).status()?;
                if !added.success() {
                    return Err(io::Error::other("the gateway takes no key"));
                }
            }
        }
        Ok(gateway)
    }

    fn command(&self, args: &[&str]) -> Command {
        let hosts: Vec<&str> = self.platforms.iter().map(|url| url.trim_start_matches("http://")).collect();
        let mut command = Command::new(&self.binary);
        command.args(args).env_clear().current_dir(&self.folder);
        for (name, value) in [
            ("IMG_ROUTER_DATA_DIR", self.folder.join("data").display().to_string()),
            ("IMG_ROUTER_HOST", "127.0.0.1".to_owned()),
            ("PORT", self.port.to_string()),
            ("IMG_ROUTER_GLOBAL_ACCESS_KEY", CALLER.to_owned()),
            ("IMG_ROUTER_ADMIN_KEY", OPERATOR.to_owned()),
            ("IMG_ROUTER_ALLOW_PRIVATE", hosts.join(",")),
            ("IMG_ROUTER_PROVIDERS_NEWAPI_ENABLED", "1".to_owned()),
            ("IMG_ROUTER_SYSTEM_MODES_BACKEND", "1".to_owned()),
            ("IMG_ROUTER_PUBLIC_BASE_URL", format!("http://127.0.0.1:{}", self.port)),
            ("LOG_LEVEL", "warn".to_owned()),
        ] {
            command.env(name, value);
        }
        command
    }

    /// Starts it and waits until it is ready.
    pub(super) async fn start(&mut self) -> io::Result<Duration> {
        let log = File::options().create(true).append(true).open(self.folder.join("log.txt"))?;
        self.child = Some(self.command(&["serve"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?);
        self.born = Instant::now();
        loop {
            let request = Request::get("/ready").header("host", "localhost").body(Full::<Bytes>::default()).map_err(io::Error::other)?;
            if client::ask(self.port, request).await.is_ok_and(|answer| answer.status == 200) {
                return Ok(self.born.elapsed());
            }
            if self.born.elapsed() > SOON || !self.is_alive()? {
                return Err(io::Error::other(format!("the gateway does not start: see {}", self.folder.join("log.txt").display())));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether its process is there.
    pub(super) fn is_alive(&mut self) -> io::Result<bool> {
        self.child.as_mut().map_or(Ok(false), |child| Ok(child.try_wait()?.is_none()))
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Asks it to stop, as an operator does; whether it ended well.
    pub(super) async fn stop(&mut self) -> io::Result<bool> {
        let Some(mut child) = self.child.take() else { return Ok(true) };
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
        let asked = Instant::now();
        while asked.elapsed() < SOON {
            if let Some(status) = child.try_wait()? {
                return Ok(status.success());
            }
            sleep(Duration::from_millis(50)).await;
        }
        child.kill()?;
        child.wait()?;
        Ok(false)
    }

    /// What it holds now; `None` while it is down.
    pub(super) fn sample(&self) -> Option<Sample> {
        let pid = self.child.as_ref()?.id();
        let rss = kilobytes(pid, "VmRSS:").ok()?;
        Some(Sample { rss, descriptors: fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() })
    }

    /// Hashes of the stored pictures by name, as their sidecars tell them.
    pub(super) fn sidecars(&self) -> io::Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        for day in fs::read_dir(self.folder.join("data/storage"))? {
            for file in fs::read_dir(day?.path())? {
                let path = file?.path();
                if path.extension().is_none_or(|ending| ending != "json") {
                    continue;
                }
                let told: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
                let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
                found.push((text("name"), text("sha256")));
            }
        }
        Ok(found)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Whatever ended the soak: nothing that it started is left.
        let _ = self.kill();
    }
}
