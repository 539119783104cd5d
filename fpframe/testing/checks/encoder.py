"""Checks for encoders."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from fpframe.interfaces import Encoder, Relation
from fpframe.rng import generator
from fpframe.testing.bench import CLASSES, Bench
from fpframe.testing.check import check, require
from fpframe.testing.exercise import Recording, Setting, Task, recorded

#: Models of either side, views and queries.
SIDE, VIEWS, QUERIES = 4, 3, 12

_SIDES: tuple[Relation, Relation] = ("derived", "independent")
RELATION: list[Relation] = ["victim", *(side for side in _SIDES for _ in range(SIDE))]
GROUPS = torch.arange(len(RELATION))


def answers_of(seed: int) -> Tensor:
    """Return answers ``(1 + 2 * SIDE, VIEWS, QUERIES, CLASSES)`` of a victim, models near it, and models apart.

    The victim is the same for every seed, and so is what independent models have in common.
    """
    common, source = generator(0, "common"), generator(seed, "models")
    victim = torch.randn(1, VIEWS, QUERIES, CLASSES, generator=common)
    usual = torch.randn(1, VIEWS, QUERIES, CLASSES, generator=common)
    noise = torch.randn(2 * SIDE, VIEWS, QUERIES, CLASSES, generator=source)
    derived = 3 * victim + 0.8 * noise[:SIDE]
    independent = 3 * usual + 1.5 * noise[SIDE:]
    return torch.cat([3 * victim, derived, independent]).softmax(3)


def prepare(component: Encoder, bench: Bench, setting: Setting) -> Task:
    """Fit it on a victim, models near it, and models apart."""
    answers, groups = answers_of(seed=0), GROUPS.clone()

    def work() -> nn.Module:
        return component.fit(answers, RELATION, groups, seed=setting.seed)

    def results(module: nn.Module) -> Mapping[str, Tensor]:
        with torch.no_grad():
            return {"embeddings": module(answers.flatten(0, 1)), **module.state_dict()}

    return Task(work=work, results=results, tensors={"answers": answers, "groups": groups})


def _fitted(component: Encoder, bench: Bench, setting: Setting = Setting()) -> nn.Module:  # noqa: B008
    run: Recording = recorded(component, bench, setting, prepare=prepare)
    module: nn.Module = run.made
    return module


def _embed(module: nn.Module, answers: Tensor) -> Tensor:
    """Return embeddings ``(M, V, E)`` of answers ``(M, V, Q, K)``."""
    with torch.no_grad():
        return torch.stack([module(each) for each in answers])


def _scores(module: nn.Module, answers: Tensor) -> Tensor:
    """Return the mean cosine ``(M,)`` of each model's views with those of the first model, which is embedded again.

    They are compared with its first view where the network says so, as `fpframe.verify` does.
    """
    victim = _embed(module, answers[:1])
    if getattr(module, "against_first_view", False):
        victim = victim[:, :1]
    return (_embed(module, answers) * victim).sum(2).mean(1)


@check("encoder")
def embeddings_have_unit_length(component: Encoder, bench: Bench) -> None:
    """Embeddings are finite and of unit L2 norm, for sure answers, for one-hot rows and for uniform ones."""
    likely = answers_of(seed=3)[0]
    one_hot = nn.functional.one_hot(likely.argmax(2), CLASSES).float()
    uniform = torch.full_like(likely, 1 / CLASSES)
    for what, answers in (("ordinary answers", likely), ("one-hot answers", one_hot), ("uniform answers", uniform)):
        embeddings = _embed(_fitted(component, bench), answers[None])[0]
        lengths = embeddings.norm(dim=1)
        require(embeddings.ndim == 2 and len(embeddings) == VIEWS, f"it embeds {VIEWS} views as {embeddings.shape}")
        require(
            bool(torch.isclose(lengths, torch.ones(VIEWS), atol=1e-4).all()),
            f"embeddings of {what} have lengths from {lengths.min():.3g} to {lengths.max():.3g}; divide by the length",
        )


@check("encoder")
def an_embedding_does_not_depend_on_its_batch(component: Encoder, bench: Bench) -> None:
    """Views embedded together and one by one get the same embeddings."""
    module, views = _fitted(component, bench), answers_of(seed=3).flatten(0, 1)
    with torch.no_grad():
        together, alone = module(views), torch.cat([module(view[None]) for view in views])
    gap = float((together - alone).abs().max())
    require(gap <= 1e-6, f"embeddings change by {gap:.2g} with the batch; use no statistics of the batch")


@check("encoder")
def a_saved_encoder_is_loaded_exactly(component: Encoder, bench: Bench) -> None:
    """Weights and buffers, filled into a fresh `module`, give the same embeddings to the last bit."""
    module, views = _fitted(component, bench), answers_of(seed=3)[:, 0]
    stored = save({name: tensor.contiguous().clone() for name, tensor in module.state_dict().items()})
    fresh = component.module(QUERIES, CLASSES).eval()
    try:
        fresh.load_state_dict(load(stored), strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise AssertionError(
            f"its weights do not fit a fresh module: {reason}; let q and k decide all shapes"
        ) from error
    with torch.no_grad():
        same = torch.equal(fresh(views), module(views))
    require(same, "a loaded encoder embeds differently; keep all that is learnt in parameters and buffers")


@check("encoder")
def derived_models_are_nearer_than_independent_ones(component: Encoder, bench: Bench) -> None:
    """Models whose answers are near the victim's score above models apart, also ones that it was not fitted on."""
    for seed in (0, 3):
        scores = _scores(_fitted(component, bench), answers_of(seed))
        derived, independent = scores[1 : 1 + SIDE].mean(), scores[1 + SIDE :].mean()
        require(
            derived > independent,
            f"models near the victim score {derived:.3f} and models apart {independent:.3f}; the cosine is the score",
        )


@check("encoder")
def the_victim_is_most_like_itself(component: Encoder, bench: Bench) -> None:
    """No model scores above the victim, whose cosine with itself is 1."""
    module = _fitted(component, bench)
    # another view of the victim is not the view that all are compared with
    compared = slice(1 if getattr(module, "against_first_view", False) else VIEWS)
    for seed in (0, 3):
        scores = _scores(module, answers_of(seed)[:, compared])
        require(abs(float(scores[0]) - 1) <= 1e-4, f"the victim scores {scores[0]:.4f} against itself; it should be 1")
        highest = float(scores[1:].max())
        require(highest <= float(scores[0]) + 1e-5, f"a model scores {highest:.4f}, above the victim itself")


@check("encoder")
def few_models_are_enough(component: Encoder, bench: Bench) -> None:
    """It can be fitted on the victim, two derived and two independent models, in one view."""
    few = [0, 1, 2, 1 + SIDE, 2 + SIDE]
    answers = answers_of(seed=0)[few][:, :1]
    module = component.fit(answers, [RELATION[row] for row in few], torch.arange(len(few)), seed=0)
    require(bool(_embed(module, answers).isfinite().all()), "fitted on few models its embeddings are not finite")


@check("encoder")
def parts_of_queries_have_the_cosine_of_the_whole(component: Encoder, bench: Bench) -> None:
    """Where a network says which part of an embedding is of which query, these add up to the cosine."""
    module = _fitted(component, bench)
    by_query = getattr(module, "by_query", None)
    if by_query is None:
        return
    with torch.no_grad():
        embeddings = module(answers_of(seed=3)[:, 0])
    parts = by_query(embeddings, QUERIES)
    shape = tuple(parts.shape[:2])
    require(shape == (len(embeddings), QUERIES), f"'by_query' returns {shape} for {(len(embeddings), QUERIES)}")
    gap = float(((parts * parts[:1]).sum((1, 2)) - (embeddings * embeddings[:1]).sum(1)).abs().max())
    require(gap <= 1e-4, f"the products of the parts of 'by_query' differ from the cosine by {gap:.2g}")
