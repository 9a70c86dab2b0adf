"""Peak memory of one image and three clicks: ``python -m benchmarks.memory 480x854 64`` (a process of its own)."""

import json
import resource
import sys

from napari_m2n2v2 import Click, Session

from .conftest import SIZES, features_of


def peak():
    """Return the most memory this process has held so far, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)


def main(size, grid):
    import torch  # noqa: F401 - what is held before anything of ours
    from transformers import Dinov2Model  # noqa: F401

    before = peak()
    features = features_of(size, int(grid))
    computed = peak()
    session = Session(features)
    height, width = SIZES[size]
    for i in range(3):
        session.click(Click(height * (0.3 + 0.2 * i), width * 0.5, i % 2 == 0))
    told = {"libraries": before, "features": computed, "clicks": peak(), "held": features.nbytes / 1e6}
    told["operator"] = features.upsampling_operator(guided=True).nbytes / 1e6
    print(json.dumps({name: round(value, 1) for name, value in told.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
