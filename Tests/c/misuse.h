/*
 * misuse.h: how a misuse is written down. `arguments` holds valid arguments for every function of rnn.h; a
 * misuse is one function, some changes to its arguments, and what must come of it.
 */
#ifndef MISUSE_H
#define MISUSE_H

#include "check.h"

enum { T = 4, B = 3, TOKENS = 6, FEATURES = 2, OUTPUTS = 2, TAIL = 8 };

/* A struct as a newer program would have it: some bytes more than this library knows. */
#define WITH_TAIL(type, name)                                                                                \
  type name;                                                                                                 \
  uint64_t name##_tail

/* Everything that a function writes. All of it must be as it was after a call that fails. */
typedef struct outputs {
  rnn_model *model;
  rnn_trainer *trainer;
  rnn_stream *stream;
  WITH_TAIL(rnn_model_info, info);
  WITH_TAIL(rnn_tensor_info, tensor);
  WITH_TAIL(rnn_layer, layer);
  WITH_TAIL(rnn_trainer_options, options);
  WITH_TAIL(rnn_step_report, report);
  WITH_TAIL(rnn_layer_sizes, sizes);
  WITH_TAIL(rnn_flow, flow);
  WITH_TAIL(rnn_spectrum, spectrum);
  WITH_TAIL(rnn_stream_info, stream_info);
  double eigenvalues[2 * 5];
  double jacobian[B * 20 * 20]; /* n is 20, and 5 of the sensor */
  double exponents[B * 3], exponent_errors[B * 3], dimension[B], entropy[B];
  double data[1024]; /* of get, state_out, output: what the call says */
  double state[256];
  unsigned char lane_bytes[128]; /* of export */
  rnn_random random[B];
  int32_t sampled[B];
  int64_t decoded[B * T], decoded_lengths[B];
  double log_probabilities[B], class_weights[TOKENS];
  double reserve[2048];
  double grad_input[64], grad_state[256], grad_parameters[512];
} outputs;

/* What rnn_stream_export writes for a lane of the two models. */
#define LANE_STATE(type, count)                                                                              \
  struct {                                                                                                   \
    char magic[8];                                                                                           \
    uint32_t version, dtype, mark, count_of_elements;                                                        \
    type elements[count];                                                                                    \
  }

typedef struct arguments {
  uint64_t none; /* so that no argument has offset 0 */
  /* Handles: a model of tokens in float32 with a cross-entropy trainer; one of features in float64 with a
   * last-step head and a mean-squared-error trainer, called sensor. */
  rnn_model *model, *sensor_model;
  rnn_trainer *trainer, *sensor_trainer; /* of each, one step was observed */
  rnn_trainer *fresh_trainer;            /* of this none */
  rnn_trainer *thrifty_trainer;          /* of this none; it computes activations again */
  rnn_trainer *ctc_trainer;              /* of the first model, with weights of the classes */
  rnn_trainer *patient_trainer;          /* of this none; its rate falls on a plateau, and it averages */
  rnn_stream *stream, *sensor_stream;
  rnn_stream *sparse_stream; /* of the first model, its last lane idle */
  /* The first model in float64, one that has a GRU in the place of its LSTM, and a stream of each. */
  rnn_model *double_model, *other_model;
  rnn_stream *double_stream, *other_stream;
  rnn_model *small_model;                              /* the first one with weights of int8 */
  void *closed_model, *closed_trainer, *closed_stream; /* what they were */
  void *on_stack, *on_heap, *in_text;                  /* never were handles */
  /* Structs that are read, and pointers to them. */
  rnn_layer layers[3];
  WITH_TAIL(rnn_model_options, model_options);
  WITH_TAIL(rnn_batch, batch);
  WITH_TAIL(rnn_batch, sensor_batch);
  WITH_TAIL(rnn_trainer_options, trainer_options);
  WITH_TAIL(rnn_stream_options, stream_options);
  WITH_TAIL(rnn_layer, layer);
  WITH_TAIL(rnn_layer, token_layer);
  WITH_TAIL(rnn_layer_call, call);
  WITH_TAIL(rnn_layer_call, token_call);
  WITH_TAIL(rnn_batch, moving_batch); /* every sequence has a step, which dynamics ask for */
  WITH_TAIL(rnn_group, group);
  WITH_TAIL(rnn_lyapunov, lyapunov);
  WITH_TAIL(rnn_lyapunov, sensor_lyapunov);
  WITH_TAIL(rnn_batch, ctc_batch);
  WITH_TAIL(rnn_sampling, sampling);
  WITH_TAIL(rnn_ctc_decoding, decoding);
  const rnn_batch *ctc_batch_at;
  const rnn_sampling *sampling_at;
  const rnn_ctc_decoding *decoding_at;
  const rnn_layer *layers_at, *layer_at, *token_layer_at;
  const rnn_model_options *model_options_at;
  const rnn_batch *batch_at, *sensor_batch_at;
  const rnn_trainer_options *trainer_options_at;
  const rnn_stream_options *stream_options_at;
  const rnn_layer_call *call_at, *token_call_at;
  const rnn_batch *moving_batch_at;
  const rnn_group *group_at;
  const rnn_lyapunov *lyapunov_at, *sensor_lyapunov_at;
  /* Pointers to what is written. */
  rnn_model **model_out;
  rnn_trainer **trainer_out;
  rnn_stream **stream_out;
  rnn_model_info *info_out;
  rnn_tensor_info *tensor_out;
  rnn_layer *layer_out;
  rnn_trainer_options *options_out;
  rnn_step_report *report_out;
  rnn_layer_sizes *sizes_out;
  rnn_flow *flow_out;
  double *series_out, *norms_out;
  rnn_spectrum *spectrum_out;
  rnn_stream_info *stream_info_out;
  /* Plain values. */
  int32_t threads, status_number;
  size_t count, index, state_index;
  int64_t rows, time_steps, batch_size;
  rnn_dtype dtype;
  rnn_weights weight_format;
  double learning_rate, metric, omega, orthogonality, activation_penalty, temporal_activation_penalty;
  rnn_flow_series series;
  int32_t gate, spectrum_gate;
  int64_t from, to;
  const char *recurrent_name;
  double *eigenvalues, *jacobian;
  size_t eigenvalue_bytes, jacobian_bytes, sensor_jacobian_bytes;
  const char *name, *pattern, *path;
  const char *empty_text, *unknown_name, *state_name, *long_name, *not_utf8;
  void *get_data, *set_data, *get_state, *step_input, *step_output, *sensor_input, *sensor_output, *state,
      *sensor_state, *parameters;
  void *block_input, *block_output, *sensor_block_input, *sensor_block_output, *lane_state, *lane_state_out,
      *sensor_lane_state;
  int64_t steps, lane, to_lane;
  size_t block_input_bytes, block_output_bytes, sensor_block_input_bytes, sensor_block_output_bytes,
      lane_bytes, sensor_lane_bytes;
  size_t bytes, step_input_bytes, step_output_bytes, sensor_input_bytes, sensor_output_bytes, state_bytes,
      sensor_state_bytes, parameter_bytes, series_bytes, norm_bytes;
  /* Buffers that are read. */
  int32_t tokens[T * B], labels[T * B], step_tokens[B];
  int64_t wide[T * B]; /* for tokens and labels of RNN_INT64 */
  int32_t spelling[B * 2];
  int64_t spelling_lengths[B];
  float logits[B * TOKENS], ctc_logits[T * B * TOKENS];
  double class_weights[TOKENS];
  void *logits_at, *class_weights_at, *class_weights_out, *sampled_at;
  rnn_random *random_at;
  size_t logit_bytes, sampled_bytes, class_weight_bytes;
  void *wide_at;
  int64_t lengths[B], sensor_lengths[B], moving_lengths[B];
  float initial_state[60], weights[T * B], step_state[60], weight[24];
  double features[T * B * FEATURES], targets[B * OUTPUTS], sensor_weights[B], initial_sensor_state[15];
  double step_features[B * FEATURES], step_sensor_state[15];
  LANE_STATE(float, 20) lane_of_model;
  LANE_STATE(double, 5) lane_of_sensor;
  float layer_input[T * B * FEATURES], layer_state[64], grad_output[T * B * 4], grad_state_out[64];
  double layer_parameters[512], workspace[2048];
  outputs out;
} arguments;

typedef struct function {
  const char *name;
  rnn_status (*call)(arguments *);
} function;

/* One change: a field is set, copied from another, or added to. */
typedef struct change {
  enum { NO_CHANGE, SET, COPY, ADD } how;
  size_t offset, size;
  uint64_t value; /* bits for SET, the other field's offset for COPY, a number for ADD */
  const char *text;
} change;

#define PLACE(field) offsetof(arguments, field), sizeof(((arguments *)0)->field)
#define CHANGE(...)                                                                                          \
  { __VA_ARGS__ }
#define IS(field, bits) CHANGE(SET, PLACE(field), (uint64_t)(bits), #field " = " #bits)
#define IS_OF(field, source) CHANGE(COPY, PLACE(field), offsetof(arguments, source), #field " = " #source)
#define PLUS(field, number) CHANGE(ADD, PLACE(field), (uint64_t)(number), #field " += " #number)

/* The last four bytes of a struct that ends in four bytes which are no field. */
#define PADDING(field)                                                                                       \
  CHANGE(SET, offsetof(arguments, field) + sizeof(((arguments *)0)->field) - 4, 4, UINT32_MAX, "padding")
/* Four bytes after a field which are none. */
#define GAP(field)                                                                                           \
  CHANGE(SET, offsetof(arguments, field) + sizeof(((arguments *)0)->field), 4, UINT32_MAX, "padding")

typedef struct misuse {
  const function *function;
  rnn_status expected;
  const char *named; /* what rnn_last_error must contain; NULL for a function without a message */
  change changes[4];
} misuse;

#define BAD(function, status, named, ...) CHANGE(&(function), status, named, {__VA_ARGS__})

/* What looks like a misuse and is none. */
#define GOOD(function, ...) CHANGE(&(function), RNN_OK, NULL, {__VA_ARGS__})

/* For sizes beyond all bounds: RNN_ERR_ARGUMENT, RNN_ERR_SHAPE or RNN_ERR_OUT_OF_MEMORY. */
#define TOO_LARGE ((rnn_status)9999)

#define NAN64 UINT64_C(0x7FF8000000000000)
#define INF64 UINT64_C(0x7FF0000000000000)
#define HALF64 UINT64_C(0x3FE0000000000000)
#define ONE64 UINT64_C(0x3FF0000000000000)
#define ABOVE_ONE64 UINT64_C(0x3FF0000000000001)
#define MINUS_HALF64 UINT64_C(0xBFE0000000000000)
#define NAN32 UINT64_C(0x7FC00000)

/* Every function of rnn.h that takes arguments; `sensor` and `token` name a second way to call one. */
extern const function set_num_threads, status_name, model_quantize, model_create, model_free, model_describe,
    model_layer, model_tensor, model_find, model_state_tensor, model_get, model_set, model_forward,
    sensor_forward, trainer_create, trainer_free, trainer_step, sensor_trainer_step, trainer_evaluate,
    sensor_trainer_evaluate, trainer_describe, trainer_set_learning_rate, trainer_set_penalties,
    trainer_report_metric, trainer_average, trainer_set_group, trainer_gradient, trainer_model, trainer_flow,
    trainer_flow_series, trainer_tensor_flow, stream_create, stream_free, stream_prepare, stream_describe,
    stream_step, sensor_stream_step, stream_process, sensor_stream_process, stream_reset, stream_get_state,
    stream_set_state, sensor_stream_set_state, stream_export, stream_import, sensor_stream_import,
    stream_copy, stream_leave, stream_swap_model, model_save, model_load, trainer_save, trainer_resume,
    layer_plan, layer_tensor, layer_initialize, layer_forward, layer_backward, token_layer_forward,
    token_layer_backward, model_spectrum, model_jacobian, sensor_jacobian, model_lyapunov, sensor_lyapunov,
    trainer_floss, sensor_floss, trainer_class_weights, ctc_trainer_step, ctc_trainer_evaluate, sample,
    ctc_decode;

/* Valid arguments for all of them. Files are written into `directory`. */
void fill_arguments(arguments *valid, const char *directory);
void free_arguments(arguments *valid);

/* One misuse a line. */
typedef struct misuse_list {
  const misuse *cases;
  size_t count;
} misuse_list;

extern const misuse_list argument_misuses, option_misuses, stream_misuses, dynamics_misuses, decoding_misuses;

/* Runs `body` in a child with a time limit and a memory limit. A signal is a failure, as is a failing check
 * in the child. `function` has been covered then. */
void check_in_child(const char *function, const char *text, void (*body)(const void *), const void *argument);

/* Runs one misuse in a child, on the valid arguments. */
void check_misuse(const misuse *misuse);

/* What a failing call owes: the status, a message in UTF-8 that contains `named`, and no memory taken. */
void check_refusal(rnn_status got, rnn_status expected, const char *named);

/* Every wrong handle and every wrong struct size, for every function. */
void check_handles(void);
void check_struct_sizes(void);

/* Layers described by whatever bytes. */
void check_wild_layers(void);

/* What a stream is after it has refused something. */
void check_streams(void);

/* Misuse of model_save, model_load, trainer_save and trainer_resume by paths, and by what is in a file. */
void check_paths(const char *directory);
void check_contents(const char *directory);

/* A path within a directory; good for the next few calls. */
const char *in_directory(const char *directory, const char *name);
void write_file(const char *path, const void *data, size_t bytes);

/* Reads up to `limit` bytes. */
size_t read_file(const char *path, void *data, size_t limit);

/* The valid arguments. In a child they may be changed at will. */
extern arguments valid;

#endif
