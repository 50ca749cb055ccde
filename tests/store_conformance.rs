//! What every engine of the store must do, as functions over one `Lab`, run on each engine.

mod books;
mod commits;
mod crowds;
mod dump;
mod erase;
mod jobs;
mod journal;
pub mod lab;
mod links;
mod mailboxes;
mod merges;
mod models;
mod people;
mod postgres;
mod reindex;
mod sqlite;
mod sweep;
mod visitors;

/// Runs the whole suite on one engine.
macro_rules! suite {
    ($engine:ident, $open:expr, { $($room:ident: $($test:ident),+;)+ }) => {
        mod $engine {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    let lab = $open.await;
                    super::$room::$test(&lab).await;
                    lab.end().await;
                }
            )+)+
        }
    };
}

/// The list of conformance tests; one line per engine below runs them all.
macro_rules! on {
    ($engine:ident, $open:expr) => {
        suite!($engine, $open, {
            journal: an_arrival_is_kept_byte_for_byte, an_empty_body_is_kept_as_an_empty_one,
                a_known_key_makes_a_repeat_without_a_job,
                a_repeat_keeps_its_bytes_only_when_they_differ, an_expired_key_is_taken_over,
                keys_that_ran_out_long_ago_are_forgotten,
                repeats_inside_one_batch_name_the_first, a_quarantined_arrival_has_no_job,
                a_held_arrival_takes_no_key_from_a_clean_one, what_was_looked_at_holds_nobody_back,
                simultaneous_repeats_make_one_original, another_content_under_a_chosen_key_is_no_repeat,
                simultaneous_edits_under_one_key_are_all_kept,
                a_chosen_key_beside_a_known_content_is_settled_once,
                what_was_edited_held_and_came_again_is_one_when_it_is_released, nul_and_odd_text_survive, lists_filter_and_page,
                an_arrival_is_put_back_and_discarded_by_hand;
            jobs: two_claimers_never_share_a_job, a_stale_lease_settles_nothing, an_expired_lease_is_a_suspect,
                a_lease_tells_how_many_bytes_wait, a_released_job_keeps_its_attempts, a_deferred_job_waits_untouched, a_delivery_that_waits_is_hastened, a_job_fails_and_comes_back,
                a_failed_arrival_is_listed_and_retried,
                an_effect_that_gives_up_is_a_dead_letter, a_reading_that_aborted_comes_back_as_a_suspect, a_delivered_effect_is_gone, workers_are_woken,
                a_quarantined_job_is_settled, figures_balance, a_wrong_clock_moves_no_job;
            commits: a_lead_is_written_whole, an_opportunity_makes_contact_and_organisation,
                an_unseen_key_is_a_conflict_and_writes_nothing, a_batch_conflicts_with_itself,
                sixty_four_variants_of_one_person_make_one_lead, appending_overwrites_nothing,
                a_lost_lease_is_fenced_and_writes_nothing, one_refused_decision_spares_the_others,
                a_conversation_is_found_by_message_id, a_conversation_is_found_by_the_mail_of_ours_that_answered_it,
                a_pool_is_dealt_fairly_under_concurrency,
                unsubscribing_marks_records_and_later_ones,
                an_address_that_could_not_be_reached_is_flagged_on_whoever_carries_it, a_generic_key_is_truncated_and_blocks_nothing,
                a_request_is_found_by_its_id_and_a_worn_out_id_asks_nothing,
                machine_mail_joins_and_touches_nothing, an_announcement_is_closed_when_its_lead_came,
                an_arrival_processed_again_says_nothing_twice,
                every_value_of_a_field_is_kept, our_own_mail_is_one_that_went_out, facts_fill_columns_or_custom_fields,
                statements_are_prepared_and_use_their_index;
            crowds: a_reused_message_id_costs_one_row_a_record,
                a_mailbox_with_hundreds_of_records_still_tells_its_person,
                a_search_key_of_hundreds_is_found_out_and_hides_nobody;
            mailboxes: a_cursor_moves_with_its_arrivals, a_lost_lock_moves_nothing, a_lock_has_one_holder,
                a_uid_seen_again_is_the_same_arrival, the_same_mail_in_two_mailboxes_is_a_repeat,
                fetch_attempts_and_secrets_are_kept, a_repeat_is_marked_on_its_server,
                a_repeat_of_held_mail_is_not_marked,
                fetches_below_the_cursor_are_forgotten;
            models: one_model_is_in_force_and_whoever_has_it_is_told_nothing,
                what_reviewers_said_is_learned_as_it_was_compared, every_profile_is_read_once_page_by_page,
                a_decision_is_made_once_more_among_what_was_there;
            people: contacts_are_imported_once, an_import_conflicts_with_an_unseen_record,
                people_and_rule_sets_are_kept, lists_of_records_filter_and_page,
                a_record_in_outline_is_what_deliveries_tell, the_known_states_are_listed,
                an_import_has_a_place_until_it_ends;
            reindex: records_are_known_by_what_is_stored_of_them, what_older_rules_made_goes_and_proof_stays,
                a_reindex_that_stops_anywhere_is_taken_up_again, commits_beside_a_reindex_lose_nothing,
                a_merge_is_undone_whole_whatever_was_reindexed_since,
                a_survivor_waits_as_long_as_whoever_joined_it_did, a_reindex_leaves_keys_alone_that_hundreds_carry;
            books: an_address_book_imported_again_changes_no_row, who_is_imported_again_with_more_was_changed,
                the_order_of_an_address_book_makes_no_difference, companies_are_told_by_their_numbers,
                how_many_records_there_are_is_never_far_from_the_truth;
            visitors: bounds_of_mail_are_exact_under_concurrency, a_mail_that_asks_again_is_the_same_mail,
                a_link_works_once_and_only_for_what_it_is, a_confirmation_puts_back_only_what_waited_for_it,
                bytes_kept_long_enough_go_and_nothing_else;
            erase: nothing_of_an_erased_person_is_left_in_any_column,
                records_of_an_erased_person_still_count_and_unsubscribing_still_holds,
                mentions_are_found_in_text_subject_and_fields_in_any_case,
                an_erasure_takes_the_work_from_whoever_has_it, an_erasure_beside_daemons_that_write_leaves_nothing;
            merges: a_merged_record_is_found_by_all_it_was_known_by, what_came_after_a_merge_stays_with_the_survivor,
                who_asked_for_no_mail_is_not_written_to_after_a_merge_and_its_undoing, what_cannot_be_merged_says_why,
                undoing_merges_gives_back_every_row_as_it_was,
                nothing_is_written_for_a_record_that_is_merged_at_that_moment, an_erased_person_is_not_kept_by_a_merge,
                a_merge_answers_the_questions_about_its_two, a_question_that_another_answer_settled_is_open_no_more,
                a_question_tells_both_records_and_why;
            links: a_lead_gets_its_contact_and_gives_it_back, a_lead_and_an_opportunity_are_of_one_contact,
                who_has_another_person_is_not_linked, a_link_of_an_erased_person_gives_nothing_back;
            sweep: twins_written_at_once_become_one_question, what_a_person_decided_is_not_asked_by_the_sweep,
                merged_and_erased_records_are_passed_over, records_of_one_person_and_of_two_kinds_are_not_asked_about,
                a_number_of_many_asks_nothing, what_is_written_while_it_is_compared_is_compared_again,
                two_who_sweep_at_once_ask_once;
        });
    };
}

on!(on_sqlite, super::lab::Lab::sqlite());
on!(on_postgres, super::postgres::lab());
