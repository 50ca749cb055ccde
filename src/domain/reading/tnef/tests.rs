//! Wrapped mails as Outlook writes them, and damaged ones.

use super::*;

fn attribute_bytes(id: u32, data: &[u8]) -> Vec<u8> {
    let mut out = vec![1];
    out.extend(id.to_le_bytes());
    out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    out.extend(data);
    out.extend(data.iter().fold(0_u16, |sum, b| sum.wrapping_add(u16::from(*b))).to_le_bytes());
    out
}

fn sized(kind: u16, number: u16, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(kind.to_le_bytes());
    out.extend(number.to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

fn list(properties: &[Vec<u8>]) -> Vec<u8> {
    let mut out = u32::try_from(properties.len()).unwrap().to_le_bytes().to_vec();
    out.extend(properties.concat());
    out
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn stream(attributes: &[Vec<u8>]) -> Vec<u8> {
    [&SIGNATURE[..], &[1, 0], &attributes.concat()].concat()
}

#[test]
fn body_and_files_are_unwrapped() {
    let number = [&0x3_u16.to_le_bytes()[..], &0x1234_u16.to_le_bytes(), &[7, 0, 0, 0]].concat();
    let whole = stream(&[
        attribute_bytes(CODE_PAGE, &[0xe2, 0x04, 0, 0, 0, 0, 0, 0]),
        attribute_bytes(SUBJECT, b"Popt\xe1vka\0"),
        attribute_bytes(
            MESSAGE_PROPERTIES,
            &list(&[number, sized(0x1f, P_BODY, &utf16("Dobrý den,\r\nkolik stojí okna?"))]),
        ),
        attribute_bytes(FILE_BEGINS, &[1, 0]),
        attribute_bytes(FILE_TITLE, b"PLAN~1.PDF\0"),
        attribute_bytes(FILE_DATA, b"%PDF-1.4"),
        attribute_bytes(
            FILE_PROPERTIES,
            &list(&[sized(0x1f, P_LONG_NAME, &utf16("plán domu.pdf")), sized(0x1e, P_TYPE, b"Application/PDF\0")]),
        ),
    ]);
    let read = read(&whole).unwrap();
    assert_eq!(read.subject.as_deref(), Some("Poptávka"));
    assert_eq!(read.text.as_deref(), Some("Dobrý den,\r\nkolik stojí okna?"));
    let file = File { name: "plán domu.pdf".into(), media_type: "application/pdf".into(), size: 8, inline: false };
    assert_eq!(read.files, [file]);
    assert!(!read.damaged);
}

#[test]
fn a_message_among_the_files_is_read_and_no_deeper_than_it_may_lie() {
    let inner = |files: &[Vec<u8>]| {
        let own = list(&[
            sized(0x1f, P_SUBJECT, &utf16("Okna")),
            sized(0x1f, P_SENDER_NAME, &utf16("Eva Malá")),
            sized(0x1f, P_SENDER_SMTP, &utf16("eva@mala.cz")),
            sized(0x1f, P_BODY, &utf16("Kolik stojí?")),
        ]);
        stream(&[&[attribute_bytes(MESSAGE_PROPERTIES, &own)], files].concat())
    };
    let file = |message: &[u8]| {
        let data = [&[7; CLASS_ID][..], message].concat();
        vec![
            attribute_bytes(FILE_BEGINS, &[1, 0]),
            attribute_bytes(FILE_PROPERTIES, &list(&[sized(OBJECT, P_DATA, &data)])),
        ]
    };
    let read_whole = read(&stream(&file(&inner(&[])))).unwrap();
    let (place, message) = &read_whole.messages[0];
    assert_eq!((*place, message.text.as_deref()), (0, Some("Kolik stojí?")));
    assert_eq!(message.sender.address.as_deref(), Some("eva@mala.cz"));
    assert_eq!((read_whole.files[0].name.as_str(), read_whole.damaged), ("Okna", false));
    let mut deep = inner(&[]);
    for _ in 0..50 {
        deep = inner(&file(&deep));
    }
    let (mut at, mut levels) = (read(&deep), 0);
    while let Some(one) = at {
        levels += 1;
        at = one.messages.into_iter().next().map(|(_, inner)| inner);
    }
    assert_eq!(levels, DEPTH + 1);
}

#[test]
fn html_and_rtf_bodies_are_text() {
    let html =
        stream(&[attribute_bytes(MESSAGE_PROPERTIES, &list(&[sized(0x102, P_HTML, b"<p>Hello <b>you</b></p>")]))]);
    assert_eq!(read(&html).unwrap().text.unwrap().trim(), "Hello you");
    let raw = b"{\\rtf1\\ansi Hello\\par you}";
    let mut rtf = u32::try_from(raw.len() + 12).unwrap().to_le_bytes().to_vec();
    rtf.extend(u32::try_from(raw.len()).unwrap().to_le_bytes());
    rtf.extend(b"MELA\0\0\0\0");
    rtf.extend(raw);
    let wrapped = stream(&[attribute_bytes(MESSAGE_PROPERTIES, &list(&[sized(0x102, P_RTF, &rtf)]))]);
    assert_eq!(read(&wrapped).unwrap().text.unwrap().trim(), "Hello\nyou");
}

#[test]
fn any_damage_ends_the_reading_and_keeps_what_was_found() {
    let whole = stream(&[attribute_bytes(SUBJECT, b"Hello\0"), attribute_bytes(BODY, b"words")]);
    for end in 0..whole.len() {
        let mut bent = whole.clone();
        bent[end] ^= 0xff;
        for damaged in [read(&whole[..end]), read(&bent)].into_iter().flatten() {
            assert!(damaged.text.is_none_or(|text| text.len() <= whole.len()));
        }
    }
    let cut = read(&whole[..whole.len() - 5]).unwrap();
    assert_eq!((cut.subject.as_deref(), cut.damaged), (Some("Hello"), true));
    let lie = stream(&[attribute_bytes(MESSAGE_PROPERTIES, &[0xff; 64])]);
    assert_eq!(read(&lie).unwrap().text, None);
    assert_eq!(read(b"PK\x03\x04"), None);
}
