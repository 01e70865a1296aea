/* touch_decoding.h: what touch.c takes from touch_decoding.c. */
#ifndef TOUCH_DECODING_H
#define TOUCH_DECODING_H

/* Losses with options of their own, CTC, and all that is made of logits. */
void touch_decoding(void);

#endif
