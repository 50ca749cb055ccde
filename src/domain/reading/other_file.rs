//! Files that are no mail, or several: what somebody moves into the inbox by mistake.

use memchr::memmem;

/// Bytes of a separator line and of the header line below it that are looked at.
const LOOKED_AT: usize = 400;

/// What the bytes are instead of a mail, in words, with what to do.
pub(super) fn other_file(raw: &[u8]) -> Option<&'static str> {
    const KINDS: [(&[u8], &str); 6] = [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Outlook file (.msg); save the mail as .eml and send that"),
        (b"%PDF-", "a PDF; attach it to a mail"),
        (b"PK\x03\x04", "an archive or an Office document; take the mail out of it, or attach it to one"),
        (b"\x89PNG\r\n", "a picture; attach it to a mail"),
        (b"\xff\xd8\xff", "a picture; attach it to a mail"),
        (b"!BDN", "an Outlook data file (.pst); export its mails as .eml and send those"),
    ];
    KINDS.iter().find(|(magic, _)| raw.starts_with(magic)).map(|(_, words)| *words)
}

/// Whether the bytes are a mailbox file (RFC 4155) of more than one message.
pub(super) fn is_mailbox(raw: &[u8]) -> bool {
    if !raw.starts_with(b"From ") {
        return false;
    }
    let separators = memmem::find_iter(raw, b"\nFrom ").filter(|&at| {
        let above = raw.get(..at).unwrap_or_default();
        above.ends_with(b"\n") || above.ends_with(b"\n\r")
    });
    separators.take(100).any(|at| {
        let rest = raw.get(at + 1..).unwrap_or_default();
        let rest = rest.get(..LOOKED_AT).unwrap_or(rest);
        let mut lines = rest.split(|b| *b == b'\n');
        let dated = lines.next().is_some_and(|line| line.iter().filter(|b| b.is_ascii_digit()).count() >= 8);
        let named = |line: &[u8]| {
            let name = line.split(|b| *b == b':').next().unwrap_or_default();
            name.len() < line.len() && !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
        };
        dated && lines.next().is_some_and(named)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_mail_are_known_by_their_first_bytes() {
        assert!(other_file(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 x").is_some_and(|words| words.contains(".msg")));
        assert!(other_file(b"%PDF-1.7").is_some());
        assert!(other_file(b"From: a@b.example\n\nPK").is_none());
    }

    #[test]
    fn a_mailbox_of_several_messages_is_told_from_one() {
        let one = "From a@b.example Mon Nov 16 10:00:00 2026\nFrom: a@b.example\n\nHello\n";
        assert!(is_mailbox(format!("{one}\n{one}").as_bytes()));
        assert!(is_mailbox(format!("{one}\n{one}").replace('\n', "\r\n").as_bytes()));
        for single in
            [one.to_owned(), format!("{one}\nFrom Monday 2026-11-16 on:\nplease"), format!("From: x\n\n{one}")]
        {
            assert!(!is_mailbox(single.as_bytes()), "{single}");
        }
    }
}
