//! How fast: printed, never asserted. `cargo test --release --test it reading::speed -- --ignored --nocapture`.

use std::time::Instant;

use super::{mail, understood};

#[test]
#[ignore = "a measurement, run it in release"]
fn mails_a_second_on_one_core() {
    let sentence = "Bonjour, nous souhaitons recevoir un devis pour trois pompes de type X200, livraison rapide.\r\n";
    let plain = format!(
        "From: Claire Moreau <claire@moreau.fr>\r\nTo: sales@ours.example\r\nSubject: Demande de devis\r\nDate: Mon, 3 Mar \
         2025 10:11:10 +0100\r\nMessage-ID: <m1@moreau.fr>\r\nIn-Reply-To: <x@ours.example>\r\nContent-Type: text/plain; \
         charset=utf-8\r\n\r\n{}-- \r\nClaire\r\nTél. 04 78 00 11 22\r\n",
        sentence.repeat(38)
    );
    let html = format!(
        "From: Claire Moreau <claire@moreau.fr>\r\nTo: sales@ours.example\r\nSubject: Demande\r\nMessage-ID: <m2@moreau.fr>\r\n\
         Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>\
         {}</body></html>\r\n--b--\r\n",
        format!("<p>{sentence}</p>").repeat(36)
    );
    for (label, raw) in [("plain", plain), ("html", html)] {
        let envelope = mail(raw.as_bytes());
        understood(&envelope);
        let start = Instant::now();
        let rounds = 2_000;
        for _ in 0..rounds {
            std::hint::black_box(understood(&envelope));
        }
        let each = start.elapsed() / rounds;
        println!("{label}: {} bytes, {each:?} a mail, {:.0} mails/s", raw.len(), 1.0 / each.as_secs_f64());
    }
}
