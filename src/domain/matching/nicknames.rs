//! Short forms that stand for the same given name.

/// Names of one person, lower-case ASCII; a short form may stand for several.
const NICKNAMES: &[&[&str]] = &[
    &["robert", "bob", "bobby", "rob", "robbie"],
    &["william", "bill", "billy", "will", "willy"],
    &["richard", "dick", "rick", "rich"],
    &["james", "jim", "jimmy", "jamie"],
    &["john", "jack", "johnny", "jon"],
    &["jonathan", "jon", "jonny"],
    &["michael", "mike", "mick", "mickey"],
    &["thomas", "tom", "tommy", "tomas"],
    &["edward", "ed", "eddie", "ted", "ned"],
    &["charles", "charlie", "chuck"],
    &["christopher", "chris", "christophe"],
    &["christine", "chris", "christina", "tina"],
    &["elizabeth", "liz", "beth", "betty", "lisa", "eliska"],
    &["katherine", "catherine", "kate", "katie", "cathy", "katerina", "katka"],
    &["margaret", "maggie", "peggy", "meg", "marketa"],
    &["alexander", "alex", "alexandre", "sasha"],
    &["alexandra", "alex", "sandra", "sasa"],
    &["anthony", "tony", "antoine"],
    &["benjamin", "ben"],
    &["daniel", "dan", "danny"],
    &["david", "dave"],
    &["joseph", "joe", "jo", "josef", "pepa"],
    &["matthew", "matt", "matthieu"],
    &["nicholas", "nick", "nicolas"],
    &["patrick", "pat", "patricia"],
    &["samuel", "sam", "samantha"],
    &["stephen", "steve", "steven", "stephane"],
    &["susan", "sue", "susie"],
    &["frederic", "fred", "frederick"],
    &["jan", "honza", "jenda"],
    &["jiri", "jirka"],
    &["frantisek", "franta"],
    &["jakub", "kuba"],
    &["vaclav", "vasek"],
    &["jana", "janicka"],
    &["mohammad", "mohammed", "muhammad", "mohamed", "mamad"],
];

/// One of the names is a short form of the other, or both are of a third.
pub(super) fn same_nickname(a: &str, b: &str) -> bool {
    NICKNAMES.iter().any(|class| class.contains(&a) && class.contains(&b))
}
