/*
 * cases.h: what is measured.
 */
#ifndef CASES_H
#define CASES_H

#include "rnn.h"

/* How the weights of a stream are stored, by rnn_weights. */
static const char *const WEIGHT_NAMES[] = {"float32", "bfloat16", "int8"};

typedef struct subject {
  rnn_layer_kind kind; /* RNN_LSTM or RNN_GRU */
  int inputs, hidden;
  int outputs; /* of a linear head; 0: none */
  int lanes;
  rnn_weights weights;
  double rtneural; /* nanoseconds per step; 0: not known */
} subject;

/*
 * RTNeural's figures: float32, the fastest of its backends for each size, one thread, on a core with
 * RTNEURAL_PEAK GFLOP/s of multiply-adds in float32. Elsewhere they are scaled by the peak.
 */
static const double RTNEURAL_PEAK = 117;

static const subject SUBJECTS[] = {
    /* The recurrent layer alone, one lane. */
    {RNN_LSTM, 1, 8, 0, 1, RNN_WEIGHTS_OWN, 56},
    {RNN_LSTM, 1, 16, 0, 1, RNN_WEIGHTS_OWN, 78},
    {RNN_LSTM, 1, 20, 0, 1, RNN_WEIGHTS_OWN, 157},
    {RNN_LSTM, 1, 32, 0, 1, RNN_WEIGHTS_OWN, 169},
    {RNN_LSTM, 1, 40, 0, 1, RNN_WEIGHTS_OWN, 270},
    {RNN_LSTM, 1, 64, 0, 1, RNN_WEIGHTS_OWN, 741},
    {RNN_LSTM, 1, 128, 0, 1, RNN_WEIGHTS_OWN, 2730},
    {RNN_LSTM, 32, 256, 0, 1, RNN_WEIGHTS_OWN, 12490},
    {RNN_GRU, 1, 8, 0, 1, RNN_WEIGHTS_OWN, 58},
    {RNN_GRU, 1, 16, 0, 1, RNN_WEIGHTS_OWN, 54},
    {RNN_GRU, 1, 20, 0, 1, RNN_WEIGHTS_OWN, 0},
    {RNN_GRU, 1, 32, 0, 1, RNN_WEIGHTS_OWN, 133},
    {RNN_GRU, 1, 40, 0, 1, RNN_WEIGHTS_OWN, 237},
    {RNN_GRU, 1, 64, 0, 1, RNN_WEIGHTS_OWN, 450},
    {RNN_GRU, 1, 128, 0, 1, RNN_WEIGHTS_OWN, 1920},
    {RNN_GRU, 32, 256, 0, 1, RNN_WEIGHTS_OWN, 8800},
    /* With a head, as an amplifier's model has it. */
    {RNN_LSTM, 1, 8, 1, 1, RNN_WEIGHTS_OWN, 0},
    /* Small weights. */
    {RNN_LSTM, 1, 64, 0, 1, RNN_WEIGHTS_INT8, 0},
    {RNN_LSTM, 1, 128, 0, 1, RNN_WEIGHTS_INT8, 0},
    {RNN_LSTM, 32, 256, 0, 1, RNN_WEIGHTS_INT8, 0},
    {RNN_GRU, 1, 64, 0, 1, RNN_WEIGHTS_INT8, 0},
    {RNN_GRU, 1, 128, 0, 1, RNN_WEIGHTS_INT8, 0},
    {RNN_GRU, 32, 256, 0, 1, RNN_WEIGHTS_INT8, 0},
    {RNN_LSTM, 1, 64, 0, 1, RNN_WEIGHTS_BFLOAT16, 0},
    {RNN_LSTM, 1, 128, 0, 1, RNN_WEIGHTS_BFLOAT16, 0},
    {RNN_LSTM, 32, 256, 0, 1, RNN_WEIGHTS_BFLOAT16, 0},
    {RNN_GRU, 1, 64, 0, 1, RNN_WEIGHTS_BFLOAT16, 0},
    {RNN_GRU, 1, 128, 0, 1, RNN_WEIGHTS_BFLOAT16, 0},
    {RNN_GRU, 32, 256, 0, 1, RNN_WEIGHTS_BFLOAT16, 0},
    /* Lanes, as a server has them. */
    {RNN_LSTM, 256, 256, 0, 1, RNN_WEIGHTS_OWN, 0},
    {RNN_LSTM, 256, 256, 0, 8, RNN_WEIGHTS_OWN, 0},
    {RNN_LSTM, 256, 256, 0, 64, RNN_WEIGHTS_OWN, 0},
    {RNN_LSTM, 256, 256, 0, 512, RNN_WEIGHTS_OWN, 0},
    {RNN_LSTM, 32, 256, 0, 1, RNN_WEIGHTS_OWN, 0},
    {RNN_LSTM, 32, 256, 0, 8, RNN_WEIGHTS_OWN, 0},
    {RNN_LSTM, 32, 256, 0, 64, RNN_WEIGHTS_OWN, 0},
    {RNN_LSTM, 32, 256, 0, 512, RNN_WEIGHTS_OWN, 0},
};
enum { SUBJECTS_COUNT = sizeof SUBJECTS / sizeof SUBJECTS[0], FIRST_OF_LANES = SUBJECTS_COUNT - 8 };

static inline const char *cell_name(const subject *s) { return s->kind == RNN_LSTM ? "LSTM" : "GRU"; }

static inline int outputs_of(const subject *s) { return s->outputs > 0 ? s->outputs : s->hidden; }

/* Operations of the products with W_ih and W_hh, over all lanes. */
static inline double operations_of(const subject *s) {
  double gates = s->kind == RNN_LSTM ? 4 : 3;
  return 2 * gates * s->hidden * (s->inputs + s->hidden) * s->lanes;
}

/* The same model with small weights, if the subject has these. */
static inline rnn_status with_weights(const subject *s, rnn_model **model) {
  rnn_model *own = *model;
  if (s->weights == RNN_WEIGHTS_OWN) return RNN_OK;
  rnn_status status = rnn_model_quantize(own, s->weights, model);
  (void)rnn_model_free(own);
  return status;
}

/* The weights are those of seed 1. */
static inline rnn_status new_model(const subject *s, rnn_model **model) {
  rnn_layer layers[2];
  rnn_model_options options;
  RNN_INIT(layers[0]);
  layers[0].kind = s->kind;
  layers[0].input_size = s->inputs;
  layers[0].output_size = s->hidden;
  RNN_INIT(layers[1]);
  layers[1].kind = RNN_LINEAR;
  layers[1].input_size = s->hidden;
  layers[1].output_size = s->outputs;
  RNN_INIT(options);
  options.dtype = RNN_FLOAT32;
  options.seed = 1;
  rnn_status status = rnn_model_create(layers, s->outputs > 0 ? 2 : 1, &options, model);
  return status == RNN_OK ? with_weights(s, model) : status;
}

#endif
