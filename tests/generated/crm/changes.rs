//! How arrivals differ from what is known: of the same person, and of others who have much in common with one.

use super::super::Tongue;
use super::{Arrival, Being, Change, Truth, World, names};

impl World {
    /// An arrival of that kind around one of the contacts; `None` where that contact cannot have one.
    pub fn arrival(&mut self, contacts: &[Being], at: usize, change: Change) -> Option<Arrival> {
        let mut says = contacts[at].clone();
        let truth = match change {
            Change::Identical => Truth::Same(at),
            Change::Stranger => {
                says = self.being();
                Truth::Other
            }
            Change::FatherSonNothing => {
                says.house.as_ref()?;
                says.first = names::Given1 { woman: false, ..says.first };
                (says.email, says.mobile, says.born) = (None, None, None);
                says.landline.as_ref()?;
                Truth::Undecidable
            }
            _ => {
                if self.same(&mut says, change) {
                    Truth::Same(at)
                } else if self.other(&mut says, change) {
                    Truth::Other
                } else {
                    return None;
                }
            }
        };
        Some(Arrival { change, truth, says })
    }

    /// Changes what one person says of themself; false where that cannot be.
    fn same(&mut self, says: &mut Being, change: Change) -> bool {
        self.named_otherwise(says, change) || self.reached_otherwise(says, change)
    }

    fn named_otherwise(&mut self, says: &mut Being, change: Change) -> bool {
        let dice = &mut self.dice;
        match change {
            Change::Crossed => {
                let first = says.first.name.clone();
                says.first.name = std::mem::replace(&mut says.last, first);
                true
            }
            Change::Nickname => {
                let Some(short) = says.first.short.clone() else { return false };
                says.first.name = short;
                true
            }
            Change::Transliterated => {
                if let (Some(first), Some(last)) = (&says.first.latin, &says.family_latin) {
                    (says.first.name, says.last) = (first.clone(), last.clone());
                    return true;
                }
                let bare = |name: &str| any_ascii::any_ascii(name);
                let (first, last) = (bare(&says.first.name), bare(&says.last));
                let changed = first != says.first.name || last != says.last;
                (says.first.name, says.last) = (first, last);
                changed
            }
            Change::Hyphen => {
                let whole = says.first.name.clone();
                says.first.name = whole.replace('-', " ");
                whole != says.first.name
            }
            Change::Misspelt => {
                let letters: Vec<char> = says.last.chars().collect();
                let at = dice.number(1, u32::try_from(letters.len()).unwrap_or(2) - 1) as usize;
                let mut wrong = letters.clone();
                if dice.happens(50) {
                    wrong[at] = dice.one(&['a', 'e', 'n', 'r', 's']);
                } else {
                    wrong.remove(at);
                }
                says.last = wrong.iter().collect();
                wrong != letters
            }
            Change::Married => {
                let (woman, tongue) = (says.first.woman, says.tongue);
                if !woman || tongue == Tongue::Fa || says.email.is_none() && says.mobile.is_none() {
                    return false;
                }
                let (family, _) = names::family(dice, tongue);
                says.last = names::borne(&family, tongue, true);
                true
            }
            _ => false,
        }
    }

    fn reached_otherwise(&mut self, says: &mut Being, change: Change) -> bool {
        match change {
            Change::PlusTag => replaced(&mut says.email, |email| {
                let (local, domain) = email.split_once('@')?;
                matches!(domain, "gmail.com" | "outlook.com").then(|| format!("{local}+news@{domain}"))
            }),
            Change::Dots => replaced(&mut says.email, |email| {
                let (local, domain) =
                    email.split_once('@').filter(|(local, d)| *d == "gmail.com" && local.contains('.'))?;
                Some(format!("{}@{domain}", local.replace('.', "")))
            }),
            Change::ProviderTypo => replaced(&mut says.email, |email| {
                let typo = [("gmail.com", "gmial.com"), ("outlook.com", "outlok.com"), ("seznam.cz", "sezmam.cz")];
                typo.iter().find_map(|(right, wrong)| Some(format!("{}{wrong}", email.strip_suffix(right)?)))
            }),
            Change::PhoneFormat => replaced(&mut says.mobile, |mobile| {
                let national =
                    ["+33", "+44", "+49", "+420", "+98"].iter().find_map(|code| mobile.strip_prefix(code))?;
                Some(format!("0{national}"))
            }),
            Change::CompanyForm => match &mut says.company {
                Some(company) => {
                    company.form = "";
                    true
                }
                None => false,
            },
            Change::NewJob => {
                if says.company.is_none() || says.mobile.is_none() {
                    return false;
                }
                says.company = Some(self.company(says.tongue));
                says.email = Some(self.email(says));
                true
            }
            Change::NewAddress => {
                if says.email.is_none() || says.mobile.is_none() {
                    return false;
                }
                says.email = Some(self.email(says));
                true
            }
            _ => false,
        }
    }

    /// Changes what somebody says until it is somebody else; false where that cannot be.
    fn other(&mut self, says: &mut Being, change: Change) -> bool {
        let (tongue, before) = (says.tongue, says.first.clone());
        match change {
            Change::FamilyMailbox => {
                says.mobile = None;
                says.born = None;
                self.another_given(says, None);
                says.email.is_some() && says.company.is_none()
            }
            Change::SharedMailbox => {
                let Some(company) = &says.company else { return false };
                says.email = Some(format!("info@{}", company.domain));
                (says.mobile, says.landline, says.house, says.born) = (None, None, None, None);
                self.another_given(says, None);
                let (family, latin) = names::family(&mut self.dice, tongue);
                (says.last, says.family_latin) = (names::borne(&family, tongue, says.first.woman), latin);
                true
            }
            Change::Sibling | Change::Twin => {
                if says.house.is_none() {
                    return false;
                }
                self.another_given(says, None);
                says.mobile = None;
                says.email = Some(self.email(says));
                if change == Change::Sibling {
                    says.born = Some(self.born());
                }
                change == Change::Sibling || says.born.is_some()
            }
            Change::FatherSonBorn => {
                let Some(parent) = says.born.clone().filter(|_| says.house.is_some()) else { return false };
                says.born = Some(self.born_after(&parent));
                (says.email, says.mobile) = (None, None);
                true
            }
            Change::FatherSonMobile => {
                let known = says.mobile.is_some() && says.house.is_some();
                says.mobile = Some(self.phone(tongue, true));
                (says.email, says.born) = (None, None);
                known
            }
            Change::FatherSonEmail => {
                let known = says.email.is_some() && says.house.is_some() && says.company.is_none();
                says.email =
                    Some(format!("{}{}@gmail.com", self.dice.one(&["bike", "zorro", "luna"]), self.dice.digits(5)));
                (says.mobile, says.born) = (None, None);
                known
            }
            Change::Colleague => {
                let Some(company) = says.company.clone() else { return false };
                self.another_given(says, None);
                let (family, latin) = names::family(&mut self.dice, tongue);
                (says.last, says.family_latin) = (names::borne(&family, tongue, says.first.woman), latin);
                (says.mobile, says.house, says.born) = (None, None, None);
                says.landline = Some(company.phone.clone());
                says.email = Some(format!("{}.{}@{}", says.latin().0, says.latin().1, company.domain));
                before.name != says.first.name
            }
            Change::Namesake => {
                let (first, last) = (says.first.clone(), says.last.clone());
                *says = Being { first, last, ..self.being() };
                says.tongue = tongue;
                says.email = Some(self.email(says));
                true
            }
            Change::Franchise => {
                let (place, phone) = (self.place(tongue), self.phone(tongue, false));
                let Some(company) = &mut says.company else { return false };
                (company.place, company.phone) = (place, phone);
                company.domain = format!("{}.{}", self.dice.digits(4), company.domain);
                self.another_given(says, None);
                let (family, latin) = names::family(&mut self.dice, tongue);
                (says.last, says.family_latin) = (names::borne(&family, tongue, says.first.woman), latin);
                (says.mobile, says.house, says.born, says.landline) = (None, None, None, None);
                says.email = Some(self.email(says));
                before.name != says.first.name
            }
            _ => false,
        }
    }

    /// Another given name, and the surname as it goes with that.
    fn another_given(&mut self, says: &mut Being, woman: Option<bool>) {
        let before = says.first.name.clone();
        // Names of which one is short for the other may be one person.
        let like = |given: &names::Given1| {
            given.name == before || given.short.as_deref() == Some(&before) || given.name.get(..2) == before.get(..2)
        };
        loop {
            let given = names::given(&mut self.dice, says.tongue, woman);
            if !like(&given) {
                says.last = names::borne(&says.family, says.tongue, given.woman);
                says.first = given;
                return;
            }
        }
    }
}

fn replaced(value: &mut Option<String>, by: impl Fn(&str) -> Option<String>) -> bool {
    let new = value.as_deref().and_then(by);
    let changed = new.is_some();
    if changed {
        *value = new;
    }
    changed
}
