//! The one verb: what is to be done with an arrival, given what is known and the rules.
