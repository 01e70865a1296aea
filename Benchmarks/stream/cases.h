/*
 * cases.h: what is measured.
 */
#ifndef CASES_H
#define CASES_H

#include "rnn.h"

/*
 * How the weights of a stream are stored. Others, such as int8 and bfloat16 once models can be made with
 * them, have their places here, in WEIGHT_NAMES, in new_model(), which asks for them, and in SUBJECTS.
 */
typedef enum weights { FLOAT32 = 0 } weights;
static const char *const WEIGHT_NAMES[] = {"float32"};

typedef struct subject {
  rnn_layer_kind kind; /* RNN_LSTM or RNN_GRU */
  int inputs, hidden;
  int outputs; /* of a linear head; 0: none */
  int lanes;
  weights weights;
  double rtneural; /* nanoseconds per step; 0: not known */
} subject;

/*
 * RTNeural's figures: float32, the fastest of its backends for each size, one thread, on a core with
 * RTNEURAL_PEAK GFLOP/s of multiply-adds in float32. Elsewhere they are scaled by the peak.
 */
static const double RTNEURAL_PEAK = 117;

static const subject SUBJECTS[] = {
    /* The recurrent layer alone, one lane. */
    {RNN_LSTM, 1, 8, 0, 1, FLOAT32, 56},
    {RNN_LSTM, 1, 16, 0, 1, FLOAT32, 78},
    {RNN_LSTM, 1, 20, 0, 1, FLOAT32, 157},
    {RNN_LSTM, 1, 32, 0, 1, FLOAT32, 169},
    {RNN_LSTM, 1, 40, 0, 1, FLOAT32, 270},
    {RNN_LSTM, 1, 64, 0, 1, FLOAT32, 741},
    {RNN_LSTM, 1, 128, 0, 1, FLOAT32, 2730},
    {RNN_LSTM, 32, 256, 0, 1, FLOAT32, 12490},
    {RNN_GRU, 1, 8, 0, 1, FLOAT32, 58},
    {RNN_GRU, 1, 16, 0, 1, FLOAT32, 54},
    {RNN_GRU, 1, 20, 0, 1, FLOAT32, 0},
    {RNN_GRU, 1, 32, 0, 1, FLOAT32, 133},
    {RNN_GRU, 1, 40, 0, 1, FLOAT32, 237},
    {RNN_GRU, 1, 64, 0, 1, FLOAT32, 450},
    {RNN_GRU, 1, 128, 0, 1, FLOAT32, 1920},
    {RNN_GRU, 32, 256, 0, 1, FLOAT32, 8800},
    /* With a head, as an amplifier's model has it. */
    {RNN_LSTM, 1, 8, 1, 1, FLOAT32, 0},
    /* Lanes, as a server has them. */
    {RNN_LSTM, 256, 256, 0, 1, FLOAT32, 0},
    {RNN_LSTM, 256, 256, 0, 8, FLOAT32, 0},
    {RNN_LSTM, 256, 256, 0, 64, FLOAT32, 0},
    {RNN_LSTM, 256, 256, 0, 512, FLOAT32, 0},
    {RNN_LSTM, 32, 256, 0, 1, FLOAT32, 0},
    {RNN_LSTM, 32, 256, 0, 8, FLOAT32, 0},
    {RNN_LSTM, 32, 256, 0, 64, FLOAT32, 0},
    {RNN_LSTM, 32, 256, 0, 512, FLOAT32, 0},
};
enum { SUBJECTS_COUNT = sizeof SUBJECTS / sizeof SUBJECTS[0], FIRST_OF_LANES = SUBJECTS_COUNT - 8 };

static inline const char *cell_name(const subject *s) { return s->kind == RNN_LSTM ? "LSTM" : "GRU"; }

static inline int outputs_of(const subject *s) { return s->outputs > 0 ? s->outputs : s->hidden; }

/* Operations of the products with W_ih and W_hh, over all lanes. */
static inline double operations_of(const subject *s) {
  double gates = s->kind == RNN_LSTM ? 4 : 3;
  return 2 * gates * s->hidden * (s->inputs + s->hidden) * s->lanes;
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
  return rnn_model_create(layers, s->outputs > 0 ? 2 : 1, &options, model);
}

#endif
