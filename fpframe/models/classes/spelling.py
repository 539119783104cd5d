"""Find the victim's classes by the names that somebody else gives them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import attrs

from fpframe.errors import UsageError

#: What is said of names that were found although they are spelt differently.
_RULE = "case, and spaces, underscores and hyphens between words, were not counted"


def plain_spelling(name: str) -> str:
    """Return a name without what spellings differ in: case, form of letters, and what stands between words.

    ``Traffic_Light``, ``traffic-light`` and ``traffic  light`` are one.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return re.sub(r"[\s_\-]+", " ", folded).strip()


@attrs.frozen
class FoundNames:
    """Which of the victim's classes names stand for.

    Attributes:
        means: by name, the number of the victim's class; ``None`` where the victim has no such class.
        respelt: names that are spelt differently there, each with the victim's spelling.
    """

    means: tuple[int | None, ...]
    respelt: tuple[tuple[str, str], ...] = ()

    @property
    def spelling(self) -> str:
        """What is to be said about differences of spelling; empty where there are none."""
        if not self.respelt:
            return ""
        shown = "; ".join(f"'{said}' was taken for '{victim}'" for said, victim in self.respelt[:3])
        return f"{shown}{'; and so on' if len(self.respelt) > 3 else ''} ({_RULE})"


def find_names(said: Sequence[str | None], victim: Sequence[str]) -> FoundNames:
    """Find names among the victim's: those that are equal first, and the others by `plain_spelling`.

    Args:
        said: what a suspect's classes are called; ``None`` for one of which nothing is known.
        victim: the victim's names, all different.

    Raises:
        UsageError: a name occurs twice, or may stand for several classes.
    """
    twice = [name for name, count in Counter(name for name in said if name is not None).items() if count > 1]
    if twice:
        raise UsageError(f"the class '{twice[0]}' is named twice; give each class a name of its own")
    number = {name: place for place, name in enumerate(victim)}
    means = [number.get(name) if name is not None else None for name in said]
    open_said = [place for place, name in enumerate(said) if name is not None and means[place] is None]
    open_victim = sorted(set(range(len(victim))) - set(means))
    ours: dict[str, list[int]] = {}
    theirs: dict[str, list[int]] = {}
    for place in open_said:
        theirs.setdefault(plain_spelling(str(said[place])), []).append(place)
    for place in open_victim:
        ours.setdefault(plain_spelling(victim[place]), []).append(place)
    respelt = []
    for spelling, places in theirs.items():
        found = ours.get(spelling, [])
        if found and (len(found) > 1 or len(places) > 1):
            names = [*(f"'{said[place]}'" for place in places), *(f"'{victim[place]}'" for place in found)]
            raise UsageError(
                f"names of classes differ in spelling alone ({', '.join(names)}), so nobody can tell which is which; "
                "write them as the victim does"
            )
        if found:
            means[places[0]] = found[0]
            respelt.append((str(said[places[0]]), victim[found[0]]))
    return FoundNames(tuple(means), tuple(respelt))
