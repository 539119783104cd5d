"""Three hundred models that never met a victim, of twelve kinds: what others make who do the same task."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import attrs
import torch
from networks import CLASSES, SHAPE, any_network, convolutional, perceptron, residual, separable, transformer
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import Tensor, nn
from training import Prepared, draw_habits, fit, probabilities

import fpframe
from fpframe.models import Images

#: Decides every model. It was fixed before any of them was made.
SEED = 16
COUNT = 300


@attrs.frozen
class Task:
    """What one model is made from: its number, its own chance, and the images that anybody can download."""

    number: int
    chance: random.Random
    images: Images

    def share(self) -> tuple[Tensor, Tensor]:
        """Return a random part of the images and their labels, from 3000 to 20 000 of them."""
        count = round(3000 * (20 / 3) ** self.chance.random())
        chosen = torch.tensor(self.chance.sample(range(len(self.images)), count))
        return self.images.pixels[chosen], self.images.labels[chosen]

    def fresh(self, make: Callable[[random.Random], nn.Module]) -> nn.Module:
        """Return a network with weights of its own."""
        torch.manual_seed(self.chance.randrange(2**31))
        return make(self.chance)

    def trained(self, network: nn.Module, *, strong: bool = False) -> Prepared:
        """Train on a share of the images, with habits that are drawn."""
        pixels, labels = self.share()
        habits = draw_habits(self.chance, len(pixels), strong=strong)
        return Prepared(fit(network, pixels, labels, habits, seed=self.number), habits).eval()

    def student(self, teacher: nn.Module, network: nn.Module, *, labels: bool) -> Prepared:
        """Train on what a teacher answers to a share of the images."""
        pixels, _ = self.share()
        answers = probabilities(teacher, pixels)
        habits = draw_habits(self.chance, len(pixels))
        made = fit(network, pixels, answers.argmax(1) if labels else answers, habits, seed=self.number)
        return Prepared(made, habits).eval()


def _trained(make: Callable[[random.Random], nn.Module]) -> Callable[[Task], Any]:
    return lambda task: task.trained(task.fresh(make))


def _augmented(task: Task) -> Any:
    return task.trained(task.fresh(any_network), strong=True)


def _victims_architecture(task: Task) -> Any:
    torch.manual_seed(task.number)
    registry = fpframe.load_registry()
    built = fpframe.build_backbone(registry, "paper:arc-a", num_classes=CLASSES, image_shape=SHAPE)
    return task.trained(built.module)


def _student(task: Task, *, labels: bool) -> Any:
    return task.student(task.trained(task.fresh(any_network)), task.fresh(any_network), labels=labels)


def _changed(task: Task) -> Any:
    """Fine-tune, prune or round a model of somebody else."""
    made = task.trained(task.fresh(any_network))
    how = task.chance.choice(["fine-tuned", "pruned", "rounded"])
    made = copy.deepcopy(made)
    if how == "fine-tuned":
        pixels, labels = task.share()
        habits = attrs.evolve(draw_habits(task.chance, len(pixels)), epochs=2, rate=5e-4, optimizer="adamw")
        habits = attrs.evolve(habits, mean=made.mean, std=made.std)
        return Prepared(fit(made.network, pixels, labels, habits, seed=task.number), habits).eval()
    with torch.no_grad():
        for weight in made.parameters():
            if how == "pruned" and weight.ndim > 1:
                weight.mul_(weight.abs() > weight.abs().flatten().quantile(0.3))
            elif how == "rounded":
                weight.copy_(weight.half().float())
    return made


_LEARNERS: tuple[Callable[[int], Any], ...] = (
    lambda seed: RandomForestClassifier(100, random_state=seed, n_jobs=1),
    lambda seed: ExtraTreesClassifier(100, random_state=seed, n_jobs=1),
    lambda seed: KNeighborsClassifier(5, weights="distance", n_jobs=1),
    lambda seed: make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", alpha=0.01, random_state=seed)),
    lambda seed: CalibratedClassifierCV(make_pipeline(StandardScaler(), SVC(random_state=seed)), ensemble=False, cv=3),
    lambda seed: HistGradientBoostingClassifier(max_iter=30, random_state=seed),
    lambda seed: LinearDiscriminantAnalysis(),
)


@attrs.frozen
class Learner:
    """A model of scikit-learn, which answers with probabilities."""

    fitted: Any

    def __call__(self, pixels: Tensor) -> Tensor:
        return torch.as_tensor(self.fitted.predict_proba(pixels.flatten(1).numpy())).float()


def _scikit(task: Task) -> Any:
    pixels, labels = task.share()
    few = min(len(pixels), 6000)
    learner = _LEARNERS[(task.number // len(KINDS)) % len(_LEARNERS)](task.number)
    return Learner(learner.fit(pixels[:few].flatten(1).numpy(), labels[:few].numpy()))


#: The kinds, in the order in which models are numbered. ``wild`` is drawn and trained by fpframe itself, see `wild`.
KINDS: dict[str, Callable[[Task], Any] | None] = {
    "convolutional": _trained(convolutional),
    "residual": _trained(residual),
    "separable": _trained(separable),
    "perceptron": _trained(perceptron),
    "transformer": _trained(transformer),
    "mixed, shifted, smoothed": _augmented,
    "victim's architecture": _victims_architecture,
    "student of probabilities": lambda task: _student(task, labels=False),
    "student of labels": lambda task: _student(task, labels=True),
    "fine-tuned, pruned, rounded": _changed,
    "scikit-learn": _scikit,
    "wild": None,
}


def make_innocent(number: int, images: Images) -> Any:
    """Return the model with a number: a module, or a callable."""
    make = list(KINDS.values())[number % len(KINDS)]
    assert make is not None
    return make(Task(number, random.Random(SEED * 10_000 + number), images))
