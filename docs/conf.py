"""How Sphinx builds the documentation: ``make -C docs html``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "fpframe"
author = "The fpframe authors"
html_title = "fpframe"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "file_links", "builtin_pages", "cli_pages"]
exclude_patterns = ["_build", "_ext", "_static", "changelog/*", "**/.*"]

myst_heading_anchors = 4

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["fpframe.css"]
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
html_use_index = False  # nothing leads there; the API page lists all names, and the search finds them
html_last_updated_fmt = None  # the same sources give the same pages

# the API page: docstrings in Google's style, in which single backticks stand around code
default_role = "literal"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # the fields of a class stand in its docstring
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
