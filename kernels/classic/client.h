/* SPDX-License-Identifier: MIT */
/*
 * A kernel that takes a ROM of the classic interface, VMI 3.0, as i386 Linux did from 2.6.21 to 2.6.36: its scan, its
 * questions in their order, its reactions to each answer, its patched call sites. What the core gives to the code on
 * top of it, which defines run().
 */
#ifndef CLASSIC_CLIENT_H
#define CLASSIC_CLIENT_H

#include <vmi/classic.h>

/* ---- layout, for C and assembler ---- */

#define PAGE_OFFSET	0xc0000000
#define LOWMEM		0x02000000	/* bytes of the linear map; a part of memory only, as on a kernel with highmem */
#define HIGH_FRAME	0x2400		/* page frames above it, free for use: 0x2400 .. 0x27ff */
#define FIX_APIC	0xffffb000	/* the local APIC's page in the fixmap */
#define TEST_ADDRESS	0xd0000000	/* of the kernel, not mapped: for tests, 4 MiB */
#define USER_CODE	0x08048000
#define USER_STACK	0xbfffe000	/* its one page */

#define KERNEL_CS	0x60
#define KERNEL_DS	0x68
#define USER_CS		0x73
#define USER_DS		0x7b
#define TSS_SELECTOR	0x80
#define LDT_SELECTOR	0x88
#define CPU_SELECTOR	0xd8		/* FS: struct cpu */
#define GDT_ENTRIES	32

#define IRQ_BASE	0x20		/* vectors of the PICs */
#define FIRST_DEVICE	0x31		/* LVTT of the clockevents generation */
#define LOCAL_TIMER	0xef		/* LVTT of 2.6.21 */
#define SYSTEM_CALL	0x80
#define SPURIOUS	0xff

#define IRET_POISON	0x0badbab0
#define SYSEXIT_POISON	0xfeedbab0

#define FLAG_IF		0x200
#define FLAG_DF		0x400

/* struct cpu */
#define CPU_BACK	0
#define CPU_LANDING	4
#define CPU_SELF	8
#define CPU_TSS		16

/* struct registers */
#define R_EAX		0
#define R_EBX		4
#define R_ECX		8
#define R_EDX		12
#define R_ESI		16
#define R_EDI		20
#define R_EBP		24
#define R_EFLAGS	28
#define R_ESP		32
#define R_SEGMENTS	36

/* types of patch records */
#define SITE_DISABLE	0
#define SITE_ENABLE	1
#define SITE_RESTORE	2
#define SITE_SAVE	3
#define SITE_SAVE_OFF	4
#define SITE_IRET	5
#define SITE_SYSEXIT	6

#ifndef __ASSEMBLER__

#define PAGE 4096u
#define regparm3 __attribute__((regparm(3)))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline void *linear(uint32_t physical)
{
	return (void *)(physical + PAGE_OFFSET);
}

static inline uint32_t physical(const volatile void *address)
{
	return (uint32_t)address - PAGE_OFFSET;
}

/* ---- processors: trap.c ---- */

struct registers {
	uint32_t eax, ebx, ecx, edx, esi, edi, ebp, eflags;
	uint32_t esp; /* after the call, less what it should be */
	uint16_t ds, es, fs, gs, ss, cs;
};

struct trap {
	uint32_t edi, esi, ebp, ebx, edx, ecx, eax;
	uint32_t gs, fs, es, ds;
	uint32_t vector, error;
	uint32_t eip, cs, eflags, esp, ss; /* the last two from user mode only */
};

struct tss {
	uint32_t link, esp0, ss0, rest[22];
	uint16_t trace, bitmap;
} __attribute__((packed));

struct table {
	uint16_t limit;
	uint32_t base;
} __attribute__((packed));

struct cpu {
	uint32_t back; /* stack pointer of the call_registers that is going on */
	uint32_t landing; /* stack pointer of the attempt that is going on, or 0 */
	struct cpu *self;
	uint32_t number;
	struct tss tss;
	struct trap caught; /* the last exception in an attempt */
	uint32_t caught_address;
	uint32_t eflags; /* after the last call_checked */
	uint64_t gdt[GDT_ENTRIES] __attribute__((aligned(8)));
	uint8_t stack[8192] __attribute__((aligned(16)));
	uint8_t trap_stack[8192] __attribute__((aligned(16))); /* of traps from user mode */
};
extern struct cpu cpus[2];
_Static_assert(__builtin_offsetof(struct cpu, self) == CPU_SELF && __builtin_offsetof(struct cpu, tss) == CPU_TSS, "struct cpu");

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__ volatile("movl %%fs:8, %0" : "=r"(cpu));
	return cpu;
}

typedef void (*handler)(struct trap *trap);
extern handler handlers[256];
extern uint64_t idt[256];

void gdt_prepare(struct cpu *cpu); /* and its TSS */
void traps_init(void);
uint64_t segment(uint32_t base, uint32_t limit, uint32_t flags); /* a descriptor; flags: its bits 8 to 23 */
uint64_t gate(void *address, unsigned flags);
/* Runs code; 0, or 1 + vector of the exception that ended it. */
unsigned attempt(void (*code)(uint32_t), uint32_t argument);

/* ---- entry.S ---- */

/* Calls a function with all registers and flags from `r`, the two words on its stack, and puts back what they became. */
regparm3 void call_registers(const void *function, struct registers *r, const uint32_t *words);
/* With arguments as the interface passes them. What must be preserved is checked; `who` names the call if it was not. */
uint64_t call_checked(const char *who, const void *function, uint32_t eax, uint32_t edx, uint32_t ecx, uint32_t word1,
		      uint32_t word2);
regparm3 int try_call(void (*code)(uint32_t), uint32_t argument);
extern char try_landing[], trap_stubs[];
/* To user mode, until a trap handler calls leave_user, whose value it returns. Interrupts are off on return. */
regparm3 uint32_t enter_user(const uint32_t *frame);
regparm3 _Noreturn void leave_user(uint32_t value);

/* ---- print.c ---- */

void print_init(void);
void print(const char *format, ...) __attribute__((format(printf, 1, 2))); /* %s %u %d %x %08x %c, %llu %llx */
_Noreturn void finish(unsigned status);
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2))); /* the kernel ends here: status 1 */
int option(const char *name); /* is a word of the command line */
const char *option_value(const char *name); /* of NAME=VALUE, or 0 */
int word_is(const char *value, const char *word); /* the value, up to a blank, is that word */
void *memcpy(void *to, const void *from, unsigned size), *memset(void *to, int byte, unsigned size);
int memcmp(const void *a, const void *b, unsigned size), strcmp(const char *a, const char *b);
uint64_t divide(uint64_t number, uint32_t by);

/* ---- check.c ---- */

extern unsigned passed, failed;
void subject(const char *name);
void equal(const char *sentence, uint64_t found, uint64_t expected);
void check(const char *sentence, int good);
void each(int good, uint32_t which); /* of a sentence about many things; all() says it */
void all(const char *sentence);

/* ---- scan.c ---- */

extern const struct vmi3_header *rom; /* accepted, or 0 */
extern int paravirtualized; /* its VMI_Init succeeded too */
void scan(void);
int rom_init(void);

/* ---- link.c ---- */

/* The function for each call: the ROM's, or the native one; 0 where there is neither. */
extern const void *ops[VMI3_CALL_COUNT];
extern uint8_t answers[VMI3_CALL_COUNT]; /* of the ROM: types of relocation */
extern const char *const call_names[VMI3_CALL_COUNT];
extern int vmi_timer; /* the time group is in use */
void link_native(void);
void link_rom(void);
uint64_t ask(unsigned number); /* get_reloc */
int from_rom(unsigned number); /* the present op is the ROM's */
/* Calls an op through call_checked. */
uint64_t invoke(unsigned number, uint32_t eax, uint32_t edx, uint32_t ecx, uint32_t word1, uint32_t word2);
#define CALL0(name) invoke(VMI3_CALL_##name, 0x5a5a5a5a, 0xa5a5a5a5, 0x3c3c3c3c, 0x77777777, 0x88888888)
#define CALL1(name, a) invoke(VMI3_CALL_##name, (uint32_t)(a), 0xa5a5a5a5, 0x3c3c3c3c, 0x77777777, 0x88888888)
#define CALL2(name, a, d) invoke(VMI3_CALL_##name, (uint32_t)(a), (uint32_t)(d), 0x3c3c3c3c, 0x77777777, 0x88888888)
#define CALL3(name, a, d, c) invoke(VMI3_CALL_##name, (uint32_t)(a), (uint32_t)(d), (uint32_t)(c), 0x77777777, 0x88888888)
#define CALL4(name, a, d, c, w) \
	invoke(VMI3_CALL_##name, (uint32_t)(a), (uint32_t)(d), (uint32_t)(c), (uint32_t)(w), 0x88888888)
#define CALL5(name, a, d, c, w, x) \
	invoke(VMI3_CALL_##name, (uint32_t)(a), (uint32_t)(d), (uint32_t)(c), (uint32_t)(w), (uint32_t)(x))

/* ---- sites.S, patch.c ---- */

struct site {
	uint8_t *address;
	uint8_t type, length;
	uint16_t clobber;
};
extern const struct site sites_start[], sites_end[];
void patch_sites(void);

/*
 * The sites in C: ECX and EDX are saved around an indirect call, and nothing is once the site is patched. So a ROM that
 * changes a register there changes it in the middle of compiled code.
 */
#define SITE(type, clobber, code) \
	"771: " code "772:\n" \
	".pushsection .parainstructions, \"a\"; .long 771b; .byte " #type ", 772b - 771b; .short " #clobber "; .popsection\n"
#define SITE_CALL(number) "call *ops + 4 * " #number "\n"

static inline void irq_enable(void)
{
	__asm__ volatile(SITE(1, 1, "pushl %%ecx; pushl %%edx; " SITE_CALL(29) "popl %%edx; popl %%ecx;") : : : "eax", "memory", "cc");
}

static inline void irq_disable(void)
{
	__asm__ volatile(SITE(0, 1, "pushl %%ecx; pushl %%edx; " SITE_CALL(30) "popl %%edx; popl %%ecx;") : : : "eax", "memory", "cc");
}

static inline uint32_t irq_flags(void)
{
	uint32_t flags;

	__asm__ volatile(SITE(3, 0, "pushl %%ecx; pushl %%edx; " SITE_CALL(31) "popl %%edx; popl %%ecx;")
			 : "=a"(flags) : : "memory", "cc");
	return flags;
}

static inline void irq_restore(uint32_t flags)
{
	__asm__ volatile(SITE(2, 1, "pushl %%ecx; pushl %%edx; " SITE_CALL(32) "popl %%edx; popl %%ecx;")
			 : "+a"(flags) : : "memory", "cc");
}

static inline uint32_t irq_save(void)
{
	uint32_t flags;

	__asm__ volatile(SITE(4, 0, "pushl %%ecx; pushl %%edx; " SITE_CALL(31) "pushl %%eax; " SITE_CALL(30)
			      "popl %%eax; popl %%edx; popl %%ecx;")
			 : "=a"(flags) : : "memory", "cc");
	return flags;
}

/* ---- paging.c ---- */

extern int pae, nx;
extern uint32_t kernel_root; /* physical: CR3 of the kernel */
enum { PRESENT = 1, WRITABLE = 2, USER = 4, UNCACHED = 0x18, ACCESSED = 0x20, DIRTY = 0x40, LARGE = 0x80, GLOBAL = 0x100 };
#define NO_EXECUTE (1ull << 63)
void paging_init(void); /* leaves the boot page tables */
uint32_t page_alloc(void); /* physical, zeroed, in the linear map */
void *entry_of(uint32_t address, int make); /* its entry of level 1, or 0 */
uint64_t entry_read(const void *entry);
void entry_write(void *entry, uint64_t value); /* natively */
void *directory_entry(uint32_t address);
void page_map(uint32_t address, uint64_t value); /* natively, with flush */

/* ---- clock.c: none of it uses the ROM or the TSC ---- */

#define CLOCK_HZ 3579545
uint32_t clock_now(void); /* ACPI timer, 24 bits */
static inline uint32_t clock_since(uint32_t start)
{
	return (clock_now() - start) & 0xffffff;
}
static inline uint32_t us(uint32_t clocks) /* up to 4.6 s */
{
	return (uint32_t)divide((uint64_t)clocks * 1000000, CLOCK_HZ);
}
void delay(uint32_t microseconds);
uint32_t rtc_seconds(void); /* since 1970, modulo 2^32; reads the CMOS clock by itself */
uint64_t rdtsc(void);

/* ---- irq.c ---- */

extern volatile unsigned irq0_count, lvtt_count[2];
extern uint32_t lvtt_vector; /* of the last interrupt of the local timer */
extern struct trap irq0_last; /* what the last interrupt of the timer's line came into */
void irqs_init(int with_apic);
void watchdog(int on); /* ends the run when it is on for 2 s: around a Halt that may not be woken */
uint32_t apic_read(unsigned offset);
void apic_write(unsigned offset, uint32_t value);
extern int apic; /* the local APIC is mapped and in use */

/* ---- ports ---- */

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

/* ---- what is on top of the core ---- */

int run(void); /* the exit status */

#endif
#endif
