/*
 * layers.c proves that a single layer over the caller's buffers is what it says: for each kind the outputs,
 * states and gradients equal those of a one-layer model to the bit; gradients of parameters, input and initial
 * state equal central differences in float64 within 1e-7 of the largest, with lengths and dropout; no state is
 * the zero state and garbage at padding changes nothing, to the bit; outputs after a row's end keep their last
 * values; gradients are added to, optional ones can be left out; and no byte outside the buffers is touched, nor
 * needs an alignment beyond its element's.
 */
#include "layer_problem.h"

#include <float.h>
#include <math.h>

static const kind kinds[] = {
    {"embedding", {.kind = RNN_EMBEDDING}},
    {"elman", {.kind = RNN_ELMAN, .num_layers = 2, .dropout = 0.3}},
    {"elman relu", {.kind = RNN_ELMAN, .nonlinearity = RNN_RELU}},
    {"gru", {.kind = RNN_GRU, .num_layers = 3, .dropout = 0.4}},
    {"lstm", {.kind = RNN_LSTM, .num_layers = 2, .dropout = 0.3}},
    {"lstm, one layer", {.kind = RNN_LSTM, .forget_bias = 1}},
    {"linear", {.kind = RNN_LINEAR}},
    {"linear, last step", {.kind = RNN_LINEAR, .last_step = 1}},
    {"linear, a function", {.kind = RNN_LINEAR, .has_activations = 1, .activations = {RNN_SOFTSIGN}}},
    {"gru, both ways", {.kind = RNN_GRU, .num_layers = 2, .direction = RNN_CONCATENATED, .dropout = 0.3}},
    {"lstm, both ways, summed", {.kind = RNN_LSTM, .direction = RNN_SUMMED, .residual = 1, .num_layers = 2}},
    {"min_lstm, both ways", {.kind = RNN_CELL, .cell = "min_lstm", .direction = RNN_CONCATENATED}},
    {"elman, masks of inputs",
     {.kind = RNN_ELMAN, .num_layers = 2, .dropout = 0.2, .input_dropout = 0.3, .weight_drop = 0.3}},
    {"gru, learned state", {.kind = RNN_GRU, .num_layers = 2, .learn_state = 1}},
    {"gru, reset before", {.kind = RNN_CELL, .cell = "gru_reset_before", .recurrent_dropout = 0.3}},
    {"lstm_coupled, peepholes", {.kind = RNN_CELL, .cell = "lstm_coupled", .peepholes = 1, .zoneout = 0.3}},
    {"min_gru", {.kind = RNN_CELL, .cell = "min_gru", .num_layers = 2, .residual = 1}},
    {"lstm, normalised", {.kind = RNN_LSTM, .layer_norm = 1, .learn_state = 1, .zoneout_cell = 0.3}},
    {"lstm, projected", {.kind = RNN_LSTM, .proj_size = 2, .num_layers = 2, .peepholes = 1}},
    {"lstm, projected, both ways",
     {.kind = RNN_LSTM, .proj_size = 3, .num_layers = 2, .direction = RNN_CONCATENATED, .learn_state = 1}},
};

/* Whether masks are drawn in training. */
static int is_random(const rnn_layer *layer) {
  return layer->dropout > 0 || layer->zoneout > 0 || layer->zoneout_cell > 0 || layer->input_dropout > 0 ||
         layer->recurrent_dropout > 0 || layer->weight_drop > 0;
}

/* Results of another run of the same problem: equal to the bit wherever they mean something. */
static void check_same_results(const problem *p, const problem *q) {
  const double *left = p->call.output.data, *right = q->call.output.data;
  size_t count = p->sizes.output_bytes / sizeof *left;
  for (size_t place = 0; place < count; place++) {
    if (is_valid_output(p, place, count)) CHECK_BYTES(&left[place], &right[place], sizeof *left);
  }
  CHECK_BYTES(p->call.state_out.data, q->call.state_out.data, p->sizes.state_bytes);
  CHECK_BYTES(p->call.grad_parameters.data, q->call.grad_parameters.data, p->sizes.parameter_bytes);
  CHECK_BYTES(p->call.grad_state.data, q->call.grad_state.data, p->sizes.state_bytes);
  if (p->layer.kind == RNN_EMBEDDING) return;
  CHECK_BYTES(p->call.grad_input.data, q->call.grad_input.data, p->sizes.input_bytes);
}

/* The tensors lie one after another in the parameters, and their names have no place in a stack. */
static void check_tensors(const problem *p) {
  rnn_tensor_info info;
  size_t end = 0;
  RNN_INIT(info);
  for (size_t i = 0; i < p->sizes.tensor_count; i++) {
    REQUIRE_OK(rnn_layer_tensor(&p->layer, p->call.dtype, i, &info));
    CHECK(info.offset == end && info.dtype == p->call.dtype);
    CHECK(strncmp(info.name, "weight", 6) == 0 || strncmp(info.name, "bias", 4) == 0 ||
          strncmp(info.name, "norm", 4) == 0 || strncmp(info.name + 1, "_0_l", 4) == 0);
    end = info.offset + info.bytes;
  }
  CHECK(end == p->sizes.parameter_bytes);
}

/* A model of this layer alone, with the same parameters. */
static rnn_model *make_model(const problem *p) {
  rnn_model_options options;
  rnn_model *model = NULL;
  rnn_tensor_info info;
  RNN_INIT(options);
  RNN_INIT(info);
  options.dtype = p->call.dtype;
  REQUIRE_OK(rnn_model_create(&p->layer, 1, &options, &model));
  for (size_t i = 0; i < p->sizes.tensor_count; i++) {
    REQUIRE_OK(rnn_model_tensor(model, i, &info));
    REQUIRE_OK(
        rnn_model_set(model, info.name, (const char *)p->call.parameters.data + info.offset, info.bytes));
  }
  return model;
}

/* grad_output becomes that of the loss sum (y - target)^2: 2 (y - target), in the numbers of the layer. */
static void set_loss_gradient(problem *p, rnn_in target) {
  for (size_t place = 0; place < target.bytes / size_of(p->call.dtype); place++) {
    if (p->call.dtype == RNN_FLOAT64) {
      double difference = ((double *)p->call.output.data)[place] - ((const double *)target.data)[place];
      ((double *)p->call.grad_output.data)[place] = 2 * difference;
    } else {
      float difference = ((float *)p->call.output.data)[place] - ((const float *)target.data)[place];
      ((float *)p->call.grad_output.data)[place] = 2 * difference;
    }
  }
}

/* A trainer that changes nothing: its report and gradient are the model's. */
static void step_model(rnn_model *model, const rnn_batch *batch, const problem *p) {
  rnn_trainer_options options;
  rnn_trainer *trainer = NULL;
  rnn_step_report report;
  rnn_tensor_info info;
  RNN_INIT(options);
  RNN_INIT(report);
  RNN_INIT(info);
  options.loss = RNN_MEAN_SQUARED;
  options.reduction = RNN_SUM;
  options.learning_rate = RNN_ZERO;
  REQUIRE_OK(rnn_trainer_create(model, &options, &trainer));
  REQUIRE_OK(rnn_trainer_step(trainer, batch, &report));
  for (size_t i = 0; i < p->sizes.tensor_count; i++) {
    const char *gradient = p->call.grad_parameters.data;
    char *values;
    REQUIRE_OK(rnn_model_tensor(model, i, &info));
    values = check_allocate(info.bytes);
    REQUIRE_OK(rnn_trainer_gradient(trainer, info.name, values, info.bytes));
    CHECK_BYTES(values, gradient + info.offset, info.bytes);
    free(values);
  }
  CHECK_STATUS(rnn_trainer_free(trainer), RNN_OK);
}

/* After a row's end the outputs of a recurrent layer keep their last values. */
static void check_frozen(const kind *kind, const problem *p, const char *rows) {
  const size_t width = p->sizes.output_bytes / (T * B);
  int frozen = 1;
  const int is_recurrent = p->sizes.state_bytes > 0;
  for (size_t place = 0; place < T * B && is_recurrent; place++) {
    const size_t row = place % B, last = (size_t)lengths[row] - 1;
    if (place / B > last) frozen &= memcmp(rows + place * width, rows + (last * B + row) * width, width) == 0;
  }
  if (!CHECK(frozen)) fprintf(stderr, "  of %s\n", kind->name);
}

static void equals_model(const kind *kind, rnn_dtype dtype) {
  problem p = make_problem(kind, dtype);
  rnn_model *model = make_model(&p);
  rnn_batch batch;
  RNN_INIT(batch);
  batch.time_steps = T;
  batch.batch_size = B;
  batch.input = p.call.input;
  batch.lengths = p.call.lengths;
  batch.state = p.call.state;
  batch.state_out = empty(dtype, p.sizes.state_bytes);
  batch.output = empty(dtype, p.sizes.output_bytes);
  batch.target = filled(dtype, p.sizes.output_bytes, 6);
  REQUIRE_OK(rnn_model_forward(model, &batch));
  REQUIRE_OK(rnn_layer_forward(&p.layer, &p.call));
  CHECK_BYTES(p.call.output.data, batch.output.data, batch.output.bytes);
  check_frozen(kind, &p, batch.output.data);
  CHECK_BYTES(p.call.state_out.data, batch.state_out.data, batch.state_out.bytes);
  set_loss_gradient(&p, batch.target);
  memset((void *)p.call.grad_state_out.data, 0, p.sizes.state_bytes);
  REQUIRE_OK(rnn_layer_backward(&p.layer, &p.call));
  if (!is_random(&p.layer)) step_model(model, &batch, &p);
  CHECK_STATUS(rnn_model_free(model), RNN_OK);
}

/* sum(grad_output * output) + sum(grad_state_out * state_out), of which backward gives the gradient. */
static double linear_form(const problem *p) {
  const double *output = p->call.output.data, *weight = p->call.grad_output.data;
  const double *state = p->call.state_out.data, *state_weight = p->call.grad_state_out.data;
  size_t count = p->sizes.output_bytes / sizeof *output;
  double sum = 0;
  REQUIRE_OK(rnn_layer_forward(&p->layer, &p->call));
  for (size_t i = 0; i < count; i++)
    sum += is_valid_output(p, i, count) ? weight[i] * output[i] : 0;
  for (size_t i = 0; i < p->sizes.state_bytes / sizeof *state; i++)
    sum += state_weight[i] * state[i];
  return sum;
}

/* Five-point differences of every element against `gradient`, by the largest of them. */
static void check_differences(const problem *p, rnn_in values, rnn_out gradient, const char *name) {
  double *x = (double *)values.data, step = 1e-4, error = 0, largest = 0;
  for (size_t i = 0; i < values.bytes / sizeof *x; i++) {
    static const double weights[] = {1, -8, 8, -1}, places[] = {-2, -1, 1, 2};
    double saved = x[i], difference = 0;
    for (int k = 0; k < 4; k++) {
      x[i] = saved + places[k] * step;
      difference += weights[k] * linear_form(p) / (12 * step);
    }
    x[i] = saved;
    error = fmax(error, fabs(difference - ((double *)gradient.data)[i]));
    largest = fmax(largest, fabs(difference));
  }
  if (!CHECK(largest > 1e-3) || !CHECK_AT_MOST(error / largest, 1e-7)) fprintf(stderr, "  of %s\n", name);
}

static void gradients_are_right(const kind *kind) {
  problem p = make_problem(kind, RNN_FLOAT64);
  p.call.training = 1;
  p.call.dropout_seed = 11;
  run(&p);
  check_differences(&p, p.call.parameters, p.call.grad_parameters, kind->name);
  if (p.sizes.input_bytes > 0) check_differences(&p, p.call.input, p.call.grad_input, kind->name);
  if (p.sizes.state_bytes > 0) check_differences(&p, p.call.state, p.call.grad_state, kind->name);
}

/* The seed decides the masks, and only where there are any. */
static void dropout_follows_seed(const kind *kind) {
  problem p = make_problem(kind, RNN_FLOAT64), q = make_problem(kind, RNN_FLOAT64);
  p.call.training = q.call.training = 1;
  q.call.dropout_seed = 12;
  run(&p);
  run(&q);
  if (is_random(&p.layer) && outputs == 1) return; /* masks of a few numbers may be the same */
  CHECK((memcmp(p.call.output.data, q.call.output.data, p.sizes.output_bytes) != 0) == is_random(&p.layer));
}

/* Every row of a state becomes what has been learned: the tensors h_0 and c_0 of each level and direction. */
static void set_learned_state(const problem *p) {
  double *state = (double *)p->call.state.data;
  rnn_tensor_info info;
  RNN_INIT(info);
  for (int part = 0; part < 2; part++) {
    for (size_t i = 0; i < p->sizes.tensor_count; i++) {
      REQUIRE_OK(rnn_layer_tensor(&p->layer, p->call.dtype, i, &info));
      if (strncmp(info.name, part ? "c_0_" : "h_0_", 4) != 0) continue;
      for (int row = 0; row < B; row++, state += info.bytes / sizeof *state)
        memcpy(state, (const char *)p->call.parameters.data + info.offset, info.bytes);
    }
  }
  CHECK((char *)state == (char *)p->call.state.data + p->sizes.state_bytes);
}

/* The same but for a learned state, which has a gradient where it is begun with. */
static void no_state_is_learned_state(problem *p, problem *q) {
  rnn_tensor_info info;
  RNN_INIT(info);
  set_learned_state(p);
  run(p);
  run(q);
  for (size_t i = 0; i < p->sizes.tensor_count; i++) {
    REQUIRE_OK(rnn_layer_tensor(&p->layer, p->call.dtype, i, &info));
    if (strstr(info.name, "_0_l") == NULL) continue;
    double *given = (double *)((char *)p->call.grad_parameters.data + info.offset);
    double *begun = (double *)((char *)q->call.grad_parameters.data + info.offset);
    for (size_t j = 0; j < info.bytes / sizeof *given; j++)
      CHECK(given[j] == 0 && (begun[j] != 0 || outputs == 1)); /* one number is normalised to none */
    memset(begun, 0, info.bytes);
  }
  check_same_results(p, q);
}

static void no_state_is_zero_state(const kind *kind) {
  problem p = make_problem(kind, RNN_FLOAT64), q = make_problem(kind, RNN_FLOAT64);
  memset((void *)p.call.state.data, 0, p.sizes.state_bytes);
  memset((void *)p.call.grad_state_out.data, 0, p.sizes.state_bytes);
  q.call.state = q.call.grad_state_out = (rnn_in){NULL, 0};
  if (p.layer.learn_state) {
    no_state_is_learned_state(&p, &q);
    return;
  }
  run(&p);
  run(&q);
  check_same_results(&p, &q);
}

/* NaN, infinity and absurd tokens after a row's end reach nothing; gradients there are zero. */
static void padding_is_not_looked_at(const kind *kind) {
  problem p = make_problem(kind, RNN_FLOAT64), q = make_problem(kind, RNN_FLOAT64);
  double *input = (double *)q.call.input.data, *gradient = (double *)q.call.grad_output.data;
  size_t read = q.sizes.input_bytes / sizeof *input, written = q.sizes.output_bytes / sizeof *gradient;
  for (size_t i = 0; i < read; i++) {
    if (!is_valid(i, read)) input[i] = i % 2 ? NAN : INFINITY;
  }
  for (size_t i = 0; i < written; i++) {
    if (!is_valid_output(&q, i, written)) gradient[i] = i % 2 ? NAN : -INFINITY;
  }
  for (size_t i = 0; kind->layer.kind == RNN_EMBEDDING && i < T * B; i++) {
    if (!is_valid(i, T * B)) ((int32_t *)q.call.input.data)[i] = i % 2 ? INT32_MIN : INT32_MAX;
  }
  run(&p);
  run(&q);
  check_same_results(&p, &q);
  for (size_t i = 0; i < read; i++) {
    if (!is_valid(i, read)) CHECK(((double *)q.call.grad_input.data)[i] == 0);
  }
}

/* state_out may be the buffer of state, here and in rnn_model_forward. */
static void state_may_go_on_in_place(const kind *kind) {
  problem p = make_problem(kind, RNN_FLOAT64), q = make_problem(kind, RNN_FLOAT64);
  rnn_model *model = make_model(&p);
  rnn_batch batch;
  RNN_INIT(batch);
  q.call.state_out.data = (void *)q.call.state.data;
  REQUIRE_OK(rnn_layer_forward(&p.layer, &p.call));
  REQUIRE_OK(rnn_layer_forward(&q.layer, &q.call));
  CHECK_BYTES(q.call.state.data, p.call.state_out.data, p.sizes.state_bytes);
  batch.time_steps = T;
  batch.batch_size = B;
  batch.input = p.call.input;
  batch.lengths = p.call.lengths;
  batch.output = p.call.output;
  batch.state = p.call.state;
  batch.state_out = (rnn_out){(void *)p.call.state.data, p.sizes.state_bytes};
  REQUIRE_OK(rnn_model_forward(model, &batch));
  CHECK_BYTES(p.call.state.data, p.call.state_out.data, p.sizes.state_bytes);
  CHECK_STATUS(rnn_model_free(model), RNN_OK);
}

/* Without the optional results the others are the same; gradients add up. */
static void results_are_optional_and_added(const kind *kind) {
  problem p = make_problem(kind, RNN_FLOAT64), q = make_problem(kind, RNN_FLOAT64);
  double *once = p.call.grad_parameters.data, *twice = q.call.grad_parameters.data;
  q.call.grad_input = q.call.grad_state = q.call.state_out = (rnn_out){NULL, 0};
  run(&p);
  run(&q);
  CHECK_BYTES(twice, once, p.sizes.parameter_bytes);
  REQUIRE_OK(rnn_layer_forward(&q.layer, &q.call));
  REQUIRE_OK(rnn_layer_backward(&q.layer, &q.call));
  for (size_t i = 0; i < p.sizes.parameter_bytes / sizeof *once; i++) {
    CHECK_AT_MOST(fabs(twice[i] - 2 * once[i]), 64 * DBL_EPSILON * (1 + fabs(once[i])));
  }
}

static void initialization_follows_seed(const kind *kind) {
  problem p = make_problem(kind, RNN_FLOAT64), q = make_problem(kind, RNN_FLOAT64);
  void *left = (void *)p.call.parameters.data, *right = (void *)q.call.parameters.data;
  size_t bytes = p.sizes.parameter_bytes;
  memset(left, 0xAB, bytes);
  REQUIRE_OK(rnn_layer_initialize(&p.layer, RNN_FLOAT64, 5, left, bytes));
  REQUIRE_OK(rnn_layer_initialize(&q.layer, RNN_FLOAT64, 5, right, bytes));
  CHECK_BYTES(left, right, bytes);
  REQUIRE_OK(rnn_layer_initialize(&q.layer, RNN_FLOAT64, 6, right, bytes));
  CHECK(memcmp(left, right, bytes) != 0);
}

static void check_kind(const kind *kind) {
  problem p = make_problem(kind, RNN_FLOAT32);
  check_tensors(&p);
  equals_model(kind, RNN_FLOAT32);
  equals_model(kind, RNN_FLOAT64);
  gradients_are_right(kind);
  dropout_follows_seed(kind);
  no_state_is_zero_state(kind);
  padding_is_not_looked_at(kind);
  state_may_go_on_in_place(kind);
  results_are_optional_and_added(kind);
  initialization_follows_seed(kind);
  check_guards();
}

int main(void) {
  /* Less than a vector register, and some registers and a rest. */
  static const int64_t sizes[][2] = {{3, 4}, {9, 21}, {1, 1}};
  for (int size = 0; size < 3; size++) {
    inputs = sizes[size][0];
    outputs = sizes[size][1];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
      if (kinds[i].layer.proj_size < outputs) check_kind(&kinds[i]);
  }
  return check_finish("layers");
}
