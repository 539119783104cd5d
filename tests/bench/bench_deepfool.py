"""DeepFool for a batch of images, against adv-lib, foolbox and ART."""

from __future__ import annotations

import torch
from libraries import DeepFool, PyTorchClassifier, df, foolbox
from material import Material, lengths
from measuring import Row, Times, take_turns
from torch import Tensor

from fpframe_plugins.perturbations._deepfool import deepfool_l2

STEPS, OVERSHOOT = 50, 0.02
#: adv-lib's time may be exceeded by 5 %; the others have to be beaten.
LIMITS = {"adv-lib": 1.05, "foolbox": 1.0, "ART": 1.0}
#: How far the median L2 norm may be from adv-lib's, in pixel units.
TOLERANCE = 1e-3
#: Images for ART, which takes one after the other.
FEW = 64


def rows(material: Material, *, images: int, repeats: int) -> list[Row]:
    """Compare time, success and median L2 norm on images with the labels that the model gives them."""
    model, x, labels = material.model, material.x[:images], material.labels[:images]
    by_foolbox, by_art = foolbox_attack(material), art_attack(material)
    all_images = take_turns(
        {
            "fpframe": lambda: deepfool_l2(model, x, labels=labels, steps=STEPS, overshoot=OVERSHOOT)[0],
            "adv-lib": lambda: df(model, x, labels, steps=STEPS, overshoot=OVERSHOOT) - x,
            "foolbox": lambda: by_foolbox(x, labels) - x,
        },
        repeats=repeats,
    )
    few, few_labels = x[:FEW], labels[:FEW]
    few_images = take_turns(
        {
            "fpframe": lambda: deepfool_l2(model, few, labels=few_labels, steps=STEPS, overshoot=OVERSHOOT)[0],
            "ART": lambda: by_art(few) - few,
        },
        repeats=min(repeats, 3),
    )
    return [
        compare(material, all_images, "adv-lib", x, labels),
        compare(material, all_images, "foolbox", x, labels),
        compare(material, few_images, "ART", few, few_labels),
    ]


def foolbox_attack(material: Material):
    """Return foolbox's attack, from images and labels to adversarial images."""
    attack = foolbox.attacks.L2DeepFoolAttack(steps=STEPS, candidates=10, overshoot=OVERSHOOT)
    model = foolbox.PyTorchModel(material.model, bounds=(0, 1), device="cpu")
    return lambda x, labels: attack(model, x, labels, epsilons=None)[0]


def art_attack(material: Material):
    """Return ART's attack, from images to adversarial images."""
    attack = DeepFool(art_classifier(material), max_iter=STEPS, epsilon=OVERSHOOT, nb_grads=10, verbose=False)
    return lambda x: torch.from_numpy(attack.generate(x.numpy()))


def art_classifier(material: Material, *, clipped: bool = True) -> PyTorchClassifier:
    """Return the model as ART takes it."""
    return PyTorchClassifier(
        material.model,
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=tuple(material.x.shape[1:]),
        nb_classes=material.model.num_classes,
        clip_values=(0.0, 1.0) if clipped else None,
        device_type="cpu",
    )


def compare(material: Material, times: Times, other: str, x: Tensor, labels: Tensor) -> Row:
    """Return the row for fpframe and one of the others; quality counts against adv-lib, whose algorithm is the same."""
    success, median = {}, {}
    for name in ("fpframe", other):
        delta = times.results[name]
        success[name] = float((material.model.logits(x + delta).argmax(1) != labels).double().mean())
        median[name] = float(lengths(delta).median())
    same = success["fpframe"] == success[other] and abs(median["fpframe"] - median[other]) <= TOLERANCE
    return Row(
        what=f"`deepfool`, {len(x)} images",
        than=other,
        ours=times.seconds["fpframe"],
        theirs=times.seconds[other],
        limit=LIMITS[other],
        good=same or (other != "adv-lib" and success["fpframe"] >= success[other]),
        quality=f"success {success['fpframe']:.3f} / {success[other]:.3f}, "
        f"median L2 {median['fpframe']:.4f} / {median[other]:.4f}",
    )
