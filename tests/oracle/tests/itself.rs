//! Tests the oracle's description of itself, and that the search of small programs leaves nothing out.

use grisaille_oracle::checks;

macro_rules! tests {
    ($($name:ident)*) => {
        $(#[test] fn $name() { checks::$name(); })*
    };
}

tests! {
    every_operation_is_selected
    every_operation_has_a_row
    every_kind_is_selected
    an_ephemeron_keeps_its_value_for_its_key_only
    a_weak_map_keeps_its_values_for_their_keys_only
    from_one_state_there_is_one_future
    what_is_not_extended_leads_to_nothing_new
    steps_in_one_run_are_steps
    what_is_found_fails_for_others_too
}
