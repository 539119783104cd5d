"""`finetune` changes the layers that it is told to."""

from __future__ import annotations

import pytest

from fpframe.opening.backbones import build_backbone
from fpframe_plugins.attacks._layers import weights_of
from plugins.attacks.thieves_of_weights import changed, colours, state


def test_finetuning_the_last_layer_changes_nothing_else_not_even_statistics(steal, victim):
    assert changed(state(victim), state(steal("finetune", layers="last"))) == {"13.weight", "13.bias"}


def test_finetuning_all_layers_changes_all_of_them(steal, victim):
    assert changed(state(victim), state(steal("finetune"))) == set(state(victim))


def test_zeros_of_a_pruned_model_stay_unless_the_thief_lets_go_of_them(steal):
    pruned = steal("prune", ratio=0.5)
    zeros = {name: weight == 0 for name, weight in weights_of(pruned.module).items()}
    kept = weights_of(steal("finetune", model=pruned).module)
    free = weights_of(steal("finetune", model=pruned, keep_zeros=False).module)
    for name, mask in zeros.items():
        assert not kept[name][mask].any()
        assert (kept[name] != weights_of(pruned.module)[name])[~mask].any()
    assert sum(int((free[name][mask] != 0).sum()) for name, mask in zeros.items()) > 1000


@pytest.mark.parametrize(
    ("backbone", "head"), [("timm:test_resnet", "fc"), ("torchvision:squeezenet1_1", "classifier.1")]
)
def test_the_last_layer_of_other_networks_is_all_that_learns(registry, steal, backbone, head):
    model = build_backbone(registry, backbone, num_classes=10, image_shape=(3, 32, 32), seed=0)
    stolen = steal("finetune", model=model, data=colours(20), layers="last", epochs=1)
    difference = changed(state(model), state(stolen))
    assert {name.rpartition(".")[2] for name in difference} == {"weight", "bias"}
    assert len(difference) == 2
    assert all(name.rpartition(".")[0].endswith(head) for name in difference)
