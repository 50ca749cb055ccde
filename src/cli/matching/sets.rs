//! Labelled records from CSV files.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use anyhow::Context as _;

use crate::domain::enquiry::email::EmailAddress;
use crate::domain::enquiry::{Address, Enquiry, phone};
use crate::domain::matching::profile::Fact;
use crate::pipeline::trial::Labelled;

/// The word for the column with a record's id.
const ID: &str = "id";
/// The column of the truth that says which records are one.
const CLUSTER: &str = "cluster";

/// What the columns mean.
struct Columns {
    id: String,
    facts: BTreeMap<String, Fact>,
}

/// Reads records and their truth.
///
/// # Errors
/// When a file cannot be read, a column is missing, an id is there twice, or the truth names an id that is not there.
pub(super) fn read(left: &Path, right: Option<&Path>, truth: &Path, map: &Path) -> anyhow::Result<Labelled> {
    let columns = columns(map)?;
    let mut labelled = Labelled::default();
    let mut ids: [HashMap<String, usize>; 2] = Default::default();
    for (file, (path, ids)) in [Some(left), right].into_iter().flatten().zip(&mut ids).enumerate() {
        records(path, &columns, file, &mut labelled, ids)?;
    }
    let [left, right] = &ids;
    labelled.truth = pairs(truth, left, if right.is_empty() { left } else { right }, &columns.id)
        .with_context(|| format!("{}", truth.display()))?;
    Ok(labelled)
}

fn columns(path: &Path) -> anyhow::Result<Columns> {
    let told = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(told)?;
    let map: BTreeMap<String, String> = toml::from_str(&text).with_context(told)?;
    let mut id = None;
    let mut facts = BTreeMap::new();
    for (column, field) in map {
        if field == ID {
            id = Some(column);
            continue;
        }
        let fact = Fact::parse(&field).with_context(|| {
            let fields: Vec<&str> = Fact::ALL.iter().map(|(name, _)| *name).collect();
            format!("{}: {column}: \"{field}\" is no field; choose of id, {}", path.display(), fields.join(", "))
        })?;
        facts.insert(column, fact);
    }
    let id = id.with_context(|| format!("{}: no column is the id; write such as rec_id = \"id\"", path.display()))?;
    Ok(Columns { id, facts })
}

fn records(
    path: &Path,
    columns: &Columns,
    file: usize,
    labelled: &mut Labelled,
    ids: &mut HashMap<String, usize>,
) -> anyhow::Result<()> {
    let told = || path.display().to_string();
    let mut reader = csv::Reader::from_path(path).with_context(told)?;
    let head = reader.headers().with_context(told)?.clone();
    for column in columns.facts.keys().chain([&columns.id]) {
        anyhow::ensure!(head.iter().any(|name| name.trim() == column), "{}: there is no column {column}", told());
    }
    for row in reader.records() {
        let row = row.with_context(told)?;
        let cells = || head.iter().map(str::trim).zip(row.iter().map(str::trim));
        let id = cells().find(|(column, _)| *column == columns.id).map_or("", |(_, value)| value);
        let facts = cells().filter_map(|(column, value)| Some((*columns.facts.get(column)?, value)));
        labelled.records.push(enquiry(facts.filter(|(_, value)| !value.is_empty())));
        labelled.files.push(file);
        let known = ids.insert(id.to_owned(), labelled.records.len() - 1);
        anyhow::ensure!(known.is_none(), "{}: the id {id} is there twice", told());
    }
    Ok(())
}

/// What a record says, as an arrival would. What an arrival has no place for, or what cannot be read as what it is
/// called, is kept as written.
fn enquiry<'a>(facts: impl Iterator<Item = (Fact, &'a str)>) -> Enquiry {
    let mut enquiry = Enquiry { kind: "person".to_owned(), ..Enquiry::default() };
    let mut address = Address::default();
    for (fact, value) in facts {
        let text = || Some(value.to_owned());
        match fact {
            Fact::FullName => enquiry.person.full_name = text(),
            Fact::FirstName => enquiry.person.first_name = text(),
            Fact::LastName => enquiry.person.last_name = text(),
            Fact::Company => enquiry.organisation.name = text(),
            Fact::Street => address.street = text(),
            Fact::City => address.city = text(),
            Fact::Postcode => address.postcode = text(),
            Fact::State => address.state = text(),
            Fact::Country => address.country = text(),
            Fact::Email => match EmailAddress::parse(value) {
                Some(email) => enquiry.emails.push(email.to_email(&[])),
                None => enquiry.particulars.push((fact, value.to_owned())),
            },
            Fact::Phone => match phone::read(value, None, None) {
                Some(phone) => enquiry.phones.push(phone),
                None => enquiry.particulars.push((fact, value.to_owned())),
            },
            Fact::HouseNumber | Fact::Suburb | Fact::DateOfBirth | Fact::OtherId => {
                enquiry.particulars.push((fact, value.to_owned()));
            }
        }
    }
    if address != Address::default() {
        enquiry.addresses.push(address);
    }
    enquiry
}

fn pairs(
    path: &Path,
    left: &HashMap<String, usize>,
    right: &HashMap<String, usize>,
    id: &str,
) -> anyhow::Result<BTreeSet<(usize, usize)>> {
    let mut reader = csv::Reader::from_path(path)?;
    let head: Vec<String> = reader.headers()?.iter().map(|name| name.trim().to_owned()).collect();
    let place = |name: &str| head.iter().position(|column| column == name);
    let known = |ids: &HashMap<String, usize>, id: &str| {
        ids.get(id.trim()).copied().with_context(|| format!("the id {} is in no file of records", id.trim()))
    };
    let mut truth = BTreeSet::new();
    if let Some(cluster) = place(CLUSTER) {
        let id = place(id).or_else(|| place(ID)).context("there is a column cluster, but none with the id")?;
        let mut clusters: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for row in reader.records() {
            let row = row?;
            let record = known(left, row.get(id).unwrap_or_default())?;
            clusters.entry(row.get(cluster).unwrap_or_default().to_owned()).or_default().push(record);
        }
        for members in clusters.values() {
            for (at, a) in members.iter().enumerate() {
                truth.extend(members.iter().skip(at + 1).map(|b| (*a.min(b), *a.max(b))));
            }
        }
        return Ok(truth);
    }
    for row in reader.records() {
        let row = row?;
        let (Some(a), Some(b)) = (row.get(0), row.get(1)) else { anyhow::bail!("a line has fewer than two ids") };
        let (a, b) = (known(left, a)?, known(right, b)?);
        truth.insert((a.min(b), a.max(b)));
    }
    Ok(truth)
}
