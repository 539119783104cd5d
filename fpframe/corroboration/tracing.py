"""`plan_of`: find the layers of a network, and which channels of them may stand in another order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import torch
from torch import Tensor, fx, nn

from fpframe.corroboration.plan import Axis, Layer, Plan, Side
from fpframe.corroboration.spaces import Spaces
from fpframe.corroboration.tags import Tags, carried, treats_alike
from fpframe.models import Classifier, evaluating
from fpframe.rng import isolated

_LINEAR = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def plan_of(classifier: Classifier) -> Plan:
    """Return the layers of a network: those that compute in order, and behind them any other tensor of weights.

    The network is run on noise, one operation after the other. Where that is impossible, as where the course of its
    program depends on the image, all channels count as fixed.
    """
    network = classifier.module
    tracer: _Tracer | None = None
    with isolated(0), evaluating(network), torch.no_grad():
        try:
            tracer = _Tracer(network)
            shape = classifier.preparation.shape(classifier.image_shape)
            tracer.run(classifier.preparation.laid_out(torch.rand(2, *shape)))
        except Exception:  # whatever a stranger's architecture raises, its layers can be compared as they stand
            tracer = None
    layers, spaces = ([], Spaces()) if tracer is None else (tracer.layers, tracer.spaces)
    held = tuple(layer.name for layer in layers if tracer is not None and tracer.holds(layer))
    finished = [_without(layer, spaces) for layer in layers]
    known = {layer.weight for layer in layers}
    others = [
        Layer(name=name.removesuffix(".weight"), weight=name, bias=_beside(name, "bias"), shape=tuple(value.shape))
        for name, value in network.named_parameters()
        if value.ndim > 1 and name not in known
    ]
    return Plan(
        layers=(*finished, *others),
        sizes=spaces.sizes,
        order_of=spaces.orders(),
        scale_of=spaces.scales(),
        traced=tracer is not None,
        held=held,
    )


def _without(layer: Layer, spaces: Spaces) -> Layer:
    """Return a layer without the axes of spaces that turned out to be fixed."""
    fixed = spaces.fixed()
    return attrs.evolve(layer, sides=_loose(layer.sides, fixed), bare=_loose(layer.bare, fixed))


def _loose(sides: tuple[Side, ...], fixed: set[int]) -> tuple[Side, ...]:
    kept = ((side, side.axis.fixing(fixed)) for side in sides)
    return tuple(attrs.evolve(side, axis=axis) for side, axis in kept if axis is not None)


def _beside(weight: str, name: str) -> str:
    return f"{weight.rpartition('.')[0]}.{name}".lstrip(".")


class _Leaves(fx.Tracer):
    """Looks into no layer, whatever else its library lets it do."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, (*_LINEAR, *_NORMS)) or super().is_leaf_module(m, module_qualified_name)


class _Tracer(fx.Interpreter):
    """Runs a network operation by operation, and carries units along."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(fx.GraphModule(network, _Leaves().trace(network)))
        self.layers: list[Layer] = []
        self.spaces = Spaces()
        self.tags: dict[fx.Node, Tags] = {}
        self._layer_of: dict[fx.Node, int] = {}
        self._known: set[int] = set()

    def holds(self, layer: Layer) -> bool:
        """Tell whether the outputs of a layer are left in their order, although they are not the network's own."""
        axes = [side.axis for side in layer.sides if side.sign == 1]
        present = {space for axis in axes for space in axis.present()}
        return not axes or bool(present & self.spaces.fixed() - self.spaces.sharing(self._known))

    def run_node(self, n: fx.Node) -> Any:
        """Run one operation."""
        inputs = {each: self.tags[each] for each in n.all_input_nodes if each in self.tags}
        if n.op == "output":  # the order of classes is known
            self._known = {space for tags in inputs.values() for space in tags.axis.present()}
            self._fix(inputs.values())
            return super().run_node(n)
        module = self.submodules.get(str(n.target)) if n.op == "call_module" else None
        source = n.all_input_nodes[0] if n.all_input_nodes else None
        before = self.tags.get(source) if source is not None else None
        if isinstance(module, _LINEAR):
            self._linear(n, str(n.target), module, before)
        elif isinstance(module, _NORMS) and source is not None:
            self._norm(n, str(n.target), module, source, before)
        elif inputs:
            self._other(n, inputs)
        return super().run_node(n)

    def _linear(self, node: fx.Node, name: str, module: Any, before: Tags | None) -> None:
        groups = 1 if isinstance(module, nn.Linear) else module.groups
        dim = -1 if isinstance(module, nn.Linear) else 1
        width = module.weight.shape[0]
        if before is not None and before.dim != (self._dims(node) - 1 if dim == -1 else 1):
            self._fix([before])
            before = None
        if any(layer.name == name for layer in self.layers):  # one module that is used twice
            self._fix([before] if before is not None else [])
            self._fix_layer(name)
            return
        sides: tuple[Side, ...] = ()
        if groups == 1:
            space = self.spaces.new(width)
            out = Axis.whole(space, width)
            sides = (Side(dim=0, axis=out, sign=1),)
            sides += (Side(dim=1, axis=before.axis, sign=-1),) if before is not None else ()
        elif before is not None and groups == width == len(before.axis.spaces):
            out = self.spaces.alike(before.axis)  # each channel stays itself, at a scale of its own
            sides = (Side(dim=0, axis=out, sign=1), Side(dim=0, axis=before.axis, sign=-1))
        else:
            self._fix([before] if before is not None else [])
            self._add(node, name, module, ())
            return
        self._add(node, name, module, sides)
        self.tags[node] = Tags(self._dims(node) - 1 if dim == -1 else 1, out)

    def _add(self, node: fx.Node, name: str, module: Any, sides: tuple[Side, ...]) -> None:
        self._layer_of[node] = len(self.layers)
        shape = tuple(module.weight.shape)
        self.layers.append(
            Layer(name=name, weight=f"{name}.weight", bias=f"{name}.bias", shape=shape, sides=sides, bare=sides)
        )

    def _norm(self, node: fx.Node, name: str, module: Any, source: fx.Node, before: Tags | None) -> None:
        """Give its channels a scale of their own, and fold it into the layer before where nothing else uses that."""
        after = None if before is None else Tags(before.dim, self.spaces.alike(before.axis))
        number = self._layer_of.get(source)
        if number is not None and len(source.users) == 1 and not self.layers[number].norm:
            layer = self.layers[number]
            sides = layer.sides
            if after is not None:
                sides = tuple(attrs.evolve(side, axis=after.axis) if side.sign == 1 else side for side in sides)
            folded = attrs.evolve(layer, norm=name, epsilon=float(module.eps), sides=sides, bare=layer.sides)
            self.layers[number] = folded
        if after is not None:
            self.tags[node] = after

    def _other(self, node: fx.Node, inputs: Mapping[fx.Node, Tags]) -> None:
        """Find out where an operation that has no weights of its own carries units to."""
        named = {each.name: (self.env[each], tags) for each, tags in inputs.items()}
        nodes = {each.name: each for each in inputs}
        if not all(isinstance(value, Tensor) and value.is_floating_point() for value, _ in named.values()):
            self._fix(inputs.values())
            return

        def run(values: Mapping[str, Tensor]) -> Tensor:
            before = dict(self.env)
            try:
                # copies, for some operations write into their input
                self.env |= {each: _copied(value) for each, value in before.items() if each in node.all_input_nodes}
                self.env |= {nodes[name]: value.clone() for name, value in values.items()}
                return fx.Interpreter.run_node(self, node)  # type: ignore[no-any-return]
            finally:
                self.env = before

        sample = run({name: value for name, (value, _) in named.items()})
        found = carried(run, named) if isinstance(sample, Tensor) and sample.is_floating_point() else None
        if found is None:
            self._fix(inputs.values())
            return
        tags, pairs = found
        for one, other in pairs:
            self.spaces.join(one, other)
        try:
            alike = treats_alike(run, named, tags, self.spaces.other_orders())
        except ValueError:
            alike = False
        if alike:
            self.tags[node] = tags
        else:
            self._fix([*inputs.values(), tags])

    def _dims(self, node: fx.Node) -> int:
        value: Tensor = self.env[node.all_input_nodes[0]]
        return value.ndim

    def _fix(self, tags: Any) -> None:
        for each in tags:
            self.spaces.fix(each.axis.present())

    def _fix_layer(self, name: str) -> None:
        for layer in self.layers:
            if layer.name == name:
                for side in layer.sides:
                    self.spaces.fix(side.axis.present())


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value
