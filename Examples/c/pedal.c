/*
 * pedal: plays a recording through a model of a guitar pedal, block by block, as an audio callback would.
 *
 *     pedal MODEL.safetensors DRY.wav WET.wav [RECORDED.wav]
 *
 * MODEL takes one number and gives one, such as Examples/python/pedal_data.py writes. WET is what comes out. Says how
 * much faster than real time that was, and how long blocks took; and how far WET is from what a pedal made of DRY.
 */
#include "audio.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = 64 };

/* ---- The callback ---- */

/* Allocates nothing, waits for nobody: what runs on an audio thread. */
static rnn_status callback(rnn_stream *stream, const float *dry, float *wet, size_t count) {
  return rnn_stream_process(stream, (int64_t)count, dry, count * sizeof *dry, wet, count * sizeof *wet);
}

/* The host of the callback; keeps the seconds that each block took. */
static void play(rnn_stream *stream, const audio *dry, audio *wet, double *times) {
  go_first();
  check(rnn_stream_prepare(stream));
  for (size_t begin = 0; begin < dry->count; begin += BLOCK) {
    size_t count = dry->count - begin < BLOCK ? dry->count - begin : BLOCK;
    double start = seconds();
    rnn_status status = callback(stream, dry->samples + begin, wet->samples + begin, count);
    times[begin / BLOCK] = seconds() - start;
    check(status);
  }
}

/* ---- What is said about it ---- */

static int by_size(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static void print_times(double *times, size_t blocks, const audio *dry) {
  double sum = 0, length = (double)BLOCK / dry->rate, played = (double)dry->count / dry->rate;
  for (size_t i = 0; i < blocks; i++)
    sum += times[i];
  qsort(times, blocks, sizeof *times, by_size);
  double late = times[(size_t)ceil(0.999 * (double)blocks) - 1];
  printf("%.1f s of audio in %.3f s: %.0f times real time\n", played, sum, played / sum);
  printf("a block of %d samples lasts %.0f us; computing one took %.1f us in the middle, at most %.1f us "
         "(%.1f %%) in 99.9 %% of blocks, %.1f us at worst\n",
         BLOCK, 1e6 * length, 1e6 * times[blocks / 2], 1e6 * late, 100 * late / length,
         1e6 * times[blocks - 1]);
}

/* With and without a constant difference, which nobody hears. */
static void print_distance(const audio *wet, const audio *recorded) {
  distance d = distance_between(wet->samples, recorded->samples, wet->count);
  double heard = d.ratio * (1 - d.mean * d.mean / (d.rms * d.rms));
  printf(
      "against the recording: RMS error %.5f, error to signal %.5f; %.5f without the mean difference %+.5f\n",
      d.rms, d.ratio, heard, d.mean);
}

/* ---- The program ---- */

static rnn_stream *open_stream(const char *path) {
  rnn_model *model = NULL;
  rnn_stream *stream = NULL;
  rnn_model_info info;
  RNN_INIT(info);
  check(rnn_model_load(path, &model));
  check(rnn_model_describe(model, &info));
  if (info.dtype != RNN_FLOAT32 || info.token_input || info.input_size != 1 || info.output_size != 1)
    fail("%s: expected a model of float32 that takes one number and gives one", path);
  check(rnn_stream_create(model, NULL, &stream));
  check(rnn_model_free(model));
  return stream;
}

int main(int count, char **words) {
  if (count < 4 || count > 5) fail("usage: pedal MODEL.safetensors DRY.wav WET.wav [RECORDED.wav]");
  rnn_stream *stream = open_stream(words[1]);
  audio dry = audio_read(words[2]), wet = audio_silence(dry.count, dry.rate);
  size_t blocks = (dry.count + BLOCK - 1) / BLOCK;
  if (blocks == 0) fail("%s: expected some samples, got none", words[2]);
  double *times = malloc(blocks * sizeof *times);
  if (!times) fail("expected memory for the times of %zu blocks", blocks);
  play(stream, &dry, &wet, times);
  audio_write(words[3], &wet);
  print_times(times, blocks, &dry);
  if (count == 5) {
    audio recorded = audio_read(words[4]);
    audio_expect_alike(words[4], &recorded, &dry);
    print_distance(&wet, &recorded);
    audio_free(&recorded);
  }
  free(times);
  audio_free(&wet);
  audio_free(&dry);
  check(rnn_stream_free(stream));
  return EXIT_SUCCESS;
}
