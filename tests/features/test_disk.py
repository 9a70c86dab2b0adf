"""The folder of features: damaged entries, and room for new ones."""

import os

import numpy as np
import pytest

from napari_m2n2v2.features.disk import FeatureFolder, read_entry, write_entry
from napari_m2n2v2.features.keys import FeatureKeys
from napari_m2n2v2.features.request import FeatureRequest
from napari_m2n2v2.features.spec import FeatureSpec
from tests.conftest import blob_image
from tests.features.counted import ASKED, KEY, again, assert_same


def damage_truncate(content):
    return content[: len(content) // 2]


def damage_one_bit_of_data(content):
    return content[:-5] + bytes([content[-5] ^ 1]) + content[-4:]


def damage_append(content):
    return content + b"x"


def damage_note(content):
    return content.replace(b"appearance", b"appearancf")


def damage_shape(content):
    return content.replace(b"[63]", b"[36]")


def foreign(content):
    return b'\x08\0\0\0\0\0\0\0{"a": 1}'


DAMAGES = [
    damage_truncate, damage_one_bit_of_data, damage_append, damage_note, damage_shape, foreign,
    lambda _: b"", lambda _: b"text",
]  # fmt: skip


class TestDamage:
    @pytest.mark.parametrize("damage", DAMAGES)
    def test_a_damaged_entry_is_told_dropped_and_computed_again(self, cache, image, notes, damage):
        expected, told = cache.features(image, **ASKED), 0
        for path in list(cache.disk.folder.iterdir()):
            before = path.read_bytes()
            changed = damage(before)
            if changed == before:  # says nothing of this part
                continue
            path.write_bytes(changed)
            assert_same(again(cache).features(image, **ASKED), expected)
            assert len(notes) == 1 and "computed again" in notes.pop()
            told += 1
            assert_same(again(cache).features(image, **ASKED), expected)
            assert not notes
        assert told

    def test_an_entry_of_another_image_is_not_taken(self, cache, image, notes):
        other = blob_image(seed=5)
        expected = cache.features(image, **ASKED)
        cache.features(other, **ASKED)
        mine, theirs = (FeatureKeys.of(FeatureRequest.of(seen, FeatureSpec(**ASKED))) for seen in (image, other))
        cache.disk.path(theirs.transition).replace(cache.disk.path(mine.transition))
        assert_same(again(cache).features(image, **ASKED), expected)
        assert "of something else" in notes[0]

    def test_every_byte_is_checked(self, tmp_path):
        path = tmp_path / "entry"
        write_entry(path, KEY, {"a": np.arange(4, dtype=np.float32), "b": np.ones((2, 2), np.uint16)}, {"n": [1, 2]})
        whole = path.read_bytes()
        arrays, about = read_entry(path, KEY)
        for at in range(len(whole)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
            try:
                got, told = read_entry(path, KEY)
            except ValueError:
                continue
            # Only the blanks after the header are nobody's.
            assert whole[at : at + 1] == b" " and told == about
            assert all(np.array_equal(got[name], arrays[name]) for name in arrays)

    def test_entries_of_the_first_release_are_read(self, tmp_path):
        about = r'"about":"{\"n\": [1, 2]}","crc32":"324338794"'
        header = (
            f'{{"__metadata__":{{"program":"napari-m2n2v2 features","version":"1","key":"{KEY}",{about}}},'
            '"b":{"dtype":"U16","shape":[1,2],"data_offsets":[0,4]},'
            '"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}  '
        ).encode()
        (tmp_path / "entry").write_bytes(len(header).to_bytes(8, "little") + header + b"\1\0\2\0\0\0\xc0?")
        arrays, about = read_entry(tmp_path / "entry", KEY)
        assert about == {"n": [1, 2]} and arrays["a"] == [1.5] and arrays["a"].dtype == np.float32
        np.testing.assert_array_equal(arrays["b"], np.array([[1, 2]], np.uint16))

    def test_an_entry_of_a_newer_version_is_left_alone(self, cache, image, notes):
        expected = cache.features(image, **ASKED)
        path = cache.disk.path(FeatureKeys.of(FeatureRequest.of(image, FeatureSpec(**ASKED))).transition)
        newer = path.read_bytes().replace(b'"version":"2"', b'"version":"3"')
        beside = path.with_name(path.name.replace(".2.", ".3."))
        for place in (path, beside):
            place.write_bytes(newer)
        tight = again(cache, disk_bytes=expected.nbytes)
        assert_same(tight.features(image, **ASKED), expected)
        tight.features(blob_image(seed=1), **ASKED)  # which needs room
        assert beside.read_bytes() == newer
        assert len(notes) == 1 and "newer version" in notes[0]


class TestRoom:
    def test_the_least_recently_used_make_room(self, tmp_path):
        folder = FeatureFolder(tmp_path, 3500)
        arrays = {"a": np.zeros(200, np.float32)}
        keys = [f"{i:064x}" for i in range(4)]
        for at, key in enumerate(keys[:3]):
            assert folder.save(key, arrays, {})
            os.utime(folder.path(key), (1000 + at, 1000 + at))
        assert folder.load(keys[0]) is not None
        assert folder.save(keys[3], arrays, {})
        assert [folder.size(key) > 0 for key in keys] == [True, False, True, True]
        assert folder.nbytes <= 3500

    def test_files_of_others_are_never_touched(self, tmp_path):
        mine = [tmp_path / "model.safetensors", tmp_path / "notes.txt", tmp_path / f"{KEY}.safetensors"]
        for path in mine:
            path.write_bytes(b"x" * 5000)
        folder = FeatureFolder(tmp_path, 1500)
        for i in range(3):
            assert folder.save(f"{i:064x}", {"a": np.zeros(200, np.float32)}, {})
        assert all(path.stat().st_size == 5000 for path in mine)

    def test_what_a_killed_process_left_is_swept(self, tmp_path):
        old, new = tmp_path / ".m2n2v2-old.safetensors", tmp_path / ".m2n2v2-new.safetensors"
        for path in (old, new):
            path.write_bytes(b"x")
        os.utime(old, (1000, 1000))
        FeatureFolder(tmp_path, 10**6).save(KEY, {"a": np.zeros(2, np.float32)}, {})
        assert not old.exists() and new.exists()

    def test_what_is_larger_than_the_limit_drops_nothing_else(self, tmp_path):
        notes = []
        folder = FeatureFolder(tmp_path, 3000, notes.append)
        assert folder.save(KEY, {"a": np.zeros(200, np.float32)}, {})
        assert not folder.save("1" * 64, {"a": np.zeros(2000, np.float32)}, {})
        assert folder.size(KEY) and "limit" in notes[0]

    def test_without_a_listener_it_is_a_warning(self, tmp_path):
        (tmp_path / "file").write_text("")
        folder = FeatureFolder(tmp_path / "file" / "below", 3000)
        with pytest.warns(RuntimeWarning, match="cannot be stored"):
            assert not folder.save(KEY, {"a": np.zeros(2, np.float32)}, {})
