//! What is wrong with a field, and why a file is not taken, in the four languages of the house.

use crate::domain::reading::files::Refusal;

/// Sentences of one language. `{field}` and `{file}` are filled in.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names are those of the faults")]
pub struct Faults {
    pub invalid: &'static str,
    pub required: &'static str,
    pub email: &'static str,
    pub number: &'static str,
    pub text: &'static str,
    pub unknown: &'static str,
    pub choice: &'static str,
    /// Beside the field for files: `{kinds}`, `{count}`, `{limit}` and `{together}` are filled in.
    pub files_hint: &'static str,
    /// Files that are too large together: `{limit}` is filled in.
    pub files_together: &'static str,
    /// Above the list of files that were not taken.
    pub files_refused: &'static str,
    /// Link that leads on.
    pub go_on: &'static str,
    /// Link that leads back to the form, for files that were not taken.
    pub choose_again: &'static str,
    /// Groups of kinds of files.
    kinds: Kinds,
    /// Units of 1024 bytes, and of those.
    units: [&'static str; 2],
    program: &'static str,
    page: &'static str,
    name: &'static str,
    kind: &'static str,
    differs: &'static str,
    empty: &'static str,
    none: &'static str,
    many: &'static str,
    large: &'static str,
    long: &'static str,
}

/// What people call the groups of [`crate::domain::reading::files::words`].
#[derive(Debug)]
struct Kinds {
    image: &'static str,
    office: &'static str,
    text: &'static str,
    archive: &'static str,
    drawing: &'static str,
    audio: &'static str,
    video: &'static str,
}

impl Faults {
    /// A size for people.
    #[must_use]
    pub fn size(&self, bytes: usize) -> String {
        let [kib, mib] = self.units;
        let (count, unit) = if bytes >= 1 << 20 { (bytes >> 20, mib) } else { (bytes.div_ceil(1 << 10), kib) };
        // Not broken before the unit.
        format!("{count}\u{a0}{unit}")
    }

    /// A kind of files, or a group of them, as forms are configured with it.
    #[must_use]
    pub fn kind_of_files(&self, word: &str) -> String {
        match word {
            "image" => self.kinds.image,
            "office" => self.kinds.office,
            "text" => self.kinds.text,
            "archive" => self.kinds.archive,
            "drawing" => self.kinds.drawing,
            "audio" => self.kinds.audio,
            "video" => self.kinds.video,
            ending => return ending.to_ascii_uppercase(),
        }
        .to_owned()
    }

    /// Why a file is not taken, and what to do.
    #[must_use]
    pub const fn refusal(&self, why: Refusal) -> &'static str {
        match why {
            Refusal::Executable => self.program,
            Refusal::ActiveContent => self.page,
            Refusal::DoubleExtension | Refusal::MisleadingName => self.name,
            Refusal::Extension => self.kind,
            Refusal::DeclaredType | Refusal::Content | Refusal::Polyglot => self.differs,
            Refusal::Empty => self.empty,
            Refusal::NoFiles => self.none,
            Refusal::TooMany => self.many,
            Refusal::TooLarge => self.large,
            Refusal::NameTooLong => self.long,
        }
    }
}

/// The sentences of a language; English when it is none of ours.
#[must_use]
pub fn of(lang: &str) -> &'static Faults {
    match lang {
        "fr" => &FR,
        "cs" => &CS,
        "fa" => &FA,
        _ => &EN,
    }
}

static EN: Faults = Faults {
    invalid: "Please correct what is marked and send the form again.",
    required: "“{field}” must be filled in.",
    email: "“{field}” needs an email address such as name@example.com.",
    number: "“{field}” needs a number.",
    text: "“{field}” needs text, not a file.",
    unknown: "This form has no field “{field}”.",
    choice: "“{field}” needs one of the values offered.",
    files_hint: "{kinds}. At most {count} files of {limit} each. {together} at most in all.",
    files_together: "These files are too large together: at most {limit}. Please choose fewer or smaller ones.",
    files_refused: "These files were not taken. Everything else has arrived.",
    go_on: "Continue",
    choose_again: "Go back to the form to choose other files",
    kinds: Kinds {
        image: "pictures",
        office: "Word, Excel and PowerPoint",
        text: "plain text",
        archive: "archives",
        drawing: "technical drawings",
        audio: "sound",
        video: "videos",
    },
    units: ["KiB", "MiB"],
    program: "“{file}” was not taken: it contains a program. Please send a PDF or a picture.",
    page: "“{file}” was not taken: web pages are not accepted. Please send a PDF or a picture.",
    name: "“{file}” was not taken because of its name. Please give it a plain name and send it again.",
    kind: "“{file}” was not taken: this kind of file is not accepted here.",
    differs: "“{file}” was not taken: its content is not what its name says. Please save it anew and send it again.",
    empty: "“{file}” was not taken: it is empty.",
    none: "“{file}” was not taken: this form takes no files.",
    many: "“{file}” was not taken: at most {limit} files at a time.",
    large: "“{file}” was not taken: it is too large, at most {limit}. Please send a smaller one.",
    long: "“{file}” was not taken: its name is too long, at most {limit} bytes. Please rename it and send it again.",
};

static FR: Faults = Faults {
    invalid: "Veuillez corriger ce qui est indiqué et renvoyer le formulaire.",
    required: "« {field} » doit être rempli.",
    email: "« {field} » attend une adresse e-mail, par exemple nom@example.com.",
    number: "« {field} » attend un nombre.",
    text: "« {field} » attend du texte, pas un fichier.",
    unknown: "Ce formulaire n’a pas de champ « {field} ».",
    choice: "« {field} » attend l’une des valeurs proposées.",
    files_hint: "{kinds}. Au plus {count} fichiers de {limit} chacun. {together} au plus en tout.",
    files_together: "Ces fichiers sont trop volumineux ensemble : {limit} au maximum. Veuillez en choisir moins ou de plus petits.",
    files_refused: "Ces fichiers n’ont pas été acceptés. Tout le reste est bien arrivé.",
    go_on: "Continuer",
    choose_again: "Revenir au formulaire pour choisir d’autres fichiers",
    kinds: Kinds {
        image: "images",
        office: "Word, Excel et PowerPoint",
        text: "texte simple",
        archive: "archives",
        drawing: "dessins techniques",
        audio: "son",
        video: "vidéos",
    },
    units: ["Kio", "Mio"],
    program: "« {file} » n’a pas été accepté : il contient un programme. Veuillez envoyer un PDF ou une image.",
    page: "« {file} » n’a pas été accepté : les pages web sont refusées. Veuillez envoyer un PDF ou une image.",
    name: "« {file} » n’a pas été accepté à cause de son nom. Veuillez le renommer simplement et le renvoyer.",
    kind: "« {file} » n’a pas été accepté : ce type de fichier n’est pas admis ici.",
    differs: "« {file} » n’a pas été accepté : son contenu ne correspond pas à son nom. Enregistrez-le à nouveau et renvoyez-le.",
    empty: "« {file} » n’a pas été accepté : il est vide.",
    none: "« {file} » n’a pas été accepté : ce formulaire n’accepte pas de fichiers.",
    many: "« {file} » n’a pas été accepté : {limit} fichiers au plus par envoi.",
    large: "« {file} » n’a pas été accepté : il est trop volumineux, {limit} au maximum. Veuillez en envoyer un plus petit.",
    long: "« {file} » n’a pas été accepté : son nom est trop long, {limit} octets au plus. Veuillez le renommer et le renvoyer.",
};

static CS: Faults = Faults {
    invalid: "Opravte prosím, co je označeno, a odešlete formulář znovu.",
    required: "Pole „{field}“ je třeba vyplnit.",
    email: "Do pole „{field}“ patří e-mailová adresa, například jmeno@example.com.",
    number: "Do pole „{field}“ patří číslo.",
    text: "Do pole „{field}“ patří text, ne soubor.",
    unknown: "Tento formulář nemá pole „{field}“.",
    choice: "Do pole „{field}“ patří jedna z nabízených hodnot.",
    files_hint: "{kinds}. Nejvýše {count} souborů, každý do {limit}. Dohromady nejvýše {together}.",
    files_together: "Soubory jsou dohromady příliš velké: nejvýše {limit}. Vyberte jich prosím méně, nebo menší.",
    files_refused: "Tyto soubory jsme nepřijali. Vše ostatní dorazilo.",
    go_on: "Pokračovat",
    choose_again: "Zpět k formuláři a vybrat jiné soubory",
    kinds: Kinds {
        image: "obrázky",
        office: "Word, Excel a PowerPoint",
        text: "prostý text",
        archive: "archivy",
        drawing: "technické výkresy",
        audio: "zvuk",
        video: "videa",
    },
    units: ["KiB", "MiB"],
    program: "Soubor „{file}“ jsme nepřijali: obsahuje program. Pošlete prosím PDF nebo obrázek.",
    page: "Soubor „{file}“ jsme nepřijali: webové stránky nepřijímáme. Pošlete prosím PDF nebo obrázek.",
    name: "Soubor „{file}“ jsme nepřijali kvůli jeho názvu. Přejmenujte ho prosím jednoduše a pošlete znovu.",
    kind: "Soubor „{file}“ jsme nepřijali: tento druh souboru zde nepřijímáme.",
    differs: "Soubor „{file}“ jsme nepřijali: jeho obsah neodpovídá názvu. Uložte ho prosím znovu a pošlete znovu.",
    empty: "Soubor „{file}“ jsme nepřijali: je prázdný.",
    none: "Soubor „{file}“ jsme nepřijali: tento formulář soubory nepřijímá.",
    many: "Soubor „{file}“ jsme nepřijali: najednou lze poslat nejvýše {limit}.",
    large: "Soubor „{file}“ jsme nepřijali: je příliš velký, nejvýše {limit}. Pošlete prosím menší.",
    long: "Soubor „{file}“ jsme nepřijali: má příliš dlouhý název, nejvýše {limit} bajtů. Přejmenujte ho prosím a pošlete znovu.",
};

static FA: Faults = Faults {
    invalid: "لطفاً موارد مشخص‌شده را اصلاح کنید و فرم را دوباره بفرستید.",
    required: "«{field}» باید پر شود.",
    email: "در «{field}» نشانی ایمیل بنویسید، مانند name@example.com.",
    number: "در «{field}» عدد بنویسید.",
    text: "در «{field}» متن بنویسید، نه پرونده.",
    unknown: "این فرم فیلد «{field}» ندارد.",
    choice: "برای «{field}» یکی از گزینه‌ها را انتخاب کنید.",
    files_hint: "{kinds}. حداکثر {count} پرونده، هر کدام تا {limit}. روی هم حداکثر {together}.",
    files_together: "این پرونده‌ها روی هم بیش از حد بزرگ‌اند: حداکثر {limit}. لطفاً پرونده‌های کمتر یا کوچک‌تری انتخاب کنید.",
    files_refused: "این پرونده‌ها پذیرفته نشدند. بقیهٔ پیام رسیده است.",
    go_on: "ادامه",
    choose_again: "بازگشت به فرم برای انتخاب پرونده‌های دیگر",
    kinds: Kinds {
        image: "تصویر",
        office: "Word، Excel و PowerPoint",
        text: "متن ساده",
        archive: "بایگانی فشرده",
        drawing: "نقشهٔ فنی",
        audio: "صدا",
        video: "ویدئو",
    },
    units: ["کیلوبایت", "مگابایت"],
    program: "«{file}» پذیرفته نشد: در آن برنامه هست. لطفاً PDF یا تصویر بفرستید.",
    page: "«{file}» پذیرفته نشد: صفحهٔ وب پذیرفته نمی‌شود. لطفاً PDF یا تصویر بفرستید.",
    name: "«{file}» به‌خاطر نامش پذیرفته نشد. لطفاً نام ساده‌ای به آن بدهید و دوباره بفرستید.",
    kind: "«{file}» پذیرفته نشد: این نوع پرونده اینجا پذیرفته نمی‌شود.",
    differs: "«{file}» پذیرفته نشد: محتوایش با نامش یکی نیست. لطفاً دوباره ذخیره کنید و بفرستید.",
    empty: "«{file}» پذیرفته نشد: خالی است.",
    none: "«{file}» پذیرفته نشد: این فرم پرونده نمی‌پذیرد.",
    many: "«{file}» پذیرفته نشد: هر بار حداکثر {limit} پرونده.",
    large: "«{file}» پذیرفته نشد: بیش از حد بزرگ است، حداکثر {limit}. لطفاً پروندهٔ کوچک‌تری بفرستید.",
    long: "«{file}» پذیرفته نشد: نامش بیش از حد بلند است، حداکثر {limit} بایت. لطفاً نام آن را تغییر دهید و دوباره بفرستید.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_kinds_are_written_as_people_write_them() {
        let said = |lang| [of(lang).size(25 << 20), of(lang).size(1_500), of(lang).kind_of_files("image")];
        assert_eq!(said("en"), ["25\u{a0}MiB", "2\u{a0}KiB", "pictures"]);
        assert_eq!(said("fr"), ["25\u{a0}Mio", "2\u{a0}Kio", "images"]);
        assert_eq!(said("fa"), ["25\u{a0}مگابایت", "2\u{a0}کیلوبایت", "تصویر"]);
        let groups = crate::domain::reading::files::words().into_iter().take_while(|word| *word != "video");
        for group in groups.filter(|word| *word != "pdf").chain(["video"]) {
            assert_ne!(of("en").kind_of_files(group), group.to_ascii_uppercase(), "{group}");
        }
    }

    #[test]
    fn every_language_fills_in_the_same_places() {
        for lang in ["fr", "cs", "fa", "en", "de"] {
            let texts = of(lang);
            for why in Refusal::ALL {
                assert!(texts.refusal(why).contains("{file}"), "{lang} {why:?}");
            }
            for place in ["{kinds}", "{count}", "{limit}", "{together}"] {
                assert!(texts.files_hint.contains(place), "{lang} {place}");
            }
            assert!(texts.files_together.contains("{limit}"), "{lang}");
            for text in [texts.required, texts.email, texts.number, texts.text, texts.unknown, texts.choice] {
                assert!(text.contains("{field}"), "{lang} {text}");
            }
            for why in [Refusal::TooMany, Refusal::TooLarge, Refusal::NameTooLong] {
                assert!(texts.refusal(why).contains("{limit}"), "{lang} {why:?}");
            }
        }
    }
}
