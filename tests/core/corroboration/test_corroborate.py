"""Copies are found by their weights, others are not, and what cannot be compared says so."""

from __future__ import annotations

import copy
import json

import pytest
import torch
from torch import nn

import fpframe
from disguise import disguised
from fpframe.corroboration import REMARKS, corroborate

SHAPE = (1, 8, 8)
INDEPENDENTS = 4


def built(seed: int, *, width: int = 6, head: int = 10) -> fpframe.Classifier:
    module = nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, head),
    )
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
        module[1].running_var.uniform_(0.5, 2, generator=generator)
        module[1].weight.abs_().add_(0.1)
    return fpframe.Classifier(module, num_classes=head, image_shape=SHAPE, address="net").eval()


@pytest.fixture(scope="module")
def victim() -> fpframe.Classifier:
    return built(0)


@pytest.fixture(scope="module")
def others() -> list[fpframe.Classifier]:
    return [built(100 + number) for number in range(INDEPENDENTS)]


def state(network: fpframe.Classifier) -> dict[str, torch.Tensor]:
    return dict(network.module.state_dict())


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_a_permuted_and_rescaled_copy_answers_the_same_and_is_brought_back(victim, others, seed):
    twin = disguised(victim, seed)
    images = torch.rand(4, *SHAPE)
    assert torch.allclose(victim.logits(images), twin.logits(images), rtol=1e-3, atol=1e-3)
    found = corroborate(victim, twin, others)
    assert found.likeness == pytest.approx(1, abs=1e-5)
    assert [layer.equal for layer in found.layers] == [1.0] * 4
    assert found.p_value == 1 / (INDEPENDENTS + 1)
    assert found.in_place < 0.7


def test_another_network_is_no_likelier_than_independent_ones_and_p_is_never_below_its_floor(victim, others):
    found = [corroborate(victim, built(200 + seed), others) for seed in range(3)]
    assert all(each.likeness < 0.7 for each in found)
    assert all(each.p_value >= 1 / (INDEPENDENTS + 1) for each in found)
    assert {each.result.n for each in found} == {INDEPENDENTS}


def test_the_likeness_is_symmetric(victim, others):
    other = built(300)
    there, back = (corroborate(one, two, others).likeness for one, two in ((victim, other), (other, victim)))
    assert there == pytest.approx(back, abs=0.05)


def _int8(tensors):
    found = dict(tensors)
    for name, value in tensors.items():
        if value.ndim > 1:
            scale = value.abs().amax() / 127
            found |= {name: (value / scale).round().to(torch.int8), f"{name}_scale": scale}
    return found


def _renamed(tensors):
    return {f"part{name.partition('.')[0]}.{name.rpartition('.')[2]}": value for name, value in tensors.items()}


def _folded(tensors):
    factor = tensors["1.weight"] / torch.sqrt(tensors["1.running_var"] + 1e-5)
    bias = tensors["1.bias"] - tensors["1.running_mean"] * factor
    kept = {name: value for name, value in tensors.items() if not name.startswith("1.")}
    return {**kept, "0.weight": tensors["0.weight"] * factor.reshape(-1, 1, 1, 1), "0.bias": bias}


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (lambda tensors: {name: value.half() for name, value in tensors.items()}, 0.9999),
        (_int8, 0.999),
        (_renamed, 0.9999),
        (_folded, 0.9999),
        (lambda tensors: {**tensors, "extra.weight": torch.rand(5, 5)}, 0.9999),
        (lambda tensors: {name: value for name, value in tensors.items() if name[0] != "9"}, 0.9999),
        (lambda tensors: {f"module.{name}": value for name, value in tensors.items()}, 0.9999),
        (
            lambda tensors: {name: value + 0.05 * torch.randn_like(value.float()) for name, value in tensors.items()},
            0.9,
        ),
        (lambda tensors: {n: torch.where(v.abs() > 0.2, v, 0) if v.ndim > 1 else v for n, v in tensors.items()}, 0.9),
    ],
    ids=["half", "int8", "renamed", "folded", "extra", "headless", "wrapped", "noisy", "pruned"],
)
def test_copies_that_were_changed_are_found(victim, others, change, least):
    torch.manual_seed(0)
    found = corroborate(victim, change(state(victim)), others)
    assert found.likeness >= least
    assert found.p_value == 1 / (INDEPENDENTS + 1)


def test_names_of_layers_of_one_shape_that_were_exchanged_do_not_hide_a_copy():
    def deep(seed):
        module = nn.Sequential(*(part for _ in range(4) for part in (nn.Linear(64, 64, bias=False), nn.ReLU())))
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(torch.randn(64, 64, generator=torch.Generator().manual_seed(seed)))
                seed += 1000
        whole = nn.Sequential(nn.Flatten(), module)
        return fpframe.Classifier(whole, num_classes=64, image_shape=SHAPE, address="deep").eval()

    victim, others = deep(0), [deep(1), deep(2)]
    tensors = state(victim)
    names = {"1.0.weight": "1.4.weight", "1.4.weight": "1.0.weight"}
    found = corroborate(victim, {names.get(name, name): value for name, value in tensors.items()}, others)
    assert found.likeness == pytest.approx(1, abs=1e-5)


def test_what_was_missing_or_told_by_shape_is_said(victim, others):
    headless = {name: value for name, value in state(victim).items() if name[0] != "9"}
    assert [remark.code for remark in corroborate(victim, headless, others).remarks] == ["layers-missing"]
    renamed = corroborate(victim, _renamed(state(victim)), others)
    assert {"layers-assigned", "norms-left-out"} == {remark.code for remark in renamed.remarks}
    assert [layer.found for layer in renamed.layers] == ["shape"] * 4


def test_layers_whose_channels_cannot_be_followed_are_named_in_a_remark():
    def grouped(seed):
        torch.manual_seed(seed)
        module = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=2), nn.Flatten(), nn.Linear(64, 3)
        )
        return fpframe.Classifier(module, num_classes=3, image_shape=SHAPE, address="grouped").eval()

    with torch.random.fork_rng():
        victim, rivals = grouped(0), [grouped(1), grouped(2)]
    (remark,) = corroborate(victim, victim, rivals).remarks
    assert remark.code == "order-fixed-in-part"
    assert "In 2 of 3 layers" in remark.text
    assert ": 0, 2." in remark.text


def test_another_architecture_is_not_comparable_and_gets_no_number(victim, others):
    other = fpframe.Classifier(
        nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 10)), num_classes=10, image_shape=SHAPE
    )
    found = corroborate(victim, other, others)
    assert "another architecture" in found.not_comparable
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (told["comparable"], told["likeness"], told["p_value"]) == (False, None, None)


def test_another_width_leaves_the_layers_that_it_does_not_touch(victim, others):
    found = corroborate(victim, built(0, width=7), others)
    assert [layer.name for layer in found.layers] == ["5", "9"]
    assert found.p_value >= 1 / (INDEPENDENTS + 1)


def test_independent_models_of_one_base_are_said_to_be_alike_and_with_the_base_changes_count(others):
    base = built(0)

    def tuned(seed):
        network, generator = copy.deepcopy(base), torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.03 * torch.randn(parameter.shape, generator=generator))
        return network

    victim, rivals = tuned(1), [tuned(seed) for seed in (2, 3, 4)]
    thief = copy.deepcopy(victim)
    with torch.no_grad():
        for parameter in thief.parameters():
            parameter.add_(0.005 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(9)))
    plain = corroborate(victim, tuned(5), rivals)
    assert {"independents-alike", "base-shared"} == {remark.code for remark in plain.remarks}
    changes = corroborate(victim, thief, rivals, base=base)
    assert changes.p_value == 1 / 4
    assert "No model was considered" not in changes.sentence
    assert "No model was considered" in plain.sentence
    assert changes.likeness > 0.9
    assert all(model.likeness < 0.3 for model in changes.independents)
    assert corroborate(victim, base, rivals, base=base).likeness == pytest.approx(0, abs=1e-6)


def test_independent_models_that_are_one_or_the_suspect_are_refused(victim, others):
    with pytest.raises(fpframe.ModelError, match="has the weights of the victim"):
        corroborate(victim, others[0], [others[1], copy.deepcopy(victim)])
    with pytest.raises(fpframe.ModelError, match="has the weights of the suspect"):
        corroborate(victim, others[0], others)
    with pytest.raises(fpframe.ModelError, match="has the weights of net"):
        corroborate(victim, victim, [others[0], copy.deepcopy(others[0])])
    with pytest.raises(fpframe.ModelError, match="lacks the layer '0' of the victim"):
        corroborate(victim, victim, [built(5, width=7)])
    with pytest.raises(fpframe.DataError, match="there are no independent models"):
        corroborate(victim, victim, [])


def test_what_holds_no_weights_is_refused_with_the_readers_words(victim, others, tmp_path):
    spoilt = state(victim) | {"3.weight": torch.full_like(state(victim)["3.weight"], torch.nan)}
    with pytest.raises(fpframe.ModelError, match=r"'3\.weight' holds numbers that are not finite"):
        corroborate(victim, spoilt, others)
    with pytest.raises(fpframe.ModelError, match="there are no tensors in the weights"):
        corroborate(victim, {}, others)
    with pytest.raises(fpframe.UsageError, match="weights cannot be a int"):
        corroborate(victim, 5, others)
    with pytest.raises(fpframe.ModelError, match="no such file"):
        corroborate(victim, tmp_path / "none.pt", others)
    (tmp_path / "huge.safetensors").write_bytes(b"\xff\xff\xff\xff\xff\x00\x00\x00{}")
    with pytest.raises(fpframe.ModelError, match="is not a whole safetensors file"):
        corroborate(victim, tmp_path / "huge.safetensors", others)
    many = {f"copy{number}.weight": torch.rand(32, 32) for number in range(3)}
    crowd = {f"x{number}.w": torch.rand(8, 8, 3, 3) for number in range(20)}
    with pytest.raises(fpframe.ModelError, match="tensors of the shape"):
        corroborate(victim, many | crowd, others)


@pytest.mark.slow
def test_a_pickle_that_would_run_code_is_read_and_nothing_of_it_runs(victim, others, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"state_dict": state(victim), "trap": Trap()}, tmp_path / "suspect.pt")
    assert corroborate(victim, tmp_path / "suspect.pt", others).likeness == pytest.approx(1)
    assert not (tmp_path / "ran").exists()


def test_a_copy_of_the_base_is_not_told_from_one_of_the_victim_and_the_sentence_says_so(victim, others):
    sibling = corroborate(victim, copy.deepcopy(victim), others)
    assert sibling.p_value == 1 / (INDEPENDENTS + 1)
    assert "began with a public model" in sibling.sentence
    assert "public model" not in corroborate(victim, victim, others, from_scratch=True).sentence


def test_every_remark_is_described():
    from docpages import ROOT

    page = (ROOT / "docs/reference/corroboration.md").read_text(encoding="utf-8")
    assert [code for code, text in REMARKS.items() if f"| `{code}` | {text} |" not in page] == []
