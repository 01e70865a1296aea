"""The constants and structs of include/rnn.h, under their C names and in their C order.

A struct ``rnn_step_report`` is the class ``StepReport`` here; a handle is a ``c_void_p``.
"""

from __future__ import annotations

from ctypes import (
    Structure,
    c_char,
    c_char_p,
    c_double,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint64,
    sizeof,
)
from ctypes import c_void_p as pointer
from typing import Any

RNN_VERSION_MAJOR = 0
RNN_VERSION_MINOR = 1
RNN_VERSION_PATCH = 0

RNN_OK = 0
RNN_ERR_ARGUMENT = 100
RNN_ERR_STRUCT_SIZE = 101
RNN_ERR_HANDLE = 102
RNN_ERR_SHAPE = 110
RNN_ERR_DTYPE = 111
RNN_ERR_NAME = 120
RNN_ERR_MODEL = 130
RNN_ERR_NAN = 200
RNN_ERR_NONFINITE = 201
RNN_ERR_OUT_OF_MEMORY = 300
RNN_ERR_IO = 400
RNN_ERR_FORMAT = 410

RNN_FLOAT32, RNN_FLOAT64, RNN_INT32, RNN_INT64 = range(4)
RNN_EMBEDDING, RNN_ELMAN, RNN_GRU, RNN_LSTM, RNN_LINEAR, RNN_CELL = range(1, 7)
RNN_TANH, RNN_RELU, RNN_IDENTITY, RNN_SIGMOID, RNN_HARD_SIGMOID, RNN_SOFTSIGN = range(6)
RNN_FORWARD, RNN_CONCATENATED, RNN_SUMMED = range(3)

RNN_WEIGHTS_OWN, RNN_WEIGHTS_BFLOAT16, RNN_WEIGHTS_INT8 = range(3)
RNN_INIT_DEFAULT, RNN_INIT_XAVIER, RNN_INIT_ORTHOGONAL, RNN_INIT_IDENTITY = range(4)
RNN_INIT_SPARSE, RNN_INIT_KERAS = 4, 5
RNN_CROSS_ENTROPY, RNN_MEAN_SQUARED, RNN_BINARY_CROSS_ENTROPY, RNN_HUBER, RNN_CTC = range(5)
RNN_MEAN, RNN_SUM = range(2)
RNN_ADAM, RNN_ADAMW, RNN_SGD, RNN_RMSPROP = range(4)
RNN_CLIP_GLOBAL, RNN_CLIP_PER_TENSOR = range(2)
RNN_NONFINITE_SKIP, RNN_NONFINITE_FAIL, RNN_NONFINITE_ROLL_BACK = range(3)
RNN_SCHEDULE_NONE, RNN_SCHEDULE_STEP, RNN_SCHEDULE_COSINE = range(3)
RNN_SCHEDULE_ONE_CYCLE, RNN_SCHEDULE_PLATEAU = range(3, 5)
RNN_UPDATED, RNN_SKIPPED, RNN_ROLLED_BACK, RNN_ACCUMULATED = range(4)
RNN_CLIPPED_VALUE = 1
RNN_CLIPPED_ADAPTIVE = 2
RNN_CLIPPED_TENSOR_NORM = 4
RNN_CLIPPED_NORM = 8
RNN_CLIPPED_STEP = 16
RNN_ORIGIN_NONE = 0
RNN_ORIGIN_ACTIVATION = 1
RNN_ORIGIN_LOSS = 2
RNN_ORIGIN_STATE_GRADIENT = 3
RNN_ORIGIN_TENSOR_GRADIENT = 4
RNN_HEALTHY, RNN_VANISHING, RNN_EXPLODING, RNN_SATURATED, RNN_DEAD, RNN_DIVERGED = range(6)
RNN_FLOW_GRAD_H_MEAN, RNN_FLOW_GRAD_H_MAX = 0, 1
RNN_FLOW_GRAD_C_MEAN, RNN_FLOW_GRAD_C_MAX = 2, 3
RNN_FLOW_GAIN = 4
RNN_FLOW_H_MEAN, RNN_FLOW_H_STD, RNN_FLOW_H_MAX = 5, 6, 7
RNN_FLOW_GATE_LOW, RNN_FLOW_GATE_HIGH = 8, 9
RNN_FLOW_ALL = 10

RNN_ZERO = -1.0

enum = c_int


class Sized(Structure):
    """A struct whose first field is its size: cleared and filled in as by ``RNN_INIT``."""

    def __init__(self, **values: Any) -> None:
        self.struct_size = sizeof(self)
        for name, value in values.items():
            setattr(self, name, value)


class Layer(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("kind", enum),
        ("nonlinearity", enum),
        ("input_size", c_int64),
        ("output_size", c_int64),
        ("num_layers", c_int64),
        ("dropout", c_double),
        ("weight_init", enum),
        ("recurrent_init", enum),
        ("forget_bias", c_double),
        ("last_step", c_int32),
        ("spectral_radius", c_double),
        ("chrono", c_double),
        ("cell", c_char_p),
        ("direction", enum),
        ("peepholes", c_int32),
        ("proj_size", c_int64),
        ("layer_norm", c_int32),
        ("zoneout", c_double),
        ("zoneout_cell", c_double),
        ("input_dropout", c_double),
        ("recurrent_dropout", c_double),
        ("weight_drop", c_double),
        ("residual", c_int32),
        ("learn_state", c_int32),
        ("has_activations", c_int32),
        ("activations", enum * 3),
        ("alpha", c_double * 3),
        ("beta", c_double * 3),
        ("tied", c_int32),
        ("skip", c_int32),
    ]


class TensorInfo(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char * 64),
        ("dtype", enum),
        ("rank", c_int32),
        ("shape", c_int64 * 4),
        ("offset", c_size_t),
        ("bytes", c_size_t),
    ]


class ModelOptions(Sized):  # noqa: D101
    _fields_ = [("struct_size", c_size_t), ("dtype", enum), ("seed", c_uint64)]


class ModelInfo(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("dtype", enum),
        ("token_input", c_int32),
        ("last_step", c_int32),
        ("input_size", c_int64),
        ("output_size", c_int64),
        ("layer_count", c_size_t),
        ("tensor_count", c_size_t),
        ("parameter_count", c_size_t),
        ("state_tensor_count", c_size_t),
        ("state_bytes_per_row", c_size_t),
        ("weights", enum),
        ("weight_bytes", c_size_t),
    ]


class In(Structure):  # noqa: D101
    _fields_ = [("data", pointer), ("bytes", c_size_t)]


class Out(Structure):  # noqa: D101
    _fields_ = [("data", pointer), ("bytes", c_size_t)]


class Batch(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("time_steps", c_int64),
        ("batch_size", c_int64),
        ("input", In),
        ("lengths", In),
        ("state", In),
        ("state_out", Out),
        ("output", Out),
        ("target", In),
        ("weights", In),
        ("token_type", enum),
        ("label_type", enum),
        ("observe", c_int32),
        ("target_lengths", In),
    ]


class TrainerOptions(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("loss", enum),
        ("reduction", enum),
        ("has_ignore_index", c_int32),
        ("ignore_index", c_int64),
        ("optimizer", enum),
        ("nesterov", c_int32),
        ("learning_rate", c_double),
        ("momentum", c_double),
        ("beta1", c_double),
        ("beta2", c_double),
        ("alpha", c_double),
        ("eps", c_double),
        ("weight_decay", c_double),
        ("clip_value", c_double),
        ("clip_norm", c_double),
        ("clip_scope", enum),
        ("nonfinite", enum),
        ("bptt", c_int64),
        ("seed", c_uint64),
        ("recompute", c_int32),
        ("clip_tensor_norm", c_double),
        ("clip_adaptive", c_double),
        ("clip_quantile", c_double),
        ("clip_window", c_int64),
        ("clip_step_value", c_double),
        ("clip_step_norm", c_double),
        ("rollback_factor", c_double),
        ("omega", c_double),
        ("orthogonality", c_double),
        ("activation_penalty", c_double),
        ("temporal_activation_penalty", c_double),
        ("label_smoothing", c_double),
        ("class_weights", In),
        ("huber_delta", c_double),
        ("blank", c_int64),
        ("zero_infinity", c_int32),
        ("schedule", enum),
        ("schedule_warm_up", c_int64),
        ("schedule_period", c_int64),
        ("schedule_factor", c_double),
        ("schedule_floor", c_double),
        ("schedule_divisor", c_double),
        ("schedule_final_divisor", c_double),
        ("accumulate", c_int64),
        ("ema_decay", c_double),
    ]


class StepReport(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("loss", c_double),
        ("grad_norm", c_double),
        ("learning_rate", c_double),
        ("clipped", c_int32),
        ("skipped", c_int32),
        ("step", c_int64),
        ("clipped_steps", c_int64),
        ("skipped_steps", c_int64),
        ("action", enum),
        ("clipping", c_int32),
        ("clip_threshold", c_double),
        ("clipped_places", c_int64),
        ("penalty", c_double),
        ("omega", c_double),
        ("rolled_back_steps", c_int64),
        ("flow_count", c_size_t),
        ("origin", enum),
        ("origin_layer", c_int64),
        ("origin_level", c_int64),
        ("origin_step", c_int64),
        ("origin_tensor", c_char * 64),
    ]


class StreamOptions(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("batch_size", c_int64),
        ("token_type", enum),
        ("idle_lanes", c_int64),
    ]


class StreamInfo(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("batch_size", c_int64),
        ("active_lanes", c_int64),
        ("state_bytes", c_size_t),
        ("weight_bytes", c_size_t),
        ("swaps", c_int64),
    ]


class LayerSizes(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("parameter_bytes", c_size_t),
        ("tensor_count", c_size_t),
        ("input_bytes", c_size_t),
        ("output_bytes", c_size_t),
        ("state_bytes", c_size_t),
        ("reserve_bytes", c_size_t),
        ("workspace_bytes", c_size_t),
    ]


class LayerCall(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("dtype", enum),
        ("token_type", enum),
        ("time_steps", c_int64),
        ("batch_size", c_int64),
        ("parameters", In),
        ("input", In),
        ("lengths", In),
        ("state", In),
        ("output", Out),
        ("state_out", Out),
        ("reserve", Out),
        ("workspace", Out),
        ("training", c_int32),
        ("dropout_seed", c_uint64),
        ("grad_output", In),
        ("grad_state_out", In),
        ("grad_input", Out),
        ("grad_state", Out),
        ("grad_parameters", Out),
    ]


class Flow(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("layer", c_size_t),
        ("level", c_int64),
        ("hidden_size", c_int64),
        ("time_steps", c_int64),
        ("gate_count", c_int64),
        ("has_cell", c_int32),
        ("verdict", enum),
        ("rate", c_double),
        ("horizon", c_double),
        ("saturated_fraction", c_double),
        ("dead_fraction", c_double),
        ("reason", c_char * 256),
    ]


class Spectrum(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("size", c_int64),
        ("spectral_radius", c_double),
        ("spectral_norm", c_double),
    ]


class Lyapunov(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("exponents", Out),
        ("errors", Out),
        ("dimension", Out),
        ("entropy", Out),
        ("count", c_int64),
        ("warm_up", c_int64),
        ("interval", c_int64),
    ]


class Random(Structure):  # noqa: D101
    _fields_ = [("seed", c_uint64), ("stream", c_uint64), ("position", c_uint64)]


class Sampling(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("dtype", enum),
        ("token_type", enum),
        ("batch_size", c_int64),
        ("temperature", c_double),
        ("top_k", c_int64),
        ("top_p", c_double),
    ]


class CtcDecoding(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("dtype", enum),
        ("time_steps", c_int64),
        ("batch_size", c_int64),
        ("classes", c_int64),
        ("logits", In),
        ("lengths", In),
        ("blank", c_int64),
        ("beam_width", c_int64),
        ("labels", Out),
        ("label_lengths", Out),
        ("log_probabilities", Out),
    ]


class Group(Sized):  # noqa: D101
    _fields_ = [
        ("struct_size", c_size_t),
        ("rate_factor", c_double),
        ("weight_decay", c_double),
        ("frozen", c_int32),
    ]
