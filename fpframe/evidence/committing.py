"""`commit`: fix everything that decides an enrolment before its seeds can be known, and show nothing of it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from fpframe.base import Leaf, canonical_json, merkle_root, now, write_time
from fpframe.enrolment import (
    DATA,
    RECIPE,
    TERMS,
    VICTIM,
    Beacon,
    Terms,
    check_method,
    check_pool,
    code_leaves,
    origin_of,
)
from fpframe.errors import ModelError, UsageError
from fpframe.evidence.case import COMMITMENT, COMMITMENT_KIND, Case
from fpframe.evidence.keys import PrivateKey
from fpframe.evidence.log import Log
from fpframe.evidence.statement import Statement, Subject, sign
from fpframe.models import Dataset
from fpframe.opening import Victim
from fpframe.recipe import Recipe, Run
from fpframe.store import refuse_folder
from fpframe.zoo import open_workspace, prepare, suited


def commit(
    victim: object,
    dataset: Dataset | str | None = None,
    *,
    recipe: Recipe | str | Path,
    terms: Terms,
    key: PrivateKey,
    out: str | Path,
    how: Mapping[str, Any] | None = None,
    run: Run | None = None,
) -> Case:
    """Commit to a victim and to how it will be enrolled.

    Args:
        victim: the owner's model, as `fpframe.enroll` takes it.
        dataset: the data, or its address; ``None`` takes the recipe's.
        recipe: preset name, TOML file, or a recipe; its seeds are replaced when the beacon is known.
        terms: level, number of enrolments, and how suspects will be judged.
        key: signs the commitment.
        out: folder of the case, which must not exist.
        how: how victim and data were named, which is kept beside the commitment.
        run: where data and plugins are.

    Raises:
        UsageError: the beacon is not of a later time, alpha is out of reach, or the folder exists.
        ModelError: the victim cannot be opened, or shows no weights that could be committed to.
        DataError: the data cannot be used.
    """
    run, out = run or Run(), Path(out)
    refuse_folder(out, force=False)
    given = Victim.of(victim)
    if given is None:
        raise UsageError("name the victim that is committed to")
    full = suited(Recipe.of(recipe, dataset=dataset, alpha=terms.alpha), given)
    if terms.zoo_seed is not None:
        full = attrs.evolve(full, seed=terms.zoo_seed)
    at = now()
    if not Beacon(terms.beacon, "00" * 16).is_later_than(at):
        raise UsageError(
            f"the beacon of {terms.beacon} is not later than the commitment ({write_time(at)}), so it may be known "
            "already; name a later one"
        )
    leaves = tuple(
        Leaf(name=name, value=value, salt=secrets.token_hex(32))
        for name, value in committed_facts(given, dataset, full, terms, run).items()
    )
    root = merkle_root([leaf.digest for leaf in leaves]).hex()
    said = Statement(
        subjects=(Subject(COMMITMENT, root),),
        kind=COMMITMENT_KIND,
        predicate={"at": write_time(at), "leaves": len(leaves), "beacon": terms.beacon, "source": terms.source},
    )
    case = Case(folder=out, envelope=sign(said, key).to_bytes(), leaves=leaves, how=how or {}, log=Log(root=root))
    case.write()
    return case


def committed_facts(
    victim: Victim, dataset: Dataset | str | None, recipe: Recipe, terms: Terms, run: Run
) -> dict[str, Any]:
    """Return what is committed to, by the name of its leaf, as JSON-able data.

    Raises:
        UsageError: something in the recipe is unknown, or alpha is out of reach.
        ModelError: the victim cannot be opened, or has no digest.
        DataError: the data cannot be used.
    """
    method = check_method(attrs.evolve(recipe, alpha=terms.level), run.registry, without=terms.without)
    recipe = attrs.evolve(recipe, scheme=method.scheme.name)
    with run.computing():
        workspace = open_workspace(recipe, dataset, run, victim_indices=victim.indices)
        check_pool(method.parts, workspace.parts.pool)
        setting = prepare(victim, recipe, workspace, run, without=terms.without, may_train=False)
    classifier, data, base = setting.victim.classifier, workspace.dataset, workspace.base
    weights = classifier.as_query().digest
    if not weights:
        raise ModelError("the victim shows no weights or file that could be committed to; name the model itself")
    indices = victim.indices
    facts = {
        TERMS: attrs.asdict(terms),
        RECIPE: recipe.to_toml(),
        VICTIM: {
            "weights": weights,
            "backbone": setting.victim.backbone,
            "preparation": str(classifier.preparation),
            "from_scratch": victim.from_scratch,
            **({} if base is None else {"base": base.digest}),
            "indices": None if indices is None else hashlib.sha256(indices.astype(np.int64).tobytes()).hexdigest(),
        },
        DATA: {"address": data.address, "classes": list(data.classes), "digest": data.digest},
        **dict(code_leaves(origin_of(recipe, method, run.registry))),
    }
    plain: dict[str, Any] = json.loads(canonical_json(facts))
    return plain
