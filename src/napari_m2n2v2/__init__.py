"""Training-free, unsupervised interactive segmentation: M2N2V2 for napari, Python and the shell.

The public names stand in ``__init__.pyi`` and are imported on first use, so that ``import napari_m2n2v2`` loads neither
torch nor napari nor Qt.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

_public, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("napari-m2n2v2")
    return _public(name)
