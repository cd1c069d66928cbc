use super::*;
use proptest::prelude::*;

const PNG: &str = "data:image/png;base64,iVBORw0KGgo=";

/// Scans `text` cut at `cuts`: what is left, and the targets.
fn scan(text: &str, cuts: &[usize], targets: Targets) -> (String, Vec<String>) {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    ends.push(text.len());
    ends.sort_unstable();
    let mut scanner = Scanner::new(targets);
    let (mut left, mut found, mut at) = (Vec::new(), Vec::<Vec<u8>>::new(), 0);
    for end in ends {
        loop {
            let (n, what) = scanner.step(&text.as_bytes()[at..end]);
            assert!(scanner.held.len() <= MAX_HELD + 1);
            at += n;
            match what {
                Found::More => break,
                Found::Text(run) => {
                    assert_eq!(run.len(), n);
                    left.extend_from_slice(run);
                }
                Found::Held(held) => left.extend_from_slice(&held),
                Found::Begin { held, target } => found.push(held[target..].to_vec()),
                Found::Data(run) => {
                    assert_eq!(run.len(), n);
                    found.last_mut().unwrap().extend_from_slice(run);
                }
                Found::End => {}
            }
        }
        assert_eq!(at, end);
    }
    left.extend_from_slice(&scanner.finish());
    (String::from_utf8(left).unwrap(), found.into_iter().map(|target| String::from_utf8(target).unwrap()).collect())
}

fn data(uri: &str) -> MarkdownPicture {
    MarkdownPicture::DataUri(uri.to_owned())
}

fn url(url: &str) -> MarkdownPicture {
    MarkdownPicture::Url(url.to_owned())
}

#[test]
fn pictures_leave_the_text() {
    for (text, left, pictures) in [
        (format!("a ![alt]({PNG}) b"), "a  b", vec![data(PNG)]),
        (format!("![]({PNG})![]({PNG})"), "", vec![data(PNG), data(PNG)]),
        (format!("![中文]({PNG} \"title\")。"), "。", vec![data(PNG)]),
        (format!("![a](<{PNG}>)"), "", vec![data(PNG)]),
        (format!("![a [nested] b]({PNG})"), "", vec![data(PNG)]),
        (format!("![a \\] b]({PNG})"), "", vec![data(PNG)]),
        (format!("[![thumb]({PNG})](https://example.com)"), "[](https://example.com)", vec![data(PNG)]),
        (format!("![![a]({PNG})]({PNG})"), "![](data:image/png;base64,iVBORw0KGgo=)", vec![data(PNG)]),
        (format!("!![a]({PNG})"), "!", vec![data(PNG)]),
        ("![a](https://example.com/x.png)".into(), "", vec![url("https://example.com/x.png")]),
        ("![a](http://e.com/x_(1).png \"t\") b".into(), " b", vec![url("http://e.com/x_(1).png")]),
        ("![a](HTTPS://e.com/x)".into(), "", vec![url("HTTPS://e.com/x")]),
    ] {
        assert_eq!(take_pictures(&text), (left.to_owned(), pictures), "{text}");
    }
}

#[test]
fn what_is_no_picture_stays() {
    for text in [
        "",
        "no picture!",
        "![",
        "![alt",
        "![alt]",
        "![alt] (https://e.com)",
        "[alt](https://e.com)",
        "![alt](ftp://e.com)",
        "![alt](javascript:alert(1))",
        "![alt](data:text/html;base64,QUJD)",
        "![alt](data:image/svg+xml,<svg/>)",
        "![alt](data:image/png;base64;base64,QUJD)",
        "![alt](data:image/png;base64,QUJD",
        "![alt](https://e.com/never-closed and so on",
        "![alt](data:image/png;base64 ,QUJD)",
        "!中文![中文](",
    ] {
        assert_eq!(take_pictures(text), (text.to_owned(), Vec::new()), "{text}");
    }
    let long = format!("![{}](https://e.com/x)", "a".repeat(MAX_HELD));
    assert_eq!(take_pictures(&long), (long.clone(), Vec::new()));
}

#[test]
fn the_same_wherever_it_is_cut() {
    let text = format!("a ![x [y] \\] z]({PNG} \"t\") 中 ![![ !]( ![b](<data:IMAGE/gif;BASE64,R0lGODlh>)![c](https://e.com) !");
    for targets in [Targets::Data, Targets::DataAndUrls] {
        let whole = scan(&text, &[], targets);
        assert_eq!(whole.1.len(), if targets == Targets::Data { 2 } else { 3 });
        for cut in 0..text.len() {
            assert_eq!(scan(&text, &[cut], targets), whole, "cut at {cut}");
        }
        let all: Vec<usize> = (0..text.len()).collect();
        assert_eq!(scan(&text, &all, targets), whole);
    }
}

proptest! {
    #[test]
    fn any_text_is_scanned_alike_in_pieces(
        text in "(!|\\[|\\]|\\(|\\)|\\\\|<|>| |\"|a|中|data:image/png;base64,|https://e\\.com|QUJD){0,40}",
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        prop_assert_eq!(scan(&text, &cuts, Targets::DataAndUrls), scan(&text, &[], Targets::DataAndUrls));
        let (left, pictures) = take_pictures(&text);
        if pictures.is_empty() {
            prop_assert_eq!(left, text);
        }
    }
}

/// Proves R-DOS-5.
#[test]
fn linear_in_hostile_texts() {
    for begin in ["![](", "![", "!", "![]", "![a](data:image/", "![[", "![](http", "![\\"] {
        let text = begin.repeat((1 << 20) / begin.len());
        let mut scanner = Scanner::new(Targets::DataAndUrls);
        let (mut at, mut steps) = (0, 0);
        loop {
            let (n, found) = scanner.step(&text.as_bytes()[at..]);
            at += n;
            steps += 1;
            if found == Found::More {
                break;
            }
        }
        assert!(steps <= text.len() + 1, "{begin}: {steps} steps for {} bytes", text.len());
        assert_eq!(take_pictures(&text).0, text);
    }
}
