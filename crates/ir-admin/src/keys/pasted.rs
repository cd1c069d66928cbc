//! Keys as they are pasted: one a line, or separated by commas (also full-width ones), or the first
//! column of a CSV file. Lines that begin with `#` are comments.

use std::collections::HashSet;

/// Most keys of one paste.
pub(super) const MOST: usize = 10_000;

/// How a text is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// CSV if the first line is a heading that names a key, else text.
    #[default]
    Auto,
    /// A key in the column `key` (else the first), its name in the column `name`.
    Csv,
    /// Lines and commas.
    Text,
}

/// One key of a paste.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pasted {
    pub(super) key: String,
    pub(super) name: String,
    /// Whether it could be a key at all.
    pub(super) good: bool,
}

/// The keys of a text, each once, in their order.
pub(super) fn read(text: &str, format: Format) -> Vec<Pasted> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
    let heading = lines.peek().map(|line| cells(line)).unwrap_or_default();
    let column = |name: &str| heading.iter().position(|cell| cell.eq_ignore_ascii_case(name));
    let key_column = column("key").or_else(|| column("apikey")).or_else(|| column("api_key"));
    let csv = match format {
        Format::Csv => true,
        Format::Text => false,
        Format::Auto => key_column.is_some(),
    };
    let mut out = Vec::new();
    let mut seen = HashSet::new();
    let mut add = |key: &str, name: &str| {
        if !key.is_empty() && out.len() < MOST && seen.insert(key.to_owned()) {
            let good = (8..=512).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
            out.push(Pasted { key: key.to_owned(), name: name.to_owned(), good });
        }
    };
    if csv {
        let name_column = column("name");
        if key_column.is_some() {
            lines.next();
        }
        for line in lines {
            let cells = cells(line);
            let cell = |at: usize| cells.get(at).map(String::as_str).unwrap_or_default();
            add(cell(key_column.unwrap_or(0)), name_column.map(cell).unwrap_or_default());
        }
    } else {
        for line in lines {
            line.split([',', '，']).map(str::trim).for_each(|key| add(key, ""));
        }
    }
    out
}

/// The cells of a CSV line; quotes around a cell are dropped.
fn cells(line: &str) -> Vec<String> {
    line.split([',', '，', ';', '\t']).map(|cell| cell.trim().trim_matches('"').to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str, format: Format) -> Vec<String> {
        read(text, format)
            .into_iter()
            .map(|pasted| format!("{}{}{}", pasted.key, if pasted.good { "" } else { "!" }, pasted.name))
            .collect()
    }

    #[test]
    fn lines_commas_and_comments() {
        let text = "# mine\nsk-aaaaaaaa, sk-bbbbbbbb，sk-cccccccc\r\n\n sk-aaaaaaaa \nshort\nsk-with blank";
        assert_eq!(keys(text, Format::Auto), ["sk-aaaaaaaa", "sk-bbbbbbbb", "sk-cccccccc", "short!", "sk-with blank!"]);
    }

    #[test]
    fn tables() {
        let text = "Name,Key,Note\nhome,\"sk-aaaaaaaa\",x\n,sk-bbbbbbbb";
        assert_eq!(keys(text, Format::Auto), ["sk-aaaaaaaahome", "sk-bbbbbbbb"]);
        assert_eq!(keys("sk-aaaaaaaa;home\nsk-bbbbbbbb;work", Format::Csv), ["sk-aaaaaaaa", "sk-bbbbbbbb"]);
    }

    #[test]
    fn a_paste_is_bounded() {
        let text: String = (0..MOST + 5).map(|n| format!("sk-number-{n}\n")).collect();
        assert_eq!(read(&text, Format::Text).len(), MOST);
    }
}
