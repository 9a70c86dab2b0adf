"""What tests of batches share: settings that take little, the clicks, what a session gives for them."""

from napari_m2n2v2 import Click, FeatureParameters, Session, compute_features

FEW = {"attention": "appearance", "device": "cpu", "parameters": FeatureParameters(grid=8)}
COARSE = ["--attention", "appearance", "--grid", "8", "--device", "cpu"]
BOTH = "row,col,class,object\n16,16,1,1\n33,48,1,2\n5,50,0,1\n"
CLICKS = [Click(16, 16), Click(33, 48, object_id=2), Click(5, 50, foreground=False)]


def solved(plane, clicks=CLICKS, **named):
    """What a session gives, outside of any batch."""
    features = compute_features(plane, "appearance", device="cpu", parameters=FeatureParameters(grid=8), **named)
    return Session(features).replay(clicks).labels


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}


def damage(level, but=()):
    """Spoil every chunk of a level that is not of these planes, so that reading one raises."""
    chunks = list(level.glob("*/*/*/*"))
    assert chunks
    for chunk in chunks:
        if tuple(int(at) for at in chunk.parts[-4:-2]) not in but:
            chunk.write_bytes(b"damaged")
