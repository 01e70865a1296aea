/*
 * host.c proves that the library computes alike whatever floating-point state its host has set, with numbers too
 * small to be normal taken for zero, on every thread, and leaves the host's state as it was: whatever the cell.
 */
#include "check.h"

#include <fenv.h>

enum { T = 40, B = 32, I = 8, H = 64 };

static float input[T][B][I], target[T][B][H];

/* Both ways; projected and normalised; and by a scan over the steps of one sequence. */
static const rnn_layer recurrent[] = {
    {.kind = RNN_LSTM},
    {.kind = RNN_GRU, .direction = RNN_SUMMED, .num_layers = 2, .dropout = 0.5},
    {.kind = RNN_LSTM, .proj_size = H / 2, .layer_norm = 1, .peepholes = 1, .zoneout = 0.25},
    {.kind = RNN_CELL, .cell = "min_gru", .num_layers = 2, .learn_state = 1},
};

/* A step of training from the same beginning; the gradient's norm. */
static double train(const rnn_layer *cell) {
  const int64_t rows = cell->kind == RNN_CELL ? 1 : B;
  rnn_layer layers[2];
  rnn_model *model = NULL;
  rnn_trainer *trainer = NULL;
  rnn_trainer_options options;
  rnn_batch batch;
  rnn_step_report report;
  layers[0] = *cell;
  layers[0].struct_size = sizeof layers[0];
  RNN_INIT(layers[1]);
  layers[0].input_size = I;
  layers[0].output_size = layers[1].output_size = H;
  layers[1].input_size = cell->proj_size ? cell->proj_size : H;
  layers[1].kind = RNN_LINEAR;
  RNN_INIT(options);
  RNN_INIT(batch);
  RNN_INIT(report);
  options.loss = RNN_MEAN_SQUARED;
  batch.time_steps = T * B / rows;
  batch.batch_size = rows;
  batch.input = (rnn_in){input, sizeof input};
  batch.target = (rnn_in){target, sizeof target};
  REQUIRE_OK(rnn_model_create(layers, 2, NULL, &model));
  REQUIRE_OK(rnn_trainer_create(model, &options, &trainer));
  REQUIRE_OK(rnn_trainer_step(trainer, &batch, &report));
  REQUIRE_OK(rnn_trainer_free(trainer));
  REQUIRE_OK(rnn_model_free(model));
  return report.grad_norm;
}

/* Rounding upward, and a division by zero that would end the process. */
static void the_hosts_state_is_set_aside(const rnn_layer *cell) {
  const double expected = train(cell);
  fenv_t before;
  CHECK(fegetenv(&before) == 0);
  CHECK(fesetround(FE_UPWARD) == 0);
  CHECK(feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW) != -1);
  CHECK(train(cell) == expected);
  CHECK(fegetround() == FE_UPWARD);
  CHECK(fegetexcept() == (FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW));
  CHECK(fesetenv(&before) == 0);
}

/* y = w x with w = x = 1e-20: a product too small to be normal. */
static void tiny_numbers_count_as_zero(void) {
  static float x[B][H], y[B][H], weight[H][H], bias[H];
  volatile float tiny = 1e-20f;
  rnn_layer layer;
  rnn_model *model = NULL;
  rnn_batch batch;
  RNN_INIT(layer);
  RNN_INIT(batch);
  layer.kind = RNN_LINEAR;
  layer.input_size = layer.output_size = H;
  for (int b = 0; b < B; b++)
    x[b][0] = tiny;
  for (int o = 0; o < H; o++)
    weight[o][0] = tiny;
  REQUIRE_OK(rnn_model_create(&layer, 1, NULL, &model));
  REQUIRE_OK(rnn_model_set(model, "0.weight", weight, sizeof weight));
  REQUIRE_OK(rnn_model_set(model, "0.bias", bias, sizeof bias));
  batch.time_steps = 1;
  batch.batch_size = B;
  batch.input = (rnn_in){x, sizeof x};
  batch.output = (rnn_out){y, sizeof y};
  REQUIRE_OK(rnn_model_forward(model, &batch));
  int zeros = 0;
  for (int b = 0; b < B; b++)
    for (int o = 0; o < H; o++)
      zeros += y[b][o] == 0;
  CHECK(zeros == B * H);
  CHECK(tiny * tiny > 0); /* the host's own arithmetic is as it was */
  REQUIRE_OK(rnn_model_free(model));
}

int main(void) {
  for (int t = 0; t < T; t++)
    for (int b = 0; b < B; b++)
      for (int i = 0; i < I; i++)
        input[t][b][i] = (float)((t * 31 + b * 17 + i * 7) % 13 - 6) / 6;
  for (int threads = 1; threads <= 3; threads++) {
    REQUIRE_OK(rnn_set_num_threads(threads));
    for (size_t i = 0; i < sizeof recurrent / sizeof *recurrent; i++)
      the_hosts_state_is_set_aside(&recurrent[i]);
    tiny_numbers_count_as_zero();
  }
  return check_finish("host");
}
