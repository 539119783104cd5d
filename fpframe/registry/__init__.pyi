from .discovery import (
    DISABLED as DISABLED,
    GROUP as GROUP,
    PINNED as PINNED,
    installed_names as installed_names,
    load_registry as load_registry,
)
from .hookspecs import PLUGIN_API as PLUGIN_API, hookimpl as hookimpl
from .offers import DATA as DATA, Description as Description
from .registry import KINDS as KINDS, Plugin as Plugin, PluginInfo as PluginInfo, Registry as Registry
from .sources import source_digest as source_digest
from .strata import (
    BUILT_IN as BUILT_IN,
    SAME_ARCHITECTURE as SAME_ARCHITECTURE,
    SAME_BASE as SAME_BASE,
    STRATA as STRATA,
    built_in_stratum as built_in_stratum,
    overlap_of as overlap_of,
)
