/*
 * audio.h: what the examples with sound share: WAV files of 32-bit float numbers, one channel; how far two
 * recordings are apart; a clock, and a thread's rank. What does not work ends the program with a sentence on
 * standard error.
 */
#ifndef AUDIO_H
#define AUDIO_H

#include <rnn.h>

#include <stddef.h>
#include <stdint.h>

typedef struct audio {
  float *samples;
  size_t count;
  uint32_t rate; /* samples a second */
} audio;

/* To be freed by audio_free. */
audio audio_read(const char *path);
audio audio_silence(size_t count, uint32_t rate);
void audio_write(const char *path, const audio *sound);
void audio_free(audio *sound);

/* Of two recordings of one length and rate, or the program ends. */
void audio_expect_alike(const char *path, const audio *sound, const audio *like);

/* How far a recording is from what was expected. */
typedef struct distance {
  double rms;   /* of got - expected */
  double mean;  /* of got - expected */
  double ratio; /* error to signal, sum (got - expected)^2 / sum expected^2 */
} distance;

distance distance_between(const float *got, const float *expected, size_t count);

/* Seconds on a clock that nobody sets. */
double seconds(void);

/* This thread before all others, as that of an audio host, if the system permits. */
void go_first(void);

/* Ends the program, with a sentence on standard error: printf's arguments. */
_Noreturn void fail(const char *format, ...);

/* Every call of the library outside a callback is made through this. */
void check(rnn_status status);

#endif
