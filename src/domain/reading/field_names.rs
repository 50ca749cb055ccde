//! What field names mean: control names that never reach the CRM, attribution, and canonical names in our languages.
//!
//! Names are compared folded: lower case, Latin letters without accents, Persian letters unified, everything that is
//! neither letter nor digit dropped. A form's own map wins over these tables; a name not listed is not guessed.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

use super::{budget, field_questions, tracking};
use crate::domain::submission::Canonical;

/// Names that steer the form and are no data, besides every name with a leading `_`.
const CONTROL: [&str; 26] = [
    "redirect",
    "returl",
    "returnurl",
    "replyto",
    "botcheck",
    "bot-field",
    "form-name",
    "form_name",
    "access_key",
    "apikey",
    "g-recaptcha-response",
    "recaptcha_response",
    "h-captcha-response",
    "cf-turnstile-response",
    "frc-captcha-response",
    "frc-captcha-solution",
    "altcha",
    "csrf_token",
    "csrfmiddlewaretoken",
    "authenticity_token",
    "captcha_settings",
    "encoding",
    "webhook",
    "autoresponse",
    "ccemail",
    "honeypot",
];

/// Whether `name` is a control field: it is never data. Attribution names with a leading `_` are control names too.
pub fn is_control(name: &str) -> bool {
    let name = name.trim();
    let lower = name.to_ascii_lowercase();
    name.starts_with('_') || CONTROL.contains(&lower.as_str())
}

/// Control names that ask for mail to somebody, mail texts or calls to an address: a visitor chooses none of them.
const RELAYS: [&str; 16] = [
    "_cc",
    "_bcc",
    "_to",
    "_from",
    "_email.to",
    "_email.cc",
    "_email.bcc",
    "_email.from",
    "_email.template",
    "_webhook",
    "_autoresponse",
    "_autoresponder",
    "_template",
    "webhook",
    "autoresponse",
    "ccemail",
];

/// Whether `name` asks for what nobody outside may ask: it is taken, dropped, and noted.
pub fn is_relay(name: &str) -> bool {
    RELAYS.iter().any(|relay| name.trim().eq_ignore_ascii_case(relay))
}

/// Whether `name` says where the visitor came from: utm parameters, click ids, page context.
pub fn is_attribution(name: &str) -> bool {
    tracking::parameter(name).is_some()
}

/// Whether `name` is what the visitor says: neither a control field nor attribution. The address to answer to is, whatever
/// its name looks like.
pub fn is_data(name: &str) -> bool {
    is_reply_address(name) || !is_control(name) && !is_attribution(name)
}

/// Whether `name` is the visitor's address under the name that form services gave it.
pub fn is_reply_address(name: &str) -> bool {
    let name = name.trim();
    name.eq_ignore_ascii_case("_replyto") || name.eq_ignore_ascii_case("replyto")
}

/// Canonical fields and the names that mean them, already folded where the scripts allow; en fr cs de es it fa nl pl pt
/// ru ar.
const NAMES: [(Canonical, &str); 29] = [
    (
        Canonical::Salutation,
        "salutation title civilite anrede osloveni tratamiento titolo honorific gender-title عنوان aanhef zwrot \
         pronome обращение",
    ),
    (
        Canonical::FullName,
        "name fullname your-name yourname contactname contact-name customername from_name sendername nom-complet \
         nometprenom nomprenom nom-prenom prenomnom prenom-nom votrenom celejmeno jmenoaprijmeni jmenoprijmeni \
         vasejmeno vollstandigername ihrname vorundnachname vornameundnachname nombrecompleto nombreyapellidos \
         nomecompleto nomeecognome nomecognome نام-و-نام-خانوادگی نامونامخانوادگی نام-کامل نام-شما نامتان naam volledigenaam uwnaam \
         vooren-achternaam imieinazwisko imie-i-nazwisko nazwiskoiimie seunome имя-и-фамилия фио полноеимя вашеимя \
         الاسم الاسم-الكامل اسمك",
    ),
    (
        Canonical::FirstName,
        "first firstname first_name fname givenname forename prenom jmeno krestnijmeno vorname nombre nome \
         primernombre نام نام-کوچک voornaam imie primeironome имя الاسم-الأول",
    ),
    (
        Canonical::LastName,
        "last lastname last_name lname surname familyname secondname nom nomdefamille prijmeni nachname familienname \
         apellido apellidos cognome نام-خانوادگی فامیلی achternaam familienaam nazwisko sobrenome apelido фамилия \
         اسم-العائلة",
    ),
    (
        Canonical::JobTitle,
        "jobtitle job_title designation position function role fonction poste pozice funkce beruf cargo puesto ruolo \
         سمت شغل functie beroep stanowisko должность المسمى-الوظيفي الوظيفة",
    ),
    (
        Canonical::Company,
        "company companyname company_name organisation organization organisationname business businessname firm \
         societe entreprise raisonsociale nomsociete nomdelasociete nomentreprise spolecnost firma nazevfirmy \
         nazevspolecnosti unternehmen firmenname empresa azienda ditta ragionesociale شرکت نام-شرکت سازمان bedrijf \
         bedrijfsnaam organisatie nazwafirmy przedsiebiorstwo nomedaempresa компания организация названиекомпании \
         الشركة اسم-الشركة",
    ),
    (
        Canonical::Registration,
        "vat vatnumber vatid siret siren tva numerotva tvaintracommunautaire ico dic ustid ustidnr nif cif partitaiva \
         piva شناسه-ملی btwnummer kvk nip regon cnpj инн",
    ),
    (
        Canonical::Email,
        "email e-mail mail emailaddress email_address mailaddress youremail your-email courriel adressemail \
         adresseemail adressecourriel adresseelectronique votreemail emailadresa emailovaadresa vasemail emailadresse \
         mailadresse ihreemail correo correoelectronico direccionemail posta postaelettronica indirizzoemail ایمیل \
         پست-الکترونیک پست-الکترونیکی رایانامه نشانی-ایمیل آدرس-ایمیل ایمیلتان emailadres uwemail adresemail endereco-de-email \
         enderecoemail электроннаяпочта почта емейл адресэлектроннойпочты البريد-الإلكتروني بريد-الكتروني الإيميل",
    ),
    (
        Canonical::Phone,
        "phone tel telephone phonenumber phone_number telephonenumber yourphone your-phone contactnumber \
         numerodetelephone numerotelephone votretelephone telefon telefonnicislo telefonnummer rufnummer telefono \
         numerodetelefono numeroditelefono numerotelefono تلفن شماره-تلفن شماره-تماس شماره-تلفنتان تلفنتان تلفن-ثابت telefoon \
         telefoonnummer numertelefonu nrtelefonu telefone numerodetelefone телефон номертелефона الهاتف رقم-الهاتف",
    ),
    (
        Canonical::Mobile,
        "mobile mobilephone mobilenumber cell cellphone cellular gsm portable telportable telephoneportable \
         telephonemobile mobil mobilnitelefon mobilnummer handy handynummer movil telefonomovil cellulare whatsapp \
         موبایل تلفن-همراه شماره-موبایل همراه mobiel mobielnummer telefonkomorkowy komorka telemovel celular \
         мобильный мобильныйтелефон الجوال رقم-الجوال الموبايل",
    ),
    (Canonical::Fax, "fax faxnumber telecopie telefax faxnummer نمابر فکس"),
    (
        Canonical::Website,
        "website web url homepage siteweb siteinternet webovestranky stranky webseite sitioweb paginaweb sitoweb \
         وبسایت وب-سایت سایت webpagina stronainternetowa strona pagina сайт вебсайт الموقع الموقع-الإلكتروني",
    ),
    (
        Canonical::Street,
        "street streetaddress address address1 addressline1 adresse adressepostale rue ulice adresa strasse anschrift \
         direccion calle indirizzo via آدرس نشانی خیابان straat adres ulica morada endereco rua улица адрес العنوان \
         الشارع",
    ),
    (
        Canonical::Postcode,
        "postcode postalcode zip zipcode codepostal cp psc plz postleitzahl codigopostal cap کدپستی کد-پستی \
         kodpocztowy cep индекс почтовыйиндекс الرمز-البريدي",
    ),
    (
        Canonical::City,
        "city town locality ville commune mesto obec stadt ort ciudad poblacion citta comune شهر plaats woonplaats \
         miasto miejscowosc cidade localidade город المدينة",
    ),
    (
        Canonical::State,
        "state province county region departement kraj bundesland kanton estado provincia regione استان provincie \
         wojewodztwo distrito область регион المحافظة",
    ),
    (Canonical::Country, "country pays zeme stat land staat pais paese nazione کشور страна البلد الدولة"),
    (
        Canonical::Topic,
        "subject your-subject yoursubject topic title-of-request sujet objet predmet tema betreff thema asunto \
         oggetto argomento موضوع onderwerp temat assunto тема الموضوع",
    ),
    (
        Canonical::Message,
        "message messagebody corpsdumessage textzpravy nachrichtentext your-message yourmessage comment comments body \
         text description details question enquiry inquiry request notes votremessage commentaire commentaires \
         demande votredemande zprava vzkaz text-zpravy dotaz poptavka poznamka nachricht ihrenachricht mitteilung \
         anfrage bemerkung kommentar mensaje comentario comentarios consulta messaggio commento richiesta پیام متن \
         متن-پیام توضیحات درخواست bericht uwbericht vraag opmerking opmerkingen wiadomosc trescwiadomosci tresc \
         zapytanie uwagi mensagem suamensagem pergunta сообщение вашесообщение текстсообщения вопрос комментарий \
         الرسالة رسالتك نص-الرسالة ملاحظات",
    ),
    (
        Canonical::InquiryKind,
        "inquirykind inquiry_kind enquirytype inquirytype requesttype reason typededemande motif typdotazu anliegen \
         anfrageart tipodeconsulta tiporichiesta نوع-درخواست soortaanvraag rodzajzapytania tipodepedido типзапроса",
    ),
    (
        Canonical::Budget,
        "budget montant amount rozpocet castka betrag presupuesto importe importo بودجه مبلغ budzet orcamento бюджет \
         الميزانية",
    ),
    (Canonical::Language, "language lang langue jazyk sprache idioma lingua زبان taal jezyk язык اللغة"),
    (
        Canonical::Consent,
        "consent gdpr rgpd dsgvo gdprconsent privacy privacypolicy newsletter optin opt-in marketing acceptance terms \
         consentement souhlas souhlasgdpr einwilligung datenschutz consentimiento consenso رضایت toestemming zgoda \
         consentimento согласие",
    ),
    (Canonical::Source, "leadsource lead_source howdidyouhear howdidyouhearaboutus سورس"),
    (Canonical::Medium, "leadmedium lead_medium"),
    (Canonical::Campaign, "campaign campagne kampan kampagne campana campagna کمپین"),
    (
        Canonical::Product,
        "product produit produkt vyrobek producto prodotto model modele article محصول کالا towar produto artigo товар \
         продукт المنتج",
    ),
    (
        Canonical::Quantity,
        "quantity qty quantite mnozstvi pocet pocetkusu menge anzahl stuckzahl cantidad quantita تعداد مقدار aantal \
         ilosc liczba quantidade количество الكمية",
    ),
    (
        Canonical::ReferredBy,
        "referredby referred_by referral parrain recommandepar doporucil empfohlenvon recomendadopor معرف",
    ),
];

static BY_NAME: LazyLock<HashMap<String, Canonical>> = LazyLock::new(|| {
    let words =
        NAMES.iter().flat_map(|(canonical, names)| names.split_whitespace().map(move |n| (fold(n), *canonical)));
    words.collect()
});

/// Folds a field name for comparison: NFKD without marks, lower case, letters and digits only, ي/ی and ك/ک unified.
pub fn fold(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    fold_into(name, &mut out);
    out
}

/// [`fold`], appended to `out`.
pub fn fold_into(name: &str, out: &mut String) {
    let begun = out.len();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        // Whole runs are copied: most names and words are one.
        let run = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
        out.push_str(rest.get(..run).unwrap_or_default());
        if run == 0 && !first.is_ascii() {
            // Character by character: what NFKD puts into another order are marks, and they are dropped.
            decompose_compatible(first, |part| part.to_lowercase().for_each(|c| fold_char(c, out)));
        }
        rest = rest.get(run.max(first.len_utf8())..).unwrap_or_default();
    }
    // What is not ASCII is in lower case already.
    if let Some(folded) = out.get_mut(begun..) {
        folded.make_ascii_lowercase();
    }
}

fn fold_char(c: char, out: &mut String) {
    match c {
        'ي' | 'ى' => out.push('ی'),
        'ك' => out.push('ک'),
        'ß' => out.push_str("ss"),
        c if c.is_alphanumeric() && !is_combining_mark(c) => out.push(c),
        _ => {}
    }
}

/// The canonical field a name means, by the built-in tables. Names as `contact[email]` are tried by their last key,
/// and typical prefixes and suffixes (`your-`, `form_fields[..]`, a trailing `*` or number) do not hide a name; nor does a
/// question for it ("What is your name?").
pub fn canonical(name: &str) -> Option<Canonical> {
    if !budget::pay(8 * name.len().min(128)) {
        return None;
    }
    let whole = fold(name);
    if whole.is_empty() || whole.len() > 128 {
        return None;
    }
    if let Some(found) = BY_NAME.get(&whole) {
        return Some(*found);
    }
    let last = name.trim_end_matches("[]").rsplit('[').next().map(fold).unwrap_or_default();
    if let Some(found) = BY_NAME.get(&last) {
        return Some(*found);
    }
    // Typed names of one service: `fi-sender-fullName`, `fi-text-message`.
    if let Some((_, typed)) = name.trim().strip_prefix("fi-").and_then(|rest| rest.split_once('-'))
        && let Some(found) = BY_NAME.get(&fold(typed))
    {
        return Some(*found);
    }
    let bare = whole.trim_end_matches(|c: char| c.is_ascii_digit());
    BY_NAME.get(own(bare)).copied().or_else(|| field_questions::names(name).iter().find_map(|asked| plain(asked)))
}

/// What a folded name means, with what stands before a visitor's own taken away.
fn plain(folded: &str) -> Option<Canonical> {
    BY_NAME.get(folded).or_else(|| BY_NAME.get(own(folded))).copied()
}

/// A name without what only says whose it is.
fn own(folded: &str) -> &str {
    ["your", "votre", "customer", "contact", "lead", "visitor", "input", "field", "visitors"]
        .iter()
        .find_map(|prefix| folded.strip_prefix(prefix).filter(|rest| !rest.is_empty()))
        .unwrap_or(folded)
}

/// The canonical field written as in a form's map (`full_name`, `company`, ...).
pub fn parse_canonical(word: &str) -> Option<Canonical> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_that_are_questions_or_requests_are_understood() {
        for (title, expected) in [
            ("What is your name?", Canonical::FullName),
            ("What's your email address?", Canonical::Email),
            ("What’s your first name?", Canonical::FirstName),
            ("What is the name of your company?", Canonical::Company),
            ("Your company's name", Canonical::Company),
            ("Please enter your phone number", Canonical::Phone),
            ("What is your contact number?", Canonical::Phone),
            ("Please enter your contact number", Canonical::Phone),
            ("Please provide your contact email", Canonical::Email),
            ("What is your contact name?", Canonical::FullName),
            ("What should we call you?", Canonical::FullName),
            ("How can we help?", Canonical::Message),
            ("How can we help you today?", Canonical::Message),
            ("What can we do for you?", Canonical::Message),
            ("Quel est votre nom ?", Canonical::FullName),
            ("Quel est votre prénom ?", Canonical::FirstName),
            ("Quelle est votre adresse e-mail ?", Canonical::Email),
            ("Quel est le nom de votre entreprise ?", Canonical::Company),
            ("Merci d’indiquer votre numéro de téléphone", Canonical::Phone),
            ("Comment vous appelez-vous ?", Canonical::FullName),
            ("Comment pouvons-nous vous aider ?", Canonical::Message),
            ("En quoi pouvons-nous vous aider ?", Canonical::Message),
            ("Que pouvons-nous faire pour vous ?", Canonical::Message),
            ("Jak se jmenujete?", Canonical::FullName),
            ("Jaké je vaše jméno?", Canonical::FullName),
            ("Jaký je váš e-mail?", Canonical::Email),
            ("Jaké je vaše telefonní číslo?", Canonical::Phone),
            ("Zadejte prosím svůj telefon", Canonical::Phone),
            ("Jak vám můžeme pomoci?", Canonical::Message),
            ("S čím vám můžeme pomoct?", Canonical::Message),
            ("نام شما چیست؟", Canonical::FullName),
            ("ایمیل شما چیست؟", Canonical::Email),
            ("شماره تلفن خود را وارد کنید", Canonical::Phone),
            ("لطفاً آدرس ایمیل خود را بنویسید", Canonical::Email),
            ("چگونه می‌توانیم به شما کمک کنیم؟", Canonical::Message),
        ] {
            assert_eq!(canonical(title), Some(expected), "{title}");
        }
    }

    #[test]
    fn questions_for_something_else_are_not_guessed() {
        for title in [
            "Do you have a website?",
            "Is this your email?",
            "Can we send you an email?",
            "Share email",
            "What is your company's size?",
            "What is your partner's name?",
            "What is your customer's name?",
            "What is your contact's email?",
            "What is the name of your client?",
            "What is the contact number of your customer?",
            "At what time can we do the visit?",
            "How soon can we do the installation?",
            "En quel mois peut-on faire la visite ?",
            "چه ساعتی می‌توانیم بازدید را انجام دهیم؟",
            "When can we call you?",
            "Can we call you?",
            "What is the best time to call you?",
            "D'où appelez-vous ?",
            "What time can we do the visit?",
            "What day can I do the test drive?",
            "What American insurance do you have?",
            "How did we do?",
            "What is your favourite colour?",
            "Pouvons-nous vous appeler ?",
            "Chcete newsletter a e-mail?",
            "آیا ایمیل شما درست است؟",
        ] {
            assert_eq!(canonical(title), None, "{title}");
        }
    }

    #[test]
    fn names_in_our_languages_are_known() {
        for (name, expected) in [
            ("name", Canonical::FullName),
            ("Nom", Canonical::LastName),
            ("Prénom", Canonical::FirstName),
            ("E-mail *", Canonical::Email),
            ("courriel", Canonical::Email),
            ("Téléphone", Canonical::Phone),
            ("société", Canonical::Company),
            ("jméno", Canonical::FirstName),
            ("Příjmení", Canonical::LastName),
            ("zpráva", Canonical::Message),
            ("PSČ", Canonical::Postcode),
            ("Straße", Canonical::Street),
            ("نام", Canonical::FirstName),
            ("ايميل", Canonical::Email),
            ("ایمیل", Canonical::Email),
            ("تلفن", Canonical::Phone),
            ("پیام", Canonical::Message),
            ("form_fields[email]", Canonical::Email),
            ("your-message", Canonical::Message),
            ("contact[phone]", Canonical::Phone),
            ("email2", Canonical::Email),
            ("fi-sender-fullName", Canonical::FullName),
            ("fi-sender-email", Canonical::Email),
            ("fi-text-message", Canonical::Message),
            ("wpforms[fields][0][first]", Canonical::FirstName),
            ("wpforms[fields][0][last]", Canonical::LastName),
            ("input_email_1", Canonical::Email),
        ] {
            assert_eq!(canonical(name), Some(expected), "{name}");
        }
        for name in ["status", "owner", "", "xyz", "[]", "123"] {
            assert_eq!(canonical(name), None, "{name}");
        }
    }

    #[test]
    fn control_names_are_never_data() {
        for name in ["_next", "_gotcha", "_wpcf7_version", "g-recaptcha-response", "retURL", " _t "] {
            assert!(is_control(name), "{name}");
        }
        for name in ["subject", "email", "redirected", "my_field"] {
            assert!(!is_control(name), "{name}");
        }
        assert!(is_attribution("utm_source") && is_attribution("_first_utm_medium") && is_attribution("gclid"));
    }

    #[test]
    fn folding_twice_is_folding_once() {
        for name in ["Téléphone*", "ايميل", "Straße", "PSČ", "İstanbul"] {
            assert_eq!(fold(&fold(name)), fold(name));
        }
    }
}
