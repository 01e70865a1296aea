/*
 * touch.c is the part of smoke --short that walks through the whole interface: every kind of layer, loss,
 * optimiser, element type and optional buffer, files, streams, threads and single layers. It is run under
 * valgrind: inputs and outputs are malloc'ed to the exact byte and outputs are not initialised, so a byte read
 * or written too far, or an output left unwritten, is an error there.
 */
#include "check.h"
#include "touch_decoding.h"
#include "touch_flow.h"
#include "touch_stream.h"

#include <math.h>
#include <unistd.h>

void touch_everything(const char *directory);

typedef struct setup {
  rnn_dtype dtype, integers;
  rnn_layer_kind kind;
  int with_tokens, last_step;
  int64_t depth;
  double dropout;
  rnn_init init, recurrent_init;
  rnn_trainer_options training; /* what differs from the defaults */
} setup;

enum { T = 5, B = 3, I = 2, H = 4, O = 3, TOKENS = 7 };

static const setup setups[] = {
    {RNN_FLOAT32,
     RNN_INT32,
     RNN_LSTM,
     1,
     0,
     2,
     0.5,
     RNN_INIT_DEFAULT,
     RNN_INIT_ORTHOGONAL,
     {.loss = RNN_CROSS_ENTROPY,
      .optimizer = RNN_ADAM,
      .clip_norm = 0.1,
      .clip_quantile = 0.5,
      .clip_window = 10,
      .clip_step_norm = 0.01,
      .nonfinite = RNN_NONFINITE_ROLL_BACK,
      .omega = 0.1,
      .schedule = RNN_SCHEDULE_PLATEAU,
      .ema_decay = 0.9}},
    {RNN_FLOAT64,
     RNN_INT64,
     RNN_GRU,
     1,
     0,
     1,
     0,
     RNN_INIT_KERAS,
     RNN_INIT_SPARSE,
     {.loss = RNN_CROSS_ENTROPY,
      .optimizer = RNN_ADAMW,
      .clip_norm = 0.1,
      .clip_scope = RNN_CLIP_PER_TENSOR,
      .clip_adaptive = 0.01,
      .omega = 0.1,
      .orthogonality = 0.1,
      .bptt = 2,
      .schedule = RNN_SCHEDULE_ONE_CYCLE,
      .schedule_period = 3,
      .has_ignore_index = 1,
      .ignore_index = 1}},
    {RNN_FLOAT64,
     RNN_INT32,
     RNN_ELMAN,
     0,
     0,
     3,
     0.25,
     RNN_INIT_ORTHOGONAL,
     RNN_INIT_XAVIER,
     {.loss = RNN_MEAN_SQUARED,
      .optimizer = RNN_SGD,
      .momentum = 0.9,
      .nesterov = 1,
      .clip_value = 0.01,
      .clip_tensor_norm = 0.1,
      .clip_step_value = 0.01,
      .activation_penalty = 0.1,
      .temporal_activation_penalty = 0.1,
      .accumulate = 2}},
    {RNN_FLOAT32,
     RNN_INT32,
     RNN_GRU,
     0,
     1,
     2,
     0,
     RNN_INIT_IDENTITY,
     RNN_INIT_DEFAULT,
     {.loss = RNN_BINARY_CROSS_ENTROPY,
      .reduction = RNN_SUM,
      .optimizer = RNN_RMSPROP,
      .momentum = 0.5,
      .recompute = 1,
      .nonfinite = RNN_NONFINITE_ROLL_BACK,
      .rollback_factor = 0.1,
      .omega = 0.1,
      .activation_penalty = 0.1}},
    {RNN_FLOAT32,
     RNN_INT64,
     RNN_LSTM,
     0,
     1,
     1,
     0,
     RNN_INIT_DEFAULT,
     RNN_INIT_DEFAULT,
     {.loss = RNN_CROSS_ENTROPY, .optimizer = RNN_SGD, .bptt = 3, .nonfinite = RNN_NONFINITE_FAIL}},
};

static size_t size_of(rnn_dtype dtype) { return dtype == RNN_FLOAT32 || dtype == RNN_INT32 ? 4 : 8; }

/* Not initialised: reading it before the library wrote it is what valgrind looks for. */
static rnn_out uninitialized(size_t bytes) {
  rnn_out buffer = {malloc(bytes), bytes};
  if (!buffer.data) exit(EXIT_FAILURE);
  return buffer;
}

static void put(void *data, size_t place, rnn_dtype dtype, double value) {
  if (dtype == RNN_FLOAT32) ((float *)data)[place] = (float)value;
  if (dtype == RNN_FLOAT64) ((double *)data)[place] = value;
  if (dtype == RNN_INT32) ((int32_t *)data)[place] = (int32_t)value;
  if (dtype == RNN_INT64) ((int64_t *)data)[place] = (int64_t)value;
}

/* Numbers in [0, 1), or integers in 0 ..< limit. */
static rnn_in filled(size_t count, rnn_dtype dtype, int limit) {
  rnn_out buffer = uninitialized(count * size_of(dtype));
  const int is_float = dtype == RNN_FLOAT32 || dtype == RNN_FLOAT64;
  for (size_t place = 0; place < count; place++) {
    unsigned mixed = (unsigned)place * 2654435761u >> 8;
    put(buffer.data, place, dtype, is_float ? mixed / 16777216.0 : (double)(mixed % (unsigned)limit));
  }
  return (rnn_in){buffer.data, buffer.bytes};
}

static void check_finite(rnn_out buffer, rnn_dtype dtype) {
  int finite = 1;
  for (size_t place = 0; place < buffer.bytes / size_of(dtype); place++) {
    finite &= isfinite(dtype == RNN_FLOAT32 ? (double)((float *)buffer.data)[place]
                                            : ((double *)buffer.data)[place]);
  }
  CHECK(finite);
}

static rnn_model *make_model(const setup *s) {
  rnn_layer layers[3];
  rnn_model_options options;
  rnn_model *model = NULL;
  for (int i = 0; i < 3; i++)
    RNN_INIT(layers[i]);
  RNN_INIT(options);
  layers[0].kind = RNN_EMBEDDING;
  layers[0].input_size = TOKENS;
  layers[0].output_size = layers[1].input_size = I;
  layers[1].kind = s->kind;
  layers[1].output_size = layers[2].input_size = H;
  layers[1].num_layers = s->depth;
  layers[1].dropout = s->dropout;
  layers[1].weight_init = s->init;
  layers[1].recurrent_init = s->recurrent_init;
  layers[1].nonlinearity = s->kind == RNN_ELMAN ? RNN_RELU : RNN_TANH;
  layers[1].forget_bias = s->kind == RNN_LSTM ? 1 : 0;
  layers[1].chrono = s->kind == RNN_GRU ? 10 : 0;
  layers[2].kind = RNN_LINEAR;
  layers[2].output_size = O;
  layers[2].last_step = s->last_step;
  options.dtype = s->dtype;
  if (s->with_tokens)
    REQUIRE_OK(rnn_model_create(layers, 3, &options, &model));
  else
    REQUIRE_OK(rnn_model_create(layers + 1, 2, &options, &model));
  return model;
}

static rnn_batch make_batch(const setup *s, size_t state_bytes) {
  static const int64_t lengths[B] = {T, 2, 1};
  const size_t places = s->last_step ? B : T * B;
  rnn_batch batch;
  RNN_INIT(batch);
  batch.time_steps = T;
  batch.batch_size = B;
  batch.input = s->with_tokens ? filled(T * B, s->integers, TOKENS) : filled(T * B * I, s->dtype, 0);
  batch.lengths = (rnn_in){lengths, sizeof lengths};
  batch.state = filled(B * state_bytes / size_of(s->dtype), s->dtype, 0);
  batch.state_out = uninitialized(B * state_bytes);
  batch.output = uninitialized(places * O * size_of(s->dtype));
  batch.target = s->training.loss == RNN_CROSS_ENTROPY ? filled(places, s->integers, O)
                                                       : filled(places * O, s->dtype, 0);
  batch.weights = filled(places, s->dtype, 0);
  batch.token_type = batch.label_type = s->integers;
  return batch;
}

static void free_batch(rnn_batch *batch) {
  free((void *)batch->input.data);
  free((void *)batch->state.data);
  free(batch->state_out.data);
  free(batch->output.data);
  free((void *)batch->target.data);
  free((void *)batch->weights.data);
}

static void touch_tensors(rnn_model *model, rnn_trainer *trainer, const rnn_model_info *info) {
  rnn_tensor_info tensor, found;
  rnn_layer layer;
  RNN_INIT(tensor);
  RNN_INIT(found);
  RNN_INIT(layer);
  for (size_t i = 0; i < info->layer_count; i++)
    CHECK_STATUS(rnn_model_layer(model, i, &layer), RNN_OK);
  for (size_t i = 0; i < info->state_tensor_count; i++) {
    CHECK_STATUS(rnn_model_state_tensor(model, i, B, &tensor), RNN_OK);
  }
  for (size_t i = 0; i < info->tensor_count; i++) {
    rnn_out values;
    REQUIRE_OK(rnn_model_tensor(model, i, &tensor));
    REQUIRE_OK(rnn_model_find(model, tensor.name, &found));
    CHECK_BYTES(&found, &tensor, sizeof found);
    values = uninitialized(tensor.bytes);
    CHECK_STATUS(rnn_model_get(model, tensor.name, values.data, values.bytes), RNN_OK);
    CHECK_STATUS(rnn_model_set(model, tensor.name, values.data, values.bytes), RNN_OK);
    CHECK_STATUS(rnn_trainer_gradient(trainer, tensor.name, values.data, values.bytes), RNN_OK);
    check_finite(values, info->dtype);
    free(values.data);
  }
}

static void touch_stream(rnn_model *model, const setup *s, const rnn_model_info *info) {
  rnn_stream_options options;
  rnn_stream *stream = NULL;
  rnn_in input = s->with_tokens ? filled(B, s->integers, TOKENS) : filled(B * I, s->dtype, 0);
  rnn_out output = uninitialized(B * O * size_of(s->dtype));
  rnn_out state = uninitialized(B * info->state_bytes_per_row);
  RNN_INIT(options);
  options.batch_size = B;
  options.token_type = s->integers;
  REQUIRE_OK(rnn_stream_create(model, &options, &stream));
  for (int step = 0; step < 3; step++) {
    REQUIRE_OK(rnn_stream_step(stream, input.data, input.bytes, output.data, output.bytes));
    check_finite(output, s->dtype);
    REQUIRE_OK(rnn_stream_get_state(stream, state.data, state.bytes));
    REQUIRE_OK(rnn_stream_reset(stream));
    REQUIRE_OK(rnn_stream_set_state(stream, state.data, state.bytes));
    check_finite(state, s->dtype);
  }
  REQUIRE_OK(rnn_stream_free(stream));
  touch_stream_of(model, s->integers, input, output.bytes);
  free((void *)input.data);
  free(output.data);
  free(state.data);
}

/* Spectra of every gate, a step's Jacobian, and all exponents; steps that every sequence has. */
static void touch_dynamics(rnn_model *model, const setup *s, const rnn_batch *batch,
                           const rnn_model_info *info) {
  const size_t n = info->state_bytes_per_row / size_of(s->dtype);
  const char *name = s->with_tokens ? "1.weight_hh_l0" : "0.weight_hh_l0";
  const int gates = s->kind == RNN_LSTM ? 4 : s->kind == RNN_GRU ? 3 : 1;
  rnn_out eigenvalues = uninitialized(H * 2 * sizeof(double));
  rnn_out jacobian = uninitialized(B * n * n * sizeof(double));
  rnn_spectrum spectrum;
  rnn_lyapunov lyapunov;
  RNN_INIT(spectrum);
  RNN_INIT(lyapunov);
  for (int gate = 0; gate < gates; gate++) {
    REQUIRE_OK(rnn_model_spectrum(model, name, gate, &spectrum, eigenvalues.data, eigenvalues.bytes));
    CHECK(spectrum.size == H && spectrum.spectral_norm >= spectrum.spectral_radius * (1 - 1e-12));
    check_finite(eigenvalues, RNN_FLOAT64);
  }
  REQUIRE_OK(rnn_model_jacobian(model, batch, -1, 0, jacobian.data, jacobian.bytes));
  check_finite(jacobian, RNN_FLOAT64);
  lyapunov.exponents = uninitialized(B * n * sizeof(double));
  lyapunov.entropy = uninitialized(B * sizeof(double));
  REQUIRE_OK(rnn_model_lyapunov(model, batch, &lyapunov));
  check_finite(lyapunov.entropy, RNN_FLOAT64);
  free(eigenvalues.data);
  free(jacobian.data);
  free(lyapunov.exponents.data);
  free(lyapunov.entropy.data);
}

/* A trainer of its own flosses the leading exponent, which every setup has. */
static void touch_flossing(rnn_model *model, const rnn_batch *batch) {
  rnn_trainer *trainer = NULL;
  rnn_lyapunov lyapunov;
  rnn_step_report report;
  double squares = 0;
  RNN_INIT(lyapunov);
  RNN_INIT(report);
  REQUIRE_OK(rnn_trainer_create(model, NULL, &trainer));
  lyapunov.count = 1;
  lyapunov.interval = 2;
  lyapunov.exponents = uninitialized(B * sizeof(double));
  for (int64_t step = 1; step <= 2; step++) {
    REQUIRE_OK(rnn_trainer_floss(trainer, batch, &lyapunov, &report));
    CHECK(report.action == RNN_UPDATED && report.step == step && report.flow_count == 0);
    CHECK(isfinite(report.grad_norm) && report.grad_norm > 0);
  }
  for (int row = 0; row < B; row++)
    squares += pow(((double *)lyapunov.exponents.data)[row], 2) / B;
  CHECK_AT_MOST(fabs(squares - report.loss), 1e-12 * squares);
  free(lyapunov.exponents.data);
  REQUIRE_OK(rnn_trainer_free(trainer));
}

/* Also a trainer that goes on after its file was read, and a model out of a checkpoint. */
static void touch_files(rnn_trainer *trainer, const rnn_batch *batch, const char *directory) {
  char path[256];
  rnn_trainer *resumed = NULL;
  rnn_model *model = NULL;
  rnn_step_report report;
  RNN_INIT(report);
  snprintf(path, sizeof path, "%s/touched.safetensors", directory);
  REQUIRE_OK(rnn_trainer_save(trainer, path));
  REQUIRE_OK(rnn_trainer_resume(path, &resumed));
  CHECK_STATUS(rnn_trainer_step(resumed, batch, &report), RNN_OK);
  CHECK_INTEGER(report.step, 3);
  REQUIRE_OK(rnn_model_load(path, &model));
  REQUIRE_OK(rnn_model_save(model, path));
  REQUIRE_OK(rnn_model_free(model));
  REQUIRE_OK(rnn_trainer_free(resumed));
  CHECK_INTEGER(unlink(path), 0);
}

/* After a good step the first sequence's first loss counts for infinitely much. */
static void touch_infinity(rnn_trainer *trainer, rnn_batch *batch, const setup *s) {
  if (s->training.nonfinite == RNN_NONFINITE_FAIL) return;
  rnn_step_report good;
  RNN_INIT(good);
  REQUIRE_OK(rnn_trainer_step(trainer, batch, &good));
  put((void *)batch->weights.data, 0, s->dtype, INFINITY);
  touch_origin(trainer, batch, s->training.nonfinite == RNN_NONFINITE_ROLL_BACK);
}

/* Tensors with something of their own, what a schedule is told, and the average of the weights. */
static void touch_updates(rnn_trainer *trainer, const rnn_trainer_options *options) {
  rnn_group group;
  rnn_model *average = NULL;
  RNN_INIT(group);
  group.rate_factor = 0.5;
  group.weight_decay = RNN_ZERO;
  REQUIRE_OK(rnn_trainer_set_group(trainer, "*bias*", &group));
  if (options->schedule == RNN_SCHEDULE_PLATEAU) REQUIRE_OK(rnn_trainer_report_metric(trainer, 1));
  if (options->ema_decay > 0) REQUIRE_OK(rnn_trainer_average(trainer, &average));
  REQUIRE_OK(rnn_model_free(average));
}

static void touch_model(const setup *s, const char *directory) {
  rnn_model *model = make_model(s);
  rnn_trainer *trainer = NULL;
  rnn_trainer_options options = s->training;
  rnn_model_info info;
  rnn_step_report report;
  rnn_batch batch;
  RNN_INIT(info);
  RNN_INIT(report);
  options.struct_size = sizeof options;
  REQUIRE_OK(rnn_trainer_create(model, &options, &trainer));
  REQUIRE_OK(rnn_trainer_describe(trainer, &options));
  REQUIRE_OK(rnn_trainer_set_learning_rate(trainer, options.learning_rate / 2));
  REQUIRE_OK(rnn_model_describe(model, &info));
  batch = make_batch(s, info.state_bytes_per_row);
  REQUIRE_OK(rnn_model_forward(model, &batch));
  check_finite(batch.output, s->dtype);
  check_finite(batch.state_out, s->dtype);
  for (int step = 0; step < 2; step++) {
    batch.observe = step;
    REQUIRE_OK(rnn_trainer_step(trainer, &batch, &report));
    CHECK(isfinite(report.loss) && isfinite(report.grad_norm) && !report.skipped);
    CHECK(isfinite(report.penalty) && report.omega >= 0 && (report.flow_count > 0) == batch.observe);
    if (batch.observe) touch_flow(trainer, &report, &info);
    touch_penalties(trainer);
    touch_updates(trainer, &options);
  }
  batch.observe = 0;
  REQUIRE_OK(rnn_trainer_evaluate(trainer, &batch, &report));
  touch_tensors(model, trainer, &info);
  touch_stream(model, s, &info);
  touch_dynamics(model, s, &batch, &info);
  touch_flossing(model, &batch);
  touch_files(trainer, &batch, directory);
  touch_infinity(trainer, &batch, s);
  free_batch(&batch);
  CHECK_STATUS(rnn_model_free(model), RNN_OK);
  CHECK_STATUS(rnn_trainer_free(trainer), RNN_OK);
}

void touch_everything(const char *directory) {
  for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) {
    CHECK_STATUS(rnn_set_num_threads(i % 2 ? 2 : 1), RNN_OK);
    touch_model(&setups[i], directory);
  }
  CHECK_STATUS(rnn_set_num_threads(1), RNN_OK);
  touch_decoding();
}
