"""Made the files beside it, with the first release that wrote format 2 (commit f0cd664); kept to be read, not run.

``victim.enrolment`` is as small as one can be and still has everything: two strata, two channels, a filter that changes
images, an assumption. The answers are those of four suspects; ``expected.json`` is what that release said of them.
"""

from __future__ import annotations

import json
from pathlib import Path

import fpframe

RECIPE = """
name = "frozen"
dataset = "digits"
scheme = "uap-contrastive"
alpha = 0.1
channels = ["probs", "top1"]
filters = ["flip(0.5)"]

[victim]
backbone = "paper:arc-e"

[training]
epochs = 10
batch_size = 32

[queries]
points = 8
views = 3
craft_images = 200

[queries.perturbation]
epsilon = 0.3

[queries.encoder]
hidden = 32
embedding = 16

[[independent]]
stratum = "same-data"
fit = 4
calibrate = 9
test = 8

[[independent]]
stratum = "other-teacher"
fit = 4
calibrate = 9
test = 1

[[derived]]
attack = "extract-noise(soft)"
fit = 4
test = 1

[[derived]]
attack = "finetune(all)"
fit = 2
test = 1
"""

KEPT = ("verdict", "p_value", "score", "view_scores", "channel", "through", "views", "stopped", "queries", "strata")


def main() -> None:
    here = Path.cwd()
    recipe = here / "frozen.toml"
    recipe.write_text(RECIPE)
    zoo = fpframe.plan_zoo(recipe).build()
    # the victim is handed in as an owner would, so that there is an assumption
    victim = zoo.workspace.victim.classifier
    enrolment = fpframe.enroll(victim, recipe=recipe, backbone="paper:arc-e", out=here / "victim.enrolment")
    tested = {stratum: [] for stratum in ("finetune(all)", "same-data")}
    for model in zoo.models:
        if model.split == "test" and model.stratum in tested:
            tested[model.stratum].append(zoo.load(model))
    derived = tested["finetune(all)"][0]
    flip = fpframe.load_registry().create("filter", "flip", probability=0.5)
    suspects = {
        "derived": derived,
        "independent": tested["same-data"][7],
        "labels": lambda pixels: derived.logits(pixels).argmax(1),
        "flipping": flip.wrap(derived.as_query(), seed=0),
    }
    expected = {"digest": enrolment.digest, "verdicts": {}}
    for name, suspect in suspects.items():
        answers = here / f"{name}.npz"
        fpframe.verify(enrolment, suspect).transcript.save(answers)
        expected["verdicts"][name] = {}
        for test in ("conformal", "sequential"):
            [verdict] = fpframe.verify_many(enrolment, answers=[answers], test=test)
            told = verdict.to_dict()
            expected["verdicts"][name][test] = {key: told[key] for key in KEPT}
    (here / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
