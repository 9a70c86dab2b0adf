"""The options that say how features are wanted, the same for every command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_m2n2v2.features.spec import FeatureSpec

__all__ = ["add_file_options", "add_outside_option", "add_spec_options", "spec_of"]


def add_spec_options(parser: argparse.ArgumentParser) -> None:
    """Add them to a command. Cheap: imports nothing of the engine."""
    parser.add_argument("--attention", default="auto", metavar="NAME", help="a backbone or a folder (%(default)s)")
    parser.add_argument("--grid", type=int, help="attention cells along the side of a square image")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu (%(default)s)")


def add_file_options(parser: argparse.ArgumentParser) -> None:
    """Add those that say what of a file is read. Cheap: imports nothing of the engine."""
    parser.add_argument(
        "--series", type=int, metavar="N", help="which image of a TIFF or OME-Zarr that holds several, from 0"
    )
    add_outside_option(parser)


def add_outside_option(parser: argparse.ArgumentParser) -> None:
    """Add the one that trusts files that name others."""
    parser.add_argument(
        "--allow-outside", action="store_true", help="also read files outside its folder that an image or list names"
    )


def spec_of(options: argparse.Namespace, guide: Any) -> FeatureSpec:
    """Return what they say, with a guide."""
    from napari_m2n2v2.features.spec import FeatureSpec
    from napari_m2n2v2.parameters import FeatureParameters

    return FeatureSpec(options.attention, guide, options.device, parameters=FeatureParameters(grid=options.grid))
