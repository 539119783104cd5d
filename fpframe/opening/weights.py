"""`load_weights` and `save_weights`: a network's weights on disk, loaded only where everything fits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fpframe.models import Classifier
from fpframe.opening.checkpoints import Wanted, choose, liberties, open_contents
from fpframe.opening.modelfiles import existing_file
from fpframe.opening.saved import Saved, is_from_source, refuse_another_form
from fpframe.store import dump, write_durably


def save_weights(classifier: Classifier, path: Path | str, *, facts: Mapping[str, Any] | None = None) -> None:
    """Write a network's weights to a safetensors file whose bytes depend on the content alone.

    Args:
        classifier: the network; its own keys are written, without those of the wrapper.
        path: the file; it is whole or absent, also after a crash.
        facts: more plain data to keep in the file's metadata.

    Raises:
        ResourceError: the file cannot be written.
    """
    known = {
        "backbone": classifier.architecture,
        "num_classes": classifier.num_classes,
        "image_shape": list(classifier.preparation.shape(classifier.image_shape)),
        **(facts or {}),
    }
    # tied weights share memory, which the format refuses: each name gets its own copy
    tensors = {name: tensor.detach().clone() for name, tensor in classifier.module.state_dict().items()}
    write_durably(Path(path), dump(tensors, known))


def load_weights(classifier: Classifier, path: Path | str, *, key: str | None = None) -> Classifier:
    """Load the weights that a file holds for a network, and return the network.

    The file is what people keep: a state dict as safetensors or pickle, the checkpoint of a training script, a whole
    pickled network, or the list of the parts of a model (``.index.json``). The weights are looked for in it: in
    containers such as ``state_dict`` or ``model``, behind prefixes such as ``module.``, and in the parts that pruning
    and norms take weights into. Every key and shape must fit then, nothing is loaded unless everything does, and each
    liberty becomes a note in `Classifier.liberties`.

    A pickle is read in a process of its own with limits on time and memory. Nothing that it names is imported or
    called.

    Shapes do not tell everything: an architecture that was adapted to small images has those of the unchanged one, and
    other answers. A file that fpframe wrote says which of them it belongs to, and goes into no other. A file that says
    nothing goes into an adapted network only where its address names the form, as in ``timm:resnet18(stem=small)``.

    Args:
        classifier: the network.
        path: the file.
        key: where in the file its weights lie, such as ``state_dict_ema``; needed only where several fit.

    Raises:
        ModelError: the file is missing, damaged, refused or ambiguous, or does not fit the network.
    """
    path = existing_file(str(path))
    named = classifier.address or type(classifier.module).__name__
    wanted = Wanted.by(classifier.module, f"backbone '{named}' with {classifier.num_classes} classes")
    with open_contents(path) as contents:
        place, others = choose(contents, wanted, key)
        weights = place.read()
        notes = liberties(place, others)
    refuse_another_form(classifier, path)
    classifier.module.load_state_dict({**classifier.module.state_dict(), **weights})
    classifier.foreign = is_from_source(classifier.address) and Saved.of(path) is None
    classifier.liberties = notes
    return classifier
