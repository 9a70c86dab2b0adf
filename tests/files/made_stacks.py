"""A small OME volume, written as its documents say, with zarr alone."""

import numpy as np
import zarr

SHAPE = (2, 3, 40, 60)
RNG = np.random.default_rng(0)
VOLUME = RNG.integers(0, 4000, SHAPE, dtype=np.uint16)
AXES = [
    {"name": "t", "type": "time", "unit": "second"},
    {"name": "z", "type": "space", "unit": "micrometer"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "micrometer"},
]
OME = {
    "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "µm",
    "PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "mm", "TimeIncrement": 30.0, "TimeIncrementUnit": "min",
}  # fmt: skip


def ngff(path, version, data=VOLUME, levels=2, extra=None):
    """Write OME-Zarr as its documents say, with zarr alone."""
    old = version == "0.4"
    group = zarr.open_group(path, mode="w", zarr_format=2 if old else 3)
    datasets = []
    for n in range(levels):
        step = 2**n
        pixels = data[..., ::step, ::step]
        keys = {"chunk_key_encoding": {"name": "v2", "separator": "/"}} if old else {}
        array = group.create_array(str(n), shape=pixels.shape, chunks=(1, 1, 20, 60), dtype=pixels.dtype, **keys)
        array[:] = pixels
        steps = [{"type": "scale", "scale": [1, 1, step, step]}, {"type": "translation", "translation": [0, 0, 3, 4]}]
        datasets.append({"path": str(n), "coordinateTransformations": steps})
    image = {"axes": AXES, "datasets": datasets, **(extra or {})}
    image["coordinateTransformations"] = [{"type": "scale", "scale": [5.0, 2.0, 0.5, 0.25]}]
    if old:
        group.attrs.update({"multiscales": [{"version": version, **image}]})
    else:
        group.attrs.update({"ome": {"version": version, "multiscales": [image]}})
    return path
