/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Times device accesses from inside: one the CPU describes, and others that it does not. Prints "NAME TICKS
 * ACCESSES" lines, which bench/exit.c reads.
 */
#include "guest.h"

#define ACCESSES 400
#define ROUNDS   5

static uint64_t now(void)
{
	uint64_t ticks;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
	return ticks;
}

static void print_decimal(uint64_t value)
{
	if (value >= 10)
		print_decimal(value / 10);
	guest_print((const char[]){(char)('0' + value % 10), 0});
}

/* The shortest of a few rounds: whatever else the machine did only adds. */
#define MEASURE(name, accesses, instruction)                                                       \
	do {                                                                                       \
		uint64_t best = UINT64_MAX;                                                        \
		for (unsigned round = 0; round < ROUNDS; round++) {                                \
			uint64_t start = now(), ticks;                                             \
			for (unsigned i = 0; i < ACCESSES; i++) {                                  \
				register uint64_t x0 __asm__("x0") = RECORDER;                     \
				__asm__ volatile(instruction : "+r"(x0) : : "x1", "x2", "memory"); \
			}                                                                          \
			ticks = now() - start;                                                     \
			best = ticks < best ? ticks : best;                                        \
		}                                                                                  \
		guest_print(name);                                                                 \
		guest_print("\t");                                                                 \
		print_decimal(best);                                                               \
		guest_print("\t");                                                                 \
		print_decimal(ACCESSES);                                                           \
		guest_print("\t");                                                                 \
		print_decimal(accesses);                                                           \
		guest_print("\n");                                                                 \
	} while (0)

void guest_main(uint64_t dtb)
{
	MEASURE("ldr x1, [x0]", 1, "ldr x1, [x0]");
	MEASURE("str x1, [x0]", 1, "str x1, [x0]");
	MEASURE("ldr x1, [x0], #8", 1, "ldr x1, [x0], #8");
	MEASURE("str x1, [x0], #8", 1, "str x1, [x0], #8");
	MEASURE("ldp x1, x2, [x0]", 2, "ldp x1, x2, [x0]");
	MEASURE("stp x1, x2, [x0], #16", 2, "stp x1, x2, [x0], #16");
}
