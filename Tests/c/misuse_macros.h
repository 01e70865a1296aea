/*
 * misuse_macros.h: the values that are wrong for every argument of a kind. IN is a macro that makes a misuse of
 * one function, or of several.
 */
#ifndef LIBRNN_MISUSE_MACROS_H
#define LIBRNN_MISUSE_MACROS_H

#include "misuse.h"

#define HALF_OF_HUGE (INT64_MAX / 2)
#define BELOW_2_31 INT64_C(0x7FFFFFFF)
#define AT_2_31 INT64_C(0x80000000)
#define MANY INT64_C(0x40000000) /* times four gates it is beyond 32 bits */

/* A size in bytes that is not the one: `named` must stand in the message. */
#define WRONG_BYTES(IN, named, field)                                                                        \
  IN(RNN_ERR_SHAPE, named, IS(field, 0)), IN(RNN_ERR_SHAPE, named, PLUS(field, -1)),                         \
      IN(RNN_ERR_SHAPE, named, PLUS(field, 1)), IN(RNN_ERR_SHAPE, named, IS(field, SIZE_MAX)),               \
      IN(RNN_ERR_SHAPE, named, PLUS(field, UINT64_C(1) << 63))

#define WRONG_ENUM(IN, named, field, first_invalid)                                                          \
  IN(RNN_ERR_ARGUMENT, named, IS(field, first_invalid)), IN(RNN_ERR_ARGUMENT, named, IS(field, -1)),         \
      IN(RNN_ERR_ARGUMENT, named, IS(field, INT32_MIN))

#define WRONG_FLAG(IN, named, field) WRONG_ENUM(IN, named, field, 2)

#define WIDE(buffer, type) IS(type, RNN_INT64), IS_OF(buffer.data, wide_at), IS(buffer.bytes, T *B * 8)

/* Of batches and layer calls, T or B. */
#define WRONG_SIDE(IN, named, field)                                                                         \
  IN(RNN_ERR_ARGUMENT, named, IS(field, 0)), IN(RNN_ERR_ARGUMENT, named, IS(field, -1)),                     \
      IN(RNN_ERR_ARGUMENT, named, IS(field, INT64_MIN)), IN(TOO_LARGE, named, IS(field, INT64_MAX)),         \
      IN(TOO_LARGE, named, IS(field, HALF_OF_HUGE)), IN(TOO_LARGE, named, IS(field, AT_2_31))

#define WRONG_NUMBER(IN, named, field)                                                                       \
  IN(RNN_ERR_ARGUMENT, named, IS(field, NAN64)), IN(RNN_ERR_ARGUMENT, named, IS(field, INF64)),              \
      IN(RNN_ERR_ARGUMENT, named, IS(field, MINUS_HALF64))

#endif
