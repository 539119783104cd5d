"""Print the version of each direct dependency, and fail where it is not the oldest that `pyproject.toml` allows.

The tools of the extras `docs` and `dev` are not tried in their oldest versions.
"""

from __future__ import annotations

import sys
from importlib.metadata import requires, version

from packaging.requirements import Requirement
from packaging.version import Version

TRIED = ("", "evidence", "onnx", "ray", "test")

bounds = {}
for requirement in map(Requirement, requires("fpframe") or []):
    if requirement.name != "fpframe" and (
        not requirement.marker or any(requirement.marker.evaluate({"extra": extra}) for extra in TRIED)
    ):
        [bounds[requirement.name]] = (Version(specifier.version) for specifier in requirement.specifier)

newer = []
for name, bound in sorted(bounds.items()):
    found = Version(version(name))
    print(f"{name} {found}")
    if found.release[: len(bound.release)] != bound.release:
        newer.append(f"{name} {found} instead of {bound}")
sys.exit("not the oldest version: " + ", ".join(newer) if newer else 0)
