//! The kinds of files a form may take: what they are called, how browsers declare them, how their bytes begin.
//!
//! A kind that could run or be shown as a page is not here and so can never be allowed.

/// How the content of a kind is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Magic {
    /// One of these stands at the very beginning.
    Start(&'static [&'static [u8]]),
    /// The first at the beginning, the second at this offset.
    Both(&'static [u8], usize, &'static [u8]),
    /// An ISO base media file (`ftyp` at 4) of one of these brands.
    Brand(&'static [&'static [u8]]),
    /// A zip archive with an entry under this folder, beside the list of content types (ECMA-376).
    Ooxml(&'static [u8]),
    /// A zip archive whose first entry is a media type of Open Document (OASIS), by the end of its name.
    OpenDocument(&'static [u8]),
    /// Text: no NUL, nothing that a browser would show as a page.
    Text,
}

/// One kind of file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Word that allows it together with others.
    pub(super) group: &'static str,
    /// Endings of its names.
    pub(super) endings: &'static [&'static str],
    /// Media types that browsers declare for it, beside `application/octet-stream`.
    pub(super) types: &'static [&'static str],
    /// How its content begins.
    pub(super) magic: Magic,
}

const OLE: Magic = Magic::Start(&[b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]);
const ZIP: &[u8] = b"PK\x03\x04";

/// Every kind, by group.
pub(super) const KINDS: &[Kind] = &[
    kind("pdf", &["pdf"], &["application/pdf", "application/x-pdf"], Magic::Start(&[b"%PDF-"])),
    kind(
        "image",
        &["jpg", "jpeg", "jpe", "jfif"],
        &["image/jpeg", "image/jpg", "image/pjpeg"],
        Magic::Start(&[b"\xff\xd8\xff"]),
    ),
    kind("image", &["png"], &["image/png", "image/x-png"], Magic::Start(&[b"\x89PNG\r\n\x1a\n"])),
    kind("image", &["gif"], &["image/gif"], Magic::Start(&[b"GIF87a", b"GIF89a"])),
    kind("image", &["webp"], &["image/webp"], Magic::Both(b"RIFF", 8, b"WEBP")),
    kind("image", &["bmp"], &["image/bmp", "image/x-ms-bmp", "image/x-bmp"], Magic::Start(&[b"BM"])),
    kind("image", &["tif", "tiff"], &["image/tiff"], Magic::Start(&[b"II*\0", b"MM\0*"])),
    kind(
        "image",
        &["heic", "heif"],
        &["image/heic", "image/heif"],
        Magic::Brand(&[b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx"]),
    ),
    kind("image", &["avif"], &["image/avif"], Magic::Brand(&[b"avif", b"avis", b"mif1"])),
    kind("office", &["doc"], &["application/msword", "application/vnd.ms-word"], OLE),
    kind("office", &["xls"], &["application/vnd.ms-excel", "application/msexcel", "application/x-msexcel"], OLE),
    kind("office", &["ppt"], &["application/vnd.ms-powerpoint", "application/mspowerpoint"], OLE),
    kind(
        "office",
        &["docx"],
        &["application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/zip"],
        Magic::Ooxml(b"word/"),
    ),
    kind(
        "office",
        &["xlsx"],
        &["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/zip"],
        Magic::Ooxml(b"xl/"),
    ),
    kind(
        "office",
        &["pptx"],
        &["application/vnd.openxmlformats-officedocument.presentationml.presentation", "application/zip"],
        Magic::Ooxml(b"ppt/"),
    ),
    kind(
        "office",
        &["odt"],
        &["application/vnd.oasis.opendocument.text", "application/zip"],
        Magic::OpenDocument(b"text"),
    ),
    kind(
        "office",
        &["ods"],
        &["application/vnd.oasis.opendocument.spreadsheet", "application/zip"],
        Magic::OpenDocument(b"spreadsheet"),
    ),
    kind(
        "office",
        &["odp"],
        &["application/vnd.oasis.opendocument.presentation", "application/zip"],
        Magic::OpenDocument(b"presentation"),
    ),
    kind("office", &["rtf"], &["application/rtf", "text/rtf", "text/richtext"], Magic::Start(&[b"{\\rtf"])),
    kind("text", &["txt", "log", "md"], &["text/plain", "text/markdown", "text/x-markdown"], Magic::Text),
    kind(
        "text",
        &["csv", "tsv"],
        &["text/csv", "text/plain", "text/tab-separated-values", "application/csv", "application/vnd.ms-excel"],
        Magic::Text,
    ),
    kind(
        "text",
        &["vcf"],
        &["text/vcard", "text/x-vcard", "text/directory", "text/plain"],
        Magic::Start(&[b"BEGIN:VCARD"]),
    ),
    kind("text", &["ics"], &["text/calendar", "text/plain"], Magic::Start(&[b"BEGIN:VCALENDAR"])),
    kind(
        "archive",
        &["zip"],
        &["application/zip", "application/x-zip-compressed", "application/x-zip", "multipart/x-zip"],
        Magic::Start(&[ZIP, b"PK\x05\x06"]),
    ),
    kind("archive", &["7z"], &["application/x-7z-compressed"], Magic::Start(&[b"7z\xbc\xaf\x27\x1c"])),
    kind(
        "archive",
        &["rar"],
        &["application/vnd.rar", "application/x-rar-compressed", "application/x-rar"],
        Magic::Start(&[b"Rar!\x1a\x07"]),
    ),
    kind(
        "archive",
        &["gz", "tgz"],
        &["application/gzip", "application/x-gzip", "application/x-compressed"],
        Magic::Start(&[b"\x1f\x8b"]),
    ),
    kind(
        "drawing",
        &["dwg"],
        &["image/vnd.dwg", "application/acad", "application/x-dwg", "image/x-dwg"],
        Magic::Start(&[b"AC10"]),
    ),
    kind("drawing", &["dxf"], &["image/vnd.dxf", "application/dxf", "image/x-dxf", "text/plain"], Magic::Text),
    kind(
        "drawing",
        &["step", "stp"],
        &["model/step", "application/step", "application/stp", "text/plain"],
        Magic::Start(&[b"ISO-10303-21;"]),
    ),
    kind(
        "audio",
        &["mp3"],
        &["audio/mpeg", "audio/mp3"],
        Magic::Start(&[b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"]),
    ),
    kind("audio", &["wav"], &["audio/wav", "audio/x-wav", "audio/wave"], Magic::Both(b"RIFF", 8, b"WAVE")),
    kind("audio", &["ogg", "oga", "opus"], &["audio/ogg", "audio/opus", "application/ogg"], Magic::Start(&[b"OggS"])),
    kind(
        "audio",
        &["m4a"],
        &["audio/mp4", "audio/x-m4a", "audio/m4a"],
        Magic::Brand(&[b"M4A ", b"mp42", b"isom", b"iso2"]),
    ),
    kind(
        "video",
        &["mp4", "m4v"],
        &["video/mp4", "video/x-m4v"],
        Magic::Brand(&[
            b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV", b"3gp4", b"3gp5",
        ]),
    ),
    kind("video", &["mov"], &["video/quicktime"], Magic::Brand(&[b"qt  "])),
    kind("video", &["webm"], &["video/webm", "audio/webm"], Magic::Start(&[b"\x1a\x45\xdf\xa3"])),
];

const fn kind(
    group: &'static str,
    endings: &'static [&'static str],
    types: &'static [&'static str],
    magic: Magic,
) -> Kind {
    Kind { group, endings, types, magic }
}

/// Endings of what runs, installs or is opened by something that runs it.
pub(super) const RUNS: &[&str] = &[
    "exe",
    "dll",
    "com",
    "scr",
    "pif",
    "bat",
    "cmd",
    "msi",
    "msp",
    "mst",
    "cpl",
    "hta",
    "jar",
    "class",
    "js",
    "jse",
    "mjs",
    "cjs",
    "vb",
    "vbs",
    "vbe",
    "vbscript",
    "wsf",
    "wsh",
    "wsc",
    "ws",
    "ps1",
    "psm1",
    "psd1",
    "ps2",
    "psc1",
    "sh",
    "bash",
    "zsh",
    "csh",
    "ksh",
    "run",
    "bin",
    "elf",
    "so",
    "dylib",
    "app",
    "apk",
    "aab",
    "ipa",
    "deb",
    "rpm",
    "dmg",
    "pkg",
    "iso",
    "img",
    "vhd",
    "vhdx",
    "lnk",
    "url",
    "desktop",
    "reg",
    "inf",
    "scf",
    "sct",
    "gadget",
    "application",
    "appx",
    "msix",
    "appinstaller",
    "php",
    "php3",
    "php4",
    "php5",
    "php7",
    "phtml",
    "phar",
    "phps",
    "asp",
    "aspx",
    "ashx",
    "asmx",
    "cer",
    "jsp",
    "jspx",
    "cgi",
    "pl",
    "pm",
    "py",
    "pyc",
    "pyw",
    "pyz",
    "rb",
    "lua",
    "htaccess",
    "docm",
    "dotm",
    "xlsm",
    "xltm",
    "xlam",
    "xlsb",
    "xll",
    "pptm",
    "potm",
    "ppam",
    "ppsm",
    "sldm",
    "one",
    "chm",
    "hlp",
    "wasm",
    "swf",
    "settingcontent-ms",
    "library-ms",
    "iqy",
    "slk",
    "diagcab",
    "workflow",
    "command",
    "osx",
    "action",
    "out",
    "ocx",
    "sys",
    "drv",
    "efi",
    "vxd",
    "fon",
];

/// Endings of what a browser shows as a page or runs inside one.
pub(super) const PAGES: &[&str] = &[
    "html", "htm", "shtml", "xhtml", "xht", "mht", "mhtml", "svg", "svgz", "xml", "xsl", "xslt", "xbl", "rdf",
    "mathml", "htc", "htx", "stm", "swf", "eml",
];

/// Endings that hide a program or a page when another ending follows (`invoice.exe.pdf`). Words that stand between the
/// dots of honest names (`part.one.pdf`, `www.example.com.pdf`) are not among them.
pub(super) const HIDDEN: &[&str] = &[
    "exe", "scr", "pif", "bat", "cmd", "msi", "js", "jse", "vbs", "vbe", "wsf", "hta", "ps1", "sh", "jar", "lnk",
    "php", "php3", "php5", "php7", "phtml", "phar", "asp", "aspx", "jsp", "cgi", "html", "htm", "shtml", "svg",
    "xhtml", "docm", "xlsm", "pptm",
];
