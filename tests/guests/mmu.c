/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage 1 on, 4 KiB granule: identity-mapped, then through pages that lie apart, at EL1 and at EL0, with
 * addresses of both halves. Translation here is the guest's own; salvage must come to the same addresses.
 */
#include "guest.h"

#define VALID     1ul
#define TABLE     3ul
#define PAGE      3ul
#define DEVICE    (0ul << 2) /* MAIR attribute 0: Device-nGnRnE */
#define NORMAL    (1ul << 2) /* attribute 1: Normal, write-back */
#define EL0       (1ul << 6)
#define SHAREABLE (3ul << 8)
#define ACCESSED  (1ul << 10)
#define PXN       (1ul << 53)
#define UXN       (1ul << 54)

#define GIB 0x40000000ul
#define MIB 0x100000ul

/* Two virtual pages in a row, whose frames are not; EL0's code; the same recorder above. */
#define APART 0x0c000000ul
#define USER  0x40200000ul
#define HIGH  0xffffff8000000000ul

typedef uint64_t table[512];
static _Alignas(4096) table low1, low2, ram2, recorder3, apart3, high1;

static void map(void)
{
	uint64_t device = DEVICE | ACCESSED | EL0 | PXN | UXN, memory = NORMAL | SHAREABLE | ACCESSED;

	low1[0] = (uint64_t)low2 | TABLE;
	low1[1] = (uint64_t)ram2 | TABLE;
	/* The first GiB in 2 MiB blocks, but the recorder's in pages. */
	for (uint64_t i = 0; i < 512; i++)
		low2[i] = i * 2 * MIB | device | VALID;
	low2[RECORDER / (2 * MIB)] = (uint64_t)recorder3 | TABLE;
	low2[APART / (2 * MIB)] = (uint64_t)apart3 | TABLE;
	for (uint64_t i = 0; i < 512; i++)
		recorder3[i] = (RECORDER + i * 0x1000) | device | PAGE;
	apart3[0] = (RECORDER + 0x3000) | device | PAGE;
	apart3[1] = (RECORDER + 0x1000) | device | PAGE;
	ram2[0] = RAM | memory | VALID;
	ram2[1] = USER | memory | EL0 | VALID;
	high1[0] = 0 | device | VALID;
}

static void enable(void)
{
	/*
	 * 39-bit addresses for both halves, 4 KiB granules, inner shareable write-back walks, 40-bit
	 * physical.
	 */
	uint64_t tcr =
		25ul | 25ul << 16 | 3ul << 12 | 3ul << 28 | 5ul << 8 | 5ul << 24 | 2ul << 30 | 2ul << 32;
	uint64_t sctlr;

	__asm__ volatile("msr mair_el1, %0\n\tmsr tcr_el1, %1\n\tmsr ttbr0_el1, %2\n\tmsr ttbr1_el1, %3\n\t"
			 "dsb sy\n\ttlbi vmalle1\n\tdsb sy\n\tisb"
			 :
			 : "r"(0xff00ul), "r"(tcr), "r"(low1), "r"(high1)
			 : "memory");
	__asm__ volatile("mrs %0, sctlr_el1" : "=r"(sctlr));
	__asm__ volatile("msr sctlr_el1, %0\n\tisb" : : "r"(sctlr | 1 | 1 << 2 | 1 << 12) : "memory");
}

static void through(uint64_t va, uint64_t ipa, uint64_t value)
{
	uint64_t base = va, x, y;

	__asm__ volatile("stp %1, %2, [%0], #16" : "+&r"(base) : "r"(value), "r"(~value) : "memory");
	EQUAL(base, va + 16);
	EQUAL(read64(ipa), value);
	EQUAL(read64(ipa + 8), ~value);
	__asm__ volatile("ldp %1, %2, [%0, #-16]!" : "+&r"(base), "=&r"(x), "=&r"(y) : : "memory");
	EQUAL(base, va);
	EQUAL(x, value);
	EQUAL(y, ~value);
}

/* One pair, one half in each of two frames that do not follow each other. */
static void across_pages(void)
{
	uint64_t x = 0x1357, y = 0x2468;

	__asm__ volatile("stp %1, %2, [%0]" : : "r"(APART + 0xff8), "r"(x), "r"(y) : "memory");
	EQUAL(read64(RECORDER + 0x3ff8), x);
	EQUAL(read64(RECORDER + 0x1000), y);
	write64(RECORDER + 0x1000, 0xabcd);
	__asm__ volatile("ldp %0, %1, [%2]" : "=&r"(x), "=&r"(y) : "r"(APART + 0xff8) : "memory");
	EQUAL(x, 0x1357);
	EQUAL(y, 0xabcd);
}

/* Copied to EL0's page; x0 is the recorder, x1 a value. Comes back by SVC with the base and what was read. */
__asm__(".text\n"
	"user_begin:\n"
	"	mov x5, x0\n"
	"	stp x1, x5, [x0], #32\n"
	"	ldp x2, x3, [x0, #-32]\n"
	"	ldr x4, [x0, #-24]!\n"
	"	svc #0\n"
	"user_end:\n");
extern const uint32_t user_begin[], user_end[];

static struct frame user;
static uint64_t resume_at;

bool guest_handle(struct frame *frame)
{
	if (EC(frame->esr) != EC_SVC)
		return false;
	user = *frame;
	/* Back to EL1h, behind enter_el0's eret. */
	frame->elr = resume_at;
	frame->spsr = 0x3c5;
	return true;
}

static void at_el0(void)
{
	uint64_t area = RECORDER + 0x200, value = 0x0102030405060708;
	volatile uint32_t *code = (volatile uint32_t *)USER;

	for (unsigned i = 0; i < (unsigned)(user_end - user_begin); i++)
		code[i] = user_begin[i];
	__asm__ volatile("dsb sy\n\tic iallu\n\tdsb sy\n\tisb" : : : "memory");
	/* The stack is EL1's throughout, and the exception saves all the rest. */
	__asm__ volatile("adr x9, 1f\n\tstr x9, [%3]\n\t"
			 "msr elr_el1, %2\n\tmsr spsr_el1, %4\n\t"
			 "mov x0, %0\n\tmov x1, %1\n\teret\n"
			 "1:"
			 :
			 : "r"(area), "r"(value), "r"(USER), "r"(&resume_at), "r"(0x3c0ul)
			 : "x0", "x1", "x2", "x3", "x4", "x5", "x9", "memory");
	EQUAL(user.x[0], area + 8);
	EQUAL(user.x[2], value);
	EQUAL(user.x[3], area);
	EQUAL(user.x[4], area);
	EQUAL(user.spsr & 0xf, 0);
	EQUAL(read64(area), value);
}

void guest_main(uint64_t dtb)
{
	map();
	enable();
	through(RECORDER + 0x40, RECORDER + 0x40, 0x1122334455667788);
	through(APART + 0x1010, RECORDER + 0x1010, 0x99aabbccddeeff00);
	through(HIGH + RECORDER + 0x80, RECORDER + 0x80, 0xf0e1d2c3b4a59687);
	across_pages();
	at_el0();
	/* A hole is one through stage 1 as well, and the FAR is virtual. */
	uint64_t x = 9;
	ABORTS(HIGH + HOLE, "ldr %1, [%2], #8", , "+&r"(x) : "r"(HIGH + HOLE) : "x17", "memory");
	EQUAL(x, 9);
}
