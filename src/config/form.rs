//! `[[form]]`: website forms.
