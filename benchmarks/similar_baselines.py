"""What people use instead: Otsu's threshold or blobs (LoG), then a watershed, calibrated with the same examples."""

from itertools import product

import numpy as np
from scipy import ndimage as ndi
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.segmentation import watershed

from napari_m2n2v2.similar.pixels import lab_of

_SMOOTHED, _SCALES = (0, 1, 2), (0.5, 0.75, 1.0)
_CRUMB = 0.08  # of the examples' area, as for proposals


def baseline(kind):
    """Return what finds objects in an image like those of a label image: ``otsu`` or ``log`` and a watershed.

    Polarity is that of the examples; smoothing and the scale of seeds are those that reproduce the examples best.
    """

    def find(image, examples):
        lightness = lab_of(image, False)[0]
        inside = examples > 0
        radius = np.sqrt(inside.sum() / len(np.unique(examples[inside])) / np.pi)
        away = ndi.distance_transform_edt(~inside)
        sign = 1 if lightness[inside].mean() > np.median(lightness[(away > 1.5) & (away <= max(radius, 3.5))]) else -1
        best = (-1.0, None)
        for sigma, scale in product(_SMOOTHED, _SCALES):
            grey = gaussian(sign * lightness, sigma) if sigma else sign * lightness
            labels = _divided(kind, grey, radius, scale)
            agreement = np.mean([_agreement(labels, examples == i) for i in np.unique(examples[inside])])
            if agreement > best[0] + 1e-9:
                best = agreement, labels
        return _others(best[1], examples, _CRUMB * np.pi * radius**2)

    return find


def _divided(kind, grey, radius, scale):
    mask = ndi.binary_fill_holes(grey > threshold_otsu(grey))
    depth = gaussian(ndi.distance_transform_edt(mask), 1)
    if kind == "otsu":
        pieces, _ = ndi.label(mask)
        peaks = peak_local_max(depth, min_distance=max(1, int(scale * radius)), labels=pieces, exclude_border=False)
    else:
        sigma = scale * radius / np.sqrt(2)
        blobs = -(sigma**2) * ndi.gaussian_laplace(grey, sigma)
        peaks = peak_local_max(blobs, min_distance=max(1, int(radius / 2)), threshold_abs=0, exclude_border=False)
        peaks = peaks[mask[tuple(peaks.T)]]
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return watershed(-depth, markers, mask=mask)


def _agreement(labels, example):
    counts = np.bincount(labels[example], minlength=2)
    counts[0] = 0
    there = labels == counts.argmax()
    return counts.max() / np.count_nonzero(there | example) if counts.max() else 0.0


def _others(labels, examples, least):
    """Masks of what was found beside the examples and is no crumb."""
    taken = {np.bincount(labels[examples == i]).argmax() for i in np.unique(examples[examples > 0])}
    areas = np.bincount(labels.ravel())
    return [labels == i for i in range(1, len(areas)) if i not in taken and areas[i] >= least]
