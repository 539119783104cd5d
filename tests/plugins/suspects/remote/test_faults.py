"""What comes of each way in which a service may fail, and how many requests that takes, as the docs say it."""

from __future__ import annotations

import pytest
import torch

import fpframe
from docpages import ROOT, section
from faultserver import MODES, SLOW, FaultServer, linear_model
from plugins.suspects.remote.asking import describe, open_service, pixels

TABLE = {
    cells[1].strip(): (cells[2].strip(), int(cells[3]))
    for line in section(ROOT / "docs/how-to/services.md", "## When a service fails").splitlines()
    if len(cells := line.split("|")) == 5 and cells[1].strip() not in ("The service answers with", "---")
}


def outcome(query: fpframe.Query) -> str:
    """What comes of asking twelve images, in three requests, and then the first four again."""
    asked = pixels()
    try:
        rows = torch.cat([query(asked), query(asked[:4])])
    except fpframe.FpframeError as error:
        return f"exit {error.exit_code}: {str(error).partition(' (')[0].partition(', after')[0].partition(';')[0]}"
    if not bool(rows.isfinite().all()):
        return "answers that are no finite numbers"
    want = torch.from_numpy(linear_model()(torch.cat([asked, asked[:4]]).numpy())).float()
    assert torch.allclose(rows, want, atol=1e-5)
    return "answers"


@pytest.mark.parametrize("name", MODES)
def test_a_failing_service_ends_as_the_table_says(name, registry, tmp_path):
    with FaultServer(MODES[name]) as server:
        address = describe(tmp_path, server.url, seconds=0.3 if name in SLOW else 30)
        query = open_service(registry, address)
        said = outcome(query)
        assert (said.replace(server.url, "URL"), server.requests) == TABLE.get(name)
        evidence = query.meter.evidence()
        assert evidence["requests"] == server.requests
        assert float(evidence["money"]) == pytest.approx(0.01 * server.requests)
