//! AWS Signature Version 4 in headers (Amazon S3 API reference, "Authenticating requests: using the
//! authorization header"). The body's SHA-256 is always signed.

use hmac::{Hmac, Mac};
use ir_model::{Secret, Timestamp, hex};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use url::Url;

/// A request without a query, to be signed.
pub(super) struct Signature<'a> {
    pub(super) method: &'a str,
    /// Its path is encoded as `encode_path` does.
    pub(super) url: &'a Url,
    /// Of the body, in lower-case hexadecimal digits.
    pub(super) sha256: &'a str,
    pub(super) now: Timestamp,
    pub(super) region: &'a str,
    pub(super) access_key: &'a str,
    pub(super) secret_key: &'a Secret,
}

impl Signature<'_> {
    /// The headers that make the request a signed one.
    pub(super) fn headers(&self) -> [(&'static str, String); 3] {
        let (year, month, day, hour, minute, second) = self.now.civil();
        let date = format!("{year:04}{month:02}{day:02}");
        let time = format!("{date}T{hour:02}{minute:02}{second:02}Z");
        let authorization = self.authorization(&date, &time, &[]);
        [("x-amz-date", time), ("x-amz-content-sha256", self.sha256.to_owned()), ("authorization", authorization)]
    }

    /// `more`: further headers to sign, their names in lower case.
    fn authorization(&self, date: &str, time: &str, more: &[(&str, &str)]) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let host = self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let mut headers = vec![("host", host.as_str()), ("x-amz-content-sha256", self.sha256), ("x-amz-date", time)];
        headers.extend_from_slice(more);
        headers.sort_unstable();
        let signed = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let mut canonical = format!("{}\n{}\n\n", self.method, self.url.path());
        for (name, value) in &headers {
            writeln!(canonical, "{name}:{value}").expect("invariant: writing to a text cannot fail");
        }
        write!(canonical, "\n{signed}\n{}", self.sha256).expect("invariant: writing to a text cannot fail");
        let scope = format!("{date}/{}/s3/aws4_request", self.region);
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        let mut key = mac(format!("AWS4{}", self.secret_key.expose()).as_bytes(), date);
        for part in [self.region, "s3", "aws4_request"] {
            key = mac(&key, part);
        }
        let signature = hex(&mac(&key, &text));
        format!("AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={signed},Signature={signature}", self.access_key)
    }
}

fn mac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("invariant: HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

/// A key as a path: everything but letters, digits, `-._~` and `/` in percents ("UriEncode").
pub(super) fn encode_path(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("invariant: writing to a text cannot fail");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn sign(method: &str, url: &str, sha256: &str, more: &[(&str, &str)]) -> String {
        let signature = Signature {
            method,
            url: &Url::parse(url).unwrap(),
            sha256,
            now: Timestamp(1_369_353_600_000),
            region: "us-east-1",
            access_key: "AKIAIOSFODNN7EXAMPLE",
            secret_key: &Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        };
        signature.authorization("20130524", "20130524T000000Z", more)
    }

    /// The examples of Amazon's page "Signature calculations for the authorization header:
    /// transferring payload in a single chunk".
    #[test]
    fn signs_as_amazon_publishes() {
        assert_eq!(
            sign("GET", "https://examplebucket.s3.amazonaws.com/test.txt", EMPTY, &[("range", "bytes=0-9")]),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let put = sign(
            "PUT",
            &format!("https://examplebucket.s3.amazonaws.com/{}", encode_path("test$file.text")),
            "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            &[("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
        );
        assert!(put.ends_with("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"), "{put}");
    }

    #[test]
    fn the_headers_carry_the_time_of_the_clock() {
        let secret = Secret::new("secret");
        let url = Url::parse("http://127.0.0.1:9000/bucket/a%20b.png").unwrap();
        let signature = Signature {
            method: "PUT",
            url: &url,
            sha256: EMPTY,
            now: Timestamp(1_795_388_038_000),
            region: "auto",
            access_key: "id",
            secret_key: &secret,
        };
        let [date, hash, authorization] = signature.headers();
        assert_eq!(date, ("x-amz-date", "20261122T225358Z".to_owned()));
        assert_eq!(hash.1, EMPTY);
        assert!(authorization.1.starts_with("AWS4-HMAC-SHA256 Credential=id/20261122/auto/s3/aws4_request,SignedHeaders=host;"));
        assert!(!authorization.1.contains("secret"));
    }

    #[test]
    fn keys_are_encoded_once() {
        assert_eq!(encode_path("a/b c+%.png"), "a/b%20c%2B%25.png");
        assert_eq!(encode_path("图.png"), "%E5%9B%BE.png");
    }
}
