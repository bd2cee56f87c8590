/* SPDX-License-Identifier: MIT */
/*
 * The conformance kit's kernels. A test belongs to one call of the interface, has one kind, and a name that says what
 * is promised:
 *
 *	TEST(PTE_SET_BATCH, BOUNDARY, an_empty_batch_changes_nothing)
 *	{
 *		same("it gives 0", pv_pte_set_batch((uint64_t)updates, 0), 0);
 *	}
 *
 * is the test conform/mmu/pte-set-batch~an-empty-batch-changes-nothing. It finds the machine as the boot contract and
 * reset() leave it, and need not clean up but what reset() does not know: tables that refer to pages it gives back.
 * A test that makes no check fails; so does one in which an exception comes outside attempt().
 *
 * What is said on the console, each a line of its own:
 *
 *	@ GROUP/CALL~VARIATION		a test begins
 *	  SENTENCE: found 0x1, expected 0x2	a check of it that is not good
 *	~ BYTES HASH			what the console must have carried since the @ line (shown())
 *	= SUCCESS			it ends; or = FAILURE, or = SKIP REASON: no group NAME, or what skip() was told
 *	conform: N run			all of them did
 */
#ifndef CONFORM_H
#define CONFORM_H

#include "common.h"

/* What a test is about: use as the contract describes it; its limits; arguments that it does not allow. */
enum { POSITIVE = 1, BOUNDARY, HOSTILE };

/* How the machine ends by a test: it does not; or by Shutdown with that reason. */
enum { ENDS_NOT, ENDS_EXIT, ENDS_REBOOT, ENDS_CRASH, ENDS_REFUSED };

/* Flags: the tool types INPUT_LINE and a newline for the test, before the guest starts; a crash is as good as going on. */
enum { CONFORM_INPUT = 1, CONFORM_MAY_END = 2 };
#define INPUT_LINE "a line of input"

/* In the file's section conform, where the tool reads it. */
struct conform_test {
	uint32_t call; /* VMI_CALL_ */
	uint8_t kind, ends, code, flags; /* code: exit status, for ENDS_EXIT */
	uint64_t needs; /* bit per group besides the call's own */
	const char *name; /* CALL~variation */
	void (*run)(void);
};
_Static_assert(sizeof(struct conform_test) == 32, "as the tool reads it");

#define TEST_RECORD(CALL, KIND, VARIATION, ENDS, CODE, FLAGS, NEEDS)				\
	static void test_##CALL##_##VARIATION(void);						\
	static const struct conform_test record_##CALL##_##VARIATION				\
	__attribute__((used, aligned(8), section("conform"))) =					\
		{ VMI_CALL_##CALL, KIND, ENDS, CODE, FLAGS, NEEDS, #CALL "~" #VARIATION,		\
		  test_##CALL##_##VARIATION };							\
	static void test_##CALL##_##VARIATION(void)

#define TEST(CALL, KIND, VARIATION) TEST_RECORD(CALL, KIND, VARIATION, ENDS_NOT, 0, 0, 0)
/* One that needs other groups too: GROUP_BIT(SMP) | ... */
#define TEST_NEEDS(CALL, KIND, VARIATION, GROUPS) TEST_RECORD(CALL, KIND, VARIATION, ENDS_NOT, 0, 0, GROUPS)
/* One that ends the machine: these run last, each on a machine of its own from there on. */
#define TEST_ENDS(CALL, KIND, VARIATION, ENDS, CODE) TEST_RECORD(CALL, KIND, VARIATION, ENDS, CODE, 0, 0)
/*
 * A guest error, by which the hypervisor may end the guest: a crash of the machine is as good as going on with every check
 * kept. Runs among those that end it; no check before the error.
 */
#define TEST_MAY_END(CALL, KIND, VARIATION) TEST_RECORD(CALL, KIND, VARIATION, ENDS_NOT, 0, CONFORM_MAY_END, 0)
/* One that reads a line of console input, but not its newline: these run first. */
#define TEST_INPUT(CALL, KIND, VARIATION) TEST_RECORD(CALL, KIND, VARIATION, ENDS_NOT, 0, CONFORM_INPUT, 0)
#define GROUP_BIT(GROUP) (1ull << VMI_GROUP_##GROUP)

/* ---- main.c ---- */

extern const struct conform_test *present; /* the test that runs */

void same(const char *sentence, uint64_t found, uint64_t expected);
void expect(const char *sentence, int good);
/* For a sentence about many things: the first that is wrong is told, the check comes once, with the sentence. */
void each(int good, uint64_t which);
void all(const char *sentence);
/*
 * A check of the tool's, once in a test, when all was written: the bytes, CR and LF left out, must be what the console
 * carried since the test began.
 */
void shown(const void *bytes, size_t size);

/*
 * What the test is about does not exist here, and the reason, a few words, says what: the test counts as one that did not run.
 * What can be checked all the same is a test of its own. Nothing is skipped when a check was not good.
 */
void skip(const char *reason);

/* Waits up to 1 s for a counter of a handler. */
int comes(const volatile unsigned *counter, unsigned least);
/* Waits for input: what ConsoleRead gives, the first time that this is not 0; for 1 s at least and 20,000 tries. */
int64_t read_some(uint64_t to, uint64_t size);
/* A few instructions: where the native form of a call ends with STI, an event comes one instruction later. */
static inline void breathe(void)
{
	__asm__ volatile("nop; nop; nop" : : : "memory");
}
/* Interrupts on and off again: what may come has come. */
static inline void let(void)
{
	pv_irq_enable();
	breathe();
	pv_irq_disable();
}

extern uint8_t kernel_stack[]; /* of traps from user mode */
#define KERNEL_STACK_SIZE 16384
#define KERNEL_STACK_TOP ((uint64_t)kernel_stack + KERNEL_STACK_SIZE)

/* RESET_VECTOR is the harness's own. */
enum { TIMER_VECTOR = 32, CONSOLE_VECTOR = 33, IPI_VECTOR = 34, SOFT_VECTOR = 40, HIGH_VECTOR = 60, RESET_VECTOR = 63 };

/* ---- attempt.c ---- */

/* The last exception. */
extern struct caught {
	struct vmi_trap trap;
	uint64_t address; /* for a page fault */
	uint64_t stack; /* RSP of the handler's caller: the lowest address of trap */
	int enabled; /* interrupts in the handler */
	unsigned count;
} caught;

void on_exception(struct vmi_trap *trap); /* the handler of vectors 0 to 31 */
/* 0, or 1 + vector of the exception that ended the code. */
unsigned attempt(void (*code)(uint64_t), uint64_t argument);
/* 0, or 1 + vector; the value goes to *loaded. */
unsigned load(uint64_t address, uint64_t *loaded);
unsigned store(uint64_t address, uint64_t value);
unsigned execute(uint64_t address);
enum { FAULTED = 1 + 14, PROTECTED = 1 + 13 };
int in_rom_text(uint64_t address);

/* Addresses of nothing, for arguments that are addresses. */
#define NOT_CANONICAL 0x8000000000000000ull
#define UNMAPPED TEST_ADDRESS
/* The address of a page that is mapped, with nothing behind it. Needs group mmu. */
uint64_t last_page(void);

/*
 * A call with an address that it must not follow. Good is: the error FAULT or INVALID; or where the ROM follows the
 * address itself a page fault, or a protection fault for one that is not canonical, in the ROM's text (in libvmi's, for
 * a call that stays native). Says what came
 * otherwise. The call is made with interrupts disabled and they stay so.
 */
typedef int64_t hostile_call(uint64_t address);
void refuses_address(const char *sentence, hostile_call *call, uint64_t address);

/* ---- stack.c, harness.S ---- */

struct registers {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
};
#define REGISTERS 15

int try_call(void (*code)(uint64_t), uint64_t argument); /* 1: at try_landing after an exception */
extern uint64_t try_back;
extern char try_landing[];
/* Goes to a context until leave(), whose result it returns. Interrupts are disabled on return. */
int64_t enter(const struct vmi_frame *frame, const struct registers *registers);
_Noreturn void leave(int64_t result);

/* leaf_CALL: with all these registers before, and what they are after. For leaf calls. */
typedef void leaf_call(const struct registers *before, struct registers *after);
/* Which registers a leaf call changes, a bit each, but those that it may: with patterns in all but its arguments. */
uint64_t lost(leaf_call *call, uint64_t rdi, uint64_t rsi, uint64_t may);
enum { LOSES_NONE, LOSES_RAX };
extern struct registers left; /* by the last one */
/*
 * stack_CALL: the call on a stack of its own, interrupts disabled. Bit i set: register i of rbx rbp r12 r13 r14 r15
 * was lost, or 6: DF is set. For calls of both conventions but those that do not return.
 */
typedef uint64_t on_stack(const uint64_t arguments[5], uint64_t *top);
extern uint64_t stack_result; /* RAX after the last one */
/* Checks that a call keeps to its convention: the stack that it uses and the registers that it loses. */
void frugal(on_stack *call, uint64_t a, uint64_t b, uint64_t c);
/* A test of that, for one call: TEST_FRUGAL(EVENT_MASK, event_mask, VMI_SOURCE_SOFT, 0, 0) */
#define TEST_FRUGAL(CALL, call, a, b, c)						\
	on_stack stack_##call;								\
	TEST(CALL, POSITIVE, it_keeps_to_the_stack_and_registers_of_its_convention)	\
	{										\
		frugal(stack_##call, a, b, c);						\
	}
/* The result of a call with these arguments, of which none is cut to 32 bits. */
uint64_t raw_result(on_stack *call, uint64_t a, uint64_t b, uint64_t c);
/* An argument of 32 bits with rubbish where it has nothing. */
#define DIRTY(value) (0xdeadbeef00000000ull | (value))

/* ---- space.c, user.c, program.S ---- */

#define USER_CODE 0x400000ul
#define USER_DATA 0x600000ul
#define USER_STACK 0x800000ul
#define TEST_ADDRESS 0x60000000ul /* of the kernel in every address space; unused */
#define PROGRAM(name) (USER_CODE + ((name) - program_start))
extern char program_start[], program_end[], program_exit[], program_read[], program_write[], program_jump[], program_call[],
	program_call_end[], program_invert_call[], program_invert_trap[], program_many[], program_breakpoints[], program_spin[], program_bases[], program_ud2[], program_cli[],
	program_sti[], program_hlt[], program_in[], program_out[], program_cr3[], program_rdmsr[], program_clts[],
	program_divide[], program_int3[], program_int[], program_iretq[], program_popf[],
	program_spare[], program_compatible[], program_fpu[], program_fpu_late[], program_fpu_late_at[], program_fpu_save[],
	program_fpu_call[], program_fpu_call_at[], program_fpu_trap[], program_fpu_thread[], program_fpu_spin[];

enum { CALL_EXIT = 0x1e };
#define TRAPPED 0x7000 /* result of user_run for an exception: TRAPPED + vector */

uint64_t page_take(void); /* as page_alloc(), from pages given back */
void page_give(uint64_t page);

struct space {
	uint64_t root, code, data, stack; /* guest-physical */
};
struct space space_new(void); /* with a page each at USER_CODE, USER_DATA and USER_STACK */
void space_delete(const struct space *space); /* not the present one */
/* The boot address space, which reset() goes back to. */
extern uint64_t boot_root;

/* A space with the user's programs, made at the first use and kept; entered. */
const struct space *user_space(void);
uint64_t *user_data(void); /* the words of its data page, zero when it was entered */
struct vmi_frame user_frame(uint64_t rip); /* interrupts enabled, RSP at the stack's end */
int64_t user_run(uint64_t rip, uint64_t argument); /* in the present space; of program_exit or TRAPPED + vector */
int64_t user_enter(uint64_t rip, uint64_t rflags, const struct registers *registers);
extern struct vmi_trap user_call; /* the last system call */
extern volatile unsigned user_calls;
struct registers patterns(void); /* each register another value */
struct registers inverted(void); /* what program_invert_* makes of these */
uint64_t differ(const struct vmi_trap *trap, const struct registers *expected); /* which of the 15 registers, a bit each */
#define RCX_R11 (1 << 2 | 1 << 10)

/* ---- beats.c: events at any moment ---- */

extern volatile unsigned beats, user_beats; /* those in user mode */
/* The timer, so many times as far apart as one takes; interrupts are enabled. Then the end of it. */
void beats_begin(unsigned times);
void beats_end(void);

#endif
