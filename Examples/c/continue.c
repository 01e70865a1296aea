/*
 * continue: goes on writing a text.
 *
 *     continue MODEL [count] [temperature] [seed] < prompt
 *
 * MODEL is a language model of bytes, 256 tokens in and 256 logits out, such as
 * Examples/python/charlm.py trains. The prompt comes back on standard output, and after it `count`
 * bytes that the model makes up. Temperature 1 draws them as the model believes, less is tamer,
 * and 0 always takes the likeliest.
 */
#include <rnn.h>

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { BYTES = 256 };

typedef struct settings {
  const char *path;
  uint64_t count;
  double temperature;
  uint64_t seed;
} settings;

/* Says what the library has to say about its last failure, files and arguments included. */
static bool failed(void) {
  fprintf(stderr, "continue: %s\n", rnn_last_error());
  return false;
}

/* ---- The command line ---- */

static bool parse_whole(const char *text, uint64_t *number) {
  char *end = NULL;
  errno = 0;
  *number = strtoull(text, &end, 10);
  return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static bool parse_temperature(const char *text, double *number) {
  char *end = NULL;
  *number = strtod(text, &end);
  return end != text && *end == '\0' && isfinite(*number) && *number >= 0;
}

static bool parse(int count, char **words, settings *s) {
  *s = (settings){.count = 400, .temperature = 0.8, .seed = 1};
  if (count < 2 || count > 5) return false;
  s->path = words[1];
  return (count < 3 || parse_whole(words[2], &s->count)) &&
         (count < 4 || parse_temperature(words[3], &s->temperature)) &&
         (count < 5 || parse_whole(words[4], &s->seed));
}

/* ---- Reading and writing ---- */

static bool is_model_of_bytes(const rnn_model *model, const char *path) {
  rnn_model_info info;
  RNN_INIT(info);
  if (rnn_model_describe(model, &info) != RNN_OK) return failed();
  if (info.dtype == RNN_FLOAT32 && info.token_input && info.input_size == BYTES && info.output_size == BYTES)
    return true;
  fprintf(stderr, "continue: %s: expected a model of bytes: float32, 256 tokens in, 256 out; ", path);
  fprintf(stderr, "got float%d, %lld %s in, %lld out\n", info.dtype == RNN_FLOAT32 ? 32 : 64,
          (long long)info.input_size, info.token_input ? "tokens" : "features", (long long)info.output_size);
  return false;
}

/* Shows the model a byte; the logits say what it expects next. */
static bool read_byte(rnn_stream *stream, int32_t byte, float *logits) {
  return rnn_stream_step(stream, &byte, sizeof byte, logits, BYTES * sizeof *logits) == RNN_OK || failed();
}

/* Draws the next byte and shows it to the model. */
static bool write_byte(rnn_stream *stream, const rnn_sampling *sampling, rnn_random *random, float *logits) {
  int32_t byte;
  if (rnn_sample(sampling, logits, BYTES * sizeof *logits, random, &byte, sizeof byte) != RNN_OK)
    return failed();
  putchar(byte);
  return read_byte(stream, byte, logits);
}

/* The model is shown a line break before the prompt, which begins a line. */
static bool write_on(rnn_stream *stream, const settings *s) {
  float logits[BYTES];
  rnn_random random = {.seed = s->seed};
  rnn_sampling sampling;
  RNN_INIT(sampling);
  sampling.temperature = s->temperature > 0 ? s->temperature : RNN_ZERO;
  if (!read_byte(stream, '\n', logits)) return false;
  for (int byte = getchar(); byte != EOF; byte = getchar()) {
    putchar(byte);
    if (!read_byte(stream, byte, logits)) return false;
  }
  for (uint64_t i = 0; i < s->count; i++) {
    if (!write_byte(stream, &sampling, &random, logits)) return false;
  }
  putchar('\n');
  if (!ferror(stdin) && fflush(stdout) == 0 && !ferror(stdout)) return true;
  perror("continue");
  return false;
}

int main(int count, char **words) {
  settings s;
  rnn_model *model = NULL;
  rnn_stream *stream = NULL;
  if (!parse(count, words, &s)) {
    fputs("usage: continue MODEL [count] [temperature] [seed] < prompt\n", stderr);
    return 2;
  }
  bool done = (rnn_model_load(s.path, &model) == RNN_OK || failed()) && is_model_of_bytes(model, s.path) &&
              (rnn_stream_create(model, NULL, &stream) == RNN_OK || failed()) && write_on(stream, &s);
  rnn_stream_free(stream);
  rnn_model_free(model);
  return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
