"""`Committed`: what was fixed before an enrolment was made, and the public randomness that decided its seeds."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import re
from typing import Any

import attrs
import cattrs

from fpframe.base import Leaf, explain, make_converter, merkle_root, read_time
from fpframe.errors import UsageError
from fpframe.parameters import number, whole
from fpframe.recipe import Recipe

#: The leaves that every commitment has, besides one for each component.
TERMS, RECIPE, VICTIM, DATA, CODE = "terms", "recipe", "victim", "data", "code"
#: Begins the names of the leaves of components.
COMPONENT = "component:"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_VALUE = re.compile(r"([0-9a-f]{2}){16,128}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@attrs.frozen(kw_only=True)
class Terms:
    """How suspects are judged, and how often one may try, as it was committed to.

    Attributes:
        beacon: the day, or the time in UTC, of the public randomness that seeds will follow from.
        alpha: the level of all allowed enrolments together.
        source: where that randomness will be published, for a reader.
        enrolments: how many of them are allowed; each is held to alpha divided by their number.
        test: how scores become a verdict.
        certify: whether the bounds are held to alpha, and not only p.
        channel: what suspects reveal.
        through: the answer filter that they answer through.
        zoo_seed: the public seed of data and models that several victims share; ``None`` where it follows from the
            beacon, as the other one always does.
        without: strata that are left out.
    """

    beacon: str
    alpha: float = attrs.field(validator=number(low=0, high=1, open_low=True))
    source: str = "drand"
    enrolments: int = attrs.field(default=1, validator=whole(low=1, high=1000))
    test: str = "conformal"
    certify: bool = False
    channel: str = "auto"
    through: str = "auto"
    zoo_seed: int | None = attrs.field(default=None, validator=whole(low=0, optional=True))
    without: tuple[str, ...] = ()

    @property
    def level(self) -> float:
        """The level that each enrolment is held to."""
        return self.alpha / self.enrolments

    @classmethod
    def read(cls, stored: object) -> Terms:
        """Return the terms of JSON-able data.

        Raises:
            ValueError: it is something else.
        """
        terms: Terms = _structure(stored, cls, "the committed terms")
        return terms


@attrs.frozen
class Beacon:
    """Public randomness that nobody could know before its time.

    Attributes:
        date: when it was published: a day such as ``2026-12-01``, or a time in UTC such as ``2026-12-01T12:00:00Z``.
        value: the random bytes in hexadecimal, 16 at least.

    Raises:
        UsageError: it cannot be read.
    """

    date: str
    value: str

    def __attrs_post_init__(self) -> None:
        if not _VALUE.fullmatch(self.value):
            raise UsageError(
                f"the value of a beacon is 16 to 128 bytes in lower-case hexadecimal (got '{self.value[:40]}')"
            )
        self.earliest  # noqa: B018  # which says what is wrong with the date

    @classmethod
    def parse(cls, text: str) -> Beacon:
        """Read ``DATE:HEX``.

        Raises:
            UsageError: it is something else.
        """
        date, colon, value = text.rpartition(":")
        if not colon:
            raise UsageError(f"a beacon is written DATE:HEX, such as 2026-12-01:5f3a... (got '{text[:60]}')")
        return cls(date, value)

    @property
    def earliest(self) -> datetime.datetime:
        """The earliest moment at which it can have been published."""
        try:
            if _DAY.fullmatch(self.date):
                return datetime.datetime.fromisoformat(f"{self.date}T00:00:00+00:00")
            return read_time(self.date)
        except ValueError as error:
            raise UsageError(
                f"the date of a beacon is a day or a time in UTC, such as 2026-12-01 or 2026-12-01T12:00:00Z (got "
                f"'{self.date[:40]}')"
            ) from error

    def is_later_than(self, moment: datetime.datetime) -> bool:
        """Tell whether it was published after a moment; one that names only a day is of a later day."""
        return self.earliest > moment


@attrs.frozen(kw_only=True)
class Committed:
    """What an enrolment says of the commitment that it was made under.

    Attributes:
        root: the commitment, in hexadecimal.
        leaves: everything that was committed to.
        beacon: the public randomness.
        attempt: which of the allowed enrolments this is, from 1.
    """

    root: str
    leaves: tuple[Leaf, ...]
    beacon: Beacon
    attempt: int

    @property
    def terms(self) -> Terms:
        """How suspects are judged, and how often one may try."""
        return Terms.read(self.said(TERMS))

    def said(self, name: str) -> Any:
        """Return what was committed to under a name.

        Raises:
            ValueError: nothing was.
        """
        found = [leaf.value for leaf in self.leaves if leaf.name == name]
        if len(found) != 1:
            raise ValueError(f"the commitment says {'nothing' if not found else 'several things'} of '{name}'")
        return found[0]

    def recipe(self) -> Recipe:
        """Return the recipe with the seeds that follow from commitment and beacon, and the level of one enrolment.

        Raises:
            ValueError: what was committed to is no recipe.
        """
        terms = self.terms
        try:
            recipe = Recipe.parse(str(self.said(RECIPE)), origin="the committed recipe")
        except UsageError as error:  # nobody typed it: it is damaged
            raise ValueError(str(error)) from error
        zoo = terms.zoo_seed if terms.zoo_seed is not None else self.seed("zoo")
        return attrs.evolve(
            recipe, seed=zoo, alpha=terms.level, queries=attrs.evolve(recipe.queries, seed=self.seed("queries"))
        )

    def seed(self, of: str) -> int:
        """Return a seed of 63 bits that nobody could know before the beacon (HKDF with SHA-256, RFC 5869)."""
        key = hmac.new(b"fpframe", bytes.fromhex(self.root) + bytes.fromhex(self.beacon.value), hashlib.sha256)
        about = f"{of}, {self.beacon.date}, attempt {self.attempt}".encode()
        # one block of output is enough
        return int.from_bytes(hmac.new(key.digest(), about + b"\x01", hashlib.sha256).digest()[:8], "big") >> 1

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return {
            "root": self.root,
            "leaves": [leaf.to_dict() for leaf in self.leaves],
            "beacon": attrs.asdict(self.beacon),
            "attempt": self.attempt,
        }

    @classmethod
    def read(cls, stored: object) -> Committed:
        """Return what `to_dict` returned; what was committed to gives the root.

        Raises:
            ValueError: it is something else.
        """
        if not isinstance(stored, dict) or set(stored) != {"root", "leaves", "beacon", "attempt"}:
            raise ValueError("a commitment has 'root', 'leaves', 'beacon' and 'attempt', and nothing else")
        root, leaves, attempt = stored["root"], stored["leaves"], stored["attempt"]
        if not isinstance(root, str) or not _SHA256.fullmatch(root) or not isinstance(leaves, list):
            raise ValueError("the root of the commitment is not a SHA-256, or its leaves are not a list")
        try:
            beacon = _structure(stored["beacon"], Beacon, "the beacon")
        except UsageError as error:  # nobody typed it: it is damaged
            raise ValueError(str(error)) from error
        read = tuple(map(Leaf.read, leaves))
        if not read or merkle_root([leaf.digest for leaf in read]).hex() != root:
            raise ValueError("the leaves of the commitment do not give its root")
        made = cls(root=root, leaves=read, beacon=beacon, attempt=attempt)
        if beacon.date != made.terms.beacon:
            raise ValueError(f"the beacon is of {beacon.date} where that of {made.terms.beacon} was committed to")
        if type(attempt) is not int or not 1 <= attempt <= made.terms.enrolments:
            raise ValueError(f"attempt {attempt!r} is not one of the {made.terms.enrolments} that are allowed")
        return made


def _structure(stored: object, kind: Any, what: str) -> Any:
    try:
        return _CONVERTER.structure(stored, kind)
    except (cattrs.BaseValidationError, TypeError) as error:
        told = explain(error) if isinstance(error, cattrs.BaseValidationError) else error
        raise ValueError(f"{what}: {told}") from error


_CONVERTER = make_converter([Terms, Beacon])
