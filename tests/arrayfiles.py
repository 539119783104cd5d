"""NumPy's files, written by hand, so that they can say of themselves what is not so."""

from __future__ import annotations

import io
import zipfile


def declared(shape: str, descr: str = "<f8", numbers: bytes = b"") -> bytes:
    """Return an array file that says it has a shape and a type, whatever numbers follow."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + numbers


def archive(**members: bytes) -> bytes:
    """Return an ``.npz`` file of array files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, member in members.items():
            file.writestr(f"{name}.npy", member)
    return content.getvalue()
