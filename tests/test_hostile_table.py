"""What has gone wrong with inputs of others, each with the tests that keep it from happening again."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CLI, ISOLATION = "core/cli/test_endings.py", "core/isolation"
FILES, SUSPECTS = f"{ISOLATION}/test_hostile_files.py", f"{ISOLATION}/test_hostile_suspects.py"
PICKLES, CHOOSING = "core/opening/test_hostile_checkpoints.py", "core/opening/test_choosing_weights.py"
CONSISTENCY = "core/enrolment/test_consistency.py"
ONE_LINE = "test_a_file_that_cannot_be_used_ends_in_one_line"
DAMAGED = "test_an_enrolment_that_is_damaged_ends_in_one_line"
BADLY = "test_a_suspect_that_ends_badly_is_one_line_with_its_cause"
BEFORE_WORK = "test_a_name_or_a_place_that_cannot_be_used_is_refused_before_any_work"

#: By what went wrong: file, test, and the case of it where it has several.
TABLE: dict[str, list[tuple[str, str, str]]] = {
    # code runs
    "a .pt2 runs code": [
        (FILES, "test_a_program_that_can_run_code_is_refused_unless_its_author_is_trusted", '"sample_inputs"'),
        (FILES, "test_a_program_that_can_run_code_is_refused_unless_its_author_is_trusted", '"weights"'),
        (FILES, "test_a_program_that_can_run_code_is_refused_unless_its_author_is_trusted", '"models"'),
        (FILES, "test_the_command_opens_a_program_only_when_it_is_told_to", ""),
        (FILES, "test_what_a_trusted_program_runs_is_kept_from_writing_all_the_same", ""),
        (FILES, "test_that_code_was_trusted_stands_in_the_verdict", ""),
    ],
    "a .pt2 among independent models runs code": [
        ("core/enrolment/test_recalibrate.py", "test_networks_of_every_kind_of_file_calibrate_together", "pt2"),
    ],
    "a pickle runs code": [
        ("core/opening/test_weights.py", "test_a_pickled_state_dict_is_read_in_a_process_of_its_own", ""),
        (PICKLES, "test_a_payload_beside_weights_does_not_run_and_they_are_read", '"a system\'s function"'),
        (PICKLES, "test_a_payload_in_the_place_of_a_weight_does_not_run_and_is_a_weight_that_is_missing", ""),
        (PICKLES, "test_instructions_that_no_library_writes_run_nothing", '"NEWOBJ"'),
        (PICKLES, "test_a_program_is_not_run_even_where_it_looks_like_a_state_dict", ""),
        (FILES, "test_a_checkpoint_is_read_in_the_suspects_process_without_running_and_its_notes_come_back", ""),
    ],
    "a pickle without an end": [
        (PICKLES, "test_containers_that_contain_themselves_or_multiply_are_looked_at_once", ""),
        (PICKLES, "test_containers_without_an_end_are_refused", ""),
        (PICKLES, "test_pickles_in_pickles_have_an_end", ""),
    ],
    "weights that are another model's": [
        (CHOOSING, "test_weights_that_could_be_two_are_refused_until_somebody_says_which", '"a teacher beside its'),
        (CHOOSING, "test_weights_in_a_place_of_an_unknown_name_are_taken_only_where_somebody_names_it", '"a teacher"'),
    ],
    "an enrolment of somebody imports code": [
        ("core/opening/test_trust.py", "test_an_enrolment_is_not_followed_to_code_that_its_recipe_names", ""),
        ("core/opening/test_trust.py", "test_nor_to_code_that_its_manifest_names", ""),
        ("core/opening/test_trust.py", "test_nor_is_a_list_of_models_that_lies_beside_them", ""),
    ],
    "a plan imports code": [
        ("core/opening/test_trust.py", "test_to_look_at_a_recipe_imports_nothing_that_it_names", "")
    ],
    # lies
    "lowered scores": [
        (CONSISTENCY, "test_a_table_of_scores_that_does_not_follow_is_refused", '"every score is lower"')
    ],
    "fewer answers, one view, swapped encoders": [
        (CONSISTENCY, "test_members_that_do_not_fit_one_another_are_refused", '"fewer calibration answers"'),
        (CONSISTENCY, "test_members_that_do_not_fit_one_another_are_refused", '"one view of the queries"'),
        (CONSISTENCY, "test_members_that_do_not_fit_one_another_are_refused", '"encoders swapped"'),
    ],
    "no parts, no victim": [
        (CONSISTENCY, "test_a_manifest_that_says_something_else_is_refused", '"no parts"'),
        (CONSISTENCY, "test_a_manifest_that_says_something_else_is_refused", '"nothing of the victim"'),
    ],
    "strata renamed, families split": [
        (CONSISTENCY, "test_a_table_of_scores_that_does_not_follow_is_refused", '"all of one stratum"'),
        (CONSISTENCY, "test_the_kind_of_a_model_follows_from_its_lineage", ""),
        (CONSISTENCY, "test_what_follows_from_another_part_and_differs_is_refused", '"one family told as several"'),
    ],
    "models copied under other names": [
        (CONSISTENCY, "test_models_that_are_copied_under_new_families_count_once", ""),
        (CONSISTENCY, "test_copies_of_the_victim_are_one_model_and_too_few_to_accuse_anybody_or_to_clear_them", ""),
    ],
    "a recipe, pairs, accuracies of something else": [
        (CONSISTENCY, "test_what_follows_from_another_part_and_differs_is_refused", '"a recipe of other channels"'),
        (CONSISTENCY, "test_what_follows_from_another_part_and_differs_is_refused", '"other query images"'),
        (CONSISTENCY, "test_what_follows_from_another_part_and_differs_is_refused", '"two accuracies of the victim"'),
        (
            "core/enrolment/test_recalibrate.py",
            "test_an_enrolment_whose_ability_was_measured_by_other_labels_is_refused",
            "",
        ),
    ],
    "a key twice": [
        ("core/enrolment/test_format.py", "test_scores_that_could_be_read_in_two_ways_or_do_not_fit_are_refused", ""),
        ("core/base/test_jsontext.py", "test_everything_else_is_refused", ""),
    ],
    "the profile is in no digest": [(CONSISTENCY, "test_every_byte_of_a_manifest_is_under_a_digest", "")],
    "white space behind a manifest": [(CONSISTENCY, "test_nothing_stands_behind_a_manifest", "")],
    "exit 0 without a verdict": [
        (SUSPECTS, BADLY, '"exits_with_0"'),
        (SUSPECTS, BADLY, '"exits_at_once_with_0"'),
        (FILES, "test_the_command_gives_a_verdict_or_a_code_that_is_not_0", ""),
        (CLI, "test_code_that_leaves_the_process_in_the_middle_is_named_and_never_a_success", ""),
        (CLI, "test_whatever_is_raised_has_a_code_and_one_line", '"an end by somebody else"'),
    ],
    "a crash, an abort, a kill without a message": [
        (SUSPECTS, BADLY, '"crashes"'),
        (SUSPECTS, BADLY, '"aborts"'),
        (SUSPECTS, BADLY, '"kills_itself"'),
    ],
    "a digest that does not cover the weights": [
        (
            "plugins/suspects/test_onnx.py",
            "test_the_digest_of_an_onnx_file_covers_weights_in_files_of_any_name",
            "",
        ),
    ],
    "a generator that changes the victim, exits, returns nothing": [
        ("core/interfaces/test_fence.py", "test_a_model_that_a_component_changes_is_as_it_was", ""),
        ("core/interfaces/test_fence.py", "test_what_goes_wrong_in_a_component_is_one_error_that_names_it", ""),
    ],
    "a delta of 9": [
        ("core/interfaces/test_fence.py", "test_a_perturbation_in_grey_levels_is_refused", ""),
        (CONSISTENCY, "test_a_manifest_that_says_something_else_is_refused", '"a larger perturbation"'),
    ],
    "a suspect that answers by its batch": [
        ("core/verification/test_declared.py", "test_a_suspect_that_answers_by_the_batch_gets_no_verdict", ""),
    ],
    "scores that are taken for logits": [
        ("core/models/answers/test_answer_reader.py", "test_answers_are_read_as_what_they_are", ""),
        (
            "core/models/answers/test_answer_reader.py",
            "test_no_way_to_answer_is_taken_for_another_with_other_labels",
            "",
        ),
    ],
    # lost
    "a failure in the last probe": [
        ("core/verification/test_unfinished.py", "test_a_failing_way_to_a_suspect_is_never_called_its_behaviour", "42"),
        ("core/isolation/test_journal.py", "test_a_questioning_goes_on_where_it_ended_and_sends_nothing_again", ""),
    ],
    "a failure in one view or a later one": [
        (
            "core/verification/test_unfinished.py",
            "test_a_failing_way_to_a_suspect_is_never_called_its_behaviour",
            "4, 5",
        ),
    ],
    "the second suspect fails": [
        (
            "core/verification/test_unfinished.py",
            "test_the_command_prints_the_verdicts_that_stand_and_ends_with_the_code_of_the_failure",
            "",
        ),
        (
            "core/verification/test_unfinished.py",
            "test_the_other_suspects_get_the_verdicts_that_they_would_get_beside_one_that_is_not_shown",
            "",
        ),
    ],
    "many damaged entries of the store": [
        ("core/zoo/test_zoo.py", "test_whatever_is_damaged_is_mended_within_one_run", ""),
    ],
    "an output inside an enrolment": [
        (CLI, BEFORE_WORK, "verify e a.onnx --report e/report.html"),
        ("core/store/test_output.py", "test_nothing_is_written_into_an_enrolment", ""),
    ],
    "an output that cannot be written": [
        (CLI, BEFORE_WORK, "enroll --recipe tiny --out /proc/nowhere/e"),
        ("core/store/test_output.py", "test_a_place_that_cannot_be_written_to_is_found_out_at_once", ""),
    ],
    # hangs
    "a suspect that sleeps, or hears no signal": [
        (SUSPECTS, "test_a_suspect_that_hangs_is_ended", '"sleeps"'),
        (SUSPECTS, "test_a_suspect_that_hangs_is_ended", '"loops_whatever_it_is_told"'),
    ],
    "a network that loops": [(FILES, "test_a_network_that_loops_for_ever_is_ended", "")],
    "a pipe as a member, as answers, as a file": [
        (CLI, DAMAGED, '"a member is a pipe"'),
        (CLI, ONE_LINE, '"answers that are a pipe"'),
        (CLI, ONE_LINE, '"a model that is a pipe"'),
        ("core/store/test_sealed.py", "test_a_pipe_is_no_member_and_nobody_waits_for_it", ""),
        (FILES, "test_what_is_not_a_regular_file_is_not_opened", ""),
    ],
    "a plugin that hangs, in every command": [
        ("test_failing_plugins.py", "test_a_second_look_costs_no_child_process", "")
    ],
    # memory
    "a network of 3 KB that takes all memory": [
        (FILES, "test_a_small_file_of_a_network_that_needs_all_memory_is_ended", ""),
    ],
    "weights that are a hole": [
        (
            FILES,
            "test_weights_that_cannot_be_the_networks_are_refused_before_memory_is_spent_on_them",
            '"two-gigabytes-of-nothing"',
        ),
        (
            FILES,
            "test_weights_that_cannot_be_the_networks_are_refused_before_memory_is_spent_on_them",
            '"a-name-twice"',
        ),
    ],
    "answers that unpack without an end": [(CLI, ONE_LINE, '"answers that unpack without an end"')],
    "a member that never ends, or is a hole": [
        (CLI, DAMAGED, '"a member never ends"'),
        ("core/store/test_sealed.py", "test_a_member_is_read_no_further_than_the_manifest_says", ""),
    ],
    "a recipe of a thousand million models": [(CLI, ONE_LINE, '"a recipe of endless models"')],
    "files of a suspect that fill the disk": [(SUSPECTS, "test_a_suspect_fills_no_disk_nor_all_memory_by_files", "")],
    # tracebacks
    "deep TOML, deep JSON": [
        (CLI, ONE_LINE, '"deep TOML"'),
        (CLI, ONE_LINE, '"answers about which deep JSON speaks"'),
        (CLI, DAMAGED, '"the manifest is deep"'),
    ],
    "a number of 5000 digits": [
        (CLI, ONE_LINE, '"a number of 5000 digits"'),
        (CLI, DAMAGED, '"the manifest has a long number"'),
    ],
    "a name of 300 letters": [(CLI, BEFORE_WORK, "File name too long")],
    "a number that is none": [(CLI, DAMAGED, '"scores are not finite"')],
    "streams that are full or closed": [
        (CLI, "test_a_full_standard_output_is_no_success", ""),
        (CLI, "test_a_closed_standard_output_is_refused_before_anything_is_done", ""),
        (CLI, "test_a_closed_standard_error_keeps_no_result_back", ""),
        (CLI, "test_the_real_command_ends_as_it_should", "> /dev/full"),
    ],
    "an encoding that lacks letters": [
        (CLI, "test_an_encoding_that_lacks_a_letter_is_no_fault", ""),
        (CLI, "test_the_real_command_ends_as_it_should", "PYTHONIOENCODING=ascii"),
    ],
    "declared rows without an end": [
        (CLI, ONE_LINE, '"answers without an end"'),
        (CLI, ONE_LINE, '"indices without an end"'),
    ],
    "a manifest that may not be read": [
        ("core/store/test_sealed.py", "test_what_may_not_be_read_is_not_called_missing", ""),
    ],
    "no current folder, no home": [
        (CLI, "test_a_current_folder_that_is_gone_is_named", ""),
        (CLI, "test_without_a_home_the_store_has_to_be_named", ""),
    ],
    "answers that are sparse, complex, nothing": [
        (SUSPECTS, BADLY, '"returns_sparse"'),
        (SUSPECTS, BADLY, '"returns_complex"'),
        (SUSPECTS, BADLY, '"returns_none"'),
    ],
    "whatever nobody thought of": [
        (CLI, "test_whatever_is_raised_has_a_code_and_one_line", '"a fault"'),
        ("fuzz/test_fuzz.py", "test_damaged_inputs_are_read_or_refused", ""),
        ("fuzz/test_fuzz.py", "test_anything_is_read_or_refused", ""),
    ],
    # unclear
    "a pointer, or a page, in place of a model": [
        (CLI, ONE_LINE, '"a .pt that is a pointer"'),
        (CLI, ONE_LINE, '"a .pt that is a page"'),
    ],
    "a mark at the beginning of a text": [
        ("core/recipe/test_recipe.py", "test_a_mark_that_says_that_a_file_is_utf_8_is_no_part_of_it", ""),
    ],
    "advice that does not fit": [
        ("core/models/test_failing.py", "test_the_advice_fits_what_failed", ""),
        (SUSPECTS, BADLY, '"raises_of_shapes"'),
        (SUSPECTS, BADLY, '"raises_a_key_error"'),
    ],
    "names that a terminal obeys": [
        (CLI, "test_a_name_does_nothing_to_the_terminal", ""),
        (CLI, "test_what_recorded_answers_say_does_nothing_to_the_terminal", ""),
        (SUSPECTS, "test_what_a_suspect_prints_goes_to_standard_error_without_what_a_terminal_obeys", ""),
    ],
}


@cache
def defined(file: str) -> tuple[str, list[str]]:
    """Return the text of a file of tests, and the tests in it."""
    text = (HERE / file).read_text(encoding="utf-8")
    return text, [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("wrong", TABLE)
def test_whatever_went_wrong_once_has_its_tests(wrong: str) -> None:
    for file, name, case in TABLE[wrong]:
        text, names = defined(file)
        assert name in names, (file, name)
        assert case in text, (file, case)
