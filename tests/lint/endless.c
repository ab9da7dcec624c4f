/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that has to be killed. */
#include "guest.h"

void guest_main(uint64_t dtb)
{
	uint64_t value;

	__asm__ volatile("ldr %0, [%1], #0" : "=&r"(value) : "r"(UART + 0x18) : "memory");
	guest_print("endless\n");
	for (;;)
		;
}
