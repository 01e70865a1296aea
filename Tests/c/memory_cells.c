/*
 * memory_cells.c is the part of memory that is about layers which are more than their plain cells: after the first call
 * no buffer is allocated for them either; a stream allocates nothing, a pass over a sequence some small objects for each
 * level, which say where its buffers lie. A first call that cannot have a buffer changes nothing, and repeated does what it
 * would have done at once.
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

/* As far as there is memory. */
static rnn_status create(const rnn_layer *cell) {
  rnn_layer layer = *cell;
  rnn_trainer_options options;
  rnn_stream_options lanes;
  RNN_INIT(options);
  RNN_INIT(lanes);
  layer.struct_size = sizeof layer;
  layer.input_size = layer.output_size = WIDE;
  options.loss = RNN_MEAN_SQUARED;
  lanes.batch_size = B;
  model = NULL, trainer = NULL, stream = NULL;
  rnn_status status = rnn_model_create(&layer, 1, NULL, &model);
  if (status == RNN_OK) status = rnn_trainer_create(model, &options, &trainer);
  if (status == RNN_OK && layer.direction == RNN_FORWARD) status = rnn_stream_create(model, &lanes, &stream);
  return status;
}

static void destroy(void) {
  CHECK_STATUS(rnn_stream_free(stream), RNN_OK);
  CHECK_STATUS(rnn_trainer_free(trainer), RNN_OK);
  CHECK_STATUS(rnn_model_free(model), RNN_OK);
}

static void make(const rnn_layer *cell) {
  rnn_model_info info;
  RNN_INIT(info);
  RNN_INIT(batch);
  RNN_INIT(report);
  REQUIRE_OK(create(cell));
  REQUIRE_OK(rnn_model_describe(model, &info));
  const size_t bytes = T * B * (size_t)info.output_size * sizeof(float);
  batch.time_steps = T, batch.batch_size = B;
  batch.input = (rnn_in){input, sizeof input};
  batch.lengths = (rnn_in){lengths, sizeof lengths};
  batch.output = (rnn_out){output, bytes};
  batch.target = (rnn_in){target, bytes};
}

/* ---- Refused buffers ---- */

static const rnn_layer *refusing;

static rnn_status create_anew(arguments *a) {
  (void)a;
  count_from_zero();
  rnn_status status = create(refusing);
  refused = -1;
  CHECK((model && trainer && (stream || refusing->direction != RNN_FORWARD)) == (status == RNN_OK));
  destroy();
  return status;
}

/* What a call leaves: the weights, which are few, the outputs and the report. */
typedef struct traces {
  char weights[1 << 13];
  float output[T * B * 2 * WIDE];
  rnn_step_report report;
} traces;

static traces leave_traces(void) {
  traces left;
  size_t bytes = 0;
  char *weights = parameters_of(model, &bytes);
  memset(&left, 0, sizeof left);
  if (CHECK(bytes <= sizeof left.weights)) memcpy(left.weights, weights, bytes);
  memcpy(left.output, output, sizeof output);
  left.report = report;
  free(weights);
  return left;
}

/* Of the call, when nothing is refused. */
static traces undisturbed;

static rnn_status call_anew(rnn_status (*call)(arguments *), int observe, int has_output) {
  const int saved = refused;
  refused = -1;
  make(refusing);
  batch.observe = observe;
  if (!has_output) batch.output = (rnn_out){NULL, 0};
  memset(output, 0, sizeof output);
  const traces before = leave_traces();
  refused = saved;
  count_from_zero();
  rnn_status status = call(NULL);
  refused = -1;
  if (status != RNN_OK) {
    const traces after = leave_traces();
    CHECK_BYTES(&after, &before, sizeof after);
    CHECK_STATUS(call(NULL), RNN_OK);
  }
  const traces done = leave_traces();
  if (saved < 0) undisturbed = done;
  CHECK(memcmp(&done, &before, sizeof done) != 0);
  CHECK_BYTES(&done, &undisturbed, sizeof done);
  destroy();
  return status;
}

static rnn_status forward_anew(arguments *a) { return (void)a, call_anew(run_forward, 0, 1); }
static rnn_status step_anew(arguments *a) { return (void)a, call_anew(run_step, 0, 1); }
static rnn_status observe_anew(arguments *a) { return (void)a, call_anew(run_step, 1, 1); }
static rnn_status evaluate_anew(arguments *a) { return (void)a, call_anew(run_evaluation, 0, 1); }

/* A step that is skipped looks for where its gradient is not finite: after it has answered, so no output here. */
static rnn_status skip_anew(arguments *a) {
  (void)a;
  input[WIDE] = 1e38F * 10;
  rnn_status status = call_anew(run_step, 0, 0);
  CHECK(report.skipped && report.origin != RNN_ORIGIN_NONE);
  input[WIDE] = 0;
  return status;
}

static void check_refusals(const rnn_layer *cell) {
  static const function creation = {"what is made of a cell", create_anew};
  static const struct {
    function function;
    int least;
  } first[] = {{{"the first rnn_model_forward of a cell", forward_anew}, 2},
               {{"the first rnn_trainer_step of a cell", step_anew}, 5},
               {{"the first observed step of a cell", observe_anew}, 15},
               {{"a first step of a cell that is skipped", skip_anew}, 5},
               {{"the first rnn_trainer_evaluate of a cell", evaluate_anew}, 5}};
  refusing = cell;
  check_refused_buffers(&creation, 12);
  for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
    CHECK_STATUS(first[i].function.call(NULL), RNN_OK); /* leaves what is expected */
    check_refused_buffers(&first[i].function, first[i].least);
  }
}

/* ---- */

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
    destroy();
    check_refusals(&cells[i]);
    if (check_failures > before) fprintf(stderr, "  of cell %d\n", (int)i);
  }
}
