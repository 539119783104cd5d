"""Temporary environments with really installed distributions, for tests of what plugins do to each other."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import attrs

import fpframe
import fpframe_plugins

ROOT = Path(__file__).parents[1]


def make_wheel(
    folder: Path, name: str, modules: Mapping[str, str], entries: Mapping[str, str], version: str = "1.0"
) -> Path:
    """Write a wheel of pure Python modules, by name and source, with entry points of fpframe; return its path."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    points = "\n".join(["[fpframe]", *(f"{key} = {value}" for key, value in entries.items())])
    files = {f"{module}.py": source for module, source in modules.items()} | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": points + "\n",
    }
    record = [f"{path},{_digest(text)},{len(text.encode())}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


@attrs.frozen
class Environment:
    """A virtual environment of its own, which finds third-party packages in the running one.

    Attributes:
        folder: where it lies; an empty folder `work` beside it is the current one for what it runs.
        store: the folder of models, as ``FPFRAME_HOME``.
    """

    folder: Path
    store: Path

    @classmethod
    def make(cls, folder: Path, *, store: Path, fpframe_too: bool = True) -> Environment:
        """Make one; with `fpframe_too` it finds the fpframe under test, too."""
        made = cls(folder / "env", store)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", made.folder], check=True)
        # the running environment may itself be a layer that finds packages in another
        found = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
        if fpframe_too:
            found += [str(Path(package.__file__ or "").parents[1]) for package in (fpframe, fpframe_plugins)]
        (made._site() / "borrowed.pth").write_text("\n".join(dict.fromkeys(found)) + "\n")
        (folder / "work").mkdir()
        return made

    def install(self, *wheels: Path) -> None:
        """Install wheels with pip."""
        python = self.folder / "bin" / "python"
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index"]
        subprocess.run([*pip, "--disable-pip-version-check", *wheels], check=True)

    def run(
        self, *arguments: str, variables: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run its Python with arguments; nothing of this process is inherited that would lead to other packages."""
        kept = {name: os.environ[name] for name in ("HOME", "PATH", "LANG", "OMP_NUM_THREADS") if name in os.environ}
        own = {"FPFRAME_HOME": str(self.store), "FPFRAME_PLUGIN_CACHE": str(self.folder.parent / "cache")}
        return subprocess.run(
            [self.folder / "bin" / "python", *arguments],
            cwd=cwd or self.folder.parent / "work",
            env={**kept, **own, **(variables or {})},
            capture_output=True,
            text=True,
            check=False,
        )

    def fpframe(self, *arguments: str, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        return self.run("-m", "fpframe", *arguments, variables=variables)

    def _site(self) -> Path:
        [site] = self.folder.glob("lib/python*/site-packages")
        return site


def _digest(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"sha256={digest.decode().rstrip('=')}"
