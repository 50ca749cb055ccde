//! What a new form looks like in the configuration, and what a test submission says.

use crate::config::form::{FormConfig, FormField};
use crate::domain::reading::field_names;
use crate::domain::rules::FieldType;
use crate::domain::submission::Canonical;

/// The section of a new form, with the page it goes to as comment. All of it is valid TOML.
pub(super) fn config(form: &FormConfig, site: &str) -> Vec<String> {
    let address = format!("{site}/f/{}", form.path_name());
    let text = format!(
        "\
[[form]]
id = \"{id}\"                    # rules and lists name the form by it
public_id = \"{public}\"    # its address: {address}
title = \"Contact\"
# allowed_origins = [\"https://www.example.com\"]   # sites whose scripts may post
# redirect = \"https://www.example.com/thanks\"     # where visitors go afterwards
# allow_files = true
field = [
    {{ name = \"name\" }},
    {{ name = \"email\", type = \"email\" }},
    {{ name = \"phone\", type = \"phone\" }},
    {{ name = \"message\" }},
]
# On the page:
# <form action=\"{address}\" method=\"post\" accept-charset=\"utf-8\">
#   <label>Name <input name=\"name\" autocomplete=\"name\" required></label>
#   <label>Email <input name=\"email\" type=\"email\" autocomplete=\"email\" required></label>
#   <label>Phone <input name=\"phone\" type=\"tel\" autocomplete=\"tel\"></label>
#   <label>Message <textarea name=\"message\" required></textarea></label>
#   <div style=\"position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)\" aria-hidden=\"true\">
#     <label>Leave this empty <input name=\"_gotcha\" tabindex=\"-1\" autocomplete=\"new-password\"></label>
#   </div>
#   <button>Send</button>
# </form>
# Then: pisteur check && pisteur forms test {id}",
        id = form.id,
        public = form.path_name(),
    );
    text.lines().map(str::to_owned).collect()
}

/// What a test sends: something fitting for every declared field; name, email and message where none is declared.
pub(super) fn submission(form: &FormConfig) -> Vec<(String, String)> {
    if form.fields.is_empty() {
        let usual = [("name", Canonical::FullName), ("email", Canonical::Email), ("message", Canonical::Message)];
        return usual.iter().map(|(name, meaning)| ((*name).to_owned(), meant(*meaning).to_owned())).collect();
    }
    form.fields.iter().map(|field| (field.name.clone(), value(form, field))).collect()
}

fn value(form: &FormConfig, field: &FormField) -> String {
    if let Some(first) = field.options.first() {
        return first.clone();
    }
    let meaning = field.canonical.or_else(|| field_names::canonical(&field.name));
    match (field.kind, meaning) {
        (FieldType::Text, Some(meaning)) => meant(meaning).to_owned(),
        (FieldType::Text, None) => "test".to_owned(),
        (FieldType::Email, _) => meant(Canonical::Email).to_owned(),
        (FieldType::Phone, _) => meant(Canonical::Phone).to_owned(),
        (FieldType::Number | FieldType::Money | FieldType::Bool, _) => "1".to_owned(),
        (FieldType::Postcode, _) => meant(Canonical::Postcode).to_owned(),
        (FieldType::Country, _) => form.country.clone().unwrap_or_else(|| "FR".to_owned()),
        (FieldType::Date, _) => "2026-01-01".to_owned(),
    }
}

/// Nobody's: an address under a domain kept for documentation (RFC 2606), a number kept for drama (Ofcom).
const fn meant(meaning: Canonical) -> &'static str {
    match meaning {
        Canonical::Email => "pisteur-test@test.example.com",
        Canonical::FullName | Canonical::LastName => "Pisteur Test",
        Canonical::FirstName => "Pisteur",
        Canonical::Phone | Canonical::Mobile | Canonical::Fax => "+44 20 7946 0999",
        Canonical::Message | Canonical::Topic => "Test of this form from end to end. Nothing to do.",
        Canonical::Postcode => "75001",
        Canonical::Website => "https://test.example.com",
        Canonical::Country => "FR",
        Canonical::Language => "en",
        _ => "test",
    }
}
