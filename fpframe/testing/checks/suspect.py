"""Checks for sources of suspects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, chdir, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from fpframe.errors import FpframeError, ModelError, ResourceError, UsageError
from fpframe.interfaces import SuspectExample, SuspectRequest, SuspectSource, has_form, is_one_of
from fpframe.models import TOP1, Classifier, Preparation, Query, state_digest, through_channel
from fpframe.rng import generator
from fpframe.testing.bench import CLASSES, SIDE, Bench
from fpframe.testing.check import NotHere, check, require
from fpframe.testing.damage import HARMS, damaged, emptied, files_in
from fpframe.testing.exercise import Setting, Task, recorded

#: Images that a suspect is asked.
IMAGES = 7
#: How far an answer may be from the model's, by rounding errors of another runtime.
CLOSE = 1e-5
#: Addresses of other things, and objects that nobody asks.
_STRANGERS = ("timm:resnet18", "folder:pets", "digits", "model.unknown", "")
_OBJECTS: tuple[object, ...] = (object(), 1.5, (1, 2), [], {}, Path)


@attrs.frozen(kw_only=True, eq=False)
class Example:
    """A model that was made into a suspect.

    Attributes:
        model: the model.
        folder: what it was written into.
        request: what opens it.
        suspect: the object, where it is one of this process.
    """

    model: Classifier
    folder: Path
    request: SuspectRequest
    suspect: Any = None

    def open(self, component: SuspectSource, **changes: object) -> Query:
        """Open it, with some things said otherwise."""
        request = attrs.evolve(self.request, **changes)  # type: ignore[arg-type]
        with chdir(self.folder):
            return component.open(request) if self.suspect is None else component.adapt(self.suspect, request)

    def expected(self, asked: Tensor, channel: str | None) -> Tensor:
        """Return what the model answers, as far as the suspect reveals it."""
        answers = self.model.logits(asked).softmax(1)
        return through_channel(answers, TOP1) if channel == TOP1 else answers


def linear(*, channels: int = 1) -> Classifier:
    """Return what every format can hold: one layer, behind a dropout that tells training mode from evaluation mode."""
    layer = nn.Linear(channels * SIDE * SIDE, CLASSES, bias=False)
    with torch.no_grad():
        layer.weight.copy_(0.3 * torch.randn(layer.weight.shape, generator=generator(0, "linear", channels)))
    network = nn.Sequential(nn.Flatten(), nn.Dropout(), layer)
    shape = (channels, SIDE, SIDE)
    return Classifier(network, num_classes=CLASSES, image_shape=shape, address="conformance:linear").eval()


def example(component: SuspectSource, bench: Bench, *, channels: int = 1, as_object: bool = False) -> Example:
    """Return the example of a source for images of so many channels; of its objects where that is asked for."""
    if type(component).example is SuspectSource.example:
        raise NotHere("there is no example to try it on; see writes_an_example")

    def write() -> Example:
        folder, model = bench.new_folder(), linear(channels=channels)
        made = _shown(component, bench, folder, model, as_object=as_object)
        shown = Example(
            model=linear(channels=channels) if made.model is None else made.model,
            folder=folder,
            request=made.request,
            suspect=made.suspect,
        )
        # libraries that are imported when it is first asked may change the process
        shown.open(component)(_images(bench, channels)[:1])
        return shown

    return bench.once(("suspect", channels, as_object), write)


def _shown(
    component: SuspectSource, bench: Bench, folder: Path, model: Classifier, *, as_object: bool = False
) -> SuspectExample:
    """Let a source make a suspect; what it starts for that runs as long as the bench is there."""
    try:
        with chdir(folder):
            made = (component.example_object if as_object else component.example)(folder, model)
            shown = bench.enter(made) if isinstance(made, AbstractContextManager) else made
    except ModuleNotFoundError as error:
        raise NotHere(f"its example needs '{error.name}', which is not installed") from error
    if isinstance(shown, SuspectRequest):
        return SuspectExample(request=shown)
    require(
        isinstance(shown, SuspectExample),
        f"example returns a {type(shown).__name__}; return a SuspectRequest or a SuspectExample",
    )
    return shown


def prepare(component: SuspectSource, bench: Bench, setting: Setting) -> Task:
    """Let it open its example, and ask."""
    shown = example(component, bench, channels=setting.channels)
    pixels = _images(bench, setting.channels)

    def work() -> tuple[Query, Tensor]:
        try:
            query = shown.open(component, device=setting.device)
        except UsageError as error:
            if setting.device == "cpu":
                raise
            raise NotHere(str(error)) from error  # a runtime may lack the device
        return query, query(pixels)

    return Task(work=work, results=lambda made: {"answers": made[1]}, tensors={"the questions": pixels})


_run = partial(recorded, prepare=prepare)


def _images(bench: Bench, channels: int = 1) -> Tensor:
    return bench.images(IMAGES, channels=channels, seed=1).pixels


@contextmanager
def _unchanged(network: nn.Module) -> Iterator[None]:
    """Put a network into training mode, and make sure that it is left in it."""
    before = [module.training for module in network.modules()]
    network.train()
    try:
        yield
        require(all(module.training for module in network.modules()), "it leaves a network in another mode; restore it")
    finally:
        for module, mode in zip(network.modules(), before, strict=True):
            module.training = mode


def _refused(work: Callable[[], object], what: str, kind: type[FpframeError] = FpframeError) -> str:
    """Return the one line with which something is refused."""
    try:
        work()
    except kind as error:
        require("\n" not in str(error), f"its refusal of {what} has several lines; say it in one")
        return str(error)
    except Exception as error:
        raise AssertionError(
            f"{what} fails with {type(error).__name__}: {' '.join(str(error).split())}; raise a {kind.__name__} on one "
            "line"
        ) from error
    raise AssertionError(f"it takes {what}; raise a ModelError")


@check("suspect")
def writes_an_example(component: SuspectSource, bench: Bench) -> None:
    """`example` writes a model as a suspect, for the other checks to open, and leaves the model as it is."""
    model = linear()
    before = state_digest(model)
    try:
        request = _shown(component, bench, bench.new_folder(), model).request
    except NotImplementedError as error:
        raise AssertionError(str(error)) from error
    asked = (request.num_classes, request.image_shape)
    require(asked == (CLASSES, model.image_shape), "its example is for other classes or images; take them of the model")
    same = state_digest(model) == before and not any(module.training for module in model.modules())
    require(same, "example changes the model that it writes; work on a copy")


@check("suspect")
def matches_its_own_addresses_alone(component: SuspectSource, bench: Bench) -> None:
    """`matches` tells from the address that it opens its example, and nothing of another kind."""
    shown = example(component, bench)
    address = shown.request.address
    with chdir(shown.folder):
        require(
            shown.suspect is not None or component.matches(address),
            f"it does not match '{address}', its own example; let matches say True",
        )
    taken = [stranger for stranger in _STRANGERS if component.matches(stranger)]
    require(not taken, f"it matches {', '.join(map(repr, taken))}, which others open; match its own addresses alone")


@check("suspect")
def forms_tell_what_its_addresses_look_like(component: SuspectSource, bench: Bench) -> None:
    """`forms` is what users are shown where nothing opens an address, and by what a plugin is imported for one."""
    forms = component.forms
    if component.objects and not forms:
        return
    told = isinstance(forms, tuple) and forms and all(isinstance(form, str) and form.strip() for form in forms)
    require(told, f"forms is {forms!r}; declare what addresses look like, such as ('FILE.onnx',)")
    shown = example(component, bench)
    with chdir(shown.folder):
        fits = any(has_form(shown.request.address, form) for form in forms)
    require(fits, f"'{shown.request.address}', its example, has none of the forms {', '.join(forms)}; declare its form")


@check("suspect", when=lambda component: bool(component.objects))
def takes_its_own_objects_alone(component: SuspectSource, bench: Bench) -> None:
    """`adapts` tells that it takes the object of its example, whose class it declares, and nothing of another kind."""
    suspect = example(component, bench, as_object=True).suspect
    require(suspect is not None, "its example_object has no object; return SuspectExample(request=..., suspect=...)")
    name = type(suspect).__qualname__
    require(is_one_of(suspect, component.objects), f"objects does not have {name}, its example; declare its class")
    require(component.adapts(suspect), f"it does not take a {name}, its own example; let adapts say True")
    taken = [type(stranger).__name__ for stranger in _OBJECTS if component.adapts(stranger)]
    require(not taken, f"it takes {', '.join(map(repr, taken))}, which nobody can ask; take its own objects alone")


@check("suspect", when=lambda component: bool(component.objects))
def an_object_answers_as_its_model_and_stays_as_it_is(component: SuspectSource, bench: Bench) -> None:
    """An object is not asked by being opened, answers as the model that it was made of, and keeps its modes."""
    for channels in (1, 3):
        shown = example(component, bench, channels=channels, as_object=True)
        pixels = _images(bench, channels)
        network = shown.suspect if isinstance(shown.suspect, nn.Module) else shown.model
        with _unchanged(network):
            query = shown.open(component)
            require(query.spent == 0, f"opening asks {query.spent} images of the object's budget; ask nothing")
            answers = query(pixels)
        gap = float((answers - shown.expected(pixels, query.channel)).abs().max())
        require(
            gap <= CLOSE, f"an object's answers are {gap:.2g} away from the model's; hand over pixels as it takes them"
        )


@check("suspect")
def it_says_whether_it_needs_a_backbone(component: SuspectSource, bench: Bench) -> None:
    """`needs_backbone` is true for the sources of bare weights, and for no other."""
    given = example(component, bench).request.backbone is not None
    told = "opens its example without a backbone" if component.needs_backbone else "needs a backbone for its example"
    require(component.needs_backbone == given, f"it {told}; declare needs_backbone = {given}")


@check("suspect")
def every_file_of_a_suspect_belongs_to_it(component: SuspectSource, bench: Bench) -> None:
    """Where a suspect is a file, `companions` tells the further files that `example` writes for it."""
    shown = example(component, bench)
    path = shown.folder / shown.request.address
    if not path.is_file():
        return  # a folder, whose files are all its own, or no path at all
    told = {shown.folder / each for each in component.companions(shown.request.address)}
    others = [str(file) for file in _writes_files(component, bench) if shown.folder / file not in {path, *told}]
    require(not others, f"it also writes {', '.join(others)}; let companions return that")


@check("suspect")
def answers_as_the_model_that_was_written(component: SuspectSource, bench: Bench) -> None:
    """The example answers as the model does, on grey images and on coloured ones."""
    for channels in (1, 3):
        run = _run(component, bench, Setting(channels=channels))
        query, _ = run.made
        expected = example(component, bench, channels=channels).expected(_images(bench, channels), query.channel)
        gap = float((run.results["answers"] - expected).abs().max())
        require(gap <= CLOSE, f"its answers are {gap:.2g} away from the model's; open what was written, channels first")


@check("suspect")
def opening_asks_nothing_and_says_where_it_is(component: SuspectSource, bench: Bench) -> None:
    """A suspect that was opened has not been asked yet, and its query carries address and classes."""
    shown = example(component, bench)
    query = shown.open(component)
    require(query.spent == 0, f"opening asks {query.spent} images of the suspect's budget; ask nothing")
    address = shown.request.address
    require(query.address == address, f"the query's address is '{query.address}'; make it '{address}'")
    require(query.num_classes == CLASSES, f"the query tells {query.num_classes} classes; take the request's number")


@check("suspect")
def the_limit_of_the_request_holds(component: SuspectSource, bench: Bench) -> None:
    """Images are counted, and no more are asked than `max_queries` allows."""
    query, pixels = example(component, bench).open(component, max_queries=IMAGES), _images(bench)
    query(pixels)
    require(query.spent == IMAGES, f"{IMAGES} images were asked and {query.spent} are counted; return a Query")
    try:
        query(pixels[:1])
    except ResourceError:
        return
    raise AssertionError("it answers more images than max_queries allows; hand it to the Query, as open_query does")


@check("suspect")
def answers_do_not_depend_on_the_batch_size(component: SuspectSource, bench: Bench) -> None:
    """The same images get the same answers in batches of one, of three and all at once."""
    shown, pixels = example(component, bench), _images(bench)
    whole = _run(component, bench).results["answers"]
    for size in (1, 3):
        query = shown.open(component, batch_size=size)
        require(query.batch_size <= size, f"it asks {query.batch_size} images a call, not {size}; obey batch_size")
        gap = float((query(pixels) - whole).abs().max())
        require(gap <= CLOSE, f"in batches of {size} answers are {gap:.2g} away; treat every image by itself")


@check("suspect")
def mean_and_std_are_applied(component: SuspectSource, bench: Bench) -> None:
    """Pixels are normalised as the request says, or the request is refused with a `UsageError`."""
    shown, pixels = example(component, bench), _images(bench)
    mean, std = (0.4,), (0.5,)
    try:
        query = shown.open(component, preparation=Preparation(mean=mean, std=std))
    except UsageError:
        return
    expected = shown.expected((pixels - mean[0]) / std[0], query.channel)
    gap = float((query(pixels) - expected).abs().max())
    require(gap <= CLOSE, f"with mean and std its answers are {gap:.2g} away; use fpframe.opening.normaliser")


@check("suspect")
def the_digest_tells_models_apart(component: SuspectSource, bench: Bench) -> None:
    """A model has the same digest each time it is opened, and another model has another one."""
    shown = example(component, bench)
    first, again = (shown.open(component).digest for _ in range(2))
    require(first == again, "opened twice, a model has two digests; make it of its bytes or weights")
    other = example(component, bench, channels=3).open(component).digest
    require(not first or first != other, "two models have one digest; make it of their bytes or weights, or leave it")


@check("suspect")
def another_number_of_classes_is_refused(component: SuspectSource, bench: Bench) -> None:
    """A suspect for other classes than the victim's is a `ModelError` that says both numbers, at the first answer."""
    asked = _run(component, bench).made[0]
    listed = asked.reading is not None and "lists of labels and scores" in asked.reading.converted
    if asked.channel == TOP1 or listed:
        return  # neither labels nor lists of classes by name tell how many there are
    shown, told = example(component, bench), CLASSES + 1
    message = _refused(
        lambda: shown.open(component, num_classes=told)(_images(bench)), "another number of classes", ModelError
    )
    both = str(CLASSES) in message and str(told) in message
    require(both, f"its refusal of {told} classes does not say both numbers: {message}; say {CLASSES} and {told}")


def _writes_files(component: SuspectSource, bench: Bench) -> list[Path]:
    return files_in(example(component, bench).folder)


@check("suspect")
def a_missing_suspect_is_refused(component: SuspectSource, bench: Bench) -> None:
    """Where the files of a suspect are gone, the error is one line that names its address."""
    shown = example(component, bench)
    if shown.suspect is not None or not _writes_files(component, bench):
        return
    address = shown.request.address
    with emptied(shown.folder):
        of_folders = any(form.startswith("FOLDER/") for form in component.forms)  # by what is in them
        require(
            of_folders or component.matches(address),
            "it matches what is there alone; let matches decide by the address",
        )
        message = _refused(lambda: shown.open(component)(_images(bench)), "a suspect that is not there")
    require(address in message, f"its refusal of a missing suspect does not name '{address}': {message}; name it")


@check("suspect")
def a_damaged_suspect_is_refused(component: SuspectSource, bench: Bench) -> None:
    """With a file cut off or gone, a suspect answers as before, or the error is one line."""
    shown, whole = example(component, bench), _run(component, bench).results["answers"]
    if shown.suspect is not None:
        return
    for file in _writes_files(component, bench):
        for harm in HARMS:
            answers: list[Tensor] = []
            with damaged(shown.folder / file, harm):
                try:
                    answers.append(shown.open(component)(_images(bench)))
                except FpframeError as error:
                    require("\n" not in str(error), f"with {file} {harm} its refusal has several lines; say it in one")
                except Exception as error:
                    raise AssertionError(
                        f"with {file} {harm} it fails with {type(error).__name__}: {' '.join(str(error).split())}; "
                        "raise a ModelError"
                    ) from error
            same = all(torch.allclose(each, whole, atol=CLOSE) for each in answers)
            require(same, f"with {file} {harm} it answers differently; raise a ModelError")
