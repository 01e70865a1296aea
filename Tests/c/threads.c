/*
 * threads.c proves the thread rules of rnn.h: many threads run one model, each through streams of its own and
 * through rnn_model_forward, with the bits of a single thread; errors belong to their thread; training gives
 * the same bits with 1, 2 and 3 threads, from two trainers at once and in a forked child, as do recurrent layers of
 * every kind; and the library starts and ends exactly the threads it was asked for.
 */
#include "check.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READERS = 6, ROUNDS = 4, T = 12, B = 3, TOKENS = 1000 };

/* ---- A language model, large enough that its loops are worth splitting ---- */

static rnn_model *make_model(int64_t hidden) {
  rnn_layer layers[3];
  rnn_model *model = NULL;
  for (int i = 0; i < 3; i++)
    RNN_INIT(layers[i]);
  layers[0].kind = RNN_EMBEDDING;
  layers[0].input_size = layers[2].output_size = TOKENS;
  layers[0].output_size = layers[1].input_size = 32;
  layers[1].kind = RNN_LSTM;
  layers[1].output_size = layers[2].input_size = hidden;
  layers[1].num_layers = 2;
  layers[1].dropout = 0.2;
  layers[2].kind = RNN_LINEAR;
  REQUIRE_OK(rnn_model_create(layers, 3, NULL, &model));
  return model;
}

static void fill_tokens(int32_t *tokens, size_t count, unsigned seed) {
  for (size_t i = 0; i < count; i++)
    tokens[i] = (int32_t)((i * 7919u + seed * 104729u + i * i) % TOKENS);
}

/* ---- Readers of one model ---- */

/* What one reader computes: the outputs of forward, and those of a stream over the same tokens. */
typedef struct reader {
  const rnn_model *model;
  int32_t tokens[T][B];
  float forward[T][B][TOKENS], streamed[T][B][TOKENS];
  rnn_status status; /* the first that was not RNN_OK */
} reader;

static void keep(reader *r, rnn_status status) {
  if (r->status == RNN_OK) r->status = status;
}

static void *read_model(void *argument) {
  reader *r = argument;
  rnn_batch batch;
  rnn_stream_options options;
  RNN_INIT(batch);
  RNN_INIT(options);
  options.batch_size = batch.batch_size = B;
  batch.time_steps = T;
  batch.input = (rnn_in){r->tokens, sizeof r->tokens};
  batch.output = (rnn_out){r->forward, sizeof r->forward};
  for (int round = 0; round < ROUNDS; round++) {
    rnn_stream *stream = NULL;
    keep(r, rnn_model_forward(r->model, &batch));
    keep(r, rnn_stream_create((rnn_model *)r->model, &options, &stream));
    for (int step = 0; step < T; step++) {
      keep(r, rnn_stream_step(stream, r->tokens[step], sizeof r->tokens[step], r->streamed[step],
                              sizeof r->streamed[step]));
    }
    keep(r, rnn_stream_free(stream));
  }
  return NULL;
}

static void readers_do_not_disturb_each_other(void) {
  static reader alone[READERS], together[READERS];
  rnn_model *model = make_model(64);
  pthread_t threads[READERS];
  for (int i = 0; i < READERS; i++) {
    alone[i].model = model;
    fill_tokens(alone[i].tokens[0], (size_t)T * B, (unsigned)i);
    together[i] = alone[i];
    read_model(&alone[i]);
    CHECK_STATUS(alone[i].status, RNN_OK);
    CHECK(i == 0 || memcmp(alone[i].forward, alone[0].forward, sizeof alone[i].forward) != 0);
  }
  for (int i = 0; i < READERS; i++)
    CHECK(pthread_create(&threads[i], NULL, read_model, &together[i]) == 0);
  for (int i = 0; i < READERS; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK_STATUS(together[i].status, RNN_OK);
    CHECK_BYTES(together[i].forward, alone[i].forward, sizeof alone[i].forward);
    CHECK_BYTES(together[i].streamed, alone[i].streamed, sizeof alone[i].streamed);
  }
  CHECK_STATUS(rnn_model_free(model), RNN_OK);
}

/* ---- Errors ---- */

static pthread_barrier_t barrier;

/* Fails with its own name in the message, again and again; returns NULL if it never saw another's. */
static void *fail_often(void *argument) {
  const char *name = argument, *wrong = NULL;
  rnn_model *model = NULL;
  if (*rnn_last_error()) wrong = "a new thread begins without an error";
  for (int i = 0; i < 200; i++) {
    pthread_barrier_wait(&barrier);
    if (rnn_model_load(name, &model) != RNN_ERR_IO) wrong = "expected RNN_ERR_IO";
    pthread_barrier_wait(&barrier);
    if (!strstr(rnn_last_error(), name)) wrong = "expected the thread's own error";
  }
  return (void *)wrong;
}

static void errors_belong_to_their_thread(void) {
  static char names[3][16] = {"/no/such/one", "/no/such/two", "/no/such/three"};
  pthread_t threads[3];
  CHECK_STATUS(rnn_set_num_threads(0), RNN_ERR_ARGUMENT);
  pthread_barrier_init(&barrier, NULL, 3);
  for (int i = 0; i < 3; i++)
    CHECK(pthread_create(&threads[i], NULL, fail_often, names[i]) == 0);
  for (int i = 0; i < 3; i++) {
    void *wrong = NULL;
    CHECK(pthread_join(threads[i], &wrong) == 0);
    if (!CHECK(wrong == NULL)) fprintf(stderr, "  %s: %s\n", names[i], (const char *)wrong);
  }
  pthread_barrier_destroy(&barrier);
  CHECK_CONTAINS(rnn_last_error(), "count");
}

/* ---- Training ---- */

typedef struct run {
  char *parameters;
  size_t bytes;
  rnn_step_report report; /* of the last step */
} run;

/* Three steps of training, from the same beginning. */
static void *train(void *argument) {
  enum { STEPS = 8, ROWS = 64 };
  run *result = argument;
  rnn_model *model = make_model(256);
  rnn_trainer *trainer = NULL;
  rnn_trainer_options options;
  rnn_batch batch;
  int32_t *tokens = check_allocate((STEPS + 1) * ROWS * sizeof *tokens);
  RNN_INIT(options);
  RNN_INIT(batch);
  RNN_INIT(result->report);
  fill_tokens(tokens, (STEPS + 1) * ROWS, 1);
  options.clip_norm = 1e-3;
  batch.time_steps = STEPS;
  batch.batch_size = ROWS;
  batch.input = (rnn_in){tokens, STEPS * ROWS * sizeof *tokens};
  batch.target = (rnn_in){tokens + ROWS, STEPS * ROWS * sizeof *tokens};
  REQUIRE_OK(rnn_trainer_create(model, &options, &trainer));
  for (int i = 0; i < 3; i++)
    REQUIRE_OK(rnn_trainer_step(trainer, &batch, &result->report));
  result->parameters = parameters_of(model, &result->bytes);
  REQUIRE_OK(rnn_trainer_free(trainer));
  REQUIRE_OK(rnn_model_free(model));
  free(tokens);
  return NULL;
}

/* Frees the parameters of `got`. */
static int check_same_run(run *got, const run *expected) {
  int same = CHECK(got->bytes == expected->bytes);
  same = same && CHECK_BYTES(got->parameters, expected->parameters, expected->bytes);
  same &= CHECK_BYTES(&got->report, &expected->report, sizeof expected->report);
  free(got->parameters);
  return same;
}

/* Threads of this process. */
static int thread_count(void) {
  int count = 0;
  DIR *tasks = opendir("/proc/self/task");
  for (struct dirent *entry = tasks ? readdir(tasks) : NULL; entry; entry = readdir(tasks)) {
    count += entry->d_name[0] != '.';
  }
  if (tasks) closedir(tasks);
  return count;
}

/* As many as there are processors, but none before there is work for them. */
static void threads_are_started_on_demand(void) {
  const int before = thread_count();
  cpu_set_t processors;
  run result;
  CHECK(sched_getaffinity(0, sizeof processors, &processors) == 0);
  CHECK_INTEGER(rnn_get_num_threads(), CPU_COUNT(&processors));
  train(&result);
  CHECK_INTEGER(thread_count(), before + rnn_get_num_threads() - 1);
  CHECK_STATUS(rnn_set_num_threads(1), RNN_OK);
  CHECK_INTEGER(thread_count(), before);
}

static void thread_count_changes_no_bit(const run *expected) {
  const int before = thread_count();
  for (int threads = 3; threads >= 1; threads--) {
    run result;
    CHECK_STATUS(rnn_set_num_threads(threads), RNN_OK);
    CHECK_INTEGER(rnn_get_num_threads(), threads);
    train(&result);
    CHECK_INTEGER(thread_count(), before + threads - 1);
    if (!check_same_run(&result, expected)) fprintf(stderr, "  with %d threads\n", threads);
  }
}

/* ---- Recurrent layers with what they may be asked for ---- */

enum { WIDE = 48, MOST_OUTPUTS = 700 * 2 * WIDE };

/* A layer, and a batch large enough for its loops to be shared. */
typedef struct shared_layer {
  rnn_layer layer;
  int64_t steps, rows;
} shared_layer;

static const shared_layer shared_layers[] = {
    {{.kind = RNN_GRU,
      .num_layers = 2,
      .direction = RNN_CONCATENATED,
      .dropout = 0.5,
      .recurrent_dropout = 0.2},
     12,
     40},
    {{.kind = RNN_LSTM,
      .proj_size = 20,
      .layer_norm = 1,
      .peepholes = 1,
      .zoneout = 0.2,
      .weight_drop = 0.3,
      .learn_state = 1},
     12,
     40},
    {{.kind = RNN_CELL, .cell = "lstm_coupled", .direction = RNN_SUMMED, .input_dropout = 0.2}, 12, 40},
    {{.kind = RNN_CELL, .cell = "min_gru", .num_layers = 2, .residual = 1, .zoneout = 0.2}, 700, 1},
    {{.kind = RNN_CELL, .cell = "min_lstm", .direction = RNN_CONCATENATED, .layer_norm = 1}, 700, 1},
};

/* Two steps of training, and what the model answers then. */
static void train_layer(const shared_layer *shared, run *result, float *output, size_t *bytes) {
  rnn_layer layer = shared->layer;
  rnn_model *model = NULL;
  rnn_trainer *trainer = NULL;
  rnn_trainer_options options;
  rnn_model_info info;
  rnn_batch batch;
  const size_t count = (size_t)(shared->steps * shared->rows), features = count * WIDE;
  float *numbers = check_allocate(2 * features * sizeof *numbers);
  int64_t lengths[64];
  RNN_INIT(options);
  RNN_INIT(info);
  RNN_INIT(batch);
  RNN_INIT(result->report);
  for (size_t i = 0; i < 2 * features; i++)
    numbers[i] = (float)(i * 7919 % 1009) / 504 - 1;
  for (int64_t row = 0; row < shared->rows; row++)
    lengths[row] = shared->steps - row % shared->steps;
  layer.struct_size = sizeof layer;
  layer.input_size = layer.output_size = WIDE;
  options.loss = RNN_MEAN_SQUARED;
  REQUIRE_OK(rnn_model_create(&layer, 1, NULL, &model));
  REQUIRE_OK(rnn_model_describe(model, &info));
  REQUIRE_OK(rnn_trainer_create(model, &options, &trainer));
  *bytes = count * (size_t)info.output_size * sizeof *output;
  batch.time_steps = shared->steps, batch.batch_size = shared->rows;
  batch.input = (rnn_in){numbers, features * sizeof *numbers};
  batch.target = (rnn_in){numbers, *bytes};
  batch.lengths = (rnn_in){lengths, (size_t)shared->rows * sizeof *lengths};
  for (int i = 0; i < 2; i++)
    REQUIRE_OK(rnn_trainer_step(trainer, &batch, &result->report));
  batch.output = (rnn_out){output, *bytes};
  REQUIRE_OK(rnn_model_forward(model, &batch));
  result->parameters = parameters_of(model, &result->bytes);
  REQUIRE_OK(rnn_trainer_free(trainer));
  REQUIRE_OK(rnn_model_free(model));
  free(numbers);
}

/* Workers there are only once a loop was worth sharing. */
static void layers_of_every_kind_are_shared(void) {
  static float expected_output[MOST_OUTPUTS], output[MOST_OUTPUTS];
  const int before = thread_count();
  for (size_t i = 0; i < sizeof shared_layers / sizeof *shared_layers; i++) {
    run expected, result;
    size_t bytes = 0;
    CHECK_STATUS(rnn_set_num_threads(1), RNN_OK);
    train_layer(&shared_layers[i], &expected, expected_output, &bytes);
    CHECK(expected.report.grad_norm > 0 && !expected.report.skipped);
    for (int threads = 2; threads <= 3; threads++) {
      CHECK_STATUS(rnn_set_num_threads(threads), RNN_OK);
      train_layer(&shared_layers[i], &result, output, &bytes);
      CHECK_INTEGER(thread_count(), before + threads - 1);
      int same = check_same_run(&result, &expected);
      same &= CHECK_BYTES(output, expected_output, bytes);
      if (!same) fprintf(stderr, "  layer %d with %d threads\n", (int)i, threads);
    }
    free(expected.parameters);
  }
  CHECK_STATUS(rnn_set_num_threads(1), RNN_OK);
}

static void trainers_do_not_disturb_each_other(const run *expected) {
  run left, right;
  pthread_t other;
  CHECK_STATUS(rnn_set_num_threads(2), RNN_OK);
  CHECK(pthread_create(&other, NULL, train, &right) == 0);
  train(&left);
  CHECK(pthread_join(other, NULL) == 0);
  check_same_run(&left, expected);
  check_same_run(&right, expected);
}

/* The child has none of its parent's workers, and gets its own when it asks for them. */
static void train_in_child(const run *expected) {
  run result;
  alarm(60);
  train(&result);
  if (!check_same_run(&result, expected)) _exit(1);
  if (rnn_set_num_threads(3) != RNN_OK) _exit(2);
  train(&result);
  if (!check_same_run(&result, expected)) _exit(3);
  _exit(rnn_set_num_threads(1) == RNN_OK ? 0 : 4);
}

static void fork_leaves_a_working_library(const run *expected) {
  int status = -1;
  pid_t child;
  run result;
  CHECK_STATUS(rnn_set_num_threads(2), RNN_OK);
  child = fork();
  if (child == 0) train_in_child(expected);
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  CHECK_INTEGER(status, 0);
  train(&result);
  check_same_run(&result, expected);
  CHECK_STATUS(rnn_set_num_threads(1), RNN_OK);
}

int main(void) {
  run expected;
  threads_are_started_on_demand();
  readers_do_not_disturb_each_other();
  errors_belong_to_their_thread();
  train(&expected);
  CHECK(expected.report.clipped_steps == 3 && expected.report.grad_norm > 1e-3);
  thread_count_changes_no_bit(&expected);
  layers_of_every_kind_are_shared();
  trainers_do_not_disturb_each_other(&expected);
  fork_leaves_a_working_library(&expected);
  free(expected.parameters);
  return check_finish("threads");
}
