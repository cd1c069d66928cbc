//! Beginnings of files that are no picture for the gateway, recognisable by their first bytes.

/// The file of this name.
pub(super) fn beginning(name: &str) -> Option<Vec<u8>> {
    const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"8\" height=\"8\">";
    let text = |text: &str| Some(text.as_bytes().to_vec());
    let head = |bytes: &[u8]| Some([bytes, &[0; 64]].concat());
    match name {
        "tiff" => head(b"II*\0\x08\0\0\0"),
        "tiff-motorola" => head(b"MM\0*\0\0\0\x08"),
        "bmp" => head(b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"),
        "ico" => head(b"\0\0\x01\0\x01\0\x10\x10"),
        "psd" => head(b"8BPS\0\x01\0\0\0\0\0\0\0\x03"),
        "exr" => head(b"\x76\x2f\x31\x01\x02\0\0\0"),
        "avif" => head(b"\0\0\0\x20ftypavif\0\0\0\0avifmif1"),
        "heic" => head(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
        "mp4" => head(b"\0\0\0\x18ftypisom\0\0\x02\0isommp42"),
        "zip" => head(b"PK\x03\x04\x14\0\0\0\x08\0"),
        "svgz" => head(b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
        "pdf" => text("%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF"),
        "ps" => text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage"),
        "mvg" => text("push graphic-context\nviewbox 0 0 640 480\nfill 'url(https://example.com/x.png\"|id\")'\npop graphic-context"),
        "msl" => text("<?xml version=\"1.0\"?><image><read filename=\"/etc/passwd\"/><write filename=\"x.png\"/></image>"),
        "msl-bare" => text("<image><read filename=\"/etc/passwd\"/><write filename=\"x.png\"/></image>"),
        "svg" => Some(format!("{SVG}<rect width=\"8\" height=\"8\"/></svg>").into_bytes()),
        "svg-script" => Some(format!("{SVG}<script>alert(1)</script></svg>").into_bytes()),
        "xml-bomb" => text(
            "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]><svg>&c;</svg>",
        ),
        "html" => text("<!DOCTYPE html><html><body><script>alert(document.domain)</script></body></html>"),
        _ => None,
    }
}
