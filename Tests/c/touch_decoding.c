/*
 * touch_decoding.c is the part of touch.c for losses with options of their own, for CTC, and for what makes tokens and
 * labels of logits. Buffers are malloc'ed to the exact byte there, too.
 */
#include "touch_decoding.h"
#include "check.h"

#include <math.h>

enum { T = 6, B = 3, U = 2, O = 4, TOKENS = 7 };

static void *copy_of(const void *data, size_t bytes) {
  void *copy = malloc(bytes);
  if (!copy) exit(EXIT_FAILURE);
  return data ? memcpy(copy, data, bytes) : copy;
}

/* A model of TOKENS tokens and O logits. */
static rnn_model *make_model(rnn_dtype dtype) {
  rnn_layer layers[2];
  rnn_model_options options;
  rnn_model *model = NULL;
  RNN_INIT(layers[0]);
  RNN_INIT(layers[1]);
  RNN_INIT(options);
  options.dtype = dtype;
  layers[0].kind = RNN_EMBEDDING, layers[0].input_size = TOKENS, layers[0].output_size = 3;
  layers[1].kind = RNN_LINEAR, layers[1].input_size = 3, layers[1].output_size = O;
  REQUIRE_OK(rnn_model_create(layers, 2, &options, &model));
  return model;
}

static rnn_in tokens(size_t count, int32_t least, int32_t limit) {
  int32_t *values = copy_of(NULL, count * sizeof *values);
  for (size_t i = 0; i < count; i++)
    values[i] = least + (int32_t)(i * i) % limit;
  return (rnn_in){values, count * sizeof *values};
}

static void train(rnn_model *model, rnn_trainer_options *options, rnn_batch *batch) {
  rnn_trainer *trainer = NULL;
  rnn_step_report report;
  double weights[O];
  RNN_INIT(report);
  options->struct_size = sizeof *options;
  REQUIRE_OK(rnn_trainer_create(model, options, &trainer));
  for (int step = 0; step < 2; step++)
    REQUIRE_OK(rnn_trainer_step(trainer, batch, &report));
  CHECK(isfinite(report.loss) && report.grad_norm > 0 && !report.skipped);
  REQUIRE_OK(rnn_trainer_evaluate(trainer, batch, &report));
  REQUIRE_OK(rnn_trainer_describe(trainer, options));
  CHECK_STATUS(rnn_trainer_class_weights(trainer, weights, options->class_weights.bytes), RNN_OK);
  CHECK_STATUS(rnn_trainer_free(trainer), RNN_OK);
}

static void touch_losses(rnn_model *model) {
  const double weights[O] = {1, 0, 2, 0.5};
  const int64_t counts[B] = {2, 0, 1};
  rnn_trainer_options smooth = {.label_smoothing = 0.1}, ctc = {.loss = RNN_CTC, .blank = O - 1};
  rnn_batch batch;
  RNN_INIT(batch);
  smooth.class_weights = (rnn_in){copy_of(weights, sizeof weights), sizeof weights};
  void *given = (void *)smooth.class_weights.data;
  batch.time_steps = T, batch.batch_size = B;
  batch.input = tokens(T * B, 0, TOKENS);
  batch.target = tokens(T * B, 0, O);
  train(model, &smooth, &batch);
  free((void *)batch.target.data);
  batch.target = tokens(B * U, 0, O - 1);
  batch.target_lengths = (rnn_in){copy_of(counts, sizeof counts), sizeof counts};
  train(model, &ctc, &batch);
  free((void *)batch.target.data);
  free((void *)batch.target_lengths.data);
  free((void *)batch.input.data);
  free(given);
}

static void touch_labels(rnn_dtype dtype, const void *logits, size_t bytes, int64_t beam_width) {
  rnn_ctc_decoding decoding;
  RNN_INIT(decoding);
  decoding.dtype = dtype, decoding.beam_width = beam_width;
  decoding.time_steps = T, decoding.batch_size = B, decoding.classes = O;
  decoding.logits = (rnn_in){logits, bytes};
  decoding.labels = (rnn_out){copy_of(NULL, B * T * 8), B * T * 8};
  decoding.label_lengths = (rnn_out){copy_of(NULL, B * 8), B * 8};
  decoding.log_probabilities = (rnn_out){copy_of(NULL, B * 8), B * 8};
  REQUIRE_OK(rnn_ctc_decode(&decoding));
  for (int row = 0; row < B; row++) {
    const int64_t count = ((int64_t *)decoding.label_lengths.data)[row];
    CHECK(count >= 0 && count <= T && ((double *)decoding.log_probabilities.data)[row] <= 1e-12);
    for (int place = 0; place < T; place++) {
      const int64_t label = ((int64_t *)decoding.labels.data)[row * T + place];
      CHECK(place < count ? label > 0 && label < O : label == -1);
    }
  }
  free(decoding.labels.data);
  free(decoding.label_lengths.data);
  free(decoding.log_probabilities.data);
}

/* The rows of all steps at once; a copy of the random numbers draws the same tokens. */
static void touch_tokens(rnn_dtype dtype, const void *logits, size_t bytes) {
  enum { ROWS = T * B };
  rnn_random random[2][ROWS];
  rnn_sampling sampling;
  const size_t size = ROWS * sizeof(int64_t);
  int64_t *drawn[2] = {copy_of(NULL, size), copy_of(NULL, size)};
  RNN_INIT(sampling);
  sampling.dtype = dtype, sampling.token_type = RNN_INT64, sampling.batch_size = ROWS;
  sampling.temperature = 0.5, sampling.top_k = 3, sampling.top_p = 0.9;
  for (uint64_t row = 0; row < ROWS; row++)
    random[0][row] = (rnn_random){1, row, 0};
  memcpy(random[1], random[0], sizeof random[0]);
  for (int fork = 0; fork < 2; fork++)
    REQUIRE_OK(rnn_sample(&sampling, logits, bytes, random[fork], drawn[fork], size));
  CHECK_BYTES(drawn[1], drawn[0], size);
  CHECK_BYTES(random[1], random[0], sizeof random[0]);
  for (int row = 0; row < ROWS; row++)
    CHECK(drawn[0][row] >= 0 && drawn[0][row] < O && random[0][row].position == 1);
  sampling.temperature = RNN_ZERO;
  REQUIRE_OK(rnn_sample(&sampling, logits, bytes, NULL, drawn[0], size));
  free(drawn[0]);
  free(drawn[1]);
}

void touch_decoding(void) {
  for (int wide = 0; wide < 2; wide++) {
    const rnn_dtype dtype = wide ? RNN_FLOAT64 : RNN_FLOAT32;
    rnn_model *model = make_model(dtype);
    rnn_batch batch;
    RNN_INIT(batch);
    batch.time_steps = T, batch.batch_size = B;
    batch.input = tokens(T * B, 0, TOKENS);
    batch.output.bytes = T * B * O * (wide ? 8 : 4);
    batch.output.data = copy_of(NULL, batch.output.bytes);
    touch_losses(model);
    REQUIRE_OK(rnn_model_forward(model, &batch));
    touch_tokens(dtype, batch.output.data, batch.output.bytes);
    touch_labels(dtype, batch.output.data, batch.output.bytes, 0);
    touch_labels(dtype, batch.output.data, batch.output.bytes, 3);
    free((void *)batch.input.data);
    free(batch.output.data);
    CHECK_STATUS(rnn_model_free(model), RNN_OK);
  }
}
