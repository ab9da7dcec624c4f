/* SPDX-License-Identifier: BSD-2-Clause */
/* Two vCPUs at once on the recorder, each on an area of its own, and on one that they share byte by byte. */
#include "guest.h"

#define ROUNDS 100

static volatile uint64_t ready, done;

static void hammer(uint64_t number)
{
	uint64_t area = RECORDER + number * 0x8000, shared = RECORDER + 0x4000 + number;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t base = area + i * 16, value = number << 32 | i, x, y;

		__asm__ volatile("stp %1, %2, [%0], #16" : "+&r"(base) : "r"(value), "r"(~value) : "memory");
		EQUAL(base, area + i * 16 + 16);
		__asm__ volatile("ldp %1, %2, [%0, #-16]!" : "+&r"(base), "=&r"(x), "=&r"(y) : : "memory");
		EQUAL(base, area + i * 16);
		EQUAL(x, value);
		EQUAL(y, ~value);
		base = shared;
		__asm__ volatile("strb %w1, [%0], #1\n\tldrb %w2, [%0, #-1]!"
				 : "+&r"(base)
				 : "r"(i), "r"(0)
				 : "memory");
		EQUAL(read8(shared), i & 0xff);
	}
	for (uint64_t i = 0; i < ROUNDS; i++)
		EQUAL(read64(area + i * 16), number << 32 | i);
}

static void second(void)
{
	ready = 1;
	hammer(1);
	done = 1;
}

void guest_main(uint64_t dtb)
{
	/* The first vCPU's affinity is 0, the second's 1. */
	EQUAL(guest_psci(PSCI_CPU_ON, 1, (uint64_t)start_secondary, (uint64_t)second), 0);
	while (!ready)
		;
	hammer(0);
	while (!done)
		;
	/* Both are alive; this one ends the run for both. */
}
