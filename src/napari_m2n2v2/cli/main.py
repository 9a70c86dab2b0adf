"""The command line: ``napari-m2n2v2 segment | find | features | worker | demo | backbones | download | ...``."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2v2.cli.spec import add_file_options, add_spec_options, spec_of
from napari_m2n2v2.cli.streams import lasting_streams
from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import M2N2V2Error, with_notes
from napari_m2n2v2.parameters import MODES
from napari_m2n2v2.prompts import Box, Prompt

if TYPE_CHECKING:
    from napari_m2n2v2.features.image_features import ImageFeatures
    from napari_m2n2v2.guides.guide import Guide
    from napari_m2n2v2.session.result import SessionResult

__all__ = ["command_parser", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 done, 1 a named error, 2 unusable arguments, 130 interrupted."""
    with lasting_streams(), warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            options = command_parser().parse_args(arguments)
            return int(options.run(options))
        except M2N2V2Error as error:
            print(f"napari-m2n2v2: {with_notes(error)}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("napari-m2n2v2: interrupted", file=sys.stderr)
            return 130


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    """Say our own warnings as the other messages are said; leave others out of it."""
    ours = Path(filename).is_relative_to(Path(__file__).parents[1])
    text = f"napari-m2n2v2: {message}" if ours else f"{category.__name__}: {message}"
    print(text, file=sys.stderr)


def command_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    from importlib.metadata import version

    from napari_m2n2v2.cli import evaluate as cli_evaluate
    from napari_m2n2v2.cli import explain as cli_explain
    from napari_m2n2v2.cli import features as cli_features
    from napari_m2n2v2.cli import find as cli_find
    from napari_m2n2v2.cli import weights as cli_weights
    from napari_m2n2v2.cli import worker as cli_worker

    parser = argparse.ArgumentParser(
        prog="napari-m2n2v2", description="Training-free, unsupervised click-to-mask segmentation (M2N2V2)."
    )
    parser.add_argument("--version", action="version", version=version("napari-m2n2v2"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _add_segment(commands)
    _add_demo(commands)
    cli_find.add_commands(commands)
    cli_features.add_commands(commands)
    cli_weights.add_commands(commands)
    cli_worker.add_commands(commands)
    cli_evaluate.add_commands(commands)
    cli_explain.add_commands(commands)
    return parser


def _add_segment(commands: Any) -> None:
    from napari_m2n2v2.cli import segment as cli_segment

    segment = commands.add_parser("segment", help="make a mask from clicks on one image, or labels of many images")
    segment.add_argument(
        "image", type=Path,
        help="PNG, JPEG, TIFF, ...: one 2-D image, grey, RGB or RGBA; with --clicks also a folder, or a stack",
    )  # fmt: skip
    segment.add_argument(
        "--fg", dest="clicks", action=_AddClick, const=True, metavar="ROW,COL", help="a click on the object"
    )
    segment.add_argument(
        "--bg", dest="clicks", action=_AddClick, const=False, metavar="ROW,COL", help="a click beside the object"
    )
    segment.add_argument(
        "--box", dest="clicks", action=_AddBox, metavar="ROW0,COL0,ROW1,COL1", help="a box that the object lies inside"
    )
    segment.add_argument(
        "--scribble", dest="clicks", action="append", type=Path, metavar="GEOJSON",
        help="what was drawn: lines are scribbles, polygons outlines, points clicks",
    )  # fmt: skip
    segment.add_argument(
        "-o", "--output", type=Path, required=True, metavar="MASK.png",
        help="0 and 255, 8 bit; with --clicks a folder for label images, or a .zarr or .tif for those of a stack",
    )  # fmt: skip
    segment.add_argument(
        "--guide", action="append", default=[], metavar="IMAGE|NAME[:WEIGHT]",
        help="registered channel, e.g. inverse depth; a depth backbone; lightness, stain, texture or ridges of "
        "the image itself; or auto; repeatable",
    )  # fmt: skip
    segment.add_argument(
        "--mode",
        choices=MODES,
        default="default",
        help="the method by default, M2N2V2 as published, or the one before it (%(default)s)",
    )
    segment.add_argument(
        "--overlay", type=Path, metavar="PNG", help="also draw mask and clicks on the image; with --clicks a folder"
    )
    segment.add_argument("--json", action="store_true", help="print what was done as JSON")
    add_spec_options(segment)
    add_file_options(segment)
    cli_segment.add_options(segment)
    segment.set_defaults(run=_segment, clicks=[])


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser("demo", help="segment a photo that comes with scikit-image, and show it in napari")
    demo.add_argument("--headless", action="store_true", help="only write the files; open no window")
    demo.add_argument("-o", "--output", type=Path, default=Path("m2n2v2-demo"), help="folder to make (%(default)s)")
    add_spec_options(demo)
    demo.set_defaults(run=_demo)


class _AddClick(argparse.Action):
    """Collect ``--fg`` and ``--bg`` in one list, because the order of clicks matters."""

    def __init__(self, option_strings: Sequence[str], dest: str, const: bool, **named: Any) -> None:
        super().__init__(option_strings, dest, const=const, **named)

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        try:
            row, col = (float(part) for part in values.split(","))
        except ValueError:
            parser.error(f"{option} takes ROW,COL in pixels, such as {option} 120,200, got {values!r}")
        namespace.clicks = [*namespace.clicks, Click(row, col, foreground=bool(self.const))]


class _AddBox(argparse.Action):
    """The same with ``--box``."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        try:
            row0, col0, row1, col1 = (float(part) for part in values.split(","))
        except ValueError:
            parser.error(
                f"{option} takes ROW0,COL0,ROW1,COL1 in pixels, such as {option} 40,60,180,240, got {values!r}"
            )
        namespace.clicks = [*namespace.clicks, Box(row0, col0, row1, col1)]


_BYTES_A_PIXEL = 35  # measured on an image of 13,000 x 13,000, from reading to writing
_MUCH_MEMORY = 1_000_000_000


def _prompts(given: Sequence[Prompt | Path]) -> list[Prompt]:
    """Return the prompts that were given, and those that files of ``--scribble`` hold, in their order."""
    from napari_m2n2v2.files.read_clicks import read_drawn

    return [prompt for one in given for prompt in (read_drawn(one) if isinstance(one, Path) else (one,))]


def _segment(options: argparse.Namespace) -> int:
    from napari_m2n2v2.cli.segment import run_batch, unusable
    from napari_m2n2v2.errors import UnwritableFileError
    from napari_m2n2v2.files.atomic import check_image_path, write_image
    from napari_m2n2v2.files.overlay import draw_overlay
    from napari_m2n2v2.files.paths import first_replaced, is_file
    from napari_m2n2v2.files.read import read_image
    from napari_m2n2v2.guides.guide import split_weight
    from napari_m2n2v2.images.rendering import as_rgb

    if wrong := unusable(options):
        print(f"napari-m2n2v2: {wrong}", file=sys.stderr)
        return 2
    if options.table:
        return run_batch(options)
    if not options.clicks:
        print("napari-m2n2v2: nothing to segment: give at least one --fg ROW,COL, --box or --scribble", file=sys.stderr)
        return 2
    image = read_image(options.image, series=options.series, allow_outside=options.allow_outside)
    _say_if_large(options.image, image.shape)
    guide = [guide for given in options.guide for guide in _guide(given)]
    height, width = as_rgb(image).shape[:2]
    clicks = _prompts(options.clicks)
    for click in clicks:
        click.pixels((height, width))
    check_image_path(options.output, exact=True)
    if options.overlay:
        check_image_path(options.overlay)
    sources = options.image, *(Path(split_weight(given)[0]) for given in options.guide)
    read = [path for path in sources if is_file(path)]
    written = [path for path in (options.output, options.overlay) if path]
    if any(first_replaced(path, read) for path in written) or first_replaced(written[0], written[1:]):
        raise UnwritableFileError("Mask and overlay must be files of their own: one would replace another file.")
    features, result = _solve(image, guide, clicks, options, mode=options.mode)
    # Both pictures are made before either is written.
    mask, overlay = result.mask, draw_overlay(image, result.mask, clicks)
    write_image(options.output, (mask * 255).astype("uint8"))
    if options.overlay:
        write_image(options.overlay, overlay)
    summary = _summary(features, result)
    if options.json:
        print(json.dumps(summary, indent=2))
    else:
        print(f"{options.output}: {summary['area']} pixels, attention {features.backbone} ({features.chosen_because})")
        for line in (*_effects_in_words(result), *features.notes):
            print(line)
    return 0


def _say_if_large(path: Path, shape: Sequence[int]) -> None:
    needed = _BYTES_A_PIXEL * shape[0] * shape[1]
    if needed > _MUCH_MEMORY:
        print(
            f"napari-m2n2v2: {path.name} has {shape[0]} x {shape[1]} pixels, which takes about {needed / 1e9:.1f} GB "
            "of memory and a while; a part of it, or a smaller copy, takes less",
            file=sys.stderr,
        )  # fmt: skip


def _guide(given: str) -> Sequence[Guide]:
    """Return the pixels of a file, or the names of what computes guides from the image."""
    from napari_m2n2v2.files.paths import is_file, is_folder
    from napari_m2n2v2.files.read import ENDINGS, read_image
    from napari_m2n2v2.guides.guide import Guide, as_guides, split_weight

    source, weight = split_weight(given)
    if is_folder(Path(source)):
        return [Guide(source, weight)]
    if Path(source).suffix.lower() in ENDINGS or is_file(Path(source)):
        return [Guide(read_image(Path(source)), weight)]
    return as_guides(given)


def _solve(
    image: Any, guide: Any, clicks: Sequence[Prompt], options: argparse.Namespace, mode: str = "default"
) -> tuple[ImageFeatures, SessionResult]:
    from napari_m2n2v2.cli.progress import of_long_work, shares
    from napari_m2n2v2.features.cluster import Cluster
    from napari_m2n2v2.features.compute import compute
    from napari_m2n2v2.features.request import FeatureRequest
    from napari_m2n2v2.parallel import silent
    from napari_m2n2v2.session.session import Session

    watched, spec = sys.stderr.isatty(), spec_of(options, guide)
    if scheduler := getattr(options, "scheduler", None):
        spec = Cluster(scheduler).spec(spec)
    features = compute(FeatureRequest.of(image, spec), shares() if watched else silent)
    parameters = MODES[mode]()
    return features, Session(features, parameters).replay(clicks, of_long_work("clicks"))


def _effects_in_words(result: SessionResult) -> list[str]:
    """Say of each click what it changed, or why it changed nothing."""
    from napari_m2n2v2.session.effects import effect_in_words

    scale = math.prod(result.shape) / math.prod(result.working_shape)
    return [
        f"click {n + 1} at {click.row:g},{click.col:g} changed {effect_in_words(n, result.clicks, effect, scale)}"
        for n, (click, effect) in enumerate(zip(result.clicks, result.effects, strict=True))
    ]


def _summary(features: ImageFeatures, result: SessionResult) -> dict[str, Any]:
    return {
        "area": int(result.mask.sum()),
        "shape": list(result.shape),
        "clicks": [
            {
                "row": click.row,
                "col": click.col,
                "foreground": click.foreground,
                "threshold": threshold,
                "effect": asdict(effect),
            }
            for click, threshold, effect in zip(result.clicks, result.thresholds, result.effects, strict=True)
        ],
        "attention": features.backbone,
        "chosen_because": features.chosen_because,
        "weights_revision": features.weights_revision,
        "grid": list(features.grid_shape),
        "guide": features.guide_from,
        "notes": list(features.notes),
        "image_sha256": features.image_hash,
    }


DEMO_CLICKS = (Click(200, 300), Click(62, 270), Click(60, 80, foreground=False))
"""On ``skimage.data.coffee()``: the cup, its inside, and the table."""


def _demo(options: argparse.Namespace) -> int:
    from skimage.data import coffee

    from napari_m2n2v2.errors import UnwritableFileError
    from napari_m2n2v2.files.atomic import write_image
    from napari_m2n2v2.files.overlay import draw_overlay

    image = coffee()
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableFileError(f"Cannot make the folder {options.output}: {error.strerror}.") from error
    features, result = _solve(image, None, DEMO_CLICKS, options)
    write_image(options.output / "mask.png", (result.mask * 255).astype("uint8"))
    write_image(options.output / "overlay.png", draw_overlay(image, result.mask, DEMO_CLICKS))
    print(f"Attention: {features.backbone} ({features.chosen_because})")
    print(f"Wrote mask.png and overlay.png to {options.output}: {len(DEMO_CLICKS)} clicks, {result.mask.sum()} pixels")
    if options.headless or not _has_display():
        return 0
    from napari_m2n2v2._napari.demo import show

    show(image, DEMO_CLICKS, attention=options.attention, grid=options.grid, device=options.device)
    return 0


def _has_display() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return True
    print("No display here, so napari is not opened.")
    return False
