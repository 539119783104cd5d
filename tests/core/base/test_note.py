"""Notes, and the registry of their codes: what the source emits, what is registered and what docs list are one."""

import ast
import re
from pathlib import Path

import attrs
import pytest

import fpframe
from fpframe.base import CAVEATS, REASONS, Note

ROOT = Path(__file__).parents[3]


def emitted(folder: str) -> set[str]:
    """Return the codes of all notes that the sources below a folder make."""
    codes = set()
    for path in (ROOT / folder).rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Note", "fpframe.Note"):
                code = node.args[0]
                assert isinstance(code, ast.Constant), f"{path}:{node.lineno}: write the code of a note as a literal"
                codes.add(code.value)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Note.read":
                [bare] = [keyword.value for keyword in node.keywords if keyword.arg == "bare"]
                codes.add(ast.literal_eval(constants.get(ast.unparse(bare), bare)))
    return codes


def listed(page: str, heading: str) -> dict[str, list[str]]:
    """Return the rows of the tables of a section whose first cell is a code."""
    text = (ROOT / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:3] == "| `"]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_every_code_that_the_source_emits_is_registered_and_no_other():
    assert emitted("fpframe") | emitted("plugins") == set(REASONS) | set(CAVEATS)
    assert not set(REASONS) & set(CAVEATS)


def test_the_docs_list_every_reason_as_it_is_registered_and_no_other():
    rows = listed("docs/explanation/verdicts.md", "Inconclusive")
    assert rows == {code: [reason.meaning, reason.whose, reason.remedy] for code, reason in REASONS.items()}
    assert list(REASONS) == sorted(REASONS)


def test_the_docs_list_every_caveat_as_it_is_registered_and_no_other():
    assert listed("docs/explanation/verdicts.md", "Caveats") == {code: [meaning] for code, meaning in CAVEATS.items()}
    assert list(CAVEATS) == sorted(CAVEATS)


def test_meanings_are_sentences_and_codes_are_words():
    for code, meaning in {**CAVEATS, **{code: reason.meaning for code, reason in REASONS.items()}}.items():
        assert re.fullmatch(r"[A-Z].*\.", meaning), code
        Note(code, meaning)


@pytest.mark.parametrize("code", ["", "Views", "views_disagree", "-views", "views--disagree", "views disagree", "1st"])
def test_a_code_is_words_in_lower_case_with_hyphens(code):
    with pytest.raises(ValueError, match="'code' must match"):
        Note(code, "A sentence.")


@pytest.mark.parametrize("text", ["", " ", " Padded."])
def test_a_note_says_something(text):
    with pytest.raises(ValueError, match="'text' must match"):
        Note("code", text)


def test_a_note_is_a_value_that_cannot_change_and_comes_back_from_its_data():
    note = fpframe.Note("views-disagree", "The views\ndisagree.")
    assert note == Note("views-disagree", "The views\ndisagree.") == Note.read(note.to_dict(), bare="other")
    assert len({note, Note("views-disagree", "The views\ndisagree.")}) == 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError) as raised:
        note.code = "other"
    assert raised.value.msg == "can't set attribute"


def test_a_bare_sentence_gets_the_code_that_its_reader_names():
    assert Note.read("It was opened.", bare="suspect-source") == Note("suspect-source", "It was opened.")


@pytest.mark.parametrize("stored", [5, None, {"code": "a"}, {"code": "a", "text": "A.", "more": 1}, ["a", "A."]])
def test_what_is_no_note_is_refused(stored):
    with pytest.raises(ValueError, match="a note is a sentence, or has 'code' and 'text'"):
        Note.read(stored, bare="other")


@pytest.mark.parametrize("stored", [{"code": 5, "text": "A."}, {"code": "a", "text": None}])
def test_code_and_text_of_a_note_are_texts(stored):
    with pytest.raises(ValueError, match="code and text of a note are texts"):
        Note.read(stored, bare="other")
