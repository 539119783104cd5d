"""Let pages link to files that are no pages, such as the README and a plugin's sources: such links become downloads.

MyST does so for most files by itself. It takes every Markdown file for a page, though, also one that is none of this
documentation's, and would warn. A link to a file that does not exist stays a link to a page, about which Sphinx warns.
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

_BEFORE_FILES_ARE_COLLECTED = 100


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("doctree-read", _to_downloads, priority=_BEFORE_FILES_ARE_COLLECTED)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _to_downloads(app: Sphinx, doctree: nodes.document) -> None:
    for link in list(doctree.findall(addnodes.pending_xref)):
        target = link["reftarget"]
        if link.get("reftype") != "myst" or link.get("refdomain") != "doc" or target in app.env.found_docs:
            continue
        file = f"{target}.md"
        if (Path(app.srcdir) / file).is_file():
            # a leading slash is the folder of sources
            download = addnodes.download_reference(refdomain=None, reftarget=f"/{file}", refdoc=link["refdoc"])
            download["classes"] = ["download"]
            download += link.children
            link.replace_self(download)
