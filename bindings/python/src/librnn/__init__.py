"""librnn: train and stream Elman, GRU and LSTM networks on a CPU.

    model = librnn.Model(librnn.Embedding(65, 32), librnn.LSTM(32, 128), librnn.Linear(128, 65))
    trainer = librnn.Trainer(model, optimizer=librnn.Adam(lr=1e-3), clip_norm=1.0)
    result = trainer.step(x, y)  # tokens and labels [T, B]
    logits, state = model(x)

Sequences are time-major, [T, B, ...]: T time steps, B batch, I input features, H hidden units,
O outputs, L stacked layers. The environment variable LIBRNN_LIBRARY names another librnn.so to
load.
"""

from ._c_api import check as _check
from ._c_api import lib as _lib
from ._checks import integer as _integer
from ._layer import Layer
from .decoding import CTCLabels, ctc_decode
from .errors import (
    ArgumentError,
    DTypeError,
    FileError,
    FormatError,
    HandleError,
    ModelError,
    NaNError,
    NonFiniteError,
    OutOfMemoryError,
    RnnError,
    ShapeError,
    StructSizeError,
    TensorNameError,
)
from .flow import GradientFlow, LayerFlow, TensorFlow
from .layers import Embedding, Linear
from .losses import BCEWithLogitsLoss, CrossEntropyLoss, CTCLoss, HuberLoss, Loss, MSELoss
from .model import Model, load
from .optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from .quantization import QuantizationReport, Quantized, quantize
from .recurrent import GRU, LSTM, RNN, Cell, MinGRU, MinLSTM
from .result import Origin, StepResult
from .sampling import Random, sample
from .schedules import (
    ConstantSchedule,
    CosineSchedule,
    OneCycleSchedule,
    PlateauSchedule,
    Schedule,
    StepSchedule,
)
from .stream import Stream
from .trainer import Trainer

__version__: str = _lib.rnn_version_string().decode()
"""The version of the library that is running."""


def set_num_threads(count: int) -> None:
    """Let the library work with `count` threads, this one included.

    At first there are as many as the processors that the process may use. Results are the same
    bits at every count. Call it while no other call of this package is running.

    Parameters
    ----------
    count
        1 to 256.
    """
    _check(_lib.rnn_set_num_threads(_integer("count", count, high=256)))


def get_num_threads() -> int:
    """Return how many threads the library works with."""
    return int(_lib.rnn_get_num_threads())


__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Adam",
    "AdamW",
    "ArgumentError",
    "BCEWithLogitsLoss",
    "CTCLabels",
    "CTCLoss",
    "Cell",
    "ConstantSchedule",
    "CosineSchedule",
    "CrossEntropyLoss",
    "DTypeError",
    "Embedding",
    "FileError",
    "FormatError",
    "GradientFlow",
    "HandleError",
    "HuberLoss",
    "Layer",
    "LayerFlow",
    "Linear",
    "Loss",
    "MSELoss",
    "MinGRU",
    "MinLSTM",
    "Model",
    "ModelError",
    "NaNError",
    "NonFiniteError",
    "OneCycleSchedule",
    "Optimizer",
    "Origin",
    "OutOfMemoryError",
    "PlateauSchedule",
    "QuantizationReport",
    "Quantized",
    "RMSprop",
    "Random",
    "RnnError",
    "Schedule",
    "ShapeError",
    "StepResult",
    "StepSchedule",
    "Stream",
    "StructSizeError",
    "TensorFlow",
    "TensorNameError",
    "Trainer",
    "ctc_decode",
    "get_num_threads",
    "load",
    "quantize",
    "sample",
    "set_num_threads",
]
