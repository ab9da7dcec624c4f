/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver as it should be: accessors, whatever the compiler makes of what lies in memory. */
#include "guest.h"

static uint64_t queue[64];

void guest_main(uint64_t dtb)
{
	guest_print("proper\n");
	for (unsigned i = 0; i < 64; i++)
		queue[i] = i;
	for (unsigned i = 0; i < 16; i++)
		write32(UART + 0x38, read32(UART + 0x38) & (uint32_t)queue[i * 2]);
}
