"""The checks for sources of suspects: each fails for a component that breaks that promise alone."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fpframe import Classifier, ModelError, SuspectExample, SuspectRequest, SuspectSource, UsageError
from fpframe.interfaces.component import Component
from fpframe.models.classifier import state_digest
from fpframe.opening.inprocess import normaliser, open_query
from fpframe.opening.modelfiles import existing_file, has_suffix
from fpframe.testing.check import ConformanceError
from fpframe.testing.results import check_component, run_checks
from fpframe_plugins.suspects.python import PythonSuspect
from kit import require_fault_alone


@attrs.frozen(kw_only=True)
class NetFile(SuspectSource):
    """Open ``FILE.net``, a pickle of a classifier."""

    name: ClassVar[str] = "net"
    forms: ClassVar[tuple[str, ...]] = ("FILE.net",)

    def matches(self, address: str) -> bool:
        return has_suffix(address, ".net")

    def open(self, request: Any) -> Any:
        model = self.load(self.find(request.address))
        return open_query(self.ask(model, request), request, outputs="logits", digest=self.digest(model))

    def find(self, address: str) -> Path:
        return existing_file(address)

    def load(self, path: Path) -> Any:
        try:
            return torch.load(path, weights_only=False)
        except Exception as error:
            raise ModelError(f"'{path}' is damaged; get a fresh copy") from error

    def ask(self, model: Any, request: Any) -> Any:
        prepare = normaliser(request)
        return lambda pixels: model.logits(prepare(pixels))

    def digest(self, model: Any) -> str:
        return state_digest(model)

    def example(self, folder: Path, model: Any) -> SuspectRequest:
        torch.save(model, folder / "suspect.net")
        return SuspectRequest(
            address=str(folder / "suspect.net"), num_classes=model.num_classes, image_shape=model.image_shape
        )


class Taking(NetFile):
    """Match everything."""

    def matches(self, address: str) -> bool:
        return True


class Looking(NetFile):
    """Match what is there."""

    def matches(self, address: str) -> bool:
        return super().matches(address) and Path(address).is_file()


class Formless(NetFile):
    """Tell no form."""

    forms: ClassVar[tuple[str, ...]] = ()


class BlueFirst(NetFile):
    """Take colours in another order."""

    def ask(self, model: Any, request: Any) -> Any:
        prepare = normaliser(request)
        return lambda pixels: model.logits(prepare(pixels).flip(1))


class Relative(NetFile):
    """Call a suspect by its file's name."""

    def open(self, request: Any) -> Any:
        query = super().open(request)
        query.address = Path(request.address).name
        return query


class Curious(NetFile):
    """Try one image."""

    def open(self, request: Any) -> Any:
        query = super().open(request)
        query(torch.zeros(1, *request.image_shape))
        return query


class Limitless(NetFile):
    """Forget the limit."""

    def open(self, request: Any) -> Any:
        return super().open(attrs.evolve(request, max_queries=None))


class Squeezing(NetFile):
    """Treat a single image as none of the others."""

    def ask(self, model: Any, request: Any) -> Any:
        asked = super().ask(model, request)
        return lambda pixels: asked(pixels.flip(-1) if len(pixels) == 1 else pixels)


class Unprepared(NetFile):
    """Forget mean and std."""

    def ask(self, model: Any, request: Any) -> Any:
        return model.logits


class Nondescript(NetFile):
    """Give one digest to all."""

    def digest(self, model: Any) -> str:
        return "ab" * 32


class Padding(NetFile):
    """Fill up what is missing of the classes."""

    def ask(self, model: Any, request: Any) -> Any:
        asked = super().ask(model, request)
        return lambda pixels: F.pad(asked(pixels), (0, request.num_classes - model.num_classes), value=-9.0)


class Vague(NetFile):
    """Do not say what is missing."""

    def find(self, address: str) -> Path:
        if not Path(address).is_file():
            raise ModelError("no such file; check the path")
        return Path(address)


class Trusting(NetFile):
    """Let the reader of pickles speak."""

    def load(self, path: Path) -> Any:
        return torch.load(path, weights_only=False)


class Architectural(NetFile):
    """Claim to need a backbone."""

    needs_backbone: ClassVar[bool] = True


class Strewing(NetFile):
    """Leave a file beside the suspect that nobody is told of."""

    def example(self, folder: Path, model: Any) -> SuspectRequest:
        (folder / "suspect.classes").write_text("cat dog")
        return super().example(folder, model)


class Wordless(NetFile):
    """Write no example."""

    example = SuspectSource.example


class Careless(NetFile):
    """Halve the weights that are written."""

    def example(self, folder: Path, model: Any) -> SuspectRequest:
        with torch.no_grad():
            model.module[-1].weight.div_(2)
        return super().example(folder, model)


class Training(NetFile):
    """Ask a network in training mode."""

    def ask(self, model: Any, request: Any) -> Any:
        prepare = normaliser(request)
        return lambda pixels: model.train()(prepare(pixels))


class OfLabels(NetFile):
    """Reveal labels only, know nothing of means, and have no digest."""

    def open(self, request: Any) -> Any:
        if request.mean is not None or request.std is not None:
            raise UsageError(f"mean and std do not apply ({request.address}); leave them out")
        model = self.load(self.find(request.address))
        return open_query(lambda pixels: model.logits(pixels).argmax(1), request, outputs="labels")


class Net:
    """A model in memory, of a library."""

    def __init__(self, model: Any) -> None:
        self.model = model


@attrs.frozen(kw_only=True)
class Nets(SuspectSource):
    """Take nets."""

    name: ClassVar[str] = "nets"
    objects: ClassVar[tuple[str, ...]] = (f"{Net.__module__.partition('.')[0]}.Net",)

    def adapt(self, suspect: Net, request: Any) -> Any:
        prepare = normaliser(request)
        return open_query(lambda pixels: suspect.model.logits(prepare(pixels)), request, outputs="logits")

    def example(self, folder: Path, model: Any) -> Any:
        request = SuspectRequest(address="Net", num_classes=model.num_classes, image_shape=model.image_shape)
        return SuspectExample(request=request, suspect=Net(model))


class Undeclared(Nets):
    """Declare another class."""

    objects: ClassVar[tuple[str, ...]] = ("nets.Net",)

    def adapts(self, suspect: object) -> bool:
        return isinstance(suspect, Net)


class Greedy(Nets):
    """Take whatever comes."""

    def adapts(self, suspect: object) -> bool:
        return True


class Converting(NetFile):
    """Take networks too, and leave them in evaluation mode."""

    objects: ClassVar[tuple[str, ...]] = ("fpframe.Classifier",)

    def adapt(self, suspect: Any, request: Any) -> Any:
        prepare = normaliser(request)
        return open_query(lambda pixels: suspect.eval()(prepare(pixels)), request, outputs="logits")

    def example_object(self, folder: Path, model: Any) -> Any:
        return SuspectExample(request=super().example(folder, model), suspect=model)


class Shapeless(NetFile):
    """Declare the form of other files."""

    forms: ClassVar[tuple[str, ...]] = ("FILE.nett",)


BROKEN: dict[str, Component] = {
    "writes_an_example": Wordless(),
    "matches_its_own_addresses_alone": Taking(),
    "forms_tell_what_its_addresses_look_like": Formless(),
    "takes_its_own_objects_alone": Greedy(),
    "an_object_answers_as_its_model_and_stays_as_it_is": Converting(),
    "it_says_whether_it_needs_a_backbone": Architectural(),
    "every_file_of_a_suspect_belongs_to_it": Strewing(),
    "answers_as_the_model_that_was_written": BlueFirst(),
    "opening_asks_nothing_and_says_where_it_is": Relative(),
    "the_limit_of_the_request_holds": Limitless(),
    "answers_do_not_depend_on_the_batch_size": Squeezing(),
    "mean_and_std_are_applied": Unprepared(),
    "the_digest_tells_models_apart": Nondescript(),
    "another_number_of_classes_is_refused": Padding(),
    "a_missing_suspect_is_refused": Vague(),
    "a_damaged_suspect_is_refused": Trusting(),
}
WORDS = {
    "writes_an_example": "Wordless.example is not written; let it write a model as a suspect of 'net', and return the",
    "matches_its_own_addresses_alone": "it matches 'timm:resnet18', 'folder:pets', 'digits', 'model.unknown', ''",
    "forms_tell_what_its_addresses_look_like": "forms is (); declare what addresses look like, such as ('FILE.onnx',)",
    "takes_its_own_objects_alone": "it takes 'object', 'float', 'tuple', 'list', 'dict', 'type', which nobody can ask",
    "an_object_answers_as_its_model_and_stays_as_it_is": "it leaves a network in another mode; restore it",
    "it_says_whether_it_needs_a_backbone": "it opens its example without a backbone; declare needs_backbone = False",
    "every_file_of_a_suspect_belongs_to_it": "it also writes suspect.classes; let companions return that",
    "answers_as_the_model_that_was_written": "away from the model's; open what was written, channels first",
    "opening_asks_nothing_and_says_where_it_is": "the query's address is 'suspect.net'; make it '/",
    "the_limit_of_the_request_holds": "it answers more images than max_queries allows; hand it to the Query",
    "answers_do_not_depend_on_the_batch_size": "in batches of 1 answers are ",
    "mean_and_std_are_applied": " away; use fpframe.opening.normaliser",
    "the_digest_tells_models_apart": "two models have one digest; make it of their bytes or weights, or leave it",
    "another_number_of_classes_is_refused": "it takes another number of classes; raise a ModelError",
    "a_missing_suspect_is_refused": "suspect.net': no such file; check the path; name it",
    "a_damaged_suspect_is_refused": "with suspect.net cut it fails with ",
}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_source_of_suspects_fails_the_check_of_its_fault_alone(check: str) -> None:
    require_fault_alone(BROKEN[check], check, WORDS[check])


@pytest.mark.parametrize(
    ("component", "words"),
    [
        (Curious(), "opening asks 1 images of the suspect's budget; ask nothing"),
        (Looking(), "it matches what is there alone; let matches decide by the address"),
        (Careless(), "example changes the model that it writes; work on a copy"),
        (Undeclared(), "objects does not have Net, its example; declare its class"),
        (Shapeless(), "its example, has none of the forms FILE.nett; declare its form"),
        (Training(), "away from the model's; open what was written, channels first"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_faults_are_told_too(component: Component, words: str) -> None:
    with pytest.raises(ConformanceError) as caught:
        check_component(component)
    assert words in str(caught.value)


class WithClasses(Strewing):
    """Tell of the file beside a suspect."""

    def companions(self, address: str) -> list[str]:
        return [str(Path(address).with_suffix(".classes"))]


class Serving(NetFile):
    """Open what a server has, which runs as long as its example is shown."""

    running: ClassVar[list[Path]] = []

    def find(self, address: str) -> Path:
        if Path(address).parent not in self.running:
            raise ModelError(f"nobody answers there ({address}); start the server")
        return super().find(address)

    @contextmanager
    def example(self, folder: Path, model: Any) -> Iterator[Any]:  # type: ignore[override]  # what the decorator makes
        own = Classifier(
            nn.Sequential(nn.Flatten(), nn.Linear(model.image_shape[0] * 144, model.num_classes)),
            num_classes=model.num_classes,
            image_shape=model.image_shape,
        ).eval()
        self.running.append(folder)
        yield SuspectExample(request=super().example(folder, own), model=own)
        self.running.remove(folder)


def test_what_an_example_starts_runs_while_it_is_tried_and_no_longer() -> None:
    check_component(Serving())
    assert Serving.running == []


class Bookish(NetFile):
    """Need a library for its example."""

    def example(self, folder: Path, model: Any) -> Any:
        importlib.import_module("no_such_library")


def test_what_needs_a_library_that_is_missing_is_skipped_and_says_so() -> None:
    results = run_checks(Bookish())
    skipped = {result.text for result in results if result.outcome == "skipped"}
    assert skipped == {"its example needs 'no_such_library', which is not installed"}
    assert not [result for result in results if result.outcome == "failed"]


@pytest.mark.parametrize(
    "component", [NetFile(), OfLabels(), WithClasses(), Nets()], ids=lambda component: type(component).__name__
)
def test_a_sound_source_of_suspects_passes(component: Component) -> None:
    check_component(component)


def test_a_module_can_be_tried_twice_in_one_process() -> None:
    check_component(PythonSuspect())
    check_component(PythonSuspect())
