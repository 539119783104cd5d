"""``fpframe verify``."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import attrs
from cyclopts import Group, Parameter

from fpframe.cli.isolation import ProcessOptions
from fpframe.cli.options import Flag, Input, Json
from fpframe.cli.progress import ProgressBars
from fpframe.cli.streams import flush_output
from fpframe.cli.texts import numbers
from fpframe.cli.verdicts import forget_journals, print_outcomes, save_transcripts, write_attestation, write_report
from fpframe.errors import UsageError

if TYPE_CHECKING:
    from fpframe.evidence import PrivateKey
    from fpframe.spending import Terms


@Parameter(name="*", group=Group("Suspects", sort_key=1))
@attrs.frozen(kw_only=True)
class OpeningOptions:
    """How suspects are opened.

    Attributes:
        backbone: Architecture of weights, such as timm:resnet18.
        outputs: How answers are read.
        input_: How images are prepared for them, such as "resize=224,bicubic,antialias; rgb; mean=0.5; std=0.5".
        mean: Per-channel mean to subtract from pixels, separated by commas; short for --input mean=.
        std: Per-channel standard deviation to divide them by.
        device: Torch device, such as cuda:0.
        batch_size: Images per call.
        max_queries: Most images that one suspect may be sent.
        trust_code: Open also .pt2 files, although opening one can run code of its author.
        checkpoint_key: Where in a file of weights those of the suspect lie, such as state_dict_ema; needed only where
            several fit.
        read_output: Which of several outputs of a network are its answers: a name, or a number counted from 1; needed
            only where several may be.
    """

    backbone: str | None = None
    outputs: Literal["auto", "logits", "probs", "percent", "sigmoid", "labels", "topk"] = "auto"
    input_: Input = None
    mean: str | None = None
    std: str | None = None
    device: str = "cpu"
    batch_size: int = 256
    max_queries: int | None = None
    trust_code: Flag = False
    checkpoint_key: str | None = None
    read_output: str | None = None

    def given(self) -> dict[str, Any]:
        """Return them as `fpframe.verify` takes them."""
        numeric = {"mean": numbers(self.mean, "--mean"), "std": numbers(self.std, "--std")}
        said = attrs.asdict(self)
        preparation = said.pop("input_")
        return {**said, "preparation": preparation, **numeric}


@Parameter(name="*", group=Group("Verdict", sort_key=2))
@attrs.frozen(kw_only=True)
class JudgingOptions:
    """How suspects are judged.

    Attributes:
        alpha: Highest p-value at which a suspect is called derived; the enrolment's by default, and at most.
        channel: What the suspects reveal, such as rounded:2; auto reads it from their first answers.
        through: Answer filter that they answer through, such as "flip(0.5)"; auto looks for one where answers change
            between repeats, none does not.
        sequential: Look after each view, and stop as soon as the verdict is clear.
        certify: Accuse only where, with 95 % confidence in the calibration, at most a share alpha of independent models
            would be accused; needs more calibration models.
        test: How scores become a verdict; welch is a t-test over views that accuses far too often, for comparison, and
            welch-by-stratum the same against each stratum.
        classes: Which classes the suspects tell: a file with a name on each line in the suspect's order, or a .json
            file with a list or a map. auto takes the victim's, or those that the suspect's own files name; none the
            victim's.
        match_classes: Compare the classes in the order that labelled images show, of the suspect and of each
            calibration model.
    """

    alpha: float | None = None
    channel: str = "auto"
    through: str = "auto"
    sequential: Flag = False
    certify: Flag = False
    test: Literal["conformal", "welch", "welch-by-stratum"] = "conformal"
    classes: str = "auto"
    match_classes: Flag = False

    def given(self) -> dict[str, Any]:
        """Return them as `fpframe.verify` takes them.

        Raises:
            UsageError: two of them exclude each other.
        """
        if self.sequential and self.test != "conformal":
            raise UsageError("a t-test over views cannot stop early; leave out --sequential or --test welch")
        judged = attrs.asdict(self, filter=lambda field, value: field.name != "sequential")
        return {**judged, "test": "sequential" if self.sequential else self.test}


@Parameter(name="*", group=Group("Services", sort_key=3))
@attrs.frozen(kw_only=True)
class ServiceOptions:
    """On which terms suspects that are services are asked.

    Attributes:
        rate: Most requests per second, minute, hour or day, such as 2/s or 30/min.
        budget: Most money that what is sent may cost, in the currency of the price.
        parallel: Most requests under way at once.
    """

    rate: str | None = None
    budget: float | None = None
    parallel: int | None = None

    def terms(self) -> Terms:
        """Return them as `fpframe.verify` takes them.

        Raises:
            UsageError: one of them is out of range.
        """
        from fpframe.spending import Terms, per_second

        rate = None if self.rate is None else per_second(self.rate)
        return Terms(rate=rate, budget=self.budget, parallel=self.parallel)


@Parameter(name="*", group=Group("Answers", sort_key=3))
@attrs.frozen(kw_only=True)
class AnswerOptions:
    """What is done with the answers of suspects.

    Attributes:
        answers: Recorded answers (.npz) of a suspect that somebody asked before; once for each of several.
        save_answers: File (.npz) for the answers; with several suspects a number is added to its name.
        resume: Go on where an earlier run of the same command ended: what its suspects have answered is kept, and is
            not sent again.
        attest: Folder for a signed statement on verdicts, answers and times; needs --key.
        key: Your private key (PEM), which signs it.
        released: Day on which the suspects were published, such as 2026-12-01, for that statement.
    """

    answers: Annotated[tuple[Path, ...], Parameter(negative=(), show_default=False)] = ()
    save_answers: Path | None = None
    resume: Flag = False
    attest: Path | None = None
    key: Path | None = None
    released: Annotated[str, Parameter(show_default=False)] = ""

    def signer(self) -> PrivateKey | None:
        """Return what a statement is signed with; nothing where none is wanted.

        Raises:
            UsageError: the folder or the key was named alone, the key cannot be read, or the folder holds something.
        """
        if self.attest is None and self.key is None:
            if self.released:
                raise UsageError("--released is about a signed statement; name --attest and --key too")
            return None
        if self.attest is None or self.key is None:
            raise UsageError("--attest and --key belong together; name both")
        from fpframe.evidence import read_day, read_private_key
        from fpframe.store import refuse_folder

        try:
            read_day(self.released)
        except ValueError as error:
            raise UsageError(f"--released takes a day such as 2026-12-01 (got '{self.released}')") from error
        refuse_folder(self.attest, force=False)
        return read_private_key(self.key)


def verify(
    enrolment: Path,
    *suspects: str,
    report: Path | None = None,
    force: Flag = False,
    json_: Json = False,
    keeping: AnswerOptions = AnswerOptions(),
    opening: OpeningOptions = OpeningOptions(),
    judging: JudgingOptions = JudgingOptions(),
    service: ServiceOptions = ServiceOptions(),
    process: ProcessOptions = ProcessOptions(),
) -> int:
    """Question suspects and say what was shown of each.

    Each is opened and asked in a process of its own, which writes no files and has no network.

    Args:
        enrolment: Folder that 'fpframe enroll' wrote.
        suspects: .onnx, .pt2, .safetensors, .pt or .ckpt files, python:MODULE:FUNCTION, or services, such as
            http:service.toml or oip:URL; several share alpha by Holm's procedure.
        report: File for a report in HTML, which loads nothing from the network.
        force: Overwrite existing files.
        json_: Print exactly one JSON object.
        keeping: What is done with the answers of suspects.
        opening: How suspects are opened.
        judging: How suspects are judged.
        service: On which terms suspects that are services are asked.
        process: What suspects may use in the process that they are opened and asked in.
    """
    from fpframe.base import now
    from fpframe.enrolment import Enrolment
    from fpframe.isolation import Journals, OwnProcess
    from fpframe.registry import load_registry
    from fpframe.store import refuse_file
    from fpframe.verification import verify_each

    judged, signer = judging.given(), keeping.signer()
    recorded = [suspect for suspect in suspects if suspect.endswith(".npz")]
    if recorded:
        raise UsageError(f"recorded answers are not a suspect ({recorded[0]}); name each file with --answers FILE")
    files = _numbered(keeping.save_answers, len(suspects) + len(keeping.answers))
    for file in (*files, *([report] if report else [])):
        refuse_file(file, force=force)
    # what a suspect prints is not a result
    with (
        OwnProcess(load_registry(), process.given(), journals=Journals.usual(resume=keeping.resume)) as isolation,
        ProgressBars() as bars,
        contextlib.redirect_stdout(sys.stderr),
    ):
        if suspects:
            isolation.prepare()  # beside the enrolment, which takes a while too
        opened = Enrolment.open(enrolment, registry=isolation.registry)
        started = now()
        outcomes = verify_each(
            opened,
            suspects,
            answers=keeping.answers,
            isolation=isolation,
            on_event=bars,
            terms=service.terms(),
            **opening.given(),
            **judged,
        )
    save_transcripts(outcomes, files, force=force)
    if report is not None:
        write_report(outcomes, opened, report)
    alpha = opened.recipe.alpha if judging.alpha is None else judging.alpha
    if signer is not None and keeping.attest is not None:
        write_attestation(outcomes, opened, alpha=alpha, started=started, key=signer, keeping=keeping)
    code = print_outcomes(outcomes, opened, alpha=alpha, as_json=json_)
    flush_output()
    forget_journals(outcomes, isolation.kept)
    return code


def _numbered(path: Path | None, count: int) -> list[Path]:
    if path is None or count == 1:
        return [path] if path else []
    return [path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(1, count + 1)]
