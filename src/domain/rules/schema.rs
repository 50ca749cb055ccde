//! The facts rules may ask for, with their types. Closed: what is not listed here or declared in the configuration
//! does not exist, and a rule that asks for it is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Declarations, FieldType};
use crate::domain::enquiry::channel::CHANNELS;

/// Type of a fact; decides which operators fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactType {
    /// Free text, compared folded.
    Text,
    /// One word of a closed list.
    Word(Arc<[String]>),
    /// A domain name.
    Domain,
    /// Mail addresses.
    Address,
    /// A number.
    Number,
    /// An amount of money.
    Money,
    /// A postcode.
    Postcode,
    /// A French department.
    Department,
    /// True or false.
    Bool,
}

impl FactType {
    /// The type in words.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Word(_) => "word",
            Self::Domain => "domain",
            Self::Address => "address",
            Self::Number => "number",
            Self::Money => "money",
            Self::Postcode => "postcode",
            Self::Department => "department",
            Self::Bool => "bool",
        }
    }

    /// Operators that fit the type, apart from a bare value and `missing`.
    #[must_use]
    pub const fn operators(&self) -> &'static [&'static str] {
        match self {
            Self::Text => {
                &["one_of", "not", "missing", "any_word", "contains", "starts_with", "regex", "in_list", "exact"]
            }
            Self::Word(_) => &["one_of", "not", "missing"],
            Self::Domain => &["one_of", "not", "missing", "in_list"],
            Self::Address => &["one_of", "not", "missing", "address"],
            Self::Number | Self::Money => {
                &["one_of", "not", "missing", "at_least", "at_most", "above", "below", "between"]
            }
            Self::Postcode | Self::Department => &["one_of", "not", "missing", "between", "in_table"],
            Self::Bool => &["not", "missing"],
        }
    }
}

/// A fact as the schema knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactInfo {
    /// Type.
    pub kind: FactType,
    /// Whether explain and traces may show the value: false for free text and personal data.
    pub shown: bool,
    /// Exists only after the enrich phase.
    pub from_enrich: bool,
    /// An enrich rule may set it.
    pub settable: bool,
}

/// Every fact by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    facts: BTreeMap<String, FactInfo>,
    /// Fields whose type differs between forms.
    ambiguous: BTreeMap<String, String>,
}

/// Names that mean something else under `when` or `then`.
pub const RESERVED: [&str; 6] = ["always", "any", "all", "none", "is", "missing"];

/// Words of `mail.class`.
pub const MAIL_CLASSES: [&str; 10] = [
    "person",
    "form_notification",
    "adf",
    "auto_reply",
    "bounce",
    "delivery_status",
    "complaint",
    "mailing_list",
    "bulk",
    "own_message",
];

const EMAIL_KINDS: [&str; 5] = ["personal", "role", "disposable", "reserved", "own"];
const SCREENINGS: [&str; 4] = ["clean", "unverified", "suspect", "spam"];

/// ISO 639-1.
const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy \
    da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii \
    ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr \
    ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl \
    sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

/// ISO 3166-1 alpha-2.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR \
    BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET \
    FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ \
    IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML \
    MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS \
    PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL \
    TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

fn words<'w>(list: impl IntoIterator<Item = &'w str>) -> FactType {
    FactType::Word(list.into_iter().map(str::to_owned).collect())
}

/// The facts every set has. Free text and personal data are hidden from traces.
fn built_in(declared: &Declarations) -> Vec<(&'static str, FactType, bool)> {
    use FactType::{Address, Bool, Department, Domain, Money, Number, Postcode, Text};
    vec![
        ("channel", words(["mail", "form", "webhook", "file"]), true),
        ("intake", words(declared.intakes.iter().map(String::as_str)), true),
        ("screening", words(SCREENINGS), true),
        ("template", words(declared.templates.iter().map(String::as_str)), true),
        ("mail.class", words(MAIL_CLASSES), true),
        ("mail.from", Address, false),
        ("mail.to", Address, false),
        ("mail.reply_to", Address, false),
        ("mail.plus_tag", Text, true),
        ("mail.is_reply", Bool, true),
        ("mail.is_forward", Bool, true),
        ("mail.flag", Text, true),
        ("form.id", words(declared.forms.keys().map(String::as_str)), true),
        ("sender.email", Address, false),
        ("sender.email_kind", words(EMAIL_KINDS), true),
        ("sender.domain", Domain, true),
        ("sender.name", Text, false),
        ("sender.phone", Text, false),
        ("person.first_name", Text, false),
        ("person.last_name", Text, false),
        ("person.job_title", Text, false),
        ("organisation.name", Text, false),
        ("organisation.domain", Domain, true),
        ("subject", Text, false),
        ("body", Text, false),
        ("subject_or_body", Text, false),
        ("text", Text, false),
        ("topic", Text, false),
        ("attachments", Number, true),
        ("unsubscribe", Bool, true),
        ("postcode", Postcode, true),
        ("department", Department, true),
        ("city", Text, true),
        ("budget", Money, true),
        ("known.contact", Bool, true),
        ("known.organisation", Bool, true),
        ("known.customer", Bool, true),
        ("known.open_lead", Bool, true),
        ("known.open_opportunity", Bool, true),
        ("known.owner", Text, true),
        ("account.owner", Text, true),
        ("account.team", Text, true),
    ]
}

/// What is known of a touch. A rule sets those of the visit; those of the first and last touch are read only.
fn touch_facts() -> [(&'static str, FactType); 9] {
    use FactType::Text;
    [
        ("source", Text),
        ("medium", Text),
        ("campaign", Text),
        ("term", Text),
        ("content", Text),
        ("click_id", Text),
        ("landing_page", Text),
        ("referrer", Text),
        ("channel_group", words(CHANNELS)),
    ]
}

/// The facts that come with the arrival but may be set by an enrich rule.
fn settable() -> Vec<(&'static str, FactType)> {
    vec![
        ("lang", words(LANGUAGES.split_whitespace())),
        ("country", words(COUNTRIES.split_whitespace())),
        ("inquiry_kind", FactType::Text),
    ]
}

/// Form fields that exist on every form.
pub const UTM_FIELDS: [&str; 9] = [
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "utm_id",
    "utm_source_platform",
    "utm_creative_format",
    "utm_marketing_tactic",
];

/// The fact type a declared form field has.
#[must_use]
pub fn form_field_type(declared: FieldType) -> FactType {
    match declared {
        FieldType::Text | FieldType::Phone | FieldType::Date => FactType::Text,
        FieldType::Email => FactType::Address,
        FieldType::Number => FactType::Number,
        FieldType::Money => FactType::Money,
        FieldType::Postcode => FactType::Postcode,
        FieldType::Country => words(COUNTRIES.split_whitespace()),
        FieldType::Bool => FactType::Bool,
    }
}

impl Schema {
    /// The built-in facts and the declared form fields.
    #[must_use]
    pub fn new(declared: &Declarations) -> Self {
        let mut schema = Self { facts: BTreeMap::new(), ambiguous: BTreeMap::new() };
        for field in UTM_FIELDS {
            schema.insert(&format!("form.{field}"), FactType::Text, true, false);
        }
        for (form, fields) in &declared.forms {
            for (name, kind) in fields {
                schema.add_form_field(form, name, *kind);
            }
        }
        for (name, kind, shown) in built_in(declared) {
            schema.insert(name, kind, shown, false);
        }
        for (name, kind) in settable().into_iter().chain(touch_facts()) {
            schema.insert(name, kind, true, true);
        }
        for prefix in ["first", "last"] {
            for (name, kind) in touch_facts() {
                schema.insert(&format!("{prefix}.{name}"), kind, true, false);
            }
        }
        schema.insert("score", FactType::Number, true, false);
        if let Some(info) = schema.facts.get_mut("score") {
            info.from_enrich = true;
        }
        schema
    }

    fn insert(&mut self, path: &str, kind: FactType, shown: bool, settable: bool) {
        self.facts.insert(path.to_owned(), FactInfo { kind, shown, from_enrich: false, settable });
    }

    fn add_form_field(&mut self, form: &str, name: &str, declared: FieldType) {
        let path = format!("form.{name}");
        let kind = form_field_type(declared);
        if let Some(before) = self.facts.get(&path).filter(|before| before.kind != kind) {
            let said = format!("{} elsewhere, {} in form `{form}`", before.kind.as_str(), kind.as_str());
            self.ambiguous.insert(path, said);
            return;
        }
        let shown = !matches!(kind, FactType::Text | FactType::Address) || UTM_FIELDS.contains(&name);
        self.insert(&path, kind, shown, false);
    }

    /// Adds a fact that an enrich rule sets. Facts that exist keep their type.
    pub fn add_set(&mut self, name: &str, kind: FactType) {
        self.facts.entry(name.to_owned()).or_insert(FactInfo { kind, shown: true, from_enrich: true, settable: true });
    }

    /// A fact by path.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&FactInfo> {
        self.facts.get(path)
    }

    /// Why a form field cannot be used although it is declared.
    #[must_use]
    pub fn ambiguity(&self, path: &str) -> Option<&str> {
        self.ambiguous.get(path).map(String::as_str)
    }

    /// Whether facts exist below `path`.
    #[must_use]
    pub fn is_group(&self, path: &str) -> bool {
        self.below(path).next().is_some()
    }

    /// Names of the facts below `path`, without it.
    pub fn below<'s>(&'s self, path: &str) -> impl Iterator<Item = &'s str> + Clone {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
        self.facts.keys().filter_map(move |name| name.strip_prefix(&prefix))
    }
}
