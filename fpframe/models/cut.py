"""`Cut`: a network in two, where its last layers begin to learn: what stays as it is, and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import Parameter, signature
from typing import Any

import attrs
import torch
from torch import Tensor, fx, nn

from fpframe.models.modes import evaluation_mode

#: Numbers of images with which a network is tried: what differs between them is the number of images.
_COUNTS = (2, 3)


@attrs.frozen(kw_only=True, eq=False)
class Cut:
    """A network in two parts, which share its weights.

    Attributes:
        start: from images as the network takes them to features ``(N, ...)``.
        rest: from these features to what the network answers; its parts have their names of the network.
    """

    start: nn.Module
    rest: nn.Module

    @classmethod
    def before(cls, module: nn.Module, parts: Sequence[str], images: Tensor) -> Cut | None:
        """Cut a network at the last place before some of its parts that all of its answer passes.

        Args:
            module: the network.
            parts: names of the parts; nothing of them is in `start`.
            images: a few images ``(N, ...)`` as it takes them.

        Returns:
            The two parts, or ``None`` where the network cannot be traced, has no such place, or answers something
            else in two parts.
        """
        with evaluation_mode(module), torch.no_grad():
            try:
                graph = _Tracer().trace(module, concrete_args=_defaults(module))
                seen = [_values(module, graph, images[:1].repeat(count, *[1] * (images.ndim - 1))) for count in _COUNTS]
                cut = _at_last_place(module, graph, parts, seen)
                if cut is None:
                    return None
                whole, parted = module(images), cut.rest(cut.start(images))
            except Exception:  # of torch, or the network's own: one that does not trace is not cut
                return None
        return cut if isinstance(whole, Tensor) and torch.equal(whole, parted) else None


class _Tracer(fx.Tracer):
    """Looks into modules that contain others, and takes layers as they are, whoever wrote them."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        own = next(m.parameters(recurse=False), None) is not None
        inside = any(next(child.parameters(), None) is not None for child in m.children())
        return super().is_leaf_module(m, module_qualified_name) or (own and not inside)


class _Recorder(fx.Interpreter):
    """Remembers what each node of a graph was worth, but for tensors, of which it remembers that they are some."""

    def __init__(self, module: nn.Module, graph: fx.Graph) -> None:
        super().__init__(module, graph=graph)
        self.values: dict[str, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        made = super().run_node(n)
        self.values[n.name] = Tensor if isinstance(made, Tensor) else made
        return made


def _defaults(module: nn.Module) -> dict[str, Any]:
    """Return what a network takes besides images, as it is by default."""
    told = list(signature(module.forward).parameters.values())[1:]
    return {each.name: each.default for each in told if each.default is not Parameter.empty}


def _values(module: nn.Module, graph: fx.Graph, images: Tensor) -> dict[str, Any]:
    recorder = _Recorder(module, graph)
    others = [node for node in graph.nodes if node.op == "placeholder"][1:]
    recorder.run(images, *[None if not node.args else node.args[0] for node in others])
    return recorder.values


def _at_last_place(
    module: nn.Module, graph: fx.Graph, parts: Sequence[str], seen: Sequence[dict[str, Any]]
) -> Cut | None:
    nodes = list(graph.nodes)
    place = {node: number for number, node in enumerate(nodes)}
    learning = [number for number, node in enumerate(nodes) if _belongs(node, parts)]
    for number in range(min(learning, default=0) - 1, 0, -1):
        if seen[0][nodes[number].name] is not Tensor:
            continue
        crossing = [each for each in nodes[:number] if any(place[user] > number for user in each.users)]
        if all(_is_plain(each, seen) for each in crossing):
            return Cut(start=_start(module, nodes[: number + 1]), rest=_rest(module, nodes[number:], crossing, seen))
    return None


def _belongs(node: fx.Node, parts: Sequence[str]) -> bool:
    if node.op not in ("call_module", "get_attr"):
        return False
    return any(str(node.target) == part or str(node.target).startswith(f"{part}.") for part in parts)


def _is_plain(node: fx.Node, seen: Sequence[dict[str, Any]]) -> bool:
    """Tell whether a node is the number of images, or the same number or nothing for any of them."""
    values = [each[node.name] for each in seen]
    if not all(value is None or isinstance(value, bool | int | float) for value in values):
        return False
    return tuple(values) == _COUNTS or values[0] == values[1]


def _start(module: nn.Module, nodes: Sequence[fx.Node]) -> nn.Module:
    graph = fx.Graph()
    copies: dict[fx.Node, Any] = {nodes[0]: graph.placeholder("images")}
    _copy(graph, nodes[1:], copies)
    graph.output(copies[nodes[-1]])
    return _made(module, graph)


def _rest(
    module: nn.Module, nodes: Sequence[fx.Node], crossing: Sequence[fx.Node], seen: Sequence[dict[str, Any]]
) -> nn.Module:
    graph = fx.Graph()
    features = graph.placeholder("features")
    copies: dict[fx.Node, Any] = {nodes[0]: features}
    for node in crossing:
        counts = tuple(each[node.name] for each in seen) == _COUNTS
        copies[node] = graph.call_method("size", (features, 0)) if counts else seen[0][node.name]
    _copy(graph, nodes[1:], copies)
    return _made(module, graph)


def _copy(graph: fx.Graph, nodes: Sequence[fx.Node], copies: dict[fx.Node, Any]) -> None:
    """Copy nodes; what one takes may be a number in `copies`. What only asserts something is left out."""
    for node in nodes:
        args: Any = fx.map_arg(node.args, lambda old: copies.get(old))
        kwargs: Any = fx.map_arg(node.kwargs, lambda old: copies.get(old))
        if node.op == "output":
            graph.output(args[0])
        elif node.op != "placeholder" and not str(getattr(node.target, "__name__", "")).startswith("_assert"):
            copies[node] = graph.create_node(node.op, node.target, args, kwargs, node.name, node.type)


def _made(module: nn.Module, graph: fx.Graph) -> nn.Module:
    made = fx.GraphModule(module, graph)
    made.graph.eliminate_dead_code()
    made.recompile()
    return made
