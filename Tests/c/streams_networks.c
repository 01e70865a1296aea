/*
 * streams_networks.c: the networks that streams is about: each layer alone, stacked and combined, sizes that fill the
 * vectors of a processor and such that do not, tokens and features, heads at every step and at the last; and cells with
 * what else they may be asked for.
 */
#include "streams.h"

/* f and g; h is a tanh. */
#define FUNCTIONS(f, g) .has_activations = 1, .activations = {f, g, RNN_TANH}

static const rnn_layer networks[NETWORKS][3] = {
    {{.kind = RNN_ELMAN, .input_size = 3, .output_size = 20}},
    {{.kind = RNN_GRU, .input_size = 7, .output_size = 7}},
    {{.kind = RNN_LSTM, .input_size = 1, .output_size = 1}},
    {{.kind = RNN_LSTM, .input_size = 16, .output_size = 64, .num_layers = 2}},
    {{.kind = RNN_GRU, .input_size = 5, .output_size = 33, .num_layers = 3},
     {.kind = RNN_LINEAR, .input_size = 33, .output_size = 5}},
    {{.kind = RNN_EMBEDDING, .input_size = 11, .output_size = 6},
     {.kind = RNN_LSTM, .input_size = 6, .output_size = 24},
     {.kind = RNN_LINEAR, .input_size = 24, .output_size = 11}},
    {{.kind = RNN_EMBEDDING, .input_size = 9, .output_size = 4},
     {.kind = RNN_ELMAN, .input_size = 4, .output_size = 8, .num_layers = 2, .nonlinearity = RNN_RELU},
     {.kind = RNN_GRU, .input_size = 8, .output_size = 12}},
    {{.kind = RNN_LINEAR, .input_size = 61, .output_size = 61}}, /* in place, more than is made at once */
    {{.kind = RNN_LINEAR, .input_size = 4, .output_size = 9},
     {.kind = RNN_LINEAR, .input_size = 9, .output_size = 4}},
    {{.kind = RNN_EMBEDDING, .input_size = 9, .output_size = 1}}, /* a number is as long as a token */
    {{.kind = RNN_LSTM, .input_size = 2, .output_size = 17},
     {.kind = RNN_LINEAR, .input_size = 17, .output_size = 2, .last_step = 1}},
    {{.kind = RNN_LINEAR, .input_size = 8, .output_size = 30},
     {.kind = RNN_LSTM, .input_size = 30, .output_size = 10, .num_layers = 2},
     {.kind = RNN_ELMAN, .input_size = 10, .output_size = 8}},
    {{.kind = RNN_ELMAN, .input_size = 13, .output_size = 13, .nonlinearity = RNN_IDENTITY}},
    {{.kind = RNN_EMBEDDING, .input_size = 5, .output_size = 40},
     {.kind = RNN_GRU, .input_size = 40, .output_size = 48},
     {.kind = RNN_LINEAR, .input_size = 48, .output_size = 3}},
    /* Plain cells with what is not in their steps. */
    {{.kind = RNN_LSTM, .input_size = 9, .output_size = 20, .num_layers = 3, .residual = 1, .learn_state = 1},
     {.kind = RNN_LINEAR, .input_size = 20, .output_size = 9, .skip = 1}},
    {{.kind = RNN_GRU, .input_size = 12, .output_size = 12, .residual = 1, .input_dropout = 0.5},
     {.kind = RNN_LINEAR, .input_size = 12, .output_size = 12, FUNCTIONS(RNN_SOFTSIGN, RNN_TANH)}},
    /* From here on cells in phases, which have no small weights. */
    {{.kind = RNN_LSTM,
      .input_size = 19,
      .output_size = 37,
      .num_layers = 2,
      .peepholes = 1,
      .proj_size = 19}},
    {{.kind = RNN_LSTM,
      .input_size = 5,
      .output_size = 9,
      .num_layers = 2,
      .layer_norm = 1,
      .zoneout = 0.25,
      .zoneout_cell = 0.5,
      .proj_size = 3,
      .residual = 1,
      .learn_state = 1},
     {.kind = RNN_LINEAR, .input_size = 3, .output_size = 4, FUNCTIONS(RNN_HARD_SIGMOID, RNN_TANH)}},
    {{.kind = RNN_CELL, .cell = "gru_reset_before", .input_size = 17, .output_size = 17, .num_layers = 2},
     {.kind = RNN_CELL, .cell = "min_lstm", .input_size = 17, .output_size = 33}},
    {{.kind = RNN_EMBEDDING, .input_size = 11, .output_size = 8},
     {.kind = RNN_CELL,
      .cell = "min_gru",
      .input_size = 8,
      .output_size = 8,
      .residual = 1,
      .learn_state = 1},
     {.kind = RNN_LINEAR, .input_size = 8, .output_size = 11, .tied = 1}},
    {{.kind = RNN_CELL, .cell = "lstm_coupled", .input_size = 4, .output_size = 21, .peepholes = 1},
     {.kind = RNN_ELMAN, .input_size = 21, .output_size = 6, .nonlinearity = RNN_SIGMOID, .layer_norm = 1},
     {.kind = RNN_GRU, .input_size = 6, .output_size = 16, FUNCTIONS(RNN_SIGMOID, RNN_RELU)}},
};

/* Puts a model with small weights in the place of one with its own. */
static void make_small(rnn_model **model, rnn_weights weights) {
  rnn_model *small = NULL;
  REQUIRE_OK(rnn_model_quantize(*model, weights, &small));
  REQUIRE_OK(rnn_model_free(*model));
  *model = small;
}

/* Learned states are zeros at first. */
static void learn_states(rnn_model *model, rnn_dtype dtype) {
  rnn_model_info info;
  rnn_tensor_info tensor;
  double wide[MOST_WIDTH];
  float narrow[MOST_WIDTH];
  RNN_INIT(info);
  RNN_INIT(tensor);
  for (int i = 0; i < MOST_WIDTH; i++)
    wide[i] = narrow[i] = (float)(i + 1) / MOST_WIDTH;
  REQUIRE_OK(rnn_model_describe(model, &info));
  for (size_t i = 0; i < info.tensor_count; i++) {
    REQUIRE_OK(rnn_model_tensor(model, i, &tensor));
    if (strstr(tensor.name, "_0_l") == NULL) continue;
    const void *values = dtype == RNN_FLOAT64 ? (const void *)wide : narrow;
    REQUIRE_OK(rnn_model_set(model, tensor.name, values, tensor.bytes));
  }
}

network open_network(int index, rnn_dtype dtype, rnn_weights weights, uint64_t seed) {
  network net = {.index = index, .dtype = dtype, .weights = weights};
  rnn_layer layers[3];
  rnn_model_options options;
  size_t count = 0;
  RNN_INIT(options);
  RNN_INIT(net.info);
  options.dtype = dtype;
  options.seed = seed;
  for (; count < 3 && networks[index][count].kind; count++) {
    layers[count] = networks[index][count];
    layers[count].struct_size = sizeof layers[count];
  }
  REQUIRE_OK(rnn_model_create(layers, count, &options, &net.model));
  learn_states(net.model, dtype);
  if (weights != RNN_WEIGHTS_OWN) make_small(&net.model, weights);
  REQUIRE_OK(rnn_model_describe(net.model, &net.info));
  net.size = dtype == RNN_FLOAT64 ? sizeof(double) : sizeof(float);
  net.input = net.info.token_input ? net.size : (size_t)net.info.input_size * net.size;
  net.output = (size_t)net.info.output_size * net.size;
  net.state = net.info.state_bytes_per_row;
  CHECK(net.input <= MOST_WIDTH * net.size && net.output <= MOST_WIDTH * net.size);
  return net;
}

void close_network(network *net) { REQUIRE_OK(rnn_model_free(net->model)); }

void describe_failure(const network *net) {
  static const char *const forms[] = {"", ", weights of bfloat16", ", weights of int8"};
  fprintf(stderr, "  network %d in %s%s\n", net->index, net->dtype == RNN_FLOAT64 ? "float64" : "float32",
          forms[net->weights]);
}

/* Tokens are as long as numbers are. */
rnn_stream *open_stream(const network *net, int64_t lanes, int64_t idle) {
  rnn_stream_options options;
  rnn_stream *stream = NULL;
  RNN_INIT(options);
  options.batch_size = lanes;
  options.idle_lanes = idle;
  options.token_type = net->dtype == RNN_FLOAT64 ? RNN_INT64 : RNN_INT32;
  REQUIRE_OK(rnn_stream_create(net->model, &options, &stream));
  return stream;
}

/* SplitMix64, Steele, Lea and Flood 2014. */
unsigned draw(uint64_t *counter, unsigned limit) {
  uint64_t bits = (*counter += UINT64_C(0x9E3779B97F4A7C15));
  bits = (bits ^ bits >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  bits = (bits ^ bits >> 27) * UINT64_C(0x94D049BB133111EB);
  return (unsigned)((bits ^ bits >> 31) >> 32) % limit;
}

static void put(const network *net, char *at, double number) {
  const int64_t wide_token = (int64_t)number;
  const int32_t token = (int32_t)number;
  const float narrow = (float)number;
  if (net->info.token_input)
    memcpy(at, net->size == sizeof wide_token ? (const void *)&wide_token : &token, net->size);
  else
    memcpy(at, net->size == sizeof number ? (const void *)&number : &narrow, net->size);
}

void draw_input(const network *net, void *input, size_t rows, uint64_t *counter) {
  const unsigned tokens = (unsigned)net->info.input_size;
  for (size_t place = 0; place < rows * net->input / net->size; place++) {
    const double number =
        net->info.token_input ? draw(counter, tokens) : draw(counter, 1 << 20) / 524288.0 - 1;
    put(net, (char *)input + place * net->size, number);
  }
}

/* All bits set are NaN, and the token -1. */
void spoil_input(const network *net, void *row) { memset(row, 0xFF, net->input); }

rnn_status step(rnn_stream *stream, const network *net, size_t rows, const void *input, void *output) {
  return rnn_stream_step(stream, input, rows * net->input, output, rows * net->output);
}

rnn_status process(rnn_stream *stream, const network *net, size_t rows, size_t steps, const void *input,
                   void *output) {
  return rnn_stream_process(stream, (int64_t)steps, input, steps * rows * net->input, output,
                            steps * rows * net->output);
}

void for_each_network(void (*body)(const network *)) {
  static const struct {
    rnn_dtype dtype;
    rnn_weights weights;
  } forms[] = {{RNN_FLOAT32, RNN_WEIGHTS_OWN},
               {RNN_FLOAT64, RNN_WEIGHTS_OWN},
               {RNN_FLOAT32, RNN_WEIGHTS_BFLOAT16},
               {RNN_FLOAT32, RNN_WEIGHTS_INT8}};
  for (int index = 0; index < NETWORKS; index++) {
    for (int form = 0; form < 4; form++) {
      const int before = check_failures;
      if (is_short && form != index % (index < FIRST_IN_PHASES ? 4 : 2)) continue;
      if (index >= FIRST_IN_PHASES && forms[form].weights != RNN_WEIGHTS_OWN) continue;
      network net = open_network(index, forms[form].dtype, forms[form].weights, 1);
      body(&net);
      if (check_failures > before) describe_failure(&net);
      close_network(&net);
    }
  }
}
