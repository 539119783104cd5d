"""How Sphinx builds the documentation: ``make -C docs html``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "fpframe"
author = "The fpframe authors"
html_title = "fpframe"

extensions = ["myst_parser", "file_links", "builtin_pages", "cli_pages"]
exclude_patterns = ["_build", "_ext", "_static", "changelog/*", "**/.*"]

myst_heading_anchors = 4

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["fpframe.css"]
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
html_use_index = False  # nothing leads there; the API lists all names, and the search finds them
html_last_updated_fmt = None  # the same sources give the same pages
