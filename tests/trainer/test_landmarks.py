import numpy as np
import torch

from lensd.lens.align import template_points
from trainer.generator import count_macs
from trainer.landmarks import SIDE, SIZE_PX, LandmarkNet, landmark_batch, landmark_loss, train_landmarks, wing
from trainer.pairs import Crop


def test_an_untaught_network_places_the_template_in_the_crop():
    network = LandmarkNet().eval()
    with torch.no_grad():
        points = network(torch.zeros(1, 3, SIZE_PX, SIZE_PX))[0, :478].numpy()
    exact = template_points() * (SIZE_PX / SIDE) + ((SIZE_PX - 1) / 2, (SIZE_PX - 1) / 2, 0)
    assert np.abs(points - exact).max() < 2


def test_the_network_keeps_to_its_budget():
    assert count_macs(LandmarkNet(), SIZE_PX) <= 0.1e9


def test_samples_have_the_points_inside_the_crop_where_there_is_a_face(pairs):
    from dataclasses import replace

    photos, mesh, face = landmark_batch(replace(pairs, crop=Crop(SIDE, 0, SIZE_PX)), np.arange(48) % 12, (1,))
    assert photos.shape == (48, 3, SIZE_PX, SIZE_PX)
    assert set(face.tolist()) == {0.0, 1.0}
    noses = mesh[face > 0, 4, :2]
    assert float(noses.min()) > 0.15 * SIZE_PX
    assert float(noses.max()) < 0.85 * SIZE_PX
    assert not mesh[face == 0].any()


def test_where_there_is_no_face_the_points_do_not_matter():
    out = torch.randn(2, 479, 3)
    other = out.clone()
    other[1, :478] += 100
    face, mesh = torch.tensor([1.0, 0.0]), torch.zeros(2, 478, 3)
    assert torch.equal(landmark_loss(out, mesh, face), landmark_loss(other, mesh, face))


def test_wing_joins_its_two_parts():
    below, above = wing(torch.tensor([5.9999])), wing(torch.tensor([6.0001]))
    assert float((above - below).abs()) < 1e-3
    assert float(wing(torch.tensor([0.0]))) == 0


def test_a_few_steps_leave_finite_weights(pairs, tmp_path):
    lines = []
    train_landmarks(pairs, tmp_path, steps=2, batch=4, progress=lines.append)
    assert (tmp_path / "landmarks.safetensors").is_file()
    assert len(lines) == 1
    assert "nan" not in lines[0]
