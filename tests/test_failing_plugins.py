"""Broken plugins, really installed: each is named with its fault, and none takes down what does not use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from environments import Environment, make_wheel

pytestmark = pytest.mark.slow

#: A plugin with one control as a perturbation, and a scheme of it.
SOUND = '''
import attrs
import torch
import fpframe
from fpframe import ComponentSpec, Part, Scheme
from fpframe.parameters import epsilon_pixels


@attrs.frozen(kw_only=True)
class Shift(fpframe.PerturbationGenerator):
    """Brighten every pixel."""

    name = "shift"
    scope = "universal"
    epsilon: float = attrs.field(default=EPSILON, validator=epsilon_pixels)

    def generate(self, model, x, labels, *, references, seed):
        delta = torch.full((1, *x.shape[1:]), self.epsilon)
        return fpframe.Perturbation(delta=delta, converged=torch.tensor([True]), steps=0)


@fpframe.hookimpl
def fpframe_components():
    return [Shift]


@fpframe.hookimpl
def fpframe_schemes():
    part = Part(augmenter=ComponentSpec("random"), perturbation=ComponentSpec("shift"))
    return [Scheme(name="shift", summary="brighter", parts=(part,), encoder=ComponentSpec("labels"))]
'''.replace("EPSILON", "0.05")

#: What is wrong with each distribution: the source of its module, and what `fpframe plugins` says of it.
BROKEN = {
    "raising": ("raise RuntimeError('first line\\nsecond line')", "it fails at import: RuntimeError: first line"),
    "exiting": ("import sys; sys.exit('bye')", "it fails at import: SystemExit: bye"),
    "ending": ("import os; os._exit(3)", "it ends the process at import (exit code 3)"),
    "hanging": ("import time; time.sleep(600)", "it hangs at import (more than 20 seconds, FPFRAME_PLUGIN_SECONDS)"),
    "lacking": ("import package_that_nobody_has", "it fails at import: ModuleNotFoundError: No module named 'package_"),
    "signature": (
        SOUND.replace("labels, *, references, seed", "labels"),
        "Shift.generate has a wrong signature; write def generate(self, model, x, labels, *, references, seed)",
    ),
    "misspelt": (
        SOUND.replace("fpframe_components", "fpframe_component"),
        "it implements 'fpframe_component', which is not a hook; did you mean 'fpframe_components'?",
    ),
    "unfinished": (SOUND.replace("def generate", "def make"), "Shift lacks generate"),
    "newer": (
        "fpframe_api = 99\nfrom fpframe import SomethingOfTheFuture\n",
        "it needs plugin API 99, and this fpframe has 1; upgrade fpframe",
    ),
    "undecorated": (SOUND.replace("@fpframe.hookimpl", ""), "it implements no hook; decorate its fpframe_components"),
}
LOUD = "import sys\nprint('loud')\nprint('loudest', file=sys.stderr)\n" + SOUND
#: Enough to import PyTorch in while other tests run.
SECONDS = {"FPFRAME_PLUGIN_SECONDS": "20"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, tiny_store: Path) -> Environment:
    """An environment with every broken distribution, and one that prints."""
    folder = tmp_path_factory.mktemp("broken")
    made = Environment.make(folder, store=tiny_store)
    sources = {name: source for name, (source, _) in BROKEN.items()} | {"loud": LOUD}
    made.install(
        *(make_wheel(folder, f"fpframe-{n}", {f"plugin_{n}": s}, {n: f"plugin_{n}"}) for n, s in sources.items())
    )
    return made


def test_the_list_names_each_broken_plugin_with_its_fault_and_has_all_others(environment):
    done = environment.fpframe("plugins", "--json", variables=SECONDS)
    assert (done.returncode, done.stderr) == (0, "")
    listed = json.loads(done.stdout)
    faults = {each["plugin"]: (each["distribution"], each["error"]) for each in listed["broken"]}
    assert faults.keys() == BROKEN.keys()
    for name, (_, fault) in BROKEN.items():
        distribution, error = faults[name]
        assert (distribution, error[: len(fault)]) == (f"fpframe-{name}", fault)
        assert "\n" not in error
    offered = {(each["name"], each["distribution"]) for each in listed["components"]}
    assert {("shift", "fpframe-loud"), ("uap", "fpframe"), ("uap-contrastive", "fpframe")} <= offered


def test_the_list_for_people_is_the_same_and_prints_nothing_of_a_plugin(environment):
    done = environment.fpframe("plugins", variables=SECONDS)
    assert done.returncode == 0
    assert "loud\n" not in done.stdout.replace("fpframe-loud", "")
    assert "loudest" not in done.stdout + done.stderr
    broken = [line for line in done.stdout.splitlines() if line.startswith("broken: ")]
    assert len(broken) == len(BROKEN)
    assert "broken: plugin 'ending' of fpframe-ending: it ends the process at import (exit code 3)" in broken


def test_a_run_that_names_no_broken_plugin_works(environment):
    done = environment.fpframe("zoo", "plan", "tiny", variables=SECONDS)
    assert done.returncode == 0, done.stderr
    assert "122 models" in done.stdout


def test_a_run_that_uses_a_plugin_that_prints_keeps_its_results_clean(environment):
    done = environment.fpframe("plugins", "check", "shift", "--json", variables=SECONDS)
    assert json.loads(done.stdout)["checked"][0]["name"] == "shift"


def test_what_a_broken_plugin_would_offer_is_answered_with_its_fault(environment):
    done = environment.fpframe("compare", "--recipe", "tiny", "--schemes", "ending", "--out", "x", variables=SECONDS)
    assert done.returncode == 2
    assert "unknown scheme 'ending'" in done.stderr
    assert "'ending' of fpframe-ending 1.0 (it ends the process at import (exit code 3))" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plugin_is_left_out_by_option_and_by_environment(environment):
    both = SECONDS | {"FPFRAME_DISABLED_PLUGINS": "ending,hanging"}
    done = environment.fpframe("plugins", "--json", "--no-plugin", "fpframe-raising:raising", variables=both)
    assert {each["plugin"] for each in json.loads(done.stdout)["broken"]} == BROKEN.keys() - {
        "ending",
        "hanging",
        "raising",
    }


def test_a_second_look_costs_no_child_process(environment):
    environment.fpframe("plugins", variables=SECONDS)
    # a limit in which nothing could be looked at
    done = environment.fpframe("plugins", "--json", variables={"FPFRAME_PLUGIN_SECONDS": "0.001"})
    assert done.returncode == 0
    assert len(json.loads(done.stdout)["broken"]) == len(BROKEN)


def test_two_distributions_with_one_name_are_an_error_that_names_both_and_a_pin_chooses(tmp_path, tiny_store):
    made = Environment.make(tmp_path, store=tiny_store)
    made.install(
        make_wheel(tmp_path, "fpframe-one", {"plugin_one": SOUND}, {"shift": "plugin_one"}),
        make_wheel(
            tmp_path, "fpframe-two", {"plugin_two": SOUND.replace("0.05", "0.25")}, {"shift": "plugin_two"}, "2.0"
        ),
    )
    listed = json.loads(made.fpframe("plugins", "--json").stdout)["components"]
    assert [each["distribution"] for each in listed if each["name"] == "shift"] == ["fpframe-one", "fpframe-two"] * 2
    made.fpframe("plugins")
    question = ["compare", "--recipe", "tiny", "--schemes", "shift", "--out", "compared"]
    done = made.fpframe(*question)
    assert done.returncode == 2
    assert done.stderr == (
        "fpframe: error: scheme 'shift' is offered by 'shift' of fpframe-one 1.0 and by 'shift' of fpframe-two 2.0; "
        "choose with --plugin fpframe-one:shift or --plugin fpframe-two:shift, or uninstall one\n"
    )
    code = "import fpframe; print(fpframe.load_registry().create('perturbation', 'shift').epsilon)"
    for distribution, epsilon in (("fpframe-one", "0.05"), ("fpframe-two", "0.25")):
        done = made.run("-c", code, variables={"FPFRAME_PLUGINS": f"{distribution}:shift"})
        assert done.stdout.strip() == epsilon, done.stderr
    done = made.fpframe(*question, "--plugin", "fpframe-two:shift", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "shift" in done.stdout
    assert "fpframe-two" in made.fpframe("plugins", "show", "shift", "--plugin", "fpframe-two:shift").stdout
