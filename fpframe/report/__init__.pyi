from .case.page import CaseFile as CaseFile, case_html as case_html
from .comparison.folder import write_comparison as write_comparison
from .comparison.tables import comparison_markdown as comparison_markdown
from .corroboration.page import corroboration_html as corroboration_html
from .corroboration.text import corroboration_text as corroboration_text
from .drawing import (
    COLOURS as COLOURS,
    LABELS as LABELS,
    PALETTE as PALETTE,
    drawn_as as drawn_as,
    open_axes as open_axes,
    svg_text as svg_text,
)
from .evaluation.folder import write_evaluations as write_evaluations
from .evaluation.plane import draw_plane as draw_plane, embed_in_plane as embed_in_plane
from .evaluation.tables import evaluation_markdown as evaluation_markdown, suspects_text as suspects_text
from .marketplace import forecast_dict as forecast_dict, forecast_text as forecast_text
from .tables import columns as columns, markdown_table as markdown_table
from .verdict.page import verdict_html as verdict_html
from .verdict.text import verdicts_text as verdicts_text
from .zoo import (
    costs_text as costs_text,
    dropped_text as dropped_text,
    outlook_dict as outlook_dict,
    outlook_text as outlook_text,
    zoo_dict as zoo_dict,
    zoo_summary as zoo_summary,
    zoo_text as zoo_text,
)
