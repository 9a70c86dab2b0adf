"""What a click costs as clicks and objects elsewhere grow in number: ``python -m benchmarks.many_objects 100 1024``.

Markov-maps have a quarter of the room that they usually have for each halving of the side, so that a small plane runs
out of it as a large one does. Times are of the processor.
"""

import sys
import time

import numpy as np

from napari_m2n2v2 import Click, FeatureParameters, Session, compute_features
from napari_m2n2v2.session import solver as module


def scene(across, side):
    """Return a plane of noisy discs of different grey, and their centres."""
    image = np.full((side, side), 60.0)
    step = side // across
    centres = [(step // 2 + step * row, step // 2 + step * col) for row in range(across) for col in range(across)]
    y, x = np.mgrid[:side, :side]
    for n, (row, col) in enumerate(centres):
        image[(y - row) ** 2 + (x - col) ** 2 < (step / 3) ** 2] = 110 + 37 * n % 130
    noisy = image + np.random.default_rng(0).normal(0, 4, image.shape)
    return noisy.clip(0, 255).astype(np.uint8), centres


def main(objects=100, side=1024):
    image, centres = scene(10, side)
    features = compute_features(image, "appearance", device="cpu", parameters=FeatureParameters(grid=side // 16))
    module._MAP_BYTES = module._MAP_BYTES * side**2 // 1024**2
    session, took = Session(features), []
    for n in range(objects + 10):
        at = centres[n % objects]
        begin = time.process_time()
        session.click(Click(at[0] + n // objects * 5, at[1], True, n % objects + 1))
        took.append(1e3 * (time.process_time() - begin))
    first, last, again = (np.median(part) for part in (took[2:12], took[objects - 10 : objects], took[objects:]))
    print(f"{first:.0f} ms for a click among 2 to 12, {last:.0f} ms among {objects}, {again:.0f} ms for a second one")
    print(f"{last / first:.2f} times as long; {session.nbytes / 1e6:.0f} MB are told to be held")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
