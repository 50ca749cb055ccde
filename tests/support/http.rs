//! A small HTTP/1.1 client and the reader both sides share: blocking, one connection per request, nothing hidden.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers by lower-case name; the last one wins.
    pub headers: BTreeMap<String, String>,
    /// Body, chunks joined.
    pub body: Vec<u8>,
}

impl Answer {
    /// Body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("not JSON ({e}): {}", self.text()))
    }

    /// A header by lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// A client of one server.
#[derive(Debug, Clone, Copy)]
pub struct Http {
    /// Where it connects to.
    pub addr: SocketAddr,
    /// For every read and write.
    pub timeout: Duration,
}

impl Http {
    /// With a time-out of 30 s.
    pub const fn to(addr: SocketAddr) -> Self {
        Self { addr, timeout: Duration::from_secs(30) }
    }

    /// GET.
    pub fn get(&self, path: &str) -> Result<Answer> {
        self.request("GET", path, &[], &[])
    }

    /// POST of an urlencoded form, asking for JSON.
    pub fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        self.post_form_with(path, fields, &[])
    }

    /// POST of an urlencoded form with further headers, asking for JSON.
    pub fn post_form_with(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Result<Answer> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut all = vec![("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        all.extend_from_slice(headers);
        self.request("POST", path, &all, body.as_bytes())
    }

    /// POST of any body.
    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Answer> {
        self.request("POST", path, &[("content-type", content_type), ("accept", "application/json")], body)
    }

    /// Any request. The answer to an over-long body is read even if the server stops reading.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        let mut stream = TcpStream::connect_timeout(&self.addr, self.timeout)?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.addr);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method != "GET" || !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        match read_answer(&mut BufReader::new(&stream)) {
            Ok(answer) => Ok(answer),
            Err(e) => sent.and(Err(e)),
        }
    }
}

/// One answer, whole.
pub fn read_answer(from: &mut impl BufRead) -> Result<Answer> {
    let (first, headers) = read_head(from)?;
    let status = first.split(' ').nth(1).and_then(|s| s.parse().ok());
    let status = status.ok_or_else(|| Error::new(ErrorKind::InvalidData, format!("no status in {first:?}")))?;
    let body = read_body(from, &headers, true)?;
    Ok(Answer { status, headers, body })
}

/// First line and headers (lower-case names).
pub fn read_head(from: &mut impl BufRead) -> Result<(String, BTreeMap<String, String>)> {
    let first = read_line(from)?;
    let mut headers = BTreeMap::new();
    loop {
        let line = read_line(from)?;
        if line.is_empty() {
            return Ok((first, headers));
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
}

fn read_line(from: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A body by Content-Length, in chunks, or (answers only) until the end of the connection.
pub fn read_body(from: &mut impl BufRead, headers: &BTreeMap<String, String>, to_end: bool) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    if headers.get("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = read_line(from)?;
            let size = u64::from_str_radix(size.split(';').next().unwrap_or("").trim(), 16);
            let size = size.map_err(|e| Error::new(ErrorKind::InvalidData, e))?;
            from.take(size).read_to_end(&mut body)?;
            read_line(from)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    if let Some(length) = headers.get("content-length").and_then(|v| v.parse().ok()) {
        from.take(length).read_to_end(&mut body)?;
    } else if to_end {
        from.read_to_end(&mut body)?;
    }
    Ok(body)
}
