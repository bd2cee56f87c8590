/* SPDX-License-Identifier: MIT */
/* Between the files of the mechanism. */
#ifndef LNX_INTERNAL_H
#define LNX_INTERNAL_H

#include "runner.h"

/* stub.c */
/* Makes the process; its registers, which are looked for once: others may write to its area. Null: message in start_problem. */
struct context *stub_start_one(struct stub *stub, uint32_t index);
extern const char *start_problem;
void stub_kill(struct stub *stub);
bool stub_stopped(struct stub *stub);  /* newly found stopped */
bool stub_await(struct stub *stub);    /* waits for it to stop; false: it died, or does not */
void stub_resume(struct stub *stub);
void stub_reap(void);		       /* after SIGCHLD */
void stubs_end(void);
struct context *stub_context(struct stub *stub); /* null when its pointer is no good */
extern struct stub users[USER_COUNT];

/* command.c: host calls made by a stub, before it goes on */
void command_map(struct stub *stub, uint64_t address, uint64_t size, uint64_t offset, uint32_t prot, bool populate);
void command_unmap(struct stub *stub, uint64_t address, uint64_t size);
/* Linux's struct user_desc: a slot of the local table, base, limit, kind. */
struct descriptor {
	uint32_t slot, base, limit, flags;
};
void command_descriptor(struct stub *stub, const struct descriptor *descriptor);
/* Makes room in the list, before the runs are changed: that may make it forget all runs. */
void command_room(struct stub *stub);
bool stub_waits(const struct stub *stub); /* proven; waits a while for it */
bool command_submit(struct stub *stub, bool answer); /* hands the list over; false: the stub does not wait */
bool command_done(struct stub *stub, uint32_t reason); /* it has stopped; false: not with the list that it had, or that it never had one */
void command_failed(struct stub *stub);

/* filter.c: to be called by the stub itself; 0 or a negative error number */
long filter_install(const struct stub *stub);

/* guard.c: the runner's own bounds */
void guard_files(void);	  /* before there are stubs: as far as the host's kernel has it */
long guard_install(void); /* once both threads run; 0 or a negative error number */

/* map.c */
void map_boot(void);
/* A page fault: true when it was mapped; else *error is the guest's error code, or MAP_STUCK: user mode cannot get on there. */
#define MAP_STUCK 0x100
bool map_fault(struct stub *stub, uint64_t address, uint32_t access, uint64_t rip, uint64_t *error);
void map_progress(void); /* something else happened than a fault that was mapped */
void map_validate(struct stub *stub, uint64_t root);
void map_drop_page(struct stub *stub, uint64_t root, uint64_t address);
void map_drop_all(struct stub *stub);
bool map_drop_for_room(struct stub *stub); /* false: that does not help */

/* fault.c */
void handle_stop(struct stub *stub);

/* finish.c: waits for the end when the other thread has begun it */
void finish_is_the_others(void);

/* main.c */
extern uint8_t *memory; /* M's mapping of the memory file */
extern volatile uint32_t *bell;
extern volatile uint32_t child_died;
void futex_wake(volatile uint32_t *word, uint32_t who);
void bell_wait(uint32_t seen, uint64_t nanoseconds);

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);
size_t strlen(const char *s);

#endif
