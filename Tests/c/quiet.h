/*
 * quiet.h: what the parts of quiet share: small networks and streams of them.
 */
#ifndef QUIET_H
#define QUIET_H

#include "check.h"

enum { H = 8 };

/* Of one layer. */
static inline rnn_model *model_of(rnn_layer layer, rnn_dtype dtype, uint64_t seed) {
  rnn_model_options options;
  rnn_model *model = NULL;
  RNN_INIT(options);
  layer.struct_size = sizeof layer;
  options.dtype = dtype;
  options.seed = seed;
  REQUIRE_OK(rnn_model_create(&layer, 1, &options, &model));
  return model;
}

/* A recurrent layer. `nonlinearity` is of an Elman layer. */
static inline rnn_model *layer_model(rnn_layer_kind kind, rnn_nonlinearity nonlinearity, rnn_dtype dtype,
                                     uint64_t seed, int64_t inputs, int64_t outputs) {
  rnn_layer layer;
  RNN_INIT(layer);
  layer.kind = kind;
  layer.nonlinearity = nonlinearity;
  layer.input_size = inputs;
  layer.output_size = outputs;
  return model_of(layer, dtype, seed);
}

/* H to H, so that an output may be an input. */
static inline rnn_model *quiet_model(rnn_layer_kind kind, rnn_nonlinearity nonlinearity, rnn_dtype dtype,
                                     uint64_t seed) {
  return layer_model(kind, nonlinearity, dtype, seed, H, H);
}

static inline rnn_stream *quiet_stream(const rnn_model *model, int64_t lanes) {
  rnn_stream_options options;
  rnn_stream *stream = NULL;
  RNN_INIT(options);
  options.batch_size = lanes;
  REQUIRE_OK(rnn_stream_create(model, &options, &stream));
  return stream;
}

/* Numbers that become very small, in quiet_numbers.c. */
void check_numbers(void);

#endif
