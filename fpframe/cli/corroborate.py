"""``fpframe corroborate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Group, Parameter

from fpframe.cli.options import Flag, Json
from fpframe.cli.progress import ProgressBars
from fpframe.cli.streams import say

if TYPE_CHECKING:
    from fpframe.models import Classifier
    from fpframe.registry import Registry

#: The two cannot be compared, so that nothing was found.
_NOT_COMPARABLE_EXIT = 7


@Parameter(name="*", group=Group("Victim", sort_key=2))
@attrs.frozen(kw_only=True)
class ArchitectureOptions:
    """The network that the victim's weights belong to, which a file that fpframe wrote says itself, and its origin.

    Attributes:
        backbone: Architecture of the victim's weights, such as timm:resnet18.
        enrolment: Folder of the victim's enrolment, which says it, and which victim it is about.
        classes: Number of classes that the victim tells.
        shape: Channels, height and width of its images, such as 3x32x32.
        victim_key: Where in the victim's file its weights lie; needed only where several fit.
        trust_code: Follow an address that imports code though only the enrolment or the victim's file names it.
        from_scratch: Its training began with random weights, not with those of a public model.
        base: File with the weights of the public model that it was fine-tuned from; changes from it are compared then.
    """

    backbone: str | None = None
    enrolment: Path | None = None
    classes: int | None = None
    shape: str | None = None
    victim_key: str | None = None
    trust_code: Flag = False
    from_scratch: Flag = False
    base: Path | None = None

    def open(self, path: Path, registry: Registry) -> Classifier:
        """Return the victim.

        Raises:
            UsageError: nothing says its architecture, classes or images.
            ModelError: the file cannot be opened, does not fit, or is not that of the enrolment.
        """
        from fpframe.corroboration import open_victim
        from fpframe.enrolment import Enrolment

        return open_victim(
            path,
            registry,
            backbone=self.backbone,
            enrolment=None if self.enrolment is None else Enrolment.open(self.enrolment, registry=registry),
            num_classes=self.classes,
            image_shape=self.shape,
            key=self.victim_key,
            trust_code=self.trust_code,
        )


def corroborate(
    victim: Path,
    suspect: Path,
    /,
    *,
    independents: Path,
    checkpoint_key: Annotated[str | None, Parameter(show_default=False)] = None,
    report: Path | None = None,
    force: Flag = False,
    json_: Json = False,
    architecture: ArchitectureOptions = ArchitectureOptions(),
) -> int:
    """Compare the weights of a suspect's file with the victim's, beside those of independent models.

    This finds copies that were fine-tuned, pruned, quantised, permuted or rescaled. It does not find students, which
    learned from answers. Its p-value is its own, and does not change a verdict.

    Args:
        victim: File of the victim's weights.
        suspect: File of the suspect's weights. Nothing in it is run.
        independents: Folder of files of weights: independent models of the victim's architecture.
        checkpoint_key: Where in the suspect's file its weights lie, such as state_dict_ema; needed only where several
            fit.
        report: File for a report in HTML, with a picture for each layer.
        force: Overwrite existing files.
        json_: Print exactly one JSON object.
        architecture: The network that the victim's weights belong to.
    """
    import json

    from fpframe.corroboration import corroborate as compare
    from fpframe.registry import load_registry
    from fpframe.report import corroboration_html, corroboration_text
    from fpframe.store import refuse_file, write_durably

    if report is not None:
        refuse_file(report, force=force)
    registry = load_registry()
    with ProgressBars() as bars:
        found = compare(
            architecture.open(victim, registry),
            suspect,
            independents,
            base=architecture.base,
            from_scratch=architecture.from_scratch,
            checkpoint_key=checkpoint_key,
            registry=registry,
            on_event=bars,
        )
    if report is not None:
        write_durably(report, corroboration_html(found).encode())
    say(json.dumps(found.to_dict(), indent=2, allow_nan=False) if json_ else corroboration_text(found))
    return _NOT_COMPARABLE_EXIT if found.result is None else 0
