"""What must not change while the code moves: public names, keys of stored features, session files, masks.

``python tests/test_promises.py`` writes the golden files anew. Do that only for a change that is meant, and say so.
"""

import json
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.data import astronaut, coffee

import napari_m2n2v2 as m
from napari_m2n2v2 import Click, FeatureParameters, RegionClick, SegmentationParameters

GOLDEN = Path(__file__).parent / "golden"
BACKBONES = ("appearance", "offline")
CPU_KIND = torch.backends.cpu.get_cpu_capability()  # other instructions round otherwise

FIRST = (Click(30, 40), Click(8, 8, False), Click(45, 60), Click(20, 20, False), Click(33, 52))
TWO_OBJECTS = (Click(30, 40), Click(60, 90, object_id=2), Click(10, 70, False), Click(55, 80, object_id=2))
PAPER = SegmentationParameters.paper()
SEQUENCES = {
    "one click": (FIRST[:1], {}),
    "five clicks": (FIRST, {}),
    "two objects": (TWO_OBJECTS, {}),
    "without compete": (TWO_OBJECTS, {"compete": False}),
    "background first": (tuple(replace(c, foreground=not c.foreground) for c in FIRST), {}),
    "by hand": ((replace(FIRST[0], threshold=0.4), *FIRST[1:]), {}),
    "moved": ((FIRST[0], replace(FIRST[1], row=12.5, col=70.25), *FIRST[2:]), {}),
    "start": (FIRST[1:3], {"start": True}),
    "m2n2": (FIRST, {"parameters": SegmentationParameters.m2n2()}),
    "prior at start": (FIRST[:2], {"parameters": replace(PAPER, prior_at_start=True)}),
    "thin": (FIRST, {"parameters": replace(PAPER, reach="thin")}),
    "by default": (FIRST, {"parameters": SegmentationParameters()}),
    "by default, two objects": (TWO_OBJECTS, {"parameters": SegmentationParameters()}),
    "lightness": (FIRST, {"guide": "lightness"}),
    "auto": (TWO_OBJECTS, {"guide": "auto"}),
}


@cache
def features_of(backbone, guide=None):
    photo = coffee()[:384:4, :512:4].copy()
    return m.compute_features(photo, backbone, guide, "cpu", parameters=FeatureParameters(grid=20))


def labels_of(backbone, clicks, parameters=None, guide=None, compete=True, start=False):
    features = features_of(backbone, guide)
    begun = np.zeros(features.shape, np.int32)
    begun[20:50, 30:70] = 1
    session = m.Session(features, parameters or PAPER, start=begun if start else None, compete=compete)
    return session.replay(clicks).labels


def labels_in_regions(backbone):
    """Two overlapping parts of a plane, the clicks in one after the other."""
    plane = astronaut()[:160:2, :256:2].copy()
    stack = m.Stack.of(plane, rgb=True)
    mosaic = m.Mosaic(stack.plane_shape, PAPER)
    left, right = m.Region(0, 0, 80, 80), m.Region(0, 48, 80, 80)
    for region in (left, right):
        mosaic.put(
            region,
            m.region_features(
                stack, (), region, attention=backbone, device="cpu", parameters=FeatureParameters(grid=14)
            ),
        )
    mosaic.replay([RegionClick(left, Click(40, 60)), RegionClick(right, Click(20, 110, False))])
    return mosaic.labels_in(slice(0, 80), slice(0, 128))


def all_labels():
    found = {}
    for backbone in BACKBONES:
        for name, (clicks, how) in SEQUENCES.items():
            found[f"{backbone}, {name}"] = labels_of(backbone, clicks, **how).astype(np.uint8)
        found[f"{backbone}, regions"] = labels_in_regions(backbone).astype(np.uint8)
    return found


def keys():
    """Keys of stored features, and how backbones are named in them."""
    from napari_m2n2v2.features.keys import FeatureKeys
    from napari_m2n2v2.features.request import FeatureRequest
    from napari_m2n2v2.features.spec import FeatureSpec

    photo = coffee()[:384:4, :512:4].copy()
    channel = np.tile(np.linspace(0, 1, 128), (96, 1))
    asked = {
        "plain": {},
        "guided": {"guide": channel},
        "grey": {"image": photo[..., 1], "contrast_limits": (10, 200)},
        "lightness": {"guide": "lightness:2"},
        "auto": {"guide": "auto"},
        "other parameters": {"parameters": FeatureParameters(grid=16, test_time_flip=True, sigma_range=0.2)},
    }
    found = {}
    for name, named in asked.items():
        spec = {"attention": "appearance", "device": "cpu"} | named
        request = FeatureRequest.of(spec.pop("image", photo), FeatureSpec(**spec))
        found[name] = vars(FeatureKeys.of(request))
    return found


def backbone_names(folder):
    from napari_m2n2v2.backbones import find_backbone, find_depth
    from napari_m2n2v2.features.keys import identity_of
    from tests.backbones import tiny_models

    tiny_models.save_dinov2(folder / "dino")
    tiny_models.save_stable_diffusion(folder / "sd")
    tiny_models.save_depth_anything(folder / "depth")
    tiny_models.save_marigold(folder / "marigold")
    found = {name: find_backbone(name).backbone for name in BACKBONES}
    found |= {name: find_backbone(str(folder / name)).backbone for name in ("dino", "sd")}
    found |= {name: find_depth(str(folder / name)).backbone for name in ("depth", "marigold")}
    # random weights are not the same with every release of torch
    return {name: identity_of(backbone)["class"] for name, backbone in found.items()}


def test_masks_are_bit_for_bit_the_same():
    known = np.load(GOLDEN / "masks.npz")
    made_on = str(known["made on"])
    now = all_labels()
    assert set(now) == set(known.files) - {"made on"}
    for name, labels in now.items():
        differing = np.count_nonzero(labels != known[name])
        assert differing == 0 or (made_on != CPU_KIND and differing < 0.002 * labels.size), (name, differing)


def test_keys_of_stored_features_stay():
    assert keys() == json.loads((GOLDEN / "keys.json").read_text())["keys"]


def test_backbones_keep_their_names_in_keys(tmp_path):
    assert backbone_names(tmp_path) == json.loads((GOLDEN / "keys.json").read_text())["backbones"]


def test_public_names_stay():
    assert sorted((GOLDEN / "names.txt").read_text().split()) == sorted(m.__all__)
    for name in m.__all__:
        assert getattr(m, name) is not None


@pytest.mark.parametrize("name", ["one image", "stack"])
def test_a_session_file_is_read_and_written_back_byte_for_byte(name, tmp_path):
    file = m.load_session(GOLDEN / f"{name}.json")
    m.save_session(tmp_path / "again.json", file)
    assert (tmp_path / "again.json").read_bytes() == (GOLDEN / f"{name}.json").read_bytes()


def write():
    import tempfile

    GOLDEN.mkdir(exist_ok=True)
    np.savez_compressed(GOLDEN / "masks.npz", **all_labels(), **{"made on": CPU_KIND})
    with tempfile.TemporaryDirectory() as folder:
        content = {"keys": keys(), "backbones": backbone_names(Path(folder))}
    (GOLDEN / "keys.json").write_text(json.dumps(content, indent=2) + "\n")
    (GOLDEN / "names.txt").write_text("\n".join(m.__all__) + "\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    write()
