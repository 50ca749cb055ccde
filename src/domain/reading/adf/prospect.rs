//! What one prospect says, as fields.

use super::xml::{attribute, element, elements, find_tag, outside};
use super::{BYTES, REQUEST_ID, REQUEST_SOURCE, REQUEST_STATUS, RESEND, escaped, words};
use crate::domain::reading::{body, field_names};
use crate::domain::submission::{Canonical, Field};

/// What is no customer's.
const PARTIES: [&str; 3] = ["vehicle", "vendor", "provider"];
/// Remarks of one customer that are read.
const REMARKS: usize = 20;

/// The fields of one prospect.
pub fn fields(prospect: &str) -> Vec<Field> {
    let prospect = escaped(body::cut(prospect, BYTES));
    let prospect = prospect.as_ref();
    let mut fields = Vec::new();
    request(prospect, &mut fields);
    let customers = elements(prospect, "customer", 5);
    let beside = outside(prospect, &[&PARTIES[..], &["customer"]].concat());
    // Some write the contact without a customer around it.
    let customer = customers.first().map_or(beside.as_str(), |(_, inner)| inner);
    let contacts = elements(customer, "contact", 5);
    contact(contacts.first().map_or(customer, |(_, inner)| inner), &mut fields);
    let others = contacts.iter().skip(1).map(|(_, inner)| *inner);
    let further = customers.iter().skip(1).map(|(_, inner)| outside(inner, &["comments"]));
    for other in others.map(str::to_owned).chain(further) {
        push(&mut fields, "other_contact", &other, None);
    }
    vehicles(prospect, &mut fields);
    for (tag, name) in [("timeframe", "timeframe"), ("id", "customer_id")] {
        // A customer without a contact element: its own ids stand before it, all the same.
        if let Some((_, value)) = element(customer, tag).filter(|_| !customers.is_empty()) {
            push(&mut fields, name, value, None);
        }
    }
    let said = customers.iter().map(|(_, inner)| *inner).chain([beside.as_str()]);
    for (_, value) in said.flat_map(|inner| elements(inner, "comments", REMARKS)) {
        push(&mut fields, "comments", value, Some(Canonical::Message));
    }
    parties(prospect, &mut fields);
    fields
}

/// How the request is known to whoever sends it. Its ids stand before everything else of a prospect.
fn request(prospect: &str, fields: &mut Vec<Field>) {
    let own = ["vehicle", "customer", "vendor", "provider"].iter().filter_map(|tag| find_tag(prospect, tag)).min();
    let own = own.and_then(|end| prospect.get(..end)).unwrap_or(prospect);
    let ids = elements(own, "id", 5);
    let with_source = ids.iter().find(|(attributes, _)| attribute(attributes, "source").is_some());
    if let Some((attributes, id)) = with_source.or(ids.first()) {
        push(fields, REQUEST_ID, id, None);
        push(fields, REQUEST_SOURCE, &attribute(attributes, "source").unwrap_or_default(), None);
    }
    let head = prospect.split('>').next().unwrap_or_default();
    push(
        fields,
        REQUEST_STATUS,
        &attribute(head, "status").filter(|status| status == RESEND).unwrap_or_default(),
        None,
    );
    if let Some((_, value)) = element(own, "requestdate") {
        push(fields, "requested_at", value, None);
    }
}

fn contact(contact: &str, fields: &mut Vec<Field>) {
    for (attributes, value) in elements(contact, "name", 10) {
        let canonical = match attribute(attributes, "part").unwrap_or_default().as_str() {
            _ if attribute(attributes, "type").is_some_and(|kind| kind == "business") => Canonical::Company,
            "first" => Canonical::FirstName,
            "last" | "surname" => Canonical::LastName,
            "prefix" | "title" | "salutation" => Canonical::Salutation,
            part @ ("middle" | "suffix") => {
                push(fields, &format!("{part}_name"), value, None);
                continue;
            }
            _ => Canonical::FullName,
        };
        push(fields, "name", value, Some(canonical));
    }
    for (_, value) in elements(contact, "email", 5) {
        push(fields, "email", value, Some(Canonical::Email));
    }
    for (attributes, value) in elements(contact, "phone", 5) {
        let canonical = match attribute(attributes, "type").unwrap_or_default().as_str() {
            "cellphone" | "mobile" | "cell" => Canonical::Mobile,
            "fax" => Canonical::Fax,
            _ => Canonical::Phone,
        };
        push(fields, "phone", value, Some(canonical));
    }
    let lines: Vec<String> = ["street", "apartment"]
        .iter()
        .flat_map(|tag| elements(contact, tag, 3))
        .map(|(_, line)| words::line(line))
        .collect();
    let street: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
    push(fields, "street", &street.join(", "), Some(Canonical::Street));
    for (tag, canonical) in [
        ("cellphone", Canonical::Mobile),
        ("company", Canonical::Company),
        ("city", Canonical::City),
        ("regioncode", Canonical::State),
        ("region", Canonical::State),
        ("postalcode", Canonical::Postcode),
        ("country", Canonical::Country),
    ] {
        for (_, value) in elements(contact, tag, 2) {
            push(fields, tag, value, Some(canonical));
        }
    }
}

/// The vehicle asked about, and apart from it the one that is given in part payment.
fn vehicles(prospect: &str, fields: &mut Vec<Field>) {
    let mut asked = false;
    for (attributes, vehicle) in elements(prospect, "vehicle", 10) {
        let interest = attribute(attributes, "interest").unwrap_or_default();
        let given = interest.starts_with("trade");
        let name = match (given, asked) {
            (true, _) => "trade_in",
            (false, true) => "other_vehicle",
            (false, false) => "vehicle",
        };
        let parts = ["year", "make", "model", "trim"].iter().filter_map(|tag| element(vehicle, tag));
        let words: Vec<String> = parts.map(|(_, value)| words::line(value)).filter(|w| !w.is_empty()).collect();
        push(fields, name, &words.join(" "), (name == "vehicle").then_some(Canonical::Product));
        if name == "vehicle" {
            asked = true;
            let kind = (interest == "test-drive").then_some(Canonical::InquiryKind);
            push(fields, "interest", &interest.replace('-', " "), kind);
            push(fields, "status", &attribute(attributes, "status").unwrap_or_default(), None);
        }
        for tag in ["vin", "stock", "odometer", "condition", "doors", "bodystyle", "transmission", "exteriorcolor"] {
            if let Some((_, value)) = element(vehicle, tag) {
                push(fields, &format!("{name}_{tag}"), value, None);
            }
        }
        if let Some((attributes, price)) = element(vehicle, "price") {
            let currency = attribute(attributes, "currency").unwrap_or_default().to_uppercase();
            push(fields, &format!("{name}_price"), format!("{} {currency}", words::line(price)).trim(), None);
        }
        for (_, value) in elements(vehicle, "comments", REMARKS) {
            push(fields, &format!("{name}_comments"), value, None);
        }
    }
}

/// The house it is for, and who brought it. Their addresses are nobody's to be answered, and are left out.
fn parties(prospect: &str, fields: &mut Vec<Field>) {
    if let Some((_, vendor)) = element(prospect, "vendor") {
        let name = element(vendor, "vendorname").or_else(|| element(vendor, "name"));
        push(fields, "vendor", name.map_or("", |(_, value)| value), None);
        push(fields, "vendor_id", element(vendor, "id").map_or("", |(_, value)| value), None);
    }
    if let Some((_, provider)) = element(prospect, "provider") {
        for (_, value) in elements(provider, "name", 1) {
            push(fields, "provider", value, Some(Canonical::Source));
        }
        for (tag, name) in [("service", "provider_service"), ("url", "provider_url"), ("id", "provider_id")] {
            push(fields, name, element(provider, tag).map_or("", |(_, value)| value), None);
        }
    }
}

fn push(fields: &mut Vec<Field>, name: &str, value: &str, canonical: Option<Canonical>) {
    let is_message = name.ends_with("comments");
    let value = if is_message { words::lines(value) } else { words::line(value) };
    // Some portals write a customer's remark in two places.
    let again = is_message && fields.iter().any(|field| field.name == name && field.value == value);
    if !value.is_empty() && !again && !is_placeholder(&value, is_message) {
        debug_assert!(canonical.is_none() || !field_names::is_control(name), "own names are data");
        fields.push(Field { name: name.to_owned(), value, canonical });
    }
}

/// A template's placeholder is no value. What a visitor typed in brackets is: a remark is more than one word, or holds
/// further ones.
fn is_placeholder(value: &str, is_message: bool) -> bool {
    let inside = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inside.is_some_and(|inside| !(inside.contains(['[', ']']) || is_message && inside.contains(char::is_whitespace)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<'f>(fields: &'f [Field], name: &str) -> Vec<&'f str> {
        fields.iter().filter(|field| field.name == name).map(|field| field.value.as_str()).collect()
    }

    #[test]
    fn every_remark_of_a_customer_is_a_message() {
        let read = fields(
            "<prospect><comments>Outside: I need it by Friday</comments><customer><contact><name>Eva</name></contact>\
             <comments>[Urgent] please call me about the red one [mornings]</comments><comments>tow bar needed</comments>\
             <comments>tow bar needed</comments><comments>[comments]</comments></customer><vehicle><comments>scratched\
             </comments><comments>my own car</comments></vehicle><vendor><comments>Call centre</comments></vendor>",
        );
        let wanted =
            ["[Urgent] please call me about the red one [mornings]", "tow bar needed", "Outside: I need it by Friday"];
        assert_eq!(values(&read, "comments"), wanted);
        assert_eq!(values(&read, "vehicle_comments"), ["scratched", "my own car"]);
    }

    #[test]
    fn all_of_a_name_and_further_people_are_kept() {
        let read = fields(
            "<prospect><customer><contact><name part=first>Eva</name><name part=middle>Marie</name><name part=last>Malá\
             </name><name part=suffix>Ph.D.</name><email>eva@mala.cz</email></contact><contact><name>Jan Malý</name>\
             <email>jan@maly.cz</email></contact></customer><customer><contact><name>Ota</name></contact>\
             <comments>me too</comments></customer>",
        );
        assert_eq!((values(&read, "middle_name"), values(&read, "suffix_name")), (vec!["Marie"], vec!["Ph.D."]));
        assert_eq!(values(&read, "email"), ["eva@mala.cz"]);
        assert_eq!(values(&read, "other_contact"), ["Jan Malý jan@maly.cz", "Ota"]);
        assert_eq!(values(&read, "comments"), ["me too"]);
    }

    #[test]
    fn what_is_not_closed_is_read_as_far_as_it_goes() {
        for document in [
            "<prospect><customer><contact><name>Eva</name><email>eva@mala.cz</email></contact><comments>I want it",
            "<prospect><contact><name>Eva</name><email>eva@mala.cz</contact><comments>I want it</comments><vendor>\
             <contact><email>us@shop.cz</email></contact></vendor>",
            "<prospect><customer><name>Eva<email>eva@mala.cz<comments>I want it<vendor><contact><email>us@shop.cz",
        ] {
            let read = fields(document);
            assert_eq!(values(&read, "email"), ["eva@mala.cz"], "{document}");
            assert_eq!(values(&read, "name"), ["Eva"], "{document}");
            assert_eq!(values(&read, "comments"), ["I want it"], "{document}");
        }
    }
}
