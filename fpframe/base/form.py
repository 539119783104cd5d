"""The form of an architecture: what stands in round brackets after its name, as in ``timm:resnet18(stem=small)``."""

from __future__ import annotations

#: The form in which a library builds an architecture, with nothing changed for the images.
UNCHANGED = "unchanged"


def split_form(address: str) -> tuple[str, str]:
    """Return an address without its form, and the form; that is empty where none is named."""
    plain, bracket, form = address.partition("(")
    return (plain, form[:-1]) if bracket and form.endswith(")") else (address, "")


def with_form(address: str, form: str) -> str:
    """Return an address with another form, or without one where that is empty."""
    plain, _ = split_form(address)
    return f"{plain}({form})" if form else plain


def is_adapted(form: str) -> bool:
    """Tell whether a form is another network than the one that its library builds."""
    return form not in ("", UNCHANGED)
