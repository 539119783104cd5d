"""What encoders have in common that compare the two images of each pair.

Not a plugin: each of them has a file of its own.
"""

from __future__ import annotations

import fpframe


def require_pairs(q: int, name: str) -> None:
    """Refuse queries that are not pairs.

    Args:
        q: number of queries.
        name: what the encoder is called.

    Raises:
        ParameterError: says how a scheme sends pairs.
    """
    if q % 2:
        raise fpframe.ParameterError(
            f"'{name}' compares the two images of each pair, and {q} queries are not pairs; give the scheme "
            "one part with 'pair = true'"
        )
