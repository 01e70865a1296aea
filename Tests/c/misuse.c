/*
 * misuse.c proves that no misuse of any function of rnn.h crashes, hangs or changes anything: every case runs
 * in a child process with a time limit and must end normally, with the expected status, a message in UTF-8 that
 * names the argument, all outputs, weights and states as they were, and a library that goes on working.
 * The cases are in misuse_table.c, misuse_options.c, misuse_streams.c, misuse_dynamics.c, misuse_decoding.c, misuse_handles.c,
 * misuse_paths.c and misuse_contents.c. A function of the header that none of them has called is a failure too.
 */
#include "misuse.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

arguments valid;

/* ---- Which functions have been misused: the names come from rnn.h itself ---- */

static struct {
  const char *name;
  int cases;
} functions[] = {
#define NAMED(name) {#name, 0},
#include "functions.inc"
#undef NAMED
};

static void cover(const char *name) {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    if (strcmp(functions[i].name, name) == 0) {
      functions[i].cases++;
      return;
    }
  }
  if (!CHECK(!"a function of rnn.h")) fprintf(stderr, "  %s\n", name);
}

static void check_coverage(void) {
  CHECK(sizeof functions / sizeof *functions >= 51);
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    if (!CHECK(functions[i].cases > 0)) fprintf(stderr, "  %s has no misuse\n", functions[i].name);
  }
}

/* ---- A child ---- */

static long memory_before;

/* The most memory that this process has ever had resident, in kilobytes. */
static long peak_memory(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : -1;
}

void check_in_child(const char *function, const char *text, void (*body)(const void *),
                    const void *argument) {
  int status = -1;
  pid_t child;
  cover(function);
  fflush(NULL);
  child = fork();
  if (child == 0) {
    const struct rlimit space = {(rlim_t)4 << 30, (rlim_t)4 << 30};
    check_failures = 0;
    alarm(10);
    (void)setrlimit(RLIMIT_AS, &space);
    memory_before = peak_memory();
    body(argument);
    _exit(check_failures > 0);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  if (CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0)) return;
  fprintf(stderr, "  %s with %s", function, text);
  if (WIFSIGNALED(status))
    fprintf(stderr, ": ended by signal %d, %s", WTERMSIG(status), strsignal(WTERMSIG(status)));
  fputc('\n', stderr);
}

/* Well-formed, shortest form, no surrogates, at most U+10FFFF. */
static int is_utf8(const char *text) {
  static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
  for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++) {
    int more = *byte < 0x80 ? 0 : *byte >> 5 == 6 ? 1 : *byte >> 4 == 14 ? 2 : *byte >> 3 == 30 ? 3 : -1;
    uint32_t code = more > 0 ? *byte & (0x3Fu >> more) : *byte;
    if (more < 0) return 0;
    for (int i = 0; i < more; i++) {
      if (*++byte >> 6 != 2) return 0;
      code = code << 6 | (*byte & 0x3F);
    }
    if (code < smallest[more] || code > 0x10FFFF || code >> 11 == 27) return 0;
  }
  return 1;
}

void check_refusal(rnn_status got, rnn_status expected, const char *named) {
  if (expected == TOO_LARGE) {
    if (!CHECK(got == RNN_ERR_ARGUMENT || got == RNN_ERR_SHAPE || got == RNN_ERR_OUT_OF_MEMORY)) {
      fprintf(stderr, "  got %s\n", rnn_status_name(got));
    }
  } else {
    CHECK_STATUS(got, expected);
  }
  CHECK(*rnn_last_error() != 0 && is_utf8(rnn_last_error()));
  CHECK_CONTAINS(rnn_last_error(), named);
  CHECK_AT_MOST((double)(peak_memory() - memory_before), 64e3);
}

/* ---- One misuse ---- */

/* All weights and the states of the streams. */
typedef struct contents {
  unsigned char bytes[8192];
  size_t used;
} contents;

static void append_model(contents *all, const rnn_model *model) {
  size_t bytes = 0;
  char *values = parameters_of(model, &bytes);
  if (!CHECK(all->used + bytes <= sizeof all->bytes)) _exit(EXIT_FAILURE);
  memcpy(all->bytes + all->used, values, bytes);
  all->used += bytes;
  free(values);
}

/* A stream's lanes, and how many it has. */
static void append_stream(contents *all, rnn_stream *stream, size_t bytes) {
  rnn_stream_info info;
  RNN_INIT(info);
  REQUIRE_OK(rnn_stream_describe(stream, &info));
  all->used = (all->used + 7) / 8 * 8;
  if (!CHECK(all->used + bytes + sizeof info <= sizeof all->bytes)) _exit(EXIT_FAILURE);
  REQUIRE_OK(rnn_stream_get_state(stream, all->bytes + all->used, bytes));
  all->used = (all->used + bytes + 7) / 8 * 8;
  memcpy(all->bytes + all->used, &info, sizeof info);
  all->used += sizeof info;
}

static contents read_contents(const arguments *a) {
  contents all;
  memset(&all, 0, sizeof all);
  append_model(&all, a->model);
  append_model(&all, a->sensor_model);
  append_stream(&all, a->stream, a->state_bytes);
  append_stream(&all, a->sparse_stream, a->state_bytes);
  append_stream(&all, a->sensor_stream, a->sensor_state_bytes);
  return all;
}

static void apply(const change *change, arguments *a) {
  unsigned char *field = (unsigned char *)a + change->offset;
  uint64_t value = 0;
  if (change->how == NO_CHANGE) return;
  if (change->how == COPY) memcpy(&value, (unsigned char *)a + change->value, change->size);
  if (change->how == ADD) memcpy(&value, field, change->size);
  if (change->how != COPY) value += change->value;
  memcpy(field, &value, change->size);
}

static void run_misuse(const void *argument) {
  static arguments before;
  static outputs expected;
  const misuse *m = argument;
  contents unchanged = read_contents(&valid);
  memcpy(&before, &valid, sizeof before);
  for (int i = 0; i < 4; i++)
    apply(&m->changes[i], &valid);
  expected = valid.out;
  rnn_status status = m->function->call(&valid);
  if (m->expected == RNN_OK) {
    CHECK_STATUS(status, RNN_OK);
    return;
  }
  if (m->named)
    check_refusal(status, m->expected, m->named);
  else
    CHECK(status == m->expected);
  CHECK_BYTES(&valid.out, &expected, sizeof expected);
  memcpy(&valid, &before, sizeof before);
  contents after = read_contents(&valid);
  CHECK_BYTES(&after, &unchanged, sizeof after);
  CHECK_STATUS(m->function->call(&valid), RNN_OK);
}

void check_misuse(const misuse *m) {
  char text[512] = "";
  for (int i = 0; i < 4 && m->changes[i].how != NO_CHANGE; i++) {
    const size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? ", " : "", m->changes[i].text);
  }
  check_in_child(m->function->name, text, run_misuse, m);
}

/* ---- A gradient that is not finite ---- */

/* RNN_ERR_NONFINITE fills the report and does not write the state; skipping is no error. */
static void fail_at_gradient(rnn_model *model, rnn_batch *batch, rnn_loss loss, rnn_nonfinite policy) {
  rnn_trainer_options options;
  rnn_trainer *trainer = NULL;
  contents unchanged = read_contents(&valid);
  outputs *out = &valid.out, *expected = check_allocate(sizeof *expected);
  RNN_INIT(options);
  options.nonfinite = policy;
  options.loss = loss;
  options.reduction = RNN_SUM;
  REQUIRE_OK(rnn_trainer_create(model, &options, &trainer));
  *expected = *out;
  rnn_status status = rnn_trainer_step(trainer, batch, &out->report);
  CHECK_STATUS(status, policy == RNN_NONFINITE_FAIL ? RNN_ERR_NONFINITE : RNN_OK);
  CHECK(out->report.skipped == 1 && out->report.step == 1 && out->report.skipped_steps == 1);
  CHECK(out->report.action == RNN_SKIPPED && out->report.rolled_back_steps == 0);
  CHECK(out->report.origin != RNN_ORIGIN_NONE && memchr(out->report.origin_tensor, 0, 64));
  CHECK(!(out->report.grad_norm <= 1.7e308));
  contents after = read_contents(&valid);
  CHECK_BYTES(&after, &unchanged, sizeof after);
  if (policy == RNN_NONFINITE_FAIL) {
    CHECK_BYTES(out->state, expected->state, sizeof out->state);
  }
  CHECK_STATUS(rnn_trainer_free(trainer), RNN_OK);
  free(expected);
}

static void fail_at_gradients(const void *argument) {
  const rnn_nonfinite policy = *(const rnn_nonfinite *)argument;
  valid.weights[2] = 1e38F * 10; /* infinity */
  valid.targets[0] = 1e308 * 10;
  fail_at_gradient(valid.model, &valid.batch, RNN_CROSS_ENTROPY, policy);
  fail_at_gradient(valid.sensor_model, &valid.sensor_batch, RNN_MEAN_SQUARED, policy);
}

static void check_all(const misuse_list *list) {
  for (size_t i = 0; i < list->count; i++)
    check_misuse(&list->cases[i]);
}

/* ---- */

int main(void) {
  static const rnn_nonfinite policies[] = {RNN_NONFINITE_SKIP, RNN_NONFINITE_FAIL, RNN_NONFINITE_ROLL_BACK};
  char directory[] = "/tmp/librnn-misuse-XXXXXX", on_stack[8] = "";
  REQUIRE_OK(mkdtemp(directory) ? RNN_OK : RNN_ERR_IO);
  fill_arguments(&valid, directory);
  valid.on_stack = on_stack;
  check_all(&argument_misuses);
  check_all(&option_misuses);
  check_wild_layers();
  check_all(&stream_misuses);
  check_all(&dynamics_misuses);
  check_all(&decoding_misuses);
  check_handles();
  check_struct_sizes();
  check_streams();
  for (int i = 0; i < 3; i++) {
    check_in_child("rnn_trainer_step", "an infinite gradient", fail_at_gradients, &policies[i]);
  }
  check_paths(directory);
  check_contents(directory);
  check_coverage();
  CHECK(unlink(valid.path) == 0);
  CHECK(rmdir(directory) == 0);
  free_arguments(&valid);
  return check_finish("misuse");
}
