/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One function for each kind of access that KVM could not decode, to the PL011 of QEMU's "virt", on two
 * vCPUs; accesses to holes; and code that changes. e2e.py knows what lint has to say of each: the line that
 * it has to name carries the function's name in a comment.
 */
#include "guest.h"

/* UARTILPR: of no use, and aligned for all forms. */
#define ILPR (UART + 0x20)

#define FORM(name, text, ...)                                                                             \
	__attribute__((noipa)) static void name(uint64_t address)                                         \
	{                                                                                                 \
		__asm__ volatile(".arch armv8.2-a\n\t" text : "+r"(address) : : "memory", ##__VA_ARGS__); \
	}

FORM(post_indexed, "ldr w1, [%0], #4", "x1")           /* post_indexed */
FORM(pre_indexed, "strh wzr, [%0, #0]!")               /* pre_indexed */
FORM(pair, "ldp w1, w2, [%0]", "x1", "x2")             /* pair */
FORM(vector, "ldr q0, [%0]", "v0")                     /* vector */
FORM(structure, "ld1 {v0.4s}, [%0]", "v0")             /* structure */
FORM(exclusive, "ldxr w1, [%0]", "x1")                 /* exclusive */
FORM(atomic, "ldadd wzr, w1, [%0]", "x1")              /* atomic */
FORM(hole_pair, "stp xzr, xzr, [%0]")                  /* hole_pair */
FORM(hole_plain, "ldr w1, [%0]", "x1")                 /* hole_plain */
FORM(described, "ldr w1, [%0]\n\tstr wzr, [%0]", "x1") /* described */
FORM(on_stack, "stp x1, x2, [sp, #-16]!\n\tldp x1, x2, [sp], #16")

#define TIMES 10000

__attribute__((noipa)) static void often(void)
{
	for (unsigned i = 0; i < TIMES; i++)
		post_indexed(ILPR);
}

static volatile uint32_t second_done;

static void second(void)
{
	often();
	second_done = 1;
}

/* The same place in memory as three instructions, of which the first is no finding. */
static void change(void)
{
	static const uint32_t words[] = {
		0xb9400001, /* ldr w1, [x0] */
		0xb8404401, /* ldr w1, [x0], #4 */
		0x29400801, /* ldp w1, w2, [x0] */
	};
	static uint32_t code[2] __attribute__((aligned(64)));

	for (unsigned i = 0; i < 3; i++) {
		code[0] = words[i];
		code[1] = 0xd65f03c0; /* ret */
		__asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb"
				 :
				 : "r"(code)
				 : "memory");
		__asm__ volatile("mov x0, %0\n\tblr %1"
				 :
				 : "r"(ILPR), "r"(code)
				 : "x0", "x1", "x2", "x30", "memory");
	}
}

void guest_main(uint64_t dtb)
{
	guest_print("forms\n");
	post_indexed(ILPR);
	pre_indexed(ILPR);
	pair(ILPR);
	vector(ILPR);
	structure(ILPR);
	exclusive(ILPR);
	atomic(ILPR);
	hole_pair(HOLE + 8);
	hole_plain(HOLE + 0x1000);
	described(ILPR);
	on_stack(ILPR);
	change();
	if (!guest_psci(PSCI_CPU_ON, 1, (uint64_t)start_secondary, (uint64_t)second)) {
		often();
		while (!second_done)
			;
	}
	guest_print("done\n");
}
