"""Models that are not made by gradient descent: trained, stored and opened as networks are."""

import pytest
import torch

from fpframe import Classifier, ModelError, Training, load_weights, save_weights, train
from fpframe.models.fitted import Fitted, free_sizes


class Means(Fitted):
    """Answers by the distance to the mean of each class that it has seen."""

    def __init__(self):
        super().__init__()
        self.register_buffer("means", torch.zeros(1, 4))
        self.register_buffer("classes", torch.zeros(1, dtype=torch.long))

    def forward(self, pixels):
        near = -torch.cdist(pixels.flatten(1), self.means)
        answers = near.new_full((len(pixels), 3), -9.0)
        answers[:, self.classes] = near
        return answers

    def fit(self, pixels, labels, *, seed):
        self.classes = labels.unique()
        self.means = torch.stack([pixels[labels == label].flatten(1).mean(0) for label in self.classes])


def model():
    return Classifier(Means(), num_classes=3, image_shape=(1, 2, 2), address="means")


def fitted(targets=None):
    pixels = torch.eye(4).reshape(4, 1, 2, 2)
    labels = torch.tensor([0, 0, 2, 2]) if targets is None else targets
    return train(model(), pixels, labels, Training(epochs=1), seed=0), pixels


def test_it_is_fitted_at_once_to_labels_or_to_the_likeliest_class():
    classifier, pixels = fitted()
    assert classifier.logits(pixels).argmax(1).tolist() == [0, 0, 2, 2]
    soft, _ = fitted(torch.tensor([[0.6, 0.4, 0.0]] * 2 + [[0.1, 0.2, 0.7]] * 2))
    assert torch.equal(soft.module.means, classifier.module.means)
    assert not classifier.training


def test_a_state_of_other_sizes_loads_and_answers_alike():
    classifier, pixels = fitted()
    again = model()
    again.module.load_state_dict(classifier.module.state_dict())
    assert torch.equal(again.logits(pixels), classifier.logits(pixels))
    assert again.module.means.data_ptr() != classifier.module.means.data_ptr()


def test_a_file_of_other_sizes_loads_and_one_with_other_dimensions_is_refused(tmp_path):
    classifier, pixels = fitted()
    save_weights(classifier, tmp_path / "means.safetensors")
    again = load_weights(model(), tmp_path / "means.safetensors")
    assert torch.equal(again.logits(pixels), classifier.logits(pixels))
    classifier.module.means = torch.zeros(2, 2, 4)
    save_weights(classifier, tmp_path / "means.safetensors")
    with pytest.raises(ModelError, match=r"means is float32 \(2, 2, 4\) where float32 \(1, 4\) is expected"):
        load_weights(model(), tmp_path / "means.safetensors")


def test_only_what_was_fitted_has_free_sizes():
    network = torch.nn.Sequential(torch.nn.BatchNorm2d(1), Means())
    assert free_sizes(network) == {"1.means", "1.classes"}


@pytest.mark.parametrize("how", [{"layer": torch.nn.Linear(1, 1)}, {"disturb": max}, {"after_step": print}])
def test_it_cannot_be_trained_in_part_or_in_steps(how):
    with pytest.raises(ModelError, match=r"not made by gradient descent, .* \(means\); choose another"):
        train(model(), torch.zeros(2, 1, 2, 2), torch.tensor([0, 1]), Training(), seed=0, **how)
