"""`Laboratory`: what every experiment works with: a victim, a zoo, queries, and answers that are asked once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from fpframe.enrolment import Enrolment, Method, ZooAnswers, ask_zoo, check_method, fingerprint, fit_encoder
from fpframe.interfaces import Encoder
from fpframe.models import PROBS, Classifier, Images
from fpframe.recipe import SPLITS, Recipe, Run
from fpframe.zoo import Setting, VictimHandle, Zoo, ZooModel, announce, ask_pixels, build_models

#: The paper's own scheme, the same as its first author released it, its ablation, and what a fingerprint has to beat:
#: the control and the trivial baseline.
UAP, RELEASED, AUTOENCODER = "uap-contrastive", "uap-released", "uap-autoencoder"
CONTROL, BASELINE = "random-sign", "akh"


@attrs.frozen(kw_only=True, eq=False)
class Laboratory:
    """What every experiment works with.

    Whatever models answer is kept in the store: an experiment that was stopped continues where it was, and can be
    repeated where there are answers and no weights.

    Attributes:
        setting: recipe, data and victim.
        zoo: the recipe's models of all splits, built.
        run: how further models are trained, and who is told of progress.
    """

    setting: Setting
    zoo: Zoo
    run: Run

    @property
    def recipe(self) -> Recipe:
        """The recipe."""
        return self.setting.recipe

    @property
    def victim(self) -> Classifier:
        """The victim."""
        return self.setting.victim.classifier

    def with_seed(self, seed: int) -> Laboratory:
        """Return a laboratory for another enrolment of the same victim: other queries, another encoder."""
        recipe = attrs.evolve(self.recipe, queries=attrs.evolve(self.recipe.queries, seed=seed))
        return self._with(recipe=recipe)

    def with_size(self, *, points: int | None = None, views: int | None = None) -> Laboratory:
        """Return a laboratory in which schemes that leave their size open have another one."""
        queries = self.recipe.queries
        resized = attrs.evolve(queries, points=points or queries.points, views=views or queries.views)
        return self._with(recipe=attrs.evolve(self.recipe, queries=resized))

    def with_pool(self, images: Images) -> Laboratory:
        """Return a laboratory in which query points are drawn from other images."""
        workspace = self.setting.workspace
        return self._with(workspace=attrs.evolve(workspace, parts=attrs.evolve(workspace.parts, pool=images)))

    def with_victim(self, victim: Classifier, backbone: str) -> Laboratory:
        """Return a laboratory for another victim; its zoo is still that of the first one."""
        workspace = self.setting.workspace
        handle = VictimHandle.of(victim, workspace.parts, backbone=backbone)
        return self._with(workspace=attrs.evolve(workspace, victim=handle))

    def _with(self, **changes: Any) -> Laboratory:
        setting = attrs.evolve(self.setting, **changes)
        return attrs.evolve(self, setting=setting)

    def build(self, models: Sequence[ZooModel]) -> Zoo:
        """Train what is missing of further models."""
        workspace = self.setting.workspace
        announce(models, workspace, self.run)
        return build_models(models, workspace, self.run)

    def method(self, scheme: str) -> Method:
        """Return the components of a scheme."""
        registry = self.setting.workspace.registry
        return check_method(self.recipe, registry, without=self.setting.without, scheme=scheme)

    def ask(self, scheme: str, *splits: str, zoo: Zoo | None = None) -> ZooAnswers:
        """Make a scheme's queries for the victim, and ask it and the models of some splits.

        Args:
            scheme: its name.
            splits: splits of the zoo; none for all of them.
            zoo: other models than the laboratory's.
        """
        zoo = zoo or self.zoo
        chosen = Zoo(tuple(zoo.of(*(splits or SPLITS))), zoo.workspace)
        return ask_zoo(self.setting, self.method(scheme), chosen, keep=True, on_event=self.run.on_event)

    def fit(self, scheme: str, asked: ZooAnswers) -> nn.Module:
        """Return the scheme's encoder, fitted on the fit split of what was asked, for probabilities."""
        spec = self.method(scheme).encoder
        encoder = self.setting.workspace.registry.build(Encoder, spec.name, **spec.params)
        return fit_encoder(encoder, asked.fit, asked.victim, PROBS, seed=self.recipe.enrolment_seed)

    def enroll(self, scheme: str) -> Enrolment:
        """Return an enrolment by a scheme, for probabilities, on what the models of `fit` and `calibrate` answer."""
        narrow = self._with(recipe=attrs.evolve(self.recipe, channels=(PROBS,)))
        asked = narrow.ask(scheme, "fit", "calibrate")
        known = Zoo(tuple(model for model, _ in asked.models), self.zoo.workspace)
        made = fingerprint(narrow.setting, narrow.method(scheme), known, asked, keep=True, on_event=self.run.on_event)
        made.require_families()
        return made

    def answers(self, models: Sequence[ZooModel], pixels: Tensor, *, zoo: Zoo | None = None) -> Tensor:
        """Return the probabilities ``(M, P, K)`` that models answer to images ``(P, C, H, W)`` of any precision."""
        zoo = zoo or self.zoo
        found = ask_pixels(zoo, models, pixels, purpose="an experiment", on_event=self.run.on_event)
        return torch.stack([answer.tensors["answers"] for answer in found])

    def thefts(self, *splits: str) -> list[ZooModel]:
        """Return the derived models of some splits, or of all, except failed thefts."""
        models = self.zoo.of(*(splits or SPLITS))
        return [model for model in models if model.relation == "derived" and not self.zoo.facts(model).failed]

    def innocents(self, *splits: str) -> list[ZooModel]:
        """Return the independent models of some splits, or of all."""
        return [model for model in self.zoo.of(*(splits or SPLITS)) if model.relation == "independent"]
