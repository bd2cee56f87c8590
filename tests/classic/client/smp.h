/* SPDX-License-Identifier: MIT */
#ifndef SMP_H
#define SMP_H

#include "timing.h"

/* ap.S writes it. here: 0 before, 1 when all words are there; 2 lets the processor go on. */
struct ap_report {
	uint32_t words[25];
	uint32_t here;
};
extern struct ap_report ap_report;
extern const char ap_entry[];

/* Runs it on the second processor, waits at most a second; its result, or 0xdead. */
uint32_t do_on_ap(uint32_t (*work)(uint32_t), uint32_t argument);
void start_on_ap(uint32_t (*work)(uint32_t), uint32_t argument);
uint32_t end_on_ap(void);
uint32_t ap_prepare(uint32_t unused);
void both_processors(void);

#endif
