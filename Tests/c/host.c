/*
 * host.c proves that the library computes alike whatever floating-point state its host has set, with numbers too
 * small to be normal taken for zero, on every thread, and leaves the host's state as it was.
 */
#include "check.h"

#include <fenv.h>

enum { T = 40, B = 32, I = 8, H = 64 };

static float input[T][B][I], target[T][B][H];

/* A step of training from the same beginning; the gradient's norm. */
static double train(void) {
  rnn_layer layers[2];
  rnn_model *model = NULL;
  rnn_trainer *trainer = NULL;
  rnn_trainer_options options;
  rnn_batch batch;
  rnn_step_report report;
  for (int i = 0; i < 2; i++)
    RNN_INIT(layers[i]);
  layers[0].kind = RNN_LSTM;
  layers[0].input_size = I;
  layers[0].output_size = layers[1].input_size = layers[1].output_size = H;
  layers[1].kind = RNN_LINEAR;
  RNN_INIT(options);
  RNN_INIT(batch);
  RNN_INIT(report);
  options.loss = RNN_MEAN_SQUARED;
  batch.time_steps = T;
  batch.batch_size = B;
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
static void the_hosts_state_is_set_aside(void) {
  const double expected = train();
  fenv_t before;
  CHECK(fegetenv(&before) == 0);
  CHECK(fesetround(FE_UPWARD) == 0);
  CHECK(feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW) != -1);
  CHECK(train() == expected);
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
    the_hosts_state_is_set_aside();
    tiny_numbers_count_as_zero();
  }
  return check_finish("host");
}
