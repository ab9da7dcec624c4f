/* SPDX-License-Identifier: BSD-2-Clause */
/* How long exits take that are nobody's but the VMM's: plain stores to a device. */
#include "virt.h"

#ifndef EXITS
#define EXITS 20000u
#endif

/* UARTILPR, which the device keeps and does nothing with. */
#define KEPT (UART + 0x20)

static uint64_t now(void)
{
	uint64_t ticks;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
	return ticks;
}

void guest_main(uint64_t dtb)
{
	uint64_t start, frequency;

	__asm__("mrs %0, cntfrq_el0" : "=r"(frequency));
	start = now();
	for (unsigned i = 0; i < EXITS; i++)
		write32(KEPT, i);
	start = now() - start;
	EQUAL(read32(KEPT), EXITS - 1);
	guest_print("exits: ");
	print_number(start);
	guest_print(" ticks of ");
	print_number(frequency);
	guest_print(" for ");
	print_number(EXITS);
	guest_print("\n");
}
