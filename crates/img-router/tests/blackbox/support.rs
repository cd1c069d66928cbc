//! The real binary on a folder and a port of its own.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Generous: a busy machine is no failure. What was measured is printed where it matters.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// The key that callers use.
pub(crate) const KEY: &str = "a-key-of-the-gateway";

/// A data folder, a port and an environment, on which commands are run.
pub(crate) struct Setup {
    folder: TempDir,
    pub(crate) port: u16,
    env: Vec<(String, String)>,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A running gateway; killed when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) port: u16,
    began: Instant,
    log: PathBuf,
}

impl Setup {
    /// A fresh folder; backend mode is on, with [`KEY`].
    pub(crate) fn new() -> Self {
        let setup = Self { folder: TempDir::new().unwrap(), port: free_port(), env: Vec::new() };
        let own = format!("http://127.0.0.1:{}", setup.port);
        let port = setup.port.to_string();
        let setup = setup.env("PORT", port);
        setup.env("IMG_ROUTER_GLOBAL_ACCESS_KEY", KEY).env("IMG_ROUTER_SYSTEM_MODES_BACKEND", "1").env("IMG_ROUTER_PUBLIC_BASE_URL", own)
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self
    }

    /// What a variable is set to.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A path beside the data folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_img-router"));
        command.args(args).env_clear().current_dir(self.folder.path());
        command.env("IMG_ROUTER_DATA_DIR", self.data()).env("IMG_ROUTER_HOST", "127.0.0.1");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end, with this on its standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Ran {
        self.run_in(args, input, &[])
    }

    /// The same with more variables, for this command only.
    pub(crate) fn run_in(&self, args: &[&str], input: &str, more: &[(&str, &str)]) -> Ran {
        let mut command = self.command(args);
        command.envs(more.iter().copied());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that reads nothing may be gone before it is written to.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Runs a command that must end well; answers what it printed.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let ran = self.run_with(args, "");
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.out
    }

    /// Starts the gateway without waiting for it.
    pub(crate) fn spawn(&self) -> Running {
        self.spawn_in(&[])
    }

    /// The same with more variables, for this run only.
    pub(crate) fn spawn_in(&self, more: &[(&str, &str)]) -> Running {
        let log = self.folder.path().join("log.txt");
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let mut command = self.command(&["serve"]);
        command.envs(more.iter().copied());
        let began = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Running { child, port: self.port, began, log }
    }

    /// Starts the gateway with a log that nobody reads, for as long as the pipe is held.
    pub(crate) fn spawn_unread(&self) -> (Running, std::process::ChildStderr) {
        let mut command = self.command(&["serve"]);
        let began = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let pipe = child.stderr.take().unwrap();
        (Running { child, port: self.port, began, log: self.folder.path().join("log.txt") }, pipe)
    }

    /// Starts the gateway and waits until it is ready.
    pub(crate) fn start(&self) -> Running {
        let mut running = self.spawn();
        running.ready();
        running
    }
}

impl Running {
    /// Waits until `/ready` says so; how long that took since the start.
    pub(crate) fn ready(&mut self) -> Duration {
        blocking(|| self.wait_until_ready())
    }

    fn wait_until_ready(&mut self) -> Duration {
        loop {
            if is_ready(self.port) {
                return self.began.elapsed();
            }
            assert!(self.child.try_wait().unwrap().is_none(), "the gateway ended before it was ready:\n{}", self.log());
            assert!(self.began.elapsed() < SOON, "the gateway was not ready in time:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.log.with_file_name("data")
    }

    /// Everything that it, and earlier ones on the folder, logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until the log has this: lines are written by a thread of their own.
    pub(crate) async fn says(&self, what: &str) {
        let began = Instant::now();
        while !self.log().contains(what) {
            assert!(began.elapsed() < SOON, "never said: {what}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, at once.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, as an operator does.
    pub(crate) fn ask_to_stop(&self) {
        assert!(Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().unwrap().success());
    }

    /// Waits for its end; the exit code, -1 after a signal.
    pub(crate) fn exit_code(mut self) -> i32 {
        self.end("the gateway did not stop in time").code().unwrap_or(-1)
    }

    /// Waits until it has killed itself.
    pub(crate) fn kills_itself(mut self, why: &str) {
        use std::os::unix::process::ExitStatusExt;
        let status = self.end(&format!("the gateway did not kill itself at {why}"));
        assert_eq!(status.signal(), Some(9), "{why}: {status}\n{}", self.log());
    }

    fn end(&mut self, late: &str) -> std::process::ExitStatus {
        blocking(|| self.wait_for_end(late))
    }

    fn wait_for_end(&mut self, late: &str) -> std::process::ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < SOON, "{late}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Stops it; it must end well.
    pub(crate) fn stop(self) {
        self.ask_to_stop();
        let log = self.log.clone();
        let code = self.exit_code();
        assert_eq!(code, 0, "{}", std::fs::read_to_string(log).unwrap_or_default());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits without keeping a simulated platform of the same runtime from its work.
fn blocking<T>(wait: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(tokio::runtime::RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
        Ok(_) | Err(_) => wait(),
    }
}

/// A port below the range that systems take outgoing ports from: nobody else gets it while a gateway
/// is down between two starts.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    (0..1000)
        .map(|_| {
            let turn = NEXT.fetch_add(1, Ordering::Relaxed);
            11_000 + u16::try_from((std::process::id().wrapping_mul(37) + turn) % 20_000).unwrap()
        })
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

#[expect(clippy::disallowed_methods, reason = "the test is the client")]
fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    let _ = stream.set_read_timeout(Some(SOON));
    let mut answer = String::new();
    stream.write_all(b"GET /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

/// Pictures under a data folder's storage, by name.
pub(crate) fn stored(data: &Path) -> Vec<PathBuf> {
    let days = std::fs::read_dir(data.join("storage")).into_iter().flatten().flatten();
    let files = days.flat_map(|day| std::fs::read_dir(day.path()).into_iter().flatten().flatten());
    let is_picture = |path: &PathBuf| path.extension().is_some_and(|ending| ["png", "jpg", "webp"].iter().any(|known| ending == *known));
    let mut pictures: Vec<PathBuf> = files.map(|file| file.path()).filter(is_picture).collect();
    pictures.sort();
    pictures
}
