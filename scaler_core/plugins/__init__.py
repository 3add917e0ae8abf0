"""The plugin host: finds installed plugins, checks them, and keeps their components.

::

    entry points --discovery--> modules --checks--> classes --loading--> PluginHost
    (group scaler_core.plugins)          (a fault costs one plugin)      find, build, recipes

:func:`load_plugins` returns a value. There is no global manager, nothing loads at import, and the
components that come with SCALER arrive by the same entry points as anybody's.
"""

from scaler_core.plugins.discovery import package_version
from scaler_core.plugins.host import PluginHost, PluginRecord
from scaler_core.plugins.kinds import KINDS, Interface, Kind, kind_of, resolve_kind
from scaler_core.plugins.loading import list_plugins, load_plugins

__all__ = [
    "KINDS",
    "Interface",
    "Kind",
    "PluginHost",
    "PluginRecord",
    "kind_of",
    "list_plugins",
    "load_plugins",
    "package_version",
    "resolve_kind",
]
