/*
 * smoke.c proves that a C11 program which includes only rnn.h can train, save, load, stream and resume:
 * an LSTM learns the adding problem (T = 50) to a mean squared error below 0.01 on sequences it never saw;
 * the loaded model equals the saved one to the bit; streaming step by step gives the bits of rnn_model_forward on
 * every prefix; a run resumed from a checkpoint equals the uninterrupted one to the bit.
 *
 * With --short it learns nothing, but walks through every part of the interface with buffers of exactly the
 * right size: that is the run for valgrind.
 */
#include "adding.h"

#include <math.h>
#include <unistd.h>

void touch_everything(const char *directory); /* touch.c */

static uint64_t training_seed = UINT64_C(88172645463325252);
static uint64_t test_seed = UINT64_C(0x9E3779B97F4A7C15);

/* Trains until the running mean of the loss is small, or for `limit` steps. */
static void train(rnn_trainer *trainer, int limit) {
  static adding_batch data;
  double mean = 1.0 / 6;
  for (int step = 0; step < limit && mean > 0.003; step++) {
    rnn_step_report report;
    rnn_batch batch = adding_call(&data);
    RNN_INIT(report);
    adding_fill(&data, &training_seed);
    REQUIRE_OK(rnn_trainer_step(trainer, &batch, &report));
    mean += 0.05 * (report.loss - mean);
  }
}

/* Mean squared error over fresh sequences, from the outputs of rnn_model_forward, and by rnn_trainer_evaluate. */
static void check_learned(rnn_model *model, rnn_trainer *trainer) {
  static adding_batch data;
  double error = 0, reported = 0;
  const int batches = 25;
  for (int i = 0; i < batches; i++) {
    float output[ADDING_ROWS][1];
    rnn_step_report report;
    rnn_batch batch = adding_call(&data);
    RNN_INIT(report);
    adding_fill(&data, &test_seed);
    batch.output.data = output;
    batch.output.bytes = sizeof output;
    REQUIRE_OK(rnn_model_forward(model, &batch));
    for (int row = 0; row < ADDING_ROWS; row++) {
      double difference = (double)output[row][0] - (double)data.target[row][0];
      error += difference * difference / ADDING_ROWS / batches;
    }
    REQUIRE_OK(rnn_trainer_evaluate(trainer, &batch, &report));
    reported += report.loss / batches;
  }
  CHECK_AT_MOST(error, 0.01);
  CHECK_AT_MOST(fabs(error - reported), 1e-6);
}

static void check_same_parameters(const rnn_model *left, const rnn_model *right) {
  size_t bytes = 0, other_bytes = 0;
  char *values = parameters_of(left, &bytes), *other = parameters_of(right, &other_bytes);
  CHECK(bytes > 0 && bytes == other_bytes);
  CHECK_BYTES(values, other, bytes);
  free(values);
  free(other);
}

/* Row b of the batch is valid for b + 1 steps, so that its output is what the stream must say then. */
static void check_stream(rnn_model *model) {
  enum { T = ADDING_STEPS };
  static adding_batch data;
  static float input[T][T][2], expected[T][1];
  int64_t lengths[T];
  rnn_stream *stream = NULL;
  rnn_batch batch;
  RNN_INIT(batch);
  adding_fill(&data, &test_seed);
  for (int step = 0; step < T; step++) {
    for (int row = 0; row < T; row++)
      memcpy(input[step][row], data.input[step][0], sizeof input[0][0]);
    lengths[step] = step + 1;
  }
  batch.time_steps = batch.batch_size = T;
  batch.input = (rnn_in){input, sizeof input};
  batch.lengths = (rnn_in){lengths, sizeof lengths};
  batch.output = (rnn_out){expected, sizeof expected};
  REQUIRE_OK(rnn_model_forward(model, &batch));
  REQUIRE_OK(rnn_stream_create(model, NULL, &stream));
  for (int step = 0; step < T; step++) {
    float output[1];
    REQUIRE_OK(rnn_stream_step(stream, input[step][0], sizeof input[0][0], output, sizeof output));
    CHECK_BYTES(output, expected[step], sizeof output);
  }
  CHECK_STATUS(rnn_stream_free(stream), RNN_OK);
}

static void check_file(rnn_model *model, const char *directory) {
  char path[256];
  rnn_model *loaded = NULL;
  snprintf(path, sizeof path, "%s/model.safetensors", directory);
  REQUIRE_OK(rnn_model_save(model, path));
  REQUIRE_OK(rnn_model_load(path, &loaded));
  check_same_parameters(model, loaded);
  check_stream(loaded);
  CHECK_STATUS(rnn_model_free(loaded), RNN_OK);
  CHECK_INTEGER(unlink(path), 0);
}

/* `steps` more steps on the data that follows `seed`; the losses go to `losses`. */
static void continue_training(rnn_trainer *trainer, uint64_t seed, int steps, rnn_step_report *reports) {
  static adding_batch data;
  for (int step = 0; step < steps; step++) {
    rnn_batch batch = adding_call(&data);
    RNN_INIT(reports[step]);
    adding_fill(&data, &seed);
    REQUIRE_OK(rnn_trainer_step(trainer, &batch, &reports[step]));
  }
}

static void check_resume(rnn_trainer *trainer, const char *directory) {
  enum { STEPS = 3 };
  char path[256];
  rnn_trainer *resumed = NULL;
  rnn_model *left = NULL, *right = NULL;
  rnn_step_report straight[STEPS], again[STEPS];
  snprintf(path, sizeof path, "%s/run.safetensors", directory);
  REQUIRE_OK(rnn_trainer_save(trainer, path));
  continue_training(trainer, training_seed, STEPS, straight);
  REQUIRE_OK(rnn_trainer_resume(path, &resumed));
  continue_training(resumed, training_seed, STEPS, again);
  CHECK_BYTES(again, straight, sizeof straight);
  REQUIRE_OK(rnn_trainer_model(trainer, &left));
  REQUIRE_OK(rnn_trainer_model(resumed, &right));
  check_same_parameters(left, right);
  CHECK_STATUS(rnn_model_free(left), RNN_OK);
  CHECK_STATUS(rnn_model_free(right), RNN_OK);
  CHECK_STATUS(rnn_trainer_free(resumed), RNN_OK);
  CHECK_INTEGER(unlink(path), 0);
}

int main(int count, char **arguments) {
  const int is_short = count == 2 && strcmp(arguments[1], "--short") == 0;
  char directory[] = "/tmp/librnn-smoke-XXXXXX";
  rnn_model *model = adding_model(RNN_LSTM, is_short ? 6 : 32, 1);
  rnn_trainer *trainer = adding_trainer(model);
  CHECK_INTEGER(rnn_version(), RNN_VERSION);
  CHECK(mkdtemp(directory) != NULL);
  train(trainer, is_short ? 3 : 2000);
  if (!is_short) check_learned(model, trainer);
  check_file(model, directory);
  check_resume(trainer, directory);
  if (is_short) touch_everything(directory);
  CHECK_STATUS(rnn_trainer_free(trainer), RNN_OK);
  CHECK_STATUS(rnn_model_free(model), RNN_OK);
  CHECK_INTEGER(rmdir(directory), 0);
  return check_finish(is_short ? "smoke --short" : "smoke");
}
