"""Classifiers: networks that own their normalisation and are left as found."""

import pytest
import torch
from torch import nn

from fpframe import Classifier, ModelError, UsageError
from fpframe.models.classifier import state_digest

SHAPE = (3, 4, 4)


def network(classes=5, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(16, classes)
        )


def classifier(module=None, **options):
    return Classifier(module or network(), **{"num_classes": 5, "image_shape": SHAPE, "address": "mine", **options})


def pixels(count=6):
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(count))


def flags(model):
    return [m.training for m in model.modules()], [p.requires_grad for p in model.parameters()]


# --- left as found


def test_asking_for_logits_changes_no_flag_no_statistic_and_no_weight():
    model = classifier().train()
    before, digest = flags(model), state_digest(model)
    answers = model.logits(pixels())
    assert not answers.requires_grad
    assert (flags(model), state_digest(model)) == (before, digest)


def test_logits_do_not_depend_on_the_mode_or_the_batch_size():
    model = classifier()
    answers = model.train().logits(pixels(), batch_size=4)
    torch.testing.assert_close(answers, model.eval().logits(pixels(), batch_size=6))
    torch.testing.assert_close(answers, model(pixels()).detach())


def test_accuracy_is_the_share_of_images_that_get_their_label():
    model = classifier()
    predicted = model.logits(pixels()).argmax(1)
    wrong = predicted.clone()
    wrong[:2] = (wrong[:2] + 1) % 5
    assert model.accuracy(pixels(), predicted) == 1
    assert model.accuracy(pixels(), wrong) == pytest.approx(4 / 6)


# --- memory of its own


class Normalises(nn.Module):
    """A network that begins as torchvision's ``Normalize(inplace=True)`` does, and spoils later what it was given."""

    def __init__(self):
        super().__init__()
        self.body, self.given = network(), None

    def forward(self, images):
        if self.given is not None:
            self.given.detach().fill_(7)
        self.given = images
        return self.body(images.sub_(0.5).div_(0.5))


@pytest.mark.parametrize("options", [{}, {"mean": (0.25,), "std": (0.5,)}], ids=["bare", "normalised"])
@pytest.mark.parametrize("batch_size", [2, 6], ids=["batches", "one-batch"])
def test_pixels_stay_as_they_are_when_a_network_writes_into_its_input(options, batch_size):
    model, given = classifier(Normalises(), **options).eval(), pixels()
    answers = [model.logits(given, batch_size=batch_size) for _ in range(3)]
    model(given)
    assert torch.equal(given, pixels())
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])


def test_gradients_pass_to_pixels_that_a_network_writes_over():
    given = pixels().requires_grad_()
    classifier(Normalises()).eval()(given).square().sum().backward()
    twin = pixels().requires_grad_()
    network().eval()((twin - 0.5) / 0.5).square().sum().backward()
    torch.testing.assert_close(given.grad, twin.grad)


def test_answers_that_a_network_keeps_in_one_place_are_not_mixed_up():
    class OnePlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.place = network(), torch.empty(2, 5)

        def forward(self, images):
            return self.place.copy_(self.body(images))

    answers = classifier(OnePlace()).logits(pixels(), batch_size=2)
    torch.testing.assert_close(answers, classifier().logits(pixels()))


# --- normalisation


def test_mean_is_subtracted_and_std_divided_by_channel():
    model = classifier(nn.Identity(), mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 4.0))
    expected = (pixels() - torch.tensor([0.1, 0.2, 0.3]).reshape(3, 1, 1)) / torch.tensor([1.0, 2, 4]).reshape(3, 1, 1)
    torch.testing.assert_close(model(pixels()), expected)


@pytest.mark.parametrize(("options", "expected"), [({"mean": (0.5,)}, 0.5), ({"std": (0.5,)}, 2.0), ({}, 1.0)])
def test_one_value_stands_for_all_channels_and_what_is_not_given_changes_nothing(options, expected):
    assert torch.equal(classifier(nn.Identity(), **options)(torch.ones(1, *SHAPE)), torch.full((1, *SHAPE), expected))


def test_normalisation_is_no_weight():
    plain, normalised = classifier(), classifier(mean=(0.5,), std=(0.5,))
    assert plain.state_dict().keys() == normalised.state_dict().keys()
    assert {name.split(".")[0] for name in normalised.state_dict()} == {"module"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mean": (0.1, 0.2)}, r"'mean' needs 1 or 3 values, one per channel \(got 2\)"),
        ({"std": ()}, r"'std' needs 1 or 3 values, one per channel \(got 0\)"),
        ({"std": (1.0, 0.0, 1.0)}, r"'std' must be positive \(got 0.0\)"),
        ({"std": (float("nan"),)}, r"'std' must be finite \(got nan\)"),
        ({"mean": (0.1, float("inf"), 0.1)}, r"'mean' must be finite \(got 0.1, inf, 0.1\)"),
    ],
)
def test_a_normalisation_that_cannot_be_is_refused(options, said):
    with pytest.raises(UsageError, match=said):
        classifier(**options)


# --- does it fit?


def test_a_network_that_fits_is_checked_and_returned():
    model = classifier()
    assert model.checked() is model


def test_a_network_with_other_classes_is_refused_with_both_numbers():
    with pytest.raises(
        ModelError, match=r"answers in shape \(2, 5\) where \(2, 7\) is expected \(mine\); .* 7 classes"
    ):
        classifier(num_classes=7).checked()


def test_a_network_for_other_images_is_refused_with_the_shape_on_one_line():
    with pytest.raises(ModelError, match=r"does not take images of shape \(1, 4, 4\)") as caught:
        classifier(image_shape=(1, 4, 4)).checked()
    assert "\n" not in str(caught.value)
    assert "(mine); check its input size and channels" in str(caught.value)


def test_a_network_without_an_address_is_called_by_its_class():
    with pytest.raises(ModelError, match=r"\(Sequential\)"):
        classifier(num_classes=7, address="").checked()


# --- black-box access


def test_a_query_gives_probabilities_counts_images_and_knows_the_weights():
    model = classifier()
    query = model.as_query(max_queries=8, batch_size=4)
    torch.testing.assert_close(query(pixels()), model.logits(pixels()).softmax(1))
    assert (query.spent, query.max_queries, query.channel) == (6, 8, "probs")
    assert (query.address, query.digest) == ("mine", state_digest(model.module))


def test_the_digest_changes_with_one_weight_a_buffer_a_type_and_a_name():
    module = network()
    digests = [state_digest(module)]
    with torch.no_grad():
        module[0].weight[0, 0, 0, 0] += 1e-6
    digests.append(state_digest(module))
    module[1].running_mean[0] += 1
    digests.append(state_digest(module))
    digests.append(state_digest(nn.Sequential(*module, nn.Identity()).double()))
    digests.append(state_digest(nn.ModuleDict({"inner": module})))
    assert len(set(digests)) == 5
    assert state_digest(network()) == digests[0] != state_digest(network(seed=1))
