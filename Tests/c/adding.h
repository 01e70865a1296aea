/*
 * adding.h: the adding problem, Hochreiter and Schmidhuber 1997. Each sequence has T values in [0, 1) and a
 * marker on two of them, one in each half; the target is the sum of the two. Always answering 1 gives a mean
 * squared error of 1/6. C11 and C++17.
 */
#ifndef ADDING_H
#define ADDING_H

#include "check.h"

enum { ADDING_STEPS = 50, ADDING_ROWS = 40 };

typedef struct adding_batch {
  float input[ADDING_STEPS][ADDING_ROWS][2]; /* [T, B, 2]: value and marker */
  float target[ADDING_ROWS][1];              /* [B, 1] */
} adding_batch;

/* xorshift64*, Vigna 2016. The state must not be zero. */
static inline uint64_t adding_random(uint64_t *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * UINT64_C(0x2545F4914F6CDD1D);
}

static inline float adding_uniform(uint64_t *state) {
  return (float)(adding_random(state) >> 40) / (float)(1 << 24);
}

static inline void adding_fill(adding_batch *batch, uint64_t *state) {
  const int half = ADDING_STEPS / 2;
  memset(batch, 0, sizeof *batch);
  for (int row = 0; row < ADDING_ROWS; row++) {
    for (int step = 0; step < ADDING_STEPS; step++)
      batch->input[step][row][0] = adding_uniform(state);
    for (int marker = 0; marker < 2; marker++) {
      int step = marker * half + (int)(adding_random(state) % (uint64_t)half);
      batch->input[step][row][1] = 1;
      batch->target[row][0] += batch->input[step][row][0];
    }
  }
}

static inline rnn_batch adding_call(const adding_batch *data) {
  rnn_batch batch;
  RNN_INIT(batch);
  batch.time_steps = ADDING_STEPS;
  batch.batch_size = ADDING_ROWS;
  batch.input.data = data->input;
  batch.input.bytes = sizeof data->input;
  batch.target.data = data->target;
  batch.target.bytes = sizeof data->target;
  return batch;
}

/* A recurrent layer 2 -> hidden and a linear head at the last step. */
static inline rnn_model *adding_model(rnn_layer_kind kind, int64_t hidden, uint64_t seed) {
  rnn_layer layers[2];
  rnn_model_options options;
  rnn_model *model = NULL;
  RNN_INIT(layers[0]);
  RNN_INIT(layers[1]);
  RNN_INIT(options);
  layers[0].kind = kind;
  layers[0].input_size = 2;
  layers[0].output_size = hidden;
  layers[1].kind = RNN_LINEAR;
  layers[1].input_size = hidden;
  layers[1].output_size = 1;
  layers[1].last_step = 1;
  options.seed = seed;
  REQUIRE_OK(rnn_model_create(layers, 2, &options, &model));
  return model;
}

/* Mean squared error, Adam, clipping by norm. */
static inline rnn_trainer *adding_trainer(rnn_model *model) {
  rnn_trainer_options options;
  rnn_trainer *trainer = NULL;
  RNN_INIT(options);
  options.loss = RNN_MEAN_SQUARED;
  options.learning_rate = 1e-2;
  options.clip_norm = 1;
  REQUIRE_OK(rnn_trainer_create(model, &options, &trainer));
  return trainer;
}

#endif
