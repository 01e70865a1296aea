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

/* ---- The next byte ---- */

/* A number in (0, 1): Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators". */
static double uniform(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((double)((z ^ (z >> 31)) >> 12) + 0.5) * 0x1p-52;
}

/*
 * Draws from softmax(logits / temperature): the largest of logit + temperature * g, where g = -log(-log u)
 * is Gumbel noise.
 */
static int draw(const float *logits, double temperature, uint64_t *random) {
  int best = 0;
  double highest = -INFINITY;
  for (int byte = 0; byte < BYTES; byte++) {
    double value = logits[byte] - temperature * log(-log(uniform(random)));
    if (value > highest) {
      highest = value;
      best = byte;
    }
  }
  return best;
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
static bool read_byte(rnn_stream *stream, int byte, float *logits) {
  int32_t token = byte;
  return rnn_stream_step(stream, &token, sizeof token, logits, BYTES * sizeof *logits) == RNN_OK || failed();
}

/* The model is shown a line break before the prompt, which begins a line. */
static bool write_on(rnn_stream *stream, const settings *s) {
  float logits[BYTES];
  uint64_t random = s->seed;
  if (!read_byte(stream, '\n', logits)) return false;
  for (int byte = getchar(); byte != EOF; byte = getchar()) {
    putchar(byte);
    if (!read_byte(stream, byte, logits)) return false;
  }
  for (uint64_t i = 0; i < s->count; i++) {
    int byte = draw(logits, s->temperature, &random);
    putchar(byte);
    if (!read_byte(stream, byte, logits)) return false;
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
