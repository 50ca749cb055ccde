//! The words of our mails to visitors, in the four languages of the house. Templates see the values of
//! `config/visitor/template` and nothing else.

/// The texts of one language: subjects and bodies, and what stands below every mail.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) acknowledgement: (&'static str, &'static str),
    pub(super) opt_in: (&'static str, &'static str),
    /// Why it came.
    pub(super) why: &'static str,
    /// Before the link that ends mail to the address.
    pub(super) leave: &'static str,
    /// How to end it without a link.
    pub(super) leave_by_mail: &'static str,
}

/// The words of a language; English where we have none.
pub(super) fn words(language: &str) -> &'static Words {
    match language {
        "fr" => &FR,
        "cs" => &CS,
        "fa" => &FA,
        _ => &EN,
    }
}

const EN: Words = Words {
    acknowledgement: (
        "{% if company %}{{ company }}: {% endif %}we have received your message",
        "Hello{% if name %} {{ name }}{% endif %},\n\nyour message of {{ date }}{% if form %} ({{ form }}){% endif %} has \
         arrived. A person will read it and answer you.\n\nYour reference: {{ id }}\n{% if company %}\n{{ company }}{% \
         endif %}",
    ),
    opt_in: (
        "{% if company %}{{ company }}: {% endif %}please confirm your address",
        "Hello{% if name %} {{ name }}{% endif %},\n\non {{ date }} this address was entered in our form{% if form %} {{ \
         form }}{% endif %}, with the agreement to:\n{% for consent in consents %}\n  {{ consent }}{% endfor %}\n\nTo \
         confirm, open this page and press the button:\n\n{{ url }}\n\nThe link works until {{ until }}. If it was not \
         you, do nothing: without your confirmation nothing is agreed to.\n{% if company %}\n{{ company }}{% endif %}",
    ),
    why: "This mail was sent automatically because this address was entered in a form on our website.",
    leave: "No more mail of this kind:",
    leave_by_mail: "No more mail of this kind: answer with the one word unsubscribe.",
};

const FR: Words = Words {
    acknowledgement: (
        "{% if company %}{{ company }} : {% endif %}nous avons bien reçu votre message",
        "Bonjour{% if name %} {{ name }}{% endif %},\n\nvotre message du {{ date }}{% if form %} ({{ form }}){% endif %} \
         est bien arrivé. Une personne va le lire et vous répondre.\n\nVotre référence : {{ id }}\n{% if company %}\n{{ \
         company }}{% endif %}",
    ),
    opt_in: (
        "{% if company %}{{ company }} : {% endif %}merci de confirmer votre adresse",
        "Bonjour{% if name %} {{ name }}{% endif %},\n\nle {{ date }}, cette adresse a été saisie dans notre \
         formulaire{% if form %} {{ form }}{% endif %}, avec votre accord pour :\n{% for consent in consents %}\n  {{ \
         consent }}{% endfor %}\n\nPour confirmer, ouvrez cette page et appuyez sur le bouton :\n\n{{ url }}\n\nLe lien \
         est valable jusqu'au {{ until }}. Si ce n'était pas vous, ne faites rien : sans confirmation, rien n'est \
         accordé.\n{% if company %}\n{{ company }}{% endif %}",
    ),
    why: "Ce message automatique vous est envoyé parce que cette adresse a été saisie dans un formulaire de notre site.",
    leave: "Ne plus recevoir ces messages :",
    leave_by_mail: "Ne plus recevoir ces messages : répondez par le seul mot désabonner.",
};

const CS: Words = Words {
    acknowledgement: (
        "{% if company %}{{ company }}: {% endif %}Vaši zprávu jsme přijali",
        "Dobrý den{% if name %}, {{ name }}{% endif %},\n\nVaše zpráva ze dne {{ date }}{% if form %} ({{ form }}){% \
         endif %} dorazila. Přečte si ji člověk a odpoví Vám.\n\nČíslo zprávy: {{ id }}\n{% if company %}\n{{ company \
         }}{% endif %}",
    ),
    opt_in: (
        "{% if company %}{{ company }}: {% endif %}potvrďte prosím svou adresu",
        "Dobrý den{% if name %}, {{ name }}{% endif %},\n\ndne {{ date }} byla tato adresa zadána v našem formuláři{% if \
         form %} {{ form }}{% endif %} se souhlasem:\n{% for consent in consents %}\n  {{ consent }}{% endfor %}\n\nPro \
         potvrzení otevřete tuto stránku a stiskněte tlačítko:\n\n{{ url }}\n\nOdkaz platí do {{ until }}. Pokud jste to \
         nebyli Vy, nedělejte nic: bez potvrzení souhlas neplatí.\n{% if company %}\n{{ company }}{% endif %}",
    ),
    why: "Tato zpráva byla odeslána automaticky, protože tato adresa byla zadána ve formuláři na našem webu.",
    leave: "Takové zprávy už neposílat:",
    leave_by_mail: "Takové zprávy už neposílat: odpovězte jediným slovem odhlásit.",
};

const FA: Words = Words {
    acknowledgement: (
        "{% if company %}{{ company }}: {% endif %}پیام شما به ما رسید",
        "سلام{% if name %} {{ name }}{% endif %}،\n\nپیام شما در تاریخ {{ date }}{% if form %} ({{ form }}){% endif %} به \
         ما رسید. یکی از همکاران آن را می‌خواند و به شما پاسخ می‌دهد.\n\nشناسه پیام: {{ id }}\n{% if company %}\n{{ \
         company }}{% endif %}",
    ),
    opt_in: (
        "{% if company %}{{ company }}: {% endif %}لطفاً نشانی خود را تأیید کنید",
        "سلام{% if name %} {{ name }}{% endif %}،\n\nدر تاریخ {{ date }} این نشانی در فرم ما{% if form %} {{ form }}{% \
         endif %} وارد شد، با رضایت به:\n{% for consent in consents %}\n  {{ consent }}{% endfor %}\n\nبرای تأیید، این \
         صفحه را باز کنید و دکمه را فشار دهید:\n\n{{ url }}\n\nاین پیوند تا {{ until }} کار می‌کند. اگر شما نبودید، کاری \
         نکنید: بدون تأیید شما رضایتی ثبت نمی‌شود.\n{% if company %}\n{{ company }}{% endif %}",
    ),
    why: "این پیام خودکار فرستاده شد، چون این نشانی در فرمی از وب‌سایت ما وارد شده است.",
    leave: "برای دریافت نکردن این پیام‌ها:",
    leave_by_mail: "برای دریافت نکردن این پیام‌ها، فقط با واژه «لغو» پاسخ دهید.",
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::visitor::render;

    #[test]
    fn every_text_can_be_filled_in_with_much_and_with_little() {
        let much = json!({ "name": "Anne", "company": "Pumps", "form": "Contact", "id": "01J", "date": "D", "url": "U",
            "until": "T", "consents": ["Send me news", "Call me"] });
        let little = json!({ "name": "", "company": "", "form": "", "id": "01J", "date": "D", "url": "U", "until": "T",
            "consents": [] });
        for language in ["fr", "en", "cs", "fa", "de"] {
            let words = words(language);
            for (subject, text) in [words.acknowledgement, words.opt_in] {
                for values in [&much, &little] {
                    let subject = render(subject, values).unwrap();
                    assert!(!subject.contains('\n') && !subject.trim().is_empty(), "{subject:?}");
                    let text = render(text, values).unwrap();
                    assert!(text.contains('D') && !text.contains("{{"), "{text}");
                }
            }
            let filled = render(words.opt_in.1, &much).unwrap();
            assert!(filled.contains("\n\nU\n\n") && filled.contains("  Send me news\n  Call me"), "{filled}");
        }
    }
}
