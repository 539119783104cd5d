"""Options that commands share, one class for each of the library's objects: `fpframe.Victim` and `fpframe.Run`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Group, Parameter

from fpframe.cli.progress import ProgressBars
from fpframe.cli.texts import numbers, read_classes, read_indices
from fpframe.errors import UsageError

if TYPE_CHECKING:
    from fpframe.base import Listener
    from fpframe.executors import Executor
    from fpframe.opening import Victim
    from fpframe.recipe import Run


#: An option that is there or not; it has no opposite.
Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
#: How images are prepared, as `fpframe.Preparation.read` reads it.
Input = Annotated[str | None, Parameter(name="--input")]
Json = Annotated[bool, Parameter(name="--json", negative=(), show_default=False)]
Verbose = Annotated[bool, Parameter(alias="-v", negative=(), show_default=False)]
#: An option that takes several words, such as ``--without attacked same-data``, and none by default.
Words = Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True, show_default=False)]
#: An option that takes names separated by commas, and none by default.
Names = Annotated[str, Parameter(show_default=False)]


def one_or_all(named: tuple[str, ...]) -> str | list[str] | None:
    """Return what was named once by itself, several as a list, and nothing as nothing."""
    return None if not named else named[0] if len(named) == 1 else list(named)


@Parameter(name="*", group=Group("Victim", sort_key=2))
@attrs.frozen(kw_only=True)
class VictimDetails:
    """More about the owner's model.

    Attributes:
        weights: Its weights: .safetensors, .pt, .pth, .ckpt, .bin or another file that holds a state dict.
        checkpoint_key: Where in that file its weights lie, such as state_dict_ema; needed only where several fit.
        backbone: Its architecture with fresh weights, such as timm:resnet18, where the victim gives trained ones.
        victim_indices: Indices of the training images that it has seen (.npy).
        input_: How images are prepared for it, such as "resize=224,bicubic,antialias; rgb; mean=0.5; std=0.5".
        mean: Per-channel mean that it subtracts from pixels, separated by commas; short for --input mean=.
        std: Per-channel standard deviation that it divides them by.
        from_scratch: Its training began with random weights, not with those of a public model; unless you say so, or
            name its base, every verdict says that innocent models of the same public origin were not considered.
        base: The public model that it was fine-tuned from: a file of weights, a folder with one, timm:NAME or
            torchvision:NAME with their weights, or python:MODULE:FUNCTION. Models are fine-tuned from it to compare
            suspects with. Of several, the one is taken whose early layers are most like the victim's.
    """

    weights: Path | None = None
    checkpoint_key: str | None = None
    backbone: str | None = None
    victim_indices: Path | None = None
    input_: Input = None
    mean: str | None = None
    std: str | None = None
    from_scratch: Flag = False
    base: Words = ()

    def victim_of(self, model: str) -> Victim:
        """Return a model with these details.

        Raises:
            UsageError: they cannot be read.
            DataError: the indices cannot be read.
        """
        from fpframe.opening import Victim

        return Victim(
            model,
            weights=self.weights,
            checkpoint_key=self.checkpoint_key,
            backbone=self.backbone,
            preparation=self.input_,
            indices=read_indices(self.victim_indices),
            mean=numbers(self.mean, "--mean"),
            std=numbers(self.std, "--std"),
            from_scratch=self.from_scratch,
            base=one_or_all(self.base),
        )


@Parameter(name="*", group=Group("Victim", sort_key=2))
@attrs.frozen(kw_only=True)
class VictimOptions(VictimDetails):
    """The owner's model.

    Attributes:
        victim: Your model: python:MODULE:FUNCTION, timm:NAME, torchvision:NAME or paper:NAME, or a file or folder that
            brings its weights, as for 'fpframe verify'; the recipe's is trained by default.
        weights: Its weights: .safetensors, .pt, .pth, .ckpt, .bin or another file that holds a state dict.
        checkpoint_key: Where in that file its weights lie, such as state_dict_ema; needed only where several fit.
        backbone: Its architecture with fresh weights, such as timm:resnet18, where --victim gives trained ones.
        victim_indices: Indices of the training images that it has seen (.npy).
        input_: How images are prepared for it, such as "resize=224,bicubic,antialias; rgb; mean=0.5; std=0.5".
        mean: Per-channel mean that it subtracts from pixels, separated by commas; short for --input mean=.
        std: Per-channel standard deviation that it divides them by.
        from_scratch: Its training began with random weights, not with those of a public model; unless you say so, or
            name its base, every verdict says that innocent models of the same public origin were not considered.
        base: The public model that it was fine-tuned from: a file of weights, a folder with one, timm:NAME or
            torchvision:NAME with their weights, or python:MODULE:FUNCTION. Models are fine-tuned from it to compare
            suspects with. Of several, the one is taken whose early layers are most like the victim's.
    """

    victim: str | None = None

    def named(self) -> Victim | None:
        """Return the victim that was named, or nothing.

        Raises:
            UsageError: the options are about a victim, and none was named; or they cannot be read.
            DataError: the indices cannot be read.
        """
        if self.victim is not None:
            return self.victim_of(self.victim)
        # what cannot be read is told before what lacks its victim
        read_indices(self.victim_indices), numbers(self.mean, "--mean"), numbers(self.std, "--std")
        for field in attrs.fields(type(self)):
            if getattr(self, field.name) not in (None, False, ()):
                option = field.name.strip("_").replace("_", "-")
                raise UsageError(f"--{option} is about a victim of your own; name it with --victim")
        return None


@Parameter(name="*", group=Group("Run", sort_key=3))
@attrs.frozen(kw_only=True)
class RunOptions:
    """The data, and how work is carried out.

    Attributes:
        dataset: Data set, such as digits, torchvision:FashionMNIST or folder:PATH; the recipe's by default.
        data_root: Folder in which the data lies.
        classes: File with the names of the classes, one on each line, in the order in which the victim numbers them; or
            a .json file with a list or a map such as id2label. Of 'calibrate --independents', those of these models.
        workers: Processes that train models; one for each core by default.
        device: Where models are trained: cpu, cuda or cuda:N; a GPU by default, where there is one.
        trust_code: Follow an address that imports code, such as python:MODULE:FUNCTION, though only an enrolment or
            another file that somebody sent you names it, and open independent models that can run code (.pt2).
        verbose: Show one line for each finished model.
    """

    dataset: str | None = None
    data_root: Path | None = None
    classes: Path | None = None
    workers: int | None = None
    device: str | None = None
    trust_code: Flag = False
    verbose: Verbose = False

    @property
    def count(self) -> int:
        """The number of workers.

        Raises:
            UsageError: it is below one.
        """
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"--workers must be at least 1 (got {self.workers})")
        return self.workers or default_workers()

    def silent(self, *, on_event: Listener | None = None, executor: Executor | None = None) -> Run:
        """Return the run, which shows nothing."""
        from fpframe.base import ignore
        from fpframe.recipe import Run

        return Run(
            workers=self.count,
            device=self.device,
            data_root=self.data_root,
            classes=read_classes(self.classes),
            executor=executor,
            trust_code=self.trust_code,
            on_event=on_event or ignore,
        )

    @contextmanager
    def shown(self, *, executor: Executor | None = None) -> Iterator[Run]:
        """Return the run, whose progress is shown as bars inside the block."""
        with ProgressBars(verbose=self.verbose) as bars:
            yield self.silent(on_event=bars, executor=executor)


def default_workers() -> int:
    """Return one worker for each core that this process may use, at most eight."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, cores)
