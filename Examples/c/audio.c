#define _POSIX_C_SOURCE 200809L

#include "audio.h"

#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- What does not work ---- */

void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vfprintf(stderr, format, values);
  va_end(values);
  fputc('\n', stderr);
  exit(EXIT_FAILURE);
}

void check(rnn_status status) {
  if (status != RNN_OK) fail("%s: %s", rnn_status_name(status), rnn_last_error());
}

/* ---- WAV files: chunks of a name, a size and contents. Numbers are little-endian, as this machine's must be. ---- */

enum { IEEE_FLOAT = 3 };

/* Contents of the chunk "fmt ". */
typedef struct format {
  uint16_t code, channels;
  uint32_t rate, bytes_per_second;
  uint16_t bytes_per_frame, bits;
} format;

typedef struct chunk {
  char name[4];
  uint32_t bytes;
} chunk;

static bool is(const char *name, const char *expected) { return memcmp(name, expected, 4) == 0; }

static void read_exactly(FILE *file, const char *path, void *data, size_t bytes) {
  if (fread(data, 1, bytes, file) != bytes) fail("%s: expected a WAV file, got one that ends early", path);
}

static void read_format(FILE *file, const char *path, uint32_t bytes, format *f) {
  if (bytes < sizeof *f) fail("%s: expected a WAV file, got a chunk \"fmt \" of %u bytes", path, bytes);
  read_exactly(file, path, f, sizeof *f);
  fseek(file, (long)(bytes - sizeof *f), SEEK_CUR);
  if (f->code != IEEE_FLOAT || f->channels != 1 || f->bits != 32)
    fail("%s: expected 32-bit float, 1 channel, got format %d, %d bits, %d channels", path, f->code, f->bits,
         f->channels);
}

static audio read_samples(FILE *file, const char *path, uint32_t bytes, uint32_t rate) {
  if (rate == 0) fail("%s: expected a WAV file, got samples before their format", path);
  audio sound = audio_silence(bytes / sizeof(float), rate);
  read_exactly(file, path, sound.samples, sound.count * sizeof(float));
  return sound;
}

audio audio_read(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) fail("%s: expected a WAV file, got none", path);
  char riff[12];
  read_exactly(file, path, riff, sizeof riff);
  if (!is(riff, "RIFF") || !is(riff + 8, "WAVE")) fail("%s: expected a WAV file, got another", path);
  format f = {0};
  chunk next;
  for (read_exactly(file, path, &next, sizeof next); !is(next.name, "data");
       read_exactly(file, path, &next, sizeof next)) {
    if (is(next.name, "fmt "))
      read_format(file, path, next.bytes, &f);
    else
      fseek(file, (long)next.bytes + (next.bytes & 1), SEEK_CUR);
  }
  audio sound = read_samples(file, path, next.bytes, f.rate);
  fclose(file);
  return sound;
}

void audio_write(const char *path, const audio *sound) {
  const uint32_t bytes = (uint32_t)(sound->count * sizeof(float));
  const format f = {IEEE_FLOAT, 1, sound->rate, sound->rate * 4, 4, 32};
  const chunk riff = {"RIFF", 4 + 2 * sizeof(chunk) + sizeof f + bytes};
  const chunk about = {"fmt ", sizeof f}, data = {"data", bytes};
  FILE *file = fopen(path, "wb");
  if (!file) fail("%s: expected a file to write", path);
  fwrite(&riff, sizeof riff, 1, file);
  fwrite("WAVE", 4, 1, file);
  fwrite(&about, sizeof about, 1, file);
  fwrite(&f, sizeof f, 1, file);
  fwrite(&data, sizeof data, 1, file);
  fwrite(sound->samples, sizeof(float), sound->count, file);
  if (ferror(file) | fclose(file)) fail("%s: expected to write %zu samples", path, sound->count);
}

audio audio_silence(size_t count, uint32_t rate) {
  audio sound = {calloc(count + 1, sizeof(float)), count, rate};
  if (!sound.samples) fail("expected memory for %zu samples", count);
  return sound;
}

void audio_free(audio *sound) {
  free(sound->samples);
  *sound = (audio){0};
}

void audio_expect_alike(const char *path, const audio *sound, const audio *like) {
  if (sound->count != like->count || sound->rate != like->rate)
    fail("%s: expected %zu samples at %u Hz, got %zu at %u Hz", path, like->count, like->rate, sound->count,
         sound->rate);
}

/* ---- Time ---- */

double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void go_first(void) {
  pthread_setschedparam(pthread_self(), SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
}

/* ---- How far ---- */

distance distance_between(const float *got, const float *expected, size_t count) {
  double sum = 0, error = 0, signal = 0;
  for (size_t i = 0; i < count; i++) {
    double difference = (double)got[i] - expected[i];
    sum += difference;
    error += difference * difference;
    signal += (double)expected[i] * expected[i];
  }
  return (distance){sqrt(error / (double)count), sum / (double)count, error / signal};
}
