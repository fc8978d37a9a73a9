"""The same frames through the article's way and through the nearest peers', written by us from what they document.

The article's: OpenCV's capture decodes to BGR, the whole frame is scaled to 256x256, goes through pix2pix's U-Net in
torch, comes back to full size, and is converted to the virtual camera's format.

The peers': a capture thread decodes to BGR into a queue of two; the frame is scaled to the network's size; the network
(here the lens's own, so that only the loop differs, in ONNX Runtime as its documentation starts it, but on one thread)
gives colour and matte, which are scaled to the whole frame and blended there in float; pyvirtualcam's `send` takes BGR
and converts it. There is no face to be followed.
"""

import queue
import threading

import cv2
import numpy as np
import onnxruntime
import pyvirtualcam

_SIDE = 256


class MemoryCamera:
    """A pyvirtualcam backend without a device: converts and copies what a loopback would be given."""

    def __init__(self, *, width, height, fps, fourcc, device):
        """Allocate."""
        self._i420 = np.empty(width * height * 3 // 2, np.uint8)
        self._shape, self._driver = (height, width, 3), np.empty_like(self._i420)

    def send(self, frame):
        """Convert (libyuv's part in pyvirtualcam) and copy (the driver's write)."""
        cv2.cvtColor(frame.reshape(self._shape), cv2.COLOR_BGR2YUV_I420, dst=self._i420.reshape(-1, self._shape[1]))
        np.copyto(self._driver, self._i420)

    def device(self):
        """Return a name."""
        return "memory"

    def native_fourcc(self):
        """Return none: a frame comes as it was given."""

    def close(self):
        """Nothing to close."""


pyvirtualcam.register_backend("memory", MemoryCamera)


def memory_camera(size):
    """Return pyvirtualcam's camera on memory, for BGR."""
    return pyvirtualcam.Camera(*size, 30, fmt=pyvirtualcam.PixelFormat.BGR, backend="memory")


class Article:
    """pix2pix on every frame."""

    def __init__(self, size):
        """Make the U-Net 256: 54.4 M parameters, 6.05 real GMAC; its weights do not matter."""
        import torch

        from trainer.pix2pix.generators import Shape, generator_of

        torch.set_num_threads(1)
        torch.manual_seed(0)
        self._torch, self._network = torch, generator_of("unet_256", Shape()).eval()
        self._camera, self._size = memory_camera(size), size

    def show(self, jpeg):
        """Take one frame from JPEG to the virtual camera."""
        torch = self._torch
        bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        rgb = cv2.cvtColor(cv2.resize(bgr, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
        with torch.no_grad():
            x = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 127.5 - 1
            y = self._network(x)[0]
        out = ((y.permute(1, 2, 0).numpy() + 1) * 127.5).clip(0, 255).astype(np.uint8)
        out = cv2.resize(cv2.cvtColor(out, cv2.COLOR_RGB2BGR), self._size, interpolation=cv2.INTER_LINEAR)
        self._camera.send(out)


class Peers:
    """Whole frames in BGR, through a queue of two."""

    def __init__(self, size, network):
        """Load the network, an ONNX file's bytes, uint8 (1, S, S, 3) to uint8 (1, S, S, 4)."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._camera, self._size = memory_camera(size), size

    def run(self, jpegs):
        """Take frames from JPEG to the virtual camera."""
        frames = queue.Queue(maxsize=2)

        def capture():
            for jpeg in jpegs:
                frames.put(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))

        thread = threading.Thread(target=capture)
        thread.start()
        for _ in jpegs:
            frame = frames.get()
            small = cv2.cvtColor(cv2.resize(frame, (_SIDE, _SIDE)), cv2.COLOR_BGR2RGB)
            out = self._session.run(None, {self._input: small[None]})[0][0]
            drawn = cv2.resize(cv2.cvtColor(out[..., :3], cv2.COLOR_RGB2BGR), self._size)
            matte = cv2.resize(out[..., 3], self._size)[..., None].astype(np.float32) / 255
            self._camera.send((drawn * matte + frame * (1 - matte)).astype(np.uint8))
        thread.join()
