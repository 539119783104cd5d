"""The command line. Subcommands are imported only when they are called, so that ``--help`` is fast."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Annotated

from cyclopts import App, Group, Parameter

from fpframe.cli.endings import TERMINATED, Terminated, end
from fpframe.cli.leaving import told_of_leaving
from fpframe.cli.streams import drop_output, flush_output, open_streams, reader_has_gone, require_folder

_COMMANDS = {
    "demo": "Try everything on scikit-learn's digits: train, enroll, verify, in about a minute.",
    "enroll": "Fingerprint a victim and calibrate the verdict.",
    "commit": "Commit to a victim and to how it will be enrolled, before its seeds can be known.",
    "seal": "Sign that an enrolment is there, before a suspect is questioned.",
    "verify": "Question suspects and say what was shown of each.",
    "audit": "Derive an enrolment again, and say how like it is to what was handed over.",
    "bundle": "Put everything into one folder that somebody needs who checks a case.",
    "check": "Check a bundle: signatures, dates, digests and verdicts, without a network.",
    "corroborate": "Compare the weights of a suspect's file with the victim's, beside independent models.",
    "bom": "Write a bill of materials (CycloneDX) of an enrolled model.",
    "redteam": "Play a malicious owner on copies of an enrolment, and see what is refused.",
    "probe": "Show what a service would be sent for one image, and how its answer is read.",
    "calibrate": "Calibrate an enrolment on other independent models, or through a filter.",
    "queries": "Write the images that are sent to a suspect, so that somebody else can send them.",
    "evaluate": "Question the recipe's held-out models, and count how well the verdicts do.",
    "forecast": "Simulate a scan of very many suspects: accusations, thieves found, queries and money.",
    "compare": "Enroll one victim by several schemes, and score the same unseen models.",
    "reproduce": "Run experiments of the paper's supplement, its figures and ours side by side.",
    "zoo": "Plan, build, list or export the derived and independent models of a recipe.",
    "train": "Train one model and write its weights.",
    "store": "Show, check or clear up the folder in which trained models are kept.",
    "plugins": "List components, or show one.",
}


_PLUGINS = Group("Plugins", sort_key=9)


def make_app() -> App:
    """Return the command-line application; its ``meta`` takes the options that all commands have."""
    app = App(
        name="fpframe",
        help="Tell whether a neural network was stolen from yours.",
        help_epilogue="Exit codes: 0 verdict given, 2 usage, 3 bad model or data, 4 a service that did not answer, "
        "5 integrity, 6 resources, 7 inconclusive, 70 a fault of fpframe itself, 130 and 143 stopped by a signal.",
        version=_version,
        default_parameter=None,
        suppress_keyboard_interrupt=False,
    )
    for name, text in _COMMANDS.items():
        app.command(f"fpframe.cli.{name}:{name}", name=name, help=text)

    # it does not take this over from the application, and would end without a word
    app.meta.suppress_keyboard_interrupt = False

    @app.meta.default
    def any_command(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        no_plugin: Annotated[tuple[str, ...], Parameter(group=_PLUGINS, negative=(), show_default=False)] = (),
        plugin: Annotated[tuple[str, ...], Parameter(group=_PLUGINS, negative=(), show_default=False)] = (),
    ) -> int:
        """Tell whether a neural network was stolen from yours.

        Args:
            tokens: Words of the command.
            no_plugin: NAME or DISTRIBUTION:NAME of an installed plugin to leave out; may be repeated.
            plugin: DISTRIBUTION:NAME: whose component to take where several distributions offer one of this name.
        """
        from fpframe.cli.selection import selected_plugins

        with selected_plugins(blocked=no_plugin, pinned=plugin):
            return _call(app, tokens)

    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with a documented code; a user's mistake is one line on stderr."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit code; whatever goes wrong is one line on stderr."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        open_streams()
        require_folder()
        with told_of_leaving():
            code = _call(make_app().meta, arguments)
            flush_output()
        return code
    except Terminated:
        raise
    except BrokenPipeError as error:
        # whoever read the output has gone, and has seen enough; any other pipe is a worker's
        return 0 if reader_has_gone() else end(error)
    except SystemExit as error:
        # rich, which prints help, leaves so where whoever read it has gone, and has put another output in its place
        return 0 if isinstance(error.__context__, BrokenPipeError) else end(error)
    except BaseException as error:  # the last resort: a user never has to read a traceback
        return end(error)
    finally:
        drop_output()


def _call(app: App, arguments: Sequence[str]) -> int:
    """Run an application, and return what its command returns as the exit code; errors are left to `run`."""
    code = app(
        list(arguments),
        exit_on_error=False,
        print_error=False,
        result_action="return_int_as_exit_code_else_zero",
    )
    return int(code)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated(TERMINATED)


def _version() -> str:
    from importlib.metadata import version

    return version("fpframe")
