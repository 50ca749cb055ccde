//! Made people of five countries: who is taken for whom, by how their arrivals were changed.

use pisteur::domain::matching::model::Model;

use crate::reading::generated::crm::Change;
use crate::reading::generated::crm::measure::{Scene, Table, Tally};

const CONTACTS: usize = 250;
const ARRIVALS: usize = 1_250;

/// With the weights of the start, and with fitted ones.
async fn measured(kinds: &[Change]) -> [Table; 2] {
    let scene = Scene::of(3, CONTACTS, ARRIVALS, kinds);
    [scene.measure(Model::start()).await, scene.measure(scene.fitted()).await]
}

fn of(table: &Table, change: Change) -> Tally {
    table.kinds.get(&change).copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_known_again_whatever_changed_and_seldom_taken_for_others() {
    for table in measured(&Change::ALL).await {
        let (taken, wrong) = table.automatic();
        assert!(taken > 400 && wrong * 100 <= taken, "{}\n{:#?}", table.text(), table.examples);
        for change in &Change::ALL[..14] {
            let Tally { right, wrong, review, new } = of(&table, *change);
            assert_eq!((wrong, new), (0, 0), "{change:?} loses nobody\n{}", table.text());
            assert!(right >= review * 4, "{change:?} is mostly certain\n{}", table.text());
        }
        assert_eq!(table.contacts.wrong, 0, "different people stay apart\n{}", table.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn colleagues_namesakes_fathers_and_sons_are_a_question_or_somebody_new() {
    for table in measured(&Change::CLOSE).await {
        for change in [
            Change::SharedMailbox,
            Change::FatherSonBorn,
            Change::FatherSonMobile,
            Change::FatherSonEmail,
            Change::Colleague,
            Change::Namesake,
        ] {
            let Tally { right, wrong, review, new } = of(&table, change);
            assert!(review + new > 20, "there are some: {change:?}");
            assert_eq!((right, wrong), (0, 0), "{change:?}\n{}\n{:#?}", table.text(), table.examples);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_usual_month_asks_few_questions() {
    for table in measured(&Change::usual()).await {
        let (taken, wrong) = table.automatic();
        assert!(taken > 400 && wrong == 0, "{}\n{:#?}", table.text(), table.examples);
        assert!(table.review_share() <= 0.03, "{}", table.text());
    }
}
