"""Pictures are read as a viewer shows them (field, lines 3 and 4): one scene in every way people have it stored."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_m2n2v2 import FeatureParameters, ImageError, UnreadableFileError, compute_features, open_stack
from napari_m2n2v2.cli.main import main
from napari_m2n2v2.features.cache import FeatureCache
from napari_m2n2v2.features.precompute import Precompute
from napari_m2n2v2.features.spec import FeatureSpec
from napari_m2n2v2.files.read import read_image
from napari_m2n2v2.images.stack import Stack
from tests.conftest import blob_image

RGB = blob_image(40, 60)
GREY = RGB[..., 0].copy()
PICTURE = Image.fromarray(RGB)
DEEP = RGB.astype(np.uint16) * 16  # 12 bits in 16
ORIENTATION = 0x0112


def save_png16(path, pixels):
    import png

    height, width, channels = pixels.shape
    writer = png.Writer(width, height, bitdepth=16, greyscale=channels < 3, alpha=channels in (2, 4))
    with path.open("wb") as file:
        writer.write(file, pixels.reshape(height, width * channels))


def test_sixteen_bits_of_colour_are_kept(tmp_path):
    save_png16(tmp_path / "rgb.png", DEEP)
    np.testing.assert_array_equal(read_image(tmp_path / "rgb.png"), DEEP)
    alpha = np.full((*GREY.shape, 1), 65535, np.uint16)
    save_png16(tmp_path / "rgba.png", np.concatenate([DEEP, alpha], axis=-1))
    np.testing.assert_array_equal(read_image(tmp_path / "rgba.png")[..., :3], DEEP)
    save_png16(tmp_path / "la.png", np.concatenate([DEEP[..., :1], alpha], axis=-1))
    np.testing.assert_array_equal(read_image(tmp_path / "la.png"), DEEP[..., 0])
    Image.fromarray(DEEP[..., 0]).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png"), DEEP[..., 0])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_says_what_is_up(tmp_path, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    PICTURE.save(tmp_path / "photo.png", exif=exif)
    from PIL import ImageOps

    with Image.open(tmp_path / "photo.png") as opened:
        upright = np.asarray(ImageOps.exif_transpose(opened))
    np.testing.assert_array_equal(read_image(tmp_path / "photo.png"), upright)
    assert upright.shape == (RGB.shape if orientation < 5 else (60, 40, 3))


class TestColours:
    def test_cmyk(self, tmp_path):
        inks = PICTURE.convert("CMYK")
        inks.save(tmp_path / "p.jpg", quality=95)
        read = read_image(tmp_path / "p.jpg").astype(int)
        assert read.shape == RGB.shape and np.abs(read - RGB).mean() < 4
        tifffile.imwrite(tmp_path / "p.tif", np.asarray(inks), photometric="separated")
        np.testing.assert_allclose(read_image(tmp_path / "p.tif"), RGB, atol=2)

    @pytest.mark.parametrize("name", ["p.png", "p.gif", "p.tif"])
    def test_palettes(self, tmp_path, name):
        few = PICTURE.quantize(16)
        shown = np.asarray(few.convert("RGB"))
        if name.endswith("tif"):
            colours = np.zeros((256, 3), np.uint16)
            table = np.asarray(few.getpalette(), np.uint16).reshape(-1, 3)
            colours[: len(table)] = table * 257
            tifffile.imwrite(tmp_path / name, np.asarray(few), photometric="palette", colormap=colours.T)
        else:
            few.save(tmp_path / name)
        np.testing.assert_array_equal(read_image(tmp_path / name), shown)

    def test_grey_with_alpha(self, tmp_path):
        Image.fromarray(np.stack([GREY, GREY // 2], axis=-1)).save(tmp_path / "la.png")
        np.testing.assert_array_equal(read_image(tmp_path / "la.png"), GREY)

    def test_the_first_frame_of_a_film(self, tmp_path):
        frames = [Image.fromarray(np.roll(GREY, n, 1)) for n in range(3)]
        frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
        read = read_image(tmp_path / "film.gif")
        assert read.shape == RGB.shape and np.abs(read[..., 0].astype(int) - GREY).max() <= 1

    def test_colours_apart_and_a_single_plane_of_three_axes(self, tmp_path):
        apart = np.ascontiguousarray(np.moveaxis(RGB, -1, 0))
        tifffile.imwrite(tmp_path / "apart.tif", apart, photometric="rgb", planarconfig="separate")
        np.testing.assert_array_equal(read_image(tmp_path / "apart.tif"), RGB)
        tifffile.imwrite(tmp_path / "one.tif", GREY[None], metadata=None)
        np.testing.assert_array_equal(read_image(tmp_path / "one.tif"), GREY)

    @pytest.mark.parametrize(
        ("named", "pixels"),
        [
            ({"photometric": "separated"}, np.asarray(PICTURE.convert("CMYK"))),
            ({"photometric": "rgb", "planarconfig": "separate"}, np.ascontiguousarray(np.moveaxis(RGB, -1, 0))),
        ],
        ids=["cmyk", "apart"],
    )
    def test_a_stack_is_opened_the_same_way(self, tmp_path, named, pixels):
        tifffile.imwrite(tmp_path / "p.tif", pixels, **named)
        with open_stack(tmp_path / "p.tif") as file:
            assert file.stack.rgb and file.stack.plane_shape == RGB.shape[:2] and len(file.stack) == 1
            np.testing.assert_allclose(file.read(()), RGB, atol=2)

    def test_planes_in_colours_that_cannot_be_shown_are_refused(self, tmp_path):
        inks = np.stack([np.asarray(PICTURE.convert("CMYK"))] * 2)
        tifffile.imwrite(tmp_path / "p.tif", inks, photometric="separated")
        with pytest.raises(UnreadableFileError, match=r"SEPARATED.*convert it to RGB"):
            open_stack(tmp_path / "p.tif")


def test_a_file_chooses_no_program(tmp_path):
    """Pillow would start Ghostscript for this."""
    (tmp_path / "innocent.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    with pytest.raises(UnreadableFileError, match=r"expected TIFF, \.npy or PNG, JPEG"):
        read_image(tmp_path / "innocent.png")


def test_numpy_files_and_no_pickles(tmp_path):
    np.save(tmp_path / "depth.npy", GREY)
    np.testing.assert_array_equal(read_image(tmp_path / "depth.npy"), GREY)
    np.save(tmp_path / "evil.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableFileError, match="allow_pickle"):
        read_image(tmp_path / "evil.npy")


def test_compressed_tiff(tmp_path):
    """Field, line 11: with the package of the extra `stacks`."""
    PICTURE.save(tmp_path / "lzw.tif", compression="tiff_lzw")
    np.testing.assert_array_equal(read_image(tmp_path / "lzw.tif"), RGB)


class TestPlanesThatAreNotThere:
    @pytest.fixture
    def damaged(self, tmp_path):
        """An OME-TIFF that speaks of three planes, two of them in a file that is nowhere."""
        path = tmp_path / "cells.ome.tif"
        xml = (
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
            'DimensionOrder="XYZCT" Type="uint8" SizeX="60" SizeY="40" SizeZ="3" SizeC="1" SizeT="1">'
            '<Channel ID="Channel:0:0" SamplesPerPixel="1"/><TiffData IFD="0" FirstZ="0" PlaneCount="1"/>'
            + "".join(
                f'<TiffData IFD="{n}" FirstZ="{n + 1}" PlaneCount="1"><UUID FileName="gone.ome.tif">urn:uuid:1</UUID>'
                "</TiffData>"
                for n in range(2)
            )
            + "</Pixels></Image></OME>"
        )
        tifffile.imwrite(path, GREY, description=xml, metadata=None)
        return path

    def test_are_named(self, damaged):
        with pytest.raises(UnreadableFileError, match=r"2 of its 3 planes are missing \(z 1, z 2\).*gone\.ome\.tif"):
            open_stack(damaged)

    def test_are_named_by_the_shell(self, damaged, tmp_path, capsys):
        (tmp_path / "clicks.csv").write_text("z,row,col\n1,16,16\n")
        arguments = ["segment", damaged, "--clicks", tmp_path / "clicks.csv", "-o", tmp_path / "out"]
        assert main([str(a) for a in [*arguments, "--attention", "appearance", "--grid", "12"]]) == 1
        assert "planes are missing" in capsys.readouterr().err
        assert not list((tmp_path / "out").glob("*.tif"))


class TestNothingToTellApart:
    @pytest.mark.parametrize(
        ("image", "named", "said"),
        [
            (np.full((40, 60), 7, np.uint16), {}, "every pixel has the value 7"),
            (np.full((40, 60, 3), 9, np.uint8), {}, "every pixel has the value 9"),
            (GREY, {"contrast_limits": (1000, 2000)}, "all look the same by the contrast limits"),
        ],
    )
    def test_is_said(self, image, named, said):
        with pytest.raises(ImageError, match=said):
            compute_features(image, "appearance", device="cpu", **named)

    def test_one_blank_plane_does_not_end_a_run(self):
        planes = np.stack([GREY, np.zeros_like(GREY), GREY[::-1]])
        small = FeatureParameters(grid=8)
        run = Precompute(
            Stack.of(planes), FeatureCache(), FeatureSpec(attention="appearance", device="cpu", parameters=small)
        )
        run.run()
        assert list(run.failures) == [(1,)] and "every pixel has the value 0" in run.failures[1,]
