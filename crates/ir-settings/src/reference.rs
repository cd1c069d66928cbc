//! The settings as a table for the documentation.

use crate::platforms::PLATFORMS;
use crate::table::{Def, all_defs};
use crate::value::allowed;

/// All settings as a Markdown document. Those of platforms are shown once, with `<Platform>` and
/// `<task>` in their paths.
pub fn reference_markdown() -> String {
    let mut out = String::from(
        "# Settings\n\n\
         A setting's value is taken from its environment variable; if that is not set, from `data/runtime-config.json`; if it is\n\
         not there, it is the default. Where the file has a secret, it is stored sealed. Lists are separated by commas in the\n\
         environment and are JSON arrays in the file.\n\n\
         Variables that are no settings: `IMG_ROUTER_DATA_DIR` (the data folder, `data`) and `IMG_ROUTER_SECRET_KEY` (the master\n\
         key for secrets at rest, at least 16 characters; not set: a key file is made in the data folder), and for\n\
         `rotate-master-key` `IMG_ROUTER_NEW_SECRET_KEY`.\n\n",
    );
    head(&mut out);
    for def in all_defs().iter().filter(|def| !def.path.starts_with("providers.")) {
        line(&mut out, &def.path, &def.env, def);
    }
    out.push_str("\n## Platforms\n\n");
    out.push_str(&format!("`<Platform>` is one of {}; `<task>` is `text`, `edit` or `blend`.\n", PLATFORMS.join(", ")));
    out.push_str("`DOUBAO_DEFAULT_COUNT` sets `n` for all tasks of Doubao.\n\n");
    head(&mut out);
    for def in all_defs() {
        let generic = |of: &str, stands_for: &str| def.path.strip_prefix(of).map(|rest| format!("{stands_for}.{rest}"));
        let upper = |path: &str| format!("IMG_ROUTER_PROVIDERS_<PLATFORM>_{}", variable(path));
        // One platform stands for all; the row that only Pollinations has is its own.
        if let Some(path) = generic("providers.Gitee.text.", "providers.<Platform>.<task>") {
            line(&mut out, &path, &upper(path.trim_start_matches("providers.<Platform>.")), def);
        } else if let Some(path) = def.path.strip_prefix("providers.Gitee.").filter(|rest| !rest.contains('.')) {
            line(&mut out, &format!("providers.<Platform>.{path}"), &upper(path), def);
        } else if def.path == "providers.Pollinations.api" {
            line(&mut out, &def.path, &def.env, def);
        }
    }
    out
}

fn variable(path: &str) -> String {
    match path.strip_prefix("<task>.") {
        Some(rest) => format!("<TASK>_{}", variable(rest)),
        None => crate::table::derived_env(path).trim_start_matches("IMG_ROUTER_").to_owned(),
    }
}

fn head(out: &mut String) {
    out.push_str("| setting | variable | value | default | meaning |\n| --- | --- | --- | --- | --- |\n");
}

fn line(out: &mut String, path: &str, env: &str, def: &Def) {
    let default = def.default.map_or_else(|| "–".to_owned(), |text| format!("`{text}`"));
    let cell = |text: &str| text.replace('|', "\\|");
    out.push_str(&format!("| `{path}` | `{env}` | {} | {default} | {} |\n", cell(&allowed(def.kind)), cell(def.doc)));
}
