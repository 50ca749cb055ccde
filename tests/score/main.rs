//! `cargo run --release --example score -- mail <folder>`: how well mails are read, set by set, as a table.
//! `cargo run --release --example score -- matching <folder>`: how well people and organisations are told apart by the
//! scorer alone, without an index; `pisteur match eval` does the same through the production path.
//! `cargo run --release --example score -- people [NUMBER]`: so many made contacts and five times as many arrivals, by how
//! they were changed, through the production path; with the weights of the start and with fitted ones.
//!
//! The sets lie outside the project, with their truth. Nothing here is asserted: it prints. The seeds of what is made come
//! from `SEED`, 1 without it.
#![expect(clippy::expect_used, reason = "a measurement fails by panicking")]
#![expect(clippy::indexing_slicing, clippy::cast_precision_loss, reason = "figures for people")]

#[path = "../generated/mod.rs"]
mod generated;
mod made;
mod matching;
mod people;
mod screening;
#[path = "sets.rs"]
mod sets;

use std::path::PathBuf;

use sets::{forwards, machines, replies, signatures};

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|a| a != "-v");
    let verbose = std::env::args().any(|a| a == "-v");
    let (what, folder) = (arguments.next(), arguments.next());
    if what.as_deref() == Some("people") {
        return people::score(folder.and_then(|number| number.parse().ok()).unwrap_or(2_000), verbose);
    }
    let (Some("mail" | "matching"), Some(folder)) = (what.as_deref(), folder) else {
        eprintln!(
            "usage: score mail|matching FOLDER [-v], score people [NUMBER] [-v]\n\nFOLDER holds the sets, such as crisp-forward and talon, or febrl1; -v lists what is wrong"
        );
        std::process::exit(2);
    };
    let folder = PathBuf::from(folder);
    if what.as_deref() == Some("matching") {
        return matching::score(&folder, verbose);
    }
    println!("set                        measure                                        figure");
    println!("-------------------------- ---------------------------------------------- -----------------");
    for row in forwards::score(&folder, verbose)
        .into_iter()
        .chain(replies::score(&folder, verbose))
        .chain(signatures::score(&folder, verbose))
        .chain(machines::score(&folder, verbose))
        .chain(screening::score(&folder, verbose))
        .chain(made::score(&folder, verbose))
    {
        println!("{:<26} {:<46} {}", row.set, row.measure, row.figure);
    }
}
