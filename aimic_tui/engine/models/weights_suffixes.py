"""How the files end that hold a network's weights: of PyTorch, which are read, and of other programs."""

from __future__ import annotations

WEIGHTS_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar", ".th", ".pkl")

OTHER_PROGRAMS = {
    ".h5": "Keras",
    ".hdf5": "Keras",
    ".keras": "Keras",
    ".pb": "TensorFlow",
    ".index": "TensorFlow",
    ".data-00000-of-00001": "TensorFlow",
    ".tflite": "TensorFlow Lite",
    ".onnx": "ONNX",
    ".msgpack": "Flax",
    ".pdparams": "PaddlePaddle",
    ".params": "MXNet",
    ".mlmodel": "Core ML",
    ".joblib": "scikit-learn",
}
