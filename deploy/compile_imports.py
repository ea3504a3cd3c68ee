"""Imports what `trus serve [--app]` and `trus predict` import, so that Python leaves its bytecode below
PYTHONPYCACHEPREFIX.

A tenth of all modules that are installed; the others are compiled when they are needed, which a read-only image would
do again at each start.
"""

import pkgutil
from importlib import import_module

for package in ("trus.serving", "trus.app", "trus.inference", "trus.cli"):
    for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        if module.name.endswith(".__main__"):
            continue
        try:
            import_module(module.name)
        except ModuleNotFoundError as missing:
            if missing.name is None or missing.name.startswith("trus"):
                raise
            print(f"{module.name}: left out, {missing.name} is not part of this image")
