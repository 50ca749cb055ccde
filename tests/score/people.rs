//! Made people: confusions by how arrivals were changed.

use pisteur::domain::matching::model::Model;

use crate::generated::crm::Change;
use crate::generated::crm::measure::Scene;

/// Prints the tables: arrivals of a usual month, of all kinds alike, and of families and shared mailboxes alone. `MIX=`
/// chooses one by a word of its name.
pub fn score(contacts: usize, verbose: bool) {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let usual = Change::usual();
    let mixes =
        [("a usual month", &usual[..]), ("all kinds", &Change::ALL), ("families and shared mailboxes", &Change::CLOSE)];
    let only = std::env::var("MIX").unwrap_or_default();
    for (what, kinds) in mixes.into_iter().filter(|(what, _)| what.contains(&only)) {
        let scene = Scene::of(seed, contacts, contacts * 5, kinds);
        for (name, model) in [("weights of the start", Model::start()), ("fitted weights", scene.fitted())] {
            let table = runtime.block_on(scene.measure(model));
            println!("{contacts} contacts, {} arrivals, {what}, {name}\n{}", scene.arrivals.len(), table.text());
            for example in table.examples.iter().filter(|_| verbose) {
                println!("{}\n", example.chars().take(1_400).collect::<String>());
            }
        }
    }
}
