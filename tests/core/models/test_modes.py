"""Evaluation mode: while anybody needs it, in whatever thread, and not longer."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from fpframe import evaluating
from fpframe.models.modes import copied, evaluation_mode


def network():
    """Return a network that trains in part."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(), nn.BatchNorm1d(4), nn.Linear(4, 2)).train()
    model[2].eval()
    model[0].weight.requires_grad_(False)
    return model


def flags(model):
    return [m.training for m in model.modules()], [p.requires_grad for p in model.parameters()]


def test_evaluation_mode_and_frozen_weights_end_with_the_block_even_when_it_fails():
    model = network()
    before = flags(model)

    def fail():
        with evaluating(model):
            modes, needs = flags(model)
            assert not any(modes)
            assert not any(needs)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert flags(model) == before
    assert any(before[0])
    assert not all(before[0])


def test_what_is_turned_on_inside_the_block_is_off_again_after_it():
    model = network()
    before = flags(model)
    with evaluating(model):
        model.train().requires_grad_()
    assert flags(model) == before


def test_the_last_thread_out_of_the_block_restores_the_model():
    model, inside, after = network(), threading.Event(), []
    before = flags(model)
    leave = threading.Event()

    def second():
        with evaluating(nn.Sequential(model)):  # a wrapper of its own around the same network
            inside.set()
            leave.wait(60)
            after.append(flags(model))

    with ThreadPoolExecutor(1) as pool:
        with evaluating(model):
            future = pool.submit(second)
            inside.wait(60)
        assert not any(flags(model)[0] + flags(model)[1])
        leave.set()
        future.result()
    assert after == [([False] * 5, [False] * 6)]
    assert flags(model) == before


def test_evaluation_mode_alone_leaves_the_weights_as_they_are():
    model = network()
    with evaluation_mode(model):
        modes, needs = flags(model)
    assert not any(modes)
    assert needs == flags(network())[1]


def test_a_copy_made_while_somebody_evaluates_the_model_learns_as_the_model_does():
    model = network()
    before = flags(model)
    with evaluating(model):
        twin = copied(model)
        assert flags(twin) == before
    assert flags(copied(model)) == before
    assert twin[0].weight is not model[0].weight


def test_a_network_that_remembers_its_last_pass_can_be_copied():
    class Remembers(nn.Linear):
        def forward(self, values):
            self.seen, self.said = values, super().forward(values)
            return self.said

    model = nn.Sequential(nn.Linear(4, 4), Remembers(4, 2))
    model(torch.ones(1, 4, requires_grad=True))
    twin = copied(model)
    assert torch.equal(twin[1].said, model[1].said)
    assert model[1].said.requires_grad
    assert all(torch.equal(one, two) for one, two in zip(twin.parameters(), model.parameters(), strict=True))
