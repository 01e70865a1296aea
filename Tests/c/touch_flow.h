/* touch_flow.h: what touch.c takes from touch_flow.c. */
#ifndef TOUCH_FLOW_H
#define TOUCH_FLOW_H

#include "rnn.h"

/* Reads all that the step of a report, an observed one, saw. */
void touch_flow(rnn_trainer *trainer, const rnn_step_report *report, const rnn_model_info *info);

/* Halves the weights of the penalties. */
void touch_penalties(rnn_trainer *trainer);

/* Takes a step whose gradient is not finite. */
void touch_origin(rnn_trainer *trainer, const rnn_batch *batch, int rolls_back);

#endif
