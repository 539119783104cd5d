"""What is said about the classes of a suspect: what prevents a verdict, and what the reader of one should know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from fpframe.base import Note
from fpframe.enrolment import Ability, found_order
from fpframe.models.classes import FEWEST, ClassMap, SharedClasses, enough_images, listed

#: Share of the compared queries that a suspect may answer with classes that the victim does not tell.
MOST_OUTSIDE = 0.1
#: Classes that are named in a message.
_SHOWN = 5


def too_few(classes: ClassMap, shared: SharedClasses | None) -> Note | None:
    """Look for a suspect that shares too few classes with the victim for a comparison."""
    count, labels = len(classes.shared), 0 if shared is None or not classes.shared else shared.labels
    if count >= 2 and (shared is None or labels >= 2):
        return None
    left = f"only {count} of the victim's {len(classes.victim)} classes"
    if count >= 2:
        left = f"{count} of {len(classes.victim)} classes, and the victim answers the queries of a view with {labels}"
    return Note(
        "classes-too-few",
        f"The suspect tells {left}, so there is nothing to compare. Check the names of its classes (--classes).",
    )


def unmatched(why: str) -> Note:
    """Say that labelled images do not show which class is which."""
    return Note(
        "classes-not-matched",
        f"The labelled images do not show which of the suspect's classes is which of the victim's: {why}. Name its "
        "classes with --classes.",
    )


def other_order(given: Tensor, truth: Tensor, classes: ClassMap, *, images: Tensor) -> Note | None:
    """Look for another order of the classes that fits a suspect's answers far better.

    Args:
        given: its labels ``(A,)`` for labelled images of the shared classes, by the victim's numbers; -1 for none.
        truth: the true ones ``(A,)``.
        classes: how its classes are taken.
        images: the true classes of all labelled images.
    """
    shared = list(classes.shared)
    place = {number: at for at, number in enumerate(shared)}
    known = given >= 0
    ours = torch.tensor([place[int(label)] for label in given[known]], dtype=torch.long)
    theirs = torch.tensor([place[int(label)] for label in truth[known]], dtype=torch.long)
    means = found_order(ours, theirs, len(shared))
    if means is None:
        return None
    right = int((torch.tensor(means)[ours] == theirs).sum())
    own = {meant: number for number, meant in enumerate(classes.means) if meant is not None}
    moved = [
        f"its class {_called(classes, own[shared[label]])} looks like the victim's {_numbered(classes, shared[meant])}"
        for label, meant in enumerate(means)
        if label != meant
    ]
    return Note(
        "classes-in-another-order",
        f"The suspect's classes seem to be in another order: it gets {int((ours == theirs).sum())} of {len(given)} "
        f"labelled images right as they are taken, and {right} where {'; '.join(moved[:_SHOWN])}"
        f"{'; and so on' if len(moved) > _SHOWN else ''}. {_advice(classes, images)}",
    )


def _advice(classes: ClassMap, images: Tensor) -> str:
    count = len(classes.victim)
    if classes.how == "named" or len(classes.means) != count:
        return "Check the names of its classes (--classes)."
    if enough_images(images, count):
        return "--match-classes compares it in the order that labelled images show; or name its classes with --classes."
    return (
        f"Name its classes with --classes: {len(images)} labelled images are too few to match {count} classes by them "
        f"({FEWEST} of each are needed)."
    )


def left_out(given: Tensor, truth: Tensor, classes: ClassMap) -> Note | None:
    """Look for a class that both tell, as labelled images show, and that somebody left out.

    Args:
        given: the suspect's labels ``(A,)`` for the labelled images, by its own numbers.
        truth: the true ones ``(A,)``.
        classes: how its classes are taken.
    """
    strange = [number for number, meant in enumerate(classes.means) if meant is None]
    for number in strange:
        for lacking in sorted(set(range(len(classes.victim))) - set(classes.shared)):
            said, shown = given == number, truth == lacking
            both = int((said & shown).sum())
            if both >= FEWEST and 2 * both > max(int(said.sum()), int(shown.sum())):
                return Note(
                    "classes-left-out",
                    f"The suspect's class {_called(classes, number)} looks like the victim's "
                    f"{_numbered(classes, lacking)} ({both} of {int(shown.sum())} labelled images), and what was said "
                    "of its classes leaves both out. Name all classes that both tell with --classes.",
                )
    return None


def outside(silent: int, compared: int) -> Note | None:
    """Look for a suspect that answers many queries with classes that the victim does not tell."""
    if silent <= MOST_OUTSIDE * compared:
        return None
    return Note(
        "classes-outside",
        f"The suspect answers {silent} of {compared} queries with classes that the victim does not tell, so that "
        "little is left to compare. Ask it where it reveals probabilities of all its classes.",
    )


def class_caveats(classes: ClassMap, shared: SharedClasses | None) -> Iterator[Note]:
    """Yield what the reader of a verdict should know of how the classes were compared."""
    if classes.how == "named":
        yield Note("classes-named", f"Somebody said which classes the suspect tells: {_order(classes)}.")
    elif classes.how == "own" and classes.changes:
        yield Note("classes-own-names", f"The suspect's own files say which classes it tells: {_order(classes)}.")
    elif classes.how == "matched":
        yield Note(
            "classes-matched",
            f"The suspect's classes were taken in the order in which it gets most labelled images right: "
            f"{_order(classes)}. Each calibration model was matched in the same way.",
        )
    elif classes.how == "order" and classes.names and _tell_something(classes.names):
        yield Note(
            "classes-not-compared",
            f"The suspect's own files call its classes {listed(classes.names)}, and the victim's are "
            f"{listed(classes.victim)}; they were taken in their order. Say which is which with --classes.",
        )
    if classes.spelling:
        yield Note("classes-respelt", f"Names of classes are spelt differently: {classes.spelling}.")
    if classes.further or shared is not None:
        yield _shared(classes, shared)


def never_given(given: Tensor, ability: Ability, classes: ClassMap) -> Note | None:
    """Look for classes that a suspect never answers with, where the victim and every calibration model do.

    Args:
        given: the suspect's labels ``(A,)`` for the labelled images, by the victim's numbers.
        ability: how the victim and the calibration models answer these.
        classes: how the suspect's classes are taken.
    """
    seen = [number for number in classes.shared if int((ability.truth == number).sum()) >= FEWEST]
    missing = [
        number
        for number in seen
        if not bool((given == number).any())
        and bool((ability.victim == number).any())
        and bool((ability.models == number).any(1).all())
    ]
    if not missing:
        return None
    names = listed(classes.victim[number] for number in missing)
    return Note(
        "class-never-given",
        f"The suspect never answers a labelled image with {names}, and each calibration model does. If it does not "
        "tell that class, say so with --classes (null in its place), and it is compared on the others.",
    )


def _shared(classes: ClassMap, shared: SharedClasses | None) -> Note:
    said = [f"Suspect and victim were compared on the {len(classes.shared)} classes that both tell"]
    if classes.lacking:
        said.append(f"the suspect does not tell {listed(classes.lacking)}")
    if classes.further:
        said.append(f"what it gives to further classes ({listed(classes.further)}) was left out")
    text = "; ".join(said)
    if shared is not None:
        kept, total = int(shared.kept.sum()), shared.kept.numel()
        text += (
            f". {kept} of {total} queries count, those that the victim answers with a shared class. The answers of the "
            "victim and of the calibration models were restricted in the same way, but these models have learnt the "
            "other classes too"
        )
    return Note("classes-shared", f"{text}.")


def _order(classes: ClassMap) -> str:
    pairs = [
        f"{_called(classes, number)} is the victim's {_numbered(classes, meant)}"
        for number, meant in enumerate(classes.means)
        if meant is not None and meant != number
    ]
    if not pairs:
        return "they are in the victim's order"
    return "; ".join(pairs[:_SHOWN]) + ("; and so on" if len(pairs) > _SHOWN else "")


def _called(classes: ClassMap, number: int) -> str:
    name = classes.names[number] if classes.names else ""
    return f"{number} ('{name}')" if name and name != str(number) else str(number)


def _numbered(classes: ClassMap, number: int) -> str:
    name = classes.victim[number]
    return f"{number} ('{name}')" if name != str(number) else str(number)


def _tell_something(names: Sequence[str]) -> bool:
    """Tell whether names are more than numbers, such as the LABEL_3 of a library."""
    return not all(name.removeprefix("LABEL_").isdigit() for name in names)
