use super::*;
use Refusal::{Characters, HostName, Length, Port, ReservedName, Scheme, Unreadable, UserInfo};

/// What a caller's address comes to under the default rules; `None`: any address refusal.
fn judge(text: &str, rules: &Rules) -> Result<String, Refusal> {
    let url = parse_url(text)?;
    let to = judge_url(&url, Purpose::UserUrl, rules)?;
    Ok(format!("{}:{}", to.host, to.port))
}

/// The table of `07-security.md`, rule 3: texts that lead to this machine, and how they are refused.
#[test]
fn texts_that_parsers_read_differently() {
    let address: &[&str] = &[
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://017700000001/",
        "http://0x/",
        "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
        "http://%31%32%37.0.0.1/",
        "http://127.0.0.1./",
        "http:127.0.0.1/",
        "http:///127.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:0.0.0.0]/",
        "http://[::]/",
        "http://0.0.0.0/",
        "http://[64:ff9b::7f00:1]/",
        "http://[::ffff:0:7f00:1]/",
        "http://[fe80::1]/",
        "http://192.168.1.1/",
    ];
    for text in address {
        let refusal = judge(text, &Rules::default()).expect_err(text);
        assert!(matches!(refusal, Refusal::Address(_)), "{text}: {refusal:?}");
    }
    let named: &[(&str, Refusal)] = &[
        ("http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", ReservedName),
        ("http://local\u{ad}host/", ReservedName),
        ("http://%6c%6f%63alhost/", ReservedName),
        ("http://localhost/", ReservedName),
        ("http://a.localhost/", ReservedName),
        ("http://localhost./", HostName),
        ("http://printer.local/", ReservedName),
        ("http://metadata.google.internal/", ReservedName),
        ("http://x.home.arpa/", ReservedName),
        ("http://x.lan/", ReservedName),
        ("http://x.corp/", ReservedName),
        ("http://x.onion/", ReservedName),
        ("http://x.default.svc/", ReservedName),
        ("http://x.default.svc.cluster.local/", ReservedName),
        ("http://intranet/", HostName),
        ("http://a.b..c/", HostName),
        ("http://example.com./", HostName),
        ("http:/\\127.0.0.1/", Characters),
        ("http://127.0.0.1\\@example.com/", Characters),
        ("http://example.com\\@127.0.0.1/", Characters),
        (" http://example.com/", Characters),
        ("http://example.com/ ", Characters),
        ("http://exam\tple.com/", Characters),
        ("http://example.com/\n", Characters),
        ("\rhttp://example.com/", Characters),
        ("http://example.com/\0", Characters),
        ("gopher://127.0.0.1:6379/", Scheme),
        ("file:///etc/passwd", Scheme),
        ("ftp://example.com/a.png", Scheme),
        ("data:image/png;base64,AAAA", Scheme),
        ("javascript:alert(1)", Scheme),
        ("http://user@example.com/", UserInfo),
        ("http://user:pass@example.com/", UserInfo),
        ("http://:pass@example.com/", UserInfo),
        ("http://example.com:0/", Port),
        ("http://example.com:8080/", Port),
        ("https://example.com:22/", Port),
        ("http://example.com:99999/", Unreadable),
        ("http://[::1]./", Unreadable),
        ("http://[fe80::1%25eth0]/", Unreadable),
        ("http://", Unreadable),
        ("//example.com/", Unreadable),
        ("example.com", Unreadable),
        ("", Length),
    ];
    for (text, refusal) in named {
        assert_eq!(judge(text, &Rules::default()), Err(*refusal), "{text:?}");
    }
    assert_eq!(judge(&format!("http://example.com/{}", "a".repeat(2048)), &Rules::default()), Err(Length));
}

#[test]
fn odd_texts_that_are_public_after_all() {
    for (text, to) in [
        ("http://0127.0.0.1/", "87.0.0.1:80"),
        ("https://EXAMPLE.com/a.png?x=1#f", "example.com:443"),
        ("http://example.com:443/", "example.com:443"),
        ("https://bücher.example/", "xn--bcher-kva.example:443"),
        ("http://mylocalhost.com/", "mylocalhost.com:80"),
        ("http://notlocal/./../@", "HostName"),
        ("http://[2606:4700::1111]/", "[2606:4700::1111]:80"),
        ("http://-a.com/", "-a.com:80"),
    ] {
        match judge(text, &Rules::default()) {
            Ok(got) => assert_eq!(got, to, "{text}"),
            Err(refusal) => assert_eq!(format!("{refusal:?}"), to, "{text}"),
        }
    }
}

#[test]
fn decisions_do_not_change_when_an_address_is_written_anew() {
    for text in ["http://127.1/", "http://0127.0.0.1/", "https://bücher.example/", "http://%6c%6f%63alhost/", "http://example.com:8080/"] {
        let again = parse_url(text).unwrap().to_string();
        assert_eq!(judge(text, &Rules::default()), judge(&again, &Rules::default()), "{text}");
    }
}

#[test]
fn metadata_is_refused_even_if_listed() {
    for host in ["169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "[fd00:ec2::254]", "[::ffff:169.254.169.254]"] {
        let rules = Rules { allow_private: vec![crate::AllowEntry::new(host, 80).unwrap()], ..Rules::default() };
        for purpose in [Purpose::Provider, Purpose::UserUrl, Purpose::Storage, Purpose::Admin] {
            let url = Url::parse(&format!("http://{host}/")).unwrap();
            assert!(matches!(judge_url(&url, purpose, &rules), Err(Refusal::Metadata(_))), "{host} {}", purpose.name());
        }
    }
}

#[test]
fn listing_is_by_host_and_port() {
    let listed = ["127.0.0.1:9000", "ollama:11434", "LOCALHOST:8080", "[::1]:9000", "images.example.com:8443"];
    let allow_private = listed.iter().map(|text| crate::AllowEntry::parse(text).unwrap()).collect();
    let rules = Rules { allow_private, ..Rules::default() };
    for (text, allowed) in [
        ("http://127.0.0.1:9000/", true),
        ("http://127.1:9000/", true),
        ("http://127.0.0.1:9001/", false),
        ("http://127.0.0.2:9000/", false),
        ("http://[::ffff:127.0.0.1]:9000/", false),
        ("http://ollama:11434/", true),
        ("http://ollama/", false),
        ("http://localhost:8080/", true),
        ("http://localhost:9000/", false),
        ("http://[::1]:9000/", true),
        ("https://images.example.com:8443/", true),
        ("https://images.example.com:8444/", false),
        ("https://user@images.example.com:8443/", false),
    ] {
        assert_eq!(judge(text, &rules).is_ok(), allowed, "{text}");
    }
}

#[test]
fn configured_addresses_may_have_any_port_and_name() {
    for (text, allowed) in [
        ("https://api.example.com:8443/v1", true),
        ("http://comfy:8188/", true),
        ("http://localhost:8188/", true),
        ("http://127.0.0.1:8188/", false),
        ("http://10.0.0.1/", false),
        ("http://user:pass@api.example.com/", false),
        ("ftp://api.example.com/", false),
        ("http://a..b/", false),
    ] {
        let url = Url::parse(text).unwrap();
        assert_eq!(judge_url(&url, Purpose::Provider, &Rules::default()).is_ok(), allowed, "{text}");
    }
}

#[test]
fn entries_that_cannot_be() {
    for text in ["", "host", ":80", "host:0", "host:99999", "a b:80", "host:-1", "http://host:80"] {
        assert!(crate::AllowEntry::parse(text).is_err(), "{text:?}");
    }
    assert_eq!(crate::AllowEntry::new("::1", 80).unwrap(), crate::AllowEntry::parse("[::1]:80").unwrap());
}

#[test]
fn redirects_are_parsed_like_addresses() {
    let https = Url::parse("https://example.com/a/b").unwrap();
    let http = Url::parse("http://example.com/a/b").unwrap();
    assert_eq!(parse_location(&https, "../c?x").unwrap().as_str(), "https://example.com/c?x");
    assert_eq!(parse_location(&https, "//other.example/c").unwrap().as_str(), "https://other.example/c");
    assert_eq!(parse_location(&http, "https://example.com/").unwrap().scheme(), "https");
    assert_eq!(parse_location(&https, "http://example.com/"), Err(Refusal::Downgrade));
    assert_eq!(parse_location(&http, "\\\\127.0.0.1\\c"), Err(Characters));
    assert_eq!(parse_location(&http, "file:///etc/passwd"), Err(Scheme));
    assert_eq!(parse_location(&http, ""), Err(Length));
}
