"""Find the installed plugins, and learn what they offer without letting their code into this process."""

from fpframe.loading.discovery import DISABLED, GROUP, PINNED, installed_names, load_registry

__all__ = ["DISABLED", "GROUP", "PINNED", "installed_names", "load_registry"]
