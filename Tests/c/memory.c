/*
 * memory.c proves what rnn.h says about memory, by counting the library's allocations and by refusing them one
 * after another: on one thread a trainer allocates nothing after its first step, nor does a model after its first
 * batch of a shape, nor a stream; on more, nothing but a small object for each loop they share. Whichever buffer
 * cannot be had, the call returns RNN_ERR_OUT_OF_MEMORY, changes nothing and succeeds when it is repeated.
 */
#include "memory.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

arguments valid;

int refused = -1;
static int small_count, buffer_count;
static size_t buffer_bytes;

/* The library takes all its memory from here: small objects, and buffers on a cache line. Stands before libc's. */
int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  const int is_buffer = alignment >= 64;
  if (is_buffer && buffer_count++ == refused) return ENOMEM;
  small_count += !is_buffer;
  buffer_bytes += is_buffer ? bytes : 0;
  *memory = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  return *memory ? 0 : ENOMEM;
}

/* And its large buffers from the system. */
void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
  if (buffer_count++ == refused) return errno = ENOMEM, MAP_FAILED;
  buffer_bytes += bytes;
  return (void *)syscall(SYS_mmap, address, bytes, protection, flags, file, offset);
}

void count_from_zero(void) { small_count = buffer_count = 0; }

/* The first call may plan; the second must do with that, and with a bounded number of small objects. */
void check_frugal(const function *function, int most_small) {
  CHECK_STATUS(function->call(&valid), RNN_OK);
  count_from_zero();
  CHECK_STATUS(function->call(&valid), RNN_OK);
  if (!CHECK(buffer_count == 0 && small_count <= most_small)) {
    fprintf(stderr, "  %s allocated %d objects and %d buffers\n", function->name, small_count, buffer_count);
  }
}

static void check_no_buffers(void) {
  static const function *const running[] = {&stream_reset,
                                            &stream_get_state,
                                            &stream_set_state,
                                            &stream_step,
                                            &sensor_stream_step,
                                            &stream_process,
                                            &stream_export,
                                            &stream_import,
                                            &stream_copy,
                                            &stream_describe,
                                            &sensor_stream_process,
                                            &sensor_stream_import,
                                            &comings_and_goings,
                                            &refusals_in_real_time,
                                            &trainer_step,
                                            &trainer_evaluate,
                                            &ctc_trainer_step,
                                            &ctc_trainer_evaluate,
                                            &sample,
                                            &trainer_class_weights,
                                            &sensor_trainer_step,
                                            &sensor_trainer_evaluate,
                                            &model_forward,
                                            &sensor_forward};
  static const function *const larger[] = {&layer_forward,        &layer_backward, &token_layer_forward,
                                           &token_layer_backward, &model_get,      &model_describe};
  for (int threads = 2; threads >= 1; threads--) {
    REQUIRE_OK(rnn_set_num_threads(threads));
    for (size_t i = 0; i < sizeof running / sizeof *running; i++)
      check_frugal(running[i], threads > 1 ? 40 : 0);
  }
  for (size_t i = 0; i < sizeof larger / sizeof *larger; i++)
    check_frugal(larger[i], 40);
}

/* A new model, so that nothing is left from earlier calls. */
static rnn_status forward_anew(arguments *a) {
  const int saved = refused;
  rnn_model *model = NULL;
  refused = -1;
  REQUIRE_OK(rnn_model_create(a->layers, 3, NULL, &model));
  refused = saved;
  count_from_zero();
  rnn_status status = rnn_model_forward(model, a->batch_at);
  refused = -1;
  CHECK_STATUS(rnn_model_free(model), RNN_OK);
  return status;
}

static const function first_forward = {"rnn_model_forward", forward_anew};

/* A new trainer, so that each step has everything to plan. */
static rnn_status step_anew(arguments *a) {
  const int saved = refused;
  rnn_trainer *trainer = NULL;
  refused = -1;
  REQUIRE_OK(rnn_trainer_create(a->model, NULL, &trainer));
  refused = saved;
  count_from_zero();
  rnn_status status = rnn_trainer_step(trainer, a->batch_at, a->report_out);
  refused = -1;
  CHECK_STATUS(rnn_trainer_free(trainer), RNN_OK);
  return status;
}

/* The same with all that a step can be asked for. */
static rnn_status observe_anew(arguments *a) {
  const int saved = refused;
  rnn_trainer *trainer = NULL;
  rnn_trainer_options *options = &a->trainer_options;
  refused = -1;
  options->omega = options->orthogonality = options->activation_penalty = 1;
  options->clip_step_norm = options->clip_quantile = options->clip_adaptive = 0.5;
  options->nonfinite = RNN_NONFINITE_ROLL_BACK;
  REQUIRE_OK(rnn_trainer_create(a->model, options, &trainer));
  refused = saved;
  a->batch.observe = 1;
  count_from_zero();
  rnn_status status = rnn_trainer_step(trainer, a->batch_at, a->report_out);
  refused = -1;
  a->batch.observe = 0;
  CHECK_STATUS(rnn_trainer_free(trainer), RNN_OK);
  return status;
}

/* One sequence, so that nothing is written while there is something left to plan. */
static rnn_status floss_anew(arguments *a) {
  const int saved = refused;
  rnn_trainer *trainer = NULL;
  rnn_batch batch = a->moving_batch;
  rnn_lyapunov lyapunov;
  refused = -1;
  RNN_INIT(lyapunov);
  lyapunov.count = lyapunov.interval = 2;
  lyapunov.exponents = (rnn_out){a->out.exponents, 2 * sizeof(double)};
  batch.batch_size = 1;
  batch.input.bytes /= B, batch.lengths.bytes /= B, batch.state.bytes /= B;
  batch.state_out = batch.output = (rnn_out){NULL, 0};
  REQUIRE_OK(rnn_trainer_create(a->model, NULL, &trainer));
  refused = saved;
  count_from_zero();
  rnn_status status = rnn_trainer_floss(trainer, &batch, &lyapunov, a->report_out);
  refused = -1;
  CHECK_STATUS(rnn_trainer_free(trainer), RNN_OK);
  return status;
}

static const function first_flossing = {"rnn_trainer_floss", floss_anew};
static const function first_observed_step = {"rnn_trainer_step, observed", observe_anew};
static const function first_step = {"rnn_trainer_step", step_anew};

void check_refused_buffers(const function *function, int least) {
  static outputs expected;
  int refusals = 0;
  rnn_status status = RNN_ERR_OUT_OF_MEMORY;
  for (; status != RNN_OK && refusals < 64; refusals++) {
    size_t bytes = 0;
    char *before = parameters_of(valid.model, &bytes), *after;
    expected = valid.out;
    count_from_zero();
    refused = refusals;
    status = function->call(&valid);
    refused = -1;
    after = parameters_of(valid.model, &bytes);
    if (status != RNN_OK) {
      if (!CHECK_STATUS(status, RNN_ERR_OUT_OF_MEMORY)) {
        fprintf(stderr, "  %s, buffer %d\n", function->name, refusals);
      }
      CHECK(*rnn_last_error() != 0);
      CHECK_BYTES(&valid.out, &expected, sizeof expected);
      CHECK_BYTES(after, before, bytes);
    }
    free(before);
    free(after);
  }
  CHECK_STATUS(status, RNN_OK); /* with nothing left to refuse */
  if (!CHECK(refusals > least)) fprintf(stderr, "  %s asked for %d buffers\n", function->name, refusals - 1);
}

/* Bytes that a trainer takes for a batch of T steps of 512 rows. */
static size_t bytes_of_training(int steps, int recompute) {
  enum { ROWS = 512 };
  rnn_layer layers[2];
  rnn_model *model;
  rnn_trainer *trainer;
  rnn_trainer_options options;
  rnn_batch batch;
  rnn_step_report report;
  const size_t bytes = (size_t)steps * ROWS * sizeof(float);
  float *input = calloc(1, bytes);
  RNN_INIT(layers[0]);
  RNN_INIT(layers[1]);
  RNN_INIT(options);
  RNN_INIT(batch);
  RNN_INIT(report);
  layers[0].kind = RNN_LSTM, layers[0].input_size = 1, layers[0].output_size = 4;
  layers[1].kind = RNN_LINEAR, layers[1].input_size = 4, layers[1].output_size = 1;
  options.loss = RNN_MEAN_SQUARED, options.recompute = recompute;
  batch.time_steps = steps, batch.batch_size = ROWS;
  batch.input.data = batch.target.data = input, batch.input.bytes = batch.target.bytes = bytes;
  REQUIRE_OK(rnn_model_create(layers, 2, NULL, &model));
  buffer_bytes = 0;
  REQUIRE_OK(rnn_trainer_create(model, &options, &trainer));
  count_from_zero();
  refused = 0; /* what the step plans first: of many steps a large buffer, from the system */
  CHECK_STATUS(rnn_trainer_step(trainer, &batch, &report), RNN_ERR_OUT_OF_MEMORY);
  refused = -1;
  REQUIRE_OK(rnn_trainer_step(trainer, &batch, &report));
  const size_t taken = buffer_bytes;
  CHECK_STATUS(rnn_trainer_free(trainer), RNN_OK);
  CHECK_STATUS(rnn_model_free(model), RNN_OK);
  free(input);
  return taken;
}

/* 16 times as many steps: 16 times the memory, or 4 times. */
static void recomputing_takes_the_root(void) {
  const double kept = (double)bytes_of_training(1024, 0) / (double)bytes_of_training(64, 0);
  const double recomputed = (double)bytes_of_training(1024, 1) / (double)bytes_of_training(64, 1);
  if (!CHECK(kept > 14 && recomputed < 4.2)) fprintf(stderr, "  %g and %g times\n", kept, recomputed);
}

int main(void) {
  char directory[] = "/tmp/librnn-memory-XXXXXX";
  REQUIRE_OK(mkdtemp(directory) ? RNN_OK : RNN_ERR_IO);
  fill_arguments(&valid, directory);
  check_no_buffers();
  check_cells();
  recomputing_takes_the_root();
  check_refused_buffers(&model_create, 1);
  check_refused_buffers(&trainer_create, 7);
  check_refused_buffers(&trainer_average, 1);
  check_refused_buffers(&first_step, 2);
  check_refused_buffers(&first_observed_step, 10);
  check_refused_buffers(&first_flossing, 20);
  check_refused_buffers(&stream_create, 7);
  check_refused_buffers(&first_preparation, 3);
  check_refused_buffers(&first_swap, 2);
  check_refused_buffers(&first_forward, 1);
  check_refused_buffers(&model_load, 2);
  check_refused_buffers(&trainer_resume, 4);
  check_refused_buffers(&ctc_decode, 4);
  CHECK(unlink(valid.path) == 0 && rmdir(directory) == 0);
  free_arguments(&valid);
  return check_finish("memory");
}
