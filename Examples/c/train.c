/*
 * train: a GRU learns to say how a sine wave goes on, one step ahead.
 *
 *     train [FILE]
 *
 * Trains on waves of random phase, saves the model, loads it again and lets it follow a wave as a
 * stream: one value in, a guess at the next value out.
 */
#include <rnn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { T = 50, B = 16, H = 24, UPDATES = 400 };

static const float STEP = 0.2f; /* radians between two values */

/* Every call of the library is made through this: without success there is nothing to go on with. */
static void check(rnn_status status) {
  if (status == RNN_OK) return;
  fprintf(stderr, "train: %s: %s\n", rnn_status_name(status), rnn_last_error());
  exit(EXIT_FAILURE);
}

static rnn_model *new_model(void) {
  rnn_layer layers[2];
  RNN_INIT(layers[0]);
  RNN_INIT(layers[1]);
  layers[0].kind = RNN_GRU;
  layers[0].input_size = 1;
  layers[0].output_size = H;
  layers[1].kind = RNN_LINEAR;
  layers[1].input_size = H;
  layers[1].output_size = 1;
  rnn_model *model = NULL;
  check(rnn_model_create(layers, 2, NULL, &model));
  return model;
}

static rnn_trainer *new_trainer(rnn_model *model) {
  rnn_trainer_options options;
  RNN_INIT(options);
  options.loss = RNN_MEAN_SQUARED;
  options.learning_rate = 5e-3;
  options.clip_norm = 1;
  rnn_trainer *trainer = NULL;
  check(rnn_trainer_create(model, &options, &trainer));
  return trainer;
}

/* x [T, B, 1] are B waves, y [T, B, 1] the same one step later. */
static void draw_waves(float x[T][B], float y[T][B]) {
  for (int b = 0; b < B; b++) {
    float phase = 6.2831853f * (float)(rand() / (double)RAND_MAX);
    for (int t = 0; t < T; t++) {
      x[t][b] = sinf(phase + STEP * (float)t);
      y[t][b] = sinf(phase + STEP * (float)(t + 1));
    }
  }
}

static void train(rnn_trainer *trainer) {
  float x[T][B], y[T][B];
  rnn_batch batch;
  RNN_INIT(batch);
  batch.time_steps = T;
  batch.batch_size = B;
  batch.input = (rnn_in){x, sizeof x};
  batch.target = (rnn_in){y, sizeof y};
  rnn_step_report report;
  RNN_INIT(report);
  for (int update = 1; update <= UPDATES; update++) {
    draw_waves(x, y);
    check(rnn_trainer_step(trainer, &batch, &report));
    if (update % 50 == 0)
      printf("update %3d  mean squared error %.6f  gradient %.4f\n", update, report.loss, report.grad_norm);
  }
}

static void follow_a_wave(rnn_model *model) {
  rnn_stream *stream = NULL;
  check(rnn_stream_create(model, NULL, &stream));
  for (int t = 0; t < 30; t++) {
    float value = sinf(STEP * (float)t), guess;
    check(rnn_stream_step(stream, &value, sizeof value, &guess, sizeof guess));
    if (t % 5 == 4)
      printf("after %2d values: expects %+.3f, comes %+.3f\n", t + 1, guess, sinf(STEP * (float)(t + 1)));
  }
  check(rnn_stream_free(stream));
}

int main(int count, char **words) {
  const char *path = count > 1 ? words[1] : "sine.safetensors";
  rnn_model *model = new_model();
  rnn_trainer *trainer = new_trainer(model);
  train(trainer);
  check(rnn_model_save(model, path));
  check(rnn_trainer_free(trainer));
  check(rnn_model_free(model));
  check(rnn_model_load(path, &model));
  printf("saved and loaded %s\n", path);
  follow_a_wave(model);
  check(rnn_model_free(model));
  return EXIT_SUCCESS;
}
