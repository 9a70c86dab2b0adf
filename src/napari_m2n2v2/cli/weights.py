"""The command line of weights: ``napari-m2n2v2 backbones`` and ``download``."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    """Add ``backbones`` and ``download`` to the command line's sub-parsers. Cheap: imports nothing of the engine."""
    backbones = commands.add_parser("backbones", help="list where attention and depth can come from, and what is ready")
    backbones.set_defaults(run=_backbones)
    download = commands.add_parser("download", help="bring the weights of a backbone here, after saying how large")
    download.add_argument("name", metavar="NAME", help="as `backbones` lists it")
    download.add_argument("--id", metavar="OWNER/MODEL", help="another model of the same kind on the hub")
    download.add_argument("--yes", action="store_true", help="do not ask")
    download.set_defaults(run=_download)


def _backbones(options: argparse.Namespace) -> int:
    import torch  # noqa: F401 - so that a GPU is seen

    from napari_m2n2v2.backbones import BACKBONES, DEPTH_BACKBONES

    for title, known in (("attention", BACKBONES), ("depth, as a guide", DEPTH_BACKBONES)):
        print(f"{title}:")
        for info in known.values():
            where = info.locate()
            print(f"  {info.name:25s} {info.state}")
            print(f"  {'':25s} {info.description}; licence: {info.licence}")
            print(f"  {'':25s} {'at ' + where if where else 'get it with: ' + info.get}")
    return 0


def _download(options: argparse.Namespace) -> int:
    from napari_m2n2v2.backbones.find import info_of
    from napari_m2n2v2.backbones.hub import download, plan
    from napari_m2n2v2.cli.progress import shares

    info = info_of(options.name)
    if info.weights is None:
        print((info.get and f"Get it with: {info.get}") or f"{info.name} needs no weights.")
        return 0
    wanted = plan(info.weights.of(options.id) if options.id else info.weights)
    print(
        f"{wanted.repository} at {wanted.revision[:12]}: {len(wanted.files)} files, {_size(sum(wanted.files.values()))}"
    )
    print(f"Licence: {wanted.licence}. To download now: {_size(wanted.missing)}.")
    if wanted.missing and not options.yes and not _agreed():
        print("Nothing was downloaded.")
        return 1
    print(download(wanted, shares(step=0.01)))
    return 0


def _agreed() -> bool:
    try:
        return input("Download? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
