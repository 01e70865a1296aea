/*
 * rnn.h: the C interface of librnn, and its specification.
 *
 * librnn trains and streams recurrent networks (Elman, GRU, LSTM) on a CPU.
 * What is not in this file is not part of the interface.
 *
 * The file reads as a tutorial: 1 versions, errors and threads; 2 describing a
 * network; 3 models; 4 running a model over sequences; 5 training; 6 streaming;
 * 7 files; 8 single layers over your own buffers; 9 the gradient's way back through time; 10 the dynamics of a model;
 * 11 from logits to tokens and labels.
 *
 *     rnn_layer layers[3];
 *     RNN_INIT(layers[0]); RNN_INIT(layers[1]); RNN_INIT(layers[2]);
 *     layers[0].kind = RNN_EMBEDDING; layers[0].input_size = 96; layers[0].output_size = 32;
 *     layers[1].kind = RNN_LSTM;      layers[1].input_size = 32; layers[1].output_size = 128;
 *     layers[2].kind = RNN_LINEAR;    layers[2].input_size = 128; layers[2].output_size = 96;
 *     rnn_model *model = NULL;
 *     if (rnn_model_create(layers, 3, NULL, &model) != RNN_OK) puts(rnn_last_error());
 *
 * Letters.  T time steps, B batch, I input features, H hidden units, O outputs, L stacked layers.
 *
 * Layout.  Every array is contiguous and row-major. Sequences are time-major: [T, B, I].
 * Sizes of buffers are given and checked in bytes, exactly: neither more nor less.
 *
 * Ownership.  The caller owns every buffer; the library keeps no pointer after a call returns.
 * Input and output buffers of one call must not overlap, except where a function says they may.
 *
 * Errors.  Every function that can fail returns a status; outputs are written only on RNN_OK unless
 * said otherwise. rnn_last_error() tells which argument, what was expected and what came.
 * Any function that takes a pointer returns RNN_ERR_ARGUMENT when a required one is NULL, and any that
 * takes a handle returns RNN_ERR_HANDLE when it is NULL, closed, foreign or of another type. Any
 * function that needs memory can return RNN_ERR_OUT_OF_MEMORY. These are not repeated below.
 * The library never prints, exits, aborts or raises a signal.
 *
 * Arithmetic.  During a call numbers round to nearest, and those too small to be normal count as zero; the
 * floating-point state that the host had set is restored before the call returns.
 *
 * Structs.  Each public struct begins with its size, so that an older program works with a newer
 * library and the other way round. RNN_INIT(variable) clears a struct and sets that size. A field
 * left zero takes its default. Fields are only ever added at the end.
 */
#ifndef RNN_H
#define RNN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNN_VERSION_MAJOR 0
#define RNN_VERSION_MINOR 1
#define RNN_VERSION_PATCH 0
#define RNN_VERSION (RNN_VERSION_MAJOR * 10000 + RNN_VERSION_MINOR * 100 + RNN_VERSION_PATCH)

/* Clears a struct variable of this header and records its size. */
#define RNN_INIT(variable)                                                                                   \
  (memset(&(variable), 0, sizeof(variable)), (void)((variable).struct_size = sizeof(variable)))

/* ---- 1. Versions, errors, threads ---------------------------------------------------------- */

/* Values are pinned: they keep their meaning for ever. */
typedef enum rnn_status {
  RNN_OK = 0,
  RNN_ERR_ARGUMENT = 100,    /* a value out of its range, or a NULL that is not allowed */
  RNN_ERR_STRUCT_SIZE = 101, /* struct_size is that of no version of the struct */
  RNN_ERR_HANDLE = 102,      /* a handle that is NULL, closed, foreign or of another type */
  RNN_ERR_SHAPE = 110,       /* a buffer whose size in bytes does not fit the stated shape */
  RNN_ERR_DTYPE = 111,       /* an element type that does not belong here */
  RNN_ERR_NAME = 120,        /* no tensor of that name */
  RNN_ERR_MODEL = 130,       /* layers that do not form a network; the message says which and why */
  RNN_ERR_NAN = 200,         /* an input or target that holds NaN */
  RNN_ERR_NONFINITE = 201,   /* a gradient that is not finite, under RNN_NONFINITE_FAIL; weights or states */
  RNN_ERR_OUT_OF_MEMORY = 300,
  RNN_ERR_IO = 400,    /* the system refused to open, read or write a file */
  RNN_ERR_FORMAT = 410 /* a file that is truncated, damaged or not ours */
} rnn_status;

/* The version of the library that is running, as RNN_VERSION. Compare it with the header's. Any thread. */
uint32_t rnn_version(void);

/* The same as text, "0.1.0". Static storage. Any thread. */
const char *rnn_version_string(void);

/* The name of a status, "RNN_ERR_SHAPE"; "unknown status" for a number that is none. Any thread. */
const char *rnn_status_name(rnn_status status);

/*
 * What went wrong in the last call of this thread that failed, one sentence in UTF-8; "" if none did.
 * The text belongs to the thread and stays until its next failing call.
 */
const char *rnn_last_error(void);

/*
 * How many threads, this one included, the library works with: 1 to 256, at first as many as the processors that
 * the process may use. Results are the same bits at every count. Threads are started when there is first a loop
 * worth sharing, and end when the library is unloaded; between loops they look out for the next one for about a
 * hundred microseconds, then sleep. A forked child starts its own. Two calls at once do not share threads: one
 * of them works alone. OpenBLAS's settings are the host's and are not touched.
 * Call it while no other librnn call is running. Workers started earlier end before it returns.
 */
rnn_status rnn_set_num_threads(int32_t count);
int32_t rnn_get_num_threads(void);

/* ---- 2. Describing a network ---------------------------------------------------------------- */

typedef enum rnn_dtype {
  RNN_FLOAT32 = 0,
  RNN_FLOAT64 = 1,
  RNN_INT32 = 2, /* token ids and class labels only */
  RNN_INT64 = 3
} rnn_dtype;

/*
 * The layers. Weights, names, shapes and gate order are PyTorch's:
 *
 *   RNN_EMBEDDING  y = weight[token]               weight [I, O]; token ids in 0..I-1
 *   RNN_ELMAN      h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), or relu, or neither (G = 1)
 *   RNN_GRU        gates r, z, n; reset after the product:
 *                  n = tanh(W_in x + b_in + r*(W_hn h + b_hn)); h_t = (1-z)*n + z*h_{t-1} (G = 3)
 *   RNN_LSTM       gates i, f, g, o; c_t = f*c_{t-1} + i*g; h_t = o*tanh(c_t)             (G = 4)
 *   RNN_LINEAR     y = W x + b, or a function of it  weight [O, I], bias [O]; at every step or the last
 *
 * Recurrent weights, for stacked layer k: weight_ih_l{k} [G*H, I or H], weight_hh_l{k} [G*H, H],
 * bias_ih_l{k} [G*H], bias_hh_l{k} [G*H].
 * Sources: Elman 1990; Cho et al. 2014 in PyTorch's form; Hochreiter and Schmidhuber 1997 with the
 * forget gate of Gers et al. 2000.
 */
typedef enum rnn_layer_kind {
  RNN_EMBEDDING = 1,
  RNN_ELMAN = 2,
  RNN_GRU = 3,
  RNN_LSTM = 4,
  RNN_LINEAR = 5,
  RNN_CELL = 6 /* any cell by its name, rnn_layer.cell */
} rnn_layer_kind;

/* RNN_IDENTITY: the linear recurrence, whose states and gradients have a closed form. */
typedef enum rnn_nonlinearity {
  RNN_TANH = 0,
  RNN_RELU = 1,
  RNN_IDENTITY = 2,
  RNN_SIGMOID = 3,
  RNN_HARD_SIGMOID = 4, /* clamp(alpha x + beta, 0, 1) */
  RNN_SOFTSIGN = 5      /* x / (1 + |x|) */
} rnn_nonlinearity;

/* Which way a recurrent layer walks through time, and how the outputs of both ways are joined. */
typedef enum rnn_direction {
  RNN_FORWARD = 0,
  RNN_CONCATENATED =
      1,         /* both ways; the outputs beside each other, so the layer's output has twice the width */
  RNN_SUMMED = 2 /* both ways; the outputs added */
} rnn_direction;

/*
 * How weights begin. Gate by gate for recurrent layers, but for RNN_INIT_KERAS. Biases follow weight_init: PyTorch's
 * uniform under RNN_INIT_DEFAULT, zero under any other; under RNN_INIT_KERAS gate f of an LSTM begins at a forget_bias
 * of 1, unless that or chrono is given.
 *
 * RNN_INIT_SPARSE: each unit has 15 weights of N(0, 1) from random inputs, or from all if there are fewer, and zeros.
 * weight_hh is then scaled, gate by gate, to spectral_radius, which takes the time of finding eigenvalues; other
 * matrices are not. Not for RNN_EMBEDDING. Martens 2010, Sutskever et al. 2013; the radius: Jaeger 2001.
 *
 * RNN_INIT_KERAS: the gates as one matrix: weight_ih U(+-sqrt(6 / (I + G*H))), weight_hh [G*H, H] with orthonormal
 * columns; linear as RNN_INIT_XAVIER; embedding U(+-0.05).
 */
typedef enum rnn_init {
  RNN_INIT_DEFAULT = 0,    /* PyTorch: U(+-1/sqrt(H)), U(+-1/sqrt(I)) for linear, N(0, 1) for embedding */
  RNN_INIT_XAVIER = 1,     /* U(+-sqrt(6 / (fan_in + fan_out))), Glorot and Bengio 2010 */
  RNN_INIT_ORTHOGONAL = 2, /* QR of a Gaussian matrix with the signs of R, Saxe et al. 2014 */
  RNN_INIT_IDENTITY = 3,   /* ones on the diagonal, Le, Jaitly and Hinton 2015 */
  RNN_INIT_SPARSE = 4,     /* few weights; the recurrent ones of a given spectral radius */
  RNN_INIT_KERAS = 5       /* the defaults of Keras */
} rnn_init;

typedef struct rnn_layer {
  size_t struct_size;
  rnn_layer_kind kind;
  rnn_nonlinearity nonlinearity; /* RNN_ELMAN only */
  int64_t input_size;            /* I, at least 1; of RNN_EMBEDDING the number of tokens */
  int64_t output_size;           /* H or O, at least 1 */
  int64_t num_layers;            /* L of a recurrent layer, at least 1; 0 means 1 */
  double dropout;                /* in [0, 1): between the stacked layers of a recurrent layer, in training */
  rnn_init weight_init;          /* of weight and weight_ih */
  rnn_init recurrent_init;       /* of weight_hh */
  double forget_bias;            /* RNN_LSTM: b_ih + b_hh of gate f begin at this sum; 0: not set apart */
  int32_t last_step;             /* RNN_LINEAR, and only as the last layer: 1 for the last valid step only */
  double spectral_radius;        /* of weight_hh under RNN_INIT_SPARSE, > 0; 0: 1.1, Sutskever et al. 2013 */
  double chrono; /* T_max > 2, the longest dependency, of cells with gates; 0: off. See below */
  /*
   * RNN_CELL: one of
   *   "elman", "gru", "lstm"   the layers of the kinds above, and read back as these
   *   "gru_reset_before"       n = tanh(W_in x + b_in + W_hn (r*h) + b_hn): Cho et al. 2014
   *   "lstm_coupled"           gates i, g, o (G = 3); f = 1 - i: Greff et al. 2017
   *   "min_gru"                gates z, n of x alone (G = 2), no W_hh: h_t = (1-z)*h_{t-1} + z*n: Feng et al. 2024
   *   "min_lstm"               gates f, i, n of x alone (G = 3), no W_hh:
   *                            h_t = f/(f+i)*h_{t-1} + i/(f+i)*n: Feng et al. 2024
   * n of the last two is the linear layer itself. The text is read by the call and not kept.
   */
  const char *cell;
  /* The rest is for recurrent layers, but for the activations. Each may be combined with any other, unless said. */
  /*
   * Backward levels have the suffix _reverse; they see each sequence turned round by itself. States are [L*D, B, H],
   * stacked layer by stacked layer. Such a model does not stream, and is trained on whole sequences: bptt and
   * recompute must be 0.
   */
  rnn_direction direction;
  int32_t
      peepholes; /* LSTMs: 1: weight_peephole_l{k} [3 H]: p_i*c_{t-1}, p_f*c_{t-1}, p_o*c_t are added to the
                        sums of the gates; of "lstm_coupled" [2 H], i and o. Gers and Schmidhuber 2000 */
  int64_t
      proj_size; /* LSTMs: P in 1..H-1: h_t = W_hr (o*tanh(c_t)), weight_hr_l{k} [P, H]; 0: none. Sak et al. 2014 */
  /*
   * 1: each of W_ih x and W_hh h is normalised over its G*H numbers, scaled by norm_ih_l{k} and norm_hh_l{k} [G*H], and
   * then gets its bias; c_t as h_t sees it likewise with norm_c_l{k} and norm_c_bias_l{k} [H]. Ba et al. 2016; epsilon
   * 1e-5. Not with "gru_reset_before".
   */
  int32_t layer_norm;
  double zoneout; /* in [0, 1): in training the part of the units that keep h_{t-1}; else the mean of it */
  double zoneout_cell;      /* the same of c; h_t sees c_t before it. Krueger et al. 2017 */
  double input_dropout;     /* in [0, 1): of x, one mask for all steps. Gal and Ghahramani 2016 */
  double recurrent_dropout; /* in [0, 1): of h_{t-1} on its way into W_hh, one mask for all steps */
  double weight_drop; /* in [0, 1): of the numbers of W_hh, one mask for all steps. Merity et al. 2018 */
  int32_t residual;   /* 1: each stacked layer whose input is as wide as its output adds it to its output */
  int32_t
      learn_state; /* 1: h_0_l{k} [H] and c_0_l{k} [H] are learned: where a state is absent they stand for it */
  int32_t has_activations; /* 1: the next three fields are in force */
  /*
   * f of all gates but g or n, g of that, h of c_t: ONNX's f, g, h. Of RNN_ELMAN and RNN_LINEAR the first alone is meant,
   * and stands before `nonlinearity`.
   */
  rnn_nonlinearity activations[3];
  double alpha[3]; /* of RNN_HARD_SIGMOID; 0 means 0.2, with beta 0.5 */
  double beta[3];
  /*
   * RNN_LINEAR: 1: weight is that of the model's first layer, an RNN_EMBEDDING of as many tokens as there are outputs;
   * the state dictionary has it once. Press and Wolf 2017. Not of a layer by itself.
   */
  int32_t tied;
  int32_t skip; /* RNN_LINEAR, last layer: 1: W x + b + the first O numbers of what the model reads */
} rnn_layer;

/*
 * chrono: gates begin such that memories last from 2 to T_max steps. Of an LSTM b_f = ln U(1, T_max - 1) and
 * b_i = -b_f, of a GRU b_z = ln U(1, T_max - 1), for z keeps the state; of other cells the gates that keep or let go of
 * it likewise; each is the sum of b_ih and b_hh. Refused
 * (RNN_ERR_MODEL) beside a forget_bias. Tallec and Ollivier 2018.
 */

/* What streams make of the weights of recurrent and linear layers. See rnn_model_quantize. */
typedef enum rnn_weights {
  RNN_WEIGHTS_OWN = 0,      /* numbers of the model's dtype */
  RNN_WEIGHTS_BFLOAT16 = 1, /* floats with 8 bits of mantissa */
  RNN_WEIGHTS_INT8 = 2      /* whole numbers from -127 to 127 times a scale for each row of the matrix */
} rnn_weights;

/* What a named tensor looks like: a parameter, a gradient or a part of a state. */
typedef struct rnn_tensor_info {
  size_t struct_size;
  char name[64]; /* "1.weight_ih_l0": the place in the stack, then PyTorch's name */
  rnn_dtype dtype;
  int32_t rank;     /* 1 to 3 */
  int64_t shape[4]; /* shape[0 .. rank-1] */
  size_t offset;    /* first byte within the flat buffer of all tensors of its sort */
  size_t bytes;
} rnn_tensor_info;

/* ---- 3. Models ------------------------------------------------------------------------------ */

/*
 * A stack of layers and its parameters.
 * Threads: any number may read one model at a time (forward, streams, get, save). rnn_model_set and a
 * trainer's step write it: nothing else may use the model meanwhile.
 */
typedef struct rnn_model rnn_model;

typedef struct rnn_model_options {
  size_t struct_size;
  rnn_dtype dtype; /* RNN_FLOAT32 or RNN_FLOAT64: of parameters, activations and float inputs */
  uint64_t seed;   /* of the initial weights: the same seed gives the same bits */
} rnn_model_options;

typedef struct rnn_model_info {
  size_t struct_size;
  rnn_dtype dtype;
  int32_t token_input; /* 1: the input is token ids [T, B]; 0: features [T, B, I] */
  int32_t last_step;   /* 1: the output is [B, O]; 0: [T, B, O] */
  int64_t input_size;  /* I, or the number of tokens */
  int64_t output_size; /* O */
  size_t layer_count;
  size_t tensor_count;        /* of the state dictionary */
  size_t parameter_count;     /* numbers in all tensors together */
  size_t state_tensor_count;  /* h of each recurrent layer, and c of each LSTM */
  size_t state_bytes_per_row; /* the state of B sequences takes B times this */
  rnn_weights weights;
  size_t weight_bytes; /* that a step of a stream reads */
} rnn_model_info;

/*
 * Builds a model of `count` layers. `layers` is an array whose elements all have the struct_size of the
 * first. options may be NULL: float32, seed 0.
 * Errors: RNN_ERR_MODEL when sizes or order do not fit together, RNN_ERR_ARGUMENT, RNN_ERR_STRUCT_SIZE.
 */
rnn_status rnn_model_create(const rnn_layer *layers, size_t count, const rnn_model_options *options,
                            rnn_model **model);

/* Closes the handle. Trainers of the model keep it; streams have what they need. NULL is allowed. */
rnn_status rnn_model_free(rnn_model *model);

rnn_status rnn_model_describe(const rnn_model *model, rnn_model_info *info);

/* Layer `index` of the stack, as it was given. Errors: RNN_ERR_ARGUMENT when index >= layer_count. */
rnn_status rnn_model_layer(const rnn_model *model, size_t index, rnn_layer *layer);

/* Tensor `index` of the state dictionary, in the order of the stack. Errors: RNN_ERR_ARGUMENT. */
rnn_status rnn_model_tensor(const rnn_model *model, size_t index, rnn_tensor_info *info);

/* The tensor of a name. Errors: RNN_ERR_NAME. */
rnn_status rnn_model_find(const rnn_model *model, const char *name, rnn_tensor_info *info);

/*
 * Tensor `index` of a state of batch_size rows: "1.h" or "1.c", [L, B, H]; [2 L, B, H] where time is walked both ways,
 * h [L, B, P] with proj_size. A state is one flat buffer
 * of the model's dtype: for each recurrent layer h, then, of an LSTM, c.
 * Errors: RNN_ERR_ARGUMENT.
 */
rnn_status rnn_model_state_tensor(const rnn_model *model, size_t index, int64_t batch_size,
                                  rnn_tensor_info *info);

/* Copies one named tensor out of, or into, the model. Errors: RNN_ERR_NAME, RNN_ERR_SHAPE. */
rnn_status rnn_model_get(const rnn_model *model, const char *name, void *data, size_t bytes);
rnn_status rnn_model_set(rnn_model *model, const char *name, const void *data, size_t bytes);

/*
 * A new model whose recurrent and linear layers have small weights. Streams of it compute with these, and with
 * activations made as small at every step: of int8 with a scale for each row and step, the sums exact; of bfloat16
 * summed as floats. weight_ih of a recurrent layer with up to 3 inputs, of bfloat16 with 1, stays float32, as its
 * inputs do: it takes no more room. sigma and tanh are good to 1e-4. Every processor gives the same bits, but for
 * the sign of what is not a number. Its tensors read as the numbers that the small weights stand for; it cannot be
 * set or trained. rnn_model_forward computes with those numbers in float32, so it
 * agrees with the streams to the accuracy of small activations only.
 * Errors: RNN_ERR_DTYPE for a model that is not float32, RNN_ERR_ARGUMENT for RNN_WEIGHTS_OWN, RNN_ERR_MODEL for one
 * that is quantized already or, of int8, has a layer of more than 133144 inputs or units, RNN_ERR_NONFINITE for
 * weights that are not finite.
 */
rnn_status rnn_model_quantize(const rnn_model *model, rnn_weights weights, rnn_model **quantized);

/* ---- 4. Sequences --------------------------------------------------------------------------- */

/* A buffer that is read, and one that is written. data == NULL means: not given. */
typedef struct rnn_in {
  const void *data;
  size_t bytes;
} rnn_in;
typedef struct rnn_out {
  void *data;
  size_t bytes;
} rnn_out;

/*
 * A batch of B sequences of up to T steps.
 *
 * lengths: sequence b has lengths[b] valid steps, 0 to T (1 to T with a last-step head). After its end
 * its state, and the outputs of recurrent layers and of what stands above them, keep their last values;
 * padding is not looked at, and reaches neither loss nor gradient: results equal those of running the
 * sequence alone.
 */
typedef struct rnn_batch {
  size_t struct_size;
  int64_t time_steps;   /* T, at least 1 */
  int64_t batch_size;   /* B, at least 1 */
  rnn_in input;         /* features [T, B, I] of the model's dtype, or token ids [T, B] */
  rnn_in lengths;       /* optional int64 [B] */
  rnn_in state;         /* optional initial state, B * state_bytes_per_row; absent: zeros */
  rnn_out state_out;    /* optional final state; may be the buffer of `state` */
  rnn_out output;       /* [T, B, O], or [B, O] with a last-step head; optional in training */
  rnn_in target;        /* training: labels [T, B] or values [T, B, O]; without T with a last-step head */
  rnn_in weights;       /* training, optional: weight of each step's loss, model's dtype, [T, B] or [B] */
  rnn_dtype token_type; /* of token ids: RNN_INT32 or RNN_INT64; 0 means RNN_INT32 */
  rnn_dtype label_type; /* of class labels: the same choice */
  int32_t observe;      /* training: 1: this step is looked at, see section 9 */
  /* RNN_CTC: target is labels [B, U], of each row so many: optional int64 [B], 0 to U; absent: U. */
  rnn_in target_lengths;
} rnn_batch;

/*
 * Runs the model over a batch: reads input, lengths, state; writes output and state_out. No dropout.
 * Errors: RNN_ERR_SHAPE, RNN_ERR_DTYPE, RNN_ERR_ARGUMENT (sizes, a token or length out of range; the
 * message names its place), RNN_ERR_NAN. Threads: as reading the model.
 */
rnn_status rnn_model_forward(const rnn_model *model, const rnn_batch *batch);

/* ---- 5. Training ---------------------------------------------------------------------------- */

typedef enum rnn_loss {
  RNN_CROSS_ENTROPY = 0,        /* softmax cross-entropy; target: class labels in 0..O-1 */
  RNN_MEAN_SQUARED = 1,         /* (y - target)^2; target: values */
  RNN_BINARY_CROSS_ENTROPY = 2, /* of logits, one per output; target: values, meant in [0, 1] */
  RNN_HUBER = 3, /* d^2/2 where |d| <= v, v (|d| - v/2) beyond; d = y - target, v = huber_delta */
  /*
   * -log p of the labels of a sequence, Graves et al. 2006: of all paths of a class a step, by logits, that are the
   * labels once repetitions are made one, then blanks are taken out. target: labels [B, U], none of them blank.
   * RNN_MEAN: over the rows, each divided by the number of its labels, at least 1. Labels that take more steps than
   * there are have an infinite loss. Not with a last-step head, bptt, recompute or the weights of a batch.
   */
  RNN_CTC = 4
} rnn_loss;

/*
 * Over the valid elements: steps before a sequence's end, labels that are not ignored, with their
 * weights. RNN_MEAN divides by the sum of the weights (1 each unless given; times those of the labels' classes, if
 * there are any), and, for the element-wise losses, by O: PyTorch's definitions. A mean over nothing is NaN and the
 * step is skipped.
 */
typedef enum rnn_reduction { RNN_MEAN = 0, RNN_SUM = 1 } rnn_reduction;

/* PyTorch's formulas and defaults. */
typedef enum rnn_optimizer {
  RNN_ADAM = 0,   /* Kingma and Ba 2015; weight decay added to the gradient */
  RNN_ADAMW = 1,  /* Loshchilov and Hutter 2019; weight decay apart from the gradient */
  RNN_SGD = 2,    /* with momentum and Nesterov's momentum */
  RNN_RMSPROP = 3 /* Tieleman and Hinton 2012, not centred */
} rnn_optimizer;

/* Over all parameters together, or each tensor by itself. */
typedef enum rnn_clip_scope { RNN_CLIP_GLOBAL = 0, RNN_CLIP_PER_TENSOR = 1 } rnn_clip_scope;

/* What a gradient that is not finite does. It never reaches the weights. */
typedef enum rnn_nonfinite {
  RNN_NONFINITE_SKIP = 0, /* the step changes nothing and is counted */
  RNN_NONFINITE_FAIL = 1, /* as well, and rnn_trainer_step returns RNN_ERR_NONFINITE */
  /*
   * The last update is taken back, weights and optimiser, and the learning rate multiplied by rollback_factor.
   * A second such step in a row finds the same weights and lowers the rate again. Before any
   * update, and where somebody has written the weights since the last one: as SKIP.
   */
  RNN_NONFINITE_ROLL_BACK = 2
} rnn_nonfinite;

/* A literal zero for the fields of rnn_trainer_options in which 0 means the default. */
#define RNN_ZERO (-1.0)

/*
 * How the learning rate goes from update to update: PyTorch's StepLR; CosineAnnealingLR, Loshchilov and Hutter 2017;
 * OneCycleLR, Smith and Topin 2018; ReduceLROnPlateau. Of b, learning_rate, and n, the number of updates so far: steps
 * that are skipped do not count, and an update that is taken back counts no more. T, g, f and d, e are
 * schedule_period, factor, floor and the two divisors; r is the number of reductions by rnn_trainer_report_metric.
 */
typedef enum rnn_schedule {
  RNN_SCHEDULE_NONE = 0,      /* b */
  RNN_SCHEDULE_STEP = 1,      /* b g^floor(n / T) */
  RNN_SCHEDULE_COSINE = 2,    /* f + (b - f) (1 + cos(pi n / T)) / 2, and f from n = T on */
  RNN_SCHEDULE_ONE_CYCLE = 3, /* b / d; half a cosine to b at n = 0.3 T - 1; one to b / (d e) at T - 1 */
  RNN_SCHEDULE_PLATEAU = 4    /* max(b g^r, f) */
} rnn_schedule;

typedef struct rnn_trainer_options {
  size_t struct_size;
  rnn_loss loss;
  rnn_reduction reduction;
  int32_t has_ignore_index; /* 1: use the next field; 0: -100 is ignored, as in PyTorch */
  int64_t ignore_index;     /* a label that counts for nothing */
  rnn_optimizer optimizer;
  int32_t nesterov;     /* SGD: 1 for Nesterov's momentum */
  double learning_rate; /* >= 0; default 1e-3, RMSprop 1e-2; RNN_ZERO for none */
  double momentum;      /* SGD, RMSprop; >= 0, default 0 */
  double beta1, beta2;  /* Adam, AdamW; in [0, 1), default 0.9 and 0.999; RNN_ZERO for 0 */
  double alpha;         /* RMSprop smoothing; in [0, 1), default 0.99; RNN_ZERO for 0 */
  double eps;           /* > 0, default 1e-8 */
  double weight_decay;  /* >= 0, default 0, AdamW 1e-2; RNN_ZERO for none */
  /*
   * Clipping, each kind off at 0 and any combined, in this order: clip_step_value, clip_step_norm (within
   * backpropagation); penalties' gradients are added; clip_value; clip_adaptive; clip_tensor_norm; clip_norm and
   * clip_quantile. Norms are computed in double and do not overflow.
   */
  double clip_value;         /* each g into [-v, v] */
  double clip_norm;          /* if |g| > v, g <- g v / |g| */
  rnn_clip_scope clip_scope; /* of clip_norm */
  rnn_nonfinite nonfinite;
  int64_t bptt;  /* k >= 1: the gradient is cut every k steps, the state carried on; 0: full */
  uint64_t seed; /* of dropout */
  /*
   * 1: less memory for more time. Activations are kept for a segment of about sqrt(T) steps at a time, in whole
   * blocks of 512 / B steps, and computed again on the way back. The gradient has the same bits, but for a
   * last-step head with lengths, and for weight_drop, whose sums are in another order. 0: activations of all steps are kept.
   */
  int32_t recompute;
  double clip_tensor_norm; /* as clip_norm, of each tensor by itself */
  double
      clip_adaptive; /* of each row of a matrix, and each vector: |g| <= v max(|w|, 1e-3), Brock et al. 2021 */
  double clip_quantile; /* in (0, 1]: clip_norm is this quantile of the last norms, once there are 10 */
  int64_t clip_window;  /* how many of the last norms, 10 to 1048576; 0 means 1000 */
  double
      clip_step_value; /* dL/dh_t of each recurrent layer, before it goes on backward: each element into [-v, v] */
  double clip_step_norm;  /* then its norm, sequence by sequence and step by step, as clip_norm */
  double rollback_factor; /* in (0, 1], 0 means 0.5 */
  /*
   * Penalties, added to the loss that is minimised but not to the loss that is reported. Each weight >= 0; 0: off.
   *
   * omega: Pascanu, Mikolov and Bengio 2013, for every recurrent layer: the mean over sequences and steps of
   *   (|v|^2 / |d|^2 - 1)^2, d = dL/ds_t, v = (ds_t/ds_{t-1})' d, s = h or (h, c). Squared norms are those of the
   *   authors' program, with their weights 4 and 2. Only W_hh gets a gradient, d and h being taken as constant. For plain
   *   layers alone, RNN_ERR_MODEL for others.
   * orthogonality: sum of |W'W - 1|^2 over the recurrent matrices, gate by gate.
   * activation_penalty, temporal_activation_penalty: Merity, McCann and Socher 2017: of the last recurrent layer the
   *   mean of h_t^2, and of (h_t - h_{t-1})^2 between two cuts of the gradient (not with recompute); h_t is what the
   *   layer gives, of both ways or with its input where it is residual.
   */
  double omega;
  double orthogonality;
  double activation_penalty;
  double temporal_activation_penalty;
  /*
   * RNN_CROSS_ENTROPY, with the weights w of the classes and the smoothing e, in PyTorch's form:
   * (1 - e) w_y l_y + e/O sum over c of w_c l_c, where l_c is the cross-entropy with label c and y is the target.
   */
  double label_smoothing; /* e in [0, 1) */
  rnn_in class_weights;   /* optional doubles [O], >= 0; copied. rnn_trainer_class_weights reads them */
  double huber_delta;     /* RNN_HUBER; > 0, 0 means 1 */
  int64_t blank;          /* RNN_CTC: the class that is no label, 0 to O-1 */
  int32_t zero_infinity;  /* RNN_CTC: 1: a row whose loss is infinite has loss 0 and no gradient */
  rnn_schedule schedule;
  /*
   * W >= 0: the first W updates have (n + 1) / (W + 1) of the rate with which the schedule begins, and its own n is 0
   * after them: LinearLR before another in SequentialLR. period: T >= 1, of a plateau the number of reports in a row
   * that may be no better, where 0 means 10 and RNN_ZERO none.
   */
  int64_t schedule_warm_up;
  int64_t schedule_period;
  double schedule_factor;        /* STEP, PLATEAU: g in (0, 1], 0 means 0.1 */
  double schedule_floor;         /* COSINE, PLATEAU: f >= 0 */
  double schedule_divisor;       /* ONE_CYCLE: d >= 1, 0 means 25 */
  double schedule_final_divisor; /* ONE_CYCLE: e >= 1, 0 means 1e4 */
  /*
   * k >= 1: an update goes by the mean of the gradients of k steps, which is clipped; 0 means 1. A step whose gradient
   * is not finite, or of nothing, is left out and another awaited; one that is rolled back drops the whole group. Norms
   * of gradients, and rnn_trainer_gradient, are those of the step by itself, but with the update those of the mean.
   */
  int64_t accumulate;
  double ema_decay; /* d in (0, 1): weights are averaged, see rnn_trainer_average; 0: they are not */
} rnn_trainer_options;

/* What became of a step. */
typedef enum rnn_action {
  RNN_UPDATED = 0,
  RNN_SKIPPED = 1,
  RNN_ROLLED_BACK = 2,
  RNN_ACCUMULATED = 3 /* its gradient waits for those of the next steps, see accumulate */
} rnn_action;

/* Which kinds of clipping changed a gradient: a sum of these. */
typedef enum rnn_clipping {
  RNN_CLIPPED_VALUE = 1,
  RNN_CLIPPED_ADAPTIVE = 2,
  RNN_CLIPPED_TENSOR_NORM = 4,
  RNN_CLIPPED_NORM = 8,
  RNN_CLIPPED_STEP = 16
} rnn_clipping;

/*
 * Where a number that is not finite first appeared. Looked for in the order of the computation: activations, layer
 * by layer, each from the first step on; the loss of each step; gradients by the states, from the last layer and
 * step back; sums over the steps for a tensor.
 */
typedef enum rnn_origin {
  RNN_ORIGIN_NONE = 0,
  RNN_ORIGIN_ACTIVATION = 1,
  RNN_ORIGIN_LOSS = 2,
  RNN_ORIGIN_STATE_GRADIENT = 3,
  RNN_ORIGIN_TENSOR_GRADIENT = 4
} rnn_origin;

typedef struct rnn_step_report {
  size_t struct_size;
  double loss;           /* reduced over the whole batch */
  double grad_norm;      /* over all parameters, before clipping; 0 after rnn_trainer_evaluate */
  double learning_rate;  /* used in this step; after rnn_trainer_evaluate that of the next */
  int32_t clipped;       /* 1: clipping changed the gradient */
  int32_t skipped;       /* 1: there was no update: the step was skipped or rolled back */
  int64_t step;          /* steps taken so far, this one and skipped ones included */
  int64_t clipped_steps; /* of these, clipped */
  int64_t skipped_steps; /* of these, skipped */
  rnn_action action;
  int32_t clipping;          /* rnn_clipping values */
  double clip_threshold;     /* the bound on the norm over all parameters that was in force; 0: none */
  int64_t clipped_places;    /* sequences, steps and layers at which dL/dh_t was clipped */
  double penalty;            /* what the penalties added to the loss, with their weights */
  double omega;              /* Omega by itself */
  int64_t rolled_back_steps; /* of the steps so far; skipped ones are counted apart */
  size_t flow_count;         /* observed step: stacked recurrent layers that rnn_trainer_flow tells of */
  rnn_origin origin;      /* of a gradient that is not finite; where in the stack, the layer, the sequence: */
  int64_t origin_layer;   /* -1 where it is of none */
  int64_t origin_level;   /* -1 */
  int64_t origin_step;    /* -1 */
  char origin_tensor[64]; /* a tensor whose gradient it spoiled */
} rnn_step_report;

/*
 * An optimiser and the memory of backpropagation for one model.
 * Threads: one at a time. A trainer keeps its model alive.
 */
typedef struct rnn_trainer rnn_trainer;

/* options may be NULL: cross-entropy, mean, Adam. Errors: RNN_ERR_ARGUMENT, RNN_ERR_MODEL. */
rnn_status rnn_trainer_create(rnn_model *model, const rnn_trainer_options *options, rnn_trainer **trainer);

/* Closes the handle. NULL is allowed. */
rnn_status rnn_trainer_free(rnn_trainer *trainer);

/*
 * One update, or one in `accumulate` calls: forward, loss L = sum over t of L^(t), backpropagation through time,
 * clipping, optimiser.
 * Reads input, target, lengths, state, weights; writes state_out and output (the outputs before the
 * update) when given. state starts the sequences and is not differentiated: to train on an endless
 * stream, hand each call the state_out of the one before.
 * Errors: as rnn_model_forward, the same checks on target and weights, and RNN_ERR_NONFINITE, with which
 * the report is filled and `output` holds what led to it, as it does with RNN_ERR_OUT_OF_MEMORY if that comes while
 * such a gradient's origin is looked for; state_out is not written. After any error the weights are
 * unchanged. When a step with a gradient that is not finite is skipped or rolled back and its final
 * state is not finite either, state_out is zeros.
 */
rnn_status rnn_trainer_step(rnn_trainer *trainer, const rnn_batch *batch, rnn_step_report *report);

/* The loss of a batch and nothing else: no dropout, no gradient, no update. Errors: as rnn_trainer_step. */
rnn_status rnn_trainer_evaluate(rnn_trainer *trainer, const rnn_batch *batch, rnn_step_report *report);

/*
 * The options in force, defaults filled in; learning_rate as last set or rolled back, before the schedule; of
 * class_weights the size only.
 */
rnn_status rnn_trainer_describe(const rnn_trainer *trainer, rnn_trainer_options *options);

/* The weights of the classes, doubles [O]; if there are none, bytes may be 0. Errors: RNN_ERR_SHAPE. */
rnn_status rnn_trainer_class_weights(const rnn_trainer *trainer, double *weights, size_t bytes);

/* Any finite rate >= 0, from the next step on; under a schedule its b. Errors: RNN_ERR_ARGUMENT. */
rnn_status rnn_trainer_set_learning_rate(rnn_trainer *trainer, double learning_rate);

/* The weights of the penalties, from the next step on. Errors: RNN_ERR_ARGUMENT. */
rnn_status rnn_trainer_set_penalties(rnn_trainer *trainer, double omega, double orthogonality,
                                     double activation_penalty, double temporal_activation_penalty);

/*
 * The gradient of the last step for a tensor of the state dictionary, penalties included, before clipping; zeros
 * before any.
 */
rnn_status rnn_trainer_gradient(const rnn_trainer *trainer, const char *name, void *data, size_t bytes);

/* A new handle to the trainer's model; free it as any other. */
rnn_status rnn_trainer_model(const rnn_trainer *trainer, rnn_model **model);

/*
 * Tells RNN_SCHEDULE_PLATEAU how well training goes, a loss on other data, say: less is better. It is so if it is less
 * than (1 - 1e-4) times the best so far. After more than schedule_period reports in a row that are not, the rate is
 * reduced, if by more than 1e-8, and counting begins anew. Errors: RNN_ERR_ARGUMENT for another schedule, and for a
 * metric that is not finite.
 */
rnn_status rnn_trainer_report_metric(rnn_trainer *trainer, double metric);

/*
 * A new model, independent of the trainer's, with the average of its weights: avg = d avg + (1 - d) w after each update,
 * in the model's dtype, beginning as the weights at the trainer's creation. Taken back with an update that is.
 * Errors: RNN_ERR_ARGUMENT without ema_decay.
 */
rnn_status rnn_trainer_average(const rnn_trainer *trainer, rnn_model **model);

/* What tensors have of their own in updates. */
typedef struct rnn_group {
  size_t struct_size;
  double rate_factor;  /* >= 0, of the learning rate, scheduled or not; 0 means 1, RNN_ZERO 0 */
  double weight_decay; /* >= 0; 0 means the trainer's, RNN_ZERO none */
  int32_t frozen;      /* 1: their bits stay, as do their averages, and their gradients are zeros */
} rnn_group;

/*
 * For the tensors whose name is `pattern`, in which each * stands for any text, as in "0.*" and "*bias*": from the next
 * step on, and in place of what an earlier call has said about them. Saved in checkpoints.
 * Errors: RNN_ERR_ARGUMENT, RNN_ERR_NAME when there is no such tensor, RNN_ERR_STRUCT_SIZE.
 */
rnn_status rnn_trainer_set_group(rnn_trainer *trainer, const char *pattern, const rnn_group *group);

/* ---- 6. Streaming --------------------------------------------------------------------------- */

/*
 * The running state of B independent sequences, its lanes, which go on one time step at a time: in an audio callback,
 * a control loop, a frame of a game, a server.
 *
 * Real time.  A function marked RNN_NONBLOCKING allocates nothing, takes no lock, waits for nobody and calls no system:
 * it works on the calling thread alone, in memory that rnn_stream_create has set aside, and numbers that become
 * very small cost no more than others. rnn_stream_prepare sees to it that the first step is not slower either. To a
 * compiler that knows the attribute nonblocking (clang from version 20 on) the mark is that attribute.
 *
 * Weights.  A stream reads a copy of its model's weights, as they were when it was created, packed in the order of
 * its reading. The model may be trained, set or freed meanwhile; rnn_stream_swap_model hands newer weights over.
 *
 * Bits.  Steps, blocks of steps and the whole sequence at once (rnn_model_forward, rnn_trainer_step) give the same
 * bits, and so does a lane alone or beside others; unless OpenBLAS was asked to multiply (the environment variable
 * LIBRNN_PRODUCTS).
 *
 * Lanes.  All lanes are active at first, unless some are asked to be idle. A lane joins by rnn_stream_import or rnn_stream_copy and ends
 * by rnn_stream_leave, between steps. A step costs what the active lanes cost: the input of idle lanes is not looked
 * at, their output not written.
 *
 * Threads: one at a time, but for rnn_stream_swap_model, which any other thread may call at any moment of the stream's
 * life. Streams are independent of each other.
 */
typedef struct rnn_stream rnn_stream;

#if defined(__clang__) && __clang_major__ >= 20
#define RNN_NONBLOCKING __attribute__((nonblocking))
#else
#define RNN_NONBLOCKING
#endif

typedef struct rnn_stream_options {
  size_t struct_size;
  int64_t batch_size;   /* B, the number of lanes; 0 means 1 */
  rnn_dtype token_type; /* RNN_INT32 or RNN_INT64; 0 means RNN_INT32 */
  int64_t idle_lanes;   /* so many, from the last lane on, are idle at first: 0 to B; others begin at zero */
} rnn_stream_options;

typedef struct rnn_stream_info {
  size_t struct_size;
  int64_t batch_size;
  int64_t active_lanes;
  size_t state_bytes;  /* of what rnn_stream_export writes for one lane */
  size_t weight_bytes; /* that a step reads */
  int64_t swaps;       /* weights that were handed over and are in use, or were */
} rnn_stream_info;

/* Copies and packs the weights and allocates all memory. options may be NULL. Errors: RNN_ERR_ARGUMENT. */
rnn_status rnn_stream_create(const rnn_model *model, const rnn_stream_options *options, rnn_stream **stream);

/* Closes the handle. NULL is allowed. */
rnn_status rnn_stream_free(rnn_stream *stream);

/*
 * Touches all memory that a step touches, and the code, by steps whose results are thrown away; the state of the lanes
 * is not changed. To be called once, on the thread that is going to stream, before its first step.
 */
rnn_status rnn_stream_prepare(rnn_stream *stream);

rnn_status rnn_stream_describe(const rnn_stream *stream, rnn_stream_info *info);

/*
 * One time step: input [B, I] or tokens [B], output [B, O]. A last-step head answers at every step. `output` may be
 * `input` where the two have one size.
 * Errors: RNN_ERR_SHAPE, RNN_ERR_NAN, RNN_ERR_ARGUMENT for a token out of range; nothing has changed then.
 */
rnn_status rnn_stream_step(rnn_stream *stream, const void *input, size_t input_bytes, void *output,
                           size_t output_bytes) RNN_NONBLOCKING;

/* n steps at once, as that many calls would: input [n, B, I] or tokens [n, B], output [n, B, O]. Errors: as a step. */
rnn_status rnn_stream_process(rnn_stream *stream, int64_t steps, const void *input, size_t input_bytes,
                              void *output, size_t output_bytes) RNN_NONBLOCKING;

/* All active lanes back to the zero state. */
rnn_status rnn_stream_reset(rnn_stream *stream) RNN_NONBLOCKING;

/*
 * The states of all lanes as rnn_model_state_tensor lays them out, B * state_bytes_per_row bytes: to go on where
 * rnn_model_forward ended, or the other way round. Idle lanes give zeros; what is set for them is not looked at.
 * Errors: RNN_ERR_SHAPE, RNN_ERR_NAN.
 */
rnn_status rnn_stream_get_state(const rnn_stream *stream, void *state, size_t bytes) RNN_NONBLOCKING;
rnn_status rnn_stream_set_state(rnn_stream *stream, const void *state, size_t bytes) RNN_NONBLOCKING;

/*
 * The state of an active lane as state_bytes plain bytes, to be kept, sent or written to a file: a lane that goes on
 * from them, in this process or another, gives the same bits. They begin with "RNNSTATE", a version and a mark of the
 * model's layers, and are the same on every machine of one byte order.
 * Errors: RNN_ERR_ARGUMENT for a lane that is idle or not there, RNN_ERR_SHAPE.
 */
rnn_status rnn_stream_export(const rnn_stream *stream, int64_t lane, void *state,
                             size_t bytes) RNN_NONBLOCKING;

/*
 * A lane begins, or goes on, from an exported state; from zeros if `state` is NULL and `bytes` 0. An idle lane joins.
 * Errors: RNN_ERR_ARGUMENT, RNN_ERR_SHAPE, RNN_ERR_FORMAT for bytes that are not the state of a model of these
 * layers and dtype, RNN_ERR_NAN. Nothing has changed then.
 */
rnn_status rnn_stream_import(rnn_stream *stream, int64_t lane, const void *state,
                             size_t bytes) RNN_NONBLOCKING;

/*
 * Lane `other_lane` of `other` goes on from the state of `lane`, which stays as it is: a fork within one stream, or a
 * copy to another stream of a model with these layers. An idle lane joins. Both streams belong to the thread.
 * Errors: RNN_ERR_ARGUMENT, RNN_ERR_MODEL.
 */
rnn_status rnn_stream_copy(const rnn_stream *stream, int64_t lane, rnn_stream *other,
                           int64_t other_lane) RNN_NONBLOCKING;

/* The lane becomes idle; its state is forgotten. Others do not notice. Errors: RNN_ERR_ARGUMENT. */
rnn_status rnn_stream_leave(rnn_stream *stream, int64_t lane) RNN_NONBLOCKING;

/*
 * Hands the present weights of a model to a stream that may be running: its next step or block uses them, and the
 * states of its lanes carry over. The stream neither waits nor frees: the weights it has done with are released by a
 * later swap or by rnn_stream_free. Weights that no step has used yet are replaced.
 * Threads: any, beside the thread of the stream, which is why a model can be trained while it is being listened to.
 * Reads the model. Not beside rnn_stream_free.
 * Errors: RNN_ERR_MODEL when layers, dtype or weights (rnn_weights) are not the stream's; RNN_ERR_OUT_OF_MEMORY. The stream goes on as before.
 */
rnn_status rnn_stream_swap_model(rnn_stream *stream, const rnn_model *model);

/* ---- 7. Files ------------------------------------------------------------------------------- */

/*
 * Models and checkpoints are safetensors files: tensors under their names, everything else as JSON text
 * in __metadata__, a CRC-32 over the whole. Saving writes a temporary file beside `path`, flushes it to
 * the disk and renames it: a crash leaves the old file or the new one. docs/file-format.md has the details.
 * Paths are passed to the system as they are. Errors: RNN_ERR_IO, RNN_ERR_FORMAT.
 */
rnn_status rnn_model_save(const rnn_model *model, const char *path);

/* Reads a model, or the model within a checkpoint. */
rnn_status rnn_model_load(const char *path, rnn_model **model);

/* A checkpoint: model, optimiser, options and counters. Training resumed from it goes on bit for bit. */
rnn_status rnn_trainer_save(const rnn_trainer *trainer, const char *path);
rnn_status rnn_trainer_resume(const char *path, rnn_trainer **trainer);

/* ---- 8. Single layers over your own buffers -------------------------------------------------- */

/*
 * For embedding librnn in another framework: no handles, nothing kept. A layer is its description; all
 * buffers come from the caller, and only small objects are allocated for the length of a call. These functions
 * may run on any threads at once.
 *
 * Sizes in bytes for T steps and B rows. `parameters` is one flat buffer, tensors in the order and at the
 * offsets of rnn_layer_tensor. `reserve` carries activations from forward to backward, which consumes it.
 * `workspace` is scratch of one call.
 */
typedef struct rnn_layer_sizes {
  size_t struct_size;
  size_t parameter_bytes;
  size_t tensor_count;
  size_t input_bytes;  /* of features; token ids take T*B times the size of their type */
  size_t output_bytes; /* [T, B, output_size]; [B, output_size] with last_step */
  size_t state_bytes;  /* h [L, B, H], then c [L, B, H] of an LSTM, see rnn_model_state_tensor; or 0 */
  size_t reserve_bytes;
  size_t workspace_bytes;
} rnn_layer_sizes;

/* Errors: RNN_ERR_MODEL, RNN_ERR_ARGUMENT, RNN_ERR_DTYPE. */
rnn_status rnn_layer_plan(const rnn_layer *layer, rnn_dtype dtype, int64_t time_steps, int64_t batch_size,
                          rnn_layer_sizes *sizes);

/* Tensor `index` of the layer's parameters, named without a place in a stack. Errors: as rnn_layer_plan. */
rnn_status rnn_layer_tensor(const rnn_layer *layer, rnn_dtype dtype, size_t index, rnn_tensor_info *info);

/* Fills the parameters as the description says. Errors: as rnn_layer_plan, and RNN_ERR_SHAPE. */
rnn_status rnn_layer_initialize(const rnn_layer *layer, rnn_dtype dtype, uint64_t seed, void *parameters,
                                size_t bytes);

typedef struct rnn_layer_call {
  size_t struct_size;
  rnn_dtype dtype;
  rnn_dtype token_type; /* RNN_EMBEDDING: RNN_INT32 or RNN_INT64; 0 means RNN_INT32 */
  int64_t time_steps;   /* T */
  int64_t batch_size;   /* B */
  rnn_in parameters;
  rnn_in input;      /* [T, B, I], or token ids [T, B] */
  rnn_in lengths;    /* optional int64 [B] */
  rnn_in state;      /* optional; absent: zeros */
  rnn_out output;    /* written by forward, read by backward */
  rnn_out state_out; /* optional; may be the buffer of `state` in forward if no backward follows */
  rnn_out reserve;   /* written by forward, consumed by backward */
  rnn_out workspace;
  int32_t training;      /* 1: dropout is applied */
  uint64_t dropout_seed; /* the same for forward and its backward, another for every step */
  /* The rest is for backward. */
  rnn_in grad_output;      /* of `output`; not read at padding */
  rnn_in grad_state_out;   /* optional; absent: zeros */
  rnn_out grad_input;      /* optional; absent for RNN_EMBEDDING */
  rnn_out grad_state;      /* optional */
  rnn_out grad_parameters; /* added to, not overwritten: clear it first */
} rnn_layer_call;

/* Errors: RNN_ERR_SHAPE, RNN_ERR_DTYPE, RNN_ERR_ARGUMENT, RNN_ERR_NAN, RNN_ERR_MODEL. */
rnn_status rnn_layer_forward(const rnn_layer *layer, const rnn_layer_call *call);

/* Needs everything forward was given and what it wrote, untouched. Errors: as rnn_layer_forward. */
rnn_status rnn_layer_backward(const rnn_layer *layer, const rnn_layer_call *call);

/* ---- 9. The gradient's way back through time ------------------------------------------------- */

/*
 * A training step whose batch has observe = 1 is looked at on its way back, at a few per cent of its time: what it
 * saw can be read until the next observed step. It computes the same bits as any other.
 */

/*
 * Judged in this order: not finite; more than half of the units stuck at zero; more than half of the tanh
 * activations beyond 0.9; less than a hundredth of the gradient's norm left after T - 1 steps back, or more than a
 * hundred times as much; else healthy.
 */
typedef enum rnn_verdict {
  RNN_HEALTHY = 0,
  RNN_VANISHING = 1,
  RNN_EXPLODING = 2,
  RNN_SATURATED = 3,
  RNN_DEAD = 4,
  RNN_DIVERGED = 5
} rnn_verdict;

/* One stacked recurrent layer of an observed step, in one direction; of the backward one in its own, turned time. */
typedef struct rnn_flow {
  size_t struct_size;
  size_t layer;        /* place in the stack */
  int64_t level;       /* place in the layer, 0 to L-1; of both directions 2 k, and 2 k + 1 for backward */
  int64_t hidden_size; /* H */
  int64_t time_steps;  /* T of the step */
  int64_t gate_count;  /* G */
  int32_t has_cell;    /* 1: an LSTM, whose state is (h, c) */
  rnn_verdict verdict;
  double rate; /* by which a step back multiplies the gradient's norm: geometric mean of RNN_FLOW_GAIN */
  double
      horizon; /* steps back after which a hundredth of the norm is left, ln(0.01) / ln(rate); or infinite */
  double saturated_fraction; /* of the activations of g, n or h that are a tanh, |.| > 0.9; NaN if none is */
  double dead_fraction;      /* of the units, |h| <= 1e-6 throughout */
  char reason[256];          /* of the verdict, a sentence in UTF-8 */
} rnn_flow;

/* Flow `index`, from the first layer on. Errors: RNN_ERR_ARGUMENT when no step was observed or index is too large. */
rnn_status rnn_trainer_flow(const rnn_trainer *trainer, size_t index, rnn_flow *flow);

/*
 * A number for each time step, over the sequences that are valid there; NaN where there are none.
 *
 * The gain of step t is |(ds_{t+1}/ds_t)' d| / |d|, d = dL/ds_{t+1}, s = h or (h, c), over all sequences together:
 * what the gradient that has arrived at t + 1 is multiplied by on its way to t, whatever L^(t) adds there. NaN at
 * the last step, at cuts of the gradient and where d is zero.
 */
typedef enum rnn_flow_series {
  RNN_FLOW_GRAD_H_MEAN = 0, /* |dL/dh_t|, mean and maximum over the sequences */
  RNN_FLOW_GRAD_H_MAX = 1,
  RNN_FLOW_GRAD_C_MEAN = 2, /* |dL/dc_t| of an LSTM */
  RNN_FLOW_GRAD_C_MAX = 3,
  RNN_FLOW_GAIN = 4,
  RNN_FLOW_H_MEAN = 5, /* of h_t over sequences and units: mean, standard deviation, largest magnitude */
  RNN_FLOW_H_STD = 6,
  RNN_FLOW_H_MAX = 7,
  /*
   * Part of the activations of a gate, of an Elman network of h_t, that is below 0.1, or -0.9 of a tanh; and above
   * 0.9; NaN of relu and identity. Thresholds: Karpathy, Johnson and Li 2015.
   */
  RNN_FLOW_GATE_LOW = 8,
  RNN_FLOW_GATE_HIGH = 9,
  RNN_FLOW_ALL =
      10 /* all of these, [8 + 2 G, T]: low, then high of each gate in turn; zeros for c without c */
} rnn_flow_series;

/* Writes [T] doubles, or all. gate: 0 to G-1 for gates, else 0. Errors: RNN_ERR_ARGUMENT, RNN_ERR_SHAPE. */
rnn_status rnn_trainer_flow_series(const rnn_trainer *trainer, size_t index, rnn_flow_series series,
                                   int32_t gate, double *values, size_t bytes);

/*
 * Of every tensor of the state dictionary in turn, [n, 3] doubles: the Euclidean norms of its gradient before clipping,
 * of the tensor before the update, and of the update; the last two are 0 if there was none. Their ratio is how far the
 * step moved it. Errors: RNN_ERR_ARGUMENT when no step was observed, RNN_ERR_SHAPE.
 */
rnn_status rnn_trainer_tensor_flow(const rnn_trainer *trainer, double *norms, size_t bytes);

/* ---- 10. The dynamics of a model ------------------------------------------------------------- */

/*
 * A model is a map from one state to the next, which its input drives. Everything here is computed in double
 * precision, whatever the model's type, from the model's own forward pass without dropout. n is the number of
 * numbers in the state of one sequence, in the order of rnn_model_state_tensor for one row: h [L, H] of each
 * recurrent layer, then c [L, H] of an LSTM. Threads: as reading the model. Recurrent layers have to be plain RNN_ELMAN
 * (tanh, relu, identity), RNN_GRU or RNN_LSTM: RNN_ERR_MODEL for others, but for spectra.
 */

/* Of a square matrix. */
typedef struct rnn_spectrum {
  size_t struct_size;
  int64_t size;           /* H */
  double spectral_radius; /* largest magnitude of an eigenvalue */
  double spectral_norm;   /* largest singular value */
} rnn_spectrum;

/*
 * The recurrent matrix [H, H] of one gate in a tensor "1.weight_hh_l0". eigenvalues: NULL, or [H, 2] doubles, real
 * and imaginary parts, the largest magnitude first. By LAPACK.
 * Errors: RNN_ERR_NAME, RNN_ERR_ARGUMENT, RNN_ERR_SHAPE, RNN_ERR_NONFINITE for weights that are not finite.
 */
rnn_status rnn_model_spectrum(const rnn_model *model, const char *name, int32_t gate, rnn_spectrum *spectrum,
                              double *eigenvalues, size_t bytes);

/*
 * ds_to/ds_from for each sequence of a batch, [B, n, n] doubles: the state after step `to` by the state after step
 * `from`, -1 for the initial state. Row i has the derivatives of number i of the later state. Reads input, lengths,
 * state. Needs -1 <= from <= to < T, and valid steps.
 * Errors: as rnn_model_forward, RNN_ERR_ARGUMENT, RNN_ERR_SHAPE, RNN_ERR_MODEL for a model without state,
 * RNN_ERR_NONFINITE when a state does not stay finite.
 */
rnn_status rnn_model_jacobian(const rnn_model *model, const rnn_batch *batch, int64_t from, int64_t to,
                              double *jacobian, size_t bytes);

/*
 * Finite-time Lyapunov exponents: the rates, per step and by the natural logarithm, at which neighbouring states of
 * a sequence part in m orthogonal directions. The directions go along with the state, are orthonormalised by QR, and
 * the exponents are the means of ln |R_ii|: Benettin et al. 1980, for trained networks Engelken, Wolf and Abbott 2023.
 * A direction that is lost, as in units of relu that are off, has an exponent of -infinity.
 */
typedef struct rnn_lyapunov {
  size_t struct_size;
  rnn_out exponents; /* [B, m] doubles */
  /* The rest is optional. */
  rnn_out
      errors; /* [B, m] doubles: standard error of the mean of ten parts of the time; NaN of less than ten */
  rnn_out dimension; /* [B] doubles: Kaplan and Yorke 1979; NaN if it takes more exponents than m */
  rnn_out entropy;   /* [B] doubles: sum of the positive exponents, Pesin 1977 */
  int64_t count;     /* m leading exponents, 1 to n; 0: all n */
  int64_t warm_up; /* first steps that are left out, in which the directions settle; less than every length */
  int64_t interval; /* steps between orthonormalisations, so few that directions stay apart; 0 means 1 */
} rnn_lyapunov;

/*
 * Of each sequence of a batch; reads input, lengths, state.
 * Errors: as rnn_model_forward, RNN_ERR_ARGUMENT, RNN_ERR_SHAPE, RNN_ERR_MODEL for a model without state,
 * RNN_ERR_NONFINITE when a state does not stay finite.
 */
rnn_status rnn_model_lyapunov(const rnn_model *model, const rnn_batch *batch, const rnn_lyapunov *lyapunov);

/*
 * Gradient flossing, Engelken 2023: one update that moves the m leading exponents towards 0, so that the gradient
 * keeps its norm in m directions. It goes down the gradient of F, the mean over the sequences of 1/m times the sum of
 * the squares of the exponents. As in a training step that gradient is clipped, but for clip_quantile and the clipping
 * of steps, is judged by the policy, and goes into the optimiser; penalties are not added. To keep the two apart make
 * another trainer of the same model for this. Before training, and now and then during it, a few hundred are enough.
 *
 * Reads input, lengths, state. lyapunov: receives what rnn_model_lyapunov measures, before the update. report: loss is
 * F, the rest is as in rnn_trainer_step; `accumulate` is not for this. Takes about as many bytes as (m + 8) sequences
 * of T states in double for one row at a time. Where exponents are large over many steps the gradient is, too: prefer short sequences and clip_norm.
 * A state that does not stay finite, or a direction that is lost, makes the gradient not finite; report->origin stays
 * none, and exponents that were not reached are NaN. Threads: as rnn_trainer_step.
 * Errors: as rnn_model_lyapunov; RNN_ERR_NONFINITE when the policy is to fail. The weights are unchanged then.
 */
rnn_status rnn_trainer_floss(rnn_trainer *trainer, const rnn_batch *batch, const rnn_lyapunov *lyapunov,
                             rnn_step_report *report);

/* ---- 11. From logits to tokens and labels ---------------------------------------------------- */

/*
 * Functions of their arguments and nothing else: any number of threads may call them at once. Logits may be -infinity,
 * for what must not come; a row needs one number. NaN and infinity are refused.
 */

/*
 * A place in one of 2^64 sequences of random numbers of a seed, by the counter-based generator of Salmon et al. 2011.
 * Plain data of the caller's: RNN_INIT does not apply, zeros are a good beginning. A copy goes on with the same
 * numbers, and with another `stream` it has numbers of its own.
 */
typedef struct rnn_random {
  uint64_t seed;
  uint64_t stream;
  uint64_t position; /* numbers taken so far */
} rnn_random;

typedef struct rnn_sampling {
  size_t struct_size;
  rnn_dtype dtype;      /* of the logits */
  rnn_dtype token_type; /* RNN_INT32 or RNN_INT64; 0 means RNN_INT32 */
  int64_t batch_size;   /* B; 0 means 1 */
  double temperature;   /* > 0, 0 means 1; RNN_ZERO: the likeliest token, of equals the first */
  int64_t top_k;        /* only the k largest logits, of equals the first; 0 means all */
  double top_p; /* in (0, 1]: of these the fewest of the likeliest that have probability p; 0 means 1 */
} rnn_sampling;

/*
 * Draws a token from softmax(logits / temperature) for each row: logits [B, O], random [B], tokens [B]. Takes one random
 * number a row; random may be NULL where none is needed. The computation is in double, so that a seed means the same
 * tokens everywhere, but for the last bit of the system's exp. Takes no memory. sampling may be NULL.
 *
 * To go on from one text in two ways, fork what generates it: the lane and its random numbers.
 *
 *     rnn_stream_copy(stream, 0, stream, 1);
 *     random[1] = random[0];
 *     random[1].stream = 1;
 *
 * Errors: RNN_ERR_ARGUMENT, RNN_ERR_SHAPE, RNN_ERR_DTYPE, RNN_ERR_NAN. Nothing has been drawn then.
 */
rnn_status rnn_sample(const rnn_sampling *sampling, const void *logits, size_t logit_bytes,
                      rnn_random *random, void *tokens, size_t token_bytes);

/* What RNN_CTC has learned, read off: the labels of each row of a batch. */
typedef struct rnn_ctc_decoding {
  size_t struct_size;
  rnn_dtype dtype;       /* of the logits */
  int64_t time_steps;    /* T */
  int64_t batch_size;    /* B */
  int64_t classes;       /* O */
  rnn_in logits;         /* [T, B, O]: the model's output */
  rnn_in lengths;        /* optional int64 [B], 0 to T */
  int64_t blank;         /* 0 to O-1 */
  int64_t beam_width;    /* labellings that are followed; 0: only the likeliest path is */
  rnn_out labels;        /* int64 [B, T], filled up with -1 */
  rnn_out label_lengths; /* int64 [B] */
  rnn_out
      log_probabilities; /* optional doubles [B]: of the likeliest path, or of the labels as far as found */
} rnn_ctc_decoding;

/*
 * Prefix beam search, Graves et al. 2006 and Hannun et al. 2014 without a language model: exact if no labelling falls
 * out of the beam. Takes memory of about beam_width * T nodes for the length of the call.
 * Errors: RNN_ERR_ARGUMENT, RNN_ERR_SHAPE, RNN_ERR_DTYPE, RNN_ERR_NAN.
 */
rnn_status rnn_ctc_decode(const rnn_ctc_decoding *decoding);

#ifdef __cplusplus
}
#endif

#endif
