/*
 * memory_cells.c is the part of memory that is about layers which are more than their plain cells: after the first call
 * no buffer is allocated for them either; a stream allocates nothing, a pass over a sequence some small objects for each
 * level, which say where its buffers lie.
 */
#include "memory.h"

enum { WIDE = 6 };

static const rnn_layer cells[] = {
    {.kind = RNN_LSTM,
     .num_layers = 2,
     .residual = 1,
     .learn_state = 1,
     .input_dropout = 0.5,
     .weight_drop = 0.5},
    {.kind = RNN_LSTM, .num_layers = 2, .peepholes = 1, .proj_size = 3, .zoneout = 0.5, .zoneout_cell = 0.5},
    {.kind = RNN_LSTM, .layer_norm = 1, .learn_state = 1, .recurrent_dropout = 0.5},
    {.kind = RNN_CELL, .cell = "gru_reset_before", .num_layers = 2, .dropout = 0.5, .residual = 1},
    {.kind = RNN_CELL, .cell = "lstm_coupled", .peepholes = 1},
    {.kind = RNN_CELL, .cell = "min_gru", .residual = 1},
    {.kind = RNN_CELL, .cell = "min_lstm"},
    {.kind = RNN_GRU, .num_layers = 2, .direction = RNN_CONCATENATED, .dropout = 0.5},
    {.kind = RNN_LSTM, .direction = RNN_SUMMED, .proj_size = 2},
};

/* The layer under test, and what is made of it. */
static rnn_model *model;
static rnn_trainer *trainer;
static rnn_stream *stream;
static rnn_batch batch;
static rnn_step_report report;
static float input[T * B * WIDE], output[T * B * 2 * WIDE], target[T * B * 2 * WIDE];
static int64_t lengths[B] = {T, 1, 0};

static rnn_status run_forward(arguments *a) { return (void)a, rnn_model_forward(model, &batch); }
static rnn_status run_step(arguments *a) { return (void)a, rnn_trainer_step(trainer, &batch, &report); }
static rnn_status run_evaluation(arguments *a) {
  return (void)a, rnn_trainer_evaluate(trainer, &batch, &report);
}

static rnn_status run_stream(arguments *a) {
  (void)a;
  CHECK_STATUS(rnn_stream_process(stream, T, input, sizeof input, output, batch.output.bytes), RNN_OK);
  CHECK_STATUS(rnn_stream_import(stream, 1, NULL, 0), RNN_OK);
  CHECK_STATUS(rnn_stream_reset(stream), RNN_OK);
  return rnn_stream_step(stream, input, sizeof input / T, output, batch.output.bytes / T);
}

static const function forward = {"rnn_model_forward of a cell", run_forward};
static const function training = {"rnn_trainer_step of a cell", run_step};
static const function evaluation = {"rnn_trainer_evaluate of a cell", run_evaluation};
static const function streaming = {"a stream of a cell", run_stream};

static void make(const rnn_layer *cell) {
  rnn_layer layer = *cell;
  rnn_trainer_options options;
  rnn_stream_options lanes;
  rnn_model_info info;
  RNN_INIT(options);
  RNN_INIT(lanes);
  RNN_INIT(info);
  RNN_INIT(batch);
  RNN_INIT(report);
  layer.struct_size = sizeof layer;
  layer.input_size = layer.output_size = WIDE;
  REQUIRE_OK(rnn_model_create(&layer, 1, NULL, &model));
  REQUIRE_OK(rnn_model_describe(model, &info));
  options.loss = RNN_MEAN_SQUARED;
  REQUIRE_OK(rnn_trainer_create(model, &options, &trainer));
  lanes.batch_size = B;
  stream = NULL;
  if (layer.direction == RNN_FORWARD) REQUIRE_OK(rnn_stream_create(model, &lanes, &stream));
  const size_t bytes = T * B * (size_t)info.output_size * sizeof(float);
  batch.time_steps = T, batch.batch_size = B;
  batch.input = (rnn_in){input, sizeof input};
  batch.lengths = (rnn_in){lengths, sizeof lengths};
  batch.output = (rnn_out){output, bytes};
  batch.target = (rnn_in){target, bytes};
}

void check_cells(void) {
  for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
    const int before = check_failures;
    make(&cells[i]);
    for (int threads = 2; threads >= 1; threads--) {
      const int most = threads > 1 ? 40 : 0;
      REQUIRE_OK(rnn_set_num_threads(threads));
      check_frugal(&forward, most);
      check_frugal(&training, most);
      check_frugal(&evaluation, most);
      if (stream) check_frugal(&streaming, most);
    }
    CHECK_STATUS(rnn_stream_free(stream), RNN_OK);
    CHECK_STATUS(rnn_trainer_free(trainer), RNN_OK);
    CHECK_STATUS(rnn_model_free(model), RNN_OK);
    if (check_failures > before) fprintf(stderr, "  of cell %d\n", (int)i);
  }
}
