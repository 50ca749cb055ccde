//! The words of the pages behind the links in mails to visitors.

use super::texts::Language;
use crate::store::LinkKind;

/// The words of one page.
#[derive(Debug)]
pub(super) struct LinkTexts {
    /// Above the button.
    pub(super) ask: &'static str,
    pub(super) ask_more: &'static str,
    pub(super) button: &'static str,
    /// After it.
    pub(super) done: &'static str,
    pub(super) done_more: &'static str,
    /// A link that does nothing.
    pub(super) ended: &'static str,
    pub(super) ended_more: &'static str,
}

/// The words of the page behind a link.
pub(super) const fn texts(language: Language, kind: LinkKind) -> &'static LinkTexts {
    match (language, kind) {
        (Language::En, LinkKind::Confirm) => &EN_CONFIRM,
        (Language::En, LinkKind::Unsubscribe) => &EN_LEAVE,
        (Language::Fr, LinkKind::Confirm) => &FR_CONFIRM,
        (Language::Fr, LinkKind::Unsubscribe) => &FR_LEAVE,
        (Language::Cs, LinkKind::Confirm) => &CS_CONFIRM,
        (Language::Cs, LinkKind::Unsubscribe) => &CS_LEAVE,
        (Language::Fa, LinkKind::Confirm) => &FA_CONFIRM,
        (Language::Fa, LinkKind::Unsubscribe) => &FA_LEAVE,
    }
}

const EN_CONFIRM: LinkTexts = LinkTexts {
    ask: "Confirm your address",
    ask_more: "Press the button to confirm what you agreed to in our form. If it was not you, close this page: nothing \
               happens.",
    button: "Confirm",
    done: "Thank you, it is confirmed",
    done_more: "You need not do anything else. You may close this page.",
    ended: "This link does nothing",
    ended_more: "It has ended, or it is not complete. Open it once more from the mail; if that does not help, fill in the \
                 form again and you get a new one.",
};

const EN_LEAVE: LinkTexts = LinkTexts {
    ask: "No more mail from us?",
    ask_more: "Press the button and we send no more automatic mail to your address.",
    button: "No more mail",
    done: "You get no more automatic mail from us",
    done_more: "You need not do anything else. You may close this page.",
    ended: "This link does nothing",
    ended_more: "It has ended, or it is not complete. Open it once more from the mail, or answer the mail with the one \
                 word unsubscribe.",
};

const FR_CONFIRM: LinkTexts = LinkTexts {
    ask: "Confirmez votre adresse",
    ask_more: "Appuyez sur le bouton pour confirmer l'accord donné dans notre formulaire. Si ce n'était pas vous, fermez \
               cette page : il ne se passera rien.",
    button: "Confirmer",
    done: "Merci, c'est confirmé",
    done_more: "Vous n'avez rien d'autre à faire. Vous pouvez fermer cette page.",
    ended: "Ce lien ne fait plus rien",
    ended_more: "Il a expiré ou il est incomplet. Ouvrez-le encore une fois depuis le message ; sinon, remplissez à \
                 nouveau le formulaire pour en recevoir un autre.",
};

const FR_LEAVE: LinkTexts = LinkTexts {
    ask: "Ne plus recevoir nos messages ?",
    ask_more: "Appuyez sur le bouton et nous n'enverrons plus de message automatique à votre adresse.",
    button: "Ne plus rien recevoir",
    done: "Vous ne recevrez plus de message automatique de notre part",
    done_more: "Vous n'avez rien d'autre à faire. Vous pouvez fermer cette page.",
    ended: "Ce lien ne fait plus rien",
    ended_more: "Il a expiré ou il est incomplet. Ouvrez-le encore une fois depuis le message, ou répondez au message par \
                 le seul mot désabonner.",
};

const CS_CONFIRM: LinkTexts = LinkTexts {
    ask: "Potvrďte svou adresu",
    ask_more: "Stisknutím tlačítka potvrdíte souhlas z našeho formuláře. Pokud jste to nebyli Vy, stránku zavřete: nic \
               se nestane.",
    button: "Potvrdit",
    done: "Děkujeme, je to potvrzeno",
    done_more: "Nic dalšího není třeba. Stránku můžete zavřít.",
    ended: "Tento odkaz nic nedělá",
    ended_more: "Platnost skončila, nebo odkaz není celý. Otevřete jej znovu ze zprávy; pokud to nepomůže, vyplňte \
                 formulář znovu a dostanete nový.",
};

const CS_LEAVE: LinkTexts = LinkTexts {
    ask: "Už Vám nemáme psát?",
    ask_more: "Stiskněte tlačítko a na Vaši adresu už nebudeme posílat automatické zprávy.",
    button: "Už nepsat",
    done: "Automatické zprávy už od nás nedostanete",
    done_more: "Nic dalšího není třeba. Stránku můžete zavřít.",
    ended: "Tento odkaz nic nedělá",
    ended_more: "Platnost skončila, nebo odkaz není celý. Otevřete jej znovu ze zprávy, nebo na zprávu odpovězte jediným \
                 slovem odhlásit.",
};

const FA_CONFIRM: LinkTexts = LinkTexts {
    ask: "نشانی خود را تأیید کنید",
    ask_more: "برای تأیید رضایتی که در فرم ما داده‌اید، دکمه را فشار دهید. اگر شما نبودید، این صفحه را ببندید: هیچ اتفاقی \
               نمی‌افتد.",
    button: "تأیید",
    done: "سپاس، تأیید شد",
    done_more: "کار دیگری لازم نیست. می‌توانید این صفحه را ببندید.",
    ended: "این پیوند کار نمی‌کند",
    ended_more: "مهلت آن گذشته یا کامل نیست. یک بار دیگر آن را از نامه باز کنید؛ اگر نشد، فرم را دوباره پر کنید تا پیوند \
                 تازه‌ای بگیرید.",
};

const FA_LEAVE: LinkTexts = LinkTexts {
    ask: "دیگر از ما نامه نمی‌خواهید؟",
    ask_more: "دکمه را فشار دهید تا دیگر نامه خودکار به نشانی شما نفرستیم.",
    button: "دیگر نفرستید",
    done: "دیگر نامه خودکار از ما دریافت نمی‌کنید",
    done_more: "کار دیگری لازم نیست. می‌توانید این صفحه را ببندید.",
    ended: "این پیوند کار نمی‌کند",
    ended_more: "مهلت آن گذشته یا کامل نیست. یک بار دیگر آن را از نامه باز کنید، یا به نامه فقط با واژه «لغو» پاسخ دهید.",
};
