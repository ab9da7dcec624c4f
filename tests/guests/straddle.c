/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses that lie across two pages of different kinds, with tables of every granule the CPU has, at EL1 and
 * at EL0: memory, the recorder, a hole, nothing. Either all of an access happens or nothing of it.
 */
#include "guest.h"

#define VALID     1ul
#define TABLE     3ul
#define PAGE      3ul
#define DEVICE    (0ul << 2) /* MAIR attribute 0: Device-nGnRnE */
#define NORMAL    (1ul << 2) /* attribute 1: Normal, write-back */
#define EL0       (1ul << 6)
#define READ_ONLY (1ul << 7)
#define SHAREABLE (3ul << 8)
#define ACCESSED  (1ul << 10)
#define PXN       (1ul << 53)
#define UXN       (1ul << 54)

#define FSC_TRANSLATION_3 0x07
#define FSC_PERMISSION_3  0x0f
#define FSC_ALIGNMENT     0x21

/*
 * Virtual: pages of the granule's size from here on, one behind the other. Below it, addresses are their own.
 */
#define WINDOW 0x200000000ul

enum page {
	MEMORY,        /* STP half here ... */
	RECORDED,      /* ... half there; and from here on to */
	IN_HOLE,       /* nothing behind stage 2 */
	LAST,          /* the recorder, and behind it */
	UNMAPPED,      /* nothing in stage 1 */
	NORMAL_FIRST,  /* the recorder twice, as Normal memory */
	NORMAL_SECOND, /* an element may lie across */
	LOCKED,        /* the recorder, read-only */
	CODE,          /* EL0's */
	PAGES
};

static _Alignas(65536) uint64_t level1[512], level2[8192], window3[8192];
static _Alignas(65536) uint8_t scratch[65536], code_page[65536];

struct granule {
	const char *name;
	unsigned shift;
	uint64_t tg0;       /* TCR_EL1.TG0 */
	uint64_t t0sz;      /* 39 bits with 4 KiB granules; else 36, which begin at level 2 */
	unsigned id_shift;  /* of ID_AA64MMFR0_EL1.TGran */
	uint64_t id_absent; /* and what says that it is not there */
};

static const struct granule granules[] = {
	{"4K", 12, 0, 25, 28, 0xf},
	{"16K", 14, 2, 28, 20, 0},
	{"64K", 16, 1, 28, 24, 0xf},
};

static const struct granule *granule;
static uint64_t size; /* of a page */

static uint64_t page(enum page number)
{
	return WINDOW + number * size;
}

static void map_window(void)
{
	uint64_t device = DEVICE | ACCESSED | EL0 | PXN | UXN | PAGE;
	uint64_t normal = NORMAL | SHAREABLE | ACCESSED | EL0 | PXN | UXN | PAGE;
	uint64_t *window = window3;

	window[MEMORY] = (uint64_t)scratch | normal;
	window[RECORDED] = RECORDER | device;
	window[IN_HOLE] = HOLE | device;
	window[LAST] = RECORDER | device;
	window[UNMAPPED] = 0;
	window[NORMAL_FIRST] = RECORDER | normal;
	window[NORMAL_SECOND] = RECORDER | normal;
	window[LOCKED] = RECORDER | normal | READ_ONLY;
	window[CODE] = (uint64_t)code_page | (normal & ~UXN) | READ_ONLY;
}

static void map(void)
{
	uint64_t block = 1ul << (granule->shift + granule->shift - 3), device = DEVICE | ACCESSED | PXN | UXN;

	for (unsigned i = 0; i < 8192; i++)
		level2[i] = window3[i] = 0;
	map_window();
	if (granule->shift == 12) {
		/* Two tables of level 2 side by side: the first GiB and RAM are blocks of level 1. */
		for (unsigned i = 0; i < 512; i++)
			level1[i] = 0;
		level1[0] = device | VALID;
		level1[1] = RAM | NORMAL | SHAREABLE | ACCESSED | VALID;
		level1[WINDOW >> 30] = (uint64_t)level2 | TABLE;
		level2[0] = (uint64_t)window3 | TABLE;
		return;
	}
	for (uint64_t at = 0; at < RAM; at += block)
		level2[at / block] = at | device | VALID;
	for (uint64_t at = RAM; at < 2 * RAM; at += block)
		level2[at / block] = at | NORMAL | SHAREABLE | ACCESSED | VALID;
	level2[WINDOW / block] = (uint64_t)window3 | TABLE;
}

static void set_mmu(bool on)
{
	uint64_t tcr = granule->t0sz | granule->tg0 << 14 | 3ul << 12 | 5ul << 8 | 1ul << 23 | 2ul << 32,
		 sctlr;
	uint64_t first = (uint64_t)(granule->shift == 12 ? level1 : level2);

	__asm__ volatile("mrs %0, sctlr_el1" : "=r"(sctlr));
	/* SPAN: an exception does not take EL0's pages from EL1. */
	sctlr |= 1ul << 23;
	sctlr = on ? sctlr | 1 | 1 << 2 | 1 << 12 : sctlr & ~(1ul | 1 << 2);
	if (on)
		__asm__ volatile("msr mair_el1, %0\n\tmsr tcr_el1, %1\n\tmsr ttbr0_el1, %2\n\tisb"
				 :
				 : "r"(0xff00ul), "r"(tcr), "r"(first)
				 : "memory");
	__asm__ volatile("dsb sy\n\ttlbi vmalle1\n\tdsb sy\n\tisb\n\tmsr sctlr_el1, %0\n\tisb"
			 :
			 : "r"(sctlr)
			 : "memory");
	__asm__ volatile("tlbi vmalle1\n\tic iallu\n\tdsb sy\n\tisb" : : : "memory");
}

/* What the recorder holds where the accesses go. */
static void clear(void)
{
	for (unsigned i = 0; i < 32; i += 8) {
		write64(RECORDER + i, 0);
		write64(RECORDER + size - 32 + i, 0);
	}
}

static void memory_and_recorder(void)
{
	uint64_t base = page(RECORDED) - 8, x = 0x0102030405060708, y = 0x1112131415161718;
	volatile uint64_t *memory = (volatile uint64_t *)(scratch + size - 8);

	clear();
	*memory = 0;
	__asm__ volatile("stp %1, %2, [%0], #16" : "+&r"(base) : "r"(x), "r"(y) : "memory");
	EQUAL(base, page(RECORDED) + 8);
	EQUAL(*memory, x);
	EQUAL(read64(RECORDER), y);
	*memory = 0x99;
	write64(RECORDER, 0x77);
	__asm__ volatile("ldp %1, %2, [%0, #-16]!" : "+&r"(base), "=&r"(x), "=&r"(y) : : "memory");
	EQUAL(base, page(RECORDED) - 8);
	EQUAL(x, 0x99);
	EQUAL(y, 0x77);
}

/* The recorder and the base are as they were, and the FAR is the hole's. */
static void recorder_and_hole(void)
{
	uint64_t base = page(IN_HOLE) - 8, x = 1, y = 2;

	clear();
	write64(RECORDER + size - 8, 0x55);
	ABORTS(page(IN_HOLE), "stp %2, %3, [%1], #16", , "+&r"(base) : "r"(x), "r"(y) : "x17", "memory");
	EQUAL(base, page(IN_HOLE) - 8);
	EQUAL(read64(RECORDER + size - 8), 0x55);
	ABORTS(page(IN_HOLE), "ldp %2, %3, [%1], #16", , "+&r"(base), "+&r"(x), "+&r"(y) : : "x17", "memory");
	EQUAL(base, page(IN_HOLE) - 8);
	EQUAL(x, 1);
	EQUAL(y, 2);
	/* And from the hole into the recorder. */
	base = page(LAST) - 8;
	ABORTS(page(LAST) - 8, "stp %2, %3, [%1]", , "+&r"(base) : "r"(x), "r"(y) : "x17", "memory");
	EQUAL(read64(RECORDER), 0);
}

static void recorder_and_nothing(void)
{
	uint64_t base = page(UNMAPPED) - 8, x = 1, y = 2;

	clear();
	ABORTS_WITH(FSC_TRANSLATION_3, page(UNMAPPED), "ldp %2, %3, [%1], #16", , "+&r"(base), "+&r"(x),
		    "+&r"(y)
		    :
		    : "x17", "memory");
	EQUAL(base, page(UNMAPPED) - 8);
	EQUAL(x, 1);
	EQUAL(y, 2);
	ABORTS_WITH(FSC_TRANSLATION_3, page(UNMAPPED), "stp %2, %3, [%1]", , "+&r"(base)
		    : "r"(x), "r"(y)
		    : "x17", "memory");
	EQUAL(read64(RECORDER + size - 8), 0);
	/* A store that the second page does not permit. */
	base = page(LOCKED) - 8;
	ABORTS_WITH(FSC_PERMISSION_3, page(LOCKED), "stp %2, %3, [%1]", , "+&r"(base)
		    : "r"(x), "r"(y)
		    : "x17", "memory");
	EQUAL(this_cpu()->esr >> 6 & 1, 1);
	EQUAL(read64(RECORDER + size - 8), 0);
}

static void one_element(void)
{
	uint64_t base = page(NORMAL_SECOND) - 3, x = 0x0807060504030201;

	clear();
	__asm__ volatile("str %1, [%0], #8" : "+&r"(base) : "r"(x) : "memory");
	EQUAL(base, page(NORMAL_SECOND) + 5);
	EQUAL(read64(RECORDER + size - 8), 0x0302010000000000);
	EQUAL(read64(RECORDER), 0x0807060504);
	x = 0;
	__asm__ volatile("ldr %1, [%0, #-8]!" : "+&r"(base), "=&r"(x) : : "memory");
	EQUAL(x, 0x0807060504030201);
}

static void unaligned_device(void)
{
	uint64_t base = page(RECORDED) + 4, x = 3, y = 4;

	clear();
	ABORTS_WITH(FSC_ALIGNMENT, page(RECORDED) + 4, "stp %2, %3, [%1]", , "+&r"(base)
		    : "r"(x), "r"(y)
		    : "x17", "memory");
	EQUAL(this_cpu()->esr >> 6 & 1, 1);
	EQUAL(read64(RECORDER), 0);
	EQUAL(read64(RECORDER + 8), 0);
}

/*
 * EL0: x0 is where, x1 and x2 are stored there and loaded into x3 and x4; comes back by SVC, or by an abort.
 */
__asm__(".text\n"
	"user_begin:\n"
	"	stp x1, x2, [x0], #16\n"
	"	ldp x3, x4, [x0, #-16]!\n"
	"	svc #0\n"
	"user_end:\n");
extern const uint32_t user_begin[], user_end[];

static struct frame user;
static uint64_t resume_at;

bool guest_handle(struct frame *frame)
{
	if (EC(frame->esr) != EC_SVC && EC(frame->esr) != EC_ABORT_EL0)
		return false;
	user = *frame;
	/* Back to EL1h, behind the eret. */
	frame->elr = resume_at;
	frame->spsr = 0x3c5;
	return true;
}

static void run_el0(uint64_t where)
{
	__asm__ volatile("adr x9, 1f\n\tstr x9, [%3]\n\t"
			 "msr elr_el1, %2\n\tmsr spsr_el1, %4\n\t"
			 "mov x0, %0\n\tmov x1, %1\n\tmvn x2, x1\n\tmov x3, #5\n\tmov x4, #6\n\teret\n"
			 "1:"
			 :
			 : "r"(where), "r"(0x4142434445464748ul), "r"(page(CODE)), "r"(&resume_at),
			   "r"(0x3c0ul)
			 : "x0", "x1", "x2", "x3", "x4", "x9", "memory");
}

static void at_el0(void)
{
	for (unsigned i = 0; i < (unsigned)(user_end - user_begin); i++)
		((volatile uint32_t *)code_page)[i] = user_begin[i];
	__asm__ volatile("dsb sy\n\tic iallu\n\tdsb sy\n\tisb" : : : "memory");
	clear();
	run_el0(page(RECORDED) - 8);
	EQUAL(EC(user.esr), EC_SVC);
	EQUAL(user.x[0], page(RECORDED) - 8);
	EQUAL(user.x[3], 0x4142434445464748);
	EQUAL(user.x[4], ~0x4142434445464748ul);
	EQUAL(read64(RECORDER), ~0x4142434445464748ul);

	clear();
	run_el0(page(UNMAPPED) - 8);
	EQUAL(EC(user.esr), EC_ABORT_EL0);
	EQUAL(FSC(user.esr), FSC_TRANSLATION_3);
	EQUAL(user.esr >> 6 & 1, 1);
	EQUAL(user.far, page(UNMAPPED));
	EQUAL(user.elr, page(CODE));
	EQUAL(user.x[0], page(UNMAPPED) - 8);
	EQUAL(read64(RECORDER + size - 8), 0);

	run_el0(page(IN_HOLE) - 8);
	EQUAL(EC(user.esr), EC_ABORT_EL0);
	EQUAL(FSC(user.esr), FSC_EXTERNAL);
	EQUAL(user.far, page(IN_HOLE));
	EQUAL(read64(RECORDER + size - 8), 0);
}

void guest_main(uint64_t dtb)
{
	uint64_t mmfr0;

	__asm__("mrs %0, id_aa64mmfr0_el1" : "=r"(mmfr0));
	for (unsigned i = 0; i < sizeof(granules) / sizeof(*granules); i++) {
		granule = &granules[i];
		size = 1ul << granule->shift;
		if ((mmfr0 >> granule->id_shift & 0xf) == granule->id_absent)
			continue;
		map();
		set_mmu(true);
		memory_and_recorder();
		recorder_and_hole();
		recorder_and_nothing();
		one_element();
		unaligned_device();
		at_el0();
		set_mmu(false);
		guest_print("straddle: done with ");
		guest_print(granule->name);
		guest_print("\n");
	}
}
