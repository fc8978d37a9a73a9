"""Pictures with a face, and a network that follows a bright spot as the trained one follows a face."""

from functools import cache

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from skimage.data import astronaut

from lensd.face.landmarks import SIZE_PX
from lensd.frames import Picture
from lensd.lens.align import template_points


def portrait(width=1280, height=720, scale=1.4, x=640.0, y=360.0, angle=0.0):
    """Return a picture with NASA's astronaut, her face's middle on (x, y), the rest black.

    Cut out, so that the face is also a bright spot that `spot_network` can follow.
    """
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]])
    to_picture = np.column_stack([linear, [x, y] - linear @ [222, 110]])
    mask = np.zeros((512, 512), np.uint8)
    cv2.ellipse(mask, (222, 115), (52, 72), 0, 0, 360, 255, -1)
    face = np.where(mask[..., None] > 0, np.maximum(astronaut(), 90), 0).astype(np.uint8)
    rgb = cv2.warpAffine(face, to_picture, (width, height), flags=cv2.INTER_AREA)
    return Picture(width, height, cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).reshape(-1).copy())


@cache
def heads_cut_out():
    """Return the astronaut's head in four dresses, colour times matte and matte: (200, 140, 4) float32 each."""
    matte = np.zeros((512, 512), np.float32)
    cv2.ellipse(matte, (222, 118), (62, 92), 0, 0, 360, 1.0, -1)
    matte = cv2.GaussianBlur(matte, (0, 0), 3)
    inside = np.s_[18:218, 152:292]
    plain, blue = ((astronaut() * light)[inside] for light in (np.ones(3), np.array([0.55, 0.75, 1.0])))
    whole = [np.dstack([rgb * matte[inside][..., None], matte[inside]]).astype(np.float32) for rgb in (plain, blue)]
    return [whole[0], whole[0][:, ::-1].copy(), whole[1], whole[1][:, ::-1].copy()]


def crowd(*heads):
    """Return a picture, 640x360, of NASA's astronaut several times before a wall; later heads cover earlier ones.

    Args:
        heads: (x, y, scale, dress) each, in pixels of a picture twice as large; dress 0..3: as she is, mirrored, in
            blue light, in blue light and mirrored.
    """
    across, down = np.linspace(90, 170, 640), np.linspace(20, -20, 360)
    rgb = np.repeat((across[None] + down[:, None])[..., None], 3, 2).astype(np.float32)
    for x, y, scale, dress in heads:
        head = cv2.resize(heads_cut_out()[dress], None, fx=scale / 2, fy=scale / 2, interpolation=cv2.INTER_AREA)
        height, width = head.shape[:2]
        left, top = round(x / 2 - width / 2), round(y / 2 - 0.46 * height)
        rows, columns = slice(max(top, 0), min(top + height, 360)), slice(max(left, 0), min(left + width, 640))
        if rows.start < rows.stop and columns.start < columns.stop:
            cut = head[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
            rgb[rows, columns] = cut[..., :3] + rgb[rows, columns] * (1 - cut[..., 3:])
    return Picture(640, 360, cv2.cvtColor(rgb.astype(np.uint8), cv2.COLOR_RGB2YUV_I420).reshape(-1).copy())


def spot(x, y, radius, width=640, height=480):
    """Return a black picture with one bright disc."""
    picture = Picture(width, height)
    cv2.circle(picture.y, (round(x * 16), round(y * 16)), round(radius * 16), 235, -1, cv2.LINE_AA, 4)
    return picture


def spot_network():
    """Return an ONNX file: the template of 478 points on the bright spot's middle, as large as its area says.

    One face unit is the spot's diameter. The presence is sure from a fiftieth of the crop on.
    """
    place = np.arange(SIZE_PX, dtype=np.float32)
    constants = {
        "red": np.array([0, 0, 0, 0], np.int64),
        "one": np.array([1, SIZE_PX, SIZE_PX, 1], np.int64),
        "floor": np.float32(60),
        "x": place.reshape(1, 1, SIZE_PX, 1),
        "y": place.reshape(1, SIZE_PX, 1, 1),
        "tiny": np.float32(1e-3),
        "axes": np.array([1, 2, 3], np.int64),
        "diameter": np.float32(4 / np.pi),
        "template": template_points()[None],
        "shape": np.array([1, 1, 1], np.int64),
        "zero": np.zeros((1, 1, 1), np.float32),
        "part": np.float32(SIZE_PX**2 / 50),
        "gain": np.float32(0.05),
        "row": np.array([1, 1, 3], np.int64),
    }
    nodes = [
        ("Cast", ["image"], "float", {"to": TensorProto.FLOAT}),
        ("Slice", ["float", "red", "one"], "gray", {}),
        ("Greater", ["gray", "floor"], "bright", {}),
        ("Cast", ["bright"], "mask", {"to": TensorProto.FLOAT}),
        ("ReduceSum", ["mask", "axes"], "area", {"keepdims": 0}),
        ("Add", ["area", "tiny"], "safe", {}),
        ("Mul", ["mask", "x"], "mask_x", {}),
        ("Mul", ["mask", "y"], "mask_y", {}),
        ("ReduceSum", ["mask_x", "axes"], "sum_x", {"keepdims": 0}),
        ("ReduceSum", ["mask_y", "axes"], "sum_y", {"keepdims": 0}),
        ("Div", ["sum_x", "safe"], "mean_x", {}),
        ("Div", ["sum_y", "safe"], "mean_y", {}),
        ("Reshape", ["mean_x", "shape"], "middle_x", {}),
        ("Reshape", ["mean_y", "shape"], "middle_y", {}),
        ("Concat", ["middle_x", "middle_y", "zero"], "middle", {"axis": 2}),
        ("Mul", ["safe", "diameter"], "square", {}),
        ("Sqrt", ["square"], "size", {}),
        ("Mul", ["template", "size"], "face", {}),
        ("Add", ["face", "middle"], "points", {}),
        ("Sub", ["area", "part"], "more", {}),
        ("Mul", ["more", "gain"], "logit", {}),
        ("Expand", ["logit", "row"], "presence", {}),
        ("Concat", ["points", "presence"], "out", {"axis": 1}),
    ]
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, [output], **attributes) for kind, inputs, output, attributes in nodes],
        "spot",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, (1, SIZE_PX, SIZE_PX, 3))],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, 479, 3))],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def template_at(x, y, size):
    """Return the face template on (x, y), `size` pixels from hair line to chin."""
    return (template_points() * size + np.array([x, y, 0])).astype(np.float32)
