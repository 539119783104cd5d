"""Question strangers with enrolments, and keep a line of JSON for each verdict."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import torch
from innocents import COUNT, KINDS, SEED, make_innocent
from thieves import HIDING, PLAIN, answered, disguises, plain_thief, second_model, student_of_mix
from victims import ALPHA, Case, open_case

import fpframe
from fpframe.errors import FpframeError
from fpframe.models import Images
from fpframe.recipe import IndependentGroup, Recipe, Run
from fpframe.zoo import plan_zoo
from fpframe.zoo.make import load_model

#: The victim whose thieves hide in every way, too.
HIDDEN = 1


@attrs.frozen
class Lab:
    """Where everything is, and how many innocents there are."""

    data_root: Path
    folder: Path
    innocents: int = COUNT

    def run(self, workers: int = 1) -> Run:
        """Return how fpframe carries out work here."""
        return Run(workers=workers, data_root=self.data_root)

    def file(self, *names: str) -> Path:
        """Return the path of a file whose folder exists."""
        path = self.folder.joinpath(*names)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def make_innocents(lab: Lab, part: int, parts: int) -> None:
    """Train every innocent whose number has this remainder, and keep it."""
    torch.set_num_threads(1)
    images = _images(lab)[0]
    for number in range(part, lab.innocents, parts):
        path = lab.file("innocents", f"{number}.pkl")
        if list(KINDS)[number % len(KINDS)] != "wild" and not path.exists():
            started = time.monotonic()
            _write(path, make_innocent(number, images))
            print(f"{number} {list(KINDS)[number % len(KINDS)]}: {time.monotonic() - started:.1f} s", flush=True)


def wild_models(lab: Lab, workers: int = 1) -> list[Any]:
    """Let fpframe draw and train as many strangers as there are innocents of another kind; they stay in its store."""
    count = -(-lab.innocents // len(KINDS))
    recipe = attrs.evolve(
        Recipe.load("small"),
        name="strangers",
        seed=SEED,
        independent=(IndependentGroup(stratum="wild", test=count),),
        derived=(),
    )
    zoo = plan_zoo(recipe, run=lab.run(workers), splits=("test",)).build(need_weights=True)
    return [load_model(model, zoo.workspace).eval() for model in zoo.models if model.stratum == "wild"]


def make_thieves(lab: Lab, number: int, part: int, parts: int, *, mixed: bool) -> None:
    """Make the plain thieves of a victim that have this remainder; or the students of mixes, made of plain ones."""
    torch.set_num_threads(1)
    case = open_case(number, lab.run())

    def keep(path: Path, make: Callable[[], Any]) -> None:
        if not path.exists():
            _write(path, make())
            print(f"{path.parent.name}/{path.stem}", flush=True)

    if not mixed:
        for place in range(part, len(PLAIN), parts):
            keep(_thief(lab, number, place), lambda: plain_thief(place, case.network, case.like, case.thief))  # noqa: B023
        for place in range(part, len(HIDING), parts) if number == HIDDEN else ():
            keep(_second(lab, place), lambda: second_model(place, case.thief))  # noqa: B023
        return
    for place in range(part, len(HIDING), parts) if number == HIDDEN else ():
        base, other = _read(_thief(lab, number, HIDING[place])), _read(_second(lab, place))
        keep(_mixed(lab, place), lambda: student_of_mix(place, base, other, case.thief))  # noqa: B023


def _thief(lab: Lab, number: int, place: int) -> Path:
    return lab.file(f"thieves-{number}", f"{place}.pkl")


def _second(lab: Lab, place: int) -> Path:
    return lab.file("second", f"{place}.pkl")


def _mixed(lab: Lab, place: int) -> Path:
    return lab.file("mixed", f"{place}.pkl")


def _thieves(lab: Lab, number: int) -> Iterator[tuple[str, Any]]:
    for place, kind in enumerate(PLAIN):
        yield kind, _read(_thief(lab, number, place))
    for place, base in enumerate(HIDING) if number == HIDDEN else ():
        yield from disguises(_read(_thief(lab, number, base)), _read(_second(lab, place)))
        yield "student of a 0.5 mix", _read(_mixed(lab, place))


def enroll(lab: Lab, number: int, scheme: str, parts: int) -> None:
    """Enroll a victim by a scheme."""
    case = open_case(number, lab.run(parts))
    folder = lab.file(f"{number}-{Path(scheme).stem}.enrolment")
    if not folder.exists():
        enrolled = fpframe.enroll(case.owned, recipe=case.recipe, scheme=scheme, run=lab.run(parts))
        enrolled.save(folder)


def judge(lab: Lab, number: int, scheme: str, parts: int) -> None:
    """Enroll a victim by a scheme, and question every stranger that has no verdict yet."""
    enroll(lab, number, scheme, parts)
    with multiprocessing.get_context("spawn").Pool(parts) as pool:
        pool.starmap(_judge_part, [(lab, number, scheme, part, parts) for part in range(parts)])


def _judge_part(lab: Lab, number: int, scheme: str, part: int, parts: int) -> None:
    torch.set_num_threads(1)
    case = open_case(number, lab.run())
    enrolment = fpframe.Enrolment.open(lab.file(f"{number}-{Path(scheme).stem}.enrolment"))
    out = lab.file("verdicts", f"{number}-{Path(scheme).stem}-{part}.jsonl")
    done = {json.loads(line)["name"] for line in out.read_text().splitlines()} if out.exists() else set()
    tested = _images(lab)[1]
    own = _accuracy(case.network, tested)
    with out.open("a") as file:
        for place, (side, kind, name, model) in enumerate(_strangers(lab, case)):
            if place % parts == part and name not in done:
                line = {"victim": number, "scheme": Path(scheme).stem, "side": side, "kind": kind, "name": name}
                line |= {"victim_accuracy": own, "accuracy": _accuracy(model, tested)}
                file.write(json.dumps(line | _verdict(enrolment, model)) + "\n")
                file.flush()


def _strangers(lab: Lab, case: Case) -> Iterator[tuple[str, str, str, Any]]:
    wild = iter(wild_models(lab))
    for number in range(lab.innocents):
        kind = list(KINDS)[number % len(KINDS)]
        path = lab.file("innocents", f"{number}.pkl")
        model = next(wild) if kind == "wild" else _read(path)
        yield "innocent", kind, f"innocent {number}", model
    for number, (kind, model) in enumerate(_thieves(lab, case.number)):
        yield "thief", kind, f"thief {number}", model


def _accuracy(model: Any, tested: Images) -> float:
    answers = torch.cat([torch.as_tensor(answered(model, part)) for part in tested.pixels.split(500)])
    labels = answers if answers.ndim == 1 else answers.argmax(1)
    return float((labels == tested.labels).float().mean())


def _verdict(enrolment: Any, model: Any) -> dict[str, Any]:
    started = time.monotonic()
    try:
        verdict = fpframe.verify(enrolment, model, alpha=ALPHA)
    except FpframeError as error:
        return {"verdict": "REFUSED", "reason": str(error)}
    return {
        "verdict": verdict.verdict,
        "reason": verdict.reason_code,
        "p": verdict.p_value,
        "score": verdict.score,
        "strata": {name: stratum["p"] for name, stratum in verdict.to_dict()["strata"].items()},
        "seconds": time.monotonic() - started,
    }


def _images(lab: Lab) -> tuple[Images, Images]:
    opened = fpframe.load_registry().create("dataset", "torchvision").open("FashionMNIST", root=lab.data_root)
    return opened.train, opened.test[torch.arange(2000)]


def _read(path: Path) -> Any:
    return pickle.loads(path.read_bytes())


def _write(path: Path, made: Any) -> None:
    partial = path.with_suffix(".partial")
    partial.write_bytes(pickle.dumps(made))
    partial.replace(path)
