/*
 * touch_stream.h: the part of smoke --short that is about section 6 of rnn.h.
 */
#ifndef TOUCH_STREAM_H
#define TOUCH_STREAM_H

#include "check.h"

/* A stream of three lanes that takes `input` at every step. */
void touch_stream_of(rnn_model *model, rnn_dtype integers, rnn_in input, size_t output_bytes);

#endif
