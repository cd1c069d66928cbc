//! The design's invariants and the style's budgets, checked over the whole tree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace's root")
}

/// Every file under the version control's eye, or all files where there is none.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("readable folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if ["target", ".git", "node_modules", ".venv", "data", "dist", ".cache"].contains(&name.as_ref()) {
                continue;
            }
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found.retain(|path| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)));
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn is_test(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains("/tests/") || text.ends_with("tests.rs") || text.ends_with("testing.rs")
}

/// Normal dependencies of a crate, all levels, by name.
fn tree(krate: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-p", krate, "-e", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn no_source_file_is_over_its_wall() {
    let long: Vec<String> = files(&[".rs", ".ts", ".tsx", ".mjs", ".py"])
        .iter()
        .map(|path| (read(path).lines().count(), path))
        // Types that are made from the OpenAPI document are read by nobody.
        .filter(|(lines, path)| *lines > 800 && !path.ends_with("schema.d.ts"))
        .map(|(lines, path)| format!("{} has {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn source_says_nothing_of_unfinished_work() {
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["todo", "!("].concat(), ["unimplemented", "!("].concat()];
    let found: Vec<String> = files(&[".rs", ".ts", ".tsx", ".mjs", ".py", ".sh"])
        .iter()
        .flat_map(|path| {
            let text = read(path);
            marks.iter().filter(|mark| text.contains(mark.as_str())).map(|mark| format!("{}: {mark}", path.display())).collect::<Vec<_>>()
        })
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_unwrap_outside_tests() {
    let mut found = Vec::new();
    for path in files(&[".rs"]).into_iter().filter(|path| !is_test(path)) {
        let text = read(&path);
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            if line.contains(".unwrap()") && !line.trim_start().starts_with("//") {
                found.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn adapters_depend_on_no_runtime_client_logger_or_dice() {
    let tree = tree("ir-platforms");
    for banned in ["tokio", "hyper", "hyper-util", "reqwest", "axum", "tracing", "log", "rand", "getrandom", "rusqlite", "mio", "socket2"] {
        assert!(!tree.contains(banned), "ir-platforms depends on {banned}");
    }
}

#[test]
fn the_model_is_plain() {
    let tree = tree("ir-model");
    for banned in ["tokio", "hyper", "http", "axum", "tracing", "rand", "getrandom", "rusqlite"] {
        assert!(!tree.contains(banned), "ir-model depends on {banned}");
    }
}

#[test]
fn the_engine_knows_neither_http_servers_nor_sql() {
    let manifest = read(&root().join("crates/ir-engine/Cargo.toml"));
    for banned in ["axum", "hyper", "http", "rusqlite"] {
        assert!(!manifest.lines().any(|line| line.starts_with(&format!("{banned}."))), "ir-engine names {banned}");
    }
}

/// Proves R-SSRF-5.
#[test]
fn one_door_out() {
    let tree = tree("img-router");
    for client in ["reqwest", "ureq", "isahc", "curl", "surf", "awc", "attohttpc", "native-tls"] {
        assert!(!tree.contains(client), "a second HTTP client came in: {client}");
    }
    for path in files(&[".rs"]).into_iter().filter(|path| !is_test(path)) {
        let text = path.to_string_lossy().into_owned();
        let may = text.contains("/ir-egress/") || text.contains("/ir-sim/");
        let code = read(&path);
        let opens = code.contains("TcpStream::connect") || code.contains("client::conn") || code.contains("client::legacy");
        assert!(may || !opens, "{text} opens outgoing connections; only ir-egress may");
        let dials = ["TcpStream::connect", "TcpSocket", "lookup_host", "to_socket_addrs"].iter().any(|call| code.contains(call));
        let places = ["/ir-egress/src/dial.rs", "/ir-egress/src/resolve.rs", "/tests/tidy.rs"];
        let may = text.contains("/ir-sim/") || places.iter().any(|place| text.ends_with(place));
        assert!(may || !dials, "{text} dials or resolves; there is one place for each");
    }
}

/// Addresses from outside are read by the WHATWG parser alone: `http::Uri` takes some of them for
/// another host. It is made of the path of an address that was judged, and of requests' `Host`.
///
/// Proves R-SSRF-2.
#[test]
fn one_parser_of_addresses() {
    let code = |path: &Path| read(path).split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    let makes = |text: &str| {
        ["Uri::from", "Uri::try_from", "Uri::builder", "parse::<Uri>", ": Uri = ", "Authority = ", "PathAndQuery"]
            .iter()
            .any(|made| text.contains(made))
    };
    let found: Vec<String> = files(&[".rs"])
        .into_iter()
        .filter(|path| !is_test(path) && !path.to_string_lossy().contains("/ir-sim/") && makes(&code(path)))
        .map(|path| path.strip_prefix(root()).unwrap_or(&path).display().to_string())
        .collect();
    assert_eq!(
        BTreeSet::from_iter(found),
        BTreeSet::from(["crates/ir-admin/src/authority.rs", "crates/ir-egress/src/live.rs"].map(str::to_owned))
    );
}

/// Names that stand in calls of this function.
fn named(function: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in files(&[".rs"]).into_iter().filter(|path| !is_test(path)) {
        let code = read(&path);
        let call = format!("ir_crash::{function}(\"");
        let calls = code.split(&call).skip(1);
        found.extend(calls.filter_map(|rest| rest.split_once('"')).map(|(name, _)| name.to_owned()));
    }
    found
}

#[test]
fn every_crash_point_is_in_the_list_and_in_the_code() {
    for (function, listed) in [("point", ir_crash::POINTS), ("fault", ir_crash::FAULTS)] {
        assert_eq!(named(function), listed.iter().map(|name| (*name).to_owned()).collect(), "{function}");
    }
}

#[test]
fn releases_have_no_crash_points() {
    let features = |edges: &str| {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "-p", "img-router", "-e", edges, "-i", "ir-crash", "--prefix", "none"])
            .current_dir(root())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let switch = "ir-crash feature \"crashpoints\"";
    assert!(!features("features,normal,build").contains(switch), "a release would have points at which it ends itself");
    assert!(features("features,normal,build,dev").contains(switch), "the tests have none");
    for path in files(&["Cargo.toml"]) {
        let manifest = read(&path);
        let before_tests = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        let own = path.to_string_lossy().contains("/ir-crash/");
        assert!(own || !before_tests.contains("crashpoints"), "{} switches them on", path.display());
    }
}

#[test]
fn only_the_settings_read_the_environment() {
    for path in files(&[".rs"]).into_iter().filter(|path| !is_test(path)) {
        let text = path.to_string_lossy().into_owned();
        if text.contains("/ir-settings/") || text.contains("/ir-sim/") || text.ends_with("tidy.rs") {
            continue;
        }
        let code = read(&path);
        assert!(!code.contains("env::var"), "{text} reads the environment");
    }
}

#[test]
fn only_the_dialect_knows_openai_json() {
    for path in files(&[".rs"]).into_iter().filter(|path| !is_test(path)) {
        let text = path.to_string_lossy().into_owned();
        // The adapters of look-alikes and their simulator speak the same words to the other side.
        if ["/ir-openai/", "/ir-platforms/", "/ir-sim/"].iter().any(|may| text.contains(may)) {
            continue;
        }
        let code = read(&path).split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        for word in ["chat.completion", "image_generation.", "finish_reason"] {
            assert!(!code.contains(word), "{text} knows '{word}'");
        }
    }
}

#[test]
fn exceptions_from_lints_give_their_reason() {
    for path in files(&[".rs"]) {
        if path.ends_with("tidy.rs") {
            continue;
        }
        let text = read(&path);
        assert!(!text.contains("#[allow("), "{}: use #[expect(…, reason = …)]", path.display());
    }
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for path in files(&["Cargo.toml"]).into_iter().filter(|path| path.to_string_lossy().contains("/crates/")) {
        assert!(read(&path).contains("[lints]\nworkspace = true"), "{}", path.display());
    }
}

#[test]
fn no_path_of_a_machine_stands_in_the_tree() {
    let homes: Vec<String> = ["work", "root", "home"].iter().map(|name| format!("/{name}/")).collect();
    for path in files(&[".rs", ".md", ".toml", ".sh", ".py", ".mjs", ".yml", ".service", "Makefile", "Dockerfile"]) {
        if path.ends_with("tidy.rs") {
            continue;
        }
        let text = read(&path);
        for home in &homes {
            assert!(!text.contains(home.as_str()), "{} names {home}", path.display());
        }
    }
}

/// Proves R-OPS-1.
#[test]
fn nothing_starts_processes_or_steers_containers() {
    for path in files(&[".rs"]).into_iter().filter(|path| !is_test(path)) {
        let code = read(&path).split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        let name = path.display();
        // The load generator of the benchmarks starts what it measures, and the gateway may become itself anew.
        let becomes_itself = path.ends_with("src/arenas.rs") && code.contains("current_exe()") && code.matches(".exec()").count() == 1;
        let starts = if becomes_itself { [".spawn(", ".output(", ".status("].as_slice() } else { &["process::Command"] };
        let may = path.to_string_lossy().contains("/ir-sim/");
        assert!(may || !starts.iter().any(|start| code.contains(start)), "{name} starts processes");
        assert!(!code.contains("docker.sock") && !code.contains("containerd.sock"), "{name} speaks to containers");
    }
}

/// Proves R-OPS-2.
#[test]
fn the_container_holds_the_binary_and_nothing_to_misuse() {
    let image = read(&root().join("deploy/Dockerfile"));
    let last = image.rsplit("\nFROM ").next().unwrap_or_default();
    assert!(last.starts_with("gcr.io/distroless/"), "the last stage has a shell: {last}");
    assert!(!last.contains("\nRUN ") && last.contains("\nUSER 10001:10001"), "{last}");
    let compose = read(&root().join("deploy/docker-compose.yml"));
    for line in ["read_only: true", "cap_drop:\n      - ALL", "no-new-privileges:true"] {
        assert!(compose.contains(line), "docker-compose.yml lacks {line}");
    }
    assert!(!compose.contains("docker.sock") && !compose.contains("privileged: true"));
}

/// Proves R-SUP-2.
#[test]
fn dependencies_are_watched() {
    let deny = read(&root().join("deny.toml"));
    for banned in ["h2:<0.4.16", "rustls:<0.23.45", "rustls-webpki:<0.103.13", "idna:<1.0.0", "libwebp-sys"] {
        assert!(deny.contains(banned), "deny.toml no longer bans {banned}");
    }
    assert!(deny.contains(r#"unknown-registry = "deny""#) && deny.contains(r#"unknown-git = "deny""#));
    assert!(read(&root().join("Cargo.toml")).contains(r#"unsafe_code = "forbid""#));
    let makefile = read(&root().join("Makefile"));
    for target in ["\nsbom:", "\naudit:", "cargo deny --log-level error check bans licenses sources"] {
        assert!(makefile.contains(target), "the Makefile lacks {target}");
    }
}
